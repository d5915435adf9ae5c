//! The one read of a command.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use pingan_domain::{
    access::AccessHead,
    command::{CommandId, Receipt},
    error::{Error, Refusal},
    media::{Media, MediaId},
    member::{Member, MemberId},
    report::{Report, ReportId},
};
use serde::de::DeserializeOwned;

use crate::{
    Store,
    fault::fault,
    item::{Item, decode, key_attributes, key_of},
    keys::Key,
};

/// How often keys that DynamoDB left unprocessed are asked for again.
const MAX_ROUNDS: u32 = 5;

/// The items that were found under the keys that were asked for.
#[derive(Debug, Default)]
pub struct Loaded {
    items: HashMap<Key, Item>,
}

impl Store {
    /// Reads these items with strong consistency in one `BatchGetItem`; at most 100 keys.
    /// Keys without an item are left out.
    pub async fn load(&self, keys: impl IntoIterator<Item = Key>) -> Result<Loaded, Error> {
        let mut wanted: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        let mut seen = std::collections::HashSet::new();
        for key in keys {
            let table = self.tables.of(key.table()).to_owned();
            let attributes = key_attributes(&key);
            // DynamoDB refuses a batch that names a key twice.
            if seen.insert(key) {
                wanted.entry(table).or_default().push(attributes);
            }
        }
        let mut request = HashMap::new();
        for (table, keys) in wanted {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            request.insert(table, keys.map_err(|error| Error::Internal(error.to_string()))?);
        }

        let mut loaded = Loaded::default();
        for round in 0..MAX_ROUNDS {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(request))
                .send()
                .await
                .map_err(|error| fault("BatchGetItem", &error))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                loaded.items.insert(key_of(&item)?, item);
            }
            request = answer.unprocessed_keys.unwrap_or_default();
            if request.is_empty() {
                return Ok(loaded);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20 << round)).await;
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

impl Loaded {
    /// The member who acts; a token whose subject is no member is refused.
    pub fn actor(&self, id: &MemberId) -> Result<Member, Error> {
        self.get(&Key::Member(id.clone()))?.ok_or(Error::Refused(Refusal::NotAMember))
    }

    /// A report.
    pub fn report(&self, id: ReportId) -> Result<Option<Report>, Error> {
        self.get(&Key::Report(id))
    }

    /// A medium.
    pub fn media(&self, id: MediaId) -> Result<Option<Media>, Error> {
        self.get(&Key::Media(id))
    }

    /// The receipt of a command that was carried out before.
    pub fn receipt(&self, command: CommandId) -> Result<Option<Receipt>, Error> {
        self.get(&Key::Receipt(command))
    }

    /// The end of a report's chain of readings.
    pub fn access_head(&self, id: ReportId) -> Result<AccessHead, Error> {
        Ok(self.get(&Key::AccessHead(id))?.unwrap_or_default())
    }

    fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, Error> {
        self.items.get(key).map(|item| decode(key, item.clone())).transpose()
    }
}
