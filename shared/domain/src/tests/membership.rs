//! What can be done with a membership in which state, by whom, and who is told of it.

use std::fmt::Write as _;

use crate::{
    Timestamp,
    channel::{Channel, Means, QuietHours},
    code::Code,
    command::CommandId,
    district::{District, Label, Place, StationTasks},
    error::{Error, Refusal},
    hash::Digest,
    invite::Invite,
    member::{Body, Member, MemberId, MemberState, Role},
    membership::{self, Change, Decided, Kind, MAX_LABELS, MemberAction, NewMember, Profile, knows},
    named::Named as _,
    notice::{Attribute, Audience, of_membership},
    text::Text,
};

const COMMUNITY: &str = "d.s.c";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn district() -> District {
    let place = |path: &str| Place { node: path.parse().unwrap(), name: Text::new("名", "Name"), target: 0 };
    District {
        node: "d".parse().unwrap(),
        version: 1,
        name: Text::new("区", "District"),
        nodes: ["d.s", "d.s.c", "d.s.e"].map(place).into(),
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: Vec::new(),
    }
}

fn member(id: &str, role: Role, node: &str) -> Member {
    Member {
        agency: None,
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
        role,
        node: node.parse().unwrap(),
        body: (!role.bodies().is_empty()).then_some(Body::Police),
        state: MemberState::Active,
    }
}

fn profile(id: &str, role: Role, node: &str, state: MemberState) -> Profile {
    let mut profile = Profile::seeded(Member { state, ..member(id, role, node) }, now());
    profile.account = None;
    profile
}

fn channel() -> Channel {
    let address = Digest::ZERO;
    Channel {
        means: Means::Device,
        address,
        quiet_hours: QuietHours::default(),
        subscription: None,
        endpoint: Some("x".into()),
    }
}

/// One change of every kind.
fn changes() -> Vec<Change> {
    let reason = "A reason.".to_owned();
    let node = "d.s.e".parse().unwrap();
    vec![
        Change::Register { invite: Code::from_digest(&Digest::ZERO) },
        Change::Accept { account: Some(MemberId::of_account("x")) },
        Change::Confirm,
        Change::Decline { reason: reason.clone() },
        Change::Describe { kind: Kind::Taxi, trades: Vec::new(), places: Vec::new() },
        Change::Transfer { node, role: None, body: None, agency: None, reason: reason.clone() },
        Change::Suspend { reason: reason.clone() },
        Change::Restore { reason },
        Change::ChooseChannel { channel: Some(channel()) },
        Change::Leave,
    ]
}

/// Does it in the name of the member, or of somebody else.
fn done(before: &Profile, change: &Change, by: &Member) -> Result<Decided, Error> {
    if by.id == before.member.id {
        membership::change_own(before, change, now())
    } else {
        membership::change(before, by, change, &district(), now())
    }
}

