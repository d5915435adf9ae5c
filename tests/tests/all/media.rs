//! What becomes of media: announced, uploaded past the functions, looked at, attached, opened by reviewers, erased.

mod corpus;
pub(crate) mod erasing;
mod events;
mod parts;
mod reading;
mod scan;

use image::ImageFormat;
use pingan_domain::{hash::Digest, media::MediaLimits};
use pingan_local::{
    bundle::IntakeOptions,
    client::{Answer, Person},
};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Picture, Reporter, World, expect, expect_problem, jpeg, picture};

const MIB: u64 = 1024 * 1024;

async fn announces(reporter: &Reporter, picture: &Picture) -> Answer {
    let answer = reporter.person.announce(reporter.keys.next(), picture.content_type, &picture.bytes).await.unwrap();
    expect(answer, 201)
}

async fn state(person: &Person, media: &str) -> String {
    expect(person.get(&format!("/media/{media}")).await.unwrap(), 200).text("/state").to_owned()
}

#[tokio::test]
async fn pictures_of_every_type_become_ready() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let picture = picture(format, 1);
        let announced = announces(&reporter, &picture).await;
        assert_eq!(announced.text("/state"), "pending");
        assert_eq!(announced.text("/upload/method"), "PUT");
        assert_eq!(reporter.person.put(&announced.body["upload"], picture.bytes.clone()).await.unwrap(), 200);
        let id: Uuid = announced.text("/id").parse().unwrap();
        let mut verdict = reporter.person.verdict(id).await.unwrap().body;
        for copy in ["working", "thumbnail"] {
            assert!(verdict[copy]["size_bytes"].take().as_u64() > Some(100), "{copy}");
        }
        assert!(verdict["expires_at"].take().is_string());
        assert_eq!(
            verdict,
            json!({
                "id": id,
                "state": "ready",
                "kind": "image",
                "content_type": picture.content_type,
                "size_bytes": picture.bytes.len(),
                "sha256": Digest::of_file(&picture.bytes),
                "width_pixels": 48,
                "height_pixels": 32,
                "working": { "content_type": "image/jpeg", "size_bytes": null },
                "thumbnail": { "content_type": "image/jpeg", "size_bytes": null },
                "expires_at": null,
            })
        );
        let code = reporter.reports("What you see.").with_media(id).send().await;
        assert_eq!(reporter.reads(&code).await.text("/media/0/content_type"), picture.content_type);
    }
}

#[tokio::test]
async fn the_object_store_takes_exactly_what_was_announced() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let picture = jpeg(1);
    let announced = announces(&reporter, &picture).await;
    let (id, upload) = (announced.text("/id"), &announced.body["upload"]);

    let mut longer = picture.bytes.clone();
    longer.push(0);
    let mut with_its_length = upload.clone();
    with_its_length["headers"]["content-length"] = json!(longer.len().to_string());
    assert_eq!(reporter.person.put(&with_its_length, longer).await.unwrap(), 403, "another length");
    let mut other = picture.bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(reporter.person.put(upload, other).await.unwrap(), 400, "other bytes of the same length");
    for (header, value) in [("content-type", "text/html"), ("x-amz-checksum-sha256", &"A".repeat(44))] {
        let mut forged = upload.clone();
        forged["headers"][header] = json!(value);
        assert_eq!(reporter.person.put(&forged, picture.bytes.clone()).await.unwrap(), 403, "another {header}");
        forged["headers"].as_object_mut().unwrap().remove(header);
        assert_eq!(reporter.person.put(&forged, picture.bytes.clone()).await.unwrap(), 403, "no {header}");
    }
    let mut elsewhere = upload.clone();
    elsewhere["url"] = json!(upload["url"].as_str().unwrap().replace(id, &Uuid::nil().to_string()));
    assert_eq!(reporter.person.put(&elsewhere, picture.bytes.clone()).await.unwrap(), 403, "another place");
    assert_eq!(state(&reporter.person, id).await, "pending", "nothing that was refused was looked at");

    assert_eq!(reporter.person.put(upload, picture.bytes).await.unwrap(), 200);
    assert_eq!(reporter.person.verdict(id.parse().unwrap()).await.unwrap().text("/state"), "ready");
}

