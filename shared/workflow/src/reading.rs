//! How a report is opened.

use pingan_domain::{
    access::Opened,
    error::Error,
    life::Relation,
    media::{MediaId, MediaRef},
    member::{Member, MemberId, Role},
    report::ReportId,
};
use pingan_store::{Key, List, Page, reports::History};

use crate::Workflow;

/// The roles that review.
pub const REVIEWERS: [Role; 3] = [Role::Officer, Role::StationManager, Role::DistrictManager];

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
        let reader = loaded.actor(reader)?.acting_as(role)?;
        let history =
            history.filter(|history| Relation::of(&reader, &history.report).may_review()).ok_or(Error::NotFound)?;
        let head = loaded.access_head(id)?;
        self.store.record_access(head, id, &reader, Opened::Report, None, self.world.now()).await?;
        Ok((reader, history))
    }

    /// Finds a medium of a report for a reviewer, and writes it down before it is shown.
    /// Nobody else has a way to it: the reporter's phone has the picture anyway, and an
    /// account in wrong hands must not show what was sent.
    pub async fn open_media(&self, reader: &MemberId, id: ReportId, media: MediaId) -> Result<MediaRef, Error> {
        let keys = [Key::Member(reader.clone()), Key::AccessHead(id), Key::Report(id)];
        let loaded = self.store.load(keys).await?;
        let reader = loaded.actor(reader)?.acting_as_any(&REVIEWERS)?;
        let found = loaded
            .report(id)?
            .filter(|report| Relation::of(&reader, report).may_review())
            .and_then(|report| report.media.into_iter().find(|found| found.id == media))
            .ok_or(Error::NotFound)?;
        let head = loaded.access_head(id)?;
        self.store.record_access(head, id, &reader, Opened::Media, Some(media), self.world.now()).await?;
        Ok(found)
    }

    /// Loads a member who acts in one role: the first of the two reads of a list.
    pub async fn member(&self, id: &MemberId, role: Role) -> Result<Member, Error> {
        self.store.load([Key::Member(id.clone())]).await?.actor(id)?.acting_as(role)
    }

    /// A page of a list for a member that was loaded before.
    pub async fn page(&self, list: List<'_>, reader: &Member, limit: u16, cursor: Option<&str>) -> Result<Page, Error> {
        self.store.list(list, &reader.id, limit, cursor).await
    }
}
