//! Who may do what: every operation of the description, tried by everybody who may not.
//!
//! A new operation has to be added to [`operations`]; until then the test fails. Its snapshot is the table to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use pingan_domain::{
    code::Code,
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    named::Named as _,
    territory::NodeId,
};
use pingan_local::{
    client::{Answer, Person},
    seed,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Keys, World, eventually, expect, expect_problem, problem_kind},
    openapi,
};

const COMMUNITY: &str = "boatyard";
const TEXT: &str = "A workshop behind the boiler house makes pistols at night.";
/// Somebody of each role, none of whom has to do with the community of the reports.
const ROLES: [(Role, &str); 8] = [
    (Role::Reporter, "reporter-silk-lane-1"),
    (Role::Officer, "officer-silk-lane"),
    (Role::StationManager, "station-market"),
    (Role::DistrictManager, "elsewhere-district"),
    (Role::AgencyHandler, "agency-fire"),
    (Role::Treasurer, "treasurer"),
    (Role::Custodian, "custodian"),
    (Role::Auditor, "auditor"),
];
const REVIEWERS: [Role; 3] = [Role::Officer, Role::StationManager, Role::DistrictManager];

/// An operation as it would be taken from the right person.
struct Operation {
    id: String,
    /// The roles that it is for.
    roles: Vec<Role>,
    /// Somebody who may.
    rightful: &'static str,
    /// Those of the right role for whom the report, or the medium, does not exist.
    strangers: Vec<&'static str>,
    path: String,
    /// The report whose version goes into `If-Match`.
    versioned: Option<String>,
    body: Option<Value>,
}

/// The reports and the photo that the operations are about.
struct Scene {
    world: World,
    /// With a photo; waits for the reporter's answer.
    asked: String,
    photo: String,
    /// Wait for the officer, the station and the district.
    waiting: [String; 3],
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        for member in newcomers() {
            world.store().add_member(&member).await.unwrap();
        }
        let reporter = world.reporter(COMMUNITY).await;
        let (officer, station) = (world.officer(COMMUNITY).await, world.station("river").await);
        let photo = reporter.takes_photo().await;
        let asked = reporter.reports(TEXT).with_media(photo).send().await;
        officer.returns(&asked, "Which gate?").await;
        let mut waiting = Vec::new();
        for _ in 0..3 {
            waiting.push(reporter.reports(TEXT).send().await);
        }
        officer.approves(&waiting[1]).await;
        officer.approves(&waiting[2]).await;
        station.approves(&waiting[2]).await;
        Self { world, asked, photo: photo.to_string(), waiting: waiting.try_into().unwrap() }
    }

    /// What a refused request may not change: reports, and the trail of who has opened them.
    async fn everything(&self) -> (Value, usize) {
        let reports = self.world.district().await.lists("/reports?limit=100").await.body;
        let mut opened = 0;
        for code in self.waiting.iter().chain([&self.asked]) {
            opened += self.world.store().accesses(code.parse().unwrap(), 100).await.unwrap().len();
        }
        (reports, opened)
    }
}

/// A district manager of another district, and somebody suspended of every role that has none in the demo district.
fn newcomers() -> Vec<Member> {
    let member = |id: &str, role, node: &str, state| Member {
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
        role,
        node: NodeId::parse(node).unwrap(),
        body: Some(Body::Police),
        state,
    };
    vec![
        member("elsewhere-district", Role::DistrictManager, "elsewhere", MemberState::Active),
        member("station-suspended", Role::StationManager, "demo.river", MemberState::Suspended),
        member("district-suspended", Role::DistrictManager, "demo", MemberState::Suspended),
    ]
}

fn suspended(role: Role) -> &'static str {
    match role {
        Role::Reporter => "reporter-suspended",
        Role::Officer => "officer-suspended",
        Role::StationManager => "station-suspended",
        Role::DistrictManager => "district-suspended",
        other => panic!("nobody is a suspended {other}"),
    }
}

