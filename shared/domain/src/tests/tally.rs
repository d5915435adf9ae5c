//! What events add to the counters, what the counters say, and what of it is shown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    SignedDuration,
    civil::{Date, date},
    tz::TimeZone,
};
use proptest::prelude::*;

use super::{
    Life, author, clock, concerning, district_manager, lives::a_plot, manager, new_report, node, officer, wednesday,
};
use crate::{
    code::Code,
    command::CommandId,
    district::Label,
    hash::Digest,
    life::{Action, RejectionReason, Stage, State},
    member::{MemberId, MemberState, Role},
    membership::{self, Change, Decided, Kind, MemberEvent, NewMember, Profile},
    named::Named as _,
    outcome::{Counted, OutcomeAction, OutcomeEvent},
    report::{Category, Concerns},
    statistics::{By, Figures, Period},
    tally::{Counter, Detail, LAST_BUCKET, MemberStep, Tallied, Tallies, bucket, completed, completed_history, middle},
};

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

/// What events come to at a node, over all days.
fn sum(events: impl IntoIterator<Item = Tallied>, at: &str) -> Tallies {
    let mut sum = Tallies::new();
    for change in events.into_iter().flat_map(|event| event.changes).filter(|change| change.node == node(at)) {
        *sum.entry(change.counter).or_default() += change.by;
    }
    sum.retain(|_, count| *count != 0);
    sum
}

fn of_life(life: &Life, at: &str) -> Tallies {
    sum(life.events.iter().map(|event| Tallied::of_report(event, &shanghai())), at)
}

fn texts(tallies: &Tallies) -> Vec<String> {
    tallies.iter().map(|(counter, count)| format!("{counter} {count}")).collect()
}

#[test]
fn every_counter_reads_back() {
    let mut counters = vec![Counter::PaidFen];
    counters.extend(MemberStep::ALL.iter().map(|step| Counter::Member(*step)));
    let details = RejectionReason::ALL.iter().map(|reason| Some(Detail::Reason(*reason)));
    let details: Vec<_> = details.chain([None, Some(Detail::Again)]).collect();
    for (category, stage) in Category::ALL.iter().flat_map(|c| Stage::ALL.iter().map(move |s| (*c, *s))) {
        let of = |action: &Action| details.iter().map(move |detail| (*action, *detail)).collect::<Vec<_>>();
        for (action, detail) in Action::ALL.iter().flat_map(of) {
            counters.push(Counter::Report { category, stage, action, detail });
        }
        counters.push(Counter::Outcome { category, kind: Label::parse("wells_covered-2").unwrap() });
        counters.extend([0, 7, LAST_BUCKET].map(|bucket| Counter::Held { stage, bucket }));
    }
    let mut names = BTreeSet::new();
    for counter in counters {
        assert_eq!(counter.to_string().parse(), Ok(counter.clone()));
        names.insert(counter.to_string());
    }
    assert!(names.contains("report#hazard#officer#reject#not_confirmed"));
    assert!(names.contains("report#hazard#district#hand_over#again"));
    assert!(names.contains("held#station#7") && names.contains("outcome#dispute#wells_covered-2"));
    for bad in [
        "",
        "report",
        "report#hazard#officer",
        "report#hazard#officer#approve#",
        "report#hazard#officer#approve#again#again",
        "held#officer#07",
        "held#officer#301",
        "held#officer#-1",
        "outcome#hazard#A",
        "member#risen",
        "member#left#",
    ] {
        assert!(bad.parse::<Counter>().is_err(), "{bad}");
    }
}

