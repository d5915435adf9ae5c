//! What the bank answers to a batch.

use pingan_domain::{
    code::Code,
    error::Error,
    named::Named as _,
    payout::BankReason,
    payout_answer::{Answer, AnswerLine, BankResult, Fault, MAX_FAULTS},
    payout_transfer::Batch,
};

use crate::{
    form::{self, Sheet, TOTAL, fen, yuan},
    order::Order,
};

const COLUMNS: [&str; 7] = ["batch", "line", "reference", "amount_yuan", "status", "reason", "bank_reference"];
const PAID: &str = "paid";
const REFUSED: &str = "refused";

/// Reads an answer and checks it against its batch. Nothing is to be taken of one with a fault.
pub fn read(bytes: &[u8], batch: &Batch) -> Result<Answer, Vec<Fault>> {
    let sheet = form::read(bytes, COLUMNS).map_err(|fault| vec![fault])?;
    let (mut faults, mut lines) = (Vec::new(), Vec::new());
    for (at, row) in &sheet.rows {
        let field = |column: usize| row.get(column).unwrap_or_default();
        match line_of(*at, &field) {
            Ok(line) => lines.push(line),
            Err(column) => {
                let column = COLUMNS.get(column).copied().unwrap_or_default();
                faults.push(Fault::at(*at, format!("the {column} cannot be read")));
            }
        }
    }
    if faults.is_empty() {
        check_totals(&sheet, &lines, &mut faults);
    }
    // What does not fit the batch is told along with totals that do not fit the lines.
    let answer = if faults.is_empty() || lines.len() == sheet.rows.len() {
        Answer::verify(batch, sheet.file, lines).map_err(|more| faults.extend(more)).ok()
    } else {
        None
    };
    faults.truncate(MAX_FAULTS);
    answer.filter(|_| faults.is_empty()).ok_or(faults)
}

/// A line; or the column that cannot be read.
fn line_of<'a>(at: u64, field: &impl Fn(usize) -> &'a str) -> Result<AnswerLine, usize> {
    let batch = Code::parse(field(0)).map_err(|_| 0_usize)?;
    let number = field(1).parse::<u64>().ok().filter(|number| number.to_string() == field(1)).ok_or(1_usize)?;
    let reference = Code::parse(field(2)).map_err(|_| 2_usize)?;
    let amount_fen = fen(field(3)).ok_or(3_usize)?;
    let (reason, bank_reference) = (field(5), field(6));
    let result = match field(4) {
        PAID if reason.is_empty() => BankResult::Paid { reference: bank_reference.to_owned() },
        REFUSED if bank_reference.is_empty() => {
            BankResult::Refused { reason: BankReason::from_name(reason).ok_or(5_usize)? }
        }
        PAID => return Err(5),
        REFUSED => return Err(6),
        _ => return Err(4),
    };
    Ok(AnswerLine { at, batch, number, reference, amount_fen, result })
}

fn check_totals(sheet: &Sheet, lines: &[AnswerLine], faults: &mut Vec<Fault>) {
    let (at, total) = &sheet.total;
    let totals = totals(lines.iter().map(|line| (line.amount_fen, &line.result)));
    let what = [
        (1, "number of lines"),
        (3, "sum of what was paid"),
        (4, "number of paid lines"),
        (5, "number of refused lines"),
    ];
    for ((column, what), ours) in what.into_iter().zip(totals) {
        if total.get(column) != Some(ours.as_str()) {
            faults.push(Fault::at(*at, format!("has another {what} than the lines before it: {ours}")));
        }
    }
}

/// The number of lines, the sum of what was paid, the number of paid and that of refused lines.
fn totals<'a>(lines: impl Iterator<Item = (u64, &'a BankResult)>) -> [String; 4] {
    let (mut count, mut paid, mut sum) = (0_u64, 0_u64, 0_u64);
    for (amount_fen, result) in lines {
        count += 1;
        if matches!(result, BankResult::Paid { .. }) {
            paid += 1;
            sum = sum.saturating_add(amount_fen);
        }
    }
    [count.to_string(), yuan(sum), paid.to_string(), (count - paid).to_string()]
}

/// Writes the answer to an order, as the bank has to: one result for each of its lines.
pub fn write(order: &Order, results: &[BankResult]) -> Result<Vec<u8>, Error> {
    if results.len() != order.lines.len() {
        return Err(Error::Internal("there is another number of results than of lines".to_owned()));
    }
    let rows = (1..).zip(order.lines.iter().zip(results)).map(|(number, (line, result)): (u64, _)| {
        let (status, reason, reference) = match result {
            BankResult::Paid { reference } => (PAID, "", reference.as_str()),
            BankResult::Refused { reason } => (REFUSED, reason.name(), ""),
        };
        let (batch, number) = (order.batch.to_string(), number.to_string());
        let amount = yuan(line.amount_fen);
        let [status, reason, reference] = [status, reason, reference].map(ToOwned::to_owned);
        [batch, number, line.reference.to_string(), amount, status, reason, reference]
    });
    let [count, sum, paid, refused] = totals(order.lines.iter().map(|line| line.amount_fen).zip(results));
    form::write(COLUMNS, rows, |checksum| [TOTAL.to_owned(), count, String::new(), sum, paid, refused, checksum])
}
