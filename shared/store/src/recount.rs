//! Maintenance: counting everything anew from the records, and setting the counters right.
//!
//! This is the one place that reads whole tables (`Scan`), for itself and for the proof of the money
//! (`proof.rs`). It is for an operator, while nothing is
//! tallied: what is tallied meanwhile would be taken for a difference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::tz::TimeZone;
use pingan_domain::{
    error::Error,
    event::Event,
    member::MemberId,
    membership::{MemberEvent, Profile},
    outcome::OutcomeEvent,
    report::{Report, ReportId},
    reward::RewardEvent,
    tally::{Aggregate, Counter, Tallied, Tallies, completed, completed_history},
    territory::NodeId,
};

use crate::{
    Store,
    fault::fault,
    item::{Item, decode, key_attributes, key_of},
    keys::{Key, Span, Table},
    tallies::{marks_item, marks_of, tallies_of, tally_item},
};

/// The most pages of a table that are read, of 1 MiB each: a terabyte.
const MAX_SCAN_PAGES: usize = 1_000_000;

/// A counter that stands at something else than the records say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The node.
    pub node: NodeId,
    /// The day or the month.
    pub span: Span,
    /// The counter.
    pub counter: Counter,
    /// What it stands at.
    pub stands: i64,
    /// What the records say.
    pub counted: i64,
}

/// What a recount has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recount {
    /// How many events change a counter.
    pub events: u64,
    /// How many counters there are, of every node, day and month.
    pub counters: u64,
    /// Those that stand at something else.
    pub differences: Vec<Difference>,
    /// How many events bear no mark that they were counted: they still wait in a stream, or never
    /// came out of it.
    pub unmarked: u64,
    /// How many marks there are of events that there are not.
    pub marks_of_nothing: u64,
    /// The items that cannot be read, each with the reason. What they say is in none of the above.
    pub unreadable: Vec<String>,
}

impl Recount {
    /// Whether the counters and marks are as the records say.
    pub fn is_right(&self) -> bool {
        self.differences.is_empty() && self.unmarked == 0 && self.marks_of_nothing == 0 && self.unreadable.is_empty()
    }
}

type Marks = BTreeMap<Aggregate, BTreeSet<u64>>;
type Standing = BTreeMap<(NodeId, Span), Tallies>;

impl Store {
    /// Counts everything anew from the events of reports, members, outcomes and rewards, whatever was marked
    /// as counted, and compares it with what stands. With `repair`, sets counters and marks right:
    /// what is marked is not counted again when it still comes out of a stream.
    ///
    /// An item that cannot be read is named and does not stop the recount. Nothing is set right as
    /// long as there is one: what it once counted for would be lost.
    pub async fn recount(&self, time_zone: &TimeZone, repair: bool) -> Result<Recount, Error> {
        let mut unreadable = Vec::new();
        let (counted, marked) = sums(&self.every_event(time_zone, &mut unreadable).await?);
        let (standing, marks) = self.standing(&mut unreadable).await?;
        let mut recount = Recount {
            events: marked.values().map(|events| events.len() as u64).sum(),
            counters: counted.values().map(|tallies| tallies.len() as u64).sum(),
            differences: differences(&standing, &counted),
            unmarked: missing(&marked, &marks),
            marks_of_nothing: missing(&marks, &marked),
            unreadable,
        };
        recount.differences.sort_unstable();
        if repair && recount.unreadable.is_empty() {
            self.set_right(&counted, &standing, &marked, &marks).await?;
        }
        Ok(recount)
    }

    /// Every event that changes a counter.
    async fn every_event(&self, time_zone: &TimeZone, unreadable: &mut Vec<String>) -> Result<Vec<Tallied>, Error> {
        let mut tallied = Vec::new();
        let (mut events, mut reports) = (Vec::<Event>::new(), HashMap::<ReportId, Report>::new());
        self.scan(Table::Reports, &["event", "report"], unreadable, |key, item| {
            match key {
                Key::Event(..) => events.push(decode(&key, &item)?),
                Key::Report(id) => drop(reports.insert(id, decode(&key, &item)?)),
                _ => {}
            }
            Ok(())
        })
        .await?;
        for event in events {
            let event = match reports.get(&event.report) {
                Some(report) => completed(event, report),
                None => event,
            };
            tallied.push(Tallied::of_report(&event, time_zone));
        }
        let (mut histories, mut profiles) =
            (BTreeMap::<MemberId, Vec<MemberEvent>>::new(), HashMap::<MemberId, Profile>::new());
        self.scan(Table::Members, &["member_event", "member"], unreadable, |key, item| {
            match &key {
                Key::MemberEvent(id, _) => histories.entry(id.clone()).or_default().push(decode(&key, &item)?),
                Key::Member(id) => drop(profiles.insert(id.clone(), decode(&key, &item)?)),
                _ => {}
            }
            Ok(())
        })
        .await?;
        for (id, mut history) in histories {
            history.sort_by_key(|event| event.seq);
            if let Some(profile) = profiles.get(&id) {
                history = completed_history(history, profile);
            }
            tallied.extend(history.iter().map(|event| Tallied::of_member(event, time_zone)));
        }
        self.scan(Table::Outcomes, &["outcome_event"], unreadable, |key, item| {
            let event: OutcomeEvent = decode(&key, &item)?;
            tallied.push(Tallied::of_outcome(&event));
            Ok(())
        })
        .await?;
        self.scan(Table::Rewards, &["reward_event"], unreadable, |key, item| {
            let event: RewardEvent = decode(&key, &item)?;
            tallied.push(Tallied::of_reward(&event, time_zone));
            Ok(())
        })
        .await?;
        tallied.retain(|event| !event.changes.is_empty());
        Ok(tallied)
    }

