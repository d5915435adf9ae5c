//! The events of the object store: twice, sixteen times at once, too early, for nothing.

use pingan_domain::{command::CommandId, member::MemberId};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{World, eventually, jpeg};

/// An event as the object store's stand-in keeps it until it is taken.
fn event(world: &World, number: usize, media: Uuid) -> std::path::PathBuf {
    event_of(world, number, media, jiff::Timestamp::now())
}

fn event_of(world: &World, number: usize, media: Uuid, time: jiff::Timestamp) -> std::path::PathBuf {
    let event = json!({
        "name": "ObjectCreated:Put", "bucket": "pingan-media", "key": format!("uploads/{media}"), "size": 1,
        "time": time,
    });
    let path = world.folder().join(format!("object-events/0-{media}-{number}.json"));
    std::fs::write(&path, event.to_string()).unwrap();
    path
}

#[tokio::test]
async fn an_event_that_comes_many_times_at_once_changes_nothing() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let photo = jpeg(1);
    let announced = reporter.person.announce(reporter.keys.next(), photo.content_type, &photo.bytes).await.unwrap();
    let media: Uuid = announced.text("/id").parse().unwrap();
    let before: Vec<_> = (0..16).map(|number| event(&world, number, media)).collect();
    assert_eq!(reporter.person.put(&announced.body["upload"], photo.bytes.clone()).await.unwrap(), 200);
    let ready = reporter.person.verdict(media).await.unwrap();
    assert_eq!(ready.text("/state"), "ready");
    let after: Vec<_> = (16..32).map(|number| event(&world, number, media)).collect();
    let all = [before, after].concat();
    eventually("every event was taken", async || all.iter().all(|path| !path.exists()).then_some(())).await;
    // The same upload once more, while its signed request is valid, is nothing new either.
    assert_eq!(reporter.person.put(&announced.body["upload"], photo.bytes.clone()).await.unwrap(), 200);
    let upload = world.folder().join(format!("objects/pingan-media/uploads/{media}"));
    eventually("the second upload is cleared away", async || (!upload.exists()).then_some(())).await;
    let still = reporter.person.get(&format!("/media/{media}")).await.unwrap();
    assert_eq!(still.body, ready.body);
    let code = reporter.reports("See the photo.").with_media(media).send().await;
    assert_eq!(world.district().await.opens_original(&code, media, "To compare.").await, photo.bytes);
}

#[tokio::test]
async fn an_event_ahead_of_its_record_waits_for_it() {
    let world = World::start_here().await;
    let reporter = world.reporter("boatyard").await;
    let key = reporter.keys.next();
    let media = CommandId::new(&MemberId::of_account("reporter-boatyard-1"), key).media_id();
    let early = event(&world, 0, media);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(early.exists(), "an event of something unknown is kept for a while");
    let photo = jpeg(1);
    assert_eq!(reporter.person.upload(key, photo.content_type, photo.bytes).await.unwrap(), media);
    assert_eq!(reporter.person.verdict(media).await.unwrap().text("/state"), "ready");
    eventually("the early event is taken too", async || (!early.exists()).then_some(())).await;
}

#[tokio::test]
async fn an_upload_whose_slot_is_gone_is_deleted() {
    let world = World::start_here().await;
    let media = Uuid::from_u128(7);
    let upload = world.folder().join(format!("objects/pingan-media/uploads/{media}"));
    std::fs::create_dir_all(upload.parent().unwrap()).unwrap();
    std::fs::write(&upload, "What nobody announced.").unwrap();
    let late = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(10);
    let event = event_of(&world, 0, media, late);
    eventually("the event is taken", async || (!event.exists()).then_some(())).await;
    assert!(!upload.exists());
}
