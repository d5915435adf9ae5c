//! Whom a task is for, what it may say, and what can be done with it.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{at, cast, district_manager, manager, manager_elsewhere, member, node, officer, wednesday};
use crate::{
    Timestamp,
    command::CommandId,
    district::{District, Label, Place, StationTasks, Trade},
    error::{Error, Refusal},
    hash::Digest,
    member::{MemberState, Role},
    membership::{Kind, Profile},
    named::Named as _,
    notice::{self, Audience},
    report::{Category, Urgency},
    scope::{Census, Scope, Selection, Traits, census_changes},
    task::{Answer, FieldKind, FormField, Task, TaskContent, TaskKind, TaskStage, TaskState, Value, check_answer},
    tasking::{self, Decided, Moment, Step, TaskAction},
    territory::Level,
    text::Text,
};

const NODES: [&str; 8] = [
    "hexi",
    "hexi.jianshan",
    "hexi.jianshan.yulan",
    "hexi.jianshan.meihua",
    "hexi.donghu",
    "hexi.donghu.chunxiao",
    "hexi.jian",
    "hexi.jian.yulan",
];
const TRADES: [&str; 4] = ["taxi", "scrap", "lodging", "fuel"];

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

fn labels(of: &[&str]) -> Vec<Label> {
    of.iter().map(|one| label(one)).collect()
}

pub(super) fn district() -> District {
    let name = Text::new("名", "Name");
    District {
        node: node("hexi"),
        version: 1,
        name: name.clone(),
        nodes: NODES[1..].iter().map(|path| Place { node: node(path), name: name.clone(), target: 0 }).collect(),
        trades: TRADES.iter().map(|of| Trade { label: label(of), name: name.clone(), target: 0 }).collect(),
        places: Vec::new(),
        station_tasks: StationTasks::Consent,
        agencies: Vec::new(),
        outcome_kinds: Vec::new(),
    }
}

pub(super) fn content(nodes: &[&str]) -> TaskContent {
    TaskContent {
        kind: TaskKind::Task,
        title: "夜间电缆被盗".to_owned(),
        look_for: Some("货车夜间装运电缆".to_owned()),
        instructions: "看到请记下时间和地点，不要靠近。".to_owned(),
        category: Category::Crime,
        priority: Urgency::Urgent,
        starts_at: wednesday(),
        ends_at: at("2026-08-14T18:00:00+08:00"),
        remind_at: Some(at("2026-08-13T09:00:00+08:00")),
        form: vec![
            FormField {
                name: label("seen"),
                label: "是否看到".to_owned(),
                kind: FieldKind::Choice,
                required: true,
                choices: vec!["是".to_owned(), "否".to_owned()],
            },
            FormField {
                name: label("count"),
                label: "几辆".to_owned(),
                kind: FieldKind::Number,
                required: false,
                choices: Vec::new(),
            },
            FormField {
                name: label("photo"),
                label: "照片".to_owned(),
                kind: FieldKind::Photo,
                required: false,
                choices: Vec::new(),
            },
        ],
        scope: Scope { nodes: nodes.iter().map(|path| node(path)).collect(), who: Selection::default() },
    }
}

pub(super) fn draft(actor: &crate::member::Member, content: TaskContent) -> Task {
    let command = CommandId::new(&actor.id, uuid::Uuid::nil());
    tasking::create(content, command.task_id(0), actor, &district(), command, wednesday()).unwrap().task
}

pub(super) fn sent(actor: &crate::member::Member, content: TaskContent) -> Task {
    let draft = draft(actor, content);
    tasking::step(&draft, &Step::Publish, 100, actor, &district(), wednesday()).unwrap().task
}

fn reporter(path: &str, kind: Option<Kind>, trades: &[&str]) -> Profile {
    let mut profile = Profile::seeded(member("somebody", Role::Reporter, path), wednesday());
    profile.kind = kind;
    profile.trades = labels(trades);
    profile
}

// ── The algebra of scopes ──────────────────────────────────────────────────────────────────────────────────────────

/// The same as [`Scope::includes`], as it is said in words.
fn is_in(scope: &Scope, profile: &Profile) -> bool {
    let path = profile.member.node.as_str();
    let there = scope.nodes.iter().any(|node| path == node.as_str() || path.starts_with(&format!("{node}.")));
    let kind = scope.who.kinds.is_empty() || scope.who.kinds.iter().any(|kind| profile.kind == Some(*kind));
    let trade =
        scope.who.trades.is_empty() || profile.trades.iter().any(|trade| scope.who.trades.iter().any(|of| of == trade));
    there && kind && trade
}

