//! Who may do what: every operation of the description, tried by everybody who may not.
//!
//! A new operation has to be added to [`operations`]; until then the test fails. Its snapshot is the table to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::Timestamp;
use pingan_domain::{
    code::Code,
    district::Label,
    hash::Digest,
    member::{Body, Member, MemberId, MemberState, Role},
    membership::Profile,
    named::Named as _,
    payout::PayoutState,
    payout_transfer::BatchState,
    territory::NodeId,
    webhook::WebhookId,
};
use pingan_local::{
    client::{Answer, Person},
    seed,
};
use pingan_store::Key;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    awards,
    batches::Prepared,
    briefings, exports,
    handovers::{self, Hand},
    harness::{Keys, World, eventually, expect, expect_problem, problem_kind},
    openapi,
    outcomes::{self, OUTCOMES},
    rewards,
    tasks::{self, LANTERN},
    webhooks,
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
    /// The report, or the member by the path, whose version goes into `If-Match`.
    versioned: Option<String>,
    body: Option<Value>,
    /// Another method than what the rest of the request leads to.
    method: Option<Method>,
    /// What somebody of another role is told.
    to_other_roles: &'static str,
    /// Whom it is open to beside the rightful.
    open_to: OpenTo,
}

/// Whom an operation is open to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenTo {
    /// Members of its roles.
    Roles,
    /// Every member, also one who may not act.
    Members,
    /// Everybody who has signed in.
    SignedIn,
    /// Everybody.
    Everybody,
}

/// The reports, the photo and the members that the operations are about.
struct Scene {
    world: World,
    /// With a photo; waits for the reporter's answer.
    asked: String,
    photo: String,
    /// Wait for the officer, the station and the district.
    waiting: [String; 3],
    /// Has signed in, with an identity that somebody has asked to open.
    member: &'static str,
    opening: String,
    /// Has not signed in yet.
    invited: &'static str,
    invitation: Value,
    /// The code of an invite of the community.
    invite: String,
    /// A task that runs in another community, with a picture in an answer, and one that is a draft.
    task: String,
    picture: String,
    draft: String,
    /// What a task says.
    says: Value,
    /// An adopted report, and an outcome of it that waits to be confirmed.
    led: String,
    outcome: String,
    /// A delivery by the webhook of an agency.
    delivery: String,
    /// Two reports that were adopted.
    adopted: [String; 2],
    /// A hand-over with a photo, about which the agency has asked something.
    handed_over: String,
    given: String,
    /// A briefing that can be read, and that somebody has read.
    briefing: String,
    /// An export that can be fetched.
    export: String,
    /// A reward that waits, and one that was declined.
    rewards: [String; 2],
    /// Shares that are being paid.
    paying: Prepared,
    /// The path of a run of a period award that has failed.
    award: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        rewards::ruled(&world).await;
        let rewards =
            [rewards::of_report(&world, &handovers::adopted(&world).await).await, rewards::declined(&world).await];
        let paying = Prepared::in_world(&world).await;
        for member in newcomers() {
            world.store().add_member(&seeded(&member)).await.unwrap();
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
        let recruiter = &officer.person;
        let keys = &officer.keys;
        let mut recruited = Vec::new();
        for phone in ["13800138001", "13800138002"] {
            let body = json!({ "node": "demo.river.boatyard", "kind": "shop", "name": "王秀兰", "phone": phone });
            let answer = recruiter.post("/districts/demo/members", keys.next(), None, &body).await.unwrap();
            recruited.push(expect(answer, 201));
        }
        let id = |answer: &Answer| -> &'static str { answer.text("/id").to_owned().leak() };
        let (member, invited) = (id(&recruited[0]), id(&recruited[1]));
        let invitation =
            |answer: &Answer| json!({ "member": answer.text("/id"), "code": answer.text("/invitation/code") });
        world
            .person(member)
            .await
            .put_json("/me/account", None, &invitation(&recruited[0]))
            .await
            .unwrap()
            .expect(200)
            .unwrap();
        let body = json!({ "node": "demo.river.boatyard" });
        let invite = recruiter.post("/districts/demo/invites", keys.next(), None, &body).await.unwrap();
        let path = format!("/districts/demo/members/{member}/openings");
        let body = json!({ "reason": "Life in danger." });
        let opening = station.person.post(&path, keys.next(), None, &body).await.unwrap();
        let (task, picture) = answered_task(&world).await;
        let led = outcomes::adopted(&world, "river", COMMUNITY).await;
        let (handed_over, given) = asked_handover(&world).await;
        Self {
            outcome: outcomes::recorded(&world, COMMUNITY, &led).await,
            led,
            adopted: [handovers::adopted(&world).await, handovers::adopted(&world).await],
            handed_over,
            given,
            draft: tasks::drafted(&world).await,
            says: tasks::task(&world, &[LANTERN]),
            delivery: webhooks::delivery(&world, "fire").await,
            briefing: briefings::made(&world).await,
            export: exports::made(&world).await,
            rewards,
            paying,
            award: awards::failed(&world).await,
            task,
            picture,
            world,
            asked,
            photo: photo.to_string(),
            waiting: waiting.try_into().unwrap(),
            member,
            opening: expect(opening, 201).text("/id").to_owned(),
            invited,
            invitation: invitation(&recruited[1]),
            invite: expect(invite, 201).text("/code").to_owned(),
        }
    }

