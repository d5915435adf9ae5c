//! The commands of `cargo dev`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module talks to the person at the terminal")]

use std::{path::PathBuf, process::ExitCode};

use aws_config::{BehaviorVersion, SdkConfig};
use clap::{Parser, Subcommand};
use jiff::tz::TimeZone;
use pingan_cloud::Scanner;
use pingan_domain::{
    calendar::Policy, error::Error, media::MediaLimits, member::Body, named::Named as _, proof::Of, territory::NodeId,
    text::Text,
};
use pingan_store::{
    CursorKey, Store, TableNames,
    recount::{Difference, Recount},
};
use pingan_workflow::Workflow;
use recruiting::{Appointed, Appointment, Recruiting};
use tally::Tally;
use tracing_subscriber::EnvFilter;

use crate::{
    api,
    bundle::{Bundle, IntakeOptions, Options, RunIntake, lock, recount, verify},
    clock::Clock,
    crowd::crowd,
    demo, reach,
    replay::{Scale, replay},
    seed, video,
};

/// Ping'an on this machine: the whole bundle in one process, on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "cargo dev --", bin_name = "cargo dev --", version)]
struct Arguments {
    /// The folder that holds all state.
    #[arg(long, default_value = ".pingan")]
    data: PathBuf,
    /// The port on 127.0.0.1; 0 for a free one.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Begin with an empty folder: everything in it is deleted.
    #[arg(long)]
    fresh: bool,
    /// The socket of a ClamAV daemon that scans uploads for malware. Without one nothing is scanned.
    #[arg(long, value_name = "SOCKET")]
    clamd: Option<PathBuf>,
    /// What reports may carry, as JSON. Say `{"video": {"max_count": 2, "max_bytes": 524288000}}` for two videos.
    #[arg(long, value_name = "JSON", value_parser = limits, default_value = "{}")]
    media_limits: MediaLimits,
    /// The working hours and holidays, and how long things may take, as a JSON file like
    /// infra/calendars/cn.json. Without one: weekdays from 9 to 17 o'clock.
    #[arg(long, value_name = "FILE", value_parser = policy)]
    calendar: Option<Policy>,
    #[command(subcommand)]
    command: Option<Command>,
}

fn policy(file: &str) -> Result<Policy, String> {
    let json = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let time_zone = TimeZone::get("Asia/Shanghai").map_err(|error| error.to_string())?;
    Policy::parse(&json, time_zone).map_err(|error| in_one_line(&error))
}

fn limits(json: &str) -> Result<MediaLimits, String> {
    MediaLimits::parse(json).map_err(|error| in_one_line(&error))
}

