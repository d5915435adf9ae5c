//! What reporters do with tasks, and how it is counted.

use proptest::prelude::*;

use super::{
    at, author, member, officer,
    task::{content, draft, sent},
    wednesday,
};
use crate::{
    district::Label,
    error::{Error, Refusal},
    member::Role,
    membership::Profile,
    task::{Answer, Task, TaskContent, TaskKind, TaskStage, Value},
    task_receipt::{
        Acknowledged, Before, Counts, TaskAnswer, TaskReceipt, acknowledge, answer, check_answers, check_named,
        check_sees, progress,
    },
    territory::NodeId,
};

fn reporter() -> Profile {
    Profile::seeded(author(), wednesday())
}

fn task() -> Task {
    sent(&officer(), content(&["hexi.jianshan.yulan"]))
}

fn says(text: &str) -> Answer {
    Answer::from([(Label::parse("seen").unwrap(), Value::Text(text.to_owned()))])
}

#[test]
fn who_reads_has_got_it_and_who_answers_has_read_it() {
    let (task, reporter, now) = (task(), reporter(), wednesday());
    let delivered = acknowledge(&task, &reporter, None, Acknowledged::Delivered, now).unwrap().unwrap();
    assert_eq!(delivered.counts(), Counts { delivered: 1, read: 0, answered: 0 });
    assert_eq!(acknowledge(&task, &reporter, Some(&delivered), Acknowledged::Delivered, now), Ok(None));
    let read = acknowledge(&task, &reporter, None, Acknowledged::Read, now).unwrap().unwrap();
    assert_eq!(read.counts(), Counts { delivered: 1, read: 1, answered: 0 });
    let (answered, said) = answer(&task, &reporter, Before::default(), &says("是"), Vec::new(), now).unwrap().unwrap();
    assert_eq!(answered.counts(), Counts { delivered: 1, read: 1, answered: 1 });
    let before = Before { receipt: Some(&answered), answer: Some(&said) };
    let later = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
    assert_eq!(answer(&task, &reporter, before, &says("是"), Vec::new(), later), Ok(None), "the same again");
    let (corrected, other) = answer(&task, &reporter, before, &says("否"), Vec::new(), later).unwrap().unwrap();
    assert_eq!((other.answered_at, &other.answer), (later, &says("否")));
    assert_eq!(corrected.counts().since(answered.counts()), Counts::default(), "a correction is counted once");
    // Other instructions are read again, and counted once.
    let changed = Task { instructions_version: 2, ..task };
    let again = acknowledge(&changed, &reporter, Some(&read), Acknowledged::Read, now).unwrap().unwrap();
    assert_eq!((again.read_version, again.counts().since(read.counts())), (2, Counts::default()));
}

#[test]
fn what_is_over_takes_no_answer_and_says_why() {
    let (task, reporter, now) = (task(), reporter(), wednesday());
    assert_eq!(check_answers(&task, &reporter, now), Ok(()));
    let refused = |task: &Task, at| {
        let refused = answer(task, &reporter, Before::default(), &says("是"), Vec::new(), at).unwrap_err();
        assert_eq!(check_answers(task, &reporter, at), Err(refused.clone()));
        refused
    };
    assert_eq!(refused(&task, task.content.ends_at), Refusal::TaskEnded.into());
    let cancelled = Task { stage: TaskStage::Cancelled, ..task.clone() };
    assert_eq!(refused(&cancelled, now), Refusal::TaskCancelled.into());
    let content_of_hint = TaskContent { kind: TaskKind::WorkHint, form: Vec::new(), ..task.content.clone() };
    let hint = Task { content: content_of_hint, ..task.clone() };
    assert_eq!(refused(&hint, now), Refusal::AsksForNothing.into());
    // What was never sent to them is not there for them.
    assert_eq!(refused(&draft(&officer(), task.content.clone()), now), Error::NotFound);
    let mut later = task.clone();
    later.content.starts_at = at("2026-08-13T08:00:00+08:00");
    later.told.started = false;
    assert_eq!(refused(&later, now), Error::NotFound);
    assert_eq!(refused(&Task { stage: TaskStage::Cancelled, ..later }, now), Error::NotFound);
    // A report that was written within the window, and had no network until now, can name it all the same.
    let after = |hours| task.content.ends_at.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
    let named = |observed_at, at| check_named(&task, &reporter, observed_at, at);
    assert_eq!(named(None, now), Ok(()));
    assert_eq!(named(Some(now), after(72)), Ok(()));
    assert_eq!(named(Some(now), after(73)), Err(Refusal::TaskEnded.into()));
    assert_eq!(named(None, after(1)), Err(Refusal::TaskEnded.into()));
    assert_eq!(named(Some(after(0)), after(1)), Err(Refusal::TaskEnded.into()));
    assert_eq!(check_named(&cancelled, &reporter, Some(now), after(1)), Err(Refusal::TaskCancelled.into()));
    // That it was read late is still a fact.
    assert!(acknowledge(&task, &reporter, None, Acknowledged::Read, task.content.ends_at).is_ok());
}

