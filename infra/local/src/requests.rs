//! The requests that the functions make to DynamoDB, written down one by one, so that a
//! test can hold every operation to its budget, and what they would be billed for.
//!
//! The units are those that the embedded DynamoDB answers to `ReturnConsumedCapacity`: it sizes each item before and after
//! the write and the view that each index has of it, which a client cannot see. On which key they fall is told by the
//! requests themselves.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
            BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
        },
    },
    error::BoxError,
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        delete_item::{DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        transact_get_items::{TransactGetItemsInput, TransactGetItemsOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity, TransactWriteItem},
};
use pingan_store::{TableNames, keys::Index};
use serde::{Deserialize, Serialize};

use crate::key_shape;

/// What is written as one unit.
const WRITE_UNIT_BYTES: usize = 1_024;

/// The requests, in order. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<Written>>, Arc<AtomicBool>);

#[derive(Debug, Default)]
struct Written {
    names: Vec<String>,
    under_way: usize,
    rounds: usize,
    /// What was billed, by place.
    billed: BTreeMap<String, Billed>,
    /// Which keys were read and written in a place, and with what weight.
    looked_at: Touched,
    changed: Touched,
    /// Under which key an index was last written: what leaves it is deleted by the key of the table.
    seen: BTreeMap<String, String>,
}

type Touched = BTreeMap<String, BTreeMap<String, u64>>;

#[derive(Debug, Clone, Copy, Default)]
struct Billed {
    read_half_units: u64,
    write_units: u64,
}

/// What was asked of DynamoDB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The names of the requests: `BatchGetItem`, `Query`, ….
    pub names: Vec<String>,
    /// How many round trips they took: what is sent while another one is under way takes none of its own.
    pub rounds: usize,
    /// What they would be billed for, by place and key; nothing until [`Requests::weigh`] is called.
    pub units: Vec<Units>,
}

/// What is billed for what lies under one kind of key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Units {
    /// The table or the index: `reports`, `reports/queue-by-stage`.
    pub place: String,
    /// The partition key, with what differs from one to the next as a word: `QUEUE#<community>#officer`.
    pub key: String,
    /// Read request units, in halves: what is read with strong consistency takes two of them for each 4 KB.
    pub read_half_units: u64,
    /// Write request units, of 1 KB; in a transaction the table takes two.
    pub write_units: u64,
}

/// What one call of an operation takes, or what a function does that follows from it: a row of the files from which
/// the costs are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The operation, by its name in the description of the API; or the function.
    pub operation: String,
    /// Which of its cases; empty for the usual one.
    pub case: String,
    /// The requests, by their names; those to S3 by their methods.
    pub requests: Vec<String>,
    /// How many messages were published to SNS.
    pub published: u64,
    /// What DynamoDB bills for them.
    pub units: Vec<Units>,
}

impl Counted {
    /// Read request units, in halves.
    pub fn read_half_units(&self) -> u64 {
        self.units.iter().map(|units| units.read_half_units).sum()
    }

    /// Write request units.
    pub fn write_units(&self) -> u64 {
        self.units.iter().map(|units| units.write_units).sum()
    }
}

impl Requests {
    /// Asks from now on for what each request is billed for as well. It makes the embedded database slower.
    pub fn weigh(&self) {
        self.1.store(true, Ordering::Relaxed);
    }

    /// What was asked since the last time this was called.
    pub fn take(&self) -> Asked {
        let mut written = self.lock();
        let units = written.units();
        written.billed.clear();
        written.looked_at.clear();
        written.changed.clear();
        Asked { names: std::mem::take(&mut written.names), rounds: std::mem::take(&mut written.rounds), units }
    }

