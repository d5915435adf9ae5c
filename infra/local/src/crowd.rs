//! A whole district of reporters, brought in through the API: how long it takes, and how
//! much memory.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    bundle::{Bundle, Options},
    client::{Failure, Person},
    clock::Clock,
    seed,
};

/// How many phones, and how many consoles, act at once.
const AT_ONCE: usize = 16;
/// The district's base path.
const BASE: &str = "/districts/demo";

/// What it came to.
#[derive(Debug)]
pub struct Crowd {
    /// How long each step took, in words, and what it was.
    pub steps: Vec<(String, Duration)>,
    /// The most memory that the whole process held, in bytes; none where the system does not say.
    pub peak_bytes: Option<u64>,
}

/// Recruits `people` from a file, has `registering` of them register with their community's
/// poster and be confirmed, brings the file in again, and pages through every list.
pub async fn crowd(people: usize, registering: usize) -> Result<Crowd, Failure> {
    let folder = tempfile::tempdir()?;
    let options = Options::new(folder.path(), 0, Clock::real());
    let bundle = Bundle::start(options).await?;
    let mut steps = Vec::new();
    let communities = communities();
    let file = file(0..people, &communities);
    let district = Person::sign_in(&bundle.url, "district-police").await?;

    let begun = Instant::now();
    let calls = import(&district, &file, people, 0).await?;
    steps.push((format!("{people} people recruited from a file, in {calls} calls"), begun.elapsed()));

    let begun = Instant::now();
    register(&bundle.url, registering, &communities).await?;
    steps.push((format!("{registering} of them registered with posters, {AT_ONCE} at once"), begun.elapsed()));

    let begun = Instant::now();
    confirm(&bundle.url, registering, &communities).await?;
    steps.push((
        format!("{registering} of them confirmed by the officers of {} communities", communities.len()),
        begun.elapsed(),
    ));

    let begun = Instant::now();
    import(&district, &file, 0, people).await?;
    steps.push(("the same file again, which changed nothing".to_owned(), begun.elapsed()));

    let begun = Instant::now();
    let pages = check_lists(&district, people, registering).await?;
    steps.push((format!("{pages} pages of lists, the same twice and complete"), begun.elapsed()));
    bundle.stop().await;
    Ok(Crowd { steps, peak_bytes: peak_bytes() })
}

impl std::fmt::Display for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, took) in &self.steps {
            writeln!(f, "{:>8.1} s  {what}", took.as_secs_f64())?;
        }
        match self.peak_bytes {
            Some(bytes) => write!(f, "{:>8} MiB of memory at the most, stand-ins and client included", bytes >> 20),
            None => write!(f, "This system does not say how much memory it took."),
        }
    }
}

/// The communities of the demo district, each with its officer.
pub(crate) fn communities() -> Vec<(String, String)> {
    let communities = seed::STATIONS.iter().flat_map(|(station, communities)| {
        communities
            .iter()
            .map(move |community| (format!("{}.{station}.{community}", seed::DISTRICT), format!("officer-{community}")))
    });
    communities.collect()
}

/// The phone number of one of the people.
pub(crate) fn phone(number: usize) -> String {
    format!("138{number:08}")
}

/// The name of one of the people.
pub(crate) fn name(number: usize) -> String {
    format!("某人{number}甲")
}

/// These of the people, in turn over the communities.
pub(crate) fn file(people: std::ops::Range<usize>, communities: &[(String, String)]) -> String {
    let mut file = "姓名,手机号,社区,人员类别,行业\n".to_owned();
    for number in people {
        let (community, _) = &communities[number % communities.len()];
        let (kind, trade) = if number % 10 == 0 { ("出租车", "出租车") } else { ("居民", "") };
        // Writing to a string cannot fail.
        let _ = writeln!(file, "{},{},{community},{kind},{trade}", name(number), phone(number));
    }
    file
}

/// Sends the file until nothing is left, and checks what became of it. Gives the calls.
pub(crate) async fn import(district: &Person, file: &str, created: usize, unchanged: usize) -> Result<usize, Failure> {
    let mut made = 0;
    for call in 1..=100 {
        let bytes = file.as_bytes().to_vec();
        let path = format!("{BASE}/roster");
        let answer = district.put_bytes(&path, "application/octet-stream", bytes).await?.expect(200)?;
        let count = |name: &str| answer.body[name].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        made += count("created");
        if count("bad_count") != 0 {
            return Err(format!("the file was refused: {}", answer.body).into());
        }
        if count("remaining") == 0 {
            let fits = made == created && (call > 1 || count("unchanged") == unchanged);
            return if fits { Ok(call) } else { Err(format!("{made} were created: {}", answer.body).into()) };
        }
    }
    Err("a hundred calls were not enough for the file".into())
}

