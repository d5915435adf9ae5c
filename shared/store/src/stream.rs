//! Records of the streams of tables.

use std::collections::HashMap;

use aws_lambda_events::event::dynamodb::EventRecord;
use jiff::tz::TimeZone;
use pingan_domain::{
    briefing::BriefingId,
    district::Label,
    error::Error,
    export::ExportId,
    handover::Handover,
    life::RejectionReason,
    media::MediaId,
    named::Named as _,
    notice::Notice,
    outcome::{Counted, OutcomeEvent, OutcomeId},
    report::ReportId,
    tally::Tallied,
    task::Task,
    webhook::Delivery,
};
use serde::de::DeserializeOwned;
use serde_dynamo::AttributeValue;

use crate::{item::SCHEMA, keys::Key};

/// The notice that this record inserted; none when it is a record of something else. A
/// notice that cannot be read is an error, so that it is kept and looked at by people.
pub fn inserted_notice(record: EventRecord) -> Result<Option<Notice>, Error> {
    let (pk, sk) = keys(&record);
    if record.event_name != "INSERT" || !matches!(Key::parse(&pk, &sk), Some(Key::Notice(..))) {
        return Ok(None);
    }
    read(record, &pk, &sk).map(Some)
}

/// What a record has put.
fn read<T: DeserializeOwned>(record: EventRecord, pk: &str, sk: &str) -> Result<T, Error> {
    let image = HashMap::from(record.change.new_image);
    let refuse = |why: String| Error::Internal(format!("cannot read {pk} {sk} of the stream: {why}"));
    if image.get("schema") != Some(&AttributeValue::N(SCHEMA.to_string())) {
        return Err(refuse(format!("its schema is not {SCHEMA}")));
    }
    serde_dynamo::from_item(image).map_err(|error| refuse(error.to_string()))
}

/// The task that this record put, as it is from then on; none when it is a record of something
/// else. A task that cannot be read is an error, so that it is kept and looked at by people.
pub fn changed_task(record: EventRecord) -> Result<Option<Task>, Error> {
    let (pk, sk) = keys(&record);
    if record.event_name == "REMOVE" || !matches!(Key::parse(&pk, &sk), Some(Key::Task(_))) {
        return Ok(None);
    }
    read(record, &pk, &sk).map(Some)
}

/// What an event that this record inserted changes in the counters; none when it is a record of
/// something else, or of an event that changes nothing. An event that cannot be read is an error,
/// so that it is kept and looked at by people.
pub fn tallied(record: EventRecord, time_zone: &TimeZone) -> Result<Option<Tallied>, Error> {
    let (pk, sk) = keys(&record);
    if record.event_name != "INSERT" {
        return Ok(None);
    }
    let tallied = match Key::parse(&pk, &sk) {
        Some(Key::Event(..)) => Tallied::of_report(&read(record, &pk, &sk)?, time_zone),
        Some(Key::MemberEvent(..)) => Tallied::of_member(&read(record, &pk, &sk)?, time_zone),
        Some(Key::OutcomeEvent(..)) => Tallied::of_outcome(&read(record, &pk, &sk)?),
        Some(Key::RewardEvent(..)) => Tallied::of_reward(&read(record, &pk, &sk)?, time_zone),
        _ => return Ok(None),
    };
    Ok(Some(tallied).filter(|tallied| !tallied.changes.is_empty()))
}

/// What a record of the hand-overs' stream has put, of what webhooks tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToTell {
    /// A hand-over, as it is from then on.
    Handover(Box<Handover>),
    /// A delivery, as it is from then on.
    Delivery(Box<Delivery>),
}

