//! Who uses the bundle: phones and reviewers, through the HTTP API alone. Each begins the next call when the
//! answer to the one before is there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures::future::try_join_all;
use pingan_domain::member::{MemberState, Role};
use pingan_local::{
    client::{Answer, Person},
    meter::Meter,
    seed,
};
use pingan_runtime::Failure;
use serde_json::{Value, json};
use uuid::Uuid;

/// How many reports the API shows of a queue when nothing is said.
pub(super) const PAGE: u32 = 50;
/// After how many failed calls somebody gives up: a bundle that is gone would answer nothing very fast.
const MOST_PROBLEMS: usize = 20;
/// Which reports a reviewer rejects: each fifth.
const REJECTED: usize = 5;

/// A reviewer with a queue of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reviewer {
    /// With which id they sign in.
    pub(super) id: String,
    /// `officer`, `station` or `district`.
    pub(super) stage: &'static str,
    /// Whose queue it is.
    pub(super) node: String,
}

/// A reporter of the demo district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reporter {
    pub(super) id: String,
    /// Their community.
    pub(super) node: String,
}

/// Everybody who takes part.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) phones: Vec<Reporter>,
    pub(super) reviewers: Vec<Reviewer>,
    /// Every reporter that there is.
    pub(super) reporters: Vec<Reporter>,
}

impl Cast {
    /// So many phones and so many reviewers of the demo district: of each stage one first, then the other officers and stations. Every
    /// second phone is of a reporter whose officer takes part, so that their queue does not run dry; where there are more
    /// phones than reporters, some reporters have several.
    pub(super) fn of(phones: usize, reviewers: usize) -> Result<Self, Failure> {
        let reviewers: Vec<_> = all_reviewers().into_iter().take(reviewers).collect();
        let members = seed::demo_members()?;
        let reporters: Vec<_> = members
            .iter()
            .filter(|member| member.role == Role::Reporter && member.state == MemberState::Active)
            .map(|member| Reporter { id: member.id.as_str().to_owned(), node: member.node.as_str().to_owned() })
            .collect();
        let (of_officers, others): (Vec<_>, Vec<_>) = reporters
            .iter()
            .cloned()
            .partition(|reporter| reviewers.iter().any(|reviewer| reviewer.node == reporter.node));
        let others = if others.is_empty() { of_officers.clone() } else { others };
        let turns = of_officers.iter().cycle().zip(others.iter().cycle()).flat_map(|(one, other)| [one, other]);
        Ok(Self { phones: turns.take(phones).cloned().collect(), reviewers, reporters })
    }

    /// Has everybody sign in.
    pub(super) async fn sign_in(&self, url: &str) -> Result<Vec<Actor>, Failure> {
        let phones =
            self.phones.iter().map(async |reporter| Ok(Actor::Phone(Person::sign_in(url, &reporter.id).await?)));
        let reviewers = self.reviewers.iter().map(async |reviewer| {
            Ok::<_, Failure>(Actor::Reviewer(Person::sign_in(url, &reviewer.id).await?, reviewer.stage))
        });
        let (mut phones, reviewers) = tokio::try_join!(try_join_all(phones), try_join_all(reviewers))?;
        phones.extend(reviewers);
        Ok(phones)
    }
}

fn all_reviewers() -> Vec<Reviewer> {
    let district = seed::DISTRICT;
    let (mut officers, mut stations) = (Vec::new(), Vec::new());
    for (station, communities) in seed::STATIONS.iter().rev() {
        stations.push(Reviewer {
            id: format!("station-{station}"),
            stage: "station",
            node: format!("{district}.{station}"),
        });
        officers.extend(communities.iter().rev().map(|community| Reviewer {
            id: format!("officer-{community}"),
            stage: "officer",
            node: format!("{district}.{station}.{community}"),
        }));
    }
    let (other_officers, other_stations) = (officers.split_off(1), stations.split_off(1));
    let top = Reviewer { id: "district-police".to_owned(), stage: "district", node: district.to_owned() };
    officers.into_iter().chain(stations).chain([top]).chain(other_officers).chain(other_stations).collect()
}

