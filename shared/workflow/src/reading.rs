//! How a report is opened.

use pingan_domain::{
    access::Reading,
    command::{CommandId, Fingerprint, Receipt},
    error::{Error, Refusal},
    life::Relation,
    media::{MediaId, MediaRef, Rendition},
    member::{Member, MemberId, Role},
    membership::Profile,
    report::{ReportId, check_text},
    task::TaskId,
    territory::NodeId,
};
use pingan_store::{Key, List, Loaded, Page, reports::History};
use uuid::Uuid;

use crate::Workflow;

/// The roles that review.
pub const REVIEWERS: [Role; 3] = [Role::Officer, Role::StationManager, Role::DistrictManager];

/// The longest reason for opening an original, in characters.
pub const MAX_REASON_CHARS: usize = 200;

/// A request to open the sealed original of a medium.
#[derive(Debug)]
pub struct OpenOriginal {
    /// Who asks.
    pub reader: MemberId,
    /// The client's key.
    pub key: Uuid,
    /// The report.
    pub report: ReportId,
    /// Which of its media.
    pub media: MediaId,
    /// What for.
    pub reason: String,
}

impl Workflow {
    /// Opens a report for its own reporter.
    pub async fn open_own(&self, reader: &MemberId, id: ReportId) -> Result<(Member, History), Error> {
        let (loaded, history) =
            futures::try_join!(self.store.load([Key::Member(reader.clone())]), self.store.history(id))?;
        let reader = loaded.actor(reader)?.acting_as(Role::Reporter)?;
        let history = history.filter(|history| history.report.reporter == reader.id).ok_or(Error::NotFound)?;
        Ok((reader, history))
    }

    /// Opens a report for a reviewer, and writes it down before anything is shown.
    pub async fn open_for_review(
        &self,
        reader: &MemberId,
        role: Role,
        id: ReportId,
    ) -> Result<(Member, History), Error> {
        let keys = [Key::Member(reader.clone()), Key::AccessHead(id)];
        let (loaded, history) = futures::try_join!(self.store.load(keys), self.store.history(id))?;
        let profile = loaded.profile(reader)?.ok_or(Refusal::NotAMember)?;
        profile.member.clone().acting_as(role)?;
        let history = history.ok_or(Error::NotFound)?;
        let reader = profile.acting_at(&history.report.node, self.world.now());
        if !Relation::of(&reader, &history.report).may_review() {
            return Err(Error::NotFound);
        }
        let head = loaded.access_head(id)?;
        self.store.record_access(head, id, &reader, &Reading::report(), self.world.now(), None).await?;
        Ok((reader, history))
    }

    /// Finds the clean copy or the thumbnail of a medium of a report for a reviewer, and
    /// writes it down before it is shown. Nobody else has a way to it: the reporter's phone
    /// has the picture anyway, and an account in wrong hands must not show what was sent.
    pub async fn open_media(
        &self,
        reader: &MemberId,
        id: ReportId,
        media: MediaId,
        rendition: Rendition,
    ) -> Result<MediaRef, Error> {
        let keys = [Key::Member(reader.clone()), Key::AccessHead(id), Key::Report(id)];
        let loaded = self.store.load(keys).await?;
        let profile = loaded.profile(reader)?.ok_or(Refusal::NotAMember)?;
        profile.member.clone().acting_as_any(&REVIEWERS)?;
        let (reader, found) = self.media_of(&loaded, &profile, id, media)?;
        found.rendition(rendition).ok_or(Error::NotFound)?;
        let reading = Reading::media(media, rendition, None);
        self.store.record_access(loaded.access_head(id)?, id, &reader, &reading, self.world.now(), None).await?;
        Ok(found)
    }

