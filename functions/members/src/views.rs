//! What the API shows of members' lists, histories and identities.

use jiff::Timestamp;
use pingan_domain::{
    identity::{Payment, Person},
    member::{MemberId, MemberState, Role},
    membership::MemberEvent,
    territory::NodeId,
};
use pingan_http::schema;
use pingan_membership::views::MemberView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MembersPage {
    /// The members, in the order in which they came.
    pub(crate) items: Vec<MemberView>,
    /// Where the list goes on: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
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
