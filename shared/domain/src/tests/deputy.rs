//! Who stands in for whom, from when until when, and that a cover out of its time is nothing.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Life, MARKERS, concerning, member, new_report, wednesday};
use crate::{
    deputy::{Absence, Cover, MAX_COVERS, begin, end, ended_by, uncover},
    district::{District, Place},
    error::{Error, Refusal},
    life::{Action, Relation, Stage},
    member::{Body, Member, MemberState, Role},
    membership::{Change, Decided, MemberAction, Profile, change, change_own},
    notice::{self, Audience},
    report::Concerns,
    text::Text,
};

fn profile(member: Member) -> Profile {
    Profile { account: None, ..Profile::seeded(member, wednesday()) }
}

/// The officer of the author's community.
fn absent() -> Profile {
    profile(super::officer())
}

/// The officer of the community beside it.
fn deputy() -> Profile {
    profile(super::officer_elsewhere())
}

fn days(days: i64) -> Timestamp {
    wednesday().checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

fn week() -> Absence {
    Absence { from: days(1), until: days(8), deputy: deputy().member.id }
}

/// What is wrong with it, by field.
fn wrong(absent: &Profile, deputy: Option<&Profile>, wanted: Absence) -> Vec<String> {
    match begin(absent, deputy, wanted, &absent.member, wednesday()) {
        Err(Error::Invalid(bad)) => bad.into_iter().map(|bad| format!("{} {}", bad.pointer, bad.detail)).collect(),
        other => panic!("{other:?}"),
    }
}

/// The two memberships once the absence is written down.
fn begun() -> (Profile, Profile) {
    let (absent, deputy) = (absent(), deputy());
    let (one, other) = begin(&absent, Some(&deputy), week(), &absent.member, wednesday()).unwrap().unwrap();
    (one.profile, other.profile)
}

#[test]
fn an_absence_stands_on_both_memberships_and_in_their_histories() {
    let (before, stands_in) = (absent(), deputy());
    let manager = super::manager();
    for actor in [&before.member, &manager] {
        let (one, other) = begin(&before, Some(&stands_in), week(), actor, wednesday()).unwrap().unwrap();
        assert_eq!(one.profile.absence, Some(week()));
        let cover = Cover {
            absent: before.member.id.clone(),
            node: before.member.node.clone(),
            from: week().from,
            until: week().until,
        };
        assert_eq!(other.profile.covers, std::slice::from_ref(&cover));
        for (Decided { profile, event }, action) in [(&one, MemberAction::SetAbsence), (&other, MemberAction::SetCover)]
        {
            assert_eq!((event.action, &event.actor, event.actor_role), (action, &actor.id, actor.role));
            assert_eq!((event.seq, profile.version, event.hash), (1, 1, profile.last_event));
            assert_eq!(event.compute_hash(), Ok(event.hash));
        }
        assert_eq!((&one.event.absence, &one.event.covers), (&Some(week()), &None));
        assert_eq!((&other.event.absence, &other.event.covers), (&None, &Some(vec![cover])));
        // The same again is nothing new.
        assert_eq!(begin(&one.profile, Some(&other.profile), week(), actor, wednesday()), Ok(None));
    }
}

#[test]
fn the_deputy_reviews_there_within_the_time_and_under_the_own_name() {
    let (_, stands_in) = begun();
    let life = Life::of(new_report());
    let report = &life.report;
    let relation = |now| Relation::of(&stands_in.acting_at(&report.node, now), report);
    let second = |at: Timestamp, by: i64| at.checked_add(SignedDuration::from_secs(by)).unwrap();
    assert_eq!(relation(second(days(1), -1)), Relation::Stranger);
    assert_eq!(relation(days(1)), Relation::Holder);
    assert_eq!(relation(second(days(8), -1)), Relation::Holder);
    assert_eq!(relation(days(8)), Relation::Stranger);

    let acting = stands_in.acting_at(&report.node, days(2));
    assert_eq!((&acting.id, acting.pseudonym), (&stands_in.member.id, stands_in.member.pseudonym));
    let decided = life.after(&acting, Action::Approve);
    assert_eq!(decided.newest().actor, stands_in.member.id, "the trail says who it was");
    // At the own community nothing has changed.
    assert_eq!(stands_in.acting_at(&stands_in.member.node, days(2)), stands_in.member);
}

#[test]
fn what_is_stored_of_a_cover_gives_no_right_by_itself() {
    let (_, stands_in) = begun();
    let report = Life::of(new_report()).report;
    // Whoever forgets to ask for the covers forgets the right, and not its end.
    assert_eq!(Relation::of(&stands_in.member, &report), Relation::Stranger);
    let read: Member = serde_json::from_value(serde_json::to_value(&stands_in).unwrap()).unwrap();
    assert_eq!(Relation::of(&read, &report), Relation::Stranger);
}

#[test]
fn a_cover_is_for_reviewing_and_ends_with_the_deputys_own_position() {
    let (_, stands_in) = begun();
    let report = Life::of(new_report()).report;
    let with = |member: Member| Profile { member, ..stands_in.clone() };
    let member = &stands_in.member;
    for other in [
        Member { state: MemberState::Suspended, ..member.clone() },
        Member { role: Role::Auditor, ..member.clone() },
        Member { role: Role::StationManager, node: super::node("hexi.donghu"), ..member.clone() },
    ] {
        let relation = Relation::of(&with(other).acting_at(&report.node, days(2)), &report);
        assert_eq!(relation, Relation::Stranger);
    }
    let left = change_own(&stands_in, &Change::Leave, days(2)).unwrap();
    assert_eq!(left.profile.covers, []);
}

/// A transfer to this position.
fn transfer(node: &str, role: Option<Role>, body: Option<Body>) -> Change {
    Change::Transfer { node: super::node(node), role, body, agency: None, reason: "New post.".to_owned() }
}

/// What the change of either membership leaves of both, whoever may make it.
fn changed_by(before: &Profile, wanted: &Change) -> Profile {
    let manager = super::district_manager();
    let place = |path: &str| Place { node: super::node(path), name: Text::new("名", "Name"), target: 0 };
    let nodes = ["hexi.jianshan", "hexi.jianshan.yulan", "hexi.jianshan.meihua", "hexi.donghu.meihua"];
    let lists = District { nodes: nodes.map(place).into(), ..super::lists() };
    match wanted {
        Change::Leave => change_own(before, wanted, days(2)),
        _ => change(before, &manager, wanted, &lists, days(2)),
    }
    .unwrap()
    .profile
}

#[test]
fn an_absence_ends_with_the_position_of_the_absent_one_and_the_cover_with_it() {
    let (before, stands_in) = begun();
    let reason = || "Off duty.".to_owned();
    let (home, report) = (before.member.node.as_str().to_owned(), Life::of(new_report()).report);
    for (wanted, ends) in [
        (transfer("hexi.donghu.meihua", None, None), true),
        (transfer("hexi.jianshan", Some(Role::StationManager), None), true),
        (Change::Suspend { reason: reason() }, true),
        (Change::Leave, true),
        (transfer(&home, None, None), false),
    ] {
        let after = changed_by(&before, &wanted);
        let deputy = ended_by(&before, &after, days(2));
        assert_eq!((after.absence.is_none(), deputy), (ends, ends.then_some(&stands_in.member.id)), "{wanted:?}");
        let manager = super::district_manager();
        let uncovered = uncover(&before.member.id, &stands_in, &manager, days(2)).unwrap().unwrap();
        assert_eq!((uncovered.event.action, &uncovered.event.actor), (MemberAction::EndCover, &manager.id));
        assert_eq!(uncovered.event.covers, Some(Vec::new()));
        let relation = Relation::of(&uncovered.profile.acting_at(&report.node, days(2)), &report);
        assert_eq!(relation, Relation::Stranger);
        assert_eq!(uncover(&before.member.id, &uncovered.profile, &manager, days(2)), Ok(None));
    }
    // What is over has nothing to end, and other absences stay covered.
    let after = changed_by(&before, &Change::Suspend { reason: reason() });
    assert_eq!(ended_by(&before, &after, week().until), None);
    let other = Cover { absent: member("other", Role::Officer, &home).id, ..stands_in.covers[0].clone() };
    let both = Profile { covers: vec![stands_in.covers[0].clone(), other.clone()], ..stands_in };
    let uncovered = uncover(&before.member.id, &both, &before.member, days(2)).unwrap().unwrap();
    assert_eq!(uncovered.profile.covers, [other]);
}

#[test]
fn covers_end_with_the_position_of_the_deputy() {
    let (_, stands_in) = begun();
    let home = stands_in.member.node.as_str().to_owned();
    for (wanted, ends) in [
        (transfer("hexi.donghu.meihua", None, None), true),
        (transfer("hexi.jianshan", Some(Role::StationManager), None), true),
        (Change::Leave, true),
        (transfer(&home, None, None), false),
    ] {
        assert_eq!(changed_by(&stands_in, &wanted).covers.is_empty(), ends, "{wanted:?}");
    }
}

#[test]
fn a_deputy_sees_no_more_than_the_absent_one() {
    let (_, stands_in) = begun();
    for concerns in [Concerns::StationOfficer, Concerns::StationManagement] {
        let report = Life::of(concerning(concerns)).report;
        let relation = Relation::of(&stands_in.acting_at(&report.node, days(2)), &report);
        assert_eq!(relation, Relation::Named, "{concerns}");
    }
    // A third community of the station stays closed.
    let elsewhere = super::node("hexi.jianshan.lanhua");
    assert_eq!(stands_in.acting_at(&elsewhere, days(2)), stands_in.member);
}

#[test]
fn the_inbox_has_the_covered_nodes_notices_within_the_time() {
    let (_, stands_in) = begun();
    let covered = Audience::Reviewers { stage: Stage::Officer, node: absent().member.node };
    assert!(!stands_in.inboxes(wednesday()).contains(&covered));
    assert!(stands_in.inboxes(days(2)).contains(&covered));
    assert!(!stands_in.inboxes(days(8)).contains(&covered));
}

#[test]
fn who_can_stand_in_is_of_the_same_role_and_body_and_near() {
    let not = ["/deputy is no active reviewer of the same role and body at this node or beside it"];
    let near = |member: Member| Some(profile(member));
    let beside = super::officer_elsewhere();
    let id = beside.id.clone();
    for deputy in [
        None,
        near(super::officer()),
        near(Member { state: MemberState::Suspended, ..beside.clone() }),
        near(Member { node: super::node("hexi.donghu.meihua"), ..beside.clone() }),
        near(Member { role: Role::StationManager, node: super::node("hexi.jianshan"), ..beside.clone() }),
        near(Member { body: Some(Body::Governance), ..beside.clone() }),
        near(member("agency-fire", Role::AgencyHandler, "hexi")),
        near(super::author()),
    ] {
        assert_eq!(wrong(&absent(), deputy.as_ref(), week()), not, "{deputy:?}");
    }
    // A station of the same district, and another manager of the own one.
    let station = profile(super::manager());
    let colleague = Member { id: id.clone(), ..super::manager() };
    for deputy in [super::manager_elsewhere(), colleague] {
        let wanted = Absence { deputy: deputy.id.clone(), ..week() };
        assert!(begin(&station, near(deputy).as_ref(), wanted, &station.member, wednesday()).is_ok());
    }
    // A district has nothing beside it, but it can have two managers.
    let district = profile(super::district_manager());
    let other = Member { id: id.clone(), ..super::district_manager() };
    let wanted = Absence { deputy: id, ..week() };
    assert!(begin(&district, near(other.clone()).as_ref(), wanted.clone(), &district.member, wednesday()).is_ok());
    let elsewhere = Member { node: super::node("hedong"), ..other };
    assert_eq!(wrong(&district, near(elsewhere).as_ref(), wanted), not);
}

#[test]
fn only_the_absent_one_and_who_manages_them_decide() {
    let (before, stands_in) = (absent(), deputy());
    let try_it = |actor: &Member| begin(&before, Some(&stands_in), week(), actor, wednesday()).map(|_| ());
    for actor in [&before.member, &super::manager(), &super::district_manager()] {
        assert_eq!(try_it(actor), Ok(()), "{}", actor.id);
        let (one, other) = begun();
        assert!(end(&one, Some(&other), actor, days(2)).unwrap().is_some());
    }
    for actor in [&stands_in.member, &super::manager_elsewhere(), &super::author()] {
        assert_eq!(try_it(actor), Err(Error::NotFound), "{}", actor.id);
    }
    let governance = Member { body: Some(Body::Governance), ..super::manager() };
    assert_eq!(try_it(&governance), Err(Refusal::NotBelowYou.into()));
    let reporter = profile(super::author());
    let own = begin(&reporter, Some(&stands_in), week(), &reporter.member, wednesday());
    assert_eq!(own, Err(Refusal::WrongRole.into()));
    let gone = profile(Member { state: MemberState::Suspended, ..super::officer() });
    let tried = begin(&gone, Some(&stands_in), week(), &super::manager(), wednesday());
    assert_eq!(tried, Err(Error::WrongMemberState(MemberState::Suspended)));
}

#[test]
fn an_absence_has_its_limits() {
    let (before, stands_in) = (absent(), deputy());
    let refused = |from: i64, until: i64| {
        wrong(&before, Some(&stands_in), Absence { from: days(from), until: days(until), ..week() }).join(", ")
    };
    assert_eq!(refused(3, 3), "/until is not after from");
    assert_eq!(refused(3, 1), "/until is not after from");
    assert_eq!(refused(-9, -1), "/until is over already");
    assert_eq!(refused(-9, 0), "/until is over already");
    assert_eq!(refused(1, 62), "/until makes it longer than 60 days");
    assert_eq!(refused(366, 367), "/from is more than 365 days ahead");
    let longest = Absence { from: days(365), until: days(425), ..week() };
    assert!(begin(&before, Some(&stands_in), longest, &before.member, wednesday()).is_ok());
}

#[test]
fn whoever_stands_in_is_there_and_not_overloaded() {
    let (before, stands_in) = (absent(), deputy());
    let away = Absence { from: days(7), until: days(9), deputy: super::officer().id };
    let on_leave = Profile { absence: Some(away.clone()), ..stands_in.clone() };
    assert_eq!(wrong(&before, Some(&on_leave), week()), ["/deputy is absent at that time"]);
    let back = Profile { absence: Some(Absence { from: days(8), ..away }), ..stands_in.clone() };
    assert!(begin(&before, Some(&back), week(), &before.member, wednesday()).is_ok());

    let cover = |name: &str, until| Cover {
        absent: member(name, Role::Officer, "hexi.jianshan.lanhua").id,
        node: super::node("hexi.jianshan.lanhua"),
        from: days(0),
        until,
    };
    let covers: Vec<_> = ["a", "b", "c"].map(|name| cover(name, days(3))).into();
    assert_eq!(covers.len(), MAX_COVERS);
    let busy = Profile { covers: covers.clone(), ..stands_in.clone() };
    assert_eq!(wrong(&before, Some(&busy), week()), ["/deputy stands in for 3 others already"]);
    // What is over neither counts nor stays.
    let over = Profile { covers: vec![cover("a", days(0)), cover("b", days(0)), cover("c", days(1))], ..stands_in };
    let (_, after) = begin(&before, Some(&over), week(), &before.member, wednesday()).unwrap().unwrap();
    let names: Vec<_> = after.profile.covers.iter().map(|cover| cover.absent.as_str()).collect();
    assert_eq!(names, ["c", before.member.id.as_str()]);
}

#[test]
fn an_absence_is_changed_and_ended_on_both_sides() {
    let (one, other) = begun();
    // Longer, with the same deputy: one cover, not two.
    let longer = Absence { until: days(20), ..week() };
    let (one, other) = begin(&one, Some(&other), longer.clone(), &one.member, days(2)).unwrap().unwrap();
    assert_eq!((one.profile.absence.as_ref(), other.profile.covers.len()), (Some(&longer), 1));
    // With another one only once this one is ended, so that no cover is left behind.
    let third = profile(Member { id: member("third", Role::Officer, "d").id, ..super::officer_elsewhere() });
    let wanted = Absence { deputy: third.member.id.clone(), ..week() };
    let refused = wrong(&one.profile, Some(&third), wanted.clone());
    assert_eq!(refused, ["/deputy is not who stands in now: end that absence first"]);
    let (ended, uncovered) = end(&one.profile, Some(&other.profile), &one.profile.member, days(3)).unwrap().unwrap();
    let uncovered = uncovered.unwrap();
    assert_eq!((&ended.profile.absence, &uncovered.profile.covers), (&None, &Vec::new()));
    assert_eq!((ended.event.action, uncovered.event.action), (MemberAction::EndAbsence, MemberAction::EndCover));
    assert_eq!(uncovered.event.covers, Some(Vec::new()));
    assert!(begin(&ended.profile, Some(&third), wanted, &ended.profile.member, days(3)).is_ok());
    // Nothing to end, and a deputy who has gone in the meantime.
    assert_eq!(end(&ended.profile, None, &ended.profile.member, days(3)), Ok(None));
    let (ended, gone) = end(&one.profile, None, &one.profile.member, days(3)).unwrap().unwrap();
    assert_eq!((ended.profile.absence, gone), (None, None));
}

#[test]
fn the_deputy_is_told_and_whoever_was_declared_absent() {
    let (before, stands_in) = (absent(), deputy());
    let told = |actor: &Member| {
        let (one, other) = begin(&before, Some(&stands_in), week(), actor, wednesday()).unwrap().unwrap();
        let notices =
            [one, other].map(|decided| notice::of_membership(&decided.event, decided.profile.member.pseudonym));
        let text = format!("{notices:?}");
        assert!(!MARKERS.iter().any(|marker| text.contains(marker)));
        notices.map(|notices| notices.into_iter().map(|notice| notice.to).collect::<Vec<_>>())
    };
    let to = |profile: &Profile| vec![Audience::Member { member: profile.member.id.clone() }];
    assert_eq!(told(&before.member), [vec![], to(&stands_in)]);
    assert_eq!(told(&super::manager()), [to(&before), to(&stands_in)]);
}

proptest! {
    #[test]
    fn a_cover_is_in_force_from_its_beginning_until_its_end_and_never_else(
        from in -5_000_i64..5_000, length in 1_i64..5_000, seconds in -12_000_i64..12_000,
    ) {
        let at = |seconds: i64| wednesday().checked_add(SignedDuration::from_secs(seconds)).unwrap();
        let node = absent().member.node;
        let cover = Cover { absent: absent().member.id, node: node.clone(), from: at(from), until: at(from + length) };
        let stands_in = Profile { covers: vec![cover], ..deputy() };
        let within = from <= seconds && seconds < from + length;
        prop_assert_eq!(stands_in.acting_at(&node, at(seconds)).node == node, within);
        prop_assert_eq!(stands_in.covered(at(seconds)).count(), usize::from(within));
    }
}
