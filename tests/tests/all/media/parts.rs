//! A large video over a bad network: in parts, interrupted, and gone on with.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pingan_domain::hash::Digest;
use pingan_local::{
    bundle::{IntakeOptions, RunIntake},
    client::{Answer, Fate},
    video,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Reporter, World, eventually, expect, expect_problem};

const MP4: &str = "video/mp4";
/// The most that the intake may need while a large video goes through it, in KiB.
const MOST_KIB: u64 = 64 * 1024;

async fn slot(reporter: &Reporter, video: &[u8]) -> (Uuid, Answer) {
    let announced = expect(reporter.person.announce(reporter.keys.next(), MP4, video).await.unwrap(), 201);
    (announced.text("/id").parse().unwrap(), announced)
}

async fn continued(reporter: &Reporter, id: Uuid) -> Answer {
    expect(reporter.person.get(&format!("/media/{id}/upload")).await.unwrap(), 200)
}

async fn completes(reporter: &Reporter, id: Uuid) -> Answer {
    reporter.person.send(reqwest::Method::PUT, &format!("/media/{id}/upload"), &[], None).await.unwrap()
}

/// Waits for a verdict for as long as a large video may take.
async fn verdict(reporter: &Reporter, id: Uuid) -> Answer {
    for _ in 0..12 {
        if let Ok(verdict) = reporter.person.verdict(id).await {
            return verdict;
        }
    }
    panic!("no verdict on {id} within two minutes")
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|part| part["number"].as_u64().or(part.as_u64()).unwrap()).collect()
}

/// What the kernel has counted for a process, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The intake as Lambda runs it: a process of its own.
async fn world_with_a_process() -> World {
    let run = RunIntake::Apart(env!("CARGO_BIN_EXE_pingan-intake-under-test").into());
    World::start_with(IntakeOptions { run, ..IntakeOptions::default() }).await
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_of_300_megabytes_arrives_whole_although_every_third_part_fails_once() {
    let world = world_with_a_process().await;
    let reporter = world.reporter("boatyard").await;
    let video = video::mp4(300, 1);
    let (id, announced) = slot(&reporter, &video).await;
    assert_eq!(announced.text("/upload/how"), "parts");
    let count = announced.body["upload"]["count"].as_u64().unwrap();
    let mut tries: HashMap<u64, u32> = HashMap::new();
    let sent = reporter.person.upload_parts(id, &video, |number| {
        let tried = tries.entry(number).or_default();
        *tried += 1;
        if number % 3 == 0 && *tried == 1 { Fate::BreaksOff } else { Fate::Arrives }
    });
    let sent = u64::try_from(sent.await.unwrap()).unwrap();
    assert_eq!((count, sent), (61, 61 + 20), "no part that arrived is sent again");

    let verdict = verdict(&reporter, id).await;
    assert_eq!(verdict.text("/state"), "ready", "{}", verdict.body);
    assert_eq!(verdict.body["width_pixels"], 1_280);
    assert_eq!(verdict.body["duration_ms"], 300_000);
    let function = world.bundle().intake_process.as_ref().unwrap();
    let peak = peak_kib(function.pid().await.unwrap());
    assert!(peak <= MOST_KIB, "the intake needed {peak} KiB");

    let code = reporter.reports("See the video.").with_media(id).send().await;
    let district = world.district().await;
    let original = district.opens_original(&code, id, "The court asks for the file.").await;
    assert_eq!(Digest::of_file(&original), Digest::of_file(&video), "the original is untouched");
    let working = district.opens_media(&code, id).await;
    assert_eq!(working.len(), video.len());
    let planted = video::WHERE.as_bytes();
    let says = |bytes: &[u8]| bytes[..4_096].windows(planted.len()).any(|window| window == planted);
    assert!(says(&original) && !says(&working), "the copy does not say where it was");
    assert_eq!(working[4_096..], video[4_096..], "every frame is the same");
}

#[tokio::test]
async fn what_has_arrived_is_not_sent_again() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let video = video::mp4(12, 2);
    let (id, announced) = slot(&reporter, &video).await;
    let upload = &announced.body["upload"];
    assert_eq!((upload["count"].as_u64(), numbers(&upload["missing"])), (Some(3), vec![1, 2, 3]));
    assert_eq!(upload["arrived"], json!([]));

    // The second part first; the others later, by requests that were signed anew.
    let part = &upload["missing"][1];
    let range = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
    let piece = video[range("offset_bytes")..][..range("size_bytes")].to_vec();
    if world.objects_are_closed() {
        let mut longer = part.clone();
        longer["headers"]["content-length"] = json!((piece.len() + 1).to_string());
        let bytes = [&piece[..], b"x"].concat();
        assert_eq!(reporter.person.put(&longer, bytes).await.unwrap(), 403, "another length than was signed");
    }
    assert_eq!(reporter.person.put(part, piece.clone()).await.unwrap(), 200);
    assert_eq!(reporter.person.put(part, piece).await.unwrap(), 200, "the same part once more does no harm");
    expect_problem(&completes(&reporter, id).await, 409, "upload_incomplete");
    let on = continued(&reporter, id).await;
    assert_eq!(on.body["upload"]["arrived"], json!([2]));
    assert_eq!(numbers(&on.body["upload"]["missing"]), [1, 3]);
    assert_eq!(on.text("/state"), "pending");
    let media = json!({ "category": "crime", "text": "The video.", "media": [id] });
    let early = reporter.person.post("/reports", reporter.keys.next(), None, &media).await.unwrap();
    expect_problem(&early, 409, "media_pending");

    assert_eq!(reporter.person.upload_parts(id, &video, |_| Fate::Arrives).await.unwrap(), 2);
    expect(completes(&reporter, id).await, 200);
    let verdict = reporter.person.verdict(id).await.unwrap();
    assert_eq!((verdict.text("/state"), verdict.text("/kind")), ("ready", "video"));
    expect(completes(&reporter, id).await, 200);
    assert_eq!(continued(&reporter, id).await.body.get("upload"), None, "nothing is left to be sent");
}

