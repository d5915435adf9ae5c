//! How people are told: the inbox that everybody has, and the channel that each chooses.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use email_address::EmailAddress;
use jiff::Timestamp;
use pingan_cloud::Address;
use pingan_domain::{
    channel::{Channel, Means, Platform, QuietHours},
    code::Code,
    error::{Error, FieldError, Refusal},
    member::{Member, MemberId, MemberState, Role},
    membership::{self, Change, Profile, check_means},
    named::Named as _,
    notice::{About, Notice},
    report::Urgency,
    task::TaskId,
    task_receipt::TaskReceipt,
    tasking::TaskAction,
};
use pingan_http::{Body, PageQuery, Problem, Query, Subject, page, schema};
use pingan_membership::{MAX_TRIES, views::TextView};
use pingan_store::{
    Key,
    members::{MemberCommit, MemberCommitError},
    notices::InboxPage,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Members;

/// The longest token of a device, in characters.
const MAX_TOKEN_CHARS: usize = 4_096;
/// The longest e-mail address, in characters (RFC 5321, 4.5.3.1.3).
const MAX_ADDRESS_CHARS: usize = 254;

/// The hours in which nothing but an emergency is sent; from 22 to 7 as far as nothing is said.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"from": 22, "to": 7}))]
pub(crate) struct QuietHoursView {
    /// The hour of the district's day with which they begin, from 0 to 23.
    #[schema(maximum = 23)]
    from: u8,
    /// The hour with which they end. With `from` itself there are none.
    #[schema(maximum = 23)]
    to: u8,
}

impl Default for QuietHoursView {
    fn default() -> Self {
        QuietHours::default().into()
    }
}

impl From<QuietHours> for QuietHoursView {
    fn from(QuietHours { from, to }: QuietHours) -> Self {
        Self { from, to }
    }
}

/// How you want to be told.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "means", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ChannelBody {
    /// By the inbox alone.
    None {},
    /// By text message to the number that you were recruited with; for staff.
    Sms {
        /// Quiet hours.
        #[serde(default)]
        quiet_hours: QuietHoursView,
    },
    /// By e-mail; for staff. The mailbox is asked first.
    Email {
        /// The address. It is not kept here: SNS alone has it.
        #[schema(max_length = 254)]
        address: String,
        /// Quiet hours.
        #[serde(default)]
        quiet_hours: QuietHoursView,
    },
    /// By a notification of the app on this device.
    Device {
        /// The service that reaches the device.
        #[schema(schema_with = schema::platform)]
        platform: String,
        /// The token that the service gave to the app; at most 4096 characters.
        #[schema(max_length = 4096)]
        token: String,
        /// Quiet hours.
        #[serde(default)]
        quiet_hours: QuietHoursView,
    },
}

/// How you are told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// By what, beside the inbox; nothing for the inbox alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::means)]
    means: Option<Means>,
    /// When not.
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_hours: Option<QuietHoursView>,
}

impl From<Option<&Channel>> for ChannelView {
    fn from(channel: Option<&Channel>) -> Self {
        Self {
            means: channel.map(|channel| channel.means),
            quiet_hours: channel.map(|channel| channel.quiet_hours.into()),
        }
    }
}

/// By which channel you are told.
#[utoipa::path(
    get,
    path = "/me/channel",
    responses((status = 200, description = "The channel", body = ChannelView)),
)]
pub(crate) async fn read_channel(
    State(members): State<Members>,
    Subject(reader): Subject,
) -> Result<Response, Problem> {
    let loaded = members.registry.store.load([Key::Member(reader.clone())]).await?;
    let profile = loaded.profile(&reader)?.ok_or(Refusal::NotAMember).map_err(Error::from)?;
    profile.member.state.may_act()?;
    Ok(show(&profile))
}

/// Chooses the channel by which you are told, in place of the one before. Whatever it is,
/// everything stands in your inbox as well. The same again changes nothing.
#[utoipa::path(
    put,
    path = "/me/channel",
    request_body(content = ChannelBody, example = json!({"means": "sms", "quiet_hours": {"from": 23, "to": 6}})),
    responses((status = 200, description = "Chosen", body = ChannelView)),
)]
pub(crate) async fn choose_channel(
    State(members): State<Members>,
    Subject(actor): Subject,
    Body(body): Body<ChannelBody>,
) -> Result<Response, Problem> {
    let profile = members.choose_channel(&actor, &body).await?;
    Ok(show(&profile))
}

fn show(profile: &Profile) -> Response {
    let view = ChannelView::from(profile.channel.as_ref());
    ([("cache-control", "no-store")], axum::Json(view)).into_response()
}