/// Every operation there is. What the right person does comes in an order in which all of it can be done.
fn operations(scene: &Scene) -> Vec<Operation> {
    let (asked, photo) = (&scene.asked, &scene.photo);
    let text = json!({ "text": "The one on the river side." });
    let reporters = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::Reporter],
        rightful: "reporter-boatyard-1",
        strangers: Vec::new(),
        path,
        versioned: None,
        body: None,
    };
    let other_reporters = || vec!["reporter-boatyard-2", "reporter-silk-lane-1"];
    let mut operations = vec![
        Operation {
            body: Some(json!({ "category": "crime", "text": TEXT })),
            ..reporters("create_report", "/reports".to_owned())
        },
        reporters("list_my_reports", "/reports".to_owned()),
        Operation { strangers: other_reporters(), ..reporters("read_my_report", format!("/reports/{asked}")) },
        Operation {
            strangers: other_reporters(),
            body: Some(text.clone()),
            ..reporters("message_stage", format!("/reports/{asked}/messages"))
        },
        Operation {
            strangers: other_reporters(),
            versioned: Some(asked.clone()),
            body: Some(text.clone()),
            ..reporters("answer_question", format!("/reports/{asked}/answer"))
        },
        Operation {
            strangers: other_reporters(),
            versioned: Some(asked.clone()),
            ..reporters("withdraw_report", format!("/reports/{asked}/withdraw"))
        },
        Operation {
            body: Some(json!({ "content_type": "image/jpeg", "size_bytes": 7, "sha256": "0".repeat(64) })),
            ..reporters("announce_media", "/media".to_owned())
        },
        Operation { strangers: other_reporters(), ..reporters("read_media", format!("/media/{photo}")) },
        Operation {
            roles: REVIEWERS.to_vec(),
            rightful: "officer-boatyard",
            strangers: vec!["officer-ferry", "officer-silk-lane", "station-north", "elsewhere-district"],
            ..reporters("link_media", format!("/reports/{asked}/media/{photo}/link"))
        },
    ];
    let stages = [
        ("officer", Role::Officer, "officer-boatyard", vec!["officer-ferry", "officer-silk-lane"]),
        ("station", Role::StationManager, "station-river", vec!["station-north", "station-market"]),
        ("district", Role::DistrictManager, "district-police", vec!["elsewhere-district"]),
    ];
    for ((stage, role, rightful, strangers), code) in stages.into_iter().zip(&scene.waiting) {
        let reviewers = |id: &str, path: String| Operation {
            id: format!("{stage}_{id}"),
            roles: vec![role],
            rightful,
            strangers: Vec::new(),
            path: format!("/{stage}-review{path}"),
            versioned: None,
            body: None,
        };
        operations.extend([
            reviewers("list_queue", "/queue".to_owned()),
            // A stranger asks for the node of the reports; his own node he may list.
            Operation {
                strangers: strangers.clone(),
                ..reviewers("list_reports", "/reports?node=demo.river.boatyard".to_owned())
            },
            Operation { strangers: strangers.clone(), ..reviewers("read_report", format!("/reports/{code}")) },
            Operation {
                strangers: strangers.clone(),
                body: Some(text.clone()),
                ..reviewers("message_reporter", format!("/reports/{code}/messages"))
            },
            Operation {
                strangers,
                versioned: Some(code.clone()),
                body: Some(json!({ "decision": "approve" })),
                ..reviewers("decide_report", format!("/reports/{code}/decisions"))
            },
        ]);
    }
    operations
}

impl Operation {
    fn method(&self) -> Method {
        // Only a withdrawal changes something without saying more.
        if self.body.is_some() || self.versioned.is_some() { Method::POST } else { Method::GET }
    }

    async fn tried_by(&self, person: &Person, world: &World, keys: &Keys) -> Answer {
        let mut headers = Vec::new();
        if self.method() == Method::POST {
            headers.push(("idempotency-key", keys.next().to_string()));
        }
        if let Some(code) = &self.versioned {
            headers.push(("if-match", format!("\"{}\"", world.history(code).await.report.version)));
        }
        if self.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let body = self.body.as_ref().map(Value::to_string);
        person.send(self.method(), &self.path, &headers, body).await.unwrap()
    }
}

/// A template of the description as it looks with this path filled in.
fn fits(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(name, part)| name.starts_with('{') || name == part)
}

