//! What the reporter is told at each step, in both languages.
//!
//! The texts are made from the event alone, so that a phone, an inbox and a push all say
//! the same. They say what happens and by when, never what the report says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    content::Side,
    event::Event,
    life::{Action, Stage, State},
    member::Role,
    named::named,
    report::Urgency,
    text::Text,
};

named! {
    /// The step that a reporter is told of.
    pub enum Step {
        /// It has arrived.
        Received = "received",
        /// It went up to the station.
        AtStation = "at_station",
        /// It went up to the district.
        AtDistrict = "at_district",
        /// It was adopted.
        Adopted = "adopted",
        /// There is a question.
        Question = "question",
        /// The answer has arrived.
        Answered = "answered",
        /// It was not adopted.
        NotAdopted = "not_adopted",
        /// It was linked to another report of the same matter.
        Linked = "linked",
        /// It was withdrawn.
        Withdrawn = "withdrawn",
        /// It is looked at again.
        Reopened = "reopened",
        /// It was given back to the stage below.
        BackAtStage = "back_at_stage",
        /// It was passed to those who must act.
        HandedOver = "handed_over",
        /// It is done.
        Closed = "closed",
        /// There is a message.
        Message = "message",
        /// The question still waits for the answer.
        QuestionWaits = "question_waits",
        /// What was not adopted was erased when its time was over.
        Erased = "erased",
    }
}

/// One answer to the reporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Which step it is.
    pub step: Step,
    /// What is said.
    pub text: Text,
    /// By when the next step is expected.
    pub due_at: Option<Timestamp>,
}

/// What the reporter is told of this event; none of what is not theirs to know.
pub fn feedback(event: &Event) -> Option<Feedback> {
    let step = step(event)?;
    Some(Feedback { step, text: text(step, event), due_at: event.due_at })
}

fn step(event: &Event) -> Option<Step> {
    let side = if event.role == Role::Reporter { Side::Reporter } else { Side::Reviewer };
    Some(match event.action {
        Action::Submit => Step::Received,
        Action::Approve | Action::Escalate => match event.to {
            State::Adopted => Step::Adopted,
            State::DistrictReview => Step::AtDistrict,
            _ => Step::AtStation,
        },
        Action::Return => Step::Question,
        Action::Answer => Step::Answered,
        Action::Reject => Step::NotAdopted,
        Action::MarkDuplicate => Step::Linked,
        Action::Withdraw => Step::Withdrawn,
        Action::Reopen => Step::Reopened,
        Action::SendDown => Step::BackAtStage,
        Action::HandOver => Step::HandedOver,
        Action::Close => Step::Closed,
        Action::Message if side == Side::Reviewer => Step::Message,
        // That a stage is late is between it and those above; the reporter is reminded of what
        // waits for the reporter.
        Action::Remind if event.to == event.stage.returned() => Step::QuestionWaits,
        Action::Erase => Step::Erased,
        Action::Message | Action::Remind | Action::Recall => return None,
    })
}

fn text(step: Step, event: &Event) -> Text {
    match step {
        // A stage that the report names never sees it, so that only what is shown to all
        // three may say so.
        Step::Received if event.urgency == Urgency::Emergency && event.stage > Stage::Officer => Text::new(
            format!("紧急线索已收到，{}正在审核。如有人身危险，请先拨打110。", stage(event.stage).zh_cn),
            format!(
                "Your emergency report has arrived. {} reviews it now. If anyone is in danger, call 110 first.",
                stage(event.stage).en
            ),
        ),
        Step::Received if event.urgency == Urgency::Emergency => Text::new(
            "紧急线索已收到，社区、派出所和分局已同时看到。如有人身危险，请先拨打110。",
            "Your emergency report has arrived and all three stages see it now. If anyone is in danger, call 110 first.",
        ),
        Step::Received => Text::new(
            format!("线索已收到，{}正在审核。", stage(event.stage).zh_cn),
            format!("Your report has arrived. {} reviews it now.", stage(event.stage).en),
        ),
        Step::AtStation | Step::AtDistrict => Text::new(
            format!("线索已转至{}审核。", stage(event.stage).zh_cn),
            format!("Your report has gone up. {} reviews it now.", stage(event.stage).en),
        ),
        Step::Adopted => Text::new(
            "线索已被采用，感谢您对平安建设的支持。",
            "Your report was adopted. Thank you for helping to keep the community safe.",
        ),
        Step::Question => Text::new(
            format!("{}需要您补充信息，请在线索中查看并答复。", stage(event.stage).zh_cn),
            format!("{} has a question for you. Please open the report and answer it.", stage(event.stage).en),
        ),
        Step::Answered => Text::new(
            format!("您的答复已收到，{}继续审核。", stage(event.stage).zh_cn),
            format!("Your answer has arrived. {} goes on with the review.", stage(event.stage).en),
        ),
        Step::NotAdopted => {
            let why = event.reason.map_or_else(|| Text::new("", ""), crate::life::RejectionReason::text);
            Text::new(format!("线索未被采用。{}", why.zh_cn), format!("Your report was not adopted. {}", why.en))
        }
        Step::Linked => Text::new(
            "已有其他线索反映同一事项，您的线索已与其关联，贡献按规定计算。",
            "Another report tells of the same matter. Yours was linked to it and counts by the rules.",
        ),
        Step::Withdrawn => Text::new("线索已按您的要求撤回。", "Your report was withdrawn as you asked."),
        Step::Reopened => Text::new(
            format!("线索已重新开启，{}正在审核。", stage(event.stage).zh_cn),
            format!("Your report is looked at again. {} reviews it now.", stage(event.stage).en),
        ),
        Step::BackAtStage => Text::new(
            format!("线索已退回{}进一步核查。", stage(event.stage).zh_cn),
            format!("Your report went back for a closer look. {} reviews it now.", stage(event.stage).en),
        ),
        Step::HandedOver => {
            Text::new("线索已移交相关部门处理。", "Your report was passed to those who must act on it.")
        }
        Step::Closed => Text::new("线索已办结。", "The matter of your report is closed."),
        Step::QuestionWaits => Text::new(
            format!("{}的问题还在等您答复；没有答复时，将按现有情况处理。", stage(event.stage).zh_cn),
            format!(
                "{} still waits for your answer to a question. Without it, the review goes on with what there is.",
                stage(event.stage).en
            ),
        ),
        Step::Erased => Text::new(
            "线索未被采用，保存期已满，其文字已删除，图片和录音录像正在删除。",
            "Your report was not adopted and its time is over. Its text was erased, and its pictures and recordings \
             are being erased.",
        ),
        Step::Message => Text::new(
            format!("{}给您留言，请在线索中查看。", stage(event.stage).zh_cn),
            format!("{} has sent you a message. Please open the report.", stage(event.stage).en),
        ),
    }
}

/// How a stage is called when people are spoken to.
pub fn stage(stage: Stage) -> Text {
    match stage {
        Stage::Officer => Text::new("社区民警", "The community police officer"),
        Stage::Station => Text::new("派出所（街道）", "The station"),
        Stage::District => Text::new("分局（区）", "The district"),
    }
}
