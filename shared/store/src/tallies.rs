//! The counters of the statistics: counted up exactly once for each event, and read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, TransactWriteItem, Update},
};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, try_join};
use jiff::civil::Date;
use pingan_domain::{
    district::District,
    error::Error,
    member::Member,
    statistics::{By, Figures, Period, Series},
    suppression::{Needed, Row, shown},
    tally::{Aggregate, Counter, Source, Tallied, Tallies, add},
    territory::NodeId,
};

use crate::{
    Store,
    fault::fault,
    item::{Item, SCHEMA, key_attributes, key_of, text},
    keys::{self, Key, Span, Table},
};

/// The most items of one transaction.
const MAX_WRITES: usize = 100;
/// The most events of one transaction: what they add to one item stays within what DynamoDB
/// takes as one expression.
const MAX_EVENTS: usize = 60;
/// The most pages of one range of counters, of 1 MiB each.
const MAX_PAGES: usize = 50;
/// How many nodes are read at once.
const NODES_AT_ONCE: usize = 32;
/// The attributes of an item that are no counters.
const OWN: [&str; 4] = ["pk", "sk", "type", "schema"];

/// What came of counting events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counting {
    /// They are counted, all of them.
    Done,
    /// Nothing was counted: these were counted before.
    Before(BTreeSet<Source>),
    /// Nothing was counted: somebody else counts at the same places in this moment.
    Conflict,
}

/// Divides events into those that are counted together, in their order: as many as one
/// transaction takes.
pub fn batches(events: &[Tallied]) -> Vec<&[Tallied]> {
    let mut batches = Vec::new();
    let (mut first, mut keys) = (0, BTreeSet::new());
    for (i, event) in events.iter().enumerate() {
        let more = writes_of(event);
        let together = keys.union(&more).count();
        if i > first && (together > MAX_WRITES || i - first == MAX_EVENTS) {
            batches.push(&events[first..i]);
            first = i;
            keys = more;
        } else {
            keys.extend(more);
        }
    }
    if first < events.len() {
        batches.push(&events[first..]);
    }
    batches
}

/// What an event writes, by the texts of the keys.
fn writes_of(event: &Tallied) -> BTreeSet<(String, String)> {
    let changes = event.changes.iter();
    let keys = changes.flat_map(|change| {
        [Span::Day(change.day), Span::month_of(change.day)].map(|span| Key::Tally(change.node.clone(), span))
    });
    keys.chain([Key::Tallied(event.source.0.clone())]).map(|key| (key.pk(), key.sk())).collect()
}

impl Store {
    /// Counts events in one transaction with the marks that they were counted: all of them, or
    /// nothing. They are one of the [`batches`], and none is in it twice.
    ///
    /// The marks of a report, a member or an outcome stand in one item for good. However late an
    /// event comes again, it is known.
    pub async fn count(&self, events: &[Tallied]) -> Result<Counting, Error> {
        let mut marks: BTreeMap<&Aggregate, BTreeSet<u64>> = BTreeMap::new();
        let mut sums: BTreeMap<(&NodeId, Span), Tallies> = BTreeMap::new();
        for event in events {
            marks.entry(&event.source.0).or_default().insert(event.source.1);
            for change in &event.changes {
                for span in [Span::Day(change.day), Span::month_of(change.day)] {
                    let sum = sums.entry((&change.node, span)).or_default();
                    *sum.entry(change.counter.clone()).or_default() += change.by;
                }
            }
        }
        let table = self.tables.of(Table::Tallies);
        let mut writes = Vec::new();
        for (aggregate, events) in &marks {
            writes.push(mark(table, aggregate, events)?);
        }
        let marked = writes.len();
        for ((node, span), sum) in &sums {
            writes.push(count_up(table, &Key::Tally((*node).clone(), *span), sum)?);
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(Counting::Done) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return match fault("TransactWriteItems", &error) {
                Error::Busy { .. } => Ok(Counting::Conflict),
                error => Err(error),
            };
        };
        let codes: Vec<_> = canceled.cancellation_reasons().iter().filter_map(CancellationReason::code).collect();
        if codes.iter().take(marked).any(|code| *code == "ConditionalCheckFailed") {
            return Ok(Counting::Before(self.counted_before(events).await?));
        }
        let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
        if codes.iter().any(|code| passing.contains(code)) {
            return Ok(Counting::Conflict);
        }
        Err(Error::Internal(format!("the transaction was cancelled: {codes:?}")))
    }