#[tokio::test]
async fn two_phones_with_one_slot_make_one_video() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let video = video::mp4(12, 3);
    let key = reporter.keys.next();
    let announce = || reporter.person.announce(key, MP4, &video);
    let (first, second) = tokio::join!(announce(), announce());
    let id: Uuid = expect(first.unwrap(), 201).text("/id").parse().unwrap();
    assert_eq!(expect(second.unwrap(), 201).text("/id"), id.to_string());
    // Either begins with the same part and goes on as far as it gets.
    let phone = || reporter.person.upload_parts(id, &video, |_| Fate::Arrives);
    let (one, other) = tokio::join!(phone(), phone());
    // Whoever comes second is told that all of it is there.
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    assert_eq!(reporter.person.verdict(id).await.unwrap().text("/state"), "ready");
    let thief = world.neighbour("boatyard").await;
    expect_problem(&thief.person.get(&format!("/media/{id}/upload")).await.unwrap(), 404, "not_found");
    expect_problem(&completes(&thief, id).await, 404, "not_found");
}

#[tokio::test]
async fn parts_of_another_video_are_refused_as_a_whole() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let (id, _) = slot(&reporter, &video::mp4(12, 4)).await;
    reporter.person.upload_parts(id, &video::mp4(12, 5), |_| Fate::Arrives).await.unwrap();
    let verdict = reporter.person.verdict(id).await.unwrap();
    assert_eq!((verdict.text("/state"), verdict.text("/reason")), ("refused", "wrong_hash"));
    assert!(verdict.text("/reason_text/zh_cn").contains("重新上传"));
    let refused = reporter.reports("The video.").with_media(id).tries_to_send().await;
    assert_eq!(refused.text("/errors/0/detail"), "was refused: wrong_hash");
}

#[tokio::test]
async fn an_upload_that_was_given_up_begins_anew() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let video = video::mp4(12, 6);
    let (id, announced) = slot(&reporter, &video).await;
    let part = &announced.body["upload"]["missing"][0];
    let size = usize::try_from(part["size_bytes"].as_u64().unwrap()).unwrap();
    assert_eq!(reporter.person.put(part, video[..size].to_vec()).await.unwrap(), 200);
    // As the bucket's lifecycle does with an upload that takes too long.
    for entry in std::fs::read_dir(world.folder().join("objects")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with(".upload") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let on = continued(&reporter, id).await;
    assert_eq!(numbers(&on.body["upload"]["missing"]), [1, 2, 3]);
    assert_eq!(reporter.person.upload_parts(id, &video, |_| Fate::Arrives).await.unwrap(), 3);
    assert_eq!(reporter.person.verdict(id).await.unwrap().text("/state"), "ready");
}

#[tokio::test]
async fn a_slot_ends_after_a_day() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let (key, video) = (reporter.keys.next(), video::mp4(12, 7));
    let announced = expect(reporter.person.announce(key, MP4, &video).await.unwrap(), 201);
    let id: Uuid = announced.text("/id").parse().unwrap();
    assert_eq!(announced.text("/expires_at"), "2037-08-13T01:30:00Z");
    world.wait_minutes(24 * 60 - 1);
    continued(&reporter, id).await;
    world.wait_minutes(1);
    let path = format!("/media/{id}/upload");
    expect_problem(&reporter.person.get(&path).await.unwrap(), 409, "slot_ended");
    expect_problem(&completes(&reporter, id).await, 409, "slot_ended");
    // A phone that was away for so long repeats its announcement, and learns what to do.
    let again = reporter.person.announce(key, MP4, &video).await.unwrap();
    expect_problem(&again, 409, "slot_ended");
    assert!(again.text("/detail").contains("under a new key"));
    expect(reporter.person.announce(reporter.keys.next(), MP4, &video).await.unwrap(), 201);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intake_that_is_killed_half_way_is_repeated() {
    let world = world_with_a_process().await;
    let reporter = world.reporter("boatyard").await;
    let video = video::mp4(64, 8);
    let (id, _) = slot(&reporter, &video).await;
    let function = world.bundle().intake_process.clone().unwrap();
    let first = function.pid().await.unwrap();
    reporter.person.upload_parts(id, &video, |_| Fate::Arrives).await.unwrap();
    // Killed where it is in the middle of writing the copy: once an upload of one has begun.
    let objects = world.folder().join("objects");
    let copy = URL_SAFE_NO_PAD.encode(format!("copies/{id}/working"));
    eventually("the intake writes a copy", async || {
        let names = std::fs::read_dir(&objects).unwrap().map(|entry| entry.unwrap().file_name());
        let begun = format!("object-{copy}.upload-");
        names.into_iter().any(|name| name.to_string_lossy().contains(&begun)).then_some(())
    })
    .await;
    assert!(std::process::Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    let state = verdict(&reporter, id).await;
    assert_eq!(state.text("/state"), "ready");
    let second = function.pid().await.unwrap();
    assert_ne!(first, second, "another process has done it");
    let code = reporter.reports("See the video.").with_media(id).send().await;
    let district = world.district().await;
    assert!(district.opens_original(&code, id, "To compare.").await == video);
    assert_eq!(district.opens_media(&code, id).await.len(), video.len());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!objects.join(format!("pingan-media/uploads/{id}")).exists(), "the upload has become the original");
}
