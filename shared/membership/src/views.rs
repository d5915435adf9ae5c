//! What the API shows of members.

use jiff::Timestamp;
use pingan_domain::{
    code::Code,
    deputy::{Absence, Cover},
    district::Label,
    member::{Body as StaffBody, MemberId, MemberState, Role},
    membership::{Kind, Profile},
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
pub struct TextView {
    /// Simplified Chinese.
    #[schema(example = "李园社区", max_length = 40)]
    pub zh_cn: String,
    /// English.
    #[schema(example = "Plum Garden", max_length = 40)]
    pub en: String,
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
pub struct MemberView {
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
pub struct AbsenceView {
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
pub struct CoverView {
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