    /// What a refused request may not change: reports, and the trail of who has opened them.
    async fn everything(&self) -> (Value, Value, Value, Value, usize) {
        let reports = self.world.district().await.lists("/reports?limit=100").await.body;
        let mut opened = 0;
        for code in self.waiting.iter().chain([&self.asked]) {
            opened += self.world.store().accesses(code.parse().unwrap(), 100).await.unwrap().len();
        }
        // Of the outcome this test itself asks for the version, as somebody who may read it.
        let readings = self.world.store().accesses(self.outcome.parse().unwrap(), 100).await.unwrap();
        opened += readings.iter().filter(|reading| reading.actor.as_str() != "district-police").count();
        for member in [self.member, self.invited] {
            let id = MemberId::parse(member).unwrap();
            opened += self.world.store().identity_events(&id, 100).await.unwrap().len();
            opened += self.world.store().member_events(&id, 100).await.unwrap().len();
        }
        let members =
            self.world.person("district-police").await.get("/districts/demo/members?limit=100").await.unwrap();
        let tasks = self.world.person("district-police").await.get("/districts/demo/tasks?limit=100").await.unwrap();
        for code in [&self.task, &self.draft] {
            let counts =
                self.world.store().task_counts(code.parse().unwrap(), &[LANTERN.parse().unwrap()]).await.unwrap();
            opened += usize::try_from(counts[0].delivered + counts[0].read + counts[0].answered).unwrap();
            opened += self.world.store().task_events(code.parse().unwrap()).await.unwrap().len();
        }
        let outcomes = self.world.person("district-police").await.get(&format!("{OUTCOMES}?limit=100")).await.unwrap();
        let webhook = WebhookId { district: NodeId::parse("demo").unwrap(), agency: Label::parse("fire").unwrap() };
        opened += self.world.store().webhook_events(&webhook).await.unwrap().len();
        let id = self.delivery.parse().unwrap();
        let loaded = self.world.store().load([Key::Delivery(webhook.clone(), id)]).await.unwrap();
        opened += loaded.delivery(&webhook, id).unwrap().unwrap().replays.len();
        let handovers =
            self.world.person("district-police").await.get("/districts/demo/handovers?limit=100").await.unwrap();
        let briefings = self.world.person("district-police").await.get("/districts/demo/briefings").await.unwrap();
        let responses = self.world.store().responses(self.briefing.parse().unwrap()).await.unwrap();
        opened += responses.comments.len();
        opened += responses.readers.iter().map(|reader| usize::try_from(reader.readings).unwrap()).sum::<usize>();
        let exports = self.world.person("district-police").await.get("/districts/demo/exports").await.unwrap();
        opened += self.world.store().accesses(self.export.parse().unwrap(), 100).await.unwrap().len();
        let manager = self.world.person("district-police").await;
        let rewards = manager.get("/districts/demo/rewards?limit=100").await.unwrap();
        let fund = manager.get(&rewards::fund(&self.world)).await.unwrap();
        let rules = manager.get("/districts/demo/reward-rules").await.unwrap();
        let runs = manager.get("/districts/demo/awards").await.unwrap();
        let mut money = vec![rewards.body, fund.body, rules.body, runs.body];
        for state in PayoutState::ALL {
            money.push(manager.get(&format!("/districts/demo/payouts?state={state}&limit=100")).await.unwrap().body);
        }
        for state in BatchState::ALL {
            money.push(manager.get(&format!("/districts/demo/batches?state={state}&limit=100")).await.unwrap().body);
        }
        let others = json!([tasks.body, outcomes.body, briefings.body, exports.body, money]);
        (reports, members.body, others, handovers.body, opened)
    }

    /// A path with what the ids in it are of, which are others in each run.
    fn named(&self, path: &str) -> String {
        let mut path = path.replace(&self.photo, "{photo}").replace(&self.asked, "{asked}");
        for (id, name) in [
            (self.member, "{member}"),
            (self.invited, "{invited}"),
            (&self.opening, "{opening}"),
            (&self.invite, "{invite}"),
            (&self.task, "{task}"),
            (&self.draft, "{draft}"),
            (&self.outcome, "{outcome}"),
            (&self.led, "{led}"),
            (&self.picture, "{picture}"),
            (&self.delivery, "{delivery}"),
            (&self.adopted[0], "{adopted}"),
            (&self.adopted[1], "{also adopted}"),
            (&self.handed_over, "{handover}"),
            (&self.given, "{given}"),
            (&self.briefing, "{briefing}"),
            (&self.export, "{export}"),
            (&self.rewards[0], "{reward}"),
            (&self.rewards[1], "{declined}"),
            (&self.paying.fresh, "{to be paid}"),
            (&self.paying.checked, "{checked}"),
            (&self.paying.gathering, "{gathering}"),
            (&self.paying.full, "{full}"),
            (&self.paying.released, "{released}"),
            (&self.award, "/districts/demo/awards/{run}"),
            (&rewards::fund(&self.world), "/districts/demo/funds/{year}"),
        ] {
            path = path.replace(id, name);
        }
        for (code, stage) in self.waiting.iter().zip(["{with officer}", "{with station}", "{with district}"]) {
            path = path.replace(code, stage);
        }
        path
    }
}

/// A task of Lantern that a reporter has answered with a picture: its code, and the picture.
async fn answered_task(world: &World) -> (String, String) {
    let photo = json!({ "name": "photo", "label": "照片", "kind": "photo" });
    let body = tasks::with(tasks::task(world, &[LANTERN]), "/form/1", photo);
    let code = world.manager("officer-lantern").await.sends_task(&body).await;
    let reporter = world.reporter("lantern").await;
    let picture = reporter.takes_photo().await.to_string();
    expect(reporter.answers_task(&code, &json!({ "seen": "是", "photo": picture })).await, 200);
    (code, picture)
}