    /// How many requests there were since the last time they were taken.
    pub fn count(&self) -> usize {
        self.lock().names.len()
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    /// What was billed in each place, shared out over the keys that were touched there.
    fn units(&self) -> Vec<Units> {
        let mut units: BTreeMap<(String, String), Billed> = BTreeMap::new();
        for (place, billed) in &self.billed {
            for (key, share) in self.shares(place, &self.looked_at, billed.read_half_units) {
                units.entry((place.clone(), key)).or_default().read_half_units = share;
            }
            for (key, share) in self.shares(place, &self.changed, billed.write_units) {
                units.entry((place.clone(), key)).or_default().write_units = share;
            }
        }
        let billed = units.into_iter().filter(|(_, billed)| billed.read_half_units + billed.write_units > 0);
        billed
            .map(|((place, key), Billed { read_half_units, write_units })| Units {
                place,
                key,
                read_half_units,
                write_units,
            })
            .collect()
    }

    fn shares(&self, place: &str, touched: &Touched, total: u64) -> Vec<(String, u64)> {
        let Some(keys) = touched.get(place) else {
            let unnamed = || "?".to_owned();
            return vec![(self.seen.get(place).cloned().unwrap_or_else(unnamed), total)];
        };
        let weights: Vec<u64> = keys.values().copied().collect();
        keys.keys().cloned().zip(shared_out(total, &weights)).collect()
    }

    fn read(&mut self, place: String, pk: &str) {
        *self.looked_at.entry(place).or_default().entry(key_shape::of(pk)).or_default() += 1;
    }

    fn write(&mut self, place: &str, pk: &str, weight: u64) {
        *self.changed.entry(place.to_owned()).or_default().entry(key_shape::of(pk)).or_default() += weight;
    }

    /// A write of an item as a whole, with the places that it takes in indexes.
    fn put(&mut self, table: &str, item: &Item) {
        let table = plain(table);
        let size_bytes = item_bytes(item);
        let weight = u64::try_from(size_bytes.div_ceil(WRITE_UNIT_BYTES)).unwrap_or(u64::MAX).max(1);
        self.write(table, text(item, "pk"), weight);
        let names = TableNames::with_prefix("");
        for index in Index::ALL.into_iter().filter(|index| names.of(index.table()).trim_start_matches('-') == table) {
            let pk = text(item, index.attributes().0);
            // What has no key of the index does not stand in it.
            if !pk.is_empty() {
                let place = format!("{table}/{}", index.name());
                self.write(&place, pk, 1);
                self.seen.insert(place, key_shape::of(pk));
            }
        }
    }

    fn change(&mut self, table: &str, key: &Item) {
        self.write(plain(table), text(key, "pk"), 1);
    }

    fn transact(&mut self, item: &TransactWriteItem) {
        if let Some(put) = &item.put {
            self.put(&put.table_name, &put.item);
        }
        if let Some(update) = &item.update {
            self.change(&update.table_name, &update.key);
        }
        if let Some(delete) = &item.delete {
            self.change(&delete.table_name, &delete.key);
        }
        if let Some(check) = &item.condition_check {
            self.change(&check.table_name, &check.key);
        }
    }

    fn bill(&mut self, capacity: &ConsumedCapacity, written: bool) {
        let table = plain(capacity.table_name().unwrap_or_default());
        let indexes = capacity.global_secondary_indexes().into_iter().flatten();
        let mut of_indexes = 0;
        for (name, index) in indexes {
            let half_units = half_units(index.capacity_units().unwrap_or_default());
            of_indexes += half_units;
            self.bill_place(format!("{table}/{name}"), half_units, written);
        }
        let all = half_units(capacity.capacity_units().unwrap_or_default());
        self.bill_place(table.to_owned(), all.saturating_sub(of_indexes), written);
    }

    fn bill_place(&mut self, place: String, half_units: u64, written: bool) {
        let billed = self.billed.entry(place).or_default();
        if written {
            billed.write_units += half_units / 2;
        } else {
            billed.read_half_units += half_units;
        }
    }
}

/// Shares a total out in whole numbers by these weights; what is left over goes to the heaviest.
fn shared_out(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum();
    let mut shares: Vec<u64> = weights.iter().map(|weight| total * weight / sum.max(1)).collect();
    let left = total - shares.iter().sum::<u64>();
    let heaviest = (0..weights.len()).max_by_key(|place| weights[*place]);
    if let Some(share) = heaviest.and_then(|place| shares.get_mut(place)) {
        *share += left;
    }
    shares
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// The name of a table without the prefix of the deployment.
fn plain(table: &str) -> &str {
    table.rsplit('-').next().unwrap_or(table)
}

/// Units as the service says them, in halves: it bills no smaller part.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "units are small and not negative")]
fn half_units(units: f64) -> u64 {
    (units * 2.0).round() as u64
}

/// How large an item is, as DynamoDB counts: names and values in UTF-8, three bytes for a list or a map and one for each
/// element, about half a byte for a digit.
fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number.len().div_ceil(2) + 1).sum(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| name.len() + 1 + value_bytes(value)).sum::<usize>()
        }
        _ => 1,
    }
}