/// What this record put, as far as webhooks have to do with it. What cannot be read is an error,
/// so that it is kept and looked at by people.
pub fn to_tell(record: EventRecord) -> Result<Option<ToTell>, Error> {
    let (pk, sk) = keys(&record);
    if record.event_name == "REMOVE" {
        return Ok(None);
    }
    match Key::parse(&pk, &sk) {
        Some(Key::Handover(_)) => read(record, &pk, &sk).map(|handover| Some(ToTell::Handover(Box::new(handover)))),
        Some(Key::Delivery(..)) => read(record, &pk, &sk).map(|delivery| Some(ToTell::Delivery(Box::new(delivery)))),
        _ => Ok(None),
    }
}

/// The briefing that is to be made; none when it is a record of something else.
pub fn to_brief(record: &EventRecord) -> Option<BriefingId> {
    let (pk, sk) = keys(record);
    match (record.event_name.as_str(), Key::parse(&pk, &sk)?) {
        ("INSERT", Key::Briefing(id)) => Some(id),
        _ => None,
    }
}

/// The export that is to be made; none when it is a record of something else.
pub fn to_export(record: &EventRecord) -> Option<ExportId> {
    let (pk, sk) = keys(record);
    match (record.event_name.as_str(), Key::parse(&pk, &sk)?) {
        ("INSERT", Key::Export(id)) => Some(id),
        _ => None,
    }
}

/// What has earned a reward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToReward {
    /// A report was adopted.
    Adopted(ReportId),
    /// Another report was found to tell of the same matter as this one, or not to any more.
    Linked(ReportId),
    /// So many of an outcome of this kind count from now on; none when it was annulled.
    Confirmed(OutcomeId, Label, u32),
}

/// What this record says has earned a reward. What cannot be read is an error, so that it is kept
/// and looked at by people.
pub fn to_reward(record: EventRecord) -> Result<Option<ToReward>, Error> {
    let (pk, sk) = keys(&record);
    match (record.event_name.as_str(), Key::parse(&pk, &sk)) {
        ("INSERT" | "MODIFY", Some(Key::MatterAdopted(report))) => Ok(Some(ToReward::Adopted(report))),
        ("INSERT" | "REMOVE", Some(Key::MatterAlso(original, _))) => Ok(Some(ToReward::Linked(original))),
        ("INSERT", Some(Key::OutcomeEvent(id, _))) => {
            let event: OutcomeEvent = read(record, &pk, &sk)?;
            let count = |counted: Counted| ToReward::Confirmed(id, counted.kind, counted.count);
            let annulled = |counted: Counted| ToReward::Confirmed(id, counted.kind, 0);
            // One of another kind by now does not count as the first any more.
            Ok(event.after.map(count).or(event.before.map(annulled)))
        }
        _ => Ok(None),
    }
}

/// What is to be erased by a record of the reports' stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToErase {
    /// What hangs on a report whose content an event has erased: its media, and the texts of
    /// outcomes.
    ContentOf(ReportId),
    /// The texts of outcomes to which a report led that was found to be unfounded.
    OutcomeTextsOf(ReportId),
    /// A slot that ended without a report.
    Slot(MediaId),
}

/// What this record says is to be erased; none when it is a record of something else.
pub fn to_erase(record: &EventRecord) -> Option<ToErase> {
    let (pk, sk) = keys(record);
    match (record.event_name.as_str(), Key::parse(&pk, &sk)?) {
        ("INSERT", Key::Event(report, _)) => {
            let image = HashMap::from(record.change.new_image.clone());
            let unfounded = AttributeValue::S(RejectionReason::Unfounded.name().to_owned());
            if image.get("erases") == Some(&AttributeValue::Bool(true)) {
                Some(ToErase::ContentOf(report))
            } else {
                (image.get("reason") == Some(&unfounded)).then_some(ToErase::OutcomeTextsOf(report))
            }
        }
        ("REMOVE", Key::Media(media)) => Some(ToErase::Slot(media)),
        _ => None,
    }
}

fn keys(record: &EventRecord) -> (String, String) {
    let text = |name: &str| match record.change.keys.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    };
    (text("pk"), text("sk"))
}
