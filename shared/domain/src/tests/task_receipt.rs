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
    task_receipt::{Acknowledged, Counts, TaskReceipt, acknowledge, answer, check_answers, check_sees, progress},
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
    let answered = answer(&task, &reporter, None, says("是"), Vec::new(), now).unwrap().unwrap();
    assert_eq!(answered.counts(), Counts { delivered: 1, read: 1, answered: 1 });
    assert_eq!(answer(&task, &reporter, Some(&answered), says("是"), Vec::new(), now), Ok(None), "the same again");
    let corrected = answer(&task, &reporter, Some(&answered), says("否"), Vec::new(), now).unwrap().unwrap();
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
        let refused = answer(task, &reporter, None, says("是"), Vec::new(), at).unwrap_err();
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
        let (mut receipt, mut counted): (Option<TaskReceipt>, Counts) = (None, Counts::default());
        for sent in &sendings {
            let before = receipt.as_ref();
            let after = match sent {
                Sent::Delivered => acknowledge(&task, &reporter, before, Acknowledged::Delivered, wednesday()),
                Sent::Read => acknowledge(&task, &reporter, before, Acknowledged::Read, wednesday()),
                Sent::Answer(what) => answer(&task, &reporter, before, says(&what.to_string()), Vec::new(), wednesday()),
            };
            if let Some(after) = after.unwrap() {
                counted = counted.with(after.counts().since(before.map(TaskReceipt::counts).unwrap_or_default()));
                prop_assert_eq!(after.version, before.map_or(0, |before| before.version) + 1);
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
        for column in 0..4 {
            let hidden = by_node.iter().filter(|(_, row)| cells(row)[column].suppressed).count();
            let shown = by_node.iter().filter(|(_, row)| cells(row)[column].members.is_some_and(|count| count > 0)).count();
            prop_assert!(hidden != 1 || shown == 0, "one alone could be found by taking the others from the whole");
        }
        // Who knows the persons is shown all of it.
        let (_, known) = progress(rows, true);
        prop_assert!(known.iter().flat_map(|(_, row)| cells(row)).all(|cell| cell.members.is_some()));
    }
}
