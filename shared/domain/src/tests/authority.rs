//! Nobody gains a right that nobody above them gave, whatever is called, by whom, in which order.

use std::{collections::BTreeMap, fmt::Write as _};

use proptest::prelude::*;

use crate::{
    Timestamp,
    authority::{self, Position},
    code::Code,
    command::CommandId,
    district::{Agency, District, Label, Place, StationTasks},
    error::{Error, Refusal},
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    membership::{self, Change, Decided, Kind, MemberAction, NewMember, Profile},
    named::Named as _,
    territory::NodeId,
    text::Text,
};

/// Every node of two small districts.
const NODES: [&str; 9] = ["d", "d.s", "d.s.c", "d.s.e", "d.t", "d.t.c", "x", "x.s", "x.s.c"];

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn node(path: &str) -> NodeId {
    path.parse().unwrap()
}

fn district(of: &str) -> District {
    let nodes = NODES.iter().filter(|path| path.starts_with(&format!("{of}.")));
    District {
        node: node(of),
        version: 1,
        name: Text::new("区", "District"),
        nodes: nodes.map(|path| Place { node: node(path), name: Text::new("名", "Name"), target: 0 }).collect(),
        trades: Vec::new(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: vec![Agency { label: Label::parse("fire").unwrap(), name: Text::new("消防", "Fire") }],
        outcome_kinds: Vec::new(),
    }
}

fn member(id: &str, role: Role, at: &str, body: Option<Body>) -> Member {
    Member {
        agency: None,
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
        role,
        node: node(at),
        body,
        state: MemberState::Active,
    }
}

/// Whom a role manages, written out by hand: the model that the rule is held to.
fn below(role: Role) -> &'static [Role] {
    match role {
        Role::Officer => &[Role::Reporter],
        Role::StationManager => &[Role::Reporter, Role::Officer],
        Role::DistrictManager => &[
            Role::Reporter,
            Role::Officer,
            Role::StationManager,
            Role::AgencyHandler,
            Role::Treasurer,
            Role::Custodian,
            Role::Auditor,
        ],
        _ => &[],
    }
}

/// Whether the model lets `actor` fill, change or clear a position.
fn allowed(actor: &Member, role: Role, at: &NodeId, body: Option<Body>) -> bool {
    let inside = at == &actor.node || at.as_str().starts_with(&format!("{}.", actor.node));
    below(actor.role).contains(&role) && inside && (body.is_none() || body == actor.body)
}

#[test]
fn the_rule_is_the_table_that_people_agreed_on() {
    let mut table = String::new();
    for actor in Role::ALL {
        let over: Vec<_> = Role::ALL
            .iter()
            .filter(|role| allowed(&member("a", *actor, "d", None), **role, &node("d"), None))
            .collect();
        writeln!(table, "{actor:<17} manages {over:?}").unwrap();
        for role in Role::ALL {
            for (at, body) in
                NODES.iter().flat_map(|at| [None, Some(Body::Police), Some(Body::Governance)].map(|b| (at, b)))
            {
                for place in ["d", "d.s", "d.s.c"] {
                    let actor = member("a", *actor, place, Some(Body::Police));
                    let answer = authority::over(&actor, Position { role: *role, node: &node(at), body });
                    assert_eq!(
                        answer.is_ok(),
                        allowed(&actor, *role, &node(at), body),
                        "{actor:?} {role} {at} {body:?}"
                    );
                    if *role == Role::DistrictManager {
                        assert_eq!(answer, Err(Refusal::OperatorOnly));
                    }
                }
            }
        }
    }
    insta::assert_snapshot!("who_manages_whom", table);
}

/// One call of a sequence. People are numbers, taken modulo those that there are.
#[derive(Debug, Clone)]
enum Call {
    Recruit { actor: usize, new: NewMember },
    Change { actor: usize, target: usize, change: Change },
}

fn roles() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL)
}

fn nodes() -> impl Strategy<Value = NodeId> {
    proptest::sample::select(NODES.as_slice()).prop_map(node)
}

fn bodies() -> impl Strategy<Value = Option<Body>> {
    proptest::sample::select(vec![None, Some(Body::Police), Some(Body::Governance)])
}

/// A new member, more often than not one that there can be.
/// Who acts for an agency acts for this one.
fn agency(role: Role) -> Option<Label> {
    (role == Role::AgencyHandler).then(|| Label::parse("fire").unwrap())
}

fn new_members() -> impl Strategy<Value = NewMember> {
    (roles(), nodes(), bodies(), any::<bool>(), any::<bool>()).prop_map(|(role, mut node, mut body, kind, fitting)| {
        let mut kind = kind.then_some(Kind::Resident);
        if fitting {
            node = node.at(role.level()).unwrap_or(node);
            kind = (role == Role::Reporter).then_some(Kind::Resident);
            body = if role.bodies().is_empty() { None } else { body.or(Some(Body::Police)) };
        }
        NewMember { role, node, body, agency: agency(role), kind, trades: Vec::new(), places: Vec::new() }
    })
}

fn changes() -> impl Strategy<Value = Change> {
    let reason = || "A reason.".to_owned();
    prop_oneof![
        Just(Change::Confirm),
        Just(Change::Decline { reason: reason() }),
        Just(Change::Describe { kind: Kind::Taxi, trades: Vec::new(), places: Vec::new() }),
        (nodes(), proptest::option::of(roles()), bodies()).prop_map(move |(node, role, body)| Change::Transfer {
            node,
            role,
            body,
            agency: role.and_then(agency),
            reason: "A reason.".to_owned()
        }),
        Just(Change::Suspend { reason: reason() }),
        Just(Change::Restore { reason: reason() }),
        Just(Change::Leave),
        Just(Change::Accept { account: None }),
        Just(Change::Register { invite: Code::from_digest(&Digest::ZERO) }),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        (0..40_usize, new_members()).prop_map(|(actor, new)| Call::Recruit { actor, new }),
        (0..40_usize, 0..40_usize, changes()).prop_map(|(actor, target, change)| Call::Change {
            actor,
            target,
            change
        }),
    ];
    proptest::collection::vec(call, 1..80)
}