    /// Those of these events that were counted.
    async fn counted_before(&self, events: &[Tallied]) -> Result<BTreeSet<Source>, Error> {
        let loaded = self.load(events.iter().map(|event| Key::Tallied(event.source.0.clone()))).await?;
        let mut before = BTreeSet::new();
        for Tallied { source, .. } in events {
            let item = loaded.item(&Key::Tallied(source.0.clone()));
            if item.is_some_and(|item| item.contains_key(&source.1.to_string())) {
                before.insert(source.clone());
            }
        }
        Ok(before)
    }

    /// The figures of a node from one day to another, both included.
    pub async fn figures(&self, node: &NodeId, from: Date, to: Date) -> Result<Figures, Error> {
        Ok(Figures::of(&self.tallies(node, Period { from, to }).await?))
    }

    /// The counters of a node over a period.
    pub async fn tallies(&self, node: &NodeId, period: Period) -> Result<Tallies, Error> {
        let mut sum = Tallies::new();
        for (_, tallies) in self.tallies_of_spans(node, period, None).await? {
            add(&mut sum, &tallies);
        }
        Ok(sum)
    }

    /// What a reader is shown of these nodes of a district, by the parts of a period that are whole.
    pub async fn statistics(
        &self,
        district: &District,
        nodes: &[NodeId],
        (period, by): (Period, By),
        reader: &Member,
    ) -> Result<Vec<Row>, Error> {
        let needed = Needed::by(reader, by);
        let all: Vec<NodeId> = match needed {
            Needed::Nothing => Vec::new(),
            Needed::People | Needed::All => {
                let places = district.nodes.iter().map(|place| place.node.clone());
                std::iter::once(district.node.clone()).chain(places).collect()
            }
        };
        let (rows, months) = try_join!(
            self.tally_rows(nodes, period, by, None),
            self.tally_rows(&all, period.widened(By::Year), By::Month, needed.counters()),
        )?;
        Ok(shown(rows, &months, reader, by))
    }

    /// The counters of nodes by the parts of a period; all of them, or `only` some.
    async fn tally_rows(
        &self,
        nodes: &[NodeId],
        period: Period,
        by: By,
        only: Option<Vec<Counter>>,
    ) -> Result<Vec<(NodeId, Series)>, Error> {
        let only = only.as_deref();
        // What is being read is several kilobytes, and would be copied from one queue into the next.
        let rows = nodes.iter().cloned().map(|node| {
            Box::pin(async move {
                let series = self.tally_series(&node, period, by, only).await?;
                Ok((node, series))
            })
        });
        futures::stream::iter(rows).buffered(NODES_AT_ONCE).try_collect().await
    }

    /// The counters of a node, by the parts of a period.
    async fn tally_series(
        &self,
        node: &NodeId,
        period: Period,
        by: By,
        only: Option<&[Counter]>,
    ) -> Result<Series, Error> {
        let found = match by {
            By::Day => self.tallies_between(node, Span::Day(period.from), Span::Day(period.to), only).await?,
            By::Month | By::Year => self.tallies_of_spans(node, period, only).await?,
        };
        let mut parts: Vec<_> = period.parts(by).into_iter().map(|part| (part, Tallies::new())).collect();
        for (span, tallies) in found {
            let (Span::Day(day) | Span::Month(day)) = span;
            let part = parts.iter_mut().find(|(part, _)| (part.from..=part.to).contains(&day));
            if let Some((_, sum)) = part {
                add(sum, &tallies);
            }
        }
        Ok(parts)
    }

