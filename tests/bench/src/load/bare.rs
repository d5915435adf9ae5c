//! Bare calls to the embedded DynamoDB, beside those of the bundle: what an operation slows down with
//! may be the emulator's own doing, and these show it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem},
};
use pingan_domain::{life::Stage, member::MemberId, territory::NodeId};
use pingan_local::meter::Meter;
use pingan_runtime::Failure;
use pingan_store::{Key, TableNames, item::key_attributes, keys};
use uuid::Uuid;

use super::{
    filling::Item,
    people::{Cast, PAGE, Problems},
};

/// As what these calls are measured.
pub(super) const BARE: &str = "bare";
/// What the names of all partitions begin with that they write to: of no key of the bundle.
const SCRATCH: &str = "BENCH#";

/// A client of the embedded DynamoDB.
pub(super) fn client(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

/// The names of the tables of `cargo dev`.
pub(super) fn names() -> TableNames {
    TableNames::with_prefix("pingan")
}

/// Who sends bare calls.
pub(super) struct Bare {
    client: Client,
    names: TableNames,
    /// The items of a report.
    sample: Vec<Item>,
    /// The queue that is read.
    queue: String,
    /// What is read together: the member and the lists of the district.
    together: [Key; 2],
}

impl Bare {
    /// Sends the same as the bundle: writes such items as a report has, reads the queue of the first reviewer, and
    /// what most commands read.
    pub(super) fn new(url: &str, sample: &[Item], cast: &Cast) -> Result<Self, Failure> {
        let reviewer = cast.reviewers.first().ok_or("there is no reviewer")?;
        let stage = match reviewer.stage {
            "officer" => Stage::Officer,
            "station" => Stage::Station,
            _ => Stage::District,
        };
        Ok(Self {
            client: client(url),
            names: names(),
            sample: sample.to_vec(),
            queue: keys::queue_pk(&NodeId::parse(&reviewer.node)?, stage),
            together: [
                Key::Member(MemberId::parse(&reviewer.id)?),
                Key::District(NodeId::parse(pingan_local::seed::DISTRICT)?),
            ],
        })
    }

    /// Sends them in turn until then.
    pub(super) async fn act(&self, meter: &Meter, problems: &Problems, until: Instant) {
        while Instant::now() < until {
            if let Err(error) = self.calls(meter).await {
                problems.note(BARE, "no answer", error.to_string());
                return;
            }
        }
    }

    async fn calls(&self, meter: &Meter) -> Result<(), Failure> {
        let own = |item: &Item| in_scratch(item, &Uuid::new_v4().to_string());
        let first = self.sample.first().ok_or("there is no report to write like")?;
        let put = self.client.put_item().table_name(&self.names.reports).set_item(Some(own(first)));
        timed(meter, "PutItem", put.send()).await?;

        let mut transaction = self.client.transact_write_items();
        for item in &self.sample {
            let put = Put::builder().table_name(&self.names.reports).set_item(Some(own(item))).build()?;
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        timed(meter, "TransactWriteItems", transaction.send()).await?;

        let index = keys::Index::QueueByStage;
        let page = self
            .client
            .query()
            .table_name(&self.names.reports)
            .index_name(index.name())
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", index.attributes().0)
            .expression_attribute_values(":pk", AttributeValue::S(self.queue.clone()))
            .limit(i32::try_from(PAGE)?);
        timed(meter, "Query", page.send()).await?;

        let asked: Vec<_> = self.together.iter().map(key_attributes).collect();
        let asked = KeysAndAttributes::builder().set_keys(Some(asked)).consistent_read(true).build()?;
        let together = self.client.batch_get_item().request_items(&self.names.members, asked);
        timed(meter, "BatchGetItem", together.send()).await?;
        Ok(())
    }
}

async fn timed<T, E: std::error::Error + Send + Sync + 'static>(
    meter: &Meter,
    name: &str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let answer = call.await;
    let took: Duration = begun.elapsed();
    meter.took(BARE, name, took);
    answer.map_err(|error| {
        let why = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        format!("{name}: {}", why.map(ToString::to_string).collect::<Vec<_>>().join(": ")).into()
    })
}

/// The same item in a partition of its own, in the table and in every index: it is as large and in as many
/// indexes, and no list of the bundle shows it.
fn in_scratch(item: &Item, partition: &str) -> Item {
    let scratch = |(name, value): (&String, &AttributeValue)| {
        let value = if name == "pk" || name.ends_with("_pk") {
            AttributeValue::S(format!("{SCRATCH}{partition}"))
        } else {
            value.clone()
        };
        (name.clone(), value)
    };
    item.iter().map(scratch).collect::<HashMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_stands_in_no_list_of_the_bundle() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = Item::from([
            ("pk".to_owned(), text("REPORT#1")),
            ("queue_pk".to_owned(), text("QUEUE#demo#district")),
            ("queue_sk".to_owned(), text("3#1")),
        ]);
        let own = in_scratch(&item, "x");
        assert_eq!((&own["pk"], &own["queue_pk"]), (&text("BENCH#x"), &text("BENCH#x")));
        assert_eq!(own["queue_sk"], text("3#1"));
    }
}