/// A hand-over to the fire brigade, which has asked back: its code, and the photo that was given.
async fn asked_handover(world: &World) -> (String, String) {
    let (report, photos) = handovers::adopted_with(world, 1).await;
    let mut body = handovers::to_fire();
    body["extract"]["media"] = json!(photos);
    let code = Hand::of(world, "district-police").await.hands_over(&report, &body).await.remove(0);
    Hand::of(world, "agency-fire").await.takes(&code, &json!({ "step": "ask", "text": "Which gate?" })).await;
    (code, photos[0].to_string())
}

fn seeded(member: &Member) -> Profile {
    Profile::seeded(member.clone(), Timestamp::UNIX_EPOCH)
}

/// A district manager of another district, the handler of another agency, and somebody suspended of every role that
/// has none in the demo district.
fn newcomers() -> Vec<Member> {
    let member = |id: &str, role, node: &str, state| Member {
        id: MemberId::parse(id).unwrap(),
        pseudonym: Code::from_digest(&Digest::of(&[id.as_bytes()])),
        role,
        node: NodeId::parse(node).unwrap(),
        body: (role != Role::AgencyHandler).then_some(Body::Police),
        agency: (role == Role::AgencyHandler).then(|| Label::parse(id.strip_prefix("agency-").unwrap()).unwrap()),
        state,
    };
    vec![
        member("elsewhere-district", Role::DistrictManager, "elsewhere", MemberState::Active),
        member("station-suspended", Role::StationManager, "demo.river", MemberState::Suspended),
        member("district-suspended", Role::DistrictManager, "demo", MemberState::Suspended),
        Member {
            body: None,
            agency: Some(Label::parse("market-regulation").unwrap()),
            ..member("agency-market", Role::AgencyHandler, "demo", MemberState::Active)
        },
        member("agency-market-regulation", Role::AgencyHandler, "demo", MemberState::Active),
        member("agency-suspended", Role::AgencyHandler, "demo", MemberState::Suspended),
    ]
}

fn suspended(role: Role) -> Option<&'static str> {
    match role {
        Role::Reporter => Some("reporter-suspended"),
        Role::Officer => Some("officer-suspended"),
        Role::StationManager => Some("station-suspended"),
        Role::DistrictManager => Some("district-suspended"),
        Role::AgencyHandler => Some("agency-suspended"),
        _ => None,
    }
}

/// That an officer is absent in a week from now.
fn absence(world: &World) -> Value {
    let from = world.now().unwrap_or_else(Timestamp::now) + jiff::SignedDuration::from_hours(7 * 24);
    json!({ "from": from, "until": from + jiff::SignedDuration::from_hours(24), "deputy": "officer-ferry" })
}

