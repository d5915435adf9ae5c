//! A district at random, whose events come to the tally more than once, late, and in every order that streams allow,
//! while the tally is killed again and again: in the end it says what a recount says.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use aws_lambda_events::event::dynamodb::{Event as StreamEvent, EventRecord};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use jiff::{SignedDuration, Timestamp};
use pingan_domain::{
    calendar::{Calendar, Deadlines, Policy},
    code::Code,
    command::{CommandId, Fingerprint, Receipt},
    decide::{Context, Decided, Request, clock_member, decide, offered, submit},
    district::Label,
    event::Event,
    handover::{Beside, HandOver, Receiver},
    hash::Digest,
    life::{Action, RejectionReason},
    member::{Member, MemberId, MemberState, Role},
    membership::{self, Change, Kind, NewMember, Profile},
    named::Named as _,
    outcome::{Counted, OutcomeAction, OutcomeEvent, OutcomeState},
    report::{Category, Concerns, NewReport, Report, Urgency},
    tally::{Counter, day},
};
use pingan_local::seed;
use pingan_runtime::World as Outside;
use pingan_store::{
    CursorKey, Key, Store, TableNames,
    item::{self, Item},
    keys::Span,
    members::{IdentityWrite, MemberCommit},
    recount::Recount,
};
use tally::Tally;

use super::shanghai;
use crate::{
    harness::{World, dynamodb, eventually},
    races::Dice,
};

/// How much happens in the district.
const COMMANDS: usize = 500;
/// The largest batch of a stream.
const LARGEST_BATCH: usize = 100;
/// How often a batch may come before the test takes it for stuck.
const MAX_DELIVERIES: usize = 2_000;

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy { calendar: Calendar::weekdays(shanghai()), deadlines: Deadlines::default() });

/// A district in which people do at random what they may.
struct Life<'a> {
    dice: Dice,
    store: &'a Store,
    raw: &'a Client,
    now: Timestamp,
    reports: Vec<Report>,
    members: Vec<Profile>,
    outcomes: Vec<OutcomeEvent>,
    /// What was sent in, by the day: what the statistics must say at the district.
    submitted: BTreeMap<jiff::civil::Date, i64>,
}

