//! By what people are told, and when not.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::{
    Timestamp,
    channel::{Means, QuietHours, Wanted, filter, inboxes, moment, position},
    code::Code,
    district::Label,
    error::Error,
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    membership::{Kind, Profile},
    named::Named as _,
    notice::{About, Attribute, Audience, Notice},
    report::Urgency,
    scope::{Scope, Selection},
    tasking::TaskAction,
    territory::NodeId,
    text::Text,
};

/// As many trades as a reporter can have.
const TRADES: [&str; 10] = ["taxi", "scrap", "lodging", "couriers", "fuel", "locks", "pawn", "print", "post", "pets"];

fn member(role: Role) -> Member {
    Member {
        id: MemberId::parse("somebody").unwrap(),
        pseudonym: Code::from_digest(&Digest::ZERO),
        role,
        node: "demo.river.boatyard".parse().unwrap(),
        body: None,
        agency: (role == Role::AgencyHandler).then(|| Label::parse("fire").unwrap()),
        state: MemberState::Active,
    }
}

/// Somebody of this role, with this kind and these trades.
fn profile(role: Role, kind: Option<Kind>, trades: &[&str]) -> Profile {
    let trades = trades.iter().map(|trade| Label::parse(trade).unwrap()).collect();
    Profile { kind, trades, ..Profile::seeded(member(role), Timestamp::UNIX_EPOCH) }
}

/// Whether a message with these attributes, sent at this moment, passes a filter.
fn passes(filter: &[(&'static str, Wanted)], attributes: &[(&'static str, Attribute)], moment: u8) -> bool {
    filter.iter().all(|(name, wanted)| match wanted {
        Wanted::Ranges(ranges) => {
            *name == "moment" && ranges.iter().any(|(from, below)| (*from..*below).contains(&moment))
        }
        Wanted::Texts(wanted) => attributes.iter().any(|(given, value)| {
            given == name
                && match value {
                    Attribute::Text(value) => wanted.contains(value),
                    Attribute::Texts(values) => values.iter().any(|value| wanted.contains(value)),
                }
        }),
    })
}

/// The number of combinations that SNS counts of a filter.
fn combinations(filter: &[(&'static str, Wanted)]) -> usize {
    let values = filter.iter().map(|(_, wanted)| match wanted {
        Wanted::Texts(texts) => texts.len(),
        Wanted::Ranges(ranges) => ranges.len(),
    });
    values.product()
}

#[test]
fn everybody_has_the_inbox_of_their_position_and_reporters_have_none() {
    let mut table = String::new();
    for &role in Role::ALL {
        let address = position(&member(role)).map(|to| Notice::address(&to));
        let means: Vec<_> = Means::ALL.iter().filter(|means| means.is_for(role)).map(ToString::to_string).collect();
        writeln!(table, "{role:<17} {:<22} {address:?}", means.join(" ")).unwrap();
    }
    insta::assert_snapshot!("whom_a_position_stands_for", table);
}

#[test]
fn quiet_hours_may_pass_midnight() {
    let quiet = |from, to| -> Vec<u8> { (0..24).filter(|&hour| QuietHours { from, to }.contain(hour)).collect() };
    assert_eq!(quiet(22, 7), [0, 1, 2, 3, 4, 5, 6, 22, 23]);
    assert_eq!(quiet(12, 14), [12, 13]);
    assert_eq!(quiet(0, 1), [0]);
    assert_eq!(quiet(23, 0), [23]);
    assert!(quiet(5, 5).is_empty());
    let Err(Error::Invalid(bad)) = QuietHours { from: 24, to: 7 }.validate() else { panic!("24 is no hour") };
    assert_eq!(bad[0].pointer, "/quiet_hours/from");
    assert!(QuietHours { from: 0, to: 24 }.validate().is_err());
}

fn quiet_hours() -> impl Strategy<Value = QuietHours> {
    (0..24_u8, 0..24_u8).prop_map(|(from, to)| QuietHours { from, to })
}

proptest! {
    #[test]
    fn a_subscription_lets_through_what_the_person_wants_and_nothing_else(
        hours in quiet_hours(),
        role in proptest::sample::select(Role::ALL),
        other in proptest::sample::select(Role::ALL),
        urgency in proptest::sample::select(Urgency::ALL),
        hour in 0..24_u8,
        same_node in any::<bool>(),
    ) {
        let (Some(mine), Some(mut to)) = (position(&member(role)), position(&member(other))) else { return Ok(()) };
        if !same_node
            && let Audience::Reviewers { node, .. }
            | Audience::Staff { node, .. }
            | Audience::Agency { district: node, .. } = &mut to
        {
            *node = "demo.river.ferry".parse().unwrap();
        }
        let address = Notice::address(&to).into_iter();
        let attributes: Vec<_> = address.map(|(name, value)| (name, Attribute::Text(value))).collect();
        let filter = filter(&profile(role, None, &[]), hours).unwrap();
        let expected = mine == to && hours.let_through(urgency, hour);
        prop_assert_eq!(passes(&filter, &attributes, moment(urgency, hour)), expected);
        prop_assert_eq!(hours.let_through(urgency, hour), urgency == Urgency::Emergency || !hours.contain(hour));
        // The limits of SNS on one filter policy.
        prop_assert!(filter.len() <= 5 && combinations(&filter) <= 150);
    }

    /// The device of a reporter is told of a task exactly when the task is for them.
    #[test]
    fn a_reporter_subscribes_to_the_tasks_that_are_theirs(
        hours in quiet_hours(),
        urgency in proptest::sample::select(Urgency::ALL),
        hour in 0..24_u8,
        path in proptest::sample::select(&["demo", "demo.river", "demo.river.boatyard", "demo.river.ferry", "demo.north"][..]),
        kinds in proptest::sample::subsequence(Kind::ALL.to_vec(), 0..4),
        trades in proptest::sample::subsequence(TRADES.to_vec(), 0..4),
        kind in proptest::option::of(proptest::sample::select(Kind::ALL)),
        known in proptest::sample::subsequence(TRADES.to_vec(), 0..11),
    ) {
        let reader = profile(Role::Reporter, kind, &known);
        let node: NodeId = path.parse().unwrap();
        let trades = trades.iter().map(|trade| Label::parse(trade).unwrap()).collect();
        let scope = Scope { nodes: vec![node.clone()], who: Selection { kinds, trades } };
        let notice = Notice {
            to: Audience::Reporters { node },
            only: Some(scope.who.clone()),
            pseudonym: None,
            at: Timestamp::UNIX_EPOCH,
            urgency,
            what: About::Task { task: Code::from_digest(&Digest::ZERO), action: TaskAction::Start },
            text: Text::new("", ""),
            deduplication_key: "key".to_owned(),
        };
        let filter = filter(&reader, hours).unwrap();
        let expected = scope.includes(&reader) && hours.let_through(urgency, hour);
        prop_assert_eq!(passes(&filter, &notice.attributes(), moment(urgency, hour)), expected);
        prop_assert!(filter.len() <= 5 && combinations(&filter) <= 150, "{:?}", filter);
        // The inbox shows the same, whatever the hour.
        prop_assert_eq!(inboxes(&reader.member).contains(&notice.to) && scope.who.takes(kind, &reader.trades), scope.includes(&reader));
    }
}