/// Something that you are told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticeView {
    /// The same for the same notice, however often it comes and by whatever channel.
    #[schema(example = "7KQ4M2XD9H-2-reporter-at_station")]
    id: String,
    /// When it happened.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// What it is about: `report`, `task`, `handover`, `outcome`, `briefing`, `membership`, `identity` or `webhook`.
    #[schema(example = "report")]
    about: &'static str,
    /// What was done.
    #[schema(example = "approve")]
    action: &'static str,
    /// The report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    report: Option<Code>,
    /// The task.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    task: Option<Code>,
    /// The outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    outcome: Option<Code>,
    /// The hand-over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    handover: Option<Code>,
    /// The reward.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    reward: Option<Code>,
    /// The briefing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    briefing: Option<Code>,
    /// The opening of an identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    opening: Option<Uuid>,
    /// How fast it has to be looked at.
    #[schema(schema_with = schema::urgency)]
    urgency: Urgency,
    /// What is said.
    text: TextView,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        let action = notice.what.action();
        let mut view = Self {
            id: notice.deduplication_key,
            at: notice.at,
            about: "",
            action,
            report: None,
            task: None,
            handover: None,
            outcome: None,
            reward: None,
            briefing: None,
            opening: None,
            urgency: notice.urgency,
            text: notice.text.into(),
        };
        match notice.what {
            About::Report { report, .. } | About::CameOf { report } => {
                (view.about, view.report) = ("report", Some(report));
            }
            About::Task { task, .. } => (view.about, view.task) = ("task", Some(task)),
            About::Handover { handover, .. } => (view.about, view.handover) = ("handover", Some(handover)),
            About::Outcome { outcome, .. } => (view.about, view.outcome) = ("outcome", Some(outcome)),
            About::Reward { reward, .. } => (view.about, view.reward) = ("reward", Some(reward)),
            About::Briefing { briefing } => (view.about, view.briefing) = ("briefing", Some(briefing)),
            About::Membership { .. } => view.about = "membership",
            About::Webhook { .. } => view.about = "webhook",
            About::Identity { opening, .. } => (view.about, view.opening) = ("identity", Some(opening)),
        }
        view
    }
}

/// A page of an inbox.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InboxView {
    /// The notices, oldest first.
    items: Vec<NoticeView>,
    /// The `cursor` with which to go on: at once while there is `more`, or whenever you look again.
    next: String,
    /// Whether more are there already.
    more: bool,
}

/// What happened for you since a cursor: what concerns you; as staff what concerns your
/// position, and as a reporter the tasks of your places that are for you. Without a cursor it begins with the oldest, of 90 days ago.
///
/// What happened within the last two minutes comes again with the next page, because
/// it may still be overtaken: go by the `id`.
#[utoipa::path(
    get,
    path = "/me/inbox",
    params(PageQuery),
    responses((status = 200, description = "The notices; `Link: rel=\"next\"` while there are more", body = InboxView)),
)]
pub(crate) async fn read_inbox(
    State(members): State<Members>,
    Subject(reader): Subject,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let found = members.inbox(&reader, limit, query.cursor.as_deref()).await?;
    let items = found.items.into_iter().map(Into::into).collect();
    let view = InboxView { items, next: found.next.clone(), more: found.more };
    let next = found.more.then_some(found.next.as_str());
    Ok(page::respond(view, next, &format!("limit={limit}")))
}

impl Members {
    async fn inbox(&self, reader: &MemberId, limit: u16, cursor: Option<&str>) -> Result<InboxPage, Error> {
        let loaded = self.registry.store.load([Key::Member(reader.clone())]).await?;
        let profile = loaded.profile(reader)?.ok_or(Refusal::NotAMember)?;
        let member = &profile.member;
        member.state.may_act()?;
        let now = self.registry.world.now();
        let of = profile.inboxes(now);
        // What a reporter has read is asked for at the same time as the inboxes.
        let receipts = async {
            match member.role {
                Role::Reporter => self.registry.store.task_receipts(reader).await,
                _ => Ok(BTreeMap::new()),
            }
        };
        let inboxes = self.registry.store.inbox(&of, &member.id, limit, cursor, now);
        let (mut found, receipts) = futures::try_join!(inboxes, receipts)?;
        found.items.retain(|notice| {
            let theirs = notice.only.as_ref().is_none_or(|who| who.takes(profile.kind, &profile.trades));
            theirs && !is_reminder_of_what_is_read(notice, &receipts)
        });
        Ok(found)
    }

