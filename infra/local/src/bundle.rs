//! The whole bundle in one process: every function, wired to the stand-ins as Terraform
//! wires it to AWS.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use agency_systems::AgencySystems;
use award_run::Awards;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_lambda_events::event::{dynamodb::Event as StreamEvent, streams::DynamoDbEventResponse};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use axum::{Router, extract::Request, routing::get};
use briefing::BriefingJob;
use briefings::Briefings;
use custody::Custody;
use deadlines::{Deadlines, Start};
use export::ExportJob;
use exports::Exports;
use futures::FutureExt as _;
use jiff::{SignedDuration, tz::TimeZone};
use media::MediaFunction;
use media_erase::MediaErase;
use media_intake::Intake;
use members::Members;
use notify::Notify;
use payouts::Payouts;
use pingan_cloud::{
    Accounts, Channels, DocumentStore, KeyedHash, Links, MediaStore, Notices, Scanner, Schedules, Sealer,
    WebhookClient, schedules::Target, webhooks::Patience,
};
use pingan_domain::{
    calendar::Policy,
    error::Error,
    media::MediaLimits,
    proof::{Of, Proof},
    webhook_target::Reach,
};
use pingan_http::{MemberClaim, Problem, problem::answer_panics};
use pingan_membership::Registry;
use pingan_runtime::{Failure, World};
use pingan_store::{CursorKey, Store, TableNames, recount::Recount, tables};
use pingan_workflow::{Workflow, handovers::MAX_CALLED};
use recruiting::Recruiting;
pub use recruiting::{Appointed, Appointment};
use reward_clock::RewardClock;
use reward_propose::RewardPropose;
use rewards::{Rewards, Told};
use statistics::Statistics;
use tally::Tally;
use task_clock::TaskClock;
use task_schedule::TaskSchedule;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use utoipa_swagger_ui::SwaggerUi;
use webhook::{Pace, WebhookSender};

use crate::{
    api,
    clock::Clock,
    dynamodb::{self, DynamoDb},
    issuer::{self, Issuer},
    lambda::Function,
    objects::{self, Journal},
    pump::pump,
    requests::{CountRequests, Requests},
    scheduler::Scheduler,
    secrets::Secrets,
    seed,
    sns::{self, Inbox},
    subscriptions, weekly,
};

/// The bucket of the media.
const BUCKET: &str = "pingan-media";
/// The topic of the notices.
const TOPIC: &str = "pingan-notices";
/// The group of the schedules of tasks.
const SCHEDULES: &str = "pingan-tasks";
/// Stand for what has an ARN in the cloud: here the scheduler starts the one function that there is.
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:pingan-task-clock";
const ROLE_ARN: &str = "arn:aws:iam::000000000000:role/pingan-task-clock-moments";
/// How often what is due is done, period awards too, in minutes.
const DEADLINES_MINUTES: u64 = 15;
/// How often rewards are looked at, in minutes.
const REWARD_CLOCK_MINUTES: u64 = 60;
/// The group of the schedules of webhooks, and what their scheduler starts.
const RETRIES: &str = "pingan-webhooks";
const SENDER_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:pingan-webhook";
const SENDER_ROLE_ARN: &str = "arn:aws:iam::000000000000:role/pingan-webhook-retries";
/// How long a stop waits for requests that are under way.
const STOP_SECONDS: u64 = 5;

/// How to start the bundle.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds all state. It is made when it is not there.
    pub data: PathBuf,
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// The time that the functions see. Tokens and signatures go by the machine's own.
    pub clock: Clock,
    /// How uploads are taken in.
    pub intake: IntakeOptions,
    /// Whether the weekly briefings are ordered by the clock.
    pub weekly: bool,
    /// What the district has decided about time; nothing for weekdays in Shanghai.
    pub policy: Option<Policy>,
    /// How long webhooks take.
    pub webhooks: WebhookOptions,
}

/// How long webhooks take; as in the cloud when nothing is said.
#[derive(Debug, Clone, Default)]
pub struct WebhookOptions {
    /// A call.
    pub patience: Patience,
    /// Between calls.
    pub pace: Pace,
}

impl Options {
    /// Everything as it is when nothing else is said.
    pub fn new(data: impl Into<PathBuf>, port: u16, clock: Clock) -> Self {
        Self {
            data: data.into(),
            port,
            clock,
            intake: IntakeOptions::default(),
            policy: None,
            webhooks: WebhookOptions::default(),
            weekly: true,
        }
    }
}

