//! The whole table, walked case by case: as a text for people to read, and against rules
//! that are written down here a second time, without looking at the table.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    error::Error,
    life::{Action, Case, Relation, Stage, State, Step, step},
    member::Role,
    named::Named as _,
    report::{Concerns, Urgency},
};

/// The positions that a report with these concerns can be in: its state, and the stage
/// that holds it or held it last. The first is that before it is sent in.
fn positions(concerns: Concerns) -> Vec<(Option<State>, Stage)> {
    let mut positions = vec![(None, concerns.first_stage())];
    for &stage in Stage::ALL.iter().filter(|&&stage| stage >= concerns.first_stage()) {
        let states = [stage.review(), stage.returned(), State::Rejected, State::Duplicate, State::Withdrawn];
        positions.extend(states.map(|state| (Some(state), stage)));
    }
    positions.extend([State::Adopted, State::HandedOver, State::Closed].map(|state| (Some(state), Stage::District)));
    positions
}

/// Every way in which a member of this role can stand to a report at this stage. Members
/// change roles, so that any of them may once have sent it in.
fn relations(role: Role, stage: Stage, concerns: Concerns) -> BTreeSet<Relation> {
    let others = [true, false].map(|in_territory| Relation::between(role, in_territory, stage, concerns));
    let author = (role != Role::Clock).then_some(Relation::Author);
    others.into_iter().chain(author).collect()
}

/// Every case that can ever come up.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &urgency in Urgency::ALL {
        for &concerns in Concerns::ALL {
            for (state, stage) in positions(concerns) {
                for &role in Role::ALL {
                    let relations = match state {
                        Some(_) => relations(role, stage, concerns),
                        // Who has not yet sent it in stands to it as its author.
                        None => BTreeSet::from([Relation::Author]),
                    };
                    for relation in relations {
                        cases.extend(Action::ALL.iter().map(|&action| Case {
                            action,
                            state,
                            stage,
                            urgency,
                            concerns,
                            role,
                            relation,
                        }));
                    }
                }
            }
        }
    }
    cases
}

/// Every case that the table allows, with where it leads.
fn allowed() -> Vec<(Case, Step)> {
    cases().into_iter().filter_map(|case| Some((case, step(case).ok()?))).collect()
}

#[test]
fn every_triple_is_allowed_or_refused_with_its_reason() {
    let cases = cases();
    let triples: BTreeSet<_> = cases.iter().map(|case| (case.state, case.action, case.role)).collect();
    assert_eq!(triples.len(), 13 * 16 * 9, "13 states (one is `not yet sent in`), 16 actions, 9 roles");
    for case in cases {
        match step(case) {
            Ok(_) | Err(Error::NotFound | Error::Refused(_)) => {}
            Err(Error::WrongState(state)) => assert_eq!(Some(state), case.state, "{case:?}"),
            Err(error) => panic!("{error} is no reason: {case:?}"),
        }
    }
}

#[test]
fn what_can_be_reached_from_submission_is_what_is_walked() {
    let steps = allowed();
    for &concerns in Concerns::ALL {
        let mut reached = BTreeSet::from([(None, concerns.first_stage())]);
        // No way through the table is longer than there are positions.
        for _ in 0..positions(concerns).len() {
            let next: Vec<_> = steps
                .iter()
                .filter(|(case, _)| case.concerns == concerns && reached.contains(&(case.state, case.stage)))
                .map(|(_, to)| (Some(to.state), to.stage))
                .collect();
            reached.extend(next);
        }
        assert_eq!(reached, positions(concerns).into_iter().collect(), "{concerns}");
    }
}