/// The operations on members, invites and sealed identities.
#[expect(clippy::too_many_lines, reason = "a table is read as one")]
fn operations_on_members(scene: &Scene) -> Vec<Operation> {
    const DISTRICT: &str = "/districts/demo";
    const MANAGERS: [Role; 3] = REVIEWERS;
    let readers = [MANAGERS.as_slice(), &[Role::Auditor]].concat();
    let of = |member: &str, rest: &str| format!("{DISTRICT}/members/{member}{rest}");
    let invite = format!("{DISTRICT}/invites/{}", scene.invite);
    let opening = of(scene.member, &format!("/openings/{}", scene.opening));
    let neighbours = || vec!["officer-ferry", "officer-silk-lane", "station-north", "elsewhere-district"];
    let officers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: MANAGERS.to_vec(),
        rightful: "officer-boatyard",
        strangers: neighbours(),
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let station = |id: &str, path: String| Operation {
        roles: vec![Role::StationManager, Role::DistrictManager],
        rightful: "station-river",
        strangers: vec!["station-north", "elsewhere-district"],
        ..officers(id, path)
    };
    let everyone: Vec<_> = ROLES.iter().map(|(role, _)| *role).collect();
    let channel = |id: &str, path: &str| Operation { strangers: Vec::new(), ..officers(id, path.to_owned()) };
    let lists = json!({
        "name": { "zh_cn": "示范区", "en": "Demo District" },
        "nodes": seed::demo_district().unwrap().nodes,
        "trades": [],
        "places": [],
    });
    let person = |phone: &str| json!({ "name": "李建国", "phone": phone });
    vec![
        Operation {
            roles: everyone.clone(),
            strangers: vec!["elsewhere-district"],
            ..officers("read_district", DISTRICT.to_owned())
        },
        Operation {
            roles: vec![Role::DistrictManager],
            rightful: "district-police",
            strangers: vec!["elsewhere-district"],
            versioned: Some(DISTRICT.to_owned()),
            body: Some(lists),
            method: Some(Method::PUT),
            ..officers("put_district", DISTRICT.to_owned())
        },
        officers("read_coverage", format!("{DISTRICT}/coverage?node=demo.river.boatyard")),
        Operation {
            roles: vec![Role::Officer, Role::StationManager, Role::DistrictManager, Role::Auditor],
            ..officers("read_statistics", format!("{DISTRICT}/statistics?node=demo.river.boatyard"))
        },
        Operation {
            // For a stranger the community is a bad field, and not the operation forbidden.
            strangers: Vec::new(),
            body: Some(json!({
                "node": "demo.river.boatyard", "kind": "taxi", "name": "赵六", "phone": "13700137000"
            })),
            ..officers("recruit_member", format!("{DISTRICT}/members"))
        },
        Operation {
            roles: readers.clone(),
            ..officers("list_members", format!("{DISTRICT}/members?node=demo.river.boatyard"))
        },
        Operation { roles: readers.clone(), ..officers("read_member", of(scene.member, "")) },
        Operation { roles: readers.clone(), ..officers("read_member_history", of(scene.member, "/history")) },
        Operation {
            versioned: Some(of(scene.member, "")),
            body: Some(json!({ "change": "describe", "kind": "taxi", "trades": [], "places": [] })),
            ..officers("change_member", of(scene.member, "/changes"))
        },
        Operation {
            rightful: "station-river",
            versioned: Some(of("officer-boatyard", "")),
            body: Some(absence(&scene.world)),
            method: Some(Method::PUT),
            ..officers("put_absence", of("officer-boatyard", "/absence"))
        },
        Operation {
            rightful: "station-river",
            versioned: Some(of("officer-boatyard", "")),
            method: Some(Method::DELETE),
            ..officers("end_absence", of("officer-boatyard", "/absence"))
        },
        Operation { method: Some(Method::POST), ..officers("renew_invitation", of(scene.invited, "/invitation")) },
        Operation { roles: readers.clone(), ..officers("read_identity", of(scene.member, "/identity")) },
        Operation {
            roles: vec![Role::Reporter],
            rightful: scene.member,
            strangers: vec!["reporter-boatyard-1", "officer-boatyard", "station-river"],
            body: Some(json!({ "holder": "王秀兰", "bank": "建设银行", "account": "6217 0000" })),
            method: Some(Method::PUT),
            to_other_roles: "404 not_found",
            ..officers("put_payment", of(scene.member, "/payment"))
        },
        Operation {
            strangers: vec!["elsewhere-district"],
            body: Some(json!("name,phone,kind,community\n")),
            method: Some(Method::PUT),
            ..officers("import_members", format!("{DISTRICT}/roster?dry_run=true"))
        },
        Operation {
            strangers: Vec::new(),
            body: Some(json!({ "node": "demo.river.boatyard" })),
            ..officers("make_invite", format!("{DISTRICT}/invites"))
        },
        officers("list_invites", format!("{DISTRICT}/invites?node=demo.river.boatyard")),
        officers("read_poster", format!("{invite}/poster")),
        Operation { open_to: OpenTo::Everybody, ..officers("read_invite", format!("/join/{}", scene.invite)) },
        Operation {
            open_to: OpenTo::Everybody,
            body: Some(person("13900139000")),
            ..officers("register", format!("/join/{}", scene.invite))
        },
        Operation { method: Some(Method::DELETE), ..officers("revoke_invite", invite) },
        Operation { open_to: OpenTo::Members, ..officers("read_me", "/me".to_owned()) },
        Operation { roles: everyone.clone(), ..channel("read_channel", "/me/channel") },
        Operation {
            roles: everyone.clone(),
            body: Some(json!({ "means": "none" })),
            method: Some(Method::PUT),
            ..channel("choose_channel", "/me/channel")
        },
        Operation { roles: everyone, ..channel("read_inbox", "/me/inbox") },
        Operation {
            open_to: OpenTo::SignedIn,
            rightful: scene.invited,
            body: Some(scene.invitation.clone()),
            method: Some(Method::PUT),
            ..officers("link_account", "/me/account".to_owned())
        },
        Operation {
            body: Some(json!({ "reason": "Life in danger." })),
            ..station("request_opening", of(scene.member, "/openings"))
        },
        Operation {
            roles: vec![Role::StationManager, Role::DistrictManager, Role::Custodian, Role::Auditor],
            strangers: vec!["elsewhere-district"],
            ..station("list_openings", format!("{DISTRICT}/openings"))
        },
        Operation {
            roles: vec![Role::Custodian],
            rightful: "custodian",
            strangers: Vec::new(),
            body: Some(json!({ "decision": "consent", "reason": "Checked." })),
            ..station("decide_opening", format!("{opening}/decision"))
        },
        Operation {
            // Only who asked may look.
            strangers: vec!["station-north", "district-police", "elsewhere-district"],
            ..station("view_opened_identity", format!("{opening}/identity"))
        },
        Operation {
            roles: vec![Role::Custodian, Role::Auditor, Role::Officer],
            strangers: vec!["officer-ferry", "officer-silk-lane"],
            ..officers("read_identity_trail", of(scene.member, "/identity/trail"))
        },
    ]
}

/// The operations on tasks.
fn operations_on_tasks(scene: &Scene) -> Vec<Operation> {
    const TASKS: &str = "/districts/demo/tasks";
    let readers = [REVIEWERS.as_slice(), &[Role::Auditor]].concat();
    let of = |code: &str, rest: &str| format!("{TASKS}/{code}{rest}");
    let officers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: REVIEWERS.to_vec(),
        rightful: "officer-lantern",
        strangers: vec!["officer-ferry", "officer-silk-lane", "station-north", "elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let reporters = |id: &str, path: String| Operation {
        roles: vec![Role::Reporter],
        rightful: "reporter-lantern-1",
        strangers: vec!["reporter-boatyard-1", "reporter-silk-lane-1"],
        ..officers(id, path)
    };
    let mine = |rest: &str| format!("/me/tasks/{}{rest}", scene.task);
    vec![
        Operation {
            // For another officer of the district the community is a bad field, and not the operation forbidden.
            strangers: vec!["elsewhere-district"],
            body: Some(scene.says.clone()),
            ..officers("make_task", TASKS.to_owned())
        },
        Operation { roles: readers.clone(), ..officers("list_tasks", format!("{TASKS}?node={LANTERN}")) },
        Operation { roles: readers.clone(), ..officers("read_task", of(&scene.task, "")) },
        Operation { roles: readers.clone(), ..officers("read_task_history", of(&scene.task, "/history")) },
        Operation {
            versioned: Some(of(&scene.draft, "")),
            body: Some(scene.says.clone()),
            method: Some(Method::PUT),
            ..officers("edit_task", of(&scene.draft, ""))
        },
        officers("read_reach", of(&scene.draft, "/reach")),
        Operation {
            versioned: Some(of(&scene.draft, "")),
            body: Some(json!({ "step": "publish" })),
            ..officers("take_step", of(&scene.draft, "/steps"))
        },
        officers("read_progress", of(&scene.task, "/progress")),
        officers("list_answers", of(&scene.task, "/answers")),
        officers("list_task_reports", of(&scene.task, "/reports")),
        officers("link_answer_media", format!("/tasks/{}/media/{}/link", scene.task, scene.picture)),
        Operation {
            roles: [readers.as_slice(), &[Role::Reporter]].concat(),
            strangers: Vec::new(),
            ..reporters("list_my_tasks", "/me/tasks".to_owned())
        },
        reporters("read_my_task", mine("")),
        Operation {
            body: Some(json!({ "receipt": "read" })),
            method: Some(Method::PUT),
            ..reporters("acknowledge_task", mine("/receipt"))
        },
        Operation {
            body: Some(json!({ "form_version": 1, "answer": { "seen": "否" } })),
            method: Some(Method::PUT),
            ..reporters("answer_task", mine("/answer"))
        },
    ]
}