/// How uploads are taken in.
#[derive(Debug, Clone)]
pub struct IntakeOptions {
    /// Where they are looked at.
    pub run: RunIntake,
    /// What reports may carry.
    pub limits: MediaLimits,
}

/// Where uploads are looked at.
#[derive(Debug, Clone)]
pub enum RunIntake {
    /// In this process, like everything else, once this scanner has cleared them.
    Here(Scanner),
    /// In a process of its own, which runs this program as Lambda runs it. Nothing is scanned.
    Apart(PathBuf),
    /// Nowhere: they wait. For a bundle that was started for something else, and does not
    /// know whether they are to be scanned.
    Nowhere,
}

impl Default for IntakeOptions {
    fn default() -> Self {
        Self { run: RunIntake::Here(Scanner::Off), limits: MediaLimits::default() }
    }
}

/// Why the bundle did not start, in one line for people.
#[derive(Debug)]
pub enum StartError {
    /// Another program listens on the port.
    PortTaken(u16),
    /// Another bundle works in the folder.
    FolderTaken(PathBuf),
    /// Anything else.
    Other(Failure),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PortTaken(port) => write!(f, "Port {port} is taken. Choose another one with --port."),
            Self::FolderTaken(folder) => {
                write!(f, "Another bundle runs in {}. Stop it, or choose another folder with --data.", folder.display())
            }
            Self::Other(error) => write!(f, "The bundle did not start: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// The bundle, running. Dropping it ends its tasks; [`Bundle::stop`] ends them cleanly.
pub struct Bundle {
    /// Where it is: `http://127.0.0.1:<port>`.
    pub url: String,
    /// Where the DynamoDB stand-in is, for the AWS CLI.
    pub dynamodb_url: String,
    /// The records themselves, for tests that look at what the API does not show.
    pub store: Store,
    /// The time that the functions see.
    pub clock: Clock,
    /// The requests that the functions made to DynamoDB.
    pub requests: Requests,
    /// Those of each function that nobody waits for, by its name: what follows from an operation. `s3` are those that all
    /// functions make to S3.
    pub followers: BTreeMap<&'static str, Requests>,
    deadlines: Deadlines,
    reward_clock: RewardClock,
    awards: Awards,
    recruiting: Recruiting,
    briefing: BriefingJob,
    inbox: Inbox,
    issuer: Issuer,
    /// The intake's process, where it has one of its own.
    pub intake_process: Option<Function>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    // Held for as long as the bundle runs: it keeps a second one out of the folder.
    _lock: File,
}

impl Bundle {
    /// Starts everything, creates what is not there yet, and seeds the demo district.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        make_folder(&options.data).map_err(|error| StartError::Other(error.into()))?;
        let lock = lock(&options.data)?;
        let listener = listen(options.port).await?;
        // The wiring is a large future; whoever starts a bundle need not carry it.
        Box::pin(Self::start_on(listener, lock, options)).await.map_err(StartError::Other)
    }

    #[expect(clippy::too_many_lines, reason = "what is wired to what is read as one")]
    async fn start_on(listener: TcpListener, lock: File, options: Options) -> Result<Self, Failure> {
        let Options { data, clock, intake: intake_options, policy, webhooks, weekly, .. } = options;
        let url = format!("http://{}", listener.local_addr()?);
        let secrets = Secrets::open(&data.join("secrets.json"))?;
        let (stop, stopped) = watch::channel(false);

        let names = TableNames::with_prefix("pingan");
        let database = open_database(&data, &names, &secrets, stopped.clone()).await?;
        let plain = aws_sdk_dynamodb::Client::new(&sdk(&database.endpoint, &secrets));
        let (client_of_functions, requests) = counted(&plain);
        let cursor_key = CursorKey::new(secrets.cursor_key.clone().into_bytes())?;
        let store = Store::new(plain.clone(), names.clone(), cursor_key.clone());
        let mut followers = BTreeMap::new();
        let mut store_of = |function| {
            let (client, requests) = counted(&plain);
            followers.insert(function, requests);
            Store::new(client, names.clone(), cursor_key.clone())
        };
        let (intake_store, erase_store, notify_store) =
            (store_of("media-intake"), store_of("media-erase"), store_of("notify"));
        let (tally_store, propose_store, webhook_store) =
            (store_of("tally"), store_of("reward-propose"), store_of("webhook"));
        let (deadlines_store, reward_clock_store, awards_store) =
            (store_of("deadlines"), store_of("reward-clock"), store_of("award-run"));
        let (briefing_store, export_store, task_clock_store) =
            (store_of("briefing"), store_of("export"), store_of("task-clock"));
        let sealer = Arc::new(Sealer::key_file(&data.join("identity.key"))?);
        // A key of its own, as in the cloud: who can open one cannot open the other.
        let webhook_sealer = Arc::new(Sealer::key_file(&data.join("webhook.key"))?);
        let hashes = KeyedHash::new(secrets.hash_key.clone().into_bytes())?;
        seed::seed(&store).await?;

        let inbox = Inbox::open(&data.join("notices.jsonl"))?;
        let (sns, topic_arn) = open_topic(&inbox, &secrets, stopped.clone()).await?;

        let (s3, s3_requests) = s3_at(&url, &secrets);
        followers.insert("s3", s3_requests);
        let journal = Journal::open(&data.join("object-events"), "uploads/")?;
        let objects = objects::service(&data.join("objects"), &journal, &secrets.access_key, &secrets.secret_key)?;

        let world = world_at(clock.clone());
        let store_of_functions = Store::new(client_of_functions, names.clone(), cursor_key);
        let policy = Arc::new(policy.map_or_else(policy_of_weekdays, Ok)?);
        let workflow = Workflow {
            store: store_of_functions.clone(),
            world: world.clone(),
            policy: policy.clone(),
            media_limits: intake_options.limits,
        };
        let media = MediaStore::new(s3.clone(), BUCKET.to_owned());
        let (briefings, briefing) = briefings(&store_of_functions, &briefing_store, &s3, &world, &policy);
        let (exports, export) = exports(&store_of_functions, &export_store, &s3, &world, &policy);
        let registry = Registry {
            store: store_of_functions.clone(),
            world: world.clone(),
            sealer: sealer.clone(),
            hashes: hashes.clone(),
            accounts: Arc::new(Accounts::Outside),
        };
        let functions = api::Functions {
            workflow: workflow.clone(),
            media: MediaFunction { workflow: workflow.clone(), media: media.clone() },
            members: Members {
                registry: registry.clone(),
                channels: Channels::new(sns.clone(), topic_arn.clone(), subscriptions::APPLICATIONS)?,
                retention_days: 180,
            },
            recruiting: Recruiting { registry, linked: true, join_base: format!("{url}/join/") },
            custody: Custody { store: store_of_functions.clone(), world: world.clone(), sealer: sealer.clone() },
            agency_systems: AgencySystems {
                store: store_of_functions.clone(),
                world: world.clone(),
                sealer: webhook_sealer.clone(),
                reach: Reach::ThisMachineToo,
            },
            payouts: Payouts {
                store: store_of_functions.clone(),
                world: world.clone(),
                hashes: hashes.clone(),
                sealer,
                time_zone: policy.calendar.time_zone.clone(),
            },
            rewards: Rewards {
                store: store_of_functions.clone(),
                world: world.clone(),
                time_zone: policy.calendar.time_zone.clone(),
                told: Told::default(),
            },
            statistics: Statistics {
                store: store_of_functions,
                world: world.clone(),
                time_zone: policy.calendar.time_zone.clone(),
            },
            briefings,
            exports,
        };
        let (recruiting, deadlines) = (functions.recruiting.clone(), deadlines_of(&workflow, &deadlines_store));
        let issuer = Issuer::open(&data.join("issuer.pem"), format!("{url}/auth"))?;
        let router = router(functions, &issuer, inbox.clone())
            .route(&format!("/{BUCKET}"), objects.clone())
            .route(&format!("/{BUCKET}/"), objects.clone())
            .route(&format!("/{BUCKET}/{{*key}}"), objects);

        let mut tasks = vec![serve(listener, router, stopped.clone())];
        create_bucket(&s3).await?;

        let erase = MediaErase { store: erase_store, media: media.clone(), world: world.clone() };
        let workflow = Workflow { store: intake_store, ..workflow };
        let intake_process = match intake_options.run {
            RunIntake::Here(scanner) => {
                tasks.push(tokio::spawn(take_in_here(journal, stopped.clone(), Intake::new(workflow, media, scanner))));
                None
            }
            RunIntake::Apart(program) => {
                let settings = intake_settings(&names, &secrets, intake_options.limits, &url, &database.endpoint)?;
                let function = Function::start(&program, settings).await?;
                tasks.push(tokio::spawn(take_in_apart(journal, stopped.clone(), function.clone())));
                Some(function)
            }
            RunIntake::Nowhere => None,
        };

        let streams = aws_sdk_dynamodbstreams::Client::new(&sdk(&database.endpoint, &secrets));
        let pumped = Pumped { streams, dynamodb: plain, data, stopped };
        let notify = Notify {
            store: notify_store,
            notices: Notices::new(sns, topic_arn, links(&url)),
            world: world.clone(),
            time_zone: policy.calendar.time_zone.clone(),
        };
        let time_zone = policy.calendar.time_zone.clone();
        let tally = Tally { store: tally_store, world: world.clone(), time_zone };
        tasks.extend(pumped.drive_streamed(&names, notify, erase, &tally));
        let sealed = (webhook_sealer, webhooks);
        tasks.extend(
            pumped.drive_webhooks(names.handovers.clone(), &secrets, &webhook_store, &world, &clock, sealed).await?,
        );
        tasks.extend(pumped.drive_briefings(names.documents.clone(), &briefing, &clock, weekly));
        tasks.push(pumped.drive_exports(names.documents, export));
        let time_zone = policy.calendar.time_zone.clone();
        let reward_clock =
            RewardClock { store: reward_clock_store, world: world.clone(), time_zone: time_zone.clone() };
        let propose = RewardPropose { store: propose_store, world: world.clone(), time_zone };
        let awards = awards_of(&propose, awards_store);
        tasks.extend(pumped.drive_proposals([names.rewards, names.outcomes], &propose));
        tasks.extend(pumped.drive_tasks(names.tasks, &secrets, &task_clock_store, world, &clock).await?);
        let dynamodb_url = database.endpoint.clone();
        tasks.push(tokio::spawn(database.stopped()));
        Ok(Self {
            url,
            dynamodb_url,
            store,
            clock,
            requests,
            followers,
            deadlines,
            reward_clock,
            awards,
            recruiting,
            briefing,
            inbox,
            issuer,
            intake_process,
            stop,
            tasks,
            _lock: lock,
        })
    }

    /// Appoints a district manager, as the operator of a deployment does.
    pub async fn appoint(&self, appointment: &Appointment) -> Result<Appointed, Error> {
        self.recruiting.appoint(appointment).await
    }

    /// Orders the briefings of the last whole week, as the schedule does on Mondays.
    pub async fn order_weekly_briefings(&self) -> Result<(), Error> {
        self.briefing.order_weekly().await
    }

    /// Does what is due by the bundle's clock, as the schedule does every quarter of an hour.
    pub async fn run_deadlines(&self) -> Result<(), Failure> {
        self.deadlines.handle(Start {}).await
    }

    /// Does what the clock does with hand-overs at this moment, and says with how many, for tests.
    pub async fn handover_clock(&self) -> Result<usize, Error> {
        self.deadlines.workflow.handover_clock(self.clock.now(), MAX_CALLED).await
    }

    /// The job itself, for tests that run it in part.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Does what is due with rewards by the bundle's clock, as the schedule does every hour, and says
    /// how many steps that were.
    pub async fn run_reward_clock(&self) -> Result<usize, Failure> {
        self.reward_clock.handle(reward_clock::Start {}).await
    }

    /// Has the jobs done from now on as the schedules do, and once at the beginning.
    pub fn schedule_jobs(&mut self) {
        let deadlines = self.deadlines.clone();
        self.every(DEADLINES_MINUTES, move || {
            let deadlines = deadlines.clone();
            async move { deadlines.handle(Start {}).await }
        });
        let awards = self.awards.clone();
        self.every(DEADLINES_MINUTES, move || {
            let awards = awards.clone();
            async move { awards.handle(award_run::Start {}).await }
        });
        let rewards = self.reward_clock.clone();
        self.every(REWARD_CLOCK_MINUTES, move || {
            let rewards = rewards.clone();
            async move { rewards.handle(reward_clock::Start {}).await.map(drop) }
        });
    }

    fn every<F: Future<Output = Result<(), Failure>> + Send>(
        &mut self,
        minutes: u64,
        job: impl Fn() -> F + Send + 'static,
    ) {
        let mut stopped = self.stop.subscribe();
        self.tasks.push(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(60 * minutes));
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = stopped.wait_for(|stop| *stop) => return,
                }
                if let Err(error) = job().await {
                    tracing::error!(error, "not all that is due could be done");
                }
            }
        }));
    }

    /// Goes on with the period awards that are due by the bundle's clock, as the schedule does every
    /// quarter of an hour.
    pub async fn run_awards(&self) -> Result<(), Failure> {
        self.awards.handle(award_run::Start {}).await
    }

    /// The job itself, for tests that run it in part.
    pub fn awards(&self) -> &Awards {
        &self.awards
    }

    /// Makes SNS fail, or work again.
    pub fn set_sns_down(&self, down: bool) {
        self.inbox.set_down(down);
    }

    /// A token for whoever this is, good for `lifetime`: for tests of tokens.
    pub fn token_for(&self, subject: &str, lifetime: Duration) -> Result<String, Failure> {
        self.issuer.token_for(subject, lifetime).map_err(|error| error.to_string().into())
    }

    /// Stops taking requests, finishes those under way, and ends.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        for task in self.tasks.drain(..) {
            let abort = task.abort_handle();
            if tokio::time::timeout(Duration::from_secs(STOP_SECONDS), task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Counts the statistics of a folder anew from its records, as an operator does, while no bundle
/// runs on it; with `repair`, sets them right.
pub async fn recount(data: &Path, repair: bool) -> Result<Recount, StartError> {
    maintain(data, async |store| Ok(store.recount(&policy_of_weekdays()?.calendar.time_zone, repair).await?)).await
}

/// Proves the money of a folder from its records, as an operator does, while no bundle runs on it.
pub async fn verify(data: &Path, of: &Of) -> Result<Proof, StartError> {
    maintain(data, async |store| Ok(store.prove(of).await?)).await
}

/// Hands the records of a folder to an operator's work, while no bundle runs on it.
async fn maintain<T>(data: &Path, work: impl AsyncFnOnce(Store) -> Result<T, Failure>) -> Result<T, StartError> {
    make_folder(data).map_err(|error| StartError::Other(error.into()))?;
    let _lock = lock(data)?;
    let working = async {
        let secrets = Secrets::open(&data.join("secrets.json"))?;
        let (stop, stopped) = watch::channel(false);
        let names = TableNames::with_prefix("pingan");
        let database = open_database(data, &names, &secrets, stopped).await?;
        let store =
            Store::new(aws_sdk_dynamodb::Client::new(&sdk(&database.endpoint, &secrets)), names, CursorKey::unused());
        let done = work(store).await?;
        let _ = stop.send(true);
        database.stopped().await;
        Ok::<_, Failure>(done)
    };
    working.await.map_err(StartError::Other)
}

/// The API, its documentation, development sign-in and the readable inbox.
fn router(functions: api::Functions, issuer: &Issuer, inbox: Inbox) -> Router {
    let (api, document) = api::router(functions);
    // Like an issuer outside, this one signs in whoever comes; whether that is a member is
    // for the platform to say.
    let known = |subject: &str| !subject.is_empty();
    let inbox =
        get(async move |query: axum::extract::Query<InboxQuery>| axum::Json(inbox.since(query.0.since.unwrap_or(0))));
    let routes = api
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .nest("/auth", issuer.router(known))
        .route("/local/inbox", inbox)
        .fallback(async |_: Request| Problem(Error::NotFound))
        .method_not_allowed_fallback(async |_: Request| Problem(Error::MethodNotAllowed))
        .layer(axum::Extension(MemberClaim { name: "sub".to_owned(), linked: true }))
        .layer(axum::middleware::from_fn_with_state(issuer.clone(), issuer::authorize));
    answer_panics(routes)
}

/// Which notices to show.
#[derive(Debug, serde::Deserialize)]
struct InboxQuery {
    /// The number of those already seen.
    since: Option<usize>,
}

/// Opens the database, with every table in it.
async fn open_database(
    data: &Path,
    names: &TableNames,
    secrets: &Secrets,
    stopped: watch::Receiver<bool>,
) -> Result<DynamoDb, Failure> {
    let file = data.join("dynamodb.sqlite");
    let fill =
        async |endpoint: &str| tables::create(&aws_sdk_dynamodb::Client::new(&sdk(endpoint, secrets)), names).await;
    dynamodb::make(&file, fill).await?;
    let database = dynamodb::start(&file, stopped).await?;
    // A database of an older bundle may lack a table.
    tables::create(&aws_sdk_dynamodb::Client::new(&sdk(&database.endpoint, secrets)), names).await?;
    Ok(database)
}

/// Opens the topic of the notices; gives its client and its ARN.
async fn open_topic(
    inbox: &Inbox,
    secrets: &Secrets,
    stopped: watch::Receiver<bool>,
) -> Result<(aws_sdk_sns::Client, String), Failure> {
    let url = serve_apart(sns::router(inbox.clone()), stopped).await?;
    let sns = aws_sdk_sns::Client::new(&sdk(&url, secrets));
    let topic = sns.create_topic().name(TOPIC).send().await?;
    Ok((sns, topic.topic_arn.ok_or("the topic has no ARN")?))
}

async fn take_in_here(journal: Journal, stopped: watch::Receiver<bool>, intake: Intake) {
    objects::deliver(journal, stopped, move |event| {
        let intake = intake.clone();
        async move { intake.handle(event).await }
    })
    .await;
}

async fn take_in_apart(journal: Journal, stopped: watch::Receiver<bool>, function: Function) {
    // One event at a time: a process is one instance.
    let turns = Arc::new(tokio::sync::Mutex::new(()));
    objects::deliver(journal, stopped, move |event| {
        let (function, turns) = (function.clone(), turns.clone());
        async move {
            let _turn = turns.lock().await;
            function.call(&event).await
        }
    })
    .await;
}

/// What the intake's process is told of this bundle.
fn intake_settings(
    names: &TableNames,
    secrets: &Secrets,
    limits: MediaLimits,
    url: &str,
    dynamodb: &str,
) -> Result<[(&'static str, String); 10], Failure> {
    Ok([
        ("MEMBERS_TABLE", names.members.clone()),
        ("REPORTS_TABLE", names.reports.clone()),
        ("MEDIA_BUCKET", BUCKET.to_owned()),
        ("CURSOR_KEY", secrets.cursor_key.clone()),
        ("MEDIA_LIMITS", serde_json::to_string(&limits)?),
        ("MALWARE_SCAN", "off".to_owned()),
        ("AWS_ENDPOINT_URL_S3", url.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.to_owned()),
        ("AWS_ACCESS_KEY_ID", secrets.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", secrets.secret_key.clone()),
    ])
}

/// What functions of streams are pumped from.
struct Pumped {
    streams: aws_sdk_dynamodbstreams::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    data: PathBuf,
    stopped: watch::Receiver<bool>,
}

impl Pumped {
    /// Pumps the stream of a table into a function.
    fn drive<F, Fut>(&self, function: &'static str, table: String, handler: F) -> JoinHandle<()>
    where
        F: Fn(StreamEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = DynamoDbEventResponse> + Send,
    {
        let (streams, dynamodb) = (self.streams.clone(), self.dynamodb.clone());
        let checkpoint = self.data.join(format!("{function}.checkpoint"));
        let stopped = self.stopped.clone();
        tokio::spawn(async move {
            let handler = |batch| handler(batch).map(Ok::<_, Error>);
            pump(streams, dynamodb, table, function, checkpoint, stopped, handler).await;
        })
    }

    /// Pumps each stream but that of the tasks into the functions that it drives.
    fn drive_streamed(
        &self,
        names: &TableNames,
        notify: Notify,
        erase: MediaErase,
        tally: &Tally,
    ) -> [JoinHandle<()>; 6] {
        let count = |consumer, table: &String| {
            let tally = tally.clone();
            self.drive(consumer, table.clone(), move |batch| {
                let tally = tally.clone();
                async move { tally.handle(batch).await }
            })
        };
        [
            self.drive("notify", names.notices.clone(), move |batch| {
                let notify = notify.clone();
                async move { notify.handle(batch).await }
            }),
            self.drive("media-erase", names.reports.clone(), move |batch| {
                let erase = erase.clone();
                async move { erase.handle(batch).await }
            }),
            count("tally-reports", &names.reports),
            count("tally-members", &names.members),
            count("tally-outcomes", &names.outcomes),
            count("tally-rewards", &names.rewards),
        ]
    }

    /// Pumps the stream of the documents into the function that makes briefings, and starts it each week.
    fn drive_briefings(&self, table: String, job: &BriefingJob, clock: &Clock, weekly: bool) -> Vec<JoinHandle<()>> {
        let makes = job.clone();
        let mut tasks = vec![self.drive("briefing", table, move |batch| {
            let makes = makes.clone();
            async move { makes.handle(batch).await }
        })];
        if weekly {
            let (orders, zone) = (job.clone(), job.time_zone.clone());
            tasks.push(tokio::spawn(weekly::run(clock.clone(), zone, self.stopped.clone(), move || {
                let orders = orders.clone();
                async move { orders.order_weekly().await }
            })));
        }
        tasks
    }

    /// Pumps the stream of the documents into the function that makes exports.
    fn drive_exports(&self, table: String, job: ExportJob) -> JoinHandle<()> {
        self.drive("export", table, move |batch| {
            let job = job.clone();
            async move { job.handle(batch).await }
        })
    }

    /// Pumps the streams of the rewards and of the outcomes into the function that proposes rewards.
    fn drive_proposals(&self, [rewards, outcomes]: [String; 2], propose: &RewardPropose) -> [JoinHandle<()>; 2] {
        let drive = |name: &'static str, table: String| {
            let propose = propose.clone();
            self.drive(name, table, move |batch| {
                let propose = propose.clone();
                async move { propose.handle(batch).await }
            })
        };
        [drive("propose-adopted", rewards), drive("propose-confirmed", outcomes)]
    }

    /// Pumps the stream of the tasks into the function that books their moments, and runs the
    /// scheduler that starts what a moment asks for.
    async fn drive_tasks(
        &self,
        table: String,
        secrets: &Secrets,
        store: &Store,
        world: World,
        clock: &Clock,
    ) -> Result<[JoinHandle<()>; 2], Failure> {
        let scheduler = Scheduler::open(&self.data.join("schedules.json"))?;
        let url = serve_apart(scheduler.router(), self.stopped.clone()).await?;
        let client = aws_sdk_scheduler::Client::new(&sdk(&url, secrets));
        let target =
            Target { function_arn: FUNCTION_ARN.to_owned(), role_arn: ROLE_ARN.to_owned(), failures_arn: None };
        let schedules = Schedules::new(client, SCHEDULES.to_owned(), target);
        let schedule = TaskSchedule { schedules, world: world.clone(), ahead: SignedDuration::ZERO };
        let booking = self.drive("task-schedule", table, move |batch| {
            let schedule = schedule.clone();
            async move { schedule.handle(batch).await }
        });
        let task_clock = TaskClock { store: store.clone(), world };
        let running = scheduler.run(clock.clone(), self.stopped.clone(), move |input| {
            let task_clock = task_clock.clone();
            async move { task_clock.handle(serde_json::from_str(&input)?).await.map_err(Failure::from) }
        });
        Ok([booking, tokio::spawn(running)])
    }

    /// Pumps the stream of the hand-overs into the function that sends webhooks, and runs the
    /// scheduler that starts it for the next try. It has a scheduler of its own: here one start
    /// waits for the one before, and a receiver that is slow must not hold up a task.
    async fn drive_webhooks(
        &self,
        table: String,
        secrets: &Secrets,
        store: &Store,
        world: &World,
        clock: &Clock,
        (sealer, options): (Arc<Sealer>, WebhookOptions),
    ) -> Result<[JoinHandle<()>; 2], Failure> {
        let scheduler = Scheduler::open(&self.data.join("webhook-schedules.json"))?;
        let url = serve_apart(scheduler.router(), self.stopped.clone()).await?;
        let client = aws_sdk_scheduler::Client::new(&sdk(&url, secrets));
        let (function_arn, role_arn) = (SENDER_ARN.to_owned(), SENDER_ROLE_ARN.to_owned());
        let target = Target { function_arn, role_arn, failures_arn: None };
        let sender = WebhookSender {
            store: store.clone(),
            world: world.clone(),
            sealer,
            client: WebhookClient::new(options.patience),
            schedules: Schedules::new(client, RETRIES.to_owned(), target),
            reach: Reach::ThisMachineToo,
            pace: options.pace,
            resting: Arc::default(),
        };
        let streamed = sender.clone();
        let sending = self.drive("webhook", table, move |batch| {
            let sender = streamed.clone();
            async move { sender.handle(batch).await }
        });
        let running = scheduler.run(clock.clone(), self.stopped.clone(), move |input| {
            let sender = sender.clone();
            async move { sender.come(&serde_json::from_str(&input)?).await.map_err(Failure::from) }
        });
        Ok([sending, tokio::spawn(running)])
    }
}

/// The two functions of briefings: the one that people use, whose requests are counted, and the job.
fn briefings(
    functions: &Store,
    own: &Store,
    s3: &aws_sdk_s3::Client,
    world: &World,
    policy: &Policy,
) -> (Briefings, BriefingJob) {
    let documents = DocumentStore::new(s3.clone(), BUCKET.to_owned());
    let (world, time_zone) = (world.clone(), policy.calendar.time_zone.clone());
    let job = BriefingJob {
        store: own.clone(),
        documents: documents.clone(),
        world: world.clone(),
        time_zone: time_zone.clone(),
    };
    (Briefings { store: functions.clone(), documents, world, time_zone }, job)
}

/// The two functions of exports, likewise.
fn exports(
    functions: &Store,
    own: &Store,
    s3: &aws_sdk_s3::Client,
    world: &World,
    policy: &Policy,
) -> (Exports, ExportJob) {
    let documents = DocumentStore::new(s3.clone(), BUCKET.to_owned());
    let (world, time_zone) = (world.clone(), policy.calendar.time_zone.clone());
    let job = ExportJob {
        store: own.clone(),
        documents: documents.clone(),
        world: world.clone(),
        time_zone: time_zone.clone(),
    };
    (Exports { store: functions.clone(), documents, world, time_zone }, job)
}

/// Where the app would open what a notice tells of.
fn links(url: &str) -> Links {
    Links { reports: format!("{url}/reports/"), tasks: format!("{url}/tasks/"), briefings: format!("{url}/briefings/") }
}

fn world_at(clock: Clock) -> World {
    World::with_clock(move || clock.now())
}

/// The job that counts period awards; what it needs is what the one needs that proposes rewards.
fn awards_of(propose: &RewardPropose, store: Store) -> Awards {
    let RewardPropose { world, time_zone, .. } = propose.clone();
    Awards { store, world, time_zone, patience: Duration::from_secs(award_run::MAX_SECONDS) }
}

/// The job, whose reads are nobody's request.
fn deadlines_of(workflow: &Workflow, store: &Store) -> Deadlines {
    Deadlines { workflow: Workflow { store: store.clone(), ..workflow.clone() } }
}

fn policy_of_weekdays() -> Result<Policy, Failure> {
    Ok(Policy::weekdays(TimeZone::get("Asia/Shanghai")?))
}

fn sdk(endpoint: &str, secrets: &Secrets) -> SdkConfig {
    let credentials = Credentials::new(&secrets.access_key, &secrets.secret_key, None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

/// The same client, which writes down what is asked of it.
fn counted(client: &aws_sdk_dynamodb::Client) -> (aws_sdk_dynamodb::Client, Requests) {
    let requests = Requests::default();
    let config = client.config().to_builder().interceptor(CountRequests(requests.clone())).build();
    (aws_sdk_dynamodb::Client::from_conf(config), requests)
}

fn s3_at(endpoint: &str, secrets: &Secrets) -> (aws_sdk_s3::Client, Requests) {
    let requests = Requests::default();
    let config = aws_sdk_s3::config::Builder::from(&sdk(endpoint, secrets))
        .force_path_style(true)
        .interceptor(CountRequests(requests.clone()))
        .build();
    (aws_sdk_s3::Client::from_conf(config), requests)
}

async fn create_bucket(s3: &aws_sdk_s3::Client) -> Result<(), Failure> {
    match s3.create_bucket().bucket(BUCKET).send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(fault) if fault.is_bucket_already_exists() || fault.is_bucket_already_owned_by_you() => Ok(()),
            _ => Err(error.into()),
        },
    }
}

/// Makes the folder, for its owner alone: it holds reports, pictures and keys. One that is
/// there already keeps its permissions.
fn make_folder(data: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data)
}

/// Keeps every other bundle out of a folder, for as long as the file is held.
pub(crate) fn lock(data: &Path) -> Result<File, StartError> {
    let file = File::create(data.join("lock")).map_err(|error| StartError::Other(error.into()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::FolderTaken(data.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(StartError::Other(error.into())),
    }
}

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken(port),
        _ => StartError::Other(error.into()),
    })
}

async fn serve_apart(router: Router, stopped: watch::Receiver<bool>) -> Result<String, Failure> {
    let listener = listen(0).await?;
    let url = format!("http://{}", listener.local_addr()?);
    drop(serve(listener, router, stopped));
    Ok(url)
}

fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let stop = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        // Serving ends without an error but for the stop.
        let _ = axum::serve(listener, router).with_graceful_shutdown(stop).await;
    })
}