#[test]
fn a_report_is_counted_at_all_three_nodes_on_the_day_of_the_district() {
    // 23:30 in Shanghai on the last day of the year is still the old year; half an hour later it
    // is the new one, in which UTC is not yet.
    let mut life = Life::of(new_report());
    life.events[0].at = "2026-12-31T15:30:00Z".parse().unwrap();
    let days = |life: &Life| {
        Tallied::of_report(&life.events[0], &shanghai()).changes.iter().map(|c| c.day).collect::<Vec<_>>()
    };
    assert_eq!(days(&life), [date(2026, 12, 31); 3]);
    life.events[0].at = "2026-12-31T16:00:00Z".parse().unwrap();
    assert_eq!(days(&life), [date(2027, 1, 1); 3]);

    let life = Life::of(new_report()).later_by_hours(2).after(&officer(), Action::Approve).later_by_hours(30);
    let life =
        life.then(&manager(), crate::decide::Request::Reject { reason: RejectionReason::AlreadyKnown, note: None });
    for place in ["hexi", "hexi.jianshan", "hexi.jianshan.yulan"] {
        assert_eq!(
            texts(&of_life(&life, place)),
            [
                "report#hazard#officer#submit 1",
                "report#hazard#officer#approve 1",
                "report#hazard#station#reject#already_known 1",
                &format!("held#officer#{} 1", bucket(120)),
                &format!("held#station#{} 1", bucket(1_800)),
            ]
        );
    }
    assert!(of_life(&life, "hexi.donghu").is_empty());
    let figures = Figures::of(&of_life(&life, "hexi"));
    assert_eq!(figures.submitted, BTreeMap::from([(Category::Hazard, 1)]));
    assert_eq!(figures.rejected, BTreeMap::from([(RejectionReason::AlreadyKnown, 1)]));
    assert_eq!(figures.adopted, BTreeMap::new());
    assert_eq!(figures.held[&Stage::Officer].median_minutes, middle(bucket(120)));
}

#[test]
fn a_report_on_a_stage_is_not_counted_in_its_nodes() {
    for (concerns, places) in [
        (Concerns::Nobody, vec!["hexi", "hexi.jianshan", "hexi.jianshan.yulan"]),
        (Concerns::StationOfficer, vec!["hexi", "hexi.jianshan"]),
        (Concerns::StationManagement, vec!["hexi"]),
    ] {
        let life = Life::of(concerning(concerns));
        let changes = Tallied::of_report(&life.events[0], &shanghai()).changes;
        assert_eq!(changes.iter().map(|change| change.node.as_str()).collect::<Vec<_>>(), places, "{concerns}");
        let counted = Counted {
            kind: Label::parse("cases_solved").unwrap(),
            count: 2,
            on: date(2026, 8, 12),
            node: author().node,
            category: Category::Crime,
            concerns,
        };
        let changes = Tallied::of_outcome(&outcome(1, None, Some(counted))).changes;
        assert_eq!(changes.iter().map(|change| change.node.as_str()).collect::<Vec<_>>(), places, "{concerns}");
    }
}

#[test]
fn adopted_handed_over_and_closed_count_each_once() {
    let (district, hand_over) = (district_manager(), Action::HandOver);
    let life = Life::of(new_report()).adopted().after(&district, hand_over).after(&district, hand_over);
    let life = life.after(&district, Action::Close);
    let tallies = of_life(&life, "hexi");
    let figures = Figures::of(&tallies);
    assert_eq!(figures.adopted, BTreeMap::from([(Category::Hazard, 1)]), "the approvals below adopt nothing");
    assert_eq!((figures.handed_over, figures.closed), (1, 1));
    assert_eq!(tallies[&"report#hazard#district#hand_over#again".parse().unwrap()], 1);
    // Three stages had it; what waited for an agency was nobody's review.
    assert_eq!(figures.held.values().map(|held| held.count).sum::<u64>(), 3);
}

#[test]
fn what_the_clock_does_counts_at_the_stage_that_did_not_act() {
    let life =
        Life::of(new_report()).after(&clock(), Action::Remind).later_by_hours(9).after(&clock(), Action::Escalate);
    let figures = Figures::of(&of_life(&life, "hexi"));
    assert_eq!(figures.reminded, BTreeMap::from([(Stage::Officer, 1)]));
    assert_eq!(figures.escalated, BTreeMap::from([(Stage::Officer, 1)]));
    assert_eq!(figures.held.keys().copied().collect::<Vec<_>>(), [Stage::Officer]);
}