/// The operations on hand-overs, of both sides.
fn operations_on_handovers(scene: &Scene) -> Vec<Operation> {
    let report = |code: &str, rest: &str| format!("/districts/demo/reports/{code}{rest}");
    let sent = format!("/districts/demo/handovers/{}", scene.handed_over);
    let mine = format!("/me/handovers/{}", scene.handed_over);
    let district = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::DistrictManager],
        rightful: "district-police",
        strangers: vec!["elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let agency = |id: &str, path: String| Operation {
        roles: vec![Role::AgencyHandler, Role::DistrictManager],
        rightful: "agency-fire",
        strangers: vec!["agency-market-regulation", "elsewhere-district", "district-police"],
        ..district(id, path)
    };
    let [first, second] = &scene.adopted;
    vec![
        Operation {
            versioned: Some(first.clone()),
            body: Some(handovers::to_fire()),
            ..district("hand_over", report(first, "/handovers"))
        },
        Operation {
            versioned: Some(second.clone()),
            body: Some(json!({})),
            ..district("close_report", report(second, "/close"))
        },
        district("list_handovers", "/districts/demo/handovers".to_owned()),
        district("read_handover", sent.clone()),
        Operation {
            versioned: Some(sent.clone()),
            body: Some(json!({ "step": "answer", "text": "The one by the river." })),
            ..district("step_handover", format!("{sent}/steps"))
        },
        Operation { strangers: Vec::new(), ..agency("list_my_handovers", "/me/handovers".to_owned()) },
        agency("read_my_handover", mine.clone()),
        Operation {
            versioned: Some(sent),
            body: Some(json!({ "step": "accept" })),
            ..agency("step_my_handover", format!("{mine}/steps"))
        },
        agency("link_handover_media", format!("/handovers/{}/media/{}/link", scene.handed_over, scene.given)),
    ]
}

/// The operations on outcomes.
fn operations_on_outcomes(scene: &Scene) -> Vec<Operation> {
    let recorders = [REVIEWERS.as_slice(), &[Role::AgencyHandler]].concat();
    let readers = [recorders.as_slice(), &[Role::Auditor]].concat();
    let outcome = format!("{OUTCOMES}/{}", scene.outcome);
    let officers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: readers.clone(),
        rightful: "officer-boatyard",
        strangers: vec!["officer-ferry", "officer-silk-lane", "station-north", "elsewhere-district", "agency-fire"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    vec![
        Operation {
            roles: recorders.clone(),
            // For another officer of the district the report is a bad field, and not the operation forbidden.
            strangers: vec!["elsewhere-district"],
            body: Some(outcomes::arrest(&[&scene.led])),
            ..officers("record_outcome", OUTCOMES.to_owned())
        },
        officers("list_outcomes", format!("{OUTCOMES}?node=demo.river.boatyard")),
        officers("read_outcome", outcome.clone()),
        Operation {
            roles: recorders,
            versioned: Some(outcome.clone()),
            body: Some(json!({
                "step": "correct", "kind": "cases_solved", "count": 1, "on": "2026-08-10", "evidence": "The file."
            })),
            ..officers("take_outcome_step", format!("{outcome}/steps"))
        },
        Operation {
            roles: [REVIEWERS.as_slice(), &[Role::Auditor]].concat(),
            strangers: vec!["officer-ferry", "officer-silk-lane", "station-north", "elsewhere-district"],
            ..officers("list_outcomes_of_report", format!("/districts/demo/reports/{}/outcomes", scene.led))
        },
    ]
}

/// The operations on the webhooks of agencies.
fn operations_on_webhooks(scene: &Scene) -> Vec<Operation> {
    const WEBHOOK: &str = "/districts/demo/agencies/fire/webhook";
    let readers = vec![Role::DistrictManager, Role::AgencyHandler, Role::Auditor];
    let managers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::DistrictManager],
        rightful: "district-governance",
        strangers: vec!["elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let handlers = |id: &str, path: String| Operation {
        roles: readers.clone(),
        rightful: "agency-fire",
        strangers: vec!["agency-market", "elsewhere-district"],
        ..managers(id, path)
    };
    vec![
        handlers("read_webhook", WEBHOOK.to_owned()),
        Operation {
            versioned: Some(WEBHOOK.to_owned()),
            body: Some(json!({ "url": webhooks::NOWHERE, "active": true })),
            method: Some(Method::PUT),
            ..managers("put_webhook", WEBHOOK.to_owned())
        },
        Operation {
            versioned: Some(WEBHOOK.to_owned()),
            ..managers("rotate_webhook_secret", format!("{WEBHOOK}/secret"))
        },
        Operation {
            roles: vec![Role::DistrictManager, Role::Auditor],
            ..managers("read_webhook_history", format!("{WEBHOOK}/history"))
        },
        handlers("list_deliveries", format!("{WEBHOOK}/deliveries")),
        Operation {
            roles: vec![Role::DistrictManager, Role::AgencyHandler],
            method: Some(Method::POST),
            ..handlers("replay_delivery", format!("{WEBHOOK}/deliveries/{}/replay", scene.delivery))
        },
    ]
}

