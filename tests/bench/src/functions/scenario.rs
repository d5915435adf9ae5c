//! What each function is asked: one call that its people make all day, in a district in which there is
//! something to ask for. And what the services answered to it.

use axum::body::Bytes;
use pingan_local::{
    bundle::{Bundle, Options},
    client::{Answer, Person},
    clock::Clock,
};
use pingan_runtime::Failure;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    candidate::{Candidate, Programs},
    endpoint::Recorded,
    measure::{Running, named},
    stage::Stage,
};

const REPORTER: &str = "reporter-boatyard-1";
const OFFICER: &str = "officer-boatyard";
const STATION: &str = "station-river";
const POLICE: &str = "district-police";
const TREASURER: &str = "treasurer";

/// A call, as a function is handed it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The function.
    pub(super) function: String,
    /// Method and path, with what varies left out.
    pub(super) operation: &'static str,
    /// The event of the HTTP API, in version 2.0 of its format.
    pub(super) event: Bytes,
    /// What the function asked of the services, and what they answered.
    pub(super) recorded: Vec<Recorded>,
    /// What it signs for others to send, as the bare calls have to sign it too.
    pub(super) signed: Option<Value>,
}

/// Makes a district in which there is something to ask for, and lets each program that is wanted answer its call
/// once by it.
///
/// # Errors
///
/// A step was refused, or a function has no call.
pub(super) async fn record(programs: &Programs, stage: &Stage, work: &std::path::Path) -> Result<Vec<Call>, Failure> {
    let folder = work.join("district");
    let bundle = Bundle::start(Options::new(folder, 0, Clock::real())).await?;
    let recorded = Box::pin(record_in(&bundle, programs, stage, work)).await;
    bundle.stop().await;
    recorded
}

async fn record_in(
    bundle: &Bundle,
    programs: &Programs,
    stage: &Stage,
    work: &std::path::Path,
) -> Result<Vec<Call>, Failure> {
    let mut asked = Box::pin(District { bundle }.calls()).await?;
    let mut calls = Vec::new();
    for function in programs.functions.keys() {
        let at = asked.iter().position(|call| call.function == *function);
        let mut call = asked.swap_remove(at.ok_or_else(|| format!("{function} has no call in the scenario"))?);
        let candidate = Candidate::function(programs, &call, work)?;
        stage.endpoint.record(&bundle.dynamodb_url);
        stage.prepare(&call, 1);
        let running = Running::start(&candidate, stage)?;
        named(&candidate, stage.finished(1).await)?;
        drop(running);
        call.recorded = stage.endpoint.recorded();
        calls.push(call);
    }
    Ok(calls)
}

/// The district, by its API.
struct District<'a> {
    bundle: &'a Bundle,
}