/// The people of a sequence, and every event of theirs.
struct Town {
    people: Vec<Profile>,
    events: BTreeMap<MemberId, Vec<crate::membership::MemberEvent>>,
    made: u8,
}

impl Town {
    fn new() -> Self {
        let roots = [
            member("police", Role::DistrictManager, "d", Some(Body::Police)),
            member("governance", Role::DistrictManager, "d", Some(Body::Governance)),
            member("elsewhere", Role::DistrictManager, "x", Some(Body::Police)),
        ];
        let people = roots.into_iter().map(|root| Profile::seeded(root, now())).collect();
        Self { people, events: BTreeMap::new(), made: 0 }
    }

    /// Makes a call as the functions do: who may not act is refused before anything else.
    fn call(&mut self, call: &Call) -> Result<(), Error> {
        match call {
            Call::Recruit { actor, new } => {
                let actor = self.people[actor % self.people.len()].member.clone();
                actor.state.may_act()?;
                self.made += 1;
                let command = CommandId::new(&actor.id, uuid::Uuid::from_u128(u128::from(self.made)));
                let lists = district(actor.node.as_str().split('.').next().unwrap());
                let pseudonym = command.pseudonym(0);
                let decided = membership::recruit(new.clone(), pseudonym, &actor, &lists, command, now())?;
                let made = &decided.profile.member;
                assert!(allowed(&actor, made.role, &made.node, made.body), "{actor:?} made {made:?}");
                assert_eq!(made.state, MemberState::Invited);
                self.people.push(decided.profile.clone());
                self.keep(&actor, decided);
            }
            Call::Change { actor, target, change } => {
                let (actor, target) = (actor % self.people.len(), target % self.people.len());
                let (by, before) = (self.people[actor].member.clone(), self.people[target].clone());
                let own = matches!(change, Change::Leave | Change::Accept { .. } | Change::Register { .. });
                let decided = if own && actor == target {
                    membership::change_own(&before, change, now())?
                } else {
                    by.state.may_act()?;
                    let lists = district(by.node.as_str().split('.').next().unwrap());
                    membership::change(&before, &by, change, &lists, now())?
                };
                check(&by, &before.member, &decided.profile.member, change, actor == target);
                self.people[target] = decided.profile.clone();
                self.keep(&by, decided);
            }
        }
        Ok(())
    }

    fn keep(&mut self, by: &Member, decided: Decided) {
        assert_eq!((&decided.event.actor, decided.event.actor_role), (&by.id, by.role), "an event says who did it");
        self.events.entry(decided.event.member.clone()).or_default().push(decided.event);
    }
}

/// That a change was one's own, or one of somebody above both of what was and of what is.
fn check(by: &Member, before: &Member, after: &Member, change: &Change, own: bool) {
    let position = |member: &Member| (member.role, member.node.clone(), member.body);
    if own {
        assert!(
            matches!(change, Change::Leave | Change::Accept { .. } | Change::Register { .. }),
            "{by:?} changed themselves: {change:?}"
        );
        assert_eq!(position(before), position(after), "nobody moves themselves");
        let step = (before.state, after.state);
        let accepted = matches!(step, (MemberState::Invited | MemberState::Active, MemberState::Active));
        let left = matches!(step, (MemberState::Active | MemberState::Suspended, MemberState::Left));
        let registered = step == (MemberState::Invited, MemberState::Applied);
        assert!(accepted || left || registered, "{step:?}");
    } else {
        for what in [before, after] {
            assert!(allowed(by, what.role, &what.node, what.body), "{by:?} did {change:?} to {before:?}");
        }
        assert_eq!(before.role == Role::Reporter, after.role == Role::Reporter, "reporters and staff stay apart");
        assert!(
            !matches!(change, Change::Leave | Change::Accept { .. } | Change::Register { .. }),
            "only a member does that"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_sequence_of_calls_gains_a_right_that_nobody_above_gave(calls in calls()) {
        let mut town = Town::new();
        for call in &calls {
            let before = town.people.clone();
            if town.call(call).is_err() {
                prop_assert_eq!(&town.people, &before, "what is refused changes nothing");
            }
        }
        for (profile, root) in town.people.iter().zip(Town::new().people) {
            prop_assert_eq!(&profile.member, &root.member, "nobody touches those at the top");
        }
        let managers = town.people.iter().filter(|profile| profile.member.role == Role::DistrictManager).count();
        prop_assert_eq!(managers, 3, "nobody makes a district manager");
        for profile in &town.people {
            let events = town.events.get(&profile.member.id).cloned().unwrap_or_default();
            prop_assert_eq!(profile.version, u64::try_from(events.len()).unwrap());
            let mut previous = Digest::ZERO;
            for (seq, event) in (1..).zip(&events) {
                prop_assert_eq!((event.seq, event.previous), (seq, previous));
                prop_assert_eq!(event.compute_hash().unwrap(), event.hash);
                prop_assert_eq!(event.action == MemberAction::Recruit, seq == 1);
                previous = event.hash;
            }
            prop_assert_eq!(profile.last_event, previous);
        }
    }
}
