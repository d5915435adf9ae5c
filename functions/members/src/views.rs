//! What the API shows of members.

use jiff::Timestamp;
use pingan_domain::{
    code::Code,
    deputy::{Absence, Cover},
    district::Label,
    identity::{Payment, Person},
    invite::Invite,
    member::{Body as StaffBody, MemberId, MemberState, Role},
    membership::{Kind, MemberEvent, Profile},
    territory::NodeId,
    text::Text,
};
use pingan_http::schema;
use pingan_store::members::MemberSummary;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextView {
    /// Simplified Chinese.
    #[schema(example = "李园社区", max_length = 40)]
    pub(crate) zh_cn: String,
    /// English.
    #[schema(example = "Plum Garden", max_length = 40)]
    pub(crate) en: String,
}

impl From<Text> for TextView {
    fn from(Text { zh_cn, en }: Text) -> Self {
        Self { zh_cn, en }
    }
}

impl From<TextView> for Text {
    fn from(TextView { zh_cn, en }: TextView) -> Self {
        Self { zh_cn, en }
    }
}

/// A member, under the pseudonym.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// The member's id.
    #[schema(value_type = String, example = "m-7kq4m2xd9h")]
    id: MemberId,
    /// What others see in place of a name.
    #[schema(schema_with = schema::code)]
    pseudonym: Code,
    /// What the member is.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// Where the member belongs.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// The body that staff serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::body)]
    body: Option<StaffBody>,
    /// The agency for which they act, by the district's label; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "fire")]
    agency: Option<Label>,
    /// Where in the membership: only who is `active` may act.
    #[schema(schema_with = schema::member_state)]
    state: MemberState,
    /// What kind of reporter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::kind)]
    kind: Option<Kind>,
    /// The trades that the reporter knows, by the district's labels.
    #[schema(value_type = Vec<String>)]
    trades: Vec<Label>,
    /// The sensitive places that the reporter knows, by the district's labels.
    #[schema(value_type = Vec<String>)]
    places: Vec<Label>,
    /// When the member was recruited or registered.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When the member could act for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    joined_at: Option<Timestamp>,
    /// When a reviewer is absent, and who stands in; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    absence: Option<AbsenceView>,
    /// For whom a reviewer stands in; not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    covers: Vec<CoverView>,
}

/// When a reviewer is absent, and who stands in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AbsenceView {
    /// From when.
    #[schema(schema_with = schema::moment)]
    from: Timestamp,
    /// Until when; at this moment it is over.
    #[schema(schema_with = schema::moment)]
    until: Timestamp,
    /// Who stands in.
    #[schema(value_type = String)]
    deputy: MemberId,
}

impl From<Absence> for AbsenceView {
    fn from(Absence { from, until, deputy }: Absence) -> Self {
        Self { from, until, deputy }
    }
}

/// For whom somebody stands in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverView {
    /// Who is absent.
    #[schema(value_type = String)]
    absent: MemberId,
    /// The node: the `node` of the queue to ask for.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// From when.
    #[schema(schema_with = schema::moment)]
    from: Timestamp,
    /// Until when; at this moment it is over.
    #[schema(schema_with = schema::moment)]
    until: Timestamp,
}

impl From<Cover> for CoverView {
    fn from(Cover { absent, node, from, until }: Cover) -> Self {
        Self { absent, node, from, until }
    }
}

impl From<MemberSummary> for MemberView {
    fn from(member: MemberSummary) -> Self {
        let MemberSummary { id, pseudonym, role, node, body, state, kind, trades, places, created_at, joined_at } =
            member;
        Self {
            id,
            pseudonym,
            role,
            node,
            body,
            agency: None,
            state,
            kind,
            trades,
            places,
            created_at,
            joined_at,
            absence: None,
            covers: Vec::new(),
        }
    }
}