/// What is wrong, each field by its pointer.
fn in_one_line(error: &Error) -> String {
    match error {
        Error::Invalid(bad) => {
            bad.iter().map(|field| format!("{} {}", field.pointer, field.detail)).collect::<Vec<_>>().join("; ")
        }
        error => error.to_string(),
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the story of one report in a temporary folder and print its timeline.
    Demo {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Bring a whole district of reporters in through the API, in a temporary folder, and
    /// print how long it took.
    Crowd {
        /// How many are recruited from a file; at most 20000.
        #[arg(long, default_value_t = 13_000)]
        people: usize,
        /// How many of them register with a poster and are confirmed.
        #[arg(long, default_value_t = 8_000)]
        registering: usize,
    },
    /// Play the year of the source in a temporary folder, through the API: 13,000 people recruited,
    /// 8,000 registered, 1,088 reports with their media and reviews, and what came of them. Prints
    /// what the statistics and the briefing show, and fails when that is not exactly what was played.
    ReplayYear {
        /// One of so many of the people and the reports is played.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
        one_of: u16,
    },
    /// Measure what it costs to send a task, to list what is for a reporter and to follow a task,
    /// with so many reporters in scope, in a temporary folder.
    Reach {
        /// How many reporters: each number is measured by itself.
        #[arg(long, value_delimiter = ',', default_values_t = [13_000, 130_000])]
        reporters: Vec<usize>,
    },
    /// Appoint a district manager, as nobody in the platform can. The same again renews the
    /// invitation.
    Appoint {
        /// The district: a name of a-z, 0-9 and -.
        #[arg(long)]
        district: NodeId,
        /// What the district is called in Chinese, when it is new.
        #[arg(long, requires = "called_en")]
        called_zh: Option<String>,
        /// What the district is called in English, when it is new.
        #[arg(long, requires = "called_zh")]
        called_en: Option<String>,
        /// For which body: police or governance.
        #[arg(long, value_parser = body)]
        body: Body,
        /// The person's name. It is sealed.
        #[arg(long)]
        name: String,
        /// The person's phone number. It is sealed.
        #[arg(long)]
        phone: String,
        /// Not here but in the deployment whose `recruiting` function has this environment.
        #[arg(long)]
        deployed: bool,
    },
    /// Put the reports of an older bundle on the clock and into the lists of what is open. It can
    /// be done again, and while people work.
    Enlist {
        /// Not here but in the deployment whose `deadlines` function has this environment.
        #[arg(long)]
        deployed: bool,
    },
    /// Count the statistics anew from the records, and compare them with what stands. Ends with 1
    /// when they differ. No bundle may run on the folder.
    Recount {
        /// Set the counters right.
        #[arg(long)]
        repair: bool,
        /// Not here but in the deployment whose `tally` function has this environment, with
        /// `REPORTS_TABLE`, `MEMBERS_TABLE` and `OUTCOMES_TABLE` beside it. Pause its event source
        /// mappings first.
        #[arg(long)]
        deployed: bool,
    },
    /// Prove the money from the records: every ledger against its fund, every reward and its payouts
    /// against the ledger, and the chains of events of both and of the hand-overs. Changes nothing, and
    /// ends with 1 when anything differs. No bundle may run on the folder.
    Verify {
        /// Of this district alone.
        #[arg(long)]
        district: Option<NodeId>,
        /// Of the fund of this year alone, and the rewards that are paid from it; no hand-overs.
        #[arg(long, value_parser = clap::value_parser!(i16).range(2000..=2999))]
        year: Option<i16>,
        /// Not here but in the deployment whose `rewards` function has this environment, with
        /// `HANDOVERS_TABLE` beside it. What moves meanwhile is taken for a difference: ask again then.
        #[arg(long)]
        deployed: bool,
    },
    /// Write a video to standard output, to try an upload in parts with.
    SampleVideo {
        /// How large it is, in MiB; it plays as many seconds.
        #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=500))]
        megabytes: u32,
    },
    /// Print the OpenAPI description.
    Openapi {
        /// Write it to infra/openapi.json instead.
        #[arg(long)]
        write: bool,
    },
}

/// Runs what the command line asks for.
pub async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,s3s=off,dynoxide=error"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    let done = match arguments.command {
        None => serve(arguments).await,
        Some(Command::Appoint { district, called_zh, called_en, body, name, phone, deployed }) => {
            let named = called_zh.zip(called_en).map(|(zh_cn, en)| Text::new(zh_cn, en));
            appoint(arguments.data, &Appointment { district, named, body, name, phone }, deployed).await
        }
        Some(Command::Demo { json }) => play(json).await,
        Some(Command::Crowd { people, registering }) => bring_in(people, registering).await,
        Some(Command::ReplayYear { one_of }) => replay_year(one_of.into()).await,
        Some(Command::Reach { reporters }) => measure(&reporters).await,
        Some(Command::Enlist { deployed }) => enlist(arguments.data, deployed).await,
        Some(Command::Recount { repair, deployed }) => count_anew(&arguments.data, repair, deployed).await,
        Some(Command::Verify { district, year, deployed }) => {
            prove(&arguments.data, &Of { district, year }, deployed).await
        }
        Some(Command::SampleVideo { megabytes }) => sample_video(megabytes),
        Some(Command::Openapi { write }) => openapi(write),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn body(name: &str) -> Result<Body, String> {
    Body::from_name(name).ok_or_else(|| "police or governance".to_owned())
}

/// The SDK's settings of whoever runs a command on a deployment: profile, single sign-on or role, as for any tool of AWS.
async fn operator_sdk() -> SdkConfig {
    aws_config::load_defaults(BehaviorVersion::latest()).await
}

async fn appoint(data: PathBuf, appointment: &Appointment, deployed: bool) -> Done {
    let answer = if deployed {
        let sdk = operator_sdk().await;
        Recruiting::from_environment(pingan_runtime::Environment, &sdk)?.appoint(appointment).await
    } else {
        // Uploads that wait may have to be scanned, by whom only the next start says.
        let intake = IntakeOptions { run: RunIntake::Nowhere, ..IntakeOptions::default() };
        let bundle = Bundle::start(Options { intake, ..Options::new(data, 0, Clock::real()) }).await?;
        let answer = bundle.appoint(appointment).await;
        bundle.stop().await;
        answer
    };
    let Appointed { member, invitation, expires_at } = answer.map_err(|error| match error {
        Error::Invalid(bad) => {
            bad.iter().map(|field| format!("{} {}", field.pointer, field.detail)).collect::<Vec<_>>().join("\n")
        }
        error => error.to_string(),
    })?;
    match invitation {
        Some(code) => println!("member      {member}\ninvitation  {code}\nuntil       {expires_at}"),
        None => println!("member      {member}\nhas signed in already"),
    }
    Ok(())
}

async fn enlist(data: PathBuf, deployed: bool) -> Done {
    let enlisted = if deployed {
        let sdk = operator_sdk().await;
        Workflow::from_environment(pingan_runtime::Environment, &sdk)?.store.enlist().await?
    } else {
        let intake = IntakeOptions { run: RunIntake::Nowhere, ..IntakeOptions::default() };
        let bundle = Bundle::start(Options { intake, ..Options::new(data, 0, Clock::real()) }).await?;
        let enlisted = bundle.store.enlist().await;
        bundle.stop().await;
        enlisted?
    };
    println!("{enlisted} reports were put on the clock or into the lists");
    Ok(())
}

/// How many differences are printed, and how many items that cannot be read.
const DIFFERENCES_SHOWN: usize = 100;

async fn count_anew(data: &std::path::Path, repair: bool, deployed: bool) -> Done {
    let recount = if deployed {
        let sdk = operator_sdk().await;
        let tally = Tally::from_environment(pingan_runtime::Environment, &sdk)?;
        tally.store.recount(&tally.time_zone, repair).await?
    } else {
        recount(data, repair).await?
    };
    let Recount { events, counters, differences, unmarked, marks_of_nothing, unreadable } = &recount;
    println!("{events} events, {counters} counters");
    for Difference { node, span, counter, stands, counted } in differences.iter().take(DIFFERENCES_SHOWN) {
        println!("{node}  {span}  {counter}  stands at {stands}, counted {counted}");
    }
    if differences.len() > DIFFERENCES_SHOWN {
        println!("… and {} more", differences.len() - DIFFERENCES_SHOWN);
    }
    if *unmarked > 0 {
        println!("{unmarked} events were not counted yet");
    }
    if *marks_of_nothing > 0 {
        println!("{marks_of_nothing} events are marked as counted that there are not");
    }
    for why in unreadable.iter().take(DIFFERENCES_SHOWN) {
        println!("{why}");
    }
    if !unreadable.is_empty() {
        let count = unreadable.len();
        return Err(
            format!("{count} items cannot be read; nothing was set right, and the figures are without them").into()
        );
    }
    if recount.is_right() {
        println!("The statistics are as the records say.");
        return Ok(());
    }
    if repair {
        println!("Set right.");
        return Ok(());
    }
    Err("The statistics are not as the records say; --repair sets them right.".into())
}

async fn prove(data: &std::path::Path, of: &Of, deployed: bool) -> Done {
    let proof = if deployed {
        let environment = pingan_runtime::Environment;
        let tables = TableNames {
            rewards: environment.get("REWARDS_TABLE")?,
            handovers: environment.get("HANDOVERS_TABLE")?,
            ..TableNames::default()
        };
        let client = aws_sdk_dynamodb::Client::new(&operator_sdk().await);
        Store::new(client, tables, CursorKey::unused()).prove(of).await?
    } else {
        verify(data, of).await?
    };
    println!("{} funds, {} entries of their ledgers", proof.funds, proof.entries);
    println!("{} rewards, {} events", proof.rewards, proof.reward_events);
    println!("{} payouts, {} events", proof.payouts, proof.payout_events);
    println!("{} hand-overs, {} events", proof.handovers, proof.handover_events);
    for difference in proof.differences.iter().take(DIFFERENCES_SHOWN) {
        println!("{difference}");
    }
    for why in proof.unreadable.iter().take(DIFFERENCES_SHOWN) {
        println!("{why}");
    }
    if proof.is_right() {
        println!("The funds, their ledgers, the rewards and the payouts say the same, and every chain is whole.");
        return Ok(());
    }
    Err(format!("{} differences, {} items cannot be read", proof.differences.len(), proof.unreadable.len()).into())
}

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn bring_in(people: usize, registering: usize) -> Done {
    if people > 20_000 || registering > people {
        return Err("at most 20000 people are recruited, and no more of them register".into());
    }
    println!("{}", crowd(people, registering).await?);
    Ok(())
}

async fn replay_year(one_of: usize) -> Done {
    let Scale { recruited, registered, .. } = Scale::WHOLE;
    let scale = Scale { recruited: recruited / one_of, registered: registered / one_of, one_of };
    let replayed = replay(scale).await?;
    println!("{}", replayed.tables());
    if !replayed.is_exact() {
        return Err("The statistics or the briefing do not show what was played.".into());
    }
    println!("The statistics and the briefing show exactly what was played.");
    Ok(())
}

async fn measure(reporters: &[usize]) -> Done {
    if reporters.iter().any(|count| !(reach::LEAST..=reach::MOST).contains(count)) {
        return Err(format!("from {} to {} reporters are measured", reach::LEAST, reach::MOST).into());
    }
    let measured = reach::measure(reporters).await?;
    println!("{}", reach::table(&measured));
    if !reach::is_the_same(&measured) {
        return Err("The cost is not the same for each number of reporters.".into());
    }
    println!("Every call costs the same, whatever the number of reporters.");
    Ok(())
}

async fn serve(arguments: Arguments) -> Done {
    let Arguments { data, port, fresh, clamd, media_limits, calendar, .. } = arguments;
    let scanner = match clamd {
        Some(socket) => Scanner::Clamd(std::path::absolute(socket)?),
        None => Scanner::Off,
    };
    if fresh && data.exists() {
        clear(&data)?;
    }
    let intake = IntakeOptions { run: RunIntake::Here(scanner.clone()), limits: media_limits };
    let options = Options { intake, policy: calendar, ..Options::new(&data, port, Clock::real()) };
    let mut bundle = Bundle::start(options).await?;
    bundle.schedule_jobs();
    println!("{}", welcome(&bundle, &data, &scanner));
    stop_signal().await?;
    println!("Stopping.");
    bundle.stop().await;
    Ok(())
}

/// Deletes the folder of a bundle; refuses any folder that does not look like one, so
/// that a slip of the pen deletes nothing else, and one in which a bundle runs.
fn clear(data: &std::path::Path) -> Done {
    if !is_ours(data)? {
        return Err(format!("{} is not a folder of this bundle; --fresh does not delete it.", data.display()).into());
    }
    let _lock = lock(data)?;
    std::fs::remove_dir_all(data)?;
    Ok(())
}

fn is_ours(data: &std::path::Path) -> std::io::Result<bool> {
    if ["dynamodb.sqlite", "dynamodb.new"].iter().any(|file| data.join(file).exists()) {
        return Ok(true);
    }
    // A start that came to nothing, because its port was taken, say, leaves no more than these.
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name();
        if name != "lock" && name != "secrets.json" && !name.to_string_lossy().starts_with(".secrets.json.") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Ctrl-C, or the signal with which a service manager ends a program.
async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

async fn play(json: bool) -> Done {
    let story = demo::play().await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&story)?);
    } else {
        println!("{}", story.tables());
    }
    Ok(())
}