#[test]
fn only_the_holder_decides_or_in_an_emergency_the_stages_above() {
    for (case, _) in allowed() {
        let above_in_emergency = case.relation == Relation::Above && case.urgency == Urgency::Emergency;
        match case.action {
            Action::Approve | Action::Return | Action::Reject | Action::MarkDuplicate => {
                assert!(case.relation == Relation::Holder || above_in_emergency, "{case:?}");
            }
            Action::SendDown | Action::HandOver | Action::Close => {
                assert_eq!(case.relation, Relation::Holder, "{case:?}");
            }
            Action::Reopen => {
                let highest = case.relation == Relation::Holder && case.role == Role::DistrictManager;
                assert!(case.relation == Relation::Above || highest, "{case:?}");
            }
            Action::Submit | Action::Answer | Action::Withdraw => {
                assert_eq!((case.role, case.relation), (Role::Reporter, Relation::Author), "{case:?}");
            }
            Action::Message => {
                let holds = matches!(case.relation, Relation::Author | Relation::Holder);
                assert!(holds || above_in_emergency, "{case:?}");
            }
            Action::Remind | Action::Escalate | Action::Erase | Action::Recall => {
                assert_eq!(case.role, Role::Clock, "{case:?}");
            }
        }
    }
}

#[test]
fn in_an_emergency_no_stage_waits_for_a_lower_one() {
    let decisions = [Action::Approve, Action::Return, Action::Reject, Action::MarkDuplicate];
    for case in cases() {
        let in_review = case.state.is_some_and(State::is_review);
        if decisions.contains(&case.action) && in_review && case.relation == Relation::Above {
            assert_eq!(step(case).is_ok(), case.urgency == Urgency::Emergency, "{case:?}");
        }
    }
}

#[test]
fn a_stage_below_the_first_neither_sees_nor_gets_the_report() {
    for case in cases() {
        let below_the_first = case.role.stage().is_some_and(|stage| stage < case.concerns.first_stage());
        if below_the_first {
            assert!(!case.relation.may_review(), "{case:?}");
        }
        if let Ok(to) = step(case) {
            assert!(to.stage >= case.concerns.first_stage(), "{case:?} leads to {to:?}");
        }
    }
}

#[test]
fn for_strangers_and_those_named_no_report_exists() {
    for case in cases() {
        if matches!(case.relation, Relation::Stranger | Relation::Named) {
            assert_eq!(step(case), Err(Error::NotFound), "{case:?}");
        }
    }
}

#[test]
fn nobody_reviews_what_he_reported() {
    for (case, _) in allowed() {
        assert!(case.relation != Relation::Author || case.role == Role::Reporter, "{case:?}");
    }
}

#[test]
fn those_who_neither_report_nor_review_do_nothing() {
    let outside = [Role::AgencyHandler, Role::Treasurer, Role::Custodian, Role::Auditor];
    assert!(allowed().iter().all(|(case, _)| !outside.contains(&case.role)));
}

#[test]
fn only_a_withdrawn_report_has_no_way_out() {
    for &concerns in Concerns::ALL {
        for (state, stage) in positions(concerns) {
            let has_way_out = allowed().iter().any(|(case, to)| {
                (case.concerns, case.state, case.stage) == (concerns, state, stage)
                    && Some(to.state) != state
                    && case.action != Action::Recall
            });
            assert_eq!(has_way_out, state != Some(State::Withdrawn), "{state:?} at {stage}, {concerns}");
        }
    }
    assert!(allowed().iter().all(|(case, _)| case.state != Some(State::Withdrawn)));
}

#[test]
fn only_the_district_adopts_and_what_is_adopted_cannot_be_withdrawn() {
    for (case, to) in allowed() {
        if to.state == State::Adopted && case.state != Some(State::Adopted) {
            assert_eq!((case.role, case.action), (Role::DistrictManager, Action::Approve), "{case:?}");
        }
        if matches!(case.state, Some(State::Adopted | State::HandedOver | State::Closed)) {
            assert_ne!(case.action, Action::Withdraw, "{case:?}");
        }
    }
}

#[test]
fn the_clock_reminds_and_passes_up_by_one_stage_and_decides_nothing() {
    for (case, to) in allowed().into_iter().filter(|(case, _)| case.role == Role::Clock) {
        let stands = Some(to.state) == case.state && to.stage == case.stage;
        let one_up = Some(to.stage) == case.stage.above() && to.state == to.stage.review();
        let expected = match case.action {
            Action::Remind | Action::Erase => stands,
            // Another district has called its report back; which reports are such, `decide` says.
            Action::Recall => to.state == State::Withdrawn && to.stage == case.stage,
            _ => one_up,
        };
        assert!(expected, "{case:?} leads to {to:?}");
    }
}