    async fn choose_channel(&self, actor: &MemberId, body: &ChannelBody) -> Result<Profile, Error> {
        let wanted = wanted(body)?;
        let mut opened: Option<Channel> = None;
        for _ in 0..MAX_TRIES {
            let loaded = self.registry.store.load([Key::Member(actor.clone())]).await?;
            let before = loaded.profile(actor)?.ok_or(Refusal::NotAMember)?;
            // What was opened and is not written down could not be ended by a suspension.
            if let Some(opened) = opened.take()
                && before.channel.as_ref().is_none_or(|channel| !channel.is_at_the_address_of(&opened))
            {
                self.channels.close(&opened).await?;
            }
            before.member.state.may_act()?;
            check_means(wanted.map(Wanted::means), before.member.role)?;
            let channel = match wanted {
                None => {
                    self.close(before.channel.as_ref()).await?;
                    None
                }
                Some(wanted) => Some(self.open(&before, wanted).await?),
            };
            if before.channel == channel {
                return Ok(before);
            }
            let decided =
                membership::change_own(&before, &Change::ChooseChannel { channel }, self.registry.world.now())?;
            match self.registry.store.commit_member(&MemberCommit::change(&before, &decided)).await {
                Ok(()) => return Ok(decided.profile),
                // It may be written down all the same. The same request again puts it right.
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => opened = decided.profile.channel,
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// The channel that is wanted, in place of the one before.
    async fn open(&self, profile: &Profile, wanted: Wanted<'_>) -> Result<Channel, Error> {
        let member = &profile.member;
        let quiet_hours = wanted.quiet_hours();
        let hash = self.registry.hashes.of("channel", &wanted.address_of(member));
        let same = profile.channel.as_ref().filter(|before| before.address == hash);
        if let Some(before) = same {
            let channel = Channel { quiet_hours, ..before.clone() };
            if self.channels.align(&channel, profile).await? {
                return Ok(channel);
            }
            // SNS has one subscription for an address and refuses a second one with another filter.
            self.close(Some(before)).await?;
        }
        let phone;
        let address = match wanted {
            Wanted::Sms(_) => {
                let key = Key::Identity(member.id.clone());
                let item = self.registry.store.load([key]).await?.identity(&member.id, self.registry.world.now())?;
                let item = item.ok_or_else(|| Error::field("/means", "needs a number, and yours is not known"))?;
                phone = self.registry.unseal(&item).await?.phone;
                Address::Phone(&phone)
            }
            Wanted::Email(address, _) => Address::Mailbox(address),
            Wanted::Device(platform, token, _) => Address::Device(platform, token),
        };
        // What was chosen before stays until there is something in its place.
        let opened = self.channels.open(address, hash, profile, quiet_hours).await?;
        self.close(profile.channel.as_ref().filter(|_| same.is_none())).await?;
        Ok(opened)
    }

    async fn close(&self, channel: Option<&Channel>) -> Result<(), Error> {
        match channel {
            Some(channel) => self.channels.close(channel).await,
            None => Ok(()),
        }
    }

    /// Makes a member's channel what the membership says.
    pub(crate) async fn align_channel(&self, profile: &Profile) -> Result<(), Error> {
        let Some(channel) = &profile.channel else { return Ok(()) };
        match profile.member.state {
            MemberState::Active => self.channels.align(channel, profile).await.map(drop),
            _ => self.channels.close(channel).await,
        }
    }
}

/// Who has read a task is not reminded of it.
fn is_reminder_of_what_is_read(notice: &Notice, receipts: &BTreeMap<TaskId, TaskReceipt>) -> bool {
    match notice.what {
        About::Task { task, action: TaskAction::Remind } => {
            receipts.get(&task).is_some_and(|receipt| receipt.read_at.is_some())
        }
        _ => false,
    }
}

/// A channel that is wanted, checked.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Sms(QuietHours),
    Email(&'a str, QuietHours),
    Device(Platform, &'a str, QuietHours),
}

impl Wanted<'_> {
    fn means(self) -> Means {
        match self {
            Self::Sms(_) => Means::Sms,
            Self::Email(..) => Means::Email,
            Self::Device(..) => Means::Device,
        }
    }

    /// What the address is known by. A member has one number, which is sealed.
    fn address_of(self, member: &Member) -> String {
        match self {
            Self::Sms(_) => format!("sms {}", member.id),
            Self::Email(address, _) => format!("email {address}"),
            Self::Device(platform, token, _) => format!("{platform} {token}"),
        }
    }

    fn quiet_hours(self) -> QuietHours {
        match self {
            Self::Sms(hours) | Self::Email(_, hours) | Self::Device(_, _, hours) => hours,
        }
    }
}

fn wanted(body: &ChannelBody) -> Result<Option<Wanted<'_>>, Error> {
    let hours = |&QuietHoursView { from, to }: &QuietHoursView| {
        let hours = QuietHours { from, to };
        hours.validate().map(|()| hours)
    };
    let bad = |at: &str, why: &str| Error::Invalid(vec![FieldError::new(at, why)]);
    Ok(Some(match body {
        ChannelBody::None {} => return Ok(None),
        ChannelBody::Sms { quiet_hours } => Wanted::Sms(hours(quiet_hours)?),
        ChannelBody::Email { address, quiet_hours } => {
            let address = address.trim();
            if address.len() > MAX_ADDRESS_CHARS || !EmailAddress::is_valid(address) {
                return Err(bad("/address", "is not an e-mail address"));
            }
            Wanted::Email(address, hours(quiet_hours)?)
        }
        ChannelBody::Device { platform, token, quiet_hours } => {
            let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
            if token.is_empty() || token.len() > MAX_TOKEN_CHARS || !printable {
                return Err(bad("/token", "must have 1 to 4096 printable characters and no blanks"));
            }
            let platform =
                Platform::from_name(platform).ok_or_else(|| bad("/platform", "must be apns, fcm or baidu"))?;
            Wanted::Device(platform, token, hours(quiet_hours)?)
        }
    }))
}
