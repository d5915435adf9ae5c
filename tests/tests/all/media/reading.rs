//! Who opens what of a medium: the clean copy, its thumbnail, the sealed original; and that it is written down.

use image::{GenericImageView as _, ImageFormat};
use pingan_domain::{access::Opened, report::ReportId};
use serde_json::json;
use uuid::Uuid;

use crate::{
    harness::{World, expect, expect_problem, jpeg, picture},
    store::verify_accesses,
};

#[tokio::test]
async fn reviewers_see_a_copy_and_a_thumbnail_and_the_original_stays_as_it_was() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    for photo in [jpeg(1), picture(ImageFormat::Png, 2), picture(ImageFormat::WebP, 3)] {
        let media = reporter.uploads(photo.clone()).await;
        let code = reporter.reports("See the photo.").with_media(media).send().await;
        let district = world.district().await;
        let copy = district.opens_media(&code, media).await;
        assert_ne!(copy, photo.bytes);
        assert_eq!(image::guess_format(&copy).unwrap(), ImageFormat::Jpeg);
        assert_eq!(image::load_from_memory(&copy).unwrap().dimensions(), (48, 32));
        let thumbnail = district.opens_thumbnail(&code, media).await;
        assert_eq!(image::guess_format(&thumbnail).unwrap(), ImageFormat::Jpeg);
        let original = district.opens_original(&code, media, "To compare it with the phone's.").await;
        assert_eq!(original, photo.bytes);
    }
}

#[tokio::test]
async fn a_link_gives_a_part_when_a_part_is_asked_for() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let media = reporter.uploads(jpeg(1)).await;
    let code = reporter.reports("See the photo.").with_media(media).send().await;
    let officer = world.officer("boatyard").await;
    let whole = officer.opens_media(&code, media).await;
    let link = expect(officer.asks_for_link(&code, media).await, 200);
    let part = officer.person.open_range(link.text("/url"), "bytes=10-19").await.unwrap();
    assert_eq!((part.0, &part.1[..]), (206, &whole[10..20]));
}

#[tokio::test]
async fn only_the_district_opens_an_original_and_says_why() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let photo = jpeg(1);
    let media = reporter.uploads(photo.clone()).await;
    let code = reporter.reports("See the photo.").with_media(media).send().await;
    let (officer, station) = (world.officer("boatyard").await, world.station("river").await);
    for reviewer in [&*officer, &*station] {
        expect_problem(&reviewer.asks_for_original(&code, media, "I am curious.").await, 403, "wrong_role");
    }
    let district = world.district().await;
    for bad in ["", " ", &"长".repeat(201), "a\u{202E}b"] {
        let refused = district.asks_for_original(&code, media, bad).await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!(refused.text("/errors/0/pointer"), "/reason");
    }
    expect_problem(&district.asks_for_original(&code, Uuid::nil(), "For the court.").await, 404, "not_found");
    let path = format!("/reports/{code}/media/{media}/original");
    let body = json!({ "reason": "For the court." });

    // A retry gives another link, and is another line of the trail; the key of one reason is not that of another.
    let key = district.keys.next();
    for _ in 0..2 {
        let link = expect(district.person.post(&path, key, None, &body).await.unwrap(), 200);
        assert_eq!(link.headers["cache-control"], "no-store");
        assert_eq!(district.person.open(link.text("/url")).await.unwrap().1, photo.bytes);
    }
    let other = json!({ "reason": "Another one." });
    expect_problem(&district.person.post(&path, key, None, &other).await.unwrap(), 422, "idempotency_key_reused");
    officer.opens_media(&code, media).await;
    officer.opens_thumbnail(&code, media).await;

    let accesses = world.store().accesses(code.parse::<ReportId>().unwrap(), 100).await.unwrap();
    let trail: Vec<_> =
        accesses.iter().map(|access| (access.actor.as_str(), access.opened, access.reason.as_deref())).collect();
    let opened = ("district-police", Opened::Original, Some("For the court."));
    let expected =
        [opened, opened, ("officer-boatyard", Opened::Media, None), ("officer-boatyard", Opened::Thumbnail, None)];
    assert_eq!(trail, expected);
    assert!(accesses.iter().all(|access| access.media == Some(media)));
    verify_accesses(&accesses);
}

#[tokio::test]
async fn what_has_no_thumbnail_says_so() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let media =
        reporter.person.upload(reporter.keys.next(), "video/mp4", pingan_local::video::mp4(1, 1)).await.unwrap();
    assert_eq!(reporter.person.verdict(media).await.unwrap().text("/state"), "ready");
    let code = reporter.reports("See the video.").with_media(media).send().await;
    let officer = world.officer("boatyard").await;
    let path = format!("/reports/{code}/media/{media}/link");
    expect_problem(&officer.person.get(&format!("{path}?thumbnail=true")).await.unwrap(), 404, "not_found");
    expect_problem(&officer.person.get(&format!("{path}?thumbnail=maybe")).await.unwrap(), 400, "invalid");
    let link = expect(officer.person.get(&path).await.unwrap(), 200);
    assert_eq!(link.text("/content_type"), "video/mp4");
    let opened = reqwest_headers(link.text("/url")).await;
    assert_eq!(opened, ("video/mp4".to_owned(), format!("attachment; filename=\"{media}.mp4\"")));
}

async fn reqwest_headers(url: &str) -> (String, String) {
    let opened = reqwest::get(url).await.unwrap();
    let header = |name: &str| opened.headers()[name].to_str().unwrap().to_owned();
    (header("content-type"), header("content-disposition"))
}