#[test]
fn the_time_of_the_reporter_is_not_the_stages() {
    let life = Life::of(new_report()).later_by_hours(1).after(&officer(), Action::Return).later_by_hours(90);
    let life = life.after(&author(), Action::Answer).later_by_hours(2).after(&officer(), Action::Approve);
    let held = Figures::of(&of_life(&life, "hexi")).held[&Stage::Officer];
    assert_eq!((held.count, held.median_minutes, held.p90_minutes), (2, middle(bucket(60)), middle(bucket(120))));
}

#[test]
fn events_of_older_bundles_are_completed_from_their_report() {
    let life = Life::of(concerning(Concerns::StationOfficer));
    let mut old = life.events[0].clone();
    (old.category, old.concerns) = (None, Concerns::Nobody);
    assert!(Tallied::of_report(&old, &shanghai()).changes.is_empty());
    let completed = Tallied::of_report(&completed(old, &life.report), &shanghai());
    assert_eq!(completed, Tallied::of_report(&life.events[0], &shanghai()));
}

fn outcome(seq: u64, before: Option<Counted>, after: Option<Counted>) -> OutcomeEvent {
    OutcomeEvent {
        outcome: Code::from_digest(&Digest::of(&[b"outcome"])),
        seq,
        at: super::wednesday(),
        actor: district_manager().id,
        role: Role::DistrictManager,
        action: OutcomeAction::Correct,
        body: None,
        receiver: None,
        state: crate::outcome::OutcomeState::Confirmed,
        claim: None,
        leads: Vec::new(),
        note: None,
        before,
        after,
        command: CommandId::new(&author().id, uuid::Uuid::nil()),
        previous: Digest::ZERO,
        hash: Digest::ZERO,
    }
}

#[test]
fn an_outcome_counts_as_it_was_last_said() {
    let arrests = |count, on, community: &str| {
        let kind = Label::parse("suspects_arrested").unwrap();
        Some(Counted { kind, count, on, node: node(community), category: Category::Crime, concerns: Concerns::Nobody })
    };
    let first = arrests(2, date(2026, 8, 23), "hexi.jianshan.yulan");
    let second = arrests(1, date(2026, 8, 24), "hexi.donghu.meihua");
    let history = [
        outcome(1, None, None),
        outcome(2, None, first.clone()),
        outcome(3, first.clone(), first.clone()),
        outcome(4, first, second.clone()),
    ];
    let tallied: Vec<_> = history.iter().map(Tallied::of_outcome).collect();
    assert!(tallied[0].changes.is_empty() && tallied[2].changes.is_empty());
    // In whatever order they come.
    for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
        let events = || order.iter().map(|i| tallied[*i].clone());
        assert_eq!(texts(&sum(events(), "hexi")), ["outcome#crime#suspects_arrested 1"]);
        assert!(sum(events(), "hexi.jianshan").is_empty());
    }
    let last: Vec<Date> = tallied[3].changes.iter().map(|change| change.day).collect();
    assert_eq!(last, [[date(2026, 8, 23); 3], [date(2026, 8, 24); 3]].concat());
    let withdrawn = Tallied::of_outcome(&outcome(5, second, None));
    assert!(sum(tallied.into_iter().chain([withdrawn]), "hexi").is_empty());
}

/// A membership with its history.
struct Membership {
    profile: Profile,
    events: Vec<MemberEvent>,
}

impl Membership {
    fn begin(Decided { profile, event }: Decided) -> Self {
        Self { profile, events: vec![event] }
    }

    fn then(mut self, actor: Option<&crate::member::Member>, change: &Change) -> Self {
        let now = super::wednesday();
        let decided = match actor {
            Some(actor) => membership::change(&self.profile, actor, change, &district(), now),
            None => membership::change_own(&self.profile, change, now),
        };
        let Decided { profile, event } = decided.unwrap();
        self.profile = profile;
        self.events.push(event);
        self
    }

    fn steps(&self) -> Vec<String> {
        texts(&sum(self.events.iter().map(|event| Tallied::of_member(event, &shanghai())), "hexi.jianshan.yulan"))
    }
}