#[tokio::test]
async fn what_is_not_what_it_claims_to_be_is_refused() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let claims_jpeg = |bytes: Vec<u8>| Picture { content_type: "image/jpeg", bytes };
    for (what, claim, reason) in [
        ("a PNG", claims_jpeg(picture(ImageFormat::Png, 1).bytes), "wrong_type"),
        ("a text", claims_jpeg(b"I am no picture.".to_vec()), "wrong_type"),
        ("a web page", claims_jpeg(b"<html><script>alert(1)</script>".to_vec()), "wrong_type"),
        ("the beginning of a JPEG", claims_jpeg(jpeg(1).bytes[..20].to_vec()), "incomplete"),
        ("a JPEG called PNG", Picture { content_type: "image/png", bytes: jpeg(2).bytes }, "wrong_type"),
    ] {
        let id = reporter.person.upload(reporter.keys.next(), claim.content_type, claim.bytes).await.unwrap();
        let verdict = reporter.person.verdict(id).await.unwrap();
        assert_eq!((verdict.text("/state"), verdict.text("/reason")), ("refused", reason), "{what}");
        let refused = reporter.reports("See the photo.").with_media(id).tries_to_send().await;
        expect_problem(&refused, 400, "invalid");
        assert_eq!(refused.text("/errors/0/detail"), format!("was refused: {reason}"));
    }
    assert_eq!(reporter.mine().await, [""; 0]);
}

#[tokio::test]
async fn a_phone_learns_the_limits_before_it_records() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let limits = expect(reporter.person.get("/media/limits").await.unwrap(), 200);
    let of = |number: usize| {
        let kind = &limits.body["items"][number];
        (
            kind["kind"].as_str().unwrap(),
            kind["max_count"].as_u64(),
            kind["max_bytes"].as_u64(),
            kind["max_seconds"].as_u64(),
        )
    };
    assert_eq!(of(0), ("image", Some(10), Some(20 * MIB), None));
    assert_eq!(of(1), ("video", Some(1), Some(500 * MIB), None));
    assert_eq!(of(2), ("voice", Some(3), Some(30 * MIB), Some(600)));
    assert_eq!(limits.body["items"][1]["content_types"], json!(["video/mp4", "video/quicktime"]));
    assert_eq!(limits.body["items"].as_array().unwrap().len(), 3);
}

/// What a deployment has decided is said, and held to, at announcing and at attaching.
#[tokio::test]
async fn a_deployment_has_limits_of_its_own() {
    let limits = MediaLimits::parse(
        r#"{"image": {"max_count": 2, "max_bytes": 2000}, "video": {"max_count": 0, "max_bytes": 1},
            "voice": {"max_count": 1, "max_bytes": 200000, "max_seconds": 1}}"#,
    );
    let intake = IntakeOptions { limits: limits.unwrap(), ..IntakeOptions::default() };
    let world = World::start_with(intake).await;
    let reporter = world.reporter("boatyard").await;
    let told = expect(reporter.person.get("/media/limits").await.unwrap(), 200);
    assert_eq!(told.body["items"][0]["max_bytes"], 2_000);
    let announces = async |content_type: &str, bytes: &[u8]| {
        reporter.person.announce(reporter.keys.next(), content_type, bytes).await.unwrap()
    };
    let large = announces("image/jpeg", &[0; 2_001]).await;
    expect_problem(&large, 400, "invalid");
    assert_eq!(large.text("/errors/0/detail"), "must be from 1 to 2000");
    let video = announces("video/mp4", &[0]).await;
    assert_eq!(video.text("/errors/0/detail"), "is video, which is not taken here");

    let photos = [reporter.uploads(jpeg(1)).await, reporter.uploads(jpeg(2)).await, reporter.uploads(jpeg(3)).await];
    let [first, second, third] = photos;
    let refused =
        reporter.reports("Three.").with_media(first).with_media(second).with_media(third).tries_to_send().await;
    expect_problem(&refused, 400, "invalid");
    assert_eq!(refused.text("/errors/0/pointer"), "/media/2");
    reporter.reports("Two.").with_media(first).with_media(second).send().await;

    let voice = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/files/voice.aac")).unwrap();
    let id = reporter.person.upload(reporter.keys.next(), "audio/aac", voice).await.unwrap();
    let verdict = reporter.person.verdict(id).await.unwrap();
    assert_eq!((verdict.text("/state"), verdict.text("/reason")), ("refused", "too_long"), "two seconds, not one");
}