/// The operations on briefings.
fn operations_on_briefings(scene: &Scene) -> Vec<Operation> {
    const BRIEFINGS: &str = "/districts/demo/briefings";
    let of = |rest: &str| format!("{BRIEFINGS}/{}{rest}", scene.briefing);
    let readers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::StationManager, Role::DistrictManager, Role::Auditor],
        rightful: "station-river",
        strangers: vec!["elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let addressees =
        |id: &str, path| Operation { roles: vec![Role::StationManager, Role::DistrictManager], ..readers(id, path) };
    vec![
        Operation {
            roles: vec![Role::DistrictManager],
            rightful: "district-police",
            body: Some(briefings::week(&scene.world)),
            ..readers("request_briefing", BRIEFINGS.to_owned())
        },
        readers("list_briefings", BRIEFINGS.to_owned()),
        readers("read_briefing", of("")),
        readers("read_briefing_document", of("/document?language=en")),
        Operation {
            body: Some(json!({ "text": "The bridge has a camera now." })),
            ..addressees("comment_on_briefing", of("/comments"))
        },
        Operation { method: Some(Method::PUT), ..addressees("acknowledge_briefing", of("/acknowledgement")) },
    ]
}

/// The operations on rewards and on the fund.
fn operations_on_rewards(scene: &Scene) -> Vec<Operation> {
    const REWARDS: &str = "/districts/demo/rewards";
    let fund = rewards::fund(&scene.world);
    let readers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::StationManager, Role::DistrictManager, Role::Treasurer, Role::Auditor],
        rightful: "treasurer",
        strangers: vec!["elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let managers = |id: &str, path| Operation {
        roles: vec![Role::DistrictManager],
        rightful: "district-police",
        ..readers(id, path)
    };
    let of = |rest: &str| format!("{REWARDS}/{}{rest}", scene.rewards[0]);
    let of_district = [Role::DistrictManager, Role::Treasurer, Role::Auditor];
    let reporters = |id: &str, path| Operation {
        roles: vec![Role::Reporter],
        rightful: "reporter-boatyard-1",
        strangers: Vec::new(),
        ..readers(id, path)
    };
    vec![
        readers("read_fund", fund.clone()),
        readers("list_fund_entries", format!("{fund}/entries")),
        Operation { roles: of_district.to_vec(), ..readers("fetch_fund_entries", format!("{fund}/entries.csv")) },
        Operation { open_to: OpenTo::Everybody, ..readers("read_fund_summary", format!("{fund}/summary")) },
        Operation {
            versioned: Some(fund.clone()),
            body: Some(json!({ "movement": "grant", "amount_fen": 100, "reason": "Budget." })),
            ..managers("move_fund", format!("{fund}/movements"))
        },
        readers("list_reward_rules", "/districts/demo/reward-rules".to_owned()),
        Operation {
            body: Some(rewards::rules(&rewards::today(&scene.world).to_string())),
            ..managers("write_reward_rules", "/districts/demo/reward-rules".to_owned())
        },
        Operation {
            roles: vec![Role::DistrictManager, Role::Auditor],
            rightful: "district-police",
            body: Some(rewards::to_try(&scene.world)),
            ..readers("try_reward_rules", "/districts/demo/reward-rules/dry-run".to_owned())
        },
        readers("list_rewards", REWARDS.to_owned()),
        Operation { strangers: vec!["station-market", "elsewhere-district"], ..readers("read_reward", of("")) },
        Operation {
            roles: vec![Role::StationManager, Role::DistrictManager, Role::Treasurer],
            rightful: "district-governance",
            strangers: vec!["station-market", "elsewhere-district"],
            versioned: Some(of("")),
            body: Some(json!({ "step": "agree" })),
            ..readers("take_reward_step", of("/steps"))
        },
        Operation { roles: of_district.to_vec(), ..readers("list_award_runs", "/districts/demo/awards".to_owned()) },
        Operation { roles: of_district.to_vec(), ..readers("read_award_run", scene.award.clone()) },
        Operation {
            roles: vec![Role::DistrictManager, Role::Treasurer],
            versioned: Some(scene.award.clone()),
            body: Some(json!({ "step": "resume" })),
            ..readers("take_award_step", format!("{}/steps", scene.award))
        },
        reporters("list_my_rewards", "/me/rewards".to_owned()),
        reporters("fetch_my_rewards", "/me/rewards.csv".to_owned()),
        Operation {
            strangers: vec!["reporter-boatyard-2"],
            body: Some(json!({ "text": "I was the first." })),
            ..reporters("appeal_reward", format!("/me/rewards/{}/appeal", scene.rewards[1]))
        },
    ]
}

