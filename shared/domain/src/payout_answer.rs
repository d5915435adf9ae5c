//! What the bank answers to a batch of transfers, and whether it fits.
//!
//! How the file looks is not known here. Whoever reads it hands over its lines, and has them checked
//! against the batch: one result for each of its lines, with its amount and its reference, and no
//! other. An [`Answer`] can be made in no other way.

use crate::{
    error::{Error, FieldError},
    hash::Digest,
    payout::BankReason,
    payout_transfer::{Batch, BatchId},
    reward::RewardId,
};

/// The most faults of an answer that are listed.
pub const MAX_FAULTS: usize = 100;
/// The longest reference of the bank, in characters, as in ISO 20022.
pub const MAX_BANK_REFERENCE_CHARS: usize = 35;

/// What the bank says of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankResult {
    /// Paid, and by what the bank knows it.
    Paid {
        /// The bank's reference.
        reference: String,
    },
    /// Not paid.
    Refused {
        /// Why.
        reason: BankReason,
    },
}

/// A line of an answer, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerLine {
    /// Where it stands in the file, from 1.
    pub at: u64,
    /// The batch that it names.
    pub batch: BatchId,
    /// The line that it names.
    pub number: u64,
    /// The reward that it names.
    pub reference: RewardId,
    /// The amount that it names, in fen.
    pub amount_fen: u64,
    /// What became of it.
    pub result: BankResult,
}

/// Something that is wrong with a file of the bank. It repeats nothing that people wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file, from 1; none when it is about the whole.
    pub line: Option<u64>,
    /// What is wrong.
    pub why: String,
}

impl Fault {
    /// Something wrong on a line of the file.
    pub fn at(line: u64, why: impl Into<String>) -> Self {
        Self { line: Some(line), why: why.into() }
    }

    /// Something wrong with the whole file.
    pub fn of_file(why: impl Into<String>) -> Self {
        Self { line: None, why: why.into() }
    }
}

/// Everything that is wrong with a file of the bank, as bad fields: `/lines/7`, or `/` for the whole.
pub fn refuse(faults: Vec<Fault>) -> Error {
    let field =
        |Fault { line, why }| FieldError::new(line.map_or("/".to_owned(), |line| format!("/lines/{line}")), why);
    Error::Invalid(faults.into_iter().map(field).collect())
}

/// The bank's answer to a batch, checked whole: one result for each of its lines, and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(crate) batch: BatchId,
    pub(crate) file: Digest,
    /// In the order of the batch's lines.
    pub(crate) results: Vec<BankResult>,
    pub(crate) paid_fen: u64,
}

impl Answer {
    /// Checks an answer against its batch. `file` is the SHA-256 of the file that it was read from.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, the first [`MAX_FAULTS`] of it; then nothing is taken of the file.
    pub fn verify(batch: &Batch, file: Digest, lines: Vec<AnswerLine>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut found: Vec<Option<(u64, BankResult)>> = vec![None; batch.lines.len()];
        let mut paid_fen = 0_u64;
        for line in lines {
            let number = line.number;
            let mut wrong = |why: String| faults.push(Fault::at(line.at, why));
            if line.batch != batch.id {
                wrong(format!("is of another batch than {}", batch.id));
                continue;
            }
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let place = index.and_then(|index| Some((batch.lines.get(index)?, found.get_mut(index)?)));
            let Some((ours, place)) = place else {
                wrong(format!("is unknown: the batch has no line {number}"));
                continue;
            };
            if let Some((first, _)) = place {
                wrong(format!("answers line {number} of the batch a second time, after line {first} of the file"));
                continue;
            }
            if line.reference != ours.payout.reward {
                wrong(format!("has another reference than line {number} of the batch"));
            }
            if line.amount_fen != ours.amount_fen {
                wrong(format!("has another amount than line {number} of the batch"));
            }
            if let BankResult::Paid { reference } = &line.result {
                if !is_bank_reference(reference) {
                    let most = MAX_BANK_REFERENCE_CHARS;
                    wrong(format!(
                        "has no reference of the bank of 1 to {most} letters and digits, and '-', '/' and '.' between them"
                    ));
                }
                paid_fen = paid_fen.saturating_add(ours.amount_fen);
            }
            *place = Some((line.at, line.result));
        }
        for (number, _) in (1..).zip(&found).filter(|(_, place): &(u64, _)| place.is_none()) {
            faults.push(Fault::of_file(format!("line {number} of the batch is not answered")));
        }
        faults.truncate(MAX_FAULTS);
        let results = found.into_iter().flatten().map(|(_, result)| result).collect();
        if faults.is_empty() { Ok(Self { batch: batch.id, file, results, paid_fen }) } else { Err(faults) }
    }

    /// The SHA-256 of the file.
    pub fn file(&self) -> Digest {
        self.file
    }

    pub(crate) fn paid_lines(&self) -> usize {
        self.results.iter().filter(|result| matches!(result, BankResult::Paid { .. })).count()
    }
}

fn is_bank_reference(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'.');
    // What begins with a hyphen would be a formula in a spreadsheet.
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && text.len() <= MAX_BANK_REFERENCE_CHARS && text.bytes().all(fits)
}
