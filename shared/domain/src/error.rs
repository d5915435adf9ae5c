//! The one closed list of what can go wrong.
//!
//! Every crate answers with [`Error`]; the HTTP crate turns it into problem+json in one
//! place. A variant says what the caller can do about it, never how the inside failed.

use serde::Serialize;

use crate::{life::State, media::MediaId, member::MemberState, named::named};

/// One bad field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where it stands: a JSON pointer into the body (`/media/0`), or the name of a
    /// header or a query parameter.
    pub pointer: String,
    /// What is wrong with it, for people.
    pub detail: String,
}

impl FieldError {
    /// A bad field and the reason.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

named! {
    /// Why a command that was understood is refused.
    pub enum Refusal {
        /// The member is suspended.
        Suspended = "member_suspended",
        /// The membership waits: for the first sign-in, or for the officer to confirm it.
        NotConfirmed = "not_confirmed",
        /// The token's subject is no member of this platform.
        NotAMember = "not_a_member",
        /// No member of this role ever does this.
        WrongRole = "wrong_role",
        /// The report is not in a state in which this can be done.
        WrongState = "wrong_state",
        /// The report is not at this stage; only an emergency may be taken from a stage below.
        NotYourStage = "not_your_stage",
        /// The report has gone on to a stage above.
        MovedOn = "moved_on",
        /// A reviewer never reviews what he reported.
        OwnReport = "own_report",
        /// There is no stage below or above to send it to.
        NoSuchStage = "no_such_stage",
        /// The stage below is the one whose conduct the report names.
        ConflictOfInterest = "conflict_of_interest",
        /// The report has taken as many messages as it can hold.
        TooManyMessages = "too_many_messages",
        /// Parts of an upload have not arrived yet.
        UploadIncomplete = "upload_incomplete",
        /// The slot of an upload has ended.
        SlotEnded = "slot_ended",
        /// The content of the report was erased.
        Erased = "content_erased",
        /// Nobody changes their own rights.
        OwnRights = "own_rights",
        /// Only who stands below may be managed.
        NotBelowYou = "not_below_you",
        /// The membership is not in a state in which this can be done.
        WrongMemberState = "wrong_member_state",
        /// The phone number belongs to a member already.
        PhoneTaken = "phone_taken",
        /// The account belongs to a member already.
        AccountTaken = "account_taken",
        /// The invite cannot be used: there is none, or not any more.
        InviteUnusable = "invite_unusable",
        /// The invite has registered as many people as it may.
        InviteExhausted = "invite_exhausted",
        /// A district manager is appointed and released by the operator alone.
        OperatorOnly = "operator_only",
        /// The identity is sealed: only the member and the recruiting officer see it.
        Sealed = "identity_sealed",
        /// Nobody decides on an opening that they asked for.
        OwnRequest = "own_request",
        /// The custodian was appointed by who asks.
        OwnCustodian = "own_custodian",
        /// The opening is not open: not consented to, refused, or over.
        NotOpen = "opening_not_open",
        /// The opening was decided already, or its time to be decided is over.
        OpeningDecided = "opening_decided",
        /// The deployment's subscriptions are used up.
        ChannelsFull = "channels_full",
        /// Fewer than five reporters are in the scope of a task.
        ScopeTooSmall = "scope_too_small",
        /// The task is run by others.
        NotYourTask = "not_your_task",
        /// The task is not at a stage at which this can be done.
        WrongTaskState = "wrong_task_state",
        /// What the task says is the district's to change: it has consented to it, or would have to.
        ConsentedTask = "consented_task",
        /// The window of the task is over.
        TaskEnded = "task_ended",
        /// The task was called off.
        TaskCancelled = "task_cancelled",
        /// A notice only asks to be read.
        AsksForNothing = "asks_for_nothing",
        /// The form of the task has changed since it was filled in.
        FormChanged = "form_changed",
        /// Nobody confirms an outcome that they recorded or corrected.
        OwnOutcome = "own_outcome",
        /// The outcome is not in a state in which this can be done.
        WrongOutcomeState = "wrong_outcome_state",
        /// The hand-over is not in a state in which this can be done.
        WrongHandoverState = "wrong_handover_state",
        /// The report was handed over as often as it can be.
        TooManyHandovers = "too_many_handovers",
        /// The hand-over has taken as many texts as it can hold.
        TooManyWords = "too_many_words",
        /// The own copy of what was recalled is still being erased.
        CopyNotErased = "copy_not_erased",
        /// The report is a copy of another district's: there is no reporter to ask.
        NoReporter = "no_reporter",
        /// The webhook was given too many secrets within a day.
        TooManySecrets = "too_many_secrets",
        /// The secret that this command made is not valid any more.
        SecretReplaced = "secret_replaced",
        /// The delivery was sent again as often as it can be.
        TooManyReplays = "too_many_replays",
        /// Nothing can be sent by the webhook: it is switched off, or has no secret.
        WebhookOff = "webhook_off",
        /// The briefing is not made yet.
        BriefingNotReady = "briefing_not_ready",
        /// Nobody acknowledges a briefing that they have not read.
        BriefingUnread = "briefing_unread",
        /// The briefing has taken as many comments as it can hold.
        TooManyComments = "too_many_comments",
        /// The file of an export is for who asked for it.
        NotYourExport = "not_your_export",
        /// The file of the export is not made yet.
        ExportNotReady = "export_not_ready",
        /// The file of the export was kept for a week, and is gone.
        ExportExpired = "export_expired",
        /// The fund has not as much.
        FundExhausted = "fund_exhausted",
        /// The fund's year was closed.
        FundClosed = "fund_closed",
        /// The district has no rules of rewards that hold on this day.
        NoRewardRules = "no_reward_rules",
        /// The reward is not in a state in which this can be done.
        WrongRewardState = "wrong_reward_state",
        /// The run of a period award has not failed.
        WrongRunState = "wrong_run_state",
        /// Nobody agrees to what they have adjusted themselves.
        OwnProposal = "own_proposal",
        /// Nobody decides the appeal against what they have declined themselves.
        OwnDecline = "own_decline",
        /// The rules do not ask this person, or nobody more of their role, to agree.
        NotAskedToAgree = "not_asked_to_agree",
        /// The amount of a period award follows from its ranking.
        AwardIsFixed = "award_is_fixed",
        /// Has agreed before.
        AgreedAlready = "agreed_already",
        /// Those who have approved the report cannot agree to its reward alone.
        ReviewersAlone = "reviewers_alone",
        /// The cap leaves nothing to reward with.
        NothingToReward = "nothing_to_reward",
        /// A report of the matter was rewarded with another reward.
        RewardedAlready = "rewarded_already",
        /// The fiscal year is not over.
        YearNotOver = "year_not_over",
        /// The report is being reviewed anew.
        MatterReopened = "matter_reopened",
        /// Was appealed before.
        AppealedAlready = "appealed_already",
        /// Something of it was paid.
        PaidAlready = "paid_already",
        /// The payout is not in a state in which this can be done.
        WrongPayoutState = "wrong_payout_state",
        /// The share is on its way to be paid.
        PayoutOpen = "payout_open",
        /// Nobody pays alone: somebody else has to take the second step.
        SecondPerson = "second_person",
        /// The claim code is not that of the share.
        WrongClaimCode = "wrong_claim_code",
        /// The claim code is too old.
        ClaimCodeExpired = "claim_code_expired",
        /// Too many wrong codes were typed for the share.
        ClaimLocked = "claim_locked",
        /// As many claim codes were made for the share as can be.
        TooManyClaimCodes = "too_many_claim_codes",
        /// The reward can not be claimed any more.
        ClaimWindowOver = "claim_window_over",
        /// Nobody has confirmed the payment in time.
        CheckExpired = "check_expired",
        /// The reporter has not asked for a transfer.
        NoTransferWanted = "no_transfer_wanted",
        /// The reporter has said nowhere where money can be paid to.
        NoPaymentDetails = "no_payment_details",
        /// The batch is not in a state in which this can be done.
        WrongBatchState = "wrong_batch_state",
        /// The batch was made by somebody else.
        NotYourBatch = "not_your_batch",
        /// The batch has no room for as many shares.
        BatchFull = "batch_full",
        /// There is nothing in the batch.
        BatchEmpty = "batch_empty",
        /// The file is another than the one that was released.
        BatchFileChanged = "batch_file_changed",
        /// Another answer of the bank was taken for the batch.
        AnsweredOtherwise = "answered_otherwise",
    }
}

impl Refusal {
    /// What a person is told.
    #[expect(clippy::too_many_lines, reason = "a text for each refusal, read as one table")]
    pub fn detail(self) -> &'static str {
        match self {
            Self::Suspended => "Your membership is suspended. Speak with your community police officer or manager.",
            Self::NotConfirmed => {
                "Your membership is not confirmed yet. Sign in with your invitation, or speak with your community police officer."
            }
            Self::NotAMember => "You are signed in, but are not a member of this platform.",
            Self::WrongRole => "Your role does not do this.",
            Self::WrongState => "The report is in a state in which this cannot be done.",
            Self::NotYourStage => {
                "The report is not at your stage, and only an emergency may be taken from a stage below."
            }
            Self::MovedOn => "The report has gone on to a stage above yours.",
            Self::OwnReport => "You sent in this report, so someone else reviews it.",
            Self::NoSuchStage => "There is no stage in that direction.",
            Self::ConflictOfInterest => {
                "The report names the conduct of the stage below, which therefore never sees it."
            }
            Self::TooManyMessages => "The report has taken as many messages as it can hold.",
            Self::SlotEnded => {
                "The slot of this upload has ended: no report took it within a day. Announce it again, under a new key."
            }
            Self::UploadIncomplete => {
                "Parts of the upload have not arrived. Read what is missing, send it, and say again that it is complete."
            }
            Self::Erased => "The content of this report was erased.",
            Self::OwnRights => "Nobody changes their own rights; someone above you does.",
            Self::NotBelowYou => "You may manage only who stands below you, in your body.",
            Self::WrongMemberState => "The membership is in a state in which this cannot be done.",
            Self::PhoneTaken => "This phone number belongs to a member already.",
            Self::AccountTaken => "This account belongs to a member already.",
            Self::InviteUnusable => "There is no such invite, or it has expired or was revoked. Ask for a new one.",
            Self::InviteExhausted => "This invite has registered as many people as it may. Ask for a new one.",
            Self::OperatorOnly => "A district manager is appointed and released by the operator alone.",
            Self::Sealed => "The identity is sealed. Only the member and the recruiting officer see it.",
            Self::OwnRequest => "You asked for this opening, so somebody else decides on it.",
            Self::OwnCustodian => "The one who asks has appointed you, so another custodian decides on it.",
            Self::NotOpen => "The identity is not open to you: not consented to, refused, or its time is over.",
            Self::OpeningDecided => "The opening was decided already, or its time to be decided is over.",
            Self::ChannelsFull => {
                "No more people can be told by a channel at the moment; what you chose before stays, and everything stands in your inbox. The operator has to raise a limit."
            }
            Self::ScopeTooSmall => {
                "Fewer than five reporters are in this scope. A task that singles out a few persons is not sent; widen its places, kinds or trades."
            }
            Self::NotYourTask => "The task is run by others. You may read it, because it runs where you are.",
            Self::WrongTaskState => "The task is not at a stage at which this can be done.",
            Self::ConsentedTask => {
                "This task was sent with the district's consent, or needs it by the district's rule: the district can change it. You can cancel it and make another."
            }
            Self::TaskEnded => "The window of this task is over.",
            Self::TaskCancelled => "This task was called off.",
            Self::AsksForNothing => "This is a notice: it only asks to be read.",
            Self::FormChanged => {
                "The form has changed since you read it. Read the task again and answer what it asks now."
            }
            Self::OwnOutcome => "You recorded or corrected this outcome, so somebody else confirms it.",
            Self::WrongOutcomeState => "The outcome is in a state in which this cannot be done.",
            Self::WrongHandoverState => "The hand-over is in a state in which this cannot be done.",
            Self::TooManyHandovers => "The report was handed over as often as it can be.",
            Self::TooManyWords => {
                "The hand-over has taken as many texts as it can hold. Accept, refuse or complete it."
            }
            Self::CopyNotErased => {
                "Your district's own copy of the report is still being erased. Confirm in a quarter of an hour."
            }
            Self::NoReporter => {
                "This report is a copy of another district's, so there is no reporter here. Ask back in the hand-over."
            }
            Self::TooManySecrets => {
                "The webhook was given several secrets within a day, and all of them are still signed with. Wait until one has ended."
            }
            Self::SecretReplaced => {
                "The secret that this request made was shown before, and is not valid any more. Make another one under a new key."
            }
            Self::TooManyReplays => "This delivery was sent again as often as it can be. Read the hand-over instead.",
            Self::WebhookOff => {
                "The webhook is switched off, or has no secret to sign with. Set it up, then send again."
            }
            Self::BriefingNotReady => "The briefing is still being made. Ask again in a moment.",
            Self::BriefingUnread => "You have not read this briefing. Read it, and acknowledge it then.",
            Self::TooManyComments => "The briefing has taken as many comments as it can hold.",
            Self::NotYourExport => {
                "The file is for who asked for it, and shows what they may see. Ask for one of your own."
            }
            Self::ExportNotReady => "The file is still being made. Ask again in a moment.",
            Self::ExportExpired => "The file was kept for a week, and is gone. Ask for a new one.",
            Self::FundExhausted => "The fund has not as much. What is proposed waits until there is.",
            Self::FundClosed => "The fund's year is over, and nothing is promised from it any more.",
            Self::NoRewardRules => "The district has no rules that reward this.",
            Self::WrongRewardState => "The reward is not in a state in which this can be done.",
            Self::WrongRunState => "The run has not failed: there is nothing to let go on.",
            Self::OwnProposal => "You have adjusted this reward. Others have to agree to it.",
            Self::OwnDecline => "You have declined this reward. Somebody else has to decide after the appeal.",
            Self::NotAskedToAgree => "The rules ask others to agree to this amount, or enough of your role have.",
            Self::AwardIsFixed => "The amount of a period award follows from its ranking. Agree to it, or decline it.",
            Self::AgreedAlready => "You have agreed to this reward already.",
            Self::ReviewersAlone => {
                "Those who approved the report cannot agree to its reward alone. Somebody else has to."
            }
            Self::NothingToReward => "The cap of the month leaves nothing to reward with.",
            Self::MatterReopened => {
                "The report that this reward is for was reopened. Wait until its review is over, or decline the reward."
            }
            Self::RewardedAlready => {
                "A report of this matter was rewarded with another reward already. Give it no part in this one, or decline it."
            }
            Self::YearNotOver => "The fund of a year is closed on its last day, or after it.",
            Self::AppealedAlready => "This reward was appealed once, and cannot be again.",
            Self::PaidAlready => "Something of this reward was paid, and cannot be taken back.",
            Self::WrongPayoutState => "The payout is not in a state in which this can be done.",
            Self::PayoutOpen => {
                "The share is being paid at the counter, or is on its way through the bank. Cancel that first, or wait for the bank."
            }
            Self::SecondPerson => "You took the first step of this payment. Somebody else has to take the second.",
            Self::WrongClaimCode => {
                "The claim code is not that of this reward. After five wrong codes the share is locked."
            }
            Self::ClaimCodeExpired => "The claim code is too old. The reporter can make a new one.",
            Self::ClaimLocked => {
                "Too many wrong codes were typed. A district manager can unlock the share, or the reporter makes a new code after a day."
            }
            Self::TooManyClaimCodes => {
                "As many claim codes were made for this share as can be. Ask for a transfer, or a district manager to unlock the share."
            }
            Self::ClaimWindowOver => "The time in which this reward could be claimed is over.",
            Self::CheckExpired => {
                "Nobody confirmed this payment in time, so it does not count. The reporter makes a new code, and it is checked again."
            }
            Self::NoTransferWanted => "The reporter has not asked for a transfer of this share.",
            Self::NoPaymentDetails => {
                "There is no account to pay you to, or not one that the bank takes. Say where your rewards are paid to, or make a claim code."
            }
            Self::WrongBatchState => "The batch is not in a state in which this can be done.",
            Self::NotYourBatch => "The batch was made by somebody else, who alone puts shares into it.",
            Self::BatchFull => "The batch has no room for as many shares. Make another.",
            Self::BatchEmpty => "There is nothing in the batch to be paid.",
            Self::BatchFileChanged => {
                "The file that is kept of this batch is not the one that was released. Give nothing of it to the bank, and tell the district manager."
            }
            Self::AnsweredOtherwise => "Another answer of the bank was taken for this batch, and holds.",
        }
    }
}