#[test]
fn who_has_moved_away_sees_it_no_more_and_who_has_come_does() {
    let task = task();
    let (mut goes, mut comes) =
        (reporter(), Profile::seeded(member("new", Role::Reporter, "hexi.jianshan.meihua"), wednesday()));
    assert_eq!(check_sees(&task, &goes, wednesday()), Ok(()));
    assert_eq!(check_sees(&task, &comes, wednesday()), Err(Error::NotFound));
    std::mem::swap(&mut goes.member.node, &mut comes.member.node);
    assert_eq!(check_sees(&task, &goes, wednesday()), Err(Error::NotFound));
    assert_eq!(check_sees(&task, &comes, wednesday()), Ok(()));
}

/// What a phone may send, in any order and as often as it likes.
#[derive(Debug, Clone, Copy)]
enum Sent {
    Delivered,
    Read,
    Answer(u8),
}

fn sendings() -> impl Strategy<Value = Vec<Sent>> {
    let one = prop_oneof![Just(Sent::Delivered), Just(Sent::Read), (0..3_u8).prop_map(Sent::Answer)];
    proptest::collection::vec(one, 0..12)
}

proptest! {
    #[test]
    fn nothing_is_counted_twice_whatever_comes_in_which_order(sendings in sendings()) {
        let (task, reporter) = (task(), reporter());
        let (mut receipt, mut said, mut counted) = (None::<TaskReceipt>, None::<TaskAnswer>, Counts::default());
        let mut now = wednesday();
        for sent in &sendings {
            now = now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
            let before = receipt.as_ref();
            let after = match sent {
                Sent::Delivered => acknowledge(&task, &reporter, before, Acknowledged::Delivered, now).unwrap(),
                Sent::Read => acknowledge(&task, &reporter, before, Acknowledged::Read, now).unwrap(),
                Sent::Answer(what) => {
                    let before = Before { receipt: before, answer: said.as_ref() };
                    let after = answer(&task, &reporter, before, &says(&what.to_string()), Vec::new(), now).unwrap();
                    after.map(|(receipt, answer)| {
                        said = Some(answer);
                        receipt
                    })
                }
            };
            if let Some(after) = after {
                counted = counted.with(after.counts().since(before.map(TaskReceipt::counts).unwrap_or_default()));
                prop_assert_eq!(after.version, before.map_or(0, |before| before.version) + 1);
                prop_assert_eq!(after.answered_at, said.as_ref().map(|said| said.answered_at));
                receipt = Some(after);
            }
        }
        let read = sendings.iter().any(|sent| !matches!(sent, Sent::Delivered));
        let answered = sendings.iter().any(|sent| matches!(sent, Sent::Answer(_)));
        let expected = Counts { delivered: (!sendings.is_empty()).into(), read: read.into(), answered: answered.into() };
        prop_assert_eq!(counted, expected);
    }

    #[test]
    fn no_count_of_the_progress_singles_out_fewer_than_five(
        rows in proptest::collection::vec((0..30_u32, 0..30_u32, 0..30_u32), 1..6),
    ) {
        let node = |i: usize| format!("hexi.jianshan.c{i}").parse::<NodeId>().unwrap();
        let rows: Vec<_> = rows.into_iter().enumerate().map(|(i, (in_scope, read, answered))| {
            let read = read.min(in_scope);
            (node(i), in_scope, Counts { delivered: in_scope, read, answered: answered.min(read) })
        }).collect();
        let (whole, by_node) = progress(rows.clone(), false);
        let cells = |row: &crate::task_receipt::Progress| [row.in_scope, row.delivered, row.read, row.answered];
        for cell in by_node.iter().map(|(_, row)| row).chain([&whole]).flat_map(cells) {
            prop_assert!(cell.members.is_none_or(|count| count == 0 || count >= 5));
        }
        // Nor can one be found by taking those that are shown from the whole: what is hidden is not a small number in
        // all, and not the only way to come to its sum with numbers from 1 to 4.
        for column in 0..4 {
            let all = by_node.iter().zip(&rows).map(|((_, row), (_, in_scope, counts))| {
                (cells(row)[column], [*in_scope, counts.delivered, counts.read, counts.answered][column])
            });
            let hidden: Vec<u32> = all.filter(|(cell, _)| cell.suppressed).map(|(_, count)| count).collect();
            let (sum, n) = (hidden.iter().sum::<u32>(), u32::try_from(hidden.len()).unwrap());
            let small = hidden.iter().all(|count| *count < 5);
            let tells = cells(&whole)[column].members.is_some() && n > 0 && (sum < 5 || (small && (sum == n || sum == 4 * n)));
            prop_assert!(!tells, "{:?}", hidden);
        }
        // Who knows the persons is shown all of it.
        let (_, known) = progress(rows, true);
        prop_assert!(known.iter().flat_map(|(_, row)| cells(row)).all(|cell| cell.members.is_some()));
    }
}