/// Tokens that open nothing: for each of these people, every way in which theirs can be bad.
async fn bad_tokens<'a>(
    world: &World,
    people: impl Iterator<Item = &'a str>,
) -> BTreeMap<&'a str, Vec<(&'static str, Option<String>)>> {
    let others = world.token_for("auditor").await;
    let others_claims = others.split('.').nth(1).unwrap();
    let mut tokens = BTreeMap::new();
    let people: Vec<_> = people.collect::<BTreeSet<_>>().into_iter().collect();
    let foreign = world.foreign_tokens(&people).await;
    for (person, foreign) in people.into_iter().zip(foreign) {
        let good = world.token_for(person).await;
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let bad = vec![
            ("none", None),
            ("empty", Some(String::new())),
            ("garbage", Some("garbage".to_owned())),
            ("unsigned", Some(format!("{signed}."))),
            ("forged", Some(format!("{header}.{others_claims}.{signature}"))),
            ("foreign", Some(foreign)),
        ];
        tokens.insert(person, bad);
    }
    tokens
}

/// A token of each of these people that has expired, where the issuer makes such.
async fn expired_tokens<'a>(world: &World, people: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Option<String>> {
    let tokens: BTreeMap<_, _> = people.map(|person| (person, world.expired_token(person))).collect();
    // The check allows for clocks that are some seconds apart.
    for expired in tokens.values().flatten() {
        let person = world.stranger().with_token(Some(expired.clone()));
        let refused = async || (person.get("/reports").await.unwrap().status == 401).then_some(());
        eventually("a token expires", refused).await;
    }
    tokens
}

#[tokio::test]
async fn nobody_does_what_is_not_theirs_to_do() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let operations = operations(&scene);
    let document = openapi::described();
    let described = openapi::operations(&document);
    for (method, path, operation) in &described {
        let id = operation["operationId"].as_str().unwrap();
        let known = operations.iter().find(|known| known.id == id);
        let known = known.unwrap_or_else(|| panic!("{method} {path} ({id}) is new: add it to `operations`"));
        assert!(known.method() == method.as_str() && fits(path, &known.path), "{id} is {method} {path}");
    }
    assert_eq!(operations.len(), described.len(), "an operation is gone from the description");

    let keys = Keys::default();
    let before = scene.everything().await;
    let tokens = bad_tokens(world, operations.iter().map(|operation| operation.rightful)).await;
    let expired = expired_tokens(world, operations.iter().map(|operation| operation.rightful)).await;
    let mut table = String::new();
    for operation in &operations {
        let mut tries: Vec<(String, Person, &str)> = Vec::new();
        if let Some(expired) = &expired[operation.rightful] {
            let person = world.stranger().with_token(Some(expired.clone()));
            expect_problem(&operation.tried_by(&person, world, &keys).await, 401, "unauthenticated");
        }
        for (what, token) in &tokens[operation.rightful] {
            tries.push((format!("token: {what}"), world.stranger().with_token(token.clone()), "401 unauthenticated"));
        }
        let as_member = async |id: &str| world.stranger().with_token(Some(world.token_for(id).await));
        tries.push(("somebody who is no member".to_owned(), as_member("nobody").await, "403 not_a_member"));
        tries.push(("a subject that can be no member".to_owned(), as_member("no_body!").await, "403 not_a_member"));
        for role in &operation.roles {
            tries.push((format!("a suspended {role}"), as_member(suspended(*role)).await, "403 member_suspended"));
        }
        for (role, id) in ROLES {
            if !operation.roles.contains(&role) {
                tries.push((role.name().to_owned(), as_member(id).await, "403 wrong_role"));
            }
        }
        for id in &operation.strangers {
            tries.push(((*id).to_owned(), as_member(id).await, "404 not_found"));
        }
        let mut outcomes: Vec<(String, Vec<String>)> = Vec::new();
        for (who, person, expected) in tries {
            let answer = operation.tried_by(&person, world, &keys).await;
            let kind = problem_kind(&answer).to_owned();
            expect_problem(&answer, answer.status, &kind);
            assert_eq!(format!("{} {kind}", answer.status), expected, "{}: {who}: {}", operation.id, answer.body);
            let asks_for_a_token = answer.headers.contains_key("www-authenticate");
            assert_eq!(asks_for_a_token, answer.status == 401 && answer.body["status"] == 401, "{who}");
            match outcomes.iter_mut().find(|(outcome, _)| *outcome == expected) {
                Some((_, people)) => people.push(who),
                None => outcomes.push((expected.to_owned(), vec![who])),
            }
        }
        let mut path = operation.path.replace(&scene.photo, "{photo}").replace(&scene.asked, "{asked}");
        for (code, stage) in scene.waiting.iter().zip(["{with officer}", "{with station}", "{with district}"]) {
            path = path.replace(code, stage);
        }
        writeln!(table, "{}: {} {path}", operation.id, operation.method()).unwrap();
        for (outcome, people) in outcomes {
            writeln!(table, "    {outcome:<22} {}", people.join(", ")).unwrap();
        }
    }
    assert_eq!(scene.everything().await, before, "who was refused has changed nothing and read nothing");

    writeln!(table).unwrap();
    for operation in &operations {
        let person = world.person(operation.rightful).await;
        let answer = operation.tried_by(&person, world, &keys).await;
        assert!(matches!(answer.status, 200 | 201), "{}: {}", operation.id, answer.body);
        writeln!(table, "{} {:<26} {}", answer.status, operation.id, operation.rightful).unwrap();
    }
    insta::assert_snapshot!("who_may_do_what", table);
}