impl Life<'_> {
    fn context(&mut self, actor: &MemberId) -> Context<'static> {
        Context { now: self.now, command: CommandId::new(actor, self.dice.key()), salt: [7; 16], policy: &POLICY }
    }

    async fn goes_on(&mut self, people: &[Member]) {
        // A day and a half at most: nights, weekends, ends of months and of years lie between.
        let minutes = i64::try_from(self.dice.below(2_200)).unwrap();
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        match self.dice.below(10) {
            0..=2 => self.somebody_reports(people).await,
            3..=6 => self.somebody_acts_on_a_report(people).await,
            7 => self.somebody_is_recruited(people).await,
            8 => self.a_membership_changes(people).await,
            _ => self.something_comes_of_it().await,
        }
    }

    async fn somebody_reports(&mut self, people: &[Member]) {
        let reporters: Vec<&Member> = people.iter().filter(|member| member.role == Role::Reporter).collect();
        let author = self.dice.pick(&reporters).clone();
        let new = NewReport {
            category: self.dice.pick(Category::ALL),
            urgency: self.dice.pick(Urgency::ALL),
            concerns: self.dice.pick(&[
                Concerns::Nobody,
                Concerns::Nobody,
                Concerns::StationOfficer,
                Concerns::StationManagement,
            ]),
            text: "Seen.".to_owned(),
            place: None,
            observed_at: None,
            media: Vec::new(),
            task: None,
        };
        let context = self.context(&author.id);
        let decided = submit(new, context.command.report_id(0), &author, Vec::new(), context).unwrap();
        *self.submitted.entry(day(self.now, &shanghai())).or_default() += 1;
        self.commit(None, decided, context.command).await;
    }

    async fn somebody_acts_on_a_report(&mut self, people: &[Member]) {
        if self.reports.is_empty() {
            return;
        }
        let report = self.reports[self.dice.below(self.reports.len())].clone();
        let clock = clock_member("demo".parse().unwrap());
        let choices: Vec<(&Member, Action)> = people
            .iter()
            .chain([&clock])
            .flat_map(|actor| offered(&report, actor).into_iter().map(move |action| (actor, action)))
            .collect();
        let Some((actor, action)) = (!choices.is_empty()).then(|| self.dice.pick(&choices)) else { return };
        let words = || "Words.".to_owned();
        let request = match action {
            Action::Submit | Action::MarkDuplicate => return,
            Action::Approve => Request::Approve { note: None },
            Action::Return => Request::Return { question: words(), note: None },
            Action::Answer => Request::Answer { text: words(), media: Vec::new() },
            Action::Reject => Request::Reject { reason: self.dice.pick(RejectionReason::ALL), note: None },
            Action::Withdraw => Request::Withdraw,
            Action::Reopen => Request::Reopen { note: words() },
            Action::SendDown => Request::SendDown { note: words() },
            Action::HandOver => Request::HandOver(Box::new(HandOver {
                receivers: vec![Receiver::Agency { agency: Label::parse("fire").unwrap() }],
                asks: words(),
                deadline_hours: 8,
                beside: Beside {
                    codes: vec![Code::from_digest(&Digest::of(&[self.dice.key().as_bytes()]))],
                    district: Some(seed::demo_district().unwrap()),
                    ..Beside::default()
                },
                ..HandOver::default()
            })),
            Action::Close => Request::Close { note: None },
            Action::Message => Request::Message { text: words() },
            Action::Remind => Request::Remind,
            Action::Escalate => Request::Escalate,
            Action::Erase => Request::Erase,
            Action::Recall => Request::Recall,
        };
        let context = self.context(&actor.id);
        if let Ok(decided) = decide(&report, actor, request, None, context) {
            self.commit(Some(&report), decided, context.command).await;
        }
    }

    async fn commit(&mut self, old: Option<&Report>, decided: Decided, command: CommandId) {
        let fingerprint = Fingerprint::of(uuid::Uuid::nil(), "test", "", &()).unwrap();
        let receipt = Receipt { command, fingerprint, report: decided.report.id };
        assert_eq!(self.store.commit(old, &decided, &receipt).await, Ok(()));
        self.reports.retain(|report| report.id != decided.report.id);
        self.reports.push(decided.report);
    }

    async fn somebody_is_recruited(&mut self, people: &[Member]) {
        let officers: Vec<&Member> = people.iter().filter(|member| member.role == Role::Officer).collect();
        let officer = self.dice.pick(&officers);
        let context = self.context(&officer.id);
        let pseudonym = Code::from_digest(&Digest::of(&[self.dice.key().as_bytes()]));
        let district = seed::demo_district().unwrap();
        let decided = if self.dice.below(2) == 0 {
            let new = NewMember {
                role: Role::Reporter,
                node: officer.node.clone(),
                body: None,
                agency: None,
                kind: Some(Kind::Shop),
                trades: Vec::new(),
                places: Vec::new(),
            };
            membership::recruit(new, pseudonym, officer, &district, context.command, self.now)
        } else {
            let invite = pingan_domain::invite::Invite {
                code: pseudonym,
                node: officer.node.clone(),
                made_by: officer.id.clone(),
                created_at: self.now,
                expires_at: self.now.checked_add(SignedDuration::from_hours(24)).unwrap(),
                max_uses: 10,
                uses: 0,
                revoked_at: None,
            };
            membership::register(&invite, Kind::Taxi, pseudonym, context.command, self.now)
        };
        self.commit_member(None, decided.unwrap()).await;
    }

    async fn a_membership_changes(&mut self, people: &[Member]) {
        if self.members.is_empty() {
            return;
        }
        let profile = self.members[self.dice.below(self.members.len())].clone();
        let officer =
            people.iter().find(|member| member.role == Role::Officer && member.node == profile.member.node).unwrap();
        let reason = || "A reason.".to_owned();
        let account = Some(MemberId::of_account(&self.dice.key().to_string()));
        let changes = [
            Change::Accept { account },
            Change::Confirm,
            Change::Confirm,
            Change::Decline { reason: reason() },
            Change::Suspend { reason: reason() },
            Change::Restore { reason: reason() },
            Change::Leave,
        ];
        let change = &changes[self.dice.below(changes.len())];
        let decided = match change {
            Change::Accept { .. } | Change::Leave => membership::change_own(&profile, change, self.now),
            _ => membership::change(&profile, officer, change, &seed::demo_district().unwrap(), self.now),
        };
        if let Ok(decided) = decided {
            self.commit_member(Some(&profile), decided).await;
        }
    }

    async fn commit_member(&mut self, before: Option<&Profile>, decided: membership::Decided) {
        let identity = IdentityWrite::Keep;
        let commit = MemberCommit { before, decided: &decided, done: None, identity, invite: None, invitation: None };
        assert_eq!(self.store.commit_member(&commit).await, Ok(()));
        self.members.retain(|profile| profile.member.id != decided.profile.member.id);
        if decided.profile.member.state != MemberState::Left {
            self.members.push(decided.profile);
        }
    }

    async fn something_comes_of_it(&mut self) {
        let Some(report) = self.reports.last().cloned() else { return };
        let counted = (self.dice.below(4) > 0).then(|| Counted {
            kind: Label::parse(self.dice.pick(&["suspects_arrested", "hazards_removed"])).unwrap(),
            count: u32::try_from(1 + self.dice.below(3)).unwrap(),
            on: day(self.now, &shanghai()),
            node: report.node.clone(),
            category: report.category,
            concerns: report.concerns,
        });
        let known =
            (!self.outcomes.is_empty() && self.dice.below(2) == 0).then(|| self.dice.below(self.outcomes.len()));
        let last = known.map(|known| self.outcomes.remove(known));
        let event = OutcomeEvent {
            outcome: last
                .as_ref()
                .map_or_else(|| Code::from_digest(&Digest::of(&[self.dice.key().as_bytes()])), |last| last.outcome),
            seq: last.as_ref().map_or(1, |last| last.seq + 1),
            at: self.now,
            actor: report.reporter.clone(),
            role: Role::DistrictManager,
            action: OutcomeAction::Correct,
            body: None,
            receiver: None,
            state: OutcomeState::Confirmed,
            claim: None,
            leads: Vec::new(),
            note: None,
            before: last.and_then(|last| last.after),
            after: counted,
            command: report.created_by,
            previous: Digest::ZERO,
            hash: Digest::ZERO,
        };
        let item = item::encode(&Key::OutcomeEvent(event.outcome, event.seq), &event).unwrap();
        self.raw.put_item().table_name(&self.store.tables().outcomes).set_item(Some(item)).send().await.unwrap();
        self.outcomes.push(event);
    }
}

