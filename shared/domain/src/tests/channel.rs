//! By what people are told, and when not.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::{
    channel::{Means, QuietHours, filter, moment, position},
    code::Code,
    error::Error,
    hash::Digest,
    member::{Member, MemberId, MemberState, Role},
    named::Named as _,
    notice::Audience,
    report::Urgency,
};

fn member(role: Role) -> Member {
    Member {
        id: MemberId::parse("somebody").unwrap(),
        pseudonym: Code::from_digest(&Digest::ZERO),
        role,
        node: "demo.river.boatyard".parse().unwrap(),
        body: None,
        state: MemberState::Active,
    }
}

/// Whether a message with these attributes passes a filter.
fn passes(filter: &[(&'static str, Vec<String>)], attributes: &[(&'static str, String)]) -> bool {
    filter.iter().all(|(name, values)| attributes.iter().any(|(given, value)| given == name && values.contains(value)))
}

#[test]
fn everybody_has_the_inbox_of_their_position_and_reporters_have_none() {
    let mut table = String::new();
    for &role in Role::ALL {
        let address = position(&member(role)).map(|to| crate::notice::Notice::address(&to));
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
        if !same_node && let Audience::Reviewers { node, .. } | Audience::Staff { node, .. } = &mut to {
            *node = "demo.river.ferry".parse().unwrap();
        }
        let mut attributes = crate::notice::Notice::address(&to);
        attributes.push(("moment", moment(urgency, hour)));
        let filter = filter(&mine, hours);
        let expected = mine == to && hours.let_through(urgency, hour);
        prop_assert_eq!(passes(&filter, &attributes), expected);
        prop_assert_eq!(hours.let_through(urgency, hour), urgency == Urgency::Emergency || !hours.contain(hour));
        // The limit of SNS on one filter policy.
        prop_assert!(filter.iter().map(|(_, values)| values.len()).product::<usize>() <= 150);
    }
}