    /// Finds the clean copy or the thumbnail of a picture of an answer to a task, for those who
    /// run the task, and writes it down before it is shown.
    pub async fn open_media_of_answer(
        &self,
        reader: &MemberId,
        task: TaskId,
        media: MediaId,
        rendition: Rendition,
    ) -> Result<MediaRef, Error> {
        let keys = [Key::Member(reader.clone()), Key::Task(task), Key::Media(media), Key::AccessHead(task)];
        let loaded = self.store.load(keys).await?;
        let reader = loaded.actor(reader)?.acting_as_any(&REVIEWERS)?;
        loaded.task(task)?.filter(|task| task.is_run_by(&reader)).ok_or(Error::NotFound)?;
        let found = loaded.media(media)?.filter(|media| media.task == Some(task));
        let found = found.and_then(|media| media.reference()).ok_or(Error::NotFound)?;
        found.rendition(rendition).ok_or(Error::NotFound)?;
        let reading = Reading::media(media, rendition, None);
        self.store.record_access(loaded.access_head(task)?, task, &reader, &reading, self.world.now(), None).await?;
        Ok(found)
    }

    /// Finds the sealed original of a medium for the district, with the reason that stands in
    /// the trail from then on.
    pub async fn open_original(&self, opening: OpenOriginal) -> Result<MediaRef, Error> {
        let OpenOriginal { reader, key, report: id, media, reason } = opening;
        let mut bad = Vec::new();
        check_text("/reason", &reason, MAX_REASON_CHARS, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        let command = CommandId::new(&reader, key);
        let target = format!("{id}/{media}");
        let receipt = Receipt { command, fingerprint: Fingerprint::of(key, "original", &target, &reason)?, report: id };
        let keys = [Key::Member(reader.clone()), Key::AccessHead(id), Key::Report(id), Key::Receipt(command)];
        let loaded = self.store.load(keys).await?;
        let profile = loaded.profile(&reader)?.ok_or(Refusal::NotAMember)?;
        profile.member.clone().acting_as(Role::DistrictManager)?;
        let (reader, found) = self.media_of(&loaded, &profile, id, media)?;
        // What another district has handed over is its clean copies; the originals are that district's.
        if loaded.report(id)?.is_some_and(|report| report.origin.is_some()) {
            return Err(Error::NotFound);
        }
        let before = loaded.receipt(command)?;
        if before.as_ref().is_some_and(|before| before.fingerprint != receipt.fingerprint) {
            return Err(Error::KeyReused);
        }
        let reading = Reading::media(media, Rendition::Original, Some(reason));
        let receipt = if before.is_none() { Some(&receipt) } else { None };
        self.store.record_access(loaded.access_head(id)?, id, &reader, &reading, self.world.now(), receipt).await?;
        Ok(found)
    }

    /// Loads a member who acts in one role: the first of the two reads of a list.
    pub async fn member(&self, id: &MemberId, role: Role) -> Result<Member, Error> {
        self.store.load([Key::Member(id.clone())]).await?.actor(id)?.acting_as(role)
    }

    /// Loads a reviewer who asks for a list of a node, as they act there: the first of the two
    /// reads of a list. Without a node it is their own.
    pub async fn reviewer_at(
        &self,
        id: &MemberId,
        roles: &[Role],
        node: Option<NodeId>,
    ) -> Result<(Member, NodeId), Error> {
        let profile = self.store.load([Key::Member(id.clone())]).await?.profile(id)?.ok_or(Refusal::NotAMember)?;
        let member = profile.member.clone().acting_as_any(roles)?;
        let node = node.unwrap_or(member.node);
        let acting = profile.acting_at(&node, self.world.now());
        if acting.node.contains(&node) { Ok((acting, node)) } else { Err(Error::NotFound) }
    }

    /// A page of a list for a member that was loaded before.
    pub async fn page(&self, list: List<'_>, reader: &Member, limit: u16, cursor: Option<&str>) -> Result<Page, Error> {
        self.store.list(list, &reader.id, limit, cursor).await
    }

    /// A medium of a report that this member may review, and the member as they act on it.
    fn media_of(
        &self,
        loaded: &Loaded,
        profile: &Profile,
        id: ReportId,
        media: MediaId,
    ) -> Result<(Member, MediaRef), Error> {
        let report = loaded.report(id)?.ok_or(Error::NotFound)?;
        let reader = profile.acting_at(&report.node, self.world.now());
        if !Relation::of(&reader, &report).may_review() {
            return Err(Error::NotFound);
        }
        let found = report.media.into_iter().find(|found| found.id == media).ok_or(Error::NotFound)?;
        Ok((reader, found))
    }
}
