//! How a command is carried out: one read, one pure decision, one write.
//!
//! When somebody else was faster, it begins again with a fresh read, which then says what
//! to answer: the receipt of the same command, a stale version, or a new decision.

use pingan_domain::{
    Timestamp,
    command::{CommandId, Fingerprint, Receipt},
    decide::{self, Context, Decided, Request},
    error::{Error, Refusal},
    life::Relation,
    media::{self, Media, MediaId},
    member::{MemberId, Role},
    membership::Profile,
    report::{NewReport, Report, ReportId, check_media},
    task::Task,
    task_receipt::check_named,
    territory::NodeId,
};
use pingan_store::{CommitError, Key, Loaded};
use uuid::Uuid;

use crate::Workflow;

/// How often a command begins again before it gives up with [`Error::Busy`].
pub(crate) const MAX_TRIES: usize = 20;

/// A command on a report.
#[derive(Debug)]
pub struct Command {
    /// Who sends it.
    pub actor: MemberId,
    /// The role that the operation is for.
    pub role: Role,
    /// The client's key.
    pub key: Uuid,
    /// The report.
    pub report: ReportId,
    /// The version that the actor has seen, where the operation asks for it.
    pub version: Option<u64>,
    /// What is to be done. The media of an answer are put in from `media`.
    pub request: Request,
    /// The media to attach, with an answer.
    pub media: Vec<MediaId>,
    /// The district, where the operation names one: what lies outside it is not there.
    pub within: Option<NodeId>,
}

impl Workflow {
    /// Takes a new report in. The same key again gives the same report.
    pub async fn submit(&self, author: &MemberId, key: Uuid, new: NewReport) -> Result<Report, Error> {
        let command = CommandId::new(author, key);
        let fingerprint = Fingerprint::of(key, "submit", "", &new)?;
        let now = self.world.now();
        new.validate(now)?;
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let id = command.report_id(attempt);
            let keys = [Key::Member(author.clone()), Key::Receipt(command), Key::Report(id)].into_iter();
            let keys = keys.chain(new.media.iter().copied().map(Key::Media)).chain(new.task.map(Key::Task));
            let loaded = self.store.load(keys).await?;
            let profile = loaded.profile(author)?.ok_or(Refusal::NotAMember)?;
            let author = profile.member.clone().acting_as(Role::Reporter)?;
            if let Some(receipt) = loaded.receipt(command)? {
                return self.repeat(&loaded, &receipt, fingerprint).await;
            }
            // A receipt expires; the report knows the command that made it for as long as it is kept.
            if let Some(report) = loaded.report(id)?.filter(|report| report.created_by == command) {
                return Ok(report);
            }
            if let Some(task) = new.task {
                check_task(loaded.task(task)?.as_ref(), &profile, new.observed_at, now)?;
            }
            let media = media::attach(&new.media, &found(&loaded, &new.media)?, &author.id, &self.media_limits)?;
            let decided = decide::submit(new.clone(), id, &author, media, self.context(command)?)?;
            let receipt = Receipt { command, fingerprint, report: id };
            match self.store.commit(None, &decided, &receipt).await {
                Ok(()) => return Ok(decided.report),
                Err(CommitError::AlreadyDone | CommitError::Stale) => {}
                Err(CommitError::CodeTaken) => attempt += 1,
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Carries out a command on a report and gives the report as it is after. The same
    /// key again gives the report as it is now and changes nothing.
    pub async fn act(&self, command: Command) -> Result<Report, Error> {
        let id = CommandId::new(&command.actor, command.key);
        let target = command.report.to_string();
        let fingerprint = Fingerprint::of(command.key, "act", &target, &(&command.request, &command.media))?;
        let mut bad = Vec::new();
        check_media(&command.media, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        for _ in 0..MAX_TRIES {
            let loaded = self.store.load(keys(&command, id)).await?;
            let profile = loaded.profile(&command.actor)?.ok_or(Refusal::NotAMember)?;
            profile.member.clone().acting_as(command.role)?;
            if let Some(receipt) = loaded.receipt(id)? {
                return self.repeat(&loaded, &receipt, fingerprint).await;
            }
            let report = loaded.report(command.report)?.ok_or(Error::NotFound)?;
            if command.within.as_ref().is_some_and(|district| !district.contains(&report.node)) {
                return Err(Error::NotFound);
            }
            // Whoever stands in for an absent reviewer acts as at the covered node.
            let actor = profile.acting_at(&report.node, self.world.now());
            // Whether the version is stale is not for those to know for whom the report
            // does not exist.
            if matches!(Relation::of(&actor, &report), Relation::Stranger | Relation::Named) {
                return Err(Error::NotFound);
            }
            if command.version.is_some_and(|seen| seen != report.version) {
                return Err(Error::VersionStale(report.version));
            }
            let mut request = command.request.clone();
            if let Request::Answer { media, .. } = &mut request {
                *media =
                    media::attach(&command.media, &found(&loaded, &command.media)?, &actor.id, &self.media_limits)?;
            }
            let original = match &request {
                Request::MarkDuplicate { original, .. } => loaded.report(*original)?,
                _ => None,
            };
            let context = self.context(id)?;
            let decided: Decided = decide::decide(&report, &actor, request, original.as_ref(), context)?;
            let decided = self.with_recalls(decided, &context).await?;
            let receipt = Receipt { command: id, fingerprint, report: report.id };
            match self.store.commit(Some(&report), &decided, &receipt).await {
                Ok(()) => {
                    self.erase_copies(&decided.handovers).await;
                    return Ok(decided.report);
                }
                Err(CommitError::AlreadyDone | CommitError::Stale | CommitError::CodeTaken) => {}
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Answers a command that was carried out before.
    async fn repeat(&self, loaded: &Loaded, receipt: &Receipt, fingerprint: Fingerprint) -> Result<Report, Error> {
        if receipt.fingerprint != fingerprint {
            return Err(Error::KeyReused);
        }
        let report = match loaded.report(receipt.report)? {
            Some(report) => Some(report),
            None => self.store.load([Key::Report(receipt.report)]).await?.report(receipt.report)?,
        };
        report.ok_or(Error::NotFound)
    }

    pub(crate) fn context(&self, command: CommandId) -> Result<Context<'_>, Error> {
        let salt = self.world.random().map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Context { now: self.world.now(), command, salt, policy: &self.policy })
    }
}

/// Checks the task that a report names. One that its reporter does not see is answered as if it
/// did not exist.
fn check_task(
    task: Option<&Task>,
    reporter: &Profile,
    observed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    match task.ok_or(Error::NotFound).and_then(|task| check_named(task, reporter, observed_at, now)) {
        Err(Error::NotFound) => Err(Error::field("/task", "is no task of yours")),
        answer => answer,
    }
}

fn keys(command: &Command, id: CommandId) -> Vec<Key> {
    let mut keys = vec![Key::Member(command.actor.clone()), Key::Receipt(id), Key::Report(command.report)];
    if let Request::MarkDuplicate { original, .. } = command.request {
        keys.push(Key::Report(original));
    }
    keys.extend(command.media.iter().copied().map(Key::Media));
    keys
}

fn found(loaded: &Loaded, media: &[MediaId]) -> Result<Vec<Option<Media>>, Error> {
    media.iter().map(|&id| loaded.media(id)).collect()
}
