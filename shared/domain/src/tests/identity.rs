//! How a sealed identity is opened: never without two people, a reason, and an end.

use std::fmt::Write as _;

use jiff::SignedDuration;

use crate::{
    Timestamp,
    code::Code,
    error::{Error, Refusal},
    hash::Digest,
    identity::{
        DECIDE_DAYS, DEFAULT_OPEN_HOURS, IdentityAction, IdentityHead, MAX_OPEN_HOURS, Opening, OpeningState, Payment,
        Person, Step,
    },
    member::{Body, Member, MemberId, MemberState, Role},
    membership::Profile,
    named::Named as _,
    notice::{Audience, of_opening},
};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn later(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

fn profile(id: &str, role: Role, node: &str) -> Profile {
    let member = Member {
        agency: None,
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
        role,
        node: node.parse().unwrap(),
        body: (!role.bodies().is_empty()).then_some(Body::Police),
        state: MemberState::Active,
    };
    Profile::seeded(member, now())
}

fn reporter() -> Profile {
    profile("reporter", Role::Reporter, "d.s.c")
}

fn station() -> Profile {
    profile("station", Role::StationManager, "d.s")
}

fn custodian() -> Profile {
    profile("custodian", Role::Custodian, "d")
}

fn asked() -> Opening {
    let id = uuid::Uuid::from_u128(1);
    Opening::request(id, &station().member, &reporter(), " Life in danger. ", now()).unwrap().0
}

fn opened() -> Opening {
    asked().decide(&custodian(), true, Some(2), "Confirmed.", now()).unwrap().0
}

#[test]
fn only_managers_above_ask() {
    for &role in Role::ALL {
        for node in ["d", "d.s", "d.s.c", "d.t", "x"] {
            let actor = profile("somebody", role, node).member;
            let answer = Opening::request(uuid::Uuid::nil(), &actor, &reporter(), "Why.", now());
            let may =
                matches!(role, Role::StationManager | Role::DistrictManager) && ["d", "d.s", "d.s.c"].contains(&node);
            assert_eq!(answer.is_ok(), may, "{role} of {node}");
        }
    }
    for reason in ["", "  ", &"因".repeat(201)] {
        let answer = Opening::request(uuid::Uuid::nil(), &station().member, &reporter(), reason, now());
        assert!(matches!(answer, Err(Error::Invalid(_))), "{reason:?}");
    }
    assert_eq!(asked().reason, "Life in danger.");
}

#[test]
fn only_a_custodian_who_is_another_person_decides() {
    let decide = |by: &Profile, hours| asked().decide(by, true, hours, "Why.", now());
    for &role in Role::ALL {
        let answer = decide(&profile("somebody", role, "d"), None);
        assert_eq!(answer.is_ok(), role == Role::Custodian, "{role}");
    }
    assert_eq!(decide(&profile("custodian", Role::Custodian, "x"), None).unwrap_err(), Error::NotFound);
    let asker = Profile { member: Member { role: Role::Custodian, ..station().member }, ..station() };
    let asker = Profile { member: Member { node: "d".parse().unwrap(), ..asker.member.clone() }, ..asker };
    assert_eq!(decide(&asker, None).unwrap_err(), Refusal::OwnRequest.into());
    let appointed = Profile { recruiter: Some(station().member.id), ..custodian() };
    assert_eq!(decide(&appointed, None).unwrap_err(), Refusal::OwnCustodian.into());
    for hours in [0, MAX_OPEN_HOURS + 1] {
        assert!(matches!(decide(&custodian(), Some(hours)), Err(Error::Invalid(_))), "{hours}");
    }
    let (open, _) = decide(&custodian(), None).unwrap();
    assert_eq!(open.decision.unwrap().open_until, Some(later(i64::from(DEFAULT_OPEN_HOURS))));
    assert_eq!(opened().decide(&custodian(), false, None, "Why.", now()).unwrap_err(), Refusal::OpeningDecided.into());
    let late = later(DECIDE_DAYS * 24);
    assert_eq!(asked().decide(&custodian(), true, None, "Why.", late).unwrap_err(), Refusal::OpeningDecided.into());
}

#[test]
fn only_who_asked_looks_and_only_while_it_is_open() {
    let view =
        |opening: &Opening, by: &Profile, at| opening.view(&by.member, &reporter().member, at).map(|step| step.action);
    assert_eq!(view(&opened(), &station(), later(1)), Ok(IdentityAction::View));
    assert_eq!(view(&asked(), &station(), later(1)), Err(Refusal::NotOpen.into()));
    assert_eq!(view(&opened(), &station(), later(2)), Err(Refusal::NotOpen.into()));
    let other = profile("other", Role::DistrictManager, "d");
    assert_eq!(view(&opened(), &other, later(1)), Err(Error::NotFound));
    assert_eq!(view(&opened(), &custodian(), later(1)), Err(Error::NotFound));
    // Who has been moved elsewhere in the meantime is above the reporter no more.
    assert!(view(&opened(), &profile("station", Role::StationManager, "d.t"), later(1)).is_err());
    let refused = asked().decide(&custodian(), false, None, "Why.", now()).unwrap().0;
    assert_eq!(view(&refused, &station(), later(1)), Err(Refusal::NotOpen.into()));
}

#[test]
fn the_state_of_an_opening_follows_from_the_time() {
    let refused = asked().decide(&custodian(), false, None, "Why.", now()).unwrap().0;
    for (opening, at, state) in [
        (asked(), now(), OpeningState::Waiting),
        (asked(), later(DECIDE_DAYS * 24 - 1), OpeningState::Waiting),
        (asked(), later(DECIDE_DAYS * 24), OpeningState::Lapsed),
        (opened(), later(1), OpeningState::Open),
        (opened(), later(2), OpeningState::Over),
        (refused, later(10_000), OpeningState::Refused),
    ] {
        assert_eq!(opening.state(at), state);
    }
}

#[test]
fn a_request_is_shown_to_who_asked_and_to_those_who_watch() {
    for &role in Role::ALL {
        let watches = matches!(role, Role::Custodian | Role::Auditor);
        assert_eq!(asked().shown_to(&profile("somebody", role, "d").member), watches, "{role}");
        assert!(!asked().shown_to(&profile("somebody", role, "x").member), "{role}");
    }
    assert!(asked().shown_to(&station().member));
}

#[test]
fn every_step_is_chained_and_told() {
    let mut head = IdentityHead::default();
    let mut told = String::new();
    let (asking, first) =
        Opening::request(uuid::Uuid::from_u128(1), &station().member, &reporter(), "Life in danger.", now()).unwrap();
    let (refused, second) = asking.decide(&custodian(), false, None, "Not enough.", now()).unwrap();
    let (open, third) = asking.decide(&custodian(), true, None, "Confirmed.", now()).unwrap();
    let fourth = open.view(&station().member, &reporter().member, later(1)).unwrap();
    for (step, opening) in [(first, &asking), (second, &refused), (third, &open), (fourth, &open)] {
        let (event, next) = step.after(head, now()).unwrap();
        assert_eq!((event.seq, event.previous), (head.seq + 1, head.hash));
        assert_eq!((next.seq, next.hash), (event.seq, event.hash));
        head = next;
        for notice in of_opening(&event, opening) {
            let to = match &notice.to {
                Audience::Reviewers { stage, node } => format!("{stage} of {node}"),
                Audience::Agency { .. } => panic!("no agency has a part in identities"),
                Audience::Staff { role, node } => format!("{role} of {node}"),
                Audience::Reporters { node } => format!("reporters of {node}"),
                Audience::Member { member } => member.to_string(),
            };
            let [zh_cn, en] =
                [&notice.text.zh_cn, &notice.text.en].map(|text| text.replace(&opening.pseudonym.to_string(), "CODE"));
            writeln!(told, "{} → {to}\n    {zh_cn}\n    {en}", event.action).unwrap();
            assert!(!zh_cn.contains("Life") && !en.contains("Life"), "a reason goes to nobody's lock screen");
        }
    }
    for &action in IdentityAction::ALL {
        let step = Step::new(&reporter().member.id, &station().member.id, Role::StationManager, action);
        let (event, _) = step.after(head, now()).unwrap();
        let of_openings = matches!(
            action,
            IdentityAction::Request | IdentityAction::Consent | IdentityAction::Refuse | IdentityAction::View
        );
        assert_eq!(!of_opening(&event, &asking).is_empty(), of_openings, "{action}");
    }
    insta::assert_snapshot!("who_is_told_of_an_opening", told);
}

#[test]
fn nothing_that_is_sealed_can_be_printed() {
    let payment = Payment { holder: "李建国".into(), bank: "Bank".into(), account: "6222 0000".into() };
    payment.validate().unwrap();
    let person = Person { name: "李建国".into(), phone: "+8613900139000".into(), payment: Some(payment.clone()) };
    assert_eq!(format!("{person:?} {payment:?}"), "Person(…) Payment(…)");
    for (bad, pointer) in [
        (Payment { holder: " ".into(), ..payment.clone() }, "/payment/holder"),
        (Payment { bank: "b".repeat(61), ..payment.clone() }, "/payment/bank"),
        (Payment { account: "12;34".into(), ..payment.clone() }, "/payment/account"),
        (Payment { account: "1".repeat(41), ..payment }, "/payment/account"),
    ] {
        let Err(Error::Invalid(found)) = bad.validate() else { panic!("{pointer}") };
        assert_eq!(found[0].pointer, pointer);
    }
}