fn scopes() -> impl Strategy<Value = Scope> {
    let nodes = proptest::sample::subsequence(NODES.to_vec(), 1..4);
    let kinds = proptest::sample::subsequence(Kind::ALL.to_vec(), 0..3);
    let trades = proptest::sample::subsequence(TRADES.to_vec(), 0..3);
    (nodes, kinds, trades).prop_map(|(nodes, kinds, trades)| Scope {
        nodes: nodes.into_iter().map(node).collect(),
        who: Selection { kinds, trades: labels(&trades) },
    })
}

fn reporters() -> impl Strategy<Value = Profile> {
    let communities: Vec<&str> = NODES.iter().copied().filter(|path| node(path).level() == Level::Community).collect();
    let kind = proptest::option::of(proptest::sample::select(Kind::ALL));
    let trades = proptest::sample::subsequence(TRADES.to_vec(), 0..4);
    let state = prop_oneof![3 => Just(MemberState::Active), 1 => proptest::sample::select(MemberState::ALL)];
    (proptest::sample::select(communities), kind, trades, state).prop_map(|(path, kind, trades, state)| {
        let mut profile = reporter(path, kind, &trades);
        profile.member.state = state;
        profile
    })
}

proptest! {
    /// Also after a transfer: the scope asks who somebody is now.
    #[test]
    fn a_reporter_is_in_a_scope_exactly_when_it_says_so(scope in scopes(), before in reporters(), after in reporters()) {
        for profile in [&before, &after] {
            prop_assert_eq!(scope.includes(profile), is_in(&scope, profile));
            // What a list finds by place and then looks at, is the same.
            let by_place = Level::ALL.iter().filter_map(|level| profile.member.node.at(*level));
            let found = by_place.filter(|node| scope.nodes.contains(node)).count();
            prop_assert_eq!(found > 0 && scope.who.takes(profile.kind, &profile.trades), is_in(&scope, profile));
        }
        let staff = Profile::seeded(member("staff", Role::Officer, before.member.node.as_str()), wednesday());
        prop_assert!(!scope.includes(&staff), "staff is in no scope");
    }

    /// Nobody is found twice: of the nodes of a scope that is taken, at most one holds a community.
    #[test]
    fn nobody_is_told_twice(scope in scopes()) {
        let mut bad = Vec::new();
        scope.check(&node("hexi"), &district(), &mut bad);
        let twice = NODES.iter().any(|path| scope.nodes.iter().filter(|of| of.contains(&node(path))).count() > 1);
        prop_assert_eq!(bad.is_empty(), !twice, "{:?}", bad);
    }

    /// The census that is kept with each change counts the same as counting everybody.
    #[test]
    fn the_census_counts_who_is_in_scope(
        lives in proptest::collection::vec(proptest::collection::vec(reporters(), 1..5), 1..8),
        scope in scopes(),
    ) {
        let mut censuses = std::collections::BTreeMap::<_, Census>::new();
        for life in &lives {
            let mut before = None;
            for profile in life {
                for change in census_changes(before, profile) {
                    let count = censuses.entry(change.community).or_default().0.entry(change.traits).or_default();
                    *count = if change.more { *count + 1 } else { count.checked_sub(1).expect("none is taken twice") };
                }
                before = Some(profile);
            }
        }
        let counted: u32 = scope.communities(&district()).iter().filter_map(|node| censuses.get(node)).map(|census| census.count(&scope.who)).sum();
        let now = lives.iter().filter_map(|life| life.last());
        let expected = now.filter(|profile| profile.member.state == MemberState::Active && is_in(&scope, profile)).count();
        prop_assert_eq!(usize::try_from(counted).unwrap(), expected);
    }

    #[test]
    fn traits_read_back(profile in reporters()) {
        let traits = Traits::new(profile.kind, &profile.trades);
        prop_assert_eq!(traits.to_string().parse::<Traits>(), Ok(traits));
    }
}

// ── What a task may say ────────────────────────────────────────────────────────────────────────────────────────────