fn district() -> crate::district::District {
    let place =
        |path: &str| crate::district::Place {
            node: node(path), name: crate::text::Text::new("名", "Name"), target: 0
        };
    crate::district::District {
        node: node("hexi"),
        version: 1,
        name: crate::text::Text::new("河西", "Hexi"),
        nodes: ["hexi.jianshan", "hexi.jianshan.yulan"].map(place).into(),
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: crate::district::StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: Vec::new(),
    }
}

fn recruited(role: Role, place: &str, actor: &crate::member::Member) -> Membership {
    let new = NewMember {
        role,
        node: node(place),
        body: role.stage().map(|_| crate::member::Body::Police),
        agency: None,
        kind: (role == Role::Reporter).then_some(Kind::Shop),
        trades: Vec::new(),
        places: Vec::new(),
    };
    let command = CommandId::new(&actor.id, uuid::Uuid::nil());
    let pseudonym = Code::from_digest(&Digest::of(&[b"new"]));
    Membership::begin(membership::recruit(new, pseudonym, actor, &district(), command, super::wednesday()).unwrap())
}

#[test]
fn each_person_is_recruited_registered_and_gone_once() {
    let account = |name: &str| Change::Accept { account: Some(MemberId::of_account(name)) };
    let register = Change::Register { invite: Code::from_digest(&Digest::ZERO) };
    let (suspend, restore) = (Change::Suspend { reason: "A.".to_owned() }, Change::Restore { reason: "B.".to_owned() });
    let officer = officer();
    let once = ["member#recruited 1", "member#registered 1"];
    let by_name = || recruited(Role::Reporter, "hexi.jianshan.yulan", &officer);
    assert_eq!(by_name().steps(), ["member#recruited 1"]);
    assert_eq!(by_name().then(None, &account("a")).steps(), once);
    // With the poster although recruited; and linking the account only after the confirmation.
    let confirmed = by_name().then(None, &register).then(Some(&officer), &Change::Confirm);
    assert_eq!(confirmed.steps(), once);
    let linked = confirmed.then(None, &account("a"));
    assert_eq!(linked.steps(), once);
    let back = linked.then(Some(&officer), &suspend).then(Some(&officer), &restore);
    assert_eq!(back.steps(), once);
    assert_eq!(back.then(None, &Change::Leave).steps(), [once[0], once[1], "member#left 1"]);
    // Suspended before the first sign-in: restoring makes nobody able to act.
    let waiting = by_name().then(Some(&officer), &suspend).then(Some(&officer), &restore);
    assert_eq!(waiting.steps(), ["member#recruited 1"]);
    assert_eq!(waiting.then(None, &account("a")).steps(), once);
    // Alone with the poster.
    let invite = crate::invite::Invite {
        code: Code::from_digest(&Digest::ZERO),
        node: node("hexi.jianshan.yulan"),
        made_by: officer.id.clone(),
        created_at: super::wednesday(),
        expires_at: super::at("2026-09-12T10:00:00+08:00"),
        max_uses: 10,
        uses: 0,
        revoked_at: None,
    };
    let command = CommandId::new(&author().id, uuid::Uuid::nil());
    let alone =
        membership::register(&invite, Kind::Taxi, Code::from_digest(&Digest::of(&[b"x"])), command, super::wednesday());
    let alone = Membership::begin(alone.unwrap());
    assert_eq!(alone.steps(), ["member#recruited 1"]);
    assert_eq!(alone.then(Some(&officer), &Change::Confirm).then(None, &account("b")).steps(), once);
    // Staff are no reporters.
    let staff = recruited(Role::StationManager, "hexi.jianshan", &district_manager()).then(None, &account("c"));
    assert!(staff.events.iter().all(|event| Tallied::of_member(event, &shanghai()).changes.is_empty()));
}

#[test]
fn histories_of_older_bundles_are_completed_from_their_member() {
    let officer = officer();
    let now = recruited(Role::Reporter, "hexi.jianshan.yulan", &officer)
        .then(None, &Change::Accept { account: Some(MemberId::of_account("a")) });
    let old: Vec<_> = now.events.iter().cloned().map(|event| MemberEvent { joins: false, ..event }).collect();
    assert_eq!(completed_history(old.clone(), &now.profile), now.events);
    let mut never = now.profile.clone();
    (never.joined_at, never.member.state) = (None, MemberState::Invited);
    assert_eq!(completed_history(old.clone(), &never), old);
}