#[test]
fn a_stage_and_the_state_of_its_review_or_question_always_fit() {
    for (case, to) in allowed() {
        for &stage in Stage::ALL {
            if to.state == stage.review() || to.state == stage.returned() {
                assert_eq!(to.stage, stage, "{case:?}");
            }
        }
    }
}

#[test]
fn urgent_differs_from_routine_in_time_alone() {
    for case in cases().into_iter().filter(|case| case.urgency == Urgency::Urgent) {
        assert_eq!(step(case), step(Case { urgency: Urgency::Routine, ..case }), "{case:?}");
    }
}

#[test]
fn the_table_as_people_read_it() {
    let mut text = String::from(LEGEND);
    let cases = cases();
    for state in std::iter::once(None).chain(State::ALL.iter().copied().map(Some)) {
        let cases: Vec<_> = cases.iter().copied().filter(|case| case.state == state).collect();
        write!(text, "\n== {} ==\n", state.map_or("not yet sent in", State::name)).unwrap();
        // Actions with the same answers to everybody share a paragraph.
        let mut paragraphs: Vec<(String, Vec<&str>)> = Vec::new();
        for &action in Action::ALL {
            let cases: Vec<_> = cases.iter().copied().filter(|case| case.action == action).collect();
            let answers = answers(&cases);
            match paragraphs.iter_mut().find(|(known, _)| *known == answers) {
                Some((_, actions)) => actions.push(action.name()),
                None => paragraphs.push((answers, vec![action.name()])),
            }
        }
        for (answers, actions) in paragraphs {
            write!(text, "{}\n{answers}", actions.join(", ")).unwrap();
        }
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("life_table", text);
    });
}

const LEGEND: &str = "\
The life of a report: for each state and action, who may (✓, and where it leads) and who
may not (✗, and why).

A role stands alone when the answer is the same however its members stand to the report;
otherwise the relation follows in brackets, and after it whatever else the answer depends
on: the urgency, what the report concerns, the stage that held it last. What a bracket
does not mention makes no difference.
  reviewers = officer, station_manager, district_manager
  others    = agency_handler, treasurer, custodian, auditor
  state@stage is an ended report and the stage that held it last.
Left out, because a test asserts that it is so for every action in every state: to
strangers, and to those whose conduct the report names, the answer is not_found.
";

/// An answer of the table: whether it allows, and where that leads or why not.
type Answer = (bool, String);

/// Who is given an answer: brackets, and the roles of which each is true.
type Given = Vec<(String, Vec<Role>)>;

fn answer(case: Case) -> Answer {
    match step(case) {
        Ok(Step { state, stage }) if state == stage.review() || state == stage.returned() => (true, state.to_string()),
        Ok(Step { state, stage }) => (true, format!("{state}@{stage}")),
        Err(Error::Refused(refusal)) => (false, refusal.to_string()),
        Err(Error::NotFound) => (false, "not_found".to_owned()),
        Err(Error::WrongState(_)) => (false, "wrong_state".to_owned()),
        Err(error) => panic!("{error}: {case:?}"),
    }
}