/// The records of a table's stream: each item as it was inserted. All that the tally counts is inserted once and never
/// changed, so that any order of these keeps the order of each item.
async fn records(raw: &Client, table: &str) -> Vec<EventRecord> {
    let mut records = Vec::new();
    let mut pages = raw.scan().table_name(table).into_paginator().send();
    while let Some(page) = pages.next().await {
        for item in page.unwrap().items.unwrap_or_default() {
            records.push(record(item, records.len()));
        }
    }
    records
}

fn record(item: Item, number: usize) -> EventRecord {
    let plain = |item: Item| -> serde_dynamo::Item {
        item.into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect::<std::collections::HashMap<String, serde_dynamo::AttributeValue>>()
            .into()
    };
    let mut record = EventRecord::default();
    "INSERT".clone_into(&mut record.event_name);
    record.change.sequence_number = Some(format!("{number:021}"));
    let keys = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone()));
    record.change.keys = plain(keys.into_iter().collect());
    record.change.new_image = plain(item);
    record
}

/// Hands records to the tally until it has taken all of them: in batches of any size, some records more than once, some
/// much later, and with the tally killed in the middle. Gives how often it was.
async fn deliver(tally: Tally, mut records: Vec<EventRecord>, mut dice: Dice) -> usize {
    let again = records.len() / 3;
    for _ in 0..again {
        let one = records[dice.below(records.len())].clone();
        records.push(one);
    }
    for i in (1..records.len()).rev() {
        records.swap(i, dice.below(i + 1));
    }
    let (mut kills, mut deliveries) = (0, 0);
    while !records.is_empty() {
        deliveries += 1;
        assert!(deliveries < MAX_DELIVERIES, "the tally does not come to an end");
        let size = (1 + dice.below(LARGEST_BATCH)).min(records.len());
        let batch: Vec<_> = records.drain(..size).collect();
        let mut event = StreamEvent::default();
        event.records = batch.clone();
        // One of three is killed, somewhere between its beginning and what may be its end.
        let patience = if dice.below(3) == 0 {
            Duration::from_micros(u64::try_from(dice.below(60_000)).unwrap())
        } else {
            Duration::from_mins(1)
        };
        let failed = match tokio::time::timeout(patience, tally.handle(event)).await {
            Err(_) => {
                kills += 1;
                batch
            }
            Ok(answer) => {
                let failed: Vec<_> =
                    answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
                // From the first that failed on, as Lambda does it.
                let first = batch.iter().position(|record| failed.contains(&record.change.sequence_number));
                let taken = first.unwrap_or(batch.len());
                // Sometimes the answer is lost, and all of it comes again.
                if dice.below(8) == 0 { batch } else { batch[taken..].to_vec() }
            }
        };
        let at = dice.below(records.len() + 1);
        records.splice(at..at, failed);
    }
    kills
}

