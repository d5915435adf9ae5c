//! Media go with what they belong to: the report that was erased, the slot that no report took.

use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pingan_local::{client::Answer, video};
use uuid::Uuid;

use crate::harness::{World, dynamodb, eventually, expect, jpeg};

const LAWFUL: &str = "out_of_scope_lawful_activity";

/// What of a medium is on the disk: every file whose path has its id, and what is kept beside an object, whose name has
/// the object's key in Base64.
pub(crate) fn files_of(folder: &Path, media: Uuid) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.to_string_lossy().into_owned();
                let beside = path.rsplit_once(".object-").and_then(|(_, key)| key.split('.').next());
                let key = beside.and_then(|key| URL_SAFE_NO_PAD.decode(key).ok()).unwrap_or_default();
                if path.contains(&media.to_string()) || String::from_utf8_lossy(&key).contains(&media.to_string()) {
                    found.push(path);
                }
            }
        }
    }
    found
}

fn erased_at(read: &Answer) -> Vec<(String, bool)> {
    let media = read.body["erased_media"].as_array().cloned().unwrap_or_default();
    media.iter().map(|media| (media["id"].as_str().unwrap().to_owned(), media["erased_at"].is_string())).collect()
}

#[tokio::test]
async fn erasing_a_report_erases_its_media_and_every_copy_and_says_so() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let first = reporter.person.upload(reporter.keys.next(), "video/mp4", video::mp4(12, 1)).await.unwrap();
    assert_eq!(reporter.person.verdict(first).await.unwrap().text("/state"), "ready");
    let (second, kept) = (reporter.uploads(jpeg(2)).await, reporter.uploads(jpeg(3)).await);
    let code = reporter.reports("Somebody holds a banner.").with_media(first).send().await;
    let other = reporter.reports("A gate is broken.").with_media(kept).send().await;
    let (officer, district) = (world.officer("boatyard").await, world.district().await);
    // One comes with the report, the other with an answer.
    officer.returns(&code, "What does it say?").await;
    reporter.answers_with(&code, "See the photo.", &[second]).await;
    let mut links = Vec::new();
    for media in [first, second] {
        links.push(expect(officer.asks_for_link(&code, media).await, 200).text("/url").to_owned());
        links.push(expect(district.asks_for_original(&code, media, "Before.").await, 200).text("/url").to_owned());
    }
    for link in &links {
        assert_eq!(world.stranger().open(link).await.unwrap().0, 200);
    }

    officer.rejects(&code, LAWFUL).await;

    let read = eventually("both media are erased", async || {
        let read = reporter.reads(&code).await;
        erased_at(&read).iter().all(|(_, done)| *done).then_some(read)
    })
    .await;
    let expected = [(first.to_string(), true), (second.to_string(), true)];
    assert_eq!(erased_at(&read), expected);
    assert_eq!(erased_at(&officer.opens(&code).await), expected, "reviewers are told as well");
    for link in &links {
        // An account of AWS says 403: who may not list is not told what is missing.
        let status = world.stranger().open(link).await.unwrap().0;
        assert!(matches!(status, 403 | 404), "a link of before was answered {status}");
    }
    for media in [first, second] {
        assert_eq!(reporter.person.get(&format!("/media/{media}")).await.unwrap().status, 404);
    }
    assert!(!officer.opens_media(&other, kept).await.is_empty(), "other media stay");
    assert_eq!(erased_at(&reporter.reads(&other).await), []);
}

#[tokio::test]
async fn nothing_of_an_erased_medium_is_left_on_the_disk() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let media = reporter.uploads(jpeg(1)).await;
    let objects = world.folder().join("objects");
    let upload = objects.join(format!("pingan-media/uploads/{media}"));
    eventually("the upload has become the original", async || (!upload.exists()).then_some(())).await;
    let files = files_of(&objects, media);
    let kept = files.iter().filter(|path| path.contains("pingan-media/")).count();
    assert_eq!((kept, files.len() > kept), (3, true), "original, copy and thumbnail, and what is beside: {files:?}");
    let code = reporter.reports("Somebody holds a banner.").with_media(media).send().await;
    world.officer("boatyard").await.rejects(&code, LAWFUL).await;
    eventually("all of it is gone", async || files_of(&objects, media).is_empty().then_some(())).await;
}

/// DynamoDB removes the record of a slot when its time is over; here it is done by hand.
#[tokio::test]
async fn what_no_report_takes_goes_with_its_slot() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let (loose, attached) = (reporter.uploads(jpeg(1)).await, reporter.uploads(jpeg(2)).await);
    let code = reporter.reports("See the photo.").with_media(attached).send().await;
    let objects = world.folder().join("objects");
    assert!(!files_of(&objects, loose).is_empty());
    let client = dynamodb(&world.bundle().dynamodb_url, "us-east-1");
    let key = |text: &str| AttributeValue::S(text.to_owned());
    client
        .delete_item()
        .table_name("pingan-reports")
        .key("pk", key(&format!("MEDIA#{loose}")))
        .key("sk", key("MEDIA"))
        .send()
        .await
        .unwrap();
    eventually("its objects are gone", async || files_of(&objects, loose).is_empty().then_some(())).await;
    assert!(!world.officer("boatyard").await.opens_media(&code, attached).await.is_empty());
}

#[tokio::test]
async fn what_is_refused_is_deleted_at_once() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let text = b"I am no picture.".to_vec();
    let media = reporter.person.upload(reporter.keys.next(), "image/jpeg", text).await.unwrap();
    assert_eq!(reporter.person.verdict(media).await.unwrap().text("/state"), "refused");
    let objects = world.folder().join("objects");
    eventually("nothing of it is kept", async || files_of(&objects, media).is_empty().then_some(())).await;
}
