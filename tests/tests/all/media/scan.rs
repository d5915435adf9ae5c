//! The malware scan: what is not judged is not taken. The daemon is one that speaks the protocol of clamd and knows one
//! signature, so that the real client code runs against it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use pingan_cloud::Scanner;
use pingan_local::bundle::{IntakeOptions, RunIntake};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use crate::harness::{Picture, Reporter, World, jpeg};

/// The test string that every scanner finds (EICAR), in two halves, so that none finds it here.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// How the daemon answers.
const JUDGES: u8 = 0;
const FAILS: u8 = 1;
const HANGS_UP: u8 = 2;

struct Daemon {
    socket: PathBuf,
    mood: Arc<AtomicU8>,
    _folder: tempfile::TempDir,
}

impl Daemon {
    /// A daemon that is not started yet.
    fn installed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { socket: folder.path().join("clamd.sock"), mood: Arc::new(AtomicU8::new(JUDGES)), _folder: folder }
    }

    fn start(&self) {
        let listener = UnixListener::bind(&self.socket).unwrap();
        let mood = self.mood.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = answer(stream, mood.load(Ordering::Relaxed)).await;
            }
        });
    }

    async fn world(&self) -> World {
        let run = RunIntake::Here(Scanner::Clamd(self.socket.clone()));
        World::start_with(IntakeOptions { run, ..IntakeOptions::default() }).await
    }
}

/// One INSTREAM session: chunks with their length before them, ended by a length of zero.
async fn answer(mut stream: UnixStream, mood: u8) -> std::io::Result<()> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    if mood == HANGS_UP {
        return Ok(());
    }
    let mut bytes = Vec::new();
    loop {
        let length = stream.read_u32().await?;
        if length == 0 {
            break;
        }
        let mut chunk = vec![0; length as usize];
        stream.read_exact(&mut chunk).await?;
        bytes.extend(chunk);
    }
    let found = bytes.windows(eicar().len()).any(|window| window == eicar());
    let said: &[u8] = match (mood, found) {
        (FAILS, _) => b"stream: Can't open file or directory ERROR\0",
        (_, true) => b"stream: Eicar-Test-Signature FOUND\0",
        (_, false) => b"stream: OK\0",
    };
    stream.write_all(said).await
}

async fn uploads(reporter: &Reporter, picture: Picture) -> uuid::Uuid {
    reporter.person.upload(reporter.keys.next(), picture.content_type, picture.bytes).await.unwrap()
}

#[tokio::test]
async fn what_the_scanner_finds_is_refused_and_what_it_clears_is_taken() {
    let daemon = Daemon::installed();
    daemon.start();
    let world = daemon.world().await;
    let reporter = world.reporter("boatyard").await;
    assert_eq!(verdict(&reporter, jpeg(1)).await, ("ready".to_owned(), String::new()));
    let mut infected = jpeg(2);
    infected.bytes.extend(eicar());
    assert_eq!(verdict(&reporter, infected).await, ("refused".to_owned(), "malware".to_owned()));
    daemon.mood.store(FAILS, Ordering::Relaxed);
    assert_eq!(verdict(&reporter, jpeg(3)).await, ("refused".to_owned(), "unscannable".to_owned()));
}

async fn verdict(reporter: &Reporter, picture: Picture) -> (String, String) {
    let media = uploads(reporter, picture).await;
    let verdict = reporter.person.verdict(media).await.unwrap();
    (verdict.text("/state").to_owned(), verdict.text("/reason").to_owned())
}

#[tokio::test]
async fn without_a_verdict_nothing_is_taken_and_nothing_is_lost() {
    let daemon = Daemon::installed();
    let world = daemon.world().await;
    let reporter = world.reporter("boatyard").await;
    let media = uploads(&reporter, jpeg(1)).await;
    let pending = async || {
        let state = reporter.person.get(&format!("/media/{media}")).await.unwrap();
        assert_eq!(state.text("/state"), "pending");
        let early = reporter.reports("See the photo.").with_media(media).tries_to_send().await;
        assert_eq!((early.status, early.text("/type")), (409, "/problems/media_pending"));
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    pending().await;
    daemon.mood.store(HANGS_UP, Ordering::Relaxed);
    daemon.start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    pending().await;
    daemon.mood.store(JUDGES, Ordering::Relaxed);
    assert_eq!(reporter.person.verdict(media).await.unwrap().text("/state"), "ready");
    reporter.reports("See the photo.").with_media(media).send().await;
}