/// The operations by which shares are paid.
fn operations_on_payouts(scene: &Scene) -> Vec<Operation> {
    let paying = &scene.paying;
    let readers = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::DistrictManager, Role::Treasurer, Role::Auditor],
        rightful: "treasurer",
        strangers: vec!["elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let payers = |id: &str, path| Operation {
        roles: vec![Role::DistrictManager, Role::Treasurer],
        method: Some(Method::POST),
        ..readers(id, path)
    };
    let treasurers =
        |id: &str, path| Operation { roles: vec![Role::Treasurer], strangers: Vec::new(), ..readers(id, path) };
    let mine = |id: &str, rest: &str| Operation {
        roles: vec![Role::Reporter],
        rightful: paying.reporter,
        strangers: vec!["reporter-boatyard-2"],
        ..readers(id, format!("/me/rewards/{}{rest}", paying.fresh))
    };
    let checked = format!("/districts/demo/rewards/{}/payouts/0", paying.checked);
    let of = |batch: &str, rest: &str| format!("/districts/demo/batches/{batch}{rest}");
    vec![
        Operation { method: Some(Method::POST), ..mine("make_claim_code", "/claim-code") },
        Operation { method: Some(Method::POST), ..mine("ask_transfer", "/transfer") },
        mine("read_my_payout", "/payout"),
        readers("list_payouts", "/districts/demo/payouts?state=waiting".to_owned()),
        Operation {
            body: Some(paying.shown.clone()),
            ..payers("check_claim_code", "/districts/demo/payouts/checks".to_owned())
        },
        readers("read_payout", checked.clone()),
        Operation {
            rightful: "district-governance",
            versioned: Some(checked.clone()),
            body: Some(json!({ "step": "confirm" })),
            ..payers("take_payout_step", format!("{checked}/steps"))
        },
        Operation { method: Some(Method::POST), ..treasurers("make_batch", "/districts/demo/batches".to_owned()) },
        readers("list_batches", "/districts/demo/batches?state=gathering".to_owned()),
        readers("read_batch", of(&paying.gathering, "")),
        Operation {
            versioned: Some(of(&paying.gathering, "")),
            body: Some(paying.shares.clone()),
            ..treasurers("add_to_batch", of(&paying.gathering, "/lines"))
        },
        Operation {
            rightful: "district-governance",
            versioned: Some(of(&paying.full, "")),
            body: Some(json!({ "step": "release" })),
            ..payers("take_batch_step", of(&paying.full, "/steps"))
        },
        treasurers("fetch_batch_file", of(&paying.released, "/file")),
        Operation {
            method: Some(Method::POST),
            body: Some(Value::String(paying.answer.clone())),
            ..treasurers("answer_batch", of(&paying.released, "/answer"))
        },
    ]
}

/// The operations on exports.
fn operations_on_exports(scene: &Scene) -> Vec<Operation> {
    const EXPORTS: &str = "/districts/demo/exports";
    let of = |rest: &str| format!("{EXPORTS}/{}{rest}", scene.export);
    let exporters = |id: &str, path: String| Operation {
        id: id.to_owned(),
        roles: vec![Role::StationManager, Role::DistrictManager, Role::Auditor],
        rightful: "district-police",
        strangers: vec!["elsewhere-district"],
        path,
        versioned: None,
        body: None,
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
    };
    let within =
        |id: &str, path| Operation { strangers: vec!["station-river", "elsewhere-district"], ..exporters(id, path) };
    vec![
        Operation { body: Some(exports::this_month(&scene.world)), ..exporters("request_export", EXPORTS.to_owned()) },
        exporters("list_exports", EXPORTS.to_owned()),
        within("read_export", of("")),
        within("link_export", of("/link")),
    ]
}