/// Writes down every request that is sent, retries included.
#[derive(Debug)]
pub(crate) struct CountRequests(pub(crate) Requests);

/// Asks for what the request is billed for, when the input is of this type, and writes down the keys in it.
macro_rules! ask {
    ($context:ident, $input:ty, $note:expr) => {
        if let Some(input) = $context.input_mut().downcast_mut::<$input>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes);
            let note: fn(&$input, &mut Written) = $note;
            return Some(Box::new({
                let input = input.clone();
                move |written: &mut Written| note(&input, written)
            }));
        }
    };
}

type Note = Box<dyn FnOnce(&mut Written)>;

fn ask(context: &mut BeforeSerializationInterceptorContextMut<'_>) -> Option<Note> {
    ask!(context, PutItemInput, |input, written| {
        written.put(input.table_name().unwrap_or_default(), input.item().unwrap_or(&Item::new()));
    });
    ask!(context, UpdateItemInput, |input, written| {
        written.change(input.table_name().unwrap_or_default(), input.key().unwrap_or(&Item::new()));
    });
    ask!(context, DeleteItemInput, |input, written| {
        written.change(input.table_name().unwrap_or_default(), input.key().unwrap_or(&Item::new()));
    });
    ask!(context, TransactWriteItemsInput, |input, written| {
        input.transact_items().iter().for_each(|item| written.transact(item));
    });
    ask!(context, GetItemInput, |input, written| {
        let table = plain(input.table_name().unwrap_or_default()).to_owned();
        written.read(table, text(input.key().unwrap_or(&Item::new()), "pk"));
    });
    ask!(context, BatchGetItemInput, |input, written| {
        for (table, keys) in input.request_items().into_iter().flatten() {
            keys.keys().iter().for_each(|key| written.read(plain(table).to_owned(), text(key, "pk")));
        }
    });
    ask!(context, TransactGetItemsInput, |input, written| {
        for get in input.transact_items().iter().filter_map(|item| item.get()) {
            written.read(plain(get.table_name()).to_owned(), text(get.key(), "pk"));
        }
    });
    ask!(context, QueryInput, |input, written| {
        let table = plain(input.table_name().unwrap_or_default());
        let place = input.index_name().map_or_else(|| table.to_owned(), |index| format!("{table}/{index}"));
        let empty = Item::new();
        written.read(place, text(input.expression_attribute_values().unwrap_or(&empty), ":pk"));
    });
    None
}

/// What a request was billed for, and whether that is for writing.
fn billed(context: &AfterDeserializationInterceptorContextRef<'_>) -> Option<(Vec<ConsumedCapacity>, bool)> {
    let output = context.output_or_error().ok()?;
    let one = |capacity: Option<&ConsumedCapacity>| capacity.cloned().into_iter().collect::<Vec<_>>();
    if let Some(output) = output.downcast_ref::<PutItemOutput>() {
        return Some((one(output.consumed_capacity()), true));
    }
    if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
        return Some((one(output.consumed_capacity()), true));
    }
    if let Some(output) = output.downcast_ref::<DeleteItemOutput>() {
        return Some((one(output.consumed_capacity()), true));
    }
    if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
        return Some((output.consumed_capacity().to_vec(), true));
    }
    if let Some(output) = output.downcast_ref::<GetItemOutput>() {
        return Some((one(output.consumed_capacity()), false));
    }
    if let Some(output) = output.downcast_ref::<QueryOutput>() {
        return Some((one(output.consumed_capacity()), false));
    }
    if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
        return Some((output.consumed_capacity().to_vec(), false));
    }
    output.downcast_ref::<TransactGetItemsOutput>().map(|output| (output.consumed_capacity().to_vec(), false))
}