impl District<'_> {
    async fn person(&self, id: &str) -> Result<Person, Failure> {
        Person::sign_in(&self.bundle.url, id).await
    }

    async fn posts(&self, who: &str, path: &str, version: Option<u64>, body: &Value) -> Result<Answer, Failure> {
        let answer = self.person(who).await?.post(path, Uuid::new_v4(), version, body).await?;
        if answer.status >= 300 {
            return Err(format!("{who}, {path}: {}", answer.body).into());
        }
        Ok(answer)
    }

    async fn version(&self, who: &str, path: &str) -> Result<Option<u64>, Failure> {
        Ok(self.person(who).await?.get(path).await?.expect(200)?.version())
    }

    /// A report that so many stages have approved.
    async fn report(&self, approvals: usize) -> Result<String, Failure> {
        let report = self.posts(REPORTER, "/reports", None, &report()).await?.text("/id").to_owned();
        for (who, stage) in [(OFFICER, "officer"), (STATION, "station"), (POLICE, "district")].iter().take(approvals) {
            let path = format!("/{stage}-review/reports/{report}");
            let version = self.version(who, &path).await?;
            self.posts(who, &format!("{path}/decisions"), version, &json!({ "decision": "approve" })).await?;
        }
        Ok(report)
    }

    /// The decision of a stage on a report that waits for it.
    async fn decision(&self, function: &str, who: &'static str, approvals: usize) -> Result<Call, Failure> {
        let path = format!("/{function}/reports/{}", self.report(approvals).await?);
        let version = self.version(who, &path).await?;
        let body = json!({ "decision": "approve" });
        let request = Request { who, method: "POST", path: format!("{path}/decisions"), version, body };
        Ok(request.of(function, "POST …/reports/{report}/decisions"))
    }

    /// One call for each HTTP function.
    async fn calls(&self) -> Result<Vec<Call>, Failure> {
        let adopted = self.report(3).await?;
        let new = json!({ "node": "demo.river.boatyard", "kind": "taxi", "name": "周九", "phone": "13300133000" });
        let member = self.posts(OFFICER, "/districts/demo/members", None, &new).await?.text("/id").to_owned();
        let year = jiff::Timestamp::now().in_tz("Asia/Shanghai")?.year();
        let picture = json!({ "content_type": "image/jpeg", "size_bytes": 2_400_711, "sha256": "0".repeat(64) });
        let handover = json!({
            "receivers": [{ "to": "agency", "agency": "fire" }],
            "asks": "Please check the storage of the bottles.",
            "deadline_hours": 16,
            "extract": { "text": "Bottles of gas stand in the stairwell.", "place": true },
        });
        let outcome = json!({
            "kind": "hazards_removed", "count": 1, "on": jiff::Timestamp::now().in_tz("Asia/Shanghai")?.date(),
            "reports": [adopted], "evidence": "Inspection record 2026-118.",
        });
        let grant = json!({ "movement": "grant", "amount_fen": 30_000_000, "reason": "Budget of the year." });
        let webhook = json!({ "url": "https://hooks.pingan.invalid/", "active": true });
        self.person(POLICE)
            .await?
            .put_json("/districts/demo/agencies/fire/webhook", Some(0), &webhook)
            .await?
            .expect(200)?;
        let reads = |who, path: String| Request { who, method: "GET", path, version: None, body: Value::Null };
        let writes = |who, path: String, body| Request { who, method: "POST", path, version: None, body };
        let of_district = |rest: &str| format!("/districts/demo/{rest}");
        Ok(vec![
            writes(REPORTER, "/reports".to_owned(), report()).of("submission", "POST /reports"),
            self.decision("officer-review", OFFICER, 0).await?,
            self.decision("station-review", STATION, 1).await?,
            self.decision("district-review", POLICE, 2).await?,
            Call {
                signed: Some(json!({ "operation": "PutObject", "request": {
                    "Bucket": "pingan-media", "Key": format!("uploads/{}", Uuid::new_v4()), "ContentLength": 2_400_711,
                    "ContentType": "image/jpeg", "ChecksumSHA256": "A".repeat(43) + "=",
                } })),
                ..writes(REPORTER, "/media".to_owned(), picture).of("media", "POST /media")
            },
            reads(OFFICER, of_district("members")).of("members", "GET …/members"),
            writes(OFFICER, of_district("invites"), json!({ "node": "demo.river.boatyard" }))
                .of("recruiting", "POST …/invites"),
            writes(STATION, of_district(&format!("members/{member}/openings")), json!({ "reason": "Life in danger." }))
                .of("custody", "POST …/openings"),
            Request {
                version: self.version(POLICE, &format!("/district-review/reports/{adopted}")).await?,
                ..writes(POLICE, of_district(&format!("reports/{adopted}/handovers")), handover)
            }
            .of("handover", "POST …/handovers"),
            reads(REPORTER, "/me/tasks".to_owned()).of("tasking", "GET /me/tasks"),
            reads(OFFICER, of_district("statistics")).of("statistics", "GET …/statistics"),
            reads(POLICE, of_district("agencies/fire/webhook")).of("agency-systems", "GET …/webhook"),
            writes(OFFICER, of_district("outcomes"), outcome).of("outcomes", "POST …/outcomes"),
            reads(POLICE, of_district("briefings")).of("briefings", "GET …/briefings"),
            reads(POLICE, of_district("exports")).of("exports", "GET …/exports"),
            reads(TREASURER, of_district("payouts?state=waiting")).of("payouts", "GET …/payouts"),
            Request { version: Some(0), ..writes(POLICE, of_district(&format!("funds/{year}/movements")), grant) }
                .of("rewards", "POST …/funds/{year}/movements"),
        ])
    }
}

/// A report such as most are: some sentences and a place, without media.
fn report() -> Value {
    json!({
        "category": "hazard",
        "urgency": "routine",
        "text": "三号楼二单元一楼楼道里堆放着七八只煤气罐，旁边有人给电动车充电，晚上味道很重，住户担心起火。",
        "place": { "address": "船厂路12号院3号楼2单元", "point": { "longitude": 117.2201, "latitude": 39.1023 } },
    })
}

/// A request of somebody who has signed in.
struct Request {
    who: &'static str,
    method: &'static str,
    path: String,
    version: Option<u64>,
    body: Value,
}

impl Request {
    /// As the HTTP API hands it to a function.
    ///
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
    fn of(self, function: &str, operation: &'static str) -> Call {
        let Self { who, method, path, version, body } = self;
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let mut headers = json!({
            "accept": "application/json",
            "accept-encoding": "gzip",
            "host": "api.example.org",
            "user-agent": "pingan-phone/1.0",
            "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        });
        let is_read = body.is_null();
        if !is_read {
            headers["content-type"] = json!("application/json");
            headers["idempotency-key"] = json!(Uuid::new_v4());
        }
        if let Some(version) = version {
            headers["if-match"] = json!(format!("\"{version}\""));
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "bench",
                "authorizer": { "jwt": { "claims": {
                    "sub": who, "iss": "https://issuer.example.org", "aud": "pingan", "token_use": "access",
                    "iat": "1790000000", "exp": "1790003600",
                }, "scopes": null } },
                "domainName": "api.example.org",
                "domainPrefix": "api",
                "http": {
                    "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9",
                    "userAgent": "pingan-phone/1.0",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "10/Mar/2026:05:16:23 +0000",
                "timeEpoch": 1_773_119_783_636_i64,
            },
            "isBase64Encoded": false,
        });
        if !is_read {
            event["body"] = json!(body.to_string());
        }
        Call {
            function: function.to_owned(),
            operation,
            event: event.to_string().into(),
            recorded: Vec::new(),
            signed: None,
        }
    }
}