async fn register(url: &str, registering: usize, communities: &[(String, String)]) -> Result<(), Failure> {
    let mut posters = Vec::new();
    for (community, officer) in communities {
        let officer = Person::sign_in(url, officer).await?;
        let body = json!({ "node": community, "max_uses": 20_000 });
        let made = officer.post(&format!("{BASE}/invites"), Uuid::new_v4(), None, &body).await?.expect(201)?;
        posters.push(format!("/join/{}", made.text("/code")));
    }
    let phones = Person::stranger(url)?;
    let (phones, posters) = (&phones, &posters);
    let answers = futures::stream::iter(0..registering).map(|number| async move {
        let body = json!({ "name": name(number), "phone": phone(number) });
        let poster = &posters[number % posters.len()];
        phones.post(poster, Uuid::new_v4(), None, &body).await?.expect(202)
    });
    all(answers).await
}

async fn confirm(url: &str, registering: usize, communities: &[(String, String)]) -> Result<(), Failure> {
    let mut waiting = Vec::new();
    for (_, officer) in communities {
        let officer = Arc::new(Person::sign_in(url, officer).await?);
        for member in list(&officer, "?state=applied&limit=100").await?.0 {
            waiting.push((officer.clone(), member["id"].as_str().unwrap_or_default().to_owned()));
        }
    }
    if waiting.len() != registering {
        return Err(format!("{} wait for confirmation, not {registering}", waiting.len()).into());
    }
    let answers = futures::stream::iter(waiting).map(|(officer, member)| async move {
        let path = format!("{BASE}/members/{member}/changes");
        // Recruited, then registered: this is the second version.
        officer.post(&path, Uuid::new_v4(), Some(2), &json!({ "change": "confirm" })).await?.expect(200)
    });
    all(answers).await
}

async fn all<T>(answers: impl futures::Stream<Item = impl Future<Output = Result<T, Failure>>>) -> Result<(), Failure> {
    let mut answers = std::pin::pin!(answers.buffer_unordered(AT_ONCE));
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}

/// Every item of a list of members, and how many pages it has.
pub(crate) async fn list(reader: &Person, query: &str) -> Result<(Vec<Value>, usize), Failure> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    for pages in 1..=2_000 {
        let page = reader.get(&format!("{BASE}/members{query}{cursor}")).await?.expect(200)?;
        items.extend(page.body["items"].as_array().into_iter().flatten().cloned());
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok((items, pages)),
        }
    }
    Err("a list has no end".into())
}

/// Pages through the lists of every node twice, and checks that nobody is missing or there twice.
async fn check_lists(district: &Person, people: usize, registering: usize) -> Result<usize, Failure> {
    let (whole, mut pages) = list(district, "?limit=100").await?;
    let ids = |items: &[Value]| -> Vec<String> {
        items.iter().map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let recruited =
        ids(&whole).iter().filter(|id| id.starts_with("m-")).collect::<std::collections::BTreeSet<_>>().len();
    if recruited != people || ids(&whole).len() != whole.len() {
        return Err(format!("the list of the district has {recruited} people, not {people}").into());
    }
    let mut parts = 0;
    for (station, _) in seed::STATIONS {
        let query = format!("?limit=100&node={}.{station}", seed::DISTRICT);
        let (first, count) = list(district, &query).await?;
        let (second, _) = list(district, &query).await?;
        if ids(&first) != ids(&second) {
            return Err(format!("the list of {station} changes its order").into());
        }
        let of_whole: Vec<_> = whole
            .iter()
            .filter(|item| {
                item["node"].as_str().is_some_and(|node| node.starts_with(&format!("{}.{station}", seed::DISTRICT)))
            })
            .cloned()
            .collect();
        if ids(&first) != ids(&of_whole) {
            return Err(format!("the list of {station} is not its part of the district's").into());
        }
        parts += first.len();
        pages += 2 * count;
    }
    let (active, count) = list(district, "?limit=100&state=active&role=reporter").await?;
    let seeded = seed::demo_members()?.iter().filter(|member| is_active_reporter(member)).count();
    if active.len() != registering + seeded || parts > whole.len() {
        return Err(format!("{} reporters may act, not {}", active.len(), registering + seeded).into());
    }
    Ok(pages + count)
}

fn is_active_reporter(member: &pingan_domain::member::Member) -> bool {
    use pingan_domain::member::{MemberState, Role};
    member.role == Role::Reporter && member.state == MemberState::Active
}

/// The most memory that this process has held (Linux: `VmHWM` of `/proc/self/status`).
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