/// The operations on media, made from what reporters' operations have in common.
fn of_media(reporters: &dyn Fn(&str, String) -> Operation, asked: &str, photo: &str) -> Vec<Operation> {
    let other_reporters = || vec!["reporter-boatyard-2", "reporter-silk-lane-1"];
    vec![
        reporters("read_limits", "/media/limits".to_owned()),
        Operation {
            body: Some(json!({ "content_type": "image/jpeg", "size_bytes": 7, "sha256": "0".repeat(64) })),
            ..reporters("announce_media", "/media".to_owned())
        },
        Operation { strangers: other_reporters(), ..reporters("read_media", format!("/media/{photo}")) },
        Operation { strangers: other_reporters(), ..reporters("continue_upload", format!("/media/{photo}/upload")) },
        Operation {
            strangers: other_reporters(),
            method: Some(Method::PUT),
            ..reporters("complete_upload", format!("/media/{photo}/upload"))
        },
        Operation {
            roles: vec![Role::DistrictManager],
            rightful: "district-police",
            strangers: vec!["elsewhere-district"],
            body: Some(json!({ "reason": "For the court." })),
            ..reporters("open_original", format!("/reports/{asked}/media/{photo}/original"))
        },
        Operation {
            roles: REVIEWERS.to_vec(),
            rightful: "officer-boatyard",
            strangers: vec!["officer-ferry", "officer-silk-lane", "station-north", "elsewhere-district"],
            ..reporters("link_media", format!("/reports/{asked}/media/{photo}/link"))
        },
    ]
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
        method: None,
        to_other_roles: "403 wrong_role",
        open_to: OpenTo::Roles,
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
    ];
    operations.extend(of_media(&reporters, asked, photo));
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
            method: None,
            to_other_roles: "403 wrong_role",
            open_to: OpenTo::Roles,
        };
        // Over the district the auditor watches as well.
        let mut watchers = vec![role];
        watchers.extend((role == Role::DistrictManager).then_some(Role::Auditor));
        operations.extend([
            reviewers("list_queue", "/queue".to_owned()),
            // A stranger asks for the node of the reports; his own node he may list.
            Operation {
                strangers: strangers.clone(),
                ..reviewers("list_reports", "/reports?node=demo.river.boatyard".to_owned())
            },
            Operation {
                roles: watchers.clone(),
                strangers: strangers.clone(),
                ..reviewers("list_open", "/open?node=demo.river.boatyard".to_owned())
            },
            Operation {
                roles: watchers,
                strangers: strangers.clone(),
                ..reviewers("list_overdue", "/overdue?node=demo.river.boatyard".to_owned())
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
    // Before the district's lists are put anew, without agencies.
    operations.extend(operations_on_handovers(scene));
    operations.extend(operations_on_members(scene));
    operations.extend(operations_on_tasks(scene));
    operations.extend(operations_on_outcomes(scene));
    operations.extend(operations_on_webhooks(scene));
    operations.extend(operations_on_briefings(scene));
    operations.extend(operations_on_exports(scene));
    operations.extend(operations_on_rewards(scene));
    operations.extend(operations_on_payouts(scene));
    operations
}

impl Operation {
    fn method(&self) -> Method {
        if let Some(method) = &self.method {
            return method.clone();
        }
        // Only a withdrawal changes something without saying more.
        if self.body.is_some() || self.versioned.is_some() { Method::POST } else { Method::GET }
    }

    async fn tried_by(&self, person: &Person, world: &World, keys: &Keys) -> Answer {
        let mut headers = Vec::new();
        if self.method() == Method::POST {
            headers.push(("idempotency-key", keys.next().to_string()));
        }
        match &self.versioned {
            Some(path) if path.starts_with('/') => {
                let seen = world.person("district-police").await.get(path).await.unwrap();
                headers.push(("if-match", format!("\"{}\"", seen.version().unwrap())));
            }
            Some(code) => headers.push(("if-match", format!("\"{}\"", world.history(code).await.report.version))),
            None => {}
        }
        if self.body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        // A file is not JSON.
        let body = self.body.as_ref().map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned));
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
        let needs_token = operation.open_to != OpenTo::Everybody;
        if let Some(expired) = expired[operation.rightful].as_ref().filter(|_| needs_token) {
            let person = world.stranger().with_token(Some(expired.clone()));
            expect_problem(&operation.tried_by(&person, world, &keys).await, 401, "unauthenticated");
        }
        for (what, token) in tokens[operation.rightful].iter().filter(|_| needs_token) {
            tries.push((format!("token: {what}"), world.stranger().with_token(token.clone()), "401 unauthenticated"));
        }
        let as_member = async |id: &str| world.stranger().with_token(Some(world.token_for(id).await));
        if matches!(operation.open_to, OpenTo::Roles | OpenTo::Members) {
            tries.push(("somebody who is no member".to_owned(), as_member("nobody").await, "403 not_a_member"));
            tries.push(("a subject that can be no member".to_owned(), as_member("no_body!").await, "403 not_a_member"));
        }
        if operation.open_to == OpenTo::Roles {
            for role in &operation.roles {
                let Some(id) = suspended(*role) else { continue };
                tries.push((format!("a suspended {role}"), as_member(id).await, "403 member_suspended"));
            }
            for (role, id) in ROLES {
                if !operation.roles.contains(&role) {
                    tries.push((role.name().to_owned(), as_member(id).await, operation.to_other_roles));
                }
            }
            for id in &operation.strangers {
                tries.push(((*id).to_owned(), as_member(id).await, "404 not_found"));
            }
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
        let path = scene.named(&operation.path);
        writeln!(table, "{}: {} {path}", operation.id, operation.method()).unwrap();
        for (outcome, people) in outcomes {
            writeln!(table, "    {outcome:<22} {}", people.join(", ")).unwrap();
        }
    }
    assert_eq!(scene.everything().await, before, "who was refused has changed nothing and read nothing");

    writeln!(table).unwrap();
    for operation in &operations {
        let (person, who) = match operation.open_to {
            OpenTo::Everybody => (world.stranger(), "anybody"),
            _ => (world.person(operation.rightful).await, operation.rightful),
        };
        let answer = operation.tried_by(&person, world, &keys).await;
        assert!(matches!(answer.status, 200..=204), "{}: {}", operation.id, answer.body);
        let who = who.replace(scene.member, "{member}").replace(scene.invited, "{invited}");
        let who = who.replace(scene.paying.reporter, "{to be paid}");
        writeln!(table, "{} {:<26} {who}", answer.status, operation.id).unwrap();
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
    assert!(world.store().replace_member(&seeded(&suspended)).await.unwrap());
    for answer in [
        officer.tries_to_open(&code).await,
        officer.person.get("/officer-review/queue").await.unwrap(),
        officer.tries(&code, "decisions", version, &json!({ "decision": "approve" })).await,
    ] {
        expect_problem(&answer, 403, "member_suspended");
    }
    // Nor does a transfer leave the old community open.
    let moved = Member { node: NodeId::parse("demo.river.boatyard").unwrap(), ..member.clone() };
    assert!(world.store().replace_member(&seeded(&moved)).await.unwrap());
    expect_problem(&officer.tries_to_open(&code).await, 404, "not_found");
    assert_eq!(officer.queue().await, [""; 0]);

    assert!(world.store().replace_member(&seeded(&member)).await.unwrap());
    assert_eq!(officer.queue().await, [&*code]);
    officer.approves(&code).await;
}

/// Without a node, everybody sees their own, and nothing of anybody else's.
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
        for list in ["queue", "reports", "open", "overdue"] {
            let page = expect(person.get(&format!("/{stage}-review/{list}")).await.unwrap(), 200);
            assert_eq!(page.body, json!({ "items": [] }), "{id}: {list}");
        }
    }
    let neighbour = world.neighbour(COMMUNITY).await;
    assert_eq!(neighbour.mine().await, [""; 0]);
}
