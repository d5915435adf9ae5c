//! Retries: the identity of a command, made from who sends it and the key they chose.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{code::Code, hash::Digest, member::MemberId, report::ReportId};

/// The identity of a command: the same member with the same `Idempotency-Key` gives the
/// same command, however often the phone sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(Digest);

impl CommandId {
    /// The command that `member` sends under `key`.
    pub fn new(member: &MemberId, key: uuid::Uuid) -> Self {
        Self(Digest::of(&[b"command", member.as_str().as_bytes(), key.as_bytes()]))
    }

    /// The command with which the clock acts on this version of a report: however often and
    /// however many times at once the clock comes, it is one.
    pub fn of_clock(report: ReportId, version: u64) -> Self {
        Self(Digest::of(&[b"clock", report.as_str().as_bytes(), &version.to_be_bytes()]))
    }

    /// The command that does what the bank says of this line of a batch: however often its
    /// answer is read, it is one.
    pub fn of_batch_line(batch: Code, line: u16) -> Self {
        Self(Digest::of(&[b"batch line", batch.as_str().as_bytes(), &line.to_be_bytes()]))
    }

    /// The command with which a run of a period award proposes the reward of a member: however
    /// often the run comes to it, it is one.
    pub fn of_award(run: &Digest, member: &MemberId) -> Self {
        Self(Digest::of(&[b"award", run.bytes(), member.as_str().as_bytes()]))
    }

    /// The code of the report that this command creates. Codes have 45 bits, so that once
    /// in many years two commands share one; `attempt` then gives the next candidate.
    pub fn report_id(&self, attempt: u8) -> ReportId {
        Code::from_digest(&Digest::of(&[b"report", self.0.bytes(), &[attempt]]))
    }

    /// The pseudonym of the member that this command makes; `attempt` gives the next
    /// candidate when another member has it.
    pub fn pseudonym(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"pseudonym of", self.0.bytes(), &[attempt]]))
    }

    /// The code of the invite that this command makes.
    pub fn invite_code(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"invite", self.0.bytes(), &[attempt]]))
    }

    /// The code of the task that this command makes.
    pub fn task_id(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"task", self.0.bytes(), &[attempt]]))
    }

    /// The code of the outcome that this command records.
    pub fn outcome_id(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"outcome", self.0.bytes(), &[attempt]]))
    }

    /// The code of the hand-over to the receiver of this number that this command makes.
    pub fn handover_id(&self, number: u8, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"hand-over", self.0.bytes(), &[number, attempt]]))
    }

    /// The code of the briefing that this command asks for.
    pub fn briefing_id(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"briefing", self.0.bytes(), &[attempt]]))
    }

    /// The code of the export that this command asks for.
    pub fn export_id(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"export", self.0.bytes(), &[attempt]]))
    }

    /// The code of the batch of transfers that this command makes.
    pub fn batch_id(&self, attempt: u8) -> Code {
        Code::from_digest(&Digest::of(&[b"batch", self.0.bytes(), &[attempt]]))
    }

    /// The identifier of the opening that this command asks for.
    pub fn opening_id(&self) -> uuid::Uuid {
        self.uuid(b"opening")
    }

    /// The identifier of the medium that this command announces.
    pub fn media_id(&self) -> uuid::Uuid {
        self.uuid(b"media")
    }

    fn uuid(&self, of: &[u8]) -> uuid::Uuid {
        let digest = Digest::of(&[of, self.0.bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.bytes()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a command asked for: the same key with another fingerprint is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// The fingerprint of an operation on a target with this decoded body. Decoding first
    /// makes white space and the order of fields not count.
    ///
    /// The client's key is part of it. Nothing keeps the key itself, so that a receipt that
    /// outlives an erased text cannot be used to check guesses at that text.
    pub fn of<T: Serialize>(
        key: uuid::Uuid,
        operation: &str,
        target: &str,
        body: &T,
    ) -> Result<Self, crate::error::Error> {
        let body = serde_json::to_vec(body).map_err(|error| crate::error::Error::Internal(error.to_string()))?;
        Ok(Self(Digest::of(&[b"fingerprint", key.as_bytes(), operation.as_bytes(), target.as_bytes(), &body])))
    }
}

/// What is kept of a command that was carried out, so that repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The command.
    pub command: CommandId,
    /// What it asked for.
    pub fingerprint: Fingerprint,
    /// The report it acted on.
    pub report: ReportId,
}
