//! What lists take when there is much in them.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, Select, WriteRequest};
use futures::stream::{self, StreamExt as _};
use pingan_domain::code::Code;
use pingan_domain::hash::Digest;
use pingan_domain::life::Stage;
use pingan_domain::report::ReportId;
use pingan_local::client::Answer;
use pingan_store::keys::Index;
use pingan_store::{Key, item::Item, item::key_attributes};

use crate::harness::{World, dynamodb, each, expect};

/// How many reports wait in the queue: more than ten thousand, and the one that was sent.
const WAITING: usize = 10_050;
/// The most items that `BatchWriteItem` takes.
const LARGEST_BATCH: usize = 25;
/// How many of these are under way at once.
const AT_ONCE: usize = 4;
/// How many reports a page shows when nothing is said.
const PAGE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_queue_of_more_than_ten_thousand_takes_two_round_trips() {
    let world = World::start_here().await;
    let officer = world.officer("boatyard").await;
    let sent = world.reporter("boatyard").await.reports("The gate of the yard stands open at night.").send().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let table = &world.store().tables().reports;
    let entry = entry_of(&raw, table, sent.parse().unwrap()).await;
    fill(&raw, table, &entry, &sent).await;
    assert_eq!(waiting(&raw, table, &entry).await, WAITING);

    // What was asked for until now is not this list's.
    world.requests();
    let first = officer.lists("/queue").await;
    let taken = world.asked();
    assert!((1..=2).contains(&taken.rounds) && taken.names.len() <= 2, "the first page took {taken:?}");
    let next = format!("/officer-review/queue?cursor={}", first.text("/next"));
    let second = expect(officer.person.get(&next).await.unwrap(), 200);
    let taken = world.asked();
    assert!((1..=2).contains(&taken.rounds) && taken.names.len() <= 2, "the second page took {taken:?}");
    let shown: BTreeSet<_> = codes(&first).into_iter().chain(codes(&second)).collect();
    assert_eq!(shown.len(), 2 * PAGE, "two pages show a hundred reports");
}

fn codes(page: &Answer) -> Vec<&str> {
    each(&page.body["items"], "id")
}

/// The place of a report in the queue of its officer, as it stands in the table.
async fn entry_of(raw: &Client, table: &str, report: ReportId) -> Item {
    let key = key_attributes(&Key::QueueEntry(report, Stage::Officer));
    let found = raw.get_item().table_name(table).set_key(Some(key)).send().await.unwrap();
    found.item.expect("the report waits for its officer")
}

/// Writes the place again under other codes, straight to the table: sending so many reports would take a quarter of an hour.
async fn fill(raw: &Client, table: &str, entry: &Item, sent: &str) {
    let old: Code = sent.parse().unwrap();
    let entries: Vec<_> = (1..WAITING).map(|number| renamed(entry, old, number)).collect();
    let written = stream::iter(entries.chunks(LARGEST_BATCH)).map(|batch| async move {
        let puts = batch.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        let answer = raw.batch_write_item().request_items(table, puts.collect()).send().await.unwrap();
        assert!(answer.unprocessed_items.is_none_or(|left| left.is_empty()), "all of a batch is written");
    });
    written.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// The same place of another report: wherever the code stands, with a dash or without, another one does.
fn renamed(entry: &Item, old: Code, number: usize) -> Item {
    let new = Code::from_digest(&Digest::of(&[b"crowded", &number.to_be_bytes()]));
    let other = |value: &AttributeValue| match value {
        AttributeValue::S(text) => {
            AttributeValue::S(text.replace(old.as_str(), new.as_str()).replace(&old.to_string(), &new.to_string()))
        }
        other => other.clone(),
    };
    entry.iter().map(|(name, value)| (name.clone(), other(value))).collect::<HashMap<_, _>>()
}

/// How many wait in the queue of that place.
async fn waiting(raw: &Client, table: &str, entry: &Item) -> usize {
    let index = Index::QueueByStage;
    let (pk, _) = index.attributes();
    let mut pages = raw
        .query()
        .table_name(table)
        .index_name(index.name())
        .key_condition_expression("#pk = :pk")
        .expression_attribute_names("#pk", pk)
        .expression_attribute_values(":pk", entry[pk].clone())
        .select(Select::Count)
        .into_paginator()
        .send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += usize::try_from(page.unwrap().count).unwrap();
    }
    count
}
