//! What the bank is given for a batch.

use std::{collections::BTreeSet, fmt};

use pingan_domain::{
    code::Code,
    error::Error,
    payout_answer::{Fault, MAX_FAULTS},
    payout_transfer::{Batch, BatchId, MAX_LINES},
    reward::RewardId,
};

use crate::form::{self, TOTAL, fen, guarded, unguarded, yuan};

/// The longest account, in characters.
pub const MAX_ACCOUNT_CHARS: usize = 64;
/// The longest name of a payee, in characters.
pub const MAX_NAME_CHARS: usize = 140;

const COLUMNS: [&str; 6] = ["batch", "line", "account", "name", "amount_yuan", "reference"];

/// To whom a line is paid. What it says is the bank's to judge; it comes back as it was given.
#[derive(Clone, PartialEq, Eq)]
pub struct Payee {
    account: String,
    name: String,
}

/// Why nothing can be paid to somebody. It repeats nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayeeError {
    /// No account, or one of more than [`MAX_ACCOUNT_CHARS`].
    Account,
    /// No name, or one of more than [`MAX_NAME_CHARS`].
    Name,
}

impl Payee {
    /// An account and whose it is. To be asked when a transfer is, so that no batch stops at it.
    pub fn new(account: String, name: String) -> Result<Self, PayeeError> {
        if !(1..=MAX_ACCOUNT_CHARS).contains(&account.chars().count()) {
            return Err(PayeeError::Account);
        }
        if !(1..=MAX_NAME_CHARS).contains(&name.chars().count()) {
            return Err(PayeeError::Name);
        }
        Ok(Self { account, name })
    }

    /// The account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Payee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payee(…)")
    }
}

/// Writes the order for a batch: the same bytes for the same payees, who are those of its lines, in
/// their order.
pub fn write(batch: &Batch, payees: &[Payee]) -> Result<Vec<u8>, Error> {
    if payees.len() != batch.lines.len() {
        return Err(Error::Internal(format!("the batch {} has another number of payees than of lines", batch.id)));
    }
    let rows = (1..).zip(batch.lines.iter().zip(payees)).map(|(number, (line, payee)): (u64, _)| {
        [
            batch.id.to_string(),
            number.to_string(),
            guarded(&payee.account),
            guarded(&payee.name),
            yuan(line.amount_fen),
            line.payout.reward.to_string(),
        ]
    });
    form::write(COLUMNS, rows, |checksum| {
        let count = batch.lines.len().to_string();
        [TOTAL.to_owned(), count, String::new(), String::new(), yuan(batch.amount_fen), checksum]
    })
}

/// An order as the bank reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The batch.
    pub batch: BatchId,
    /// What is to be paid; the number of a line is its place, from 1.
    pub lines: Vec<OrderLine>,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// To whom.
    pub payee: Payee,
    /// How much, in fen.
    pub amount_fen: u64,
    /// What for.
    pub reference: RewardId,
}

/// Reads an order as the bank has to, and pays nothing of one in which anything is wrong.
pub fn read(bytes: &[u8]) -> Result<Order, Vec<Fault>> {
    let sheet = form::read(bytes, COLUMNS).map_err(|fault| vec![fault])?;
    let (mut faults, mut lines, mut batches, mut sum) = (Vec::new(), Vec::new(), BTreeSet::new(), 0_u64);
    for (number, (at, row)) in (1_u64..).zip(&sheet.rows) {
        let field = |column: usize| row.get(column).unwrap_or_default();
        let mut wrong = |why: &str| faults.push(Fault::at(*at, why));
        if field(1) != number.to_string() {
            wrong(&format!("is not line {number} of the batch"));
        }
        let payee = Payee::new(unguarded(field(2)).to_owned(), unguarded(field(3)).to_owned());
        match (Code::parse(field(0)), payee, fen(field(4)), Code::parse(field(5))) {
            (Ok(batch), Ok(payee), Some(amount_fen), Ok(reference)) if amount_fen > 0 => {
                batches.insert(batch);
                sum = sum.saturating_add(amount_fen);
                lines.push(OrderLine { payee, amount_fen, reference });
            }
            _ => wrong("has a field that cannot be read"),
        }
    }
    let (at, total) = &sheet.total;
    if total.get(1) != Some(&sheet.rows.len().to_string()) {
        faults.push(Fault::at(*at, "has another number of lines"));
    }
    if total.get(4) != Some(&yuan(sum)) {
        faults.push(Fault::at(*at, "has another sum"));
    }
    if batches.len() > 1 || sheet.rows.is_empty() || sheet.rows.len() > MAX_LINES {
        faults.push(Fault::of_file(format!("the file is not 1 to {MAX_LINES} lines of one batch")));
    }
    faults.truncate(MAX_FAULTS);
    match batches.pop_first() {
        Some(batch) if faults.is_empty() => Ok(Order { batch, lines }),
        _ => Err(faults),
    }
}