/// Somebody who has signed in.
pub(super) enum Actor {
    Phone(Person),
    Reviewer(Person, &'static str),
}

impl Actor {
    /// Uses the bundle until then.
    pub(super) async fn act(&self, meter: &Meter, problems: &Problems, until: Instant) {
        let mut failed = 0;
        let mut turn = 0;
        while Instant::now() < until && failed < MOST_PROBLEMS {
            turn += 1;
            let done = match self {
                Self::Phone(person) => use_phone(&person.clone().metered(meter), problems).await,
                Self::Reviewer(person, stage) => {
                    review(&person.clone().metered(meter), stage, turn % REJECTED == 0, problems).await
                }
            };
            failed += usize::from(done.is_none());
        }
    }
}

/// Sends a report, looks at one's own and at the tasks, and reads the one that was sent. None when a call failed.
async fn use_phone(phone: &Person, problems: &Problems) -> Option<()> {
    let sent =
        problems.check("POST /reports", 201, phone.post("/reports", Uuid::new_v4(), None, &new_report()).await)?;
    problems.check("GET /reports", 200, phone.get("/reports").await)?;
    problems.check("GET /me/tasks", 200, phone.get("/me/tasks").await)?;
    problems.check("GET /reports/…", 200, phone.get(&format!("/reports/{}", sent.text("/id"))).await)?;
    Some(())
}

/// Looks at the queue, opens the first report, and decides on it. None when a call failed.
async fn review(person: &Person, stage: &str, rejects: bool, problems: &Problems) -> Option<()> {
    let queue = problems.check("GET queue", 200, person.get(&format!("/{stage}-review/queue")).await)?;
    let first = queue.text("/items/0/id");
    if first.is_empty() {
        // The next look may find something.
        return Some(());
    }
    let path = format!("/{stage}-review/reports/{first}");
    let read = problems.check("GET report", 200, person.get(&path).await)?;
    let decision = if rejects {
        json!({ "decision": "reject", "reason": "insufficient_information" })
    } else {
        json!({ "decision": "approve" })
    };
    let decided = person.post(&format!("{path}/decisions"), Uuid::new_v4(), read.version(), &decision).await;
    problems.check("POST decision", 200, decided)?;
    Some(())
}

/// What reporters send.
pub(super) fn new_report() -> Value {
    json!({
        "category": "hazard",
        "text": "菜市场二楼西侧的消防通道被货架堵住，灭火器也过期了。摊主说从上个月起就这样，晚上关门后里面还有人住。楼梯口的应急灯不亮，住户反映多次。",
        "place": { "address": "集市路12号二楼", "point": { "longitude": 117.22, "latitude": 39.1 } },
    })
}

/// The calls that were not answered as they should have been. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct Problems(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    first: Option<String>,
    counts: BTreeMap<(String, String), usize>,
}

impl Problems {
    /// The answer, if it has this status; otherwise it is noted.
    pub(super) fn check(&self, operation: &str, status: u16, answer: Result<Answer, Failure>) -> Option<Answer> {
        match answer {
            Ok(answer) if answer.status == status => Some(answer),
            Ok(answer) => {
                let what = format!("{}: answered {}: {}", answer.asked, answer.status, answer.body);
                self.note(operation, &answer.status.to_string(), what);
                None
            }
            Err(error) => {
                self.note(operation, "no answer", format!("{operation}: {error}"));
                None
            }
        }
    }

    /// Notes what went wrong.
    pub(super) fn note(&self, operation: &str, status: &str, what: String) {
        let mut noted = self.lock();
        noted.first.get_or_insert(what);
        *noted.counts.entry((operation.to_owned(), status.to_owned())).or_default() += 1;
    }

    /// The first problem, in words.
    pub(super) fn first(&self) -> Option<String> {
        self.lock().first.clone()
    }

    /// How many there were.
    pub(super) fn count(&self) -> usize {
        self.lock().counts.values().sum()
    }

    /// How many there were of each operation, by their status.
    pub(super) fn counts(&self) -> Vec<(String, String, usize)> {
        let noted = self.lock();
        noted.counts.iter().map(|((operation, status), count)| (operation.clone(), status.clone(), *count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reviewer_has_a_queue_of_their_own_and_the_first_three_are_of_three_stages() {
        let all = all_reviewers();
        let nodes: BTreeSet<_> = all.iter().map(|reviewer| &reviewer.node).collect();
        assert_eq!((all.len(), nodes.len()), (12, 12));
        let stages: Vec<_> = all.iter().take(3).map(|reviewer| reviewer.stage).collect();
        assert_eq!(stages, ["officer", "station", "district"]);
        assert!(all[0].node.starts_with(&all[1].node), "what the officer approves comes to the station");
    }

    #[test]
    fn every_second_phone_fills_a_queue_that_is_read() {
        let cast = Cast::of(8, 3).unwrap();
        let fills: Vec<_> = cast.phones.iter().map(|phone| phone.node == cast.reviewers[0].node).collect();
        assert_eq!(fills, [true, false, true, false, true, false, true, false]);
        assert_eq!(Cast::of(100, 12).unwrap().phones.len(), 100);
    }

    #[test]
    fn problems_are_counted_and_the_first_is_kept() {
        let problems = Problems::default();
        assert_eq!((problems.first(), problems.count()), (None, 0));
        problems.note("POST /reports", "500", "one".to_owned());
        problems.note("POST /reports", "500", "two".to_owned());
        assert!(problems.check("GET /reports", 200, Err("three".into())).is_none());
        assert_eq!((problems.first().as_deref(), problems.count()), (Some("one"), 3));
        let of = |operation: &str, status: &str, count| (operation.to_owned(), status.to_owned(), count);
        assert_eq!(problems.counts(), [of("GET /reports", "no answer", 1), of("POST /reports", "500", 2)]);
    }
}