impl From<Profile> for MemberView {
    fn from(profile: Profile) -> Self {
        let member = profile.member;
        Self {
            id: member.id,
            pseudonym: member.pseudonym,
            role: member.role,
            node: member.node,
            body: member.body,
            agency: member.agency,
            state: member.state,
            kind: profile.kind,
            trades: profile.trades,
            places: profile.places,
            created_at: profile.created_at,
            joined_at: profile.joined_at,
            absence: profile.absence.map(Into::into),
            covers: profile.covers.into_iter().map(Into::into).collect(),
        }
    }
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MembersPage {
    /// The members, in the order in which they came.
    pub(crate) items: Vec<MemberView>,
    /// Where the list goes on: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A personal invitation: the member takes it to sign in for the first time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationView {
    /// The code. It is shown to nobody else, and kept only as a hash.
    #[schema(schema_with = schema::code)]
    pub(crate) code: Code,
    /// When it ends.
    #[schema(schema_with = schema::moment)]
    pub(crate) expires_at: Timestamp,
}

/// A member that was just made, with the invitation to hand over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecruitedView {
    /// The member.
    #[serde(flatten)]
    pub(crate) member: MemberView,
    /// The invitation.
    pub(crate) invitation: InvitationView,
}

/// Something that happened to a membership.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberEventView {
    /// Its place in the history, from 1.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// Who did it.
    #[schema(value_type = String, example = "officer-ferry")]
    actor: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    actor_role: Role,
    /// What was done.
    #[schema(schema_with = schema::member_action)]
    action: pingan_domain::membership::MemberAction,
    /// The state after.
    #[schema(schema_with = schema::member_state)]
    state: MemberState,
    /// The node after.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// The node before, when it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::node)]
    from_node: Option<NodeId>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<MemberEvent> for MemberEventView {
    fn from(event: MemberEvent) -> Self {
        let MemberEvent { seq, at, actor, actor_role, action, state, node, from_node, reason, .. } = event;
        Self { seq, at, actor, actor_role, action, state, node, from_node, reason }
    }
}

/// The history of a membership.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView {
    /// Its events, oldest first; the first 1000.
    pub(crate) events: Vec<MemberEventView>,
}

/// A bank account.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"holder": "王秀兰", "bank": "建设银行", "account": "6217 0000 1111 2222"}))]
pub(crate) struct PaymentView {
    /// Whose account it is.
    #[schema(max_length = 60)]
    holder: String,
    /// The bank.
    #[schema(max_length = 60)]
    bank: String,
    /// The number.
    #[schema(max_length = 40)]
    account: String,
}

impl From<Payment> for PaymentView {
    fn from(Payment { holder, bank, account }: Payment) -> Self {
        Self { holder, bank, account }
    }
}

impl From<PaymentView> for Payment {
    fn from(PaymentView { holder, bank, account }: PaymentView) -> Self {
        Self { holder, bank, account }
    }
}

/// Who a member is in life.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentityView {
    /// The name.
    name: String,
    /// The phone number, in E.164.
    phone: String,
    /// Where rewards are paid to, for the member alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentView>,
}

impl IdentityView {
    /// `own` shows the payment details as well.
    pub(crate) fn new(person: Person, own: bool) -> Self {
        let Person { name, phone, payment } = person;
        Self { name, phone, payment: payment.filter(|_| own).map(Into::into) }
    }
}

/// A community's invite.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InviteView {
    /// What stands on the poster.
    #[schema(schema_with = schema::code)]
    code: Code,
    /// The community.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// What the QR code of the poster holds.
    url: String,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it ends.
    #[schema(schema_with = schema::moment)]
    expires_at: Timestamp,
    /// How many it may register.
    max_uses: u32,
    /// How many it has registered.
    uses: u32,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    revoked_at: Option<Timestamp>,
}

impl InviteView {
    pub(crate) fn new(invite: Invite, join_base: &str) -> Self {
        let Invite { code, node, created_at, expires_at, max_uses, uses, revoked_at, .. } = invite;
        Self { url: format!("{join_base}{code}"), code, node, created_at, expires_at, max_uses, uses, revoked_at }
    }
}

/// A page of invites.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitesPage {
    /// The invites, newest first.
    pub(crate) items: Vec<InviteView>,
    /// Where the list goes on: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
