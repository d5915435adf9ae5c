//! OpenAPI schemas of the domain's values. The domain itself knows nothing of OpenAPI.

use pingan_domain::{
    access::Opened,
    channel::{Means, Platform},
    content::{ContentKind, Side},
    district::StationTasks,
    feedback,
    identity::{IdentityAction, OpeningState},
    life::{Action, RejectionReason, Stage, State},
    media::{MediaKind, MediaRefusal, MediaType, Rendition},
    member::{Body, MemberState, Role},
    membership::{Kind, MemberAction},
    named::Named,
    report::{Category, Concerns, Urgency},
    task::{FieldKind, TaskKind, TaskState},
    task_receipt::Acknowledged,
    tasking::TaskAction,
};
use utoipa::openapi::{
    KnownFormat, Object, ObjectBuilder, SchemaFormat,
    schema::{Array, ArrayBuilder, Type},
};

fn names<T: Named>() -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(T::ALL.iter().map(|value| value.name()))).build()
}

macro_rules! closed_lists {
    ($($(#[$meta:meta])* $function:ident = $Type:ty;)+) => {
        $($(#[$meta])* pub fn $function() -> Object { names::<$Type>() })+
    };
}

closed_lists! {
    /// What can be done with a report.
    action = Action;
    /// The body that staff serve.
    body = Body;
    /// What a report is about.
    category = Category;
    /// Whether a report names its reviewers.
    concerns = Concerns;
    /// What a text is.
    content_kind = ContentKind;
    /// What happens to an identity.
    identity_action = IdentityAction;
    /// What kind of reporter somebody is.
    kind = Kind;
    /// Kinds of media.
    media_kind = MediaKind;
    /// Why a medium was refused.
    media_refusal = MediaRefusal;
    /// Types of media.
    media_type = MediaType;
    /// The ways to tell a person.
    means = Means;
    /// What can be done with a membership.
    member_action = MemberAction;
    /// What a phone acknowledges of a task.
    acknowledged = Acknowledged;
    /// What a field of a task's form takes.
    field_kind = FieldKind;
    /// The district's rule for tasks of its stations.
    station_tasks = StationTasks;
    /// What can be done with a task.
    task_action = TaskAction;
    /// What a task asks for.
    task_kind = TaskKind;
    /// Where a task is.
    task_state = TaskState;
    /// Where a member is in the membership.
    member_state = MemberState;
    /// What was read.
    opened = Opened;
    /// Where an opening is in its life.
    opening_state = OpeningState;
    /// The services that reach a device.
    platform = Platform;
    /// What can be opened of a medium.
    rendition = Rendition;
    /// Why a report is rejected.
    rejection_reason = RejectionReason;
    /// What a member is.
    role = Role;
    /// Which side wrote.
    side = Side;
    /// Stages of the review.
    stage = Stage;
    /// Where a report is in its life.
    state = State;
    /// What the reporter is told of.
    step = feedback::Step;
    /// How fast.
    urgency = Urgency;
}

/// A list of types of media.
pub fn media_types() -> Array {
    ArrayBuilder::new().items(media_type()).build()
}

/// A code, as it is read out over the phone.
pub fn code() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$"))
        .examples(["7KQ4M-2XD9H"])
        .build()
}

/// A node of the territory.
pub fn node() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("A node of the territory: district, station and community, joined by dots"))
        .examples(["demo.north.plum-garden"])
        .build()
}

/// A moment, RFC 3339 in UTC.
pub fn moment() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-08-12T01:30:00Z"])
        .build()
}

/// A SHA-256 in hexadecimal digits.
pub fn sha256() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-fA-F]{64}$")).build()
}

/// A UUID.
pub fn uuid() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .examples(["0e37df36-f698-4a4b-9d3c-2f6e1f9f3a51"])
        .build()
}

/// The version of a report as its `ETag`.
pub fn etag() -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some("^\"[0-9]+\"$")).examples(["\"3\""]).build()
}