/// The answers to one action in one state: those that allow, then those that refuse.
fn answers(cases: &[Case]) -> String {
    let mut answers: Vec<(Answer, Given)> = Vec::new();
    for &role in Role::ALL {
        let of_role: Vec<_> =
            cases.iter().copied().filter(|case| case.role == role && exists_for(case.relation)).collect();
        for (answer, bracket) in brackets(&of_role) {
            let index = answers.iter().position(|(known, _)| *known == answer).unwrap_or_else(|| {
                answers.push((answer, Vec::new()));
                answers.len() - 1
            });
            let brackets = &mut answers[index].1;
            match brackets.iter_mut().find(|(known, _)| *known == bracket) {
                Some((_, roles)) => roles.push(role),
                None => brackets.push((bracket, vec![role])),
            }
        }
    }
    let who = |brackets: &Given| {
        let groups: Vec<_> =
            brackets.iter().map(|(bracket, roles)| format!("{}{bracket}", name_roles(roles))).collect();
        groups.join(", ")
    };
    let mut text = String::new();
    for ((_, to), brackets) in answers.iter().filter(|((allowed, _), _)| *allowed) {
        writeln!(text, "  ✓ {} → {to}", who(brackets)).unwrap();
    }
    let mut refused: Vec<_> = answers.iter().filter(|((allowed, _), _)| !*allowed).collect();
    refused.sort_by_key(|((_, why), _)| why);
    let refused: Vec<_> = refused.iter().map(|((_, why), brackets)| format!("{why}: {}", who(brackets))).collect();
    if !refused.is_empty() {
        writeln!(text, "  ✗ {}", refused.join("; ")).unwrap();
    }
    text
}

fn exists_for(relation: Relation) -> bool {
    !matches!(relation, Relation::Stranger | Relation::Named)
}

/// The answers to one role, each with the bracket that says when it is given.
fn brackets(cases: &[Case]) -> Vec<(Answer, String)> {
    let distinct: BTreeSet<_> = cases.iter().map(|&case| answer(case)).collect();
    if let (1, Some(only)) = (distinct.len(), distinct.first()) {
        // Being allowed is always worth a word on the relation; being refused is not.
        if !only.0 {
            return vec![(only.clone(), String::new())];
        }
    }
    let mut brackets = Vec::new();
    for &relation in Relation::ALL {
        let all: Vec<_> = cases.iter().copied().filter(|case| case.relation == relation).collect();
        let distinct: BTreeSet<_> = all.iter().map(|&case| answer(case)).collect();
        for given in distinct {
            let some: Vec<_> = all.iter().copied().filter(|&case| answer(case) == given).collect();
            brackets.push((given, format!(" ({relation}{})", condition(&some, &all))));
        }
    }
    brackets
}

/// What tells `some` of the cases from `all`, in as few words as will do. What cannot be
/// said by naming urgencies, stages and concerns is an error of this test.
fn condition(some: &[Case], all: &[Case]) -> String {
    type Value = fn(&Case) -> &'static str;
    let dimensions: [(&str, Value); 3] = [
        ("last with ", |case| case.stage.name()),
        ("", |case| case.urgency.name()),
        ("concerning ", |case| case.concerns.name()),
    ];
    let described_by = |dimensions: &[(&str, Value)]| {
        let fits = |case: &&Case| dimensions.iter().all(|(_, value)| some.iter().any(|one| value(one) == value(case)));
        all.iter().filter(fits).count()
    };
    let mut needed = dimensions.to_vec();
    assert_eq!(described_by(&needed), some.len(), "no bracket can say when {:?} is so", some[0]);
    for (words, _) in dimensions {
        let fewer: Vec<_> = needed.iter().copied().filter(|(other, _)| *other != words).collect();
        if described_by(&fewer) == some.len() {
            needed = fewer;
        }
    }
    let mut text = String::new();
    for (words, value) in needed {
        let values: BTreeSet<_> = some.iter().map(value).collect();
        let values: Vec<_> = values.into_iter().collect();
        write!(text, ", {words}{}", values.join(" or ")).unwrap();
    }
    text
}

/// The names of roles, shorter where they form a group.
fn name_roles(roles: &[Role]) -> String {
    const GROUPS: [(&str, &[Role]); 2] = [
        ("reviewers", &[Role::Officer, Role::StationManager, Role::DistrictManager]),
        ("others", &[Role::AgencyHandler, Role::Treasurer, Role::Custodian, Role::Auditor]),
    ];
    let mut names = Vec::new();
    for &role in roles {
        let group =
            GROUPS.iter().find(|(_, members)| members.contains(&role) && members.iter().all(|m| roles.contains(m)));
        let name = group.map_or(role.name(), |(name, _)| name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
