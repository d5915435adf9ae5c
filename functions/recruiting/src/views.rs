//! What the API shows of invites and invitations.

use jiff::Timestamp;
use pingan_domain::{code::Code, invite::Invite, territory::NodeId};
use pingan_http::schema;
use pingan_membership::views::MemberView;
use serde::Serialize;
use utoipa::ToSchema;

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
