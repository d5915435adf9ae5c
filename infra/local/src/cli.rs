//! The commands of `cargo dev`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module talks to the person at the terminal")]

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    api,
    bundle::{Bundle, Options, lock},
    clock::Clock,
    crowd::crowd,
    demo, seed,
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
    #[command(subcommand)]
    command: Option<Command>,
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
        Some(Command::Demo { json }) => play(json).await,
        Some(Command::Crowd { people, registering }) => bring_in(people, registering).await,
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

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

async fn bring_in(people: usize, registering: usize) -> Done {
    if people > 20_000 || registering > people {
        return Err("at most 20000 people are recruited, and no more of them register".into());
    }
    println!("{}", crowd(people, registering).await?);
    Ok(())
}

async fn serve(arguments: Arguments) -> Done {
    let Arguments { data, port, fresh, .. } = arguments;
    if fresh && data.exists() {
        clear(&data)?;
    }
    let bundle = Bundle::start(Options { data: data.clone(), port, clock: Clock::real() }).await?;
    println!("{}", welcome(&bundle, &data));
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
    if data.join("dynamodb.sqlite").exists() {
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
fn welcome(bundle: &Bundle, data: &std::path::Path) -> String {
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

  Sign in as any of the demo district; no password:
    district-police, district-governance, agency-fire, treasurer, custodian, auditor
{stations}    officer-<community>, reporter-<community>-1, reporter-<community>-2

  Try it:
    TOKEN=$(curl -s {url}/auth/token -d username=reporter-ferry-1 | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')
    curl -si {url}/reports -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -H \"Idempotency-Key: {key}\" -d '{{\"category\":\"hazard\",\"text\":\"The fire exit of the market hall is locked.\"}}'
    curl -s {url}/reports -H \"Authorization: Bearer $TOKEN\"

  Ctrl-C stops it.",
        key = uuid::Uuid::new_v4(),
        dynamodb = bundle.dynamodb_url,
        data = data.display(),
    )
}