#[tokio::test]
async fn announcing_again_is_the_same_medium() {
    let world = World::start().await;
    let (reporter, neighbour) = (world.reporter("boatyard").await, world.neighbour("boatyard").await);
    let (key, photo) = (reporter.keys.next(), jpeg(1));
    let first = expect(reporter.person.announce(key, photo.content_type, &photo.bytes).await.unwrap(), 201);
    let again = expect(reporter.person.announce(key, photo.content_type, &photo.bytes).await.unwrap(), 201);
    assert_eq!(first.text("/id"), again.text("/id"));
    let other = reporter.person.announce(key, photo.content_type, &jpeg(2).bytes).await.unwrap();
    expect_problem(&other, 422, "idempotency_key_reused");
    let neighbours = expect(neighbour.person.announce(key, photo.content_type, &photo.bytes).await.unwrap(), 201);
    assert_ne!(first.text("/id"), neighbours.text("/id"), "a key is its owner's");
    expect_problem(&neighbour.person.get(&format!("/media/{}", first.text("/id"))).await.unwrap(), 404, "not_found");

    // The signed request of the second answer is as good as the first.
    assert_eq!(reporter.person.put(&again.body["upload"], photo.bytes.clone()).await.unwrap(), 200);
    reporter.person.verdict(first.text("/id").parse().unwrap()).await.unwrap();
    let done = expect(reporter.person.announce(key, photo.content_type, &photo.bytes).await.unwrap(), 201);
    assert_eq!((done.text("/state"), done.body.get("upload")), ("ready", None));
}

#[tokio::test]
async fn a_photo_opens_for_reviewers_alone_and_as_an_attachment() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let (media, loose) = (reporter.uploads(jpeg(1)).await, reporter.uploads(jpeg(2)).await);
    let code = reporter.reports("See the photo.").with_media(media).send().await;
    let other = reporter.reports("No photo here.").send().await;

    let officer = world.officer("boatyard").await;
    let copy = officer.opens_media(&code, media).await;
    for reviewer in [&*officer, &*world.station("river").await, &*world.district().await] {
        let link = expect(reviewer.asks_for_link(&code, media).await, 200);
        assert_eq!(link.headers["cache-control"], "no-store");
        let opened = reqwest::get(link.text("/url")).await.unwrap();
        assert_eq!(opened.status(), 200);
        assert_eq!(opened.headers()["content-type"], "image/jpeg");
        assert_eq!(opened.headers()["cache-control"], "no-store");
        assert_eq!(opened.headers()["content-disposition"], format!("attachment; filename=\"{media}.jpg\""));
        assert_eq!(opened.bytes().await.unwrap(), copy);
        // A link is for one object: another name, or no signature, opens nothing.
        let elsewhere = link.text("/url").replace(&media.to_string(), &loose.to_string());
        let (bare, _) = link.text("/url").split_once('?').unwrap();
        for address in [&*elsewhere, bare, &format!("{}/pingan-media", world.url())] {
            if !world.objects_are_closed() {
                break;
            }
            assert_eq!(world.stranger().open(address).await.unwrap().0, 403, "{address}");
        }
    }
    for (code, media) in [(&code, loose), (&other, media), (&code, Uuid::nil())] {
        expect_problem(&officer.asks_for_link(code, media).await, 404, "not_found");
    }

    let path = format!("/reports/{code}/media/{media}/link");
    for (who, status) in [
        ("reporter-boatyard-1", 403),
        ("reporter-boatyard-2", 403),
        ("officer-ferry", 404),
        ("station-north", 404),
        ("agency-fire", 403),
        ("treasurer", 403),
        ("custodian", 403),
        ("auditor", 403),
    ] {
        assert_eq!(world.person(who).await.get(&path).await.unwrap().status, status, "{who}");
    }
}