    /// What stands in the counters and marks.
    async fn standing(&self, unreadable: &mut Vec<String>) -> Result<(Standing, Marks), Error> {
        let (mut standing, mut marks) = (Standing::new(), Marks::new());
        self.scan(Table::Tallies, &["tally", "tallied"], unreadable, |key, item| {
            match key {
                Key::Tally(node, span) => drop(standing.insert((node, span), tallies_of(&item)?)),
                Key::Tallied(aggregate) => drop(marks.insert(aggregate, marks_of(&item))),
                _ => {}
            }
            Ok(())
        })
        .await?;
        Ok((standing, marks))
    }

    /// Hands every item of these types to `take`, and notes down those that it cannot read. Nothing
    /// but maintenance may read a whole table.
    pub(crate) async fn scan(
        &self,
        table: Table,
        types: &[&str],
        unreadable: &mut Vec<String>,
        mut take: impl FnMut(Key, Item) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let wanted: Vec<String> = (0..types.len()).map(|i| format!(":t{i}")).collect();
        let mut start = None;
        for _ in 0..MAX_SCAN_PAGES {
            let mut request = self
                .client
                .scan()
                .table_name(self.tables.of(table))
                .consistent_read(true)
                .filter_expression(format!("#type IN ({})", wanted.join(", ")))
                .expression_attribute_names("#type", "type")
                .set_exclusive_start_key(start);
            for (name, kind) in wanted.iter().zip(types) {
                request = request.expression_attribute_values(name, AttributeValue::S((*kind).to_owned()));
            }
            let page = request.send().await.map_err(|error| fault("Scan", &error))?;
            for item in page.items.unwrap_or_default() {
                let taken = key_of(&item).and_then(|key| take(key, item));
                unreadable.extend(taken.err().map(|error| error.to_string()));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
        Err(Error::Internal(format!("{table:?} has more than {MAX_SCAN_PAGES} pages")))
    }

    /// Puts what differs as it should be. Whoever is killed on the way does it again.
    async fn set_right(
        &self,
        counted: &Standing,
        standing: &Standing,
        marked: &Marks,
        marks: &Marks,
    ) -> Result<(), Error> {
        for key in standing.keys().filter(|key| !counted.contains_key(key)) {
            self.drop_tally(&Key::Tally(key.0.clone(), key.1)).await?;
        }
        for (at, tallies) in counted {
            if !same(Some(tallies), standing.get(at)) {
                let key = Key::Tally(at.0.clone(), at.1);
                self.put_tally(tally_item(&key, tallies)).await?;
            }
        }
        for aggregate in marks.keys().filter(|aggregate| !marked.contains_key(aggregate)) {
            self.drop_tally(&Key::Tallied(aggregate.clone())).await?;
        }
        for (aggregate, events) in marked {
            if marks.get(aggregate) != Some(events) {
                let key = Key::Tallied(aggregate.clone());
                self.put_tally(marks_item(&key, events)).await?;
            }
        }
        Ok(())
    }

    async fn put_tally(&self, item: Item) -> Result<(), Error> {
        let sent = self.client.put_item().table_name(self.tables.of(Table::Tallies)).set_item(Some(item)).send().await;
        sent.map(drop).map_err(|error| fault("PutItem", &error))
    }

    async fn drop_tally(&self, key: &Key) -> Result<(), Error> {
        let request = self.client.delete_item().table_name(self.tables.of(Table::Tallies));
        let sent = request.set_key(Some(key_attributes(key))).send().await;
        sent.map(drop).map_err(|error| fault("DeleteItem", &error))
    }
}

/// The counters that these events make, and the events themselves.
fn sums(events: &[Tallied]) -> (Standing, Marks) {
    let (mut counted, mut marked) = (Standing::new(), Marks::new());
    for Tallied { source: (aggregate, seq), changes } in events {
        marked.entry(aggregate.clone()).or_default().insert(*seq);
        for change in changes {
            for span in [Span::Day(change.day), Span::month_of(change.day)] {
                let tallies = counted.entry((change.node.clone(), span)).or_default();
                *tallies.entry(change.counter.clone()).or_default() += change.by;
            }
        }
    }
    (counted, marked)
}

fn differences(standing: &Standing, counted: &Standing) -> Vec<Difference> {
    let nothing = Tallies::new();
    let places: BTreeSet<_> = standing.keys().chain(counted.keys()).collect();
    let mut differences = Vec::new();
    for place in places {
        let (stands, should) = (standing.get(place).unwrap_or(&nothing), counted.get(place).unwrap_or(&nothing));
        let counters: BTreeSet<_> = stands.keys().chain(should.keys()).collect();
        for counter in counters {
            let [stands, counted] = [stands, should].map(|tallies| tallies.get(counter).copied().unwrap_or(0));
            if stands != counted {
                let (node, span) = place.clone();
                differences.push(Difference { node, span, counter: counter.clone(), stands, counted });
            }
        }
    }
    differences
}

fn same(one: Option<&Tallies>, other: Option<&Tallies>) -> bool {
    let standing = |tallies: Option<&Tallies>| -> Tallies {
        let all = tallies.into_iter().flatten();
        all.filter(|(_, count)| **count != 0).map(|(counter, count)| (counter.clone(), *count)).collect()
    };
    standing(one) == standing(other)
}

/// How many of these are not among those.
fn missing(these: &Marks, those: &Marks) -> u64 {
    let none = BTreeSet::new();
    these
        .iter()
        .map(|(aggregate, events)| events.difference(those.get(aggregate).unwrap_or(&none)).count() as u64)
        .sum()
}
