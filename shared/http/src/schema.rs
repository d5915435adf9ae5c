//! OpenAPI schemas of the domain's values. The domain itself knows nothing of OpenAPI.

use pingan_domain::{
    access::Opened,
    award_run::{self, RunStage},
    briefing::{BriefingState, Language, Origin},
    channel::{Means, Platform},
    content::{ContentKind, Side},
    district::StationTasks,
    dry_run::Gap,
    export::{ExportState, Format},
    feedback,
    handover::{HandoverAction, HandoverSide, HandoverState, RecallReason, WordsKind},
    identity::{IdentityAction, OpeningState},
    ledger::{Account, Movement},
    life::{Action, RejectionReason, Stage, State},
    media::{MediaKind, MediaRefusal, MediaType, Rendition},
    member::{Body, MemberState, Role},
    membership::{Kind, MemberAction},
    named::Named,
    outcome::{NoteKind, OutcomeAction, OutcomeState},
    payout::{BankReason, CancelReason, Method, PayoutState},
    payout_transfer::{BatchAction, BatchState},
    report::{Category, Concerns, Urgency},
    reward::{DeclineReason, RewardAction, RewardState, ShareState},
    statistics::By,
    task::{FieldKind, TaskKind, TaskState},
    task_receipt::Acknowledged,
    tasking::TaskAction,
    webhook::{DeliveryState, Failure, WebhookAction},
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
    /// Into what statistics are divided.
    by = By;
    /// The body that staff serve.
    body = Body;
    /// The accounts of a fund.
    account = Account;
    /// What moves money.
    movement = Movement;
    /// What a dry run of rules cannot know.
    gap = Gap;
    /// Why nobody is rewarded.
    decline_reason = DeclineReason;
    /// What can be done with a reward.
    reward_action = RewardAction;
    /// Where a reward is.
    reward_state = RewardState;
    /// How far a run of a period award has come.
    run_stage = RunStage;
    /// Why a run of a period award has ended without its proposals.
    run_failure = award_run::Failure;
    /// Where the share of one person is.
    share_state = ShareState;
    /// Why a payment at the counter was cancelled.
    cancel_reason = CancelReason;
    /// Where a batch of transfers is.
    batch_state = BatchState;
    /// What can be done with a batch of transfers.
    batch_action = BatchAction;
    /// Why the bank has not paid.
    bank_reason = BankReason;
    /// How a share is paid.
    payout_method = Method;
    /// Where the payout of a share is.
    payout_state = PayoutState;
    /// How a briefing came about.
    briefing_origin = Origin;
    /// Where a briefing is.
    briefing_state = BriefingState;
    /// What an export is for.
    export_format = Format;
    /// Where an export is.
    export_state = ExportState;
    /// What a report is about.
    category = Category;
    /// Whether a report names its reviewers.
    concerns = Concerns;
    /// What a text is.
    content_kind = ContentKind;
    /// What can be done with a hand-over.
    handover_action = HandoverAction;
    /// On which side of a hand-over somebody stands.
    handover_side = HandoverSide;
    /// Where a hand-over is in its life.
    handover_state = HandoverState;
    /// Why a hand-over is recalled.
    recall_reason = RecallReason;
    /// What somebody wrote in a hand-over.
    words_kind = WordsKind;
    /// What happens to an identity.
    identity_action = IdentityAction;
    /// What a text of an outcome is.
    note_kind = NoteKind;
    /// What can be done with an outcome.
    outcome_action = OutcomeAction;
    /// Where an outcome is in its life.
    outcome_state = OutcomeState;
    /// What kind of reporter somebody is.
    kind = Kind;
    /// The languages of documents.
    language = Language;
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
    /// Where a delivery of a webhook is.
    delivery_state = DeliveryState;
    /// Why an attempt to deliver failed.
    delivery_failure = Failure;
    /// What can happen to a webhook.
    webhook_action = WebhookAction;
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

/// A list of what a dry run cannot know.
pub fn gaps() -> Array {
    ArrayBuilder::new().items(gap()).build()
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

/// A kind of outcome: one that every district counts, or one of the district's own.
pub fn outcome_kind() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[a-z0-9_-]{1,32}$"))
        .examples(["suspects_arrested"])
        .build()
}

/// A day in the district.
pub fn day() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
        .examples(["2026-08-23"])
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