async fn create(raw: &Client, table: &str) {
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key =
        |name: &str, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    raw.create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .send()
        .await
        .unwrap();
}

fn assert_right(recount: &Recount) {
    assert!(recount.is_right(), "{recount:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "who reads the test wants to know how hard it was")]
async fn whatever_happens_on_the_way_the_sum_is_that_of_a_recount() {
    let mut dice = Dice::from_seed();
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let people = seed::demo_members().unwrap();
    let mut life = Life {
        dice: dice.split(),
        store: world.store(),
        raw: &raw,
        now: "2037-10-02T15:30:00Z".parse().unwrap(),
        reports: Vec::new(),
        members: Vec::new(),
        outcomes: Vec::new(),
        submitted: BTreeMap::new(),
    };
    for _ in 0..COMMANDS {
        life.goes_on(&people).await;
    }

    create(&raw, "shaken").await;
    let tables = TableNames { tallies: "shaken".to_owned(), ..world.store().tables().clone() };
    let store = Store::new(raw.clone(), tables, CursorKey::unused());
    let tally = Tally { store: store.clone(), world: Outside::real(), time_zone: shanghai() };
    let tables = world.store().tables();
    let mut streams = tokio::task::JoinSet::new();
    for table in [&tables.reports, &tables.members, &tables.outcomes] {
        streams.spawn(deliver(tally.clone(), records(&raw, table).await, dice.split()));
    }
    let kills: usize = streams.join_all().await.into_iter().sum();
    let recount = store.recount(&shanghai(), false).await.unwrap();
    println!("{} events, {} counters, killed {kills} times", recount.events, recount.counters);
    assert_right(&recount);
    assert!(recount.events > 200 && kills > 0, "{} events, {kills} kills", recount.events);

    // What the test has seen itself, counted with neither the tally nor the recount.
    for (on, count) in &life.submitted {
        let figures = store.figures(&"demo".parse().unwrap(), *on, *on).await.unwrap();
        assert_eq!(i64::try_from(figures.submitted.values().sum::<u64>()).unwrap(), *count, "{on}");
    }
    let (first, last) = (life.submitted.keys().next().unwrap(), life.submitted.keys().next_back().unwrap());
    let figures = store.figures(&"demo".parse().unwrap(), *first, *last).await.unwrap();
    assert_eq!(figures.submitted.values().sum::<u64>(), u64::try_from(life.submitted.values().sum::<i64>()).unwrap());

    // The bundle's own, by its own streams.
    let own = eventually("the bundle has counted all", async || {
        Some(world.store().recount(&shanghai(), false).await.unwrap()).filter(|recount| recount.unmarked == 0)
    })
    .await;
    assert_right(&own);
    assert_eq!((own.events, own.counters), (recount.events, recount.counters));
}

#[tokio::test]
async fn a_recount_finds_what_is_wrong_and_sets_it_right() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let code = world.reporter("ferry").await.reports("Loose paving.").send().await;
    let first: Event = world.history(&code).await.events.remove(0);
    let recount = async |repair| world.store().recount(&shanghai(), repair).await.unwrap();
    eventually("it is counted", async || recount(false).await.is_right().then_some(())).await;

    let table = &world.store().tables().tallies;
    let on = day(first.at, &shanghai());
    let place = Key::Tally("demo.river".parse().unwrap(), Span::Day(on));
    let counter = Counter::Report {
        category: Category::Hazard,
        stage: pingan_domain::life::Stage::Officer,
        action: Action::Submit,
        detail: None,
    };
    let category = first.category.unwrap();
    let counter = match counter {
        Counter::Report { stage, action, detail, .. } => Counter::Report { category, stage, action, detail },
        other => other,
    };
    raw.update_item()
        .table_name(table)
        .set_key(Some(item::key_attributes(&place)))
        .update_expression("SET #c = :n")
        .expression_attribute_names("#c", counter.to_string())
        .expression_attribute_values(":n", AttributeValue::N("7".to_owned()))
        .send()
        .await
        .unwrap();
    let lost = Key::Tally("demo".parse().unwrap(), Span::month_of(on));
    raw.delete_item().table_name(table).set_key(Some(item::key_attributes(&lost))).send().await.unwrap();
    let found = recount(false).await;
    let told: Vec<_> = found.differences.iter().map(|d| (d.node.as_str(), d.span, d.stands, d.counted)).collect();
    assert_eq!(told, [("demo", Span::month_of(on), 0, 1), ("demo.river", Span::Day(on), 7, 1)]);
    assert_eq!((found.unmarked, found.marks_of_nothing), (0, 0));
    assert_eq!(recount(true).await.differences, found.differences, "it tells what it sets right");
    assert_right(&recount(false).await);

    // What is lost altogether is counted and marked, and the record that comes late counts no more.
    for key in [
        Key::Tally("demo".parse().unwrap(), Span::Day(on)),
        Key::Tallied(pingan_domain::tally::Aggregate::Report(first.report)),
    ] {
        raw.delete_item().table_name(table).set_key(Some(item::key_attributes(&key))).send().await.unwrap();
    }
    let found = recount(true).await;
    assert_eq!((found.differences.len(), found.unmarked), (1, 1));
    let tally = Tally { store: world.store().clone(), world: Outside::real(), time_zone: shanghai() };
    let mut event = StreamEvent::default();
    let item = item::encode(&Key::Event(first.report, first.seq), &first).unwrap();
    event.records = vec![record(item, 1)];
    assert_eq!(tally.handle(event).await.batch_item_failures.len(), 0);
    assert_right(&recount(false).await);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_fails_alone() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    create(&raw, "apart").await;
    let tables = TableNames { tallies: "apart".to_owned(), ..world.store().tables().clone() };
    let store = Store::new(raw, tables, CursorKey::unused());
    let tally = Tally { store: store.clone(), world: Outside::real(), time_zone: shanghai() };
    let mut records = Vec::new();
    for _ in 0..3 {
        let code = world.reporter("ferry").await.reports("Loose paving.").send().await;
        let event = world.history(&code).await.events.remove(0);
        records.push(record(item::encode(&Key::Event(event.report, 1), &event).unwrap(), records.len()));
    }
    let mut poisoned = std::collections::HashMap::from(records[1].change.new_image.clone());
    poisoned.insert("at".to_owned(), serde_dynamo::AttributeValue::S("one day".to_owned()));
    records[1].change.new_image = poisoned.into();
    let mut event = StreamEvent::default();
    event.records = records;
    let answer = tally.handle(event).await;
    let failed: Vec<_> = answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, [format!("{:021}", 1)]);
    let recount = store.recount(&shanghai(), false).await.unwrap();
    assert_eq!((recount.events, recount.unmarked), (3, 1), "what came after it is counted");
}