/// What can go wrong, as the caller needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields of the request are wrong; every one that was found is named.
    #[error("the request has bad fields: {0:?}")]
    Invalid(Vec<FieldError>),
    /// No valid token.
    #[error("no valid token")]
    Unauthenticated,
    /// Understood, but not allowed.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Understood, but not in this state.
    #[error("refused in state {0}")]
    WrongState(State),
    /// Understood, but not in this state of the membership.
    #[error("refused in member state {0}")]
    WrongMemberState(MemberState),
    /// It does not exist, or it lies outside what the caller may see.
    #[error("not found")]
    NotFound,
    /// `If-Match` is missing.
    #[error("the version is missing")]
    VersionMissing,
    /// `If-Match` names a version that is no longer the newest.
    #[error("the version is stale; the newest is {0}")]
    VersionStale(u64),
    /// The `Idempotency-Key` was used before with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A medium is not yet checked; the same request succeeds once it is.
    #[error("medium {0} is still being checked")]
    MediaPending(MediaId),
    /// The body is larger than the limit in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not declared as JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// The path exists, but not with this method.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// Too much at once; try again after so many seconds.
    #[error("busy, try again in {retry_after_seconds} s")]
    Busy {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// Too many failed tries; nothing is looked at for so many seconds.
    #[error("too many tries, try again in {retry_after_seconds} s")]
    TooManyTries {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// A fault inside, or of a service behind. The text is for the log alone.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// A single bad field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, detail)])
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
