//! How reports are handed over, and what both sides and the clock do with hand-overs.

use pingan_domain::{
    Timestamp,
    access::{Access, Reading},
    command::{CommandId, Fingerprint, Receipt},
    decide::{self, Request, clock_member},
    error::{Error, FieldError, Refusal},
    handover::{self, Beside, HandOver, Handover, HandoverEvent, HandoverId, HandoverSide, Receiver, Step},
    hash::Digest,
    life::Relation,
    media::{MediaId, MediaRef, Rendition},
    member::{Member, MemberId, Role},
    report::{Report, ReportId},
    territory::{Level, NodeId},
};
use pingan_store::{
    CommitError, Key, Loaded,
    handovers::{HandoverCommit, HandoverFilter, HandoverList, HandoverPage},
};
use uuid::Uuid;

use crate::{Workflow, commands::MAX_TRIES};

/// The roles that act on what is handed over to them.
pub const RECEIVERS: [Role; 2] = [Role::AgencyHandler, Role::DistrictManager];

/// The most hand-overs that one run of the clock looks at.
pub const MAX_CALLED: u16 = 500;

/// A command that hands a report over.
#[derive(Debug)]
pub struct HandOverCommand {
    /// Who sends it.
    pub actor: MemberId,
    /// The client's key.
    pub key: Uuid,
    /// The district.
    pub district: NodeId,
    /// The report.
    pub report: ReportId,
    /// The version that the actor has seen.
    pub version: u64,
    /// What is handed over, to whom. What it is decided on is put in from what is loaded.
    pub new: HandOver,
}

/// A command on a hand-over.
#[derive(Debug)]
pub struct StepCommand {
    /// Who sends it.
    pub actor: MemberId,
    /// The client's key.
    pub key: Uuid,
    /// On which side the operation is.
    pub side: HandoverSide,
    /// The district that hands over, where the operation names it.
    pub district: Option<NodeId>,
    /// The hand-over.
    pub id: HandoverId,
    /// The version that the actor has seen.
    pub version: u64,
    /// What is to be done.
    pub step: Step,
}

/// A hand-over that was opened, with its history.
#[derive(Debug)]
pub struct OpenedHandover {
    /// Who opened it.
    pub reader: Member,
    /// The hand-over.
    pub handover: Handover,
    /// Its events, oldest first.
    pub events: Vec<HandoverEvent>,
}