#[tokio::test]
async fn a_recount_names_what_it_cannot_read_and_goes_on() {
    let world = World::start_here().await;
    let raw = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(world.reporter("ferry").await.reports("Loose paving.").send().await);
    }
    let recount = async |repair| world.store().recount(&shanghai(), repair).await.unwrap();
    let whole = eventually("it is counted", async || Some(recount(false).await).filter(Recount::is_right)).await;
    let poisoned = Key::Event(codes[0].parse().unwrap(), 1);
    raw.update_item()
        .table_name(&world.store().tables().reports)
        .set_key(Some(item::key_attributes(&poisoned)))
        .update_expression("SET #at = :at")
        .expression_attribute_names("#at", "at")
        .expression_attribute_values(":at", AttributeValue::S("one day".to_owned()))
        .send()
        .await
        .unwrap();
    for repair in [false, true, false] {
        let found = recount(repair).await;
        assert!(!found.is_right());
        assert_eq!((found.events, found.unmarked, found.marks_of_nothing), (whole.events - 1, 0, 1));
        let [why] = &*found.unreadable else { panic!("{:?}", found.unreadable) };
        assert!(why.contains(&poisoned.pk()) && why.contains(&poisoned.sk()), "{why}");
        assert!(!found.differences.is_empty(), "its counts stand as they did, even after --repair");
    }
}