impl Intercept for CountRequests {
    fn name(&self) -> &'static str {
        "CountRequests"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0.1.load(Ordering::Relaxed)
            && let Some(note) = ask(context)
        {
            note(&mut self.0.lock());
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some((capacities, for_writing)) = billed(context) {
            let mut written = self.0.lock();
            for capacity in &capacities {
                written.bill(capacity, for_writing);
            }
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // S3 has no targets: there it is the method.
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or(request.method());
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut written = self.0.lock();
        // A server that runs for days is not a test: the newest are enough.
        if written.names.len() >= 10_000 {
            written.names.clear();
        }
        written.names.push(operation);
        if written.under_way == 0 {
            written.rounds += 1;
        }
        written.under_way += 1;
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut written = self.0.lock();
        written.under_way = written.under_way.saturating_sub(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_total() {
        for (total, weights, shares) in [
            (0, vec![1, 1], vec![0, 0]),
            (7, vec![1, 2], vec![2, 5]),
            (8, vec![2, 2, 4], vec![2, 2, 4]),
            (5, vec![], vec![]),
        ] {
            assert_eq!(shared_out(total, &weights), shares, "{total} over {weights:?}");
        }
        for total in 0..50 {
            assert_eq!(shared_out(total, &[3, 1, 4, 1, 5]).iter().sum::<u64>(), total);
        }
    }

    #[test]
    fn items_are_as_large_as_dynamodb_says() {
        let s = |text: &str| AttributeValue::S(text.to_owned());
        for (value, bytes) in [
            (s("平安"), 6),
            (AttributeValue::N("12345".to_owned()), 4),
            (AttributeValue::Bool(true), 1),
            (AttributeValue::L(vec![s("ab"), s("c")]), 3 + 2 + 3),
            (AttributeValue::M([("k".to_owned(), s("ab"))].into()), 3 + 1 + 1 + 2),
        ] {
            assert_eq!(item_bytes(&[("n".to_owned(), value.clone())].into()), 1 + bytes, "{value:?}");
        }
    }

    #[test]
    fn what_is_billed_falls_on_the_keys_that_were_touched() {
        let mut written = Written::default();
        let s = |text: &str| AttributeValue::S(text.to_owned());
        let item = Item::from([
            ("pk".to_owned(), s("REPORT#A1")),
            ("queue_pk".to_owned(), s("QUEUE#demo.river.boatyard#officer")),
        ]);
        written.put("pingan-reports", &item);
        let gsi = aws_sdk_dynamodb::types::Capacity::builder().capacity_units(1.0).build();
        let capacity = ConsumedCapacity::builder()
            .table_name("pingan-reports")
            .capacity_units(3.0)
            .global_secondary_indexes("queue-by-stage", gsi)
            .build();
        written.bill(&capacity, true);
        written.read("members".to_owned(), "MEMBER#0");
        written.bill(&ConsumedCapacity::builder().table_name("pingan-members").capacity_units(0.5).build(), false);
        let seen: Vec<_> = written
            .units()
            .into_iter()
            .map(|units| (units.place, units.key, units.read_half_units, units.write_units))
            .collect();
        let expected = [
            ("members", "MEMBER#<member>", 1, 0),
            ("reports", "REPORT#<code>", 0, 2),
            ("reports/queue-by-stage", "QUEUE#<community>#officer", 0, 1),
        ];
        assert_eq!(seen, expected.map(|(place, key, reads, writes)| (place.into(), key.into(), reads, writes)));
    }
}