    /// The items that make up a period: its whole months, and the days before and after.
    async fn tallies_of_spans(
        &self,
        node: &NodeId,
        period: Period,
        only: Option<&[Counter]>,
    ) -> Result<Vec<(Span, Tallies)>, Error> {
        let reading = period.reading();
        let days = |days: Option<Period>| days.map(|days| (Span::Day(days.from), Span::Day(days.to)));
        let months = reading.months.map(|months| (Span::month_of(months.from), Span::month_of(months.to)));
        let ranges = [days(reading.before), months, days(reading.after)].into_iter().flatten();
        let found = try_join_all(ranges.map(|(from, to)| Box::pin(self.tallies_between(node, from, to, only)))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn tallies_between(
        &self,
        node: &NodeId,
        from: Span,
        to: Span,
        only: Option<&[Counter]>,
    ) -> Result<Vec<(Span, Tallies)>, Error> {
        // Made for each page: one is the rule, and to keep them for another would mean to copy them all.
        let names = || {
            let only = only?;
            let names = OWN.iter().map(|name| (*name).to_owned()).chain(only.iter().map(Counter::to_string));
            Some(names.enumerate().map(|(i, name)| (format!("#n{i}"), name)).collect::<HashMap<_, _>>())
        };
        let shows =
            only.map(|only| (0..OWN.len() + only.len()).map(|i| format!("#n{i}")).collect::<Vec<_>>().join(", "));
        let mut found = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let page = self
                .client
                .query()
                .table_name(self.tables.of(Table::Tallies))
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", AttributeValue::S(keys::tally_pk(node)))
                .expression_attribute_values(":from", AttributeValue::S(from.to_string()))
                .expression_attribute_values(":to", AttributeValue::S(to.to_string()))
                .set_projection_expression(shows.clone())
                .set_expression_attribute_names(names())
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| fault("Query", &error))?;
            for item in page.items.unwrap_or_default() {
                if let Key::Tally(_, span) = key_of(&item)? {
                    found.push((span, tallies_of(&item)?));
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
        Err(Error::Internal(format!("the counters of {node} have more than {MAX_PAGES} pages")))
    }
}

/// The counters of an item.
pub(crate) fn tallies_of(item: &Item) -> Result<Tallies, Error> {
    let mut tallies = Tallies::new();
    for (name, value) in item {
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let refuse = || {
            let [pk, sk] = ["pk", "sk"].map(|name| text(item, name).unwrap_or_default());
            Error::Internal(format!("cannot read {name} of {pk} {sk}"))
        };
        let counter: Counter = name.parse().map_err(|_| refuse())?;
        let count = value.as_n().ok().and_then(|count| count.parse().ok()).ok_or_else(refuse)?;
        tallies.insert(counter, count);
    }
    Ok(tallies)
}

/// The item of counters, as it is put by a recount.
pub(crate) fn tally_item(key: &Key, tallies: &Tallies) -> Item {
    let mut item = own(key);
    let standing = tallies.iter().filter(|(_, count)| **count != 0);
    item.extend(standing.map(|(counter, count)| (counter.to_string(), AttributeValue::N(count.to_string()))));
    item
}

/// The events that an item of marks names.
pub(crate) fn marks_of(item: &Item) -> BTreeSet<u64> {
    item.keys().filter_map(|name| name.parse().ok()).collect()
}

/// The item of marks, as it is put by a recount.
pub(crate) fn marks_item(key: &Key, events: &BTreeSet<u64>) -> Item {
    let mut item = own(key);
    item.extend(events.iter().map(|seq| (seq.to_string(), AttributeValue::Bool(true))));
    item
}

fn own(key: &Key) -> Item {
    let mut item = key_attributes(key);
    item.insert("type".to_owned(), AttributeValue::S(key.kind().to_owned()));
    item.insert("schema".to_owned(), AttributeValue::N(SCHEMA.to_string()));
    item
}

/// Marks events as counted, on condition that none of them was.
fn mark(table: &str, aggregate: &Aggregate, events: &BTreeSet<u64>) -> Result<TransactWriteItem, Error> {
    let key = Key::Tallied(aggregate.clone());
    let mut update = update(table, &key).expression_attribute_values(":yes", AttributeValue::Bool(true));
    let (mut sets, mut conditions) = (Vec::new(), Vec::new());
    for (i, seq) in events.iter().enumerate() {
        update = update.expression_attribute_names(format!("#e{i}"), seq.to_string());
        sets.push(format!("#e{i} = :yes"));
        conditions.push(format!("attribute_not_exists(#e{i})"));
    }
    let update = update
        .update_expression(format!("SET #type = :type, #schema = :schema, {}", sets.join(", ")))
        .condition_expression(conditions.join(" AND "))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn count_up(table: &str, key: &Key, sum: &Tallies) -> Result<TransactWriteItem, Error> {
    let mut update = update(table, key);
    let mut adds = Vec::new();
    for (i, (counter, by)) in sum.iter().enumerate() {
        update = update
            .expression_attribute_names(format!("#c{i}"), counter.to_string())
            .expression_attribute_values(format!(":b{i}"), AttributeValue::N(by.to_string()));
        adds.push(format!("#c{i} :b{i}"));
    }
    let update = update
        .update_expression(format!("SET #type = :type, #schema = :schema ADD {}", adds.join(", ")))
        .build()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn update(table: &str, key: &Key) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
    Update::builder()
        .table_name(table)
        .set_key(Some(key_attributes(key)))
        .expression_attribute_names("#type", "type")
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_values(":type", AttributeValue::S(key.kind().to_owned()))
        .expression_attribute_values(":schema", AttributeValue::N(SCHEMA.to_string()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use pingan_domain::{
        code::Code,
        hash::Digest,
        tally::{Change, MemberStep},
    };

    use super::*;

    /// An event of this report, which is counted in so many nodes on so many days.
    fn event(report: u32, seq: u64, nodes: u32, days: u32) -> Tallied {
        let place = |(node, day): (u32, u32)| Change {
            node: format!("d.s.c{node}").parse().unwrap(),
            day: date(2026, 1, 28).checked_add(jiff::Span::new().days(day)).unwrap(),
            counter: Counter::Member(MemberStep::Left),
            by: 1,
        };
        let places = (0..nodes).flat_map(|node| (0..days).map(move |day| (node, day)));
        let report = Code::from_digest(&Digest::of(&[&report.to_be_bytes()]));
        Tallied { source: (Aggregate::Report(report), seq), changes: places.map(place).collect() }
    }

    #[test]
    fn as_many_are_counted_together_as_one_transaction_takes() {
        let same_day: Vec<_> = (0..200).map(|i| event(i, 1, 3, 1)).collect();
        assert_eq!(batches(&same_day).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [60, 60, 60, 20]);
        // Of one report: one item of marks, whatever the number of its events.
        let one: Vec<_> = (0..70).map(|seq| event(1, seq, 1, 1)).collect();
        assert_eq!(batches(&one).len(), 2);
        for days in 1..9 {
            let events: Vec<_> = (0..90).map(|i| event(i, 1, 1 + i % 5, days)).collect();
            let batches = batches(&events);
            for batch in &batches {
                let writes: BTreeSet<_> = batch.iter().flat_map(writes_of).collect();
                assert!(!batch.is_empty() && batch.len() <= MAX_EVENTS && writes.len() <= MAX_WRITES);
            }
            assert_eq!(batches.concat(), events, "each is counted, in order");
        }
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn counters_and_marks_read_back() {
        let key = Key::Tally("d.s".parse().unwrap(), Span::Day(date(2026, 8, 2)));
        let (one, zero): (Counter, Counter) = ("held#officer#7".parse().unwrap(), "member#left".parse().unwrap());
        let item = tally_item(&key, &Tallies::from([(one.clone(), 3), (zero, 0)]));
        assert_eq!(tallies_of(&item), Ok(Tallies::from([(one, 3)])));
        let mut newer = item;
        newer.insert("mood#good".to_owned(), AttributeValue::N("1".to_owned()));
        assert!(
            matches!(tallies_of(&newer), Err(Error::Internal(_))),
            "what is not understood is not left out of a sum"
        );
        let key = Key::Tallied(event(1, 1, 1, 1).source.0);
        assert_eq!(marks_of(&marks_item(&key, &BTreeSet::from([1, 12]))), BTreeSet::from([1, 12]));
    }
}