fn pointers(result: Result<(), Error>) -> Vec<String> {
    match result {
        Ok(()) => Vec::new(),
        Err(Error::Invalid(bad)) => bad.into_iter().map(|field| field.pointer).collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn each_mistake_of_a_task_is_named() {
    let spoiled = |spoil: &dyn Fn(&mut TaskContent)| {
        let mut content = content(&["hexi.jianshan.yulan"]);
        spoil(&mut content);
        pointers(content.validate(&node("hexi.jianshan"), &district(), wednesday()))
    };
    assert_eq!(spoiled(&|_| {}), Vec::<String>::new());
    assert_eq!(spoiled(&|c| c.title = " ".into()), ["/title"]);
    assert_eq!(spoiled(&|c| c.title = "长".repeat(61)), ["/title"]);
    assert_eq!(spoiled(&|c| c.look_for = Some("少数民族商户".into())), ["/look_for"]);
    assert_eq!(spoiled(&|c| c.instructions = "留意 13800138000 的机主".into()), ["/instructions"]);
    assert_eq!(spoiled(&|c| c.ends_at = wednesday()), ["/ends_at", "/remind_at"]);
    assert_eq!(
        spoiled(&|c| c.ends_at = c.starts_at.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap())[0],
        "/ends_at"
    );
    assert_eq!(spoiled(&|c| c.ends_at = at("2027-09-14T18:00:00+08:00")), ["/ends_at"]);
    assert_eq!(spoiled(&|c| c.ends_at = at("2027-03-14T18:00:00+08:00")), ["/ends_at"]);
    assert_eq!(spoiled(&|c| c.remind_at = Some(c.ends_at)), ["/remind_at"]);
    assert_eq!(spoiled(&|c| c.kind = TaskKind::WorkHint), ["/form"]);
    assert_eq!(spoiled(&|c| c.form = vec![c.form[0].clone(); 11]), ["/form"]);
    assert_eq!(spoiled(&|c| c.form.push(c.form[0].clone())), ["/form/3/name"]);
    assert_eq!(spoiled(&|c| c.form[0].choices.truncate(1)), ["/form/0/choices"]);
    assert_eq!(
        spoiled(&|c| c.form[0].choices = vec!["信教".into(), "不信教".into()]),
        ["/form/0/choices/0", "/form/0/choices/1"]
    );
    assert_eq!(spoiled(&|c| c.form[0].choices[1] = "是".into()), ["/form/0/choices/1"]);
    assert_eq!(spoiled(&|c| c.form[1].choices.push("x".into())), ["/form/1/choices"]);
    assert_eq!(spoiled(&|c| c.scope.nodes.clear()), ["/scope/nodes"]);
    assert_eq!(spoiled(&|c| c.scope.nodes = vec![node("hexi.donghu.chunxiao")]), ["/scope/nodes/0"]);
    assert_eq!(spoiled(&|c| c.scope.nodes = vec![node("hexi.jianshan.nowhere")]), ["/scope/nodes/0"]);
    assert_eq!(spoiled(&|c| c.scope.nodes.push(node("hexi.jianshan"))), ["/scope/nodes/0"]);
    assert_eq!(spoiled(&|c| c.scope.nodes.push(c.scope.nodes[0].clone())), ["/scope/nodes/1"]);
    assert_eq!(spoiled(&|c| c.scope.who.kinds = vec![Kind::Taxi, Kind::Taxi]), ["/scope/kinds/1"]);
    assert_eq!(
        spoiled(&|c| c.scope.who.trades = labels(&["taxi", "gold", "taxi"])),
        ["/scope/trades/1", "/scope/trades/2"]
    );
}

#[test]
fn an_answer_fits_its_form() {
    let form = content(&["hexi"]).form;
    let check = |answer: &[(&str, Value)]| {
        let answer: Answer = answer.iter().map(|(name, value)| (label(name), value.clone())).collect();
        check_answer(&form, &answer)
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let photo = uuid::Uuid::from_u128(7);
    assert_eq!(
        check(&[("seen", text("是")), ("count", Value::Number(2)), ("photo", text(&photo.to_string()))]),
        Ok(vec![photo])
    );
    assert_eq!(check(&[("seen", text("否"))]), Ok(Vec::new()));
    for (answer, expected) in [
        (vec![], "/answer/seen"),
        (vec![("seen", text("也许"))], "/answer/seen"),
        (vec![("seen", Value::Number(1))], "/answer/seen"),
        (vec![("seen", text("是")), ("count", text("two"))], "/answer/count"),
        (vec![("seen", text("是")), ("count", Value::Number(i64::MIN))], "/answer/count"),
        (vec![("seen", text("是")), ("photo", text("x"))], "/answer/photo"),
        (vec![("seen", text("是")), ("other", text("x"))], "/answer/other"),
    ] {
        assert_eq!(pointers(check(&answer).map(drop)), [expected]);
    }
}

// ── What can be done with a task ───────────────────────────────────────────────────────────────────────────────────

/// A task of the station at each state, made by the station and wider than one community.
fn at_each_state() -> Vec<(TaskState, Task)> {
    let now = wednesday();
    let draft = draft(&manager(), content(&["hexi.jianshan"]));
    let step = |task: &Task, step: Step, actor| tasking::step(task, &step, 9, &actor, &district(), now).unwrap().task;
    let waiting = step(&draft, Step::Publish, manager());
    let active = step(&waiting, Step::Consent, district_manager());
    let mut later = draft.clone();
    later.content.starts_at = at("2026-08-13T08:00:00+08:00");
    let scheduled = step(&step(&later, Step::Publish, manager()), Step::Consent, district_manager());
    let cancelled = step(&active, Step::Cancel { reason: "over".to_owned() }, manager());
    let mut ended = active.clone();
    ended.content.ends_at = now;
    let all = vec![draft, waiting, scheduled, active, ended, cancelled];
    all.into_iter().map(|task| (task.state(now), task)).collect()
}

#[test]
fn every_step_of_everybody_in_every_state_is_as_the_table_says() {
    let mut table = String::new();
    let steps = [
        Step::Publish,
        Step::Consent,
        Step::Refuse { reason: "No.".to_owned() },
        Step::Cancel { reason: "Over.".to_owned() },
    ];
    let actors = [officer(), manager(), manager_elsewhere(), district_manager()];
    for (state, task) in at_each_state() {
        for actor in &actors {
            let mut row = Vec::new();
            let mut longer = task.content.clone();
            longer.ends_at = at("2026-08-15T18:00:00+08:00");
            let edited = tasking::edit(&task, longer, actor, &district(), wednesday())
                .map(|decided| decided.expect("it changes"));
            let steps = steps.iter().map(|step| tasking::step(&task, step, 9, actor, &district(), wednesday()));
            for result in std::iter::once(edited).chain(steps) {
                row.push(match result {
                    Ok(decided) => format!("{}→{}", decided.event.action, decided.task.state(wednesday())),
                    Err(Error::Refused(refusal)) => format!("-{refusal}"),
                    Err(Error::NotFound) => "-".to_owned(),
                    Err(other) => format!("-{other}"),
                });
            }
            let who = actor.id.to_string();
            writeln!(table, "{state:<17}{who:<18}{}", row.join("  ")).unwrap();
        }
    }
    insta::assert_snapshot!("steps_of_tasks", table);
}

#[test]
fn who_makes_tasks() {
    for actor in cast() {
        let mut content = content(&["hexi"]);
        content.scope.nodes = vec![actor.node.clone()];
        let command = CommandId::new(&actor.id, uuid::Uuid::nil());
        let made = tasking::create(content, command.task_id(0), &actor, &district(), command, wednesday());
        assert_eq!(made.is_ok(), actor.role.manages(), "{}", actor.role);
    }
}

#[test]
fn a_scope_of_fewer_than_five_is_refused_whoever_sends_it() {
    for (actor, path) in
        [(officer(), "hexi.jianshan.yulan"), (manager(), "hexi.jianshan"), (district_manager(), "hexi")]
    {
        let draft = draft(&actor, content(&[path]));
        for in_scope in 0..7 {
            let sent = tasking::step(&draft, &Step::Publish, in_scope, &actor, &district(), wednesday());
            assert_eq!(sent.is_ok(), in_scope >= 5);
            assert!(in_scope >= 5 || sent == Err(Refusal::ScopeTooSmall.into()));
        }
    }
}

#[test]
fn stations_ask_for_consent_unless_the_district_has_said_otherwise() {
    let mut free = district();
    free.station_tasks = StationTasks::Free;
    for (nodes, asks) in [
        (&["hexi.jianshan.yulan"][..], false),
        (&["hexi.jianshan.yulan", "hexi.jianshan.meihua"], true),
        (&["hexi.jianshan"], true),
    ] {
        let draft = draft(&manager(), content(nodes));
        let publish = |district: &District| {
            tasking::step(&draft, &Step::Publish, 9, &manager(), district, wednesday()).unwrap().task.stage
        };
        assert_eq!(publish(&district()) == TaskStage::AwaitingConsent, asks, "{nodes:?}");
        assert_eq!(publish(&free), TaskStage::Published);
    }
}

#[test]
fn what_was_consented_to_is_changed_by_the_district_alone() {
    let (_, task) = at_each_state().into_iter().find(|(state, _)| *state == TaskState::Active).unwrap();
    let mut other = task.content.clone();
    other.instructions = "请拨打 110。".to_owned();
    let edited = |actor| tasking::edit(&task, other.clone(), &actor, &district(), wednesday());
    assert_eq!(edited(manager()), Err(Refusal::ConsentedTask.into()));
    // Nor what the district has sent itself, or what was sent before the district asked to consent.
    let wide = draft(&manager(), content(&["hexi.jianshan"]));
    let by_district = tasking::step(&wide, &Step::Publish, 9, &district_manager(), &district(), wednesday()).unwrap();
    let mut free = district();
    free.station_tasks = StationTasks::Free;
    let freely = tasking::step(&wide, &Step::Publish, 9, &manager(), &free, wednesday()).unwrap();
    let asks = district();
    for sent in [by_district.task, freely.task] {
        let edit = |actor| tasking::edit(&sent, other.clone(), &actor, &asks, wednesday());
        assert_eq!(edit(manager()), Err(Refusal::ConsentedTask.into()));
        assert!(edit(district_manager()).is_ok());
    }
    assert!(edited(district_manager()).unwrap().unwrap().tells_scope);
}

#[test]
fn only_other_instructions_are_told_again() {
    let task = sent(&officer(), content(&["hexi.jianshan.yulan"]));
    let edited = |change: &dyn Fn(&mut TaskContent)| {
        let mut other = task.content.clone();
        change(&mut other);
        tasking::edit(&task, other, &officer(), &district(), wednesday())
    };
    let told = |change: &dyn Fn(&mut TaskContent)| {
        let Decided { task, tells_scope, .. } = edited(change).unwrap().unwrap();
        (tells_scope, task.instructions_version, task.form_version)
    };
    assert_eq!(told(&|c| c.instructions = "别的".into()), (true, 2, 1));
    assert_eq!(told(&|c| c.title = "别的".into()), (true, 2, 1));
    assert_eq!(told(&|c| c.look_for = None), (true, 2, 1));
    assert_eq!(told(&|c| c.ends_at = at("2026-08-15T18:00:00+08:00")), (false, 1, 1));
    assert_eq!(told(&|c| c.priority = Urgency::Routine), (false, 1, 1));
    assert_eq!(told(&|c| c.form.truncate(1)), (false, 1, 2));
    let fields = |change: &dyn Fn(&mut TaskContent)| pointers(edited(change).map(drop));
    assert_eq!(edited(&|_| {}), Ok(None));
    assert_eq!(fields(&|c| c.scope.who.kinds = vec![Kind::Taxi]), ["/scope"]);
    assert_eq!(fields(&|c| c.starts_at = at("2026-08-13T08:00:00+08:00")), ["/starts_at"]);
    assert_eq!(
        fields(&|c| {
            c.kind = TaskKind::WorkHint;
            c.form.clear();
        }),
        ["/kind"]
    );
    // The lists of the district may have changed since it was sent.
    let mut smaller = district();
    smaller.nodes.clear();
    let longer = TaskContent { ends_at: at("2026-08-15T18:00:00+08:00"), ..task.content.clone() };
    assert!(tasking::edit(&task, longer, &officer(), &smaller, wednesday()).unwrap().is_some());
    // What nobody could read yet has no versions.
    let draft = draft(&officer(), content(&["hexi.jianshan.yulan"]));
    let mut other = draft.content.clone();
    other.instructions = "别的".to_owned();
    other.scope.who.kinds = vec![Kind::Taxi];
    let decided = tasking::edit(&draft, other, &officer(), &district(), wednesday()).unwrap().unwrap();
    assert_eq!((decided.tells_scope, decided.task.instructions_version), (false, 1));
}

#[test]
fn the_clock_does_each_moment_once_and_none_too_early() {
    let mut wanted = content(&["hexi.jianshan.yulan"]);
    wanted.starts_at = at("2026-08-12T12:00:00+08:00");
    let mut task = sent(&officer(), wanted);
    assert_eq!(task.state(wednesday()), TaskState::Scheduled);
    let moments = tasking::moments(&task);
    assert_eq!(moments.iter().map(|(moment, _)| *moment).collect::<Vec<_>>(), Moment::ALL);
    for (moment, due) in moments {
        let just_before = due.checked_sub(jiff::SignedDuration::from_millis(1)).unwrap();
        assert_eq!(tasking::come(&task, moment, just_before), Ok(None));
        let decided = tasking::come(&task, moment, due).unwrap().unwrap();
        assert_eq!(decided.tells_scope, moment != Moment::End);
        task = decided.task;
        assert_eq!(tasking::come(&task, moment, due), Ok(None), "once");
    }
    assert!(tasking::moments(&task).is_empty());
    assert_eq!(task.state(task.content.ends_at), TaskState::Ended);
    // Nobody is told of the beginning of what is over or was called off.
    let sent = sent(
        &officer(),
        TaskContent { starts_at: at("2026-08-12T12:00:00+08:00"), ..content(&["hexi.jianshan.yulan"]) },
    );
    assert_eq!(tasking::come(&sent, Moment::Start, sent.content.ends_at), Ok(None));
    let called_off =
        tasking::step(&sent, &Step::Cancel { reason: "x".into() }, 0, &officer(), &district(), wednesday()).unwrap();
    assert!(!called_off.tells_scope, "nobody knew of it");
    assert!(tasking::moments(&called_off.task).is_empty());
}

#[test]
fn each_event_follows_from_the_one_before_and_is_told_without_content() {
    let mut told = String::new();
    let mut tell = |decided: &Decided| {
        assert_eq!(decided.event.hash, decided.event.compute_hash().unwrap());
        assert_eq!((decided.task.version, decided.task.head), (decided.event.seq, decided.event.hash));
        let code = decided.task.id.to_string();
        for notice in notice::of_task(decided) {
            let to = match &notice.to {
                Audience::Reporters { node } => format!("reporters of {node}"),
                Audience::Reviewers { stage, node } => format!("{stage} of {node}"),
                Audience::Member { .. } => "the maker".to_owned(),
                Audience::Staff { .. } | Audience::Agency { .. } => panic!("no other staff has a part in tasks"),
            };
            let [zh_cn, en] = [&notice.text.zh_cn, &notice.text.en].map(|text| text.replace(&code, "CODE"));
            writeln!(told, "{} → {to}\n    {zh_cn}\n    {en}", decided.event.action).unwrap();
            for text in [&decided.task.content.title, &decided.task.content.instructions] {
                assert!(!zh_cn.contains(text.as_str()) && !en.contains(text.as_str()));
            }
        }
        decided.task.clone()
    };
    let (district, now) = (district(), wednesday());
    let two = content(&["hexi.jianshan.yulan", "hexi.jianshan.meihua"]);
    let draft = draft(&manager(), two);
    let step = |task: &Task, step: Step, actor| tasking::step(task, &step, 9, &actor, &district, now).unwrap();
    let waiting = step(&draft, Step::Publish, manager());
    assert_eq!(waiting.event.previous, draft.head);
    let waiting = tell(&waiting);
    tell(&step(&waiting, Step::Refuse { reason: "No.".into() }, district_manager()));
    let active = tell(&step(&waiting, Step::Consent, district_manager()));
    let mut other = active.content.clone();
    other.instructions = "别的".to_owned();
    tell(&tasking::edit(&active, other, &district_manager(), &district, now).unwrap().unwrap());
    tell(&tasking::come(&active, Moment::Remind, active.content.remind_at.unwrap()).unwrap().unwrap());
    tell(&tasking::come(&active, Moment::End, active.content.ends_at).unwrap().unwrap());
    tell(&step(&active, Step::Cancel { reason: "x".into() }, manager()));
    tell(&step(&active, Step::Cancel { reason: "x".into() }, district_manager()));
    let hint = TaskContent { kind: TaskKind::WorkHint, form: Vec::new(), ..content(&["hexi.jianshan.yulan"]) };
    tell(&step(&super::task::draft(&officer(), hint), Step::Publish, officer()));
    insta::assert_snapshot!("what_is_told_of_tasks", told);
}

#[test]
fn an_altered_event_is_seen() {
    let task = draft(&officer(), content(&["hexi.jianshan.yulan"]));
    let decided = tasking::step(&task, &Step::Publish, 9, &officer(), &district(), wednesday()).unwrap();
    let mut altered = decided.event.clone();
    altered.in_scope = Some(1_000);
    assert_ne!(altered.compute_hash().unwrap(), altered.hash);
    assert_eq!(task.head, decided.event.previous);
    assert_ne!(task.head, Digest::ZERO);
    assert_eq!(decided.event.action, TaskAction::Publish);
    assert!(Timestamp::UNIX_EPOCH < decided.event.at);
}