/// Another scheme in `Authorization` is nobody's token. API Gateway would also take a token without any scheme.
#[tokio::test]
async fn only_a_bearer_token_signs_in() {
    let world = World::start_here().await;
    let token = world.token_for("reporter-ferry-1").await;
    for value in [format!("Basic {token}"), token.clone(), format!("Bearer{token}"), "Bearer".to_owned()] {
        let headers = [("authorization", value.clone())];
        let answer = world.stranger().send(Method::GET, "/reports", &headers, None).await.unwrap();
        expect_problem(&answer, 401, "unauthenticated");
    }
    let headers = [("authorization", format!("bearer {token}"))];
    expect(world.stranger().send(Method::GET, "/reports", &headers, None).await.unwrap(), 200);
}

/// What a member may do is read with every request: nobody has to wait until a token expires.
#[tokio::test]
async fn a_suspension_is_in_force_for_the_next_request() {
    let world = World::start().await;
    let officer = world.officer("ferry").await;
    let code = world.reporter("ferry").await.reports(TEXT).send().await;
    let version = officer.opens(&code).await.version();
    let member =
        seed::demo_members().unwrap().into_iter().find(|member| member.id.as_str() == "officer-ferry").unwrap();

    let suspended = Member { state: MemberState::Suspended, ..member.clone() };
    world.store().replace_member(&suspended).await.unwrap();
    for answer in [
        officer.tries_to_open(&code).await,
        officer.person.get("/officer-review/queue").await.unwrap(),
        officer.tries(&code, "decisions", version, &json!({ "decision": "approve" })).await,
    ] {
        expect_problem(&answer, 403, "member_suspended");
    }
    // Nor does a transfer leave the old community open.
    let moved = Member { node: NodeId::parse("demo.river.boatyard").unwrap(), ..member.clone() };
    world.store().replace_member(&moved).await.unwrap();
    expect_problem(&officer.tries_to_open(&code).await, 404, "not_found");
    assert_eq!(officer.queue().await, [""; 0]);

    world.store().replace_member(&member).await.unwrap();
    assert_eq!(officer.queue().await, [&*code]);
    officer.approves(&code).await;
}

/// A queue has no parameter for a territory: everybody sees their own, and nothing of anybody else's.
#[tokio::test]
async fn everybody_lists_their_own_territory_alone() {
    let scene = Scene::new().await;
    let world = &scene.world;
    for (id, stage) in [
        ("officer-ferry", "officer"),
        ("officer-silk-lane", "officer"),
        ("station-north", "station"),
        ("station-market", "station"),
        ("elsewhere-district", "district"),
    ] {
        let person = world.person(id).await;
        for list in ["queue", "reports"] {
            let page = expect(person.get(&format!("/{stage}-review/{list}")).await.unwrap(), 200);
            assert_eq!(page.body, json!({ "items": [] }), "{id}: {list}");
        }
    }
    let neighbour = world.neighbour(COMMUNITY).await;
    assert_eq!(neighbour.mine().await, [""; 0]);
}