#[test]
fn buckets_are_narrow_and_the_same_on_every_machine() {
    assert_eq!([0, 1, 19, 20, 21].map(bucket), [0, 1, 19, 20, 21]);
    for minutes in (0..40_000).chain([525_600, 1_000_000, 5_000_000]) {
        let bucket = bucket(minutes);
        assert!(bucket < LAST_BUCKET && middle(bucket).abs_diff(minutes) * 40 <= minutes, "{minutes}: {bucket}");
    }
    assert_eq!(bucket(u64::MAX), LAST_BUCKET);
    assert_eq!([bucket(60), bucket(480), bucket(10_080)], [50, 95, 158], "written into records for good");
}

fn held(minutes: &[u64]) -> Tallies {
    let mut tallies = Tallies::new();
    for minutes in minutes {
        *tallies.entry(Counter::Held { stage: Stage::Officer, bucket: bucket(*minutes) }).or_default() += 1;
    }
    tallies
}

proptest! {
    #[test]
    fn medians_are_right_to_within_a_step(mut minutes in prop::collection::vec(0_u64..100_000, 1..60)) {
        let found = Figures::of(&held(&minutes)).held[&Stage::Officer];
        minutes.sort_unstable();
        let exact = |tenths: usize| minutes[(minutes.len() * tenths).div_ceil(10) - 1];
        prop_assert_eq!(found.count, minutes.len() as u64);
        for (found, exact) in [(found.median_minutes, exact(5)), (found.p90_minutes, exact(9))] {
            prop_assert!(found.abs_diff(exact) * 40 <= exact, "{} for {}", found, exact);
        }
    }

    #[test]
    fn every_day_is_read_once_and_stands_in_one_part(
        start in 0_i32..4_000, length in 0_i32..1_500, by in prop::sample::select(By::ALL),
    ) {
        let day = |after: i32| date(2020, 1, 1).checked_add(jiff::Span::new().days(after)).unwrap();
        let period = Period { from: day(start), to: day(start + length) };
        let reading = period.reading();
        let read: Vec<Period> = [reading.before, reading.months, reading.after].into_iter().flatten().collect();
        if let Some(months) = reading.months {
            prop_assert_eq!(months, months.widened(By::Month));
            prop_assert!([reading.before, reading.after].into_iter().flatten().all(|days| (days.to - days.from).get_days() < 31));
        }
        for parts in [read, period.parts(by)] {
            prop_assert_eq!((parts[0].from, parts[parts.len() - 1].to), (period.from, period.to));
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[0].to.tomorrow().unwrap(), pair[1].from);
            }
            prop_assert!(parts.iter().all(|part| part.from <= part.to));
        }
        if let Ok(asked) = Period::asked(period.from, period.to, by) {
            prop_assert!(asked.parts(by).iter().all(|part| *part == part.widened(by)));
        } else {
            prop_assert!(length >= 365, "{}", length);
        }
    }

    #[test]
    fn whatever_happens_to_a_report_counts_once_at_the_district(plot in a_plot()) {
        let life = plot.play(|_| Ok(()))?;
        let tallies = of_life(&life, "hexi");
        let of = |wanted: &dyn Fn(&Counter) -> bool| -> i64 {
            tallies.iter().filter(|(counter, _)| wanted(counter)).map(|(_, count)| count).sum()
        };
        prop_assert_eq!(of(&|counter| matches!(counter, Counter::Report { .. })), i64::try_from(life.events.len()).unwrap());
        let reviewed = life.events.iter().filter(|e| e.from.is_some_and(State::is_review) && e.from != Some(e.to)).count();
        prop_assert_eq!(of(&|counter| matches!(counter, Counter::Held { .. })), i64::try_from(reviewed).unwrap());
        let figures = Figures::of(&tallies);
        let to = |state: State| life.events.iter().filter(|e| e.to == state && e.from != Some(state)).count() as u64;
        prop_assert_eq!(figures.adopted.values().sum::<u64>(), to(State::Adopted));
        prop_assert_eq!(figures.rejected.values().sum::<u64>(), to(State::Rejected));
        prop_assert_eq!(figures.duplicates, to(State::Duplicate));
        prop_assert_eq!(figures.withdrawn, to(State::Withdrawn));
        prop_assert_eq!(figures.handed_over, to(State::HandedOver));
        prop_assert_eq!(figures.closed, to(State::Closed));
    }
}

