//! Records of the streams of tables.

use std::collections::HashMap;

use aws_lambda_events::event::dynamodb::EventRecord;
use pingan_domain::{error::Error, notice::Notice};
use serde_dynamo::AttributeValue;

use crate::{item::SCHEMA, keys::Key};

/// The notice that this record inserted; none when it is a record of something else. A
/// notice that cannot be read is an error, so that it is kept and looked at by people.
pub fn inserted_notice(record: EventRecord) -> Result<Option<Notice>, Error> {
    let text = |name: &str| match record.change.keys.get(name) {
        Some(AttributeValue::S(text)) => text.as_str(),
        _ => "",
    };
    let (pk, sk) = (text("pk").to_owned(), text("sk").to_owned());
    if record.event_name != "INSERT" || !matches!(Key::parse(&pk, &sk), Some(Key::Notice(..))) {
        return Ok(None);
    }
    let image = HashMap::from(record.change.new_image);
    let refuse = |why: String| Error::Internal(format!("cannot read the notice {pk} {sk} of the stream: {why}"));
    if image.get("schema") != Some(&AttributeValue::N(SCHEMA.to_string())) {
        return Err(refuse(format!("its schema is not {SCHEMA}")));
    }
    let notice = serde_dynamo::from_item(image).map_err(|error| refuse(error.to_string()))?;
    Ok(Some(notice))
}
