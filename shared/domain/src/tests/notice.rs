//! Who is told of what, and that no text that leaves the platform says what a report says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use proptest::prelude::*;

use super::{
    Life, MARKERS, author, clock, concerning, context, district_manager, lives, manager, member, new_report, officer,
    request, urgent,
};
use crate::{
    decide::{Decided, Request, decide},
    event::Event,
    feedback::{Step, feedback},
    life::{Action, Case, RejectionReason, Relation, Stage, State, step},
    member::{Member, MemberId, Role},
    named::Named as _,
    notice::{self, About, Audience, Notice},
    report::{Concerns, NewReport, Report, Urgency, node_of},
    text::Text,
};

/// Somebody of the cast who stands to the report as the case says.
fn actor_of(case: Case) -> Member {
    match case.role {
        _ if case.relation == Relation::Author => author(),
        Role::Officer => officer(),
        Role::StationManager => manager(),
        Role::DistrictManager => district_manager(),
        Role::Clock => clock(),
        role => panic!("nobody who is {role} ever acts"),
    }
}

/// An event of every kind: of each case that the table allows, for each reason.
fn every_event() -> Vec<Event> {
    let mut events = Vec::new();
    for case in super::life_table::cases().into_iter().filter(|&case| step(case).is_ok()) {
        let sent_in = Life::of(NewReport { urgency: case.urgency, ..concerning(case.concerns) });
        let Some(state) = case.state else {
            events.extend(sent_in.events);
            continue;
        };
        // Of what was rejected, this is what the clock erases; and only a copy of another district's is called back.
        let reason = (state == State::Rejected).then_some(RejectionReason::Unfounded);
        let origin = (case.action == Action::Recall).then(super::unknown_report);
        let report = Report { state, stage: case.stage, reason, origin, ..sent_in.report };
        let other = Life::sent_by(&super::neighbour(), concerning(case.concerns), Vec::new()).report;
        let requests = match request(case.action) {
            Request::Reject { .. } => RejectionReason::ALL.iter().copied().map(super::reject).collect(),
            Request::MarkDuplicate { .. } => vec![Request::MarkDuplicate { original: other.id, note: None }],
            other => vec![other],
        };
        let actor = actor_of(case);
        for request in requests {
            let context = context(&actor, report.version, sent_in.now);
            let Decided { event, .. } = decide(&report, &actor, request, Some(&other), context).unwrap();
            events.push(event);
        }
    }
    events
}

/// The notices of an event; the reporter is somebody whose name stands nowhere else.
fn notices(event: &Event) -> Vec<Notice> {
    notice::of_report(event, &author().id)
}

/// The stages whose reviewers are told, and whether the reporter is.
fn told(event: &Event) -> (Vec<Stage>, bool) {
    let mut stages = Vec::new();
    let mut reporter = false;
    for notice in notices(event) {
        match notice.to {
            Audience::Reviewers { stage, .. } => stages.push(stage),
            Audience::Member { .. } => reporter = true,
            Audience::Staff { .. } | Audience::Agency { .. } | Audience::Reporters { .. } => {
                panic!("a report concerns its reviewers alone")
            }
        }
    }
    (stages, reporter)
}

#[test]
fn every_notice_goes_to_whom_the_event_tells() {
    for event in every_event() {
        let (stages, reporter) = told(&event);
        assert_eq!(stages, event.tells, "{event:?}");
        assert_eq!(reporter, feedback(&event).is_some(), "{event:?}");
        for notice in notices(&event) {
            assert_eq!((notice.urgency, notice.at), (event.urgency, event.at));
            assert_eq!(notice.what, About::Report { report: event.report, action: event.action });
            let to_reporter = Audience::Member { member: author().id };
            match notice.to {
                Audience::Reviewers { stage, node } => assert_eq!(node, node_of(&event.node, stage)),
                to => assert_eq!((to, notice.pseudonym), (to_reporter, Some(author().pseudonym))),
            }
        }
    }
}

#[test]
fn only_stages_that_may_see_the_report_are_told() {
    for &urgency in Urgency::ALL {
        for &concerns in Concerns::ALL {
            let event = Life::of(NewReport { urgency, ..concerning(concerns) }).events.remove(0);
            let expected: Vec<_> = Stage::ALL
                .iter()
                .copied()
                .filter(|&stage| match urgency {
                    Urgency::Emergency => stage >= concerns.first_stage(),
                    _ => stage == concerns.first_stage(),
                })
                .collect();
            assert_eq!(told(&event), (expected, true), "{urgency}, {concerns}");
        }
    }
}