fn outcome(result: &Result<Decided, Error>) -> String {
    match result {
        Ok(decided) => decided.profile.member.state.to_string(),
        Err(Error::NotFound) => "not found".to_owned(),
        Err(Error::WrongMemberState(_)) => "–".to_owned(),
        Err(Error::Refused(refusal)) => format!("{refusal:?}"),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn what_can_be_done_in_which_state() {
    let station = member("station", Role::StationManager, "d.s");
    let mut table = String::new();
    for change in changes() {
        for &state in MemberState::ALL {
            let before = profile("r", Role::Reporter, COMMUNITY, state);
            let [own, above] = [&before.member, &station].map(|by| done(&before, &change, by));
            let action = change.action();
            writeln!(table, "{action:<15} {state:<10} itself: {:<10} above: {}", outcome(&own), outcome(&above))
                .unwrap();
            for decided in [&own, &above].into_iter().flatten() {
                assert!(action.from().contains(&state), "{action} {state}");
                assert_eq!((decided.event.action, decided.event.seq), (action, before.version + 1));
                assert_eq!(decided.event.state, decided.profile.member.state);
                assert_eq!(decided.event.compute_hash().unwrap(), decided.event.hash);
            }
            assert!(own.is_err() || above.is_err(), "{action} is one's own or not");
        }
    }
    insta::assert_snapshot!("what_can_be_done_in_which_state", table);
}

#[test]
fn who_stands_beside_or_below_changes_nothing() {
    let before = profile("r", Role::Reporter, COMMUNITY, MemberState::Active);
    let others = [
        member("neighbour", Role::Reporter, COMMUNITY),
        member("elsewhere", Role::Officer, "d.s.e"),
        member("treasurer", Role::Treasurer, "d"),
        member("custodian", Role::Custodian, "d"),
        member("auditor", Role::Auditor, "d"),
    ];
    for change in changes() {
        for other in &others {
            assert!(
                matches!(done(&before, &change, other), Err(Error::NotFound | Error::Refused(_))),
                "{other:?} {change:?}"
            );
        }
    }
}

#[test]
fn a_restoration_leads_back_to_where_the_suspension_came_from_without_a_channel() {
    let station = member("station", Role::StationManager, "d.s");
    for state in [MemberState::Invited, MemberState::Active] {
        let mut before = profile("r", Role::Reporter, COMMUNITY, state);
        before.channel = Some(channel());
        let reason = || "A reason.".to_owned();
        let suspended = done(&before, &Change::Suspend { reason: reason() }, &station).unwrap().profile;
        assert_eq!(suspended.channel, before.channel, "whoever ends it has to know it");
        let restored = done(&suspended, &Change::Restore { reason: reason() }, &station).unwrap().profile;
        assert_eq!((restored.member.state, restored.channel, restored.suspended_from), (state, None, None));
    }
}

#[test]
fn a_transferred_reporter_is_known_to_nobody_any_more() {
    let officer = member("officer", Role::Officer, COMMUNITY);
    let station = member("station", Role::StationManager, "d.s");
    let mut before = profile("r", Role::Reporter, COMMUNITY, MemberState::Active);
    before.recruiter = Some(officer.id.clone());
    before.places = vec![Label::parse("old-bridge").unwrap()];
    assert!(knows(&officer, &before) && knows(&before.member, &before) && !knows(&station, &before));
    let moved = |node: &str| Change::Transfer {
        node: node.parse().unwrap(),
        role: None,
        body: None,
        agency: None,
        reason: "Moved house.".to_owned(),
    };
    let after = done(&before, &moved("d.s.e"), &station).unwrap().profile;
    assert!(!knows(&officer, &after) && after.recruiter.is_none() && after.places.is_empty());
    let new_officer = member("new-officer", Role::Officer, "d.s.e");
    assert!(!knows(&new_officer, &after), "to another officer it is a pseudonym");
    for (node, pointer) in [("d.s.z", "/node"), ("d.s", "/node"), ("x.y.z", "/node")] {
        let Err(Error::Invalid(bad)) = done(&before, &moved(node), &station) else { panic!("{node}") };
        assert_eq!(bad[0].pointer, pointer, "{node}");
    }
}

#[test]
fn no_district_manager_leaves_or_is_touched_from_below() {
    let manager = profile("manager", Role::DistrictManager, "d", MemberState::Active);
    let other = member("other", Role::DistrictManager, "d");
    assert_eq!(done(&manager, &Change::Leave, &manager.member).unwrap_err(), Refusal::OperatorOnly.into());
    for change in changes().into_iter().filter(|change| *change != Change::Leave) {
        assert!(done(&manager, &change, &other).is_err(), "{change:?}");
    }
}

#[test]
fn a_new_member_is_checked_field_by_field() {
    let good = NewMember {
        role: Role::Reporter,
        node: COMMUNITY.parse().unwrap(),
        body: None,
        agency: None,
        kind: Some(Kind::Shop),
        trades: Vec::new(),
        places: Vec::new(),
    };
    good.validate(&district()).unwrap();
    let label = |name: &str| Label::parse(name).unwrap();
    let many: Vec<_> = (0..=MAX_LABELS).map(|i| label(&format!("trade-{i}"))).collect();
    for (bad, pointer) in [
        (NewMember { kind: None, ..good.clone() }, "/kind"),
        (NewMember { node: "d.s".parse().unwrap(), ..good.clone() }, "/node"),
        (NewMember { node: "d.s.unknown".parse().unwrap(), ..good.clone() }, "/node"),
        (NewMember { body: Some(Body::Police), ..good.clone() }, "/body"),
        (NewMember { trades: vec![label("unknown")], ..good.clone() }, "/trades/0"),
        (NewMember { trades: many, ..good.clone() }, "/trades"),
        (NewMember { places: vec![label("unknown")], ..good.clone() }, "/places/0"),
        (NewMember { role: Role::Officer, body: Some(Body::Police), ..good.clone() }, "/kind"),
        (NewMember { role: Role::Officer, kind: None, ..good.clone() }, "/body"),
        (NewMember { agency: Some(label("fire")), ..good.clone() }, "/agency"),
    ] {
        let Err(Error::Invalid(found)) = bad.validate(&district()) else { panic!("{bad:?}") };
        assert!(found.iter().any(|one| one.pointer == pointer), "{pointer} {found:?}");
    }
}

#[test]
fn who_is_told_of_a_change() {
    let station = member("station", Role::StationManager, "d.s");
    let mut told = String::new();
    let mut tell = |what: &str, decided: &Decided| {
        let pseudonym = decided.profile.member.pseudonym;
        for notice in of_membership(&decided.event, pseudonym) {
            let to = match &notice.to {
                Audience::Reviewers { stage, node } => format!("{stage} of {node}"),
                Audience::Agency { .. } => panic!("no agency has a part in memberships"),
                Audience::Staff { role, node } => format!("{role} of {node}"),
                Audience::Reporters { node } => format!("reporters of {node}"),
                Audience::Member { .. } => "the member".to_owned(),
            };
            let [zh_cn, en] =
                [&notice.text.zh_cn, &notice.text.en].map(|text| text.replace(&pseudonym.to_string(), "CODE"));
            writeln!(told, "{what} → {to}\n    {zh_cn}\n    {en}").unwrap();
            for (_, value) in notice.attributes() {
                assert_ne!(value, Attribute::Text(decided.profile.member.id.to_string()));
            }
        }
    };
    let invite = Invite {
        code: Code::from_digest(&Digest::ZERO),
        node: COMMUNITY.parse().unwrap(),
        made_by: station.id.clone(),
        created_at: now(),
        expires_at: now() + jiff::SignedDuration::from_hours(1),
        max_uses: 1,
        uses: 0,
        revoked_at: None,
    };
    let command = CommandId::new(&station.id, uuid::Uuid::nil());
    let pseudonym = Code::from_digest(&Digest::of(&[b"r"]));
    tell("register", &membership::register(&invite, Kind::Shop, pseudonym, command, now()).unwrap());
    for change in changes() {
        for &state in MemberState::ALL {
            let mut before = profile("r", Role::Reporter, COMMUNITY, state);
            before.suspended_from = (state == MemberState::Suspended).then_some(MemberState::Active);
            if !change.action().from().contains(&state) || change.action() == MemberAction::Register {
                continue;
            }
            let by = if matches!(change, Change::Leave | Change::Accept { .. } | Change::ChooseChannel { .. }) {
                before.member.clone()
            } else {
                station.clone()
            };
            tell(&format!("{} of who is {state}", change.action()), &done(&before, &change, &by).unwrap());
        }
    }
    insta::assert_snapshot!("who_is_told_of_a_change", told);
}