fn sample_video(megabytes: u32) -> Done {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(&video::mp4(megabytes, 1))?;
    Ok(out.flush()?)
}

fn openapi(write: bool) -> Done {
    let document = api::document(api::Functions::unconnected()?)?;
    if write {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../openapi.json");
        std::fs::write(&file, document)?;
        println!("Written to infra/openapi.json.");
    } else {
        print!("{document}");
    }
    Ok(())
}

/// What a person needs to know to begin.
fn welcome(bundle: &Bundle, data: &std::path::Path, scanner: &Scanner) -> String {
    let url = &bundle.url;
    let stations: Vec<_> = seed::STATIONS
        .iter()
        .map(|(station, communities)| {
            format!("    station-{station:<8} with the communities {}\n", communities.join(", "))
        })
        .collect();
    let stations = stations.concat();
    format!(
        "\
Ping'an 平安 runs at {url}

  API docs    {url}/docs
  Notices     {url}/local/inbox    what SNS was told
  DynamoDB    {dynamodb}    for the AWS CLI (--endpoint-url)
  State       {data}    survives a kill; --fresh begins anew
  Scan        {scan}

  Sign in as any of the demo district; no password:
    district-police, district-governance, agency-fire, treasurer, custodian, auditor
{stations}    officer-<community>, reporter-<community>-1, reporter-<community>-2; lantern has seven reporters

  Try it:
    TOKEN=$(curl -s {url}/auth/token -d username=reporter-ferry-1 | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')
    curl -si {url}/reports -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -H \"Idempotency-Key: {key}\" -d '{{\"category\":\"hazard\",\"text\":\"The fire exit of the market hall is locked.\"}}'
    curl -s {url}/reports -H \"Authorization: Bearer $TOKEN\"

  Ctrl-C stops it.",
        key = uuid::Uuid::new_v4(),
        dynamodb = bundle.dynamodb_url,
        data = data.display(),
        scan = match scanner {
            Scanner::Clamd(socket) => format!("uploads are scanned for malware by ClamAV at {}", socket.display()),
            Scanner::Off | Scanner::Tags => {
                "scan = \"off\": uploads are NOT scanned for malware; --clamd <socket> has ClamAV do it".to_owned()
            }
        },
    )
}