#[test]
fn periods_that_make_no_sense_are_refused() {
    let (first, last) = (date(2026, 1, 1), date(2026, 12, 31));
    assert!(Period::asked(last, first, By::Day).is_err());
    assert!(Period::asked(first, last, By::Day).is_ok());
    assert!(Period::asked(first, date(2027, 1, 2), By::Day).is_err());
    assert!(Period::asked(date(2000, 1, 1), last, By::Year).is_err());
    assert_eq!(
        Period::asked(date(2026, 3, 9), date(2026, 4, 2), By::Month),
        Ok(Period { from: date(2026, 3, 1), to: date(2026, 4, 30) })
    );
    assert!(Period::asked(date(9999, 12, 31), date(9999, 12, 31), By::Year).is_ok());
}

#[test]
fn a_day_later_is_a_day_later() {
    // A change of the clocks makes no difference to Shanghai, but to the arithmetic of days.
    let mut life = Life::of(new_report());
    for _ in 0..400 {
        let day = |life: &Life| Tallied::of_report(&life.events[0], &shanghai()).changes[0].day;
        let before = day(&life);
        life.events[0].at = life.events[0].at.checked_add(SignedDuration::from_hours(24)).unwrap();
        assert_eq!(day(&life), before.tomorrow().unwrap());
    }
}

#[test]
fn what_is_paid_counts_on_its_day_and_what_is_recovered_is_taken_off_there() {
    use super::payout::{approved, fund_of};
    let reward = approved(1, &[5_000, 7_000]);
    let (fund, _) = fund_of(std::slice::from_ref(&reward));
    let treasurer = super::member("treasurer", Role::Treasurer, "hexi");
    let context =
        |now| crate::reward::Context { command: CommandId::of_clock(reward.id, 1), now, today: date(2026, 8, 12) };
    let by = (&treasurer.id, Role::Treasurer);
    let first = reward.pay(0, by, &fund, context(wednesday())).unwrap();
    let after = first.fund.clone().unwrap().0;
    let second = first.reward.pay(1, by, &after, context(wednesday())).unwrap();
    let after = second.fund.clone().unwrap().0;
    let later = wednesday() + SignedDuration::from_hours(24 * 40);
    let recovered = second.reward.recover(0, &treasurer, "多发", &after, context(later)).unwrap();
    let tallied = [&first, &second, &recovered].map(|decided| Tallied::of_reward(&decided.event, &shanghai()));
    assert!(tallied.iter().flat_map(|event| &event.changes).all(|change| change.day == date(2026, 8, 12)));
    for at in ["hexi", "hexi.xiaobailou", "hexi.xiaobailou.kaifeng"] {
        assert_eq!(texts(&sum(tallied[..2].to_vec(), at)), ["member#rewarded 2", "paid_fen 12000"], "{at}");
        assert_eq!(texts(&sum(tallied.to_vec(), at)), ["member#rewarded 1", "paid_fen 7000"], "{at}");
    }
    // A reward for what names a community's officer is not counted there, and all else not at all.
    let named = crate::reward::Reward { concerns: Concerns::StationOfficer, ..reward.clone() };
    let paid = named.pay(0, by, &fund, context(wednesday())).unwrap();
    let nodes: Vec<String> = Tallied::of_reward(&paid.event, &shanghai())
        .changes
        .into_iter()
        .map(|change| change.node.to_string())
        .collect();
    assert_eq!(nodes.iter().filter(|node| node.matches('.').count() == 2).count(), 0, "{nodes:?}");
    let reversed = reward.reverse(&super::district_manager(), "弄虚作假", &fund, context(wednesday())).unwrap();
    assert!(Tallied::of_reward(&reversed.event, &shanghai()).changes.is_empty());
}