#[test]
fn the_reviewers_of_a_stage_are_those_of_its_node() {
    let nodes: Vec<_> = notices(Life::of(urgent(Urgency::Emergency)).newest())
        .into_iter()
        .filter_map(|notice| match notice.to {
            Audience::Reviewers { stage, node } => Some((stage, node.to_string())),
            _ => None,
        })
        .collect();
    let expected =
        [(Stage::Officer, "hexi.jianshan.yulan"), (Stage::Station, "hexi.jianshan"), (Stage::District, "hexi")];
    assert_eq!(nodes, expected.map(|(stage, node)| (stage, node.to_owned())));
}

#[test]
fn whoever_must_act_next_is_told() {
    for event in every_event().iter().filter(|event| event.from != Some(event.to)) {
        let (stages, reporter) = told(event);
        assert!(reporter || event.action == Action::Recall, "the reporter hears of every step: {event:?}");
        assert_eq!(stages.first(), event.to.is_review().then_some(&event.stage), "{event:?}");
    }
    let life = Life::of(new_report());
    assert_eq!(told(life.clone().after(&author(), Action::Message).newest()), (vec![Stage::Officer], false));
    assert_eq!(told(life.clone().after(&officer(), Action::Message).newest()), (vec![], true));
    assert_eq!(told(life.after(&clock(), Action::Remind).newest()), (vec![Stage::Officer], false));
}

#[test]
fn an_emergency_is_said_to_be_with_all_stages_only_when_it_is() {
    for &concerns in Concerns::ALL {
        let event = Life::of(NewReport { urgency: Urgency::Emergency, ..concerning(concerns) }).events.remove(0);
        let text = feedback(&event).unwrap().text;
        assert_eq!(text.en.contains("all three stages"), event.tells == Stage::ALL, "{concerns}");
        assert!(text.en.contains("call 110 first") && text.zh_cn.contains("请先拨打110"), "{concerns}");
        let names_the_officer = text.zh_cn.contains("社区") || text.en.contains("officer");
        assert!(!names_the_officer || event.tells.contains(&Stage::Officer), "{concerns}");
    }
}

#[test]
fn every_step_and_every_reason_has_its_text_in_both_languages() {
    let told: Vec<_> = every_event().iter().filter_map(|event| Some((event.reason, feedback(event)?))).collect();
    for &expected in Step::ALL {
        assert!(told.iter().any(|(_, feedback)| feedback.step == expected), "nothing leads to {expected}");
    }
    for &reason in RejectionReason::ALL {
        let (_, feedback) = told.iter().find(|(given, _)| *given == Some(reason)).unwrap();
        assert!(feedback.text.zh_cn.contains(&reason.text().zh_cn) && feedback.text.en.contains(&reason.text().en));
    }
    for text in told.into_iter().map(|(_, feedback)| feedback.text) {
        assert_is_in_both_languages(&text);
    }
    for notice in every_event().iter().flat_map(notices) {
        assert_is_in_both_languages(&notice.text);
    }
}

fn assert_is_in_both_languages(text: &Text) {
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    assert!(text.zh_cn.chars().any(is_han) && text.zh_cn.ends_with('。'), "{text:?}");
    assert!(!text.en.chars().any(is_han) && text.en.ends_with('.'), "{text:?}");
}

#[test]
fn feedback_carries_the_deadline_of_the_next_step() {
    let asked = Life::of(new_report()).after(&officer(), Action::Return);
    assert_eq!(feedback(asked.newest()).unwrap().due_at, asked.report.due_at);
    assert!(asked.report.due_at.is_some());
    assert_eq!(feedback(asked.adopted().newest()).unwrap().due_at, None);
}

#[test]
fn a_lock_screen_shows_the_reporter_no_more_than_that_there_is_news() {
    let to_the_reporter = |notice: &Notice| matches!(notice.to, Audience::Member { .. });
    let mut texts = BTreeSet::new();
    for event in every_event() {
        let code = event.report.to_string();
        texts.extend(
            notices(&event).iter().filter(|one| to_the_reporter(one)).map(|one| one.text.en.replace(&code, "CODE")),
        );
    }
    assert_eq!(texts, BTreeSet::from(["There is news on your report CODE. Please open the app.".to_owned()]));
}