impl Workflow {
    /// Hands a report over: the report's event and one hand-over for each receiver, all of it or
    /// nothing. The same key again gives the same hand-overs.
    pub async fn hand_over(&self, command: HandOverCommand) -> Result<(Report, Vec<Handover>), Error> {
        let HandOverCommand { actor, key, district, report: id, version, new } = command;
        let command = CommandId::new(&actor, key);
        let fingerprint = Fingerprint::of(key, "hand over", &id.to_string(), &(&district, &new))?;
        let request = Request::HandOver(Box::new(new.clone()));
        request.validate()?;
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let codes: Vec<HandoverId> =
                (0..).zip(&new.receivers).map(|(number, _)| command.handover_id(number, attempt)).collect();
            let loaded = self.store.load(keys_of(&new, &actor, &district, id, command, &codes)).await?;
            let acting = loaded.actor(&actor)?.acting_as(Role::DistrictManager)?;
            let in_district = |report: &Report| district.contains(&report.node);
            let before = loaded.report(id)?.filter(in_district).ok_or(Error::NotFound)?;
            if matches!(Relation::of(&acting, &before), Relation::Stranger | Relation::Named) {
                return Err(Error::NotFound);
            }
            let there = codes.iter().filter_map(|code| loaded.handover(*code).transpose());
            let there = there.collect::<Result<Vec<_>, _>>()?;
            if let Some(receipt) = loaded.receipt(command)? {
                if receipt.fingerprint != fingerprint {
                    return Err(Error::KeyReused);
                }
                if there.first().is_some_and(|handover| handover.created_by == command) {
                    return Ok((before, there));
                }
            }
            // Another command's hand-over has one of these codes.
            if !there.is_empty() {
                attempt += 1;
                continue;
            }
            if before.version != version {
                return Err(Error::VersionStale(before.version));
            }
            let others = new.receivers.iter().filter_map(|receiver| match receiver {
                Receiver::District { district } => Some(district),
                Receiver::Agency { .. } => None,
            });
            let mut districts = Vec::new();
            for other in others {
                districts.extend(loaded.district(other)?.map(|lists| lists.node));
            }
            let beside =
                Beside { codes, content: loaded.sent_in(id)?, district: loaded.district(&district)?, districts };
            let request = Request::HandOver(Box::new(HandOver { beside, ..new.clone() }));
            let decided = decide::decide(&before, &acting, request, None, self.context(command)?)?;
            let receipt = Receipt { command, fingerprint, report: id };
            match self.store.commit(Some(&before), &decided, &receipt).await {
                Ok(()) => {
                    let made = decided.handovers.into_iter().map(|decided| decided.handover).collect();
                    return Ok((decided.report, made));
                }
                Err(CommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// The report after a decision, with all of its hand-overs called back where the decision does
    /// that. Which they are only the report says, so that this is a second read.
    pub(crate) async fn with_recalls(
        &self,
        decided: decide::Decided,
        context: &decide::Context<'_>,
    ) -> Result<decide::Decided, Error> {
        if decided.recalls().is_none() || decided.report.handovers.is_empty() {
            return Ok(decided);
        }
        let ids = decided.report.handovers.clone();
        let loaded = self.store.load(ids.iter().copied().map(Key::Handover)).await?;
        let found = ids.into_iter().filter_map(|id| loaded.handover(id).transpose());
        decided.with_recalls(&found.collect::<Result<Vec<_>, _>>()?, context)
    }

    /// Erases the copies that other districts have made of what was called back just now. What
    /// fails here the clock does again.
    pub(crate) async fn erase_copies(&self, recalled: &[handover::Decided]) {
        for decided in recalled {
            if let Err(error) = self.erase_copy(&decided.handover).await {
                tracing::warn!(handover.id = %decided.handover.id, error.why = %error, "a copy is not erased yet");
            }
        }
    }

    /// Opens a hand-over for the district that made it, and writes it down before anything is shown.
    pub async fn open_sent(
        &self,
        reader: &MemberId,
        district: &NodeId,
        id: HandoverId,
    ) -> Result<OpenedHandover, Error> {
        let keys = [Key::Member(reader.clone()), Key::AccessHead(id)];
        let (loaded, history) = futures::try_join!(self.store.load(keys), self.store.handover_history(id))?;
        let reader = loaded.actor(reader)?.acting_as(Role::DistrictManager)?;
        let (handover, events) = history
            .filter(|(handover, _)| handover.district == *district)
            .filter(|(handover, _)| handover.side_of(&reader) == Some(HandoverSide::Sender))
            .ok_or(Error::NotFound)?;
        let head = loaded.access_head(id)?;
        self.store.record_access(head, id, &reader, &Reading::handover(), self.world.now(), None).await?;
        Ok(OpenedHandover { reader, handover, events })
    }

    /// Opens a hand-over for its receiver, and writes it down before anything is shown. The first
    /// opening is the receipt, in the same transaction.
    pub async fn open_received(&self, reader: &MemberId, id: HandoverId) -> Result<OpenedHandover, Error> {
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(reader.clone()), Key::AccessHead(id)];
            let (loaded, history) = futures::try_join!(self.store.load(keys), self.store.handover_history(id))?;
            let reader = loaded.actor(reader)?.acting_as_any(&RECEIVERS)?;
            let (handover, mut events) = history
                .filter(|(handover, _)| handover.side_of(&reader) == Some(HandoverSide::Receiver))
                .ok_or(Error::NotFound)?;
            let (head, now) = (loaded.access_head(id)?, self.world.now());
            let Some(decided) = handover::receive(&handover, &reader, now)? else {
                self.store.record_access(head, id, &reader, &Reading::handover(), now, None).await?;
                return Ok(OpenedHandover { reader, handover, events });
            };
            let (access, next) = Access::after(head, id, (&reader.id, reader.role), &Reading::handover(), now)?;
            let access = Some((head, &access, next));
            let commit = HandoverCommit { decided: &decided, receipt: None, access, copy: None };
            match self.store.commit_handover(&commit).await {
                Ok(()) => {
                    events.push(decided.event);
                    return Ok(OpenedHandover { reader, handover: decided.handover, events });
                }
                Err(CommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Takes a step of a hand-over, and gives it as it is after. The same key again gives it as it
    /// is now and changes nothing.
    pub async fn step_handover(&self, command: StepCommand) -> Result<Handover, Error> {
        let StepCommand { actor, key, side, district, id, version, step } = command;
        let command = CommandId::new(&actor, key);
        let fingerprint = Fingerprint::of(key, "step of hand-over", &id.to_string(), &(side, &step))?;
        let roles: &[Role] = if side == HandoverSide::Sender { &[Role::DistrictManager] } else { &RECEIVERS };
        let copied_to = match &step {
            Step::Accept { node } => node.as_ref(),
            _ => None,
        };
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let copy = copied_to.map(|_| command.report_id(attempt));
            let lists = copied_to.and_then(|node| node.at(Level::District)).map(Key::District);
            let keys = [Key::Member(actor.clone()), Key::Receipt(command), Key::Handover(id)];
            let keys = keys.into_iter().chain(lists).chain(copy.map(Key::Report));
            let loaded = self.store.load(keys).await?;
            let acting = loaded.actor(&actor)?.acting_as_any(roles)?;
            let before = loaded.handover(id)?.filter(|handover| handover.side_of(&acting) == Some(side));
            let named = |handover: &Handover| district.as_ref().is_none_or(|district| handover.district == *district);
            let before = before.filter(named).ok_or(Error::NotFound)?;
            if let Some(receipt) = loaded.receipt(command)? {
                return if receipt.fingerprint == fingerprint { Ok(before) } else { Err(Error::KeyReused) };
            }
            if before.version != version {
                return Err(Error::VersionStale(before.version));
            }
            let context = self.context(command)?;
            let decided = handover::take(&before, &acting, side, &step, copy, &context)?;
            let copied = match (copied_to, copy) {
                (Some(node), Some(copy)) => {
                    check_community(&loaded, &before, node)?;
                    let extract = before.extract.as_ref().ok_or(Refusal::WrongHandoverState)?;
                    Some(decide::submit_copy(&before, extract, copy, node.clone(), &acting, context)?)
                }
                _ => None,
            };
            let receipt = Receipt { command, fingerprint, report: before.report };
            let commit =
                HandoverCommit { decided: &decided, receipt: Some(&receipt), access: None, copy: copied.as_ref() };
            match self.store.commit_handover(&commit).await {
                Ok(()) => {
                    self.erase_copies(std::slice::from_ref(&decided)).await;
                    return Ok(decided.handover);
                }
                Err(CommitError::CodeTaken) => attempt += 1,
                Err(CommitError::AlreadyDone | CommitError::Stale) => {}
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Finds the clean copy of a medium that was handed over, for the receiver, and writes it down
    /// before it is shown. What was refused or recalled is closed.
    pub async fn open_media_of_handover(
        &self,
        reader: &MemberId,
        id: HandoverId,
        media: MediaId,
    ) -> Result<MediaRef, Error> {
        let keys = [Key::Member(reader.clone()), Key::Handover(id), Key::AccessHead(id)];
        let loaded = self.store.load(keys).await?;
        let reader = loaded.actor(reader)?.acting_as_any(&RECEIVERS)?;
        let handover = loaded
            .handover(id)?
            .filter(|handover| handover.side_of(&reader) == Some(HandoverSide::Receiver))
            .filter(Handover::is_open_to_receiver)
            .ok_or(Error::NotFound)?;
        let given = handover.extract.into_iter().flat_map(|extract| extract.media).find(|given| given.id == media);
        let given = given.filter(|given| given.rendition(Rendition::Working).is_some()).ok_or(Error::NotFound)?;
        let reading = Reading::media(media, Rendition::Working, None);
        self.store.record_access(loaded.access_head(id)?, id, &reader, &reading, self.world.now(), None).await?;
        Ok(given)
    }

    /// A page of what a district has handed over.
    pub async fn sent_handovers(
        &self,
        reader: &MemberId,
        district: &NodeId,
        filter: HandoverFilter,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<HandoverPage, Error> {
        let reader = self.member(reader, Role::DistrictManager).await?;
        if reader.node != *district {
            return Err(Error::NotFound);
        }
        self.store.handovers(HandoverList::Sent(district), filter, &reader.id, limit, cursor).await
    }

    /// A page of what was handed over to the reader's agency or district.
    pub async fn received_handovers(
        &self,
        reader: &MemberId,
        filter: HandoverFilter,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<HandoverPage, Error> {
        let reader = self.store.load([Key::Member(reader.clone())]).await?.actor(reader)?.acting_as_any(&RECEIVERS)?;
        let receiver = match (reader.role, reader.agency.clone()) {
            (Role::AgencyHandler, Some(agency)) => Receiver::Agency { agency },
            // Whom no agency was given yet gets nothing.
            (Role::AgencyHandler, None) => return Ok(HandoverPage { items: Vec::new(), next: None }),
            _ => Receiver::District { district: reader.node.clone() },
        };
        let list = HandoverList::Received(&receiver, &reader.node);
        self.store.handovers(list, filter, &reader.id, limit, cursor).await
    }

    /// What the clock has to do with hand-overs, in all districts: it reminds receivers whose
    /// deadline has passed, tells the districts of what is long overdue, does the same for erasures
    /// that are not confirmed, and erases copies of what was recalled. It looks at `limit` hand-overs
    /// at most, at [`MAX_CALLED`] whatever is asked, those that have waited longest first, and says
    /// with how many something was done.
    ///
    /// To be called as often as anyone likes: what was done is an event, and is not due again. One
    /// hand-over that fails keeps no other from its turn; the first failure is answered at the end.
    pub async fn handover_clock(&self, now: Timestamp, limit: u16) -> Result<usize, Error> {
        let due = self.store.due_handovers(now, limit.min(MAX_CALLED)).await?;
        let (mut done, mut failed) = (0, None);
        for (id, found) in due {
            let came = match found {
                Ok(handover) if handover.copy_to_erase().is_some() => self.erase_copy(&handover).await,
                Ok(handover) => self.call(&handover, now).await,
                Err(error) => Err(error),
            };
            match came {
                Ok(true) => done += 1,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(handover.id = %id, error.why = %error, "the clock could not call");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(done), Err)
    }

    async fn call(&self, handover: &Handover, now: Timestamp) -> Result<bool, Error> {
        let Some(decided) = handover::come(handover, now, &self.policy)? else { return Ok(false) };
        let commit = HandoverCommit { decided: &decided, receipt: None, access: None, copy: None };
        match self.store.commit_handover(&commit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Failed(error)) => Err(error),
            // Somebody has just done something with it; the next run looks again.
            Err(_) => Ok(false),
        }
    }

    /// Erases the copy that the receiving district has made of a hand-over that was recalled, with
    /// everything that it was handed on as. It cannot be erased in the transaction of the recall:
    /// together they can be more than one transaction takes.
    async fn erase_copy(&self, recalled: &Handover) -> Result<bool, Error> {
        let id = recalled.id;
        let key = Digest::of(&[b"erase the copy of", id.as_str().as_bytes()]);
        let key = Uuid::from_slice(&key.bytes()[..16]).map_err(|error| Error::Internal(error.to_string()))?;
        let command = CommandId::new(&MemberId::clock(), key);
        let fingerprint = Fingerprint::of(key, "erase copy", &id.to_string(), &())?;
        let Some(copy) = recalled.copy_to_erase() else { return Ok(false) };
        for _ in 0..MAX_TRIES {
            let loaded = self.store.load([Key::Handover(id), Key::Report(copy)]).await?;
            let before = loaded.handover(id)?.filter(|handover| handover.copy_to_erase().is_some());
            let Some(before) = before else { return Ok(false) };
            let context = self.context(command)?;
            let erased = handover::copy_erased(&before, context.now)?;
            let there = loaded.report(copy)?.filter(|report| report.erased_at.is_none());
            let committed = if let Some(report) = there {
                let clock = clock_member(report.node.clone());
                let decided = decide::decide(&report, &clock, Request::Recall, None, context)?;
                let mut decided = self.with_recalls(decided, &context).await?;
                decided.handovers.push(erased);
                let receipt = Receipt { command, fingerprint, report: copy };
                self.store.commit(Some(&report), &decided, &receipt).await
            } else {
                // Its own district was faster.
                let commit = HandoverCommit { decided: &erased, receipt: None, access: None, copy: None };
                self.store.commit_handover(&commit).await
            };
            match committed {
                Ok(()) => return Ok(true),
                Err(CommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// Everything that a hand-over is decided on, in one read.
fn keys_of(
    new: &HandOver,
    actor: &MemberId,
    district: &NodeId,
    report: ReportId,
    command: CommandId,
    codes: &[HandoverId],
) -> Vec<Key> {
    let mut keys = vec![
        Key::Member(actor.clone()),
        Key::Receipt(command),
        Key::Report(report),
        Key::Content(report, 1, 0),
        Key::District(district.clone()),
    ];
    keys.extend(new.receivers.iter().filter_map(|receiver| match receiver {
        Receiver::District { district } => Some(Key::District(district.clone())),
        Receiver::Agency { .. } => None,
    }));
    keys.extend(codes.iter().copied().map(Key::Handover));
    keys
}

/// A copy is made for a community of the receiving district, and an agency makes none.
fn check_community(loaded: &Loaded, handover: &Handover, node: &NodeId) -> Result<(), Error> {
    let Receiver::District { district } = &handover.receiver else {
        return Err(Error::field("/node", "is for districts, which have communities of their own"));
    };
    let known = loaded.district(district)?.is_some_and(|lists| lists.has(node));
    if known && node.level() == Level::Community && district.contains(node) {
        Ok(())
    } else {
        Err(Error::Invalid(vec![FieldError::new("/node", "is no community of your district")]))
    }
}