/// Everything that leaves the platform because of an event.
fn all_that_is_said(event: &Event) -> String {
    let sent: Vec<_> = notices(event).into_iter().map(|notice| (notice.attributes(), notice.text)).collect();
    format!("{sent:?} {}", serde_json::to_string(&feedback(event)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_no_text_leaks_and_no_key_comes_twice(plot in lives::a_plot()) {
        let mut keys = BTreeSet::new();
        let life = plot.play(|_| Ok(()))?;
        for event in &life.events {
            let said = all_that_is_said(event);
            let people = super::cast().into_iter().filter(|member| member.role != Role::Clock);
            let ids: Vec<_> = people.map(|member| member.id).collect();
            for secret in ids.iter().map(MemberId::as_str).chain(MARKERS) {
                prop_assert!(!said.contains(secret), "{secret} stands in {said}");
            }
            for Notice { deduplication_key, .. } in notices(event) {
                prop_assert!(keys.insert(deduplication_key.clone()), "{deduplication_key} comes twice");
            }
        }
    }

    #[test]
    fn no_word_of_any_report_is_ever_repeated(text in "[a-z]{12}( [\u{4e00}-\u{4eff}]{6}){1,3}") {
        let events = Life::of(NewReport { text: text.clone(), ..new_report() })
            .then(&officer(), Request::Return { question: text.clone(), note: Some(text.clone()) })
            .then(&author(), Request::Answer { text: text.clone(), media: Vec::new() })
            .then(&author(), Request::Message { text: text.clone() })
            .then(&officer(), Request::Reject { reason: RejectionReason::NotConfirmed, note: Some(text.clone()) })
            .events;
        for event in &events {
            let said = all_that_is_said(event);
            for word in text.split(' ') {
                prop_assert!(!said.contains(word), "{word} stands in {said}");
            }
        }
    }
}

#[test]
fn the_same_event_always_gives_the_same_notices() {
    let life = Life::of(urgent(Urgency::Emergency));
    assert_eq!(notices(life.newest()), notices(life.newest()));
    let again = Life::of(urgent(Urgency::Emergency));
    assert_eq!(notices(life.newest()), notices(again.newest()));
    // Another reporter's report of the same words is another matter.
    let other = Life::sent_by(&member("resident-2", Role::Reporter, "hexi.jianshan.yulan"), new_report(), Vec::new());
    assert_ne!(notices(life.newest())[0].deduplication_key, notices(other.newest())[0].deduplication_key);
}

#[test]
fn the_texts_as_people_read_them() {
    let mut to_reporters: BTreeMap<Step, BTreeSet<(String, String)>> = BTreeMap::new();
    // Each text for reviewers with what it is sent for.
    let mut to_reviewers: BTreeMap<(Urgency, String, String), BTreeSet<Action>> = BTreeMap::new();
    let mut on_lock_screens = BTreeSet::new();
    for event in every_event() {
        if let Some(told) = feedback(&event) {
            to_reporters.entry(told.step).or_default().insert((told.text.zh_cn, told.text.en));
        }
        for notice in notices(&event) {
            let code = event.report.to_string();
            let zh_cn = notice.text.zh_cn.replace(&code, "〔CODE〕");
            let en = notice.text.en.replace(&code, "[CODE]");
            if matches!(notice.to, Audience::Reviewers { .. }) {
                to_reviewers.entry((notice.urgency, zh_cn, en)).or_default().insert(event.action);
            } else {
                on_lock_screens.insert((zh_cn, en));
            }
        }
    }
    let mut text = String::from("== What the reporter reads, by step ==\n");
    for (step, texts) in to_reporters {
        writeln!(text, "\n{step}").unwrap();
        for (zh_cn, en) in texts {
            writeln!(text, "  {zh_cn}\n    {en}").unwrap();
        }
    }
    text.push_str("\n== What the reporter's lock screen shows ==\n");
    for (zh_cn, en) in on_lock_screens {
        writeln!(text, "\n  {zh_cn}\n    {en}").unwrap();
    }
    text.push_str("\n== What reviewers' lock screens show, by urgency and what happened ==\n");
    for ((urgency, zh_cn, en), actions) in to_reviewers {
        let actions: Vec<_> = actions.into_iter().map(Action::name).collect();
        write!(text, "\n{urgency}: {}\n  {zh_cn}\n    {en}\n", actions.join(", ")).unwrap();
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("texts", text);
    });
}

#[test]
fn an_ended_report_troubles_no_reviewer() {
    let ended = [State::Rejected, State::Duplicate, State::Withdrawn, State::Adopted, State::HandedOver, State::Closed];
    for event in every_event().iter().filter(|event| ended.contains(&event.to) && event.action != Action::Message) {
        // What is called back has no reporter here.
        assert_eq!(told(event), (vec![], event.action != Action::Recall), "{event:?}");
    }
}
