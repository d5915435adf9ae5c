//! What becomes of an upload, and which media a report may have.

use proptest::prelude::*;
use uuid::Uuid;

use super::{at, author, checked, medium, neighbour, unknown_report, wednesday};
use crate::{
    error::{Error, FieldError},
    hash::Digest,
    media::{
        Announced, Found, KindLimits, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE_PIXELS, Media, MediaKind, MediaLimits, MediaRef,
        MediaRefusal, MediaState, MediaType, PART_BYTES, PARTS_FROM_BYTES, Rendition, Seen, attach, judge,
    },
    named::Named as _,
};

const MIB: u64 = 1024 * 1024;

/// The limits as they are when nothing is said.
const LIMITS: MediaLimits = MediaLimits {
    image: KindLimits { max_count: 10, max_bytes: 20 * MIB, max_seconds: None },
    video: KindLimits { max_count: 1, max_bytes: 500 * MIB, max_seconds: None },
    voice: KindLimits { max_count: 3, max_bytes: 30 * MIB, max_seconds: Some(600) },
};

fn announced(content_type: MediaType) -> Announced {
    Announced { content_type, size_bytes: 4_000, sha256: Digest::of_file(b"picture") }
}

/// An upload that is what was announced.
fn found(content_type: MediaType) -> Found {
    let plays = content_type.kind() != MediaKind::Image;
    let shows = content_type.kind() != MediaKind::Voice;
    Found {
        size_bytes: 4_000,
        sha256: Digest::of_file(b"picture"),
        seen: Seen {
            content_type: Some(content_type),
            width_pixels: shows.then_some(4_032),
            height_pixels: shows.then_some(3_024),
            duration_ms: plays.then_some(4_200),
            flaw: None,
        },
    }
}

fn seen(content_type: MediaType, change: impl FnOnce(&mut Seen)) -> Found {
    let mut found = found(content_type);
    change(&mut found.seen);
    found
}

#[test]
fn an_upload_is_what_was_announced_or_refused() {
    use MediaRefusal::{Damaged, TooManyPixels, WrongHash, WrongSize, WrongType};
    use MediaType::Jpeg;

    const MOST: u32 = MAX_IMAGE_SIDE_PIXELS;
    let jpeg = || found(Jpeg);
    let pixels =
        |width, height| seen(Jpeg, |seen| (seen.width_pixels, seen.height_pixels) = (Some(width), Some(height)));
    let tall = u32::try_from(MAX_IMAGE_PIXELS / u64::from(MOST)).unwrap();
    let cases = [
        ("one byte less", Found { size_bytes: 3_999, ..jpeg() }, WrongSize),
        ("one byte more", Found { size_bytes: 4_001, ..jpeg() }, WrongSize),
        ("nothing", Found { size_bytes: 0, ..jpeg() }, WrongSize),
        ("other bytes", Found { sha256: Digest::of_file(b"another"), ..jpeg() }, WrongHash),
        ("another type", seen(MediaType::Png, |_| ()), WrongType),
        ("no type that is taken", seen(Jpeg, |seen| seen.content_type = None), WrongType),
        ("no readable header", seen(Jpeg, |seen| seen.width_pixels = None), Damaged),
        ("no height", seen(Jpeg, |seen| seen.height_pixels = Some(0)), Damaged),
        ("too wide", pixels(MOST + 1, 1), TooManyPixels),
        ("too tall", pixels(1, MOST + 1), TooManyPixels),
        ("too many in all", pixels(MOST, tall + 1), TooManyPixels),
        // The first mismatch names the reason.
        ("neither size nor hash", Found { size_bytes: 1, sha256: Digest::ZERO, ..jpeg() }, WrongSize),
        ("neither hash nor type", Found { sha256: Digest::ZERO, ..seen(MediaType::Png, |_| ()) }, WrongHash),
        ("neither type nor sound", seen(MediaType::Png, |seen| seen.flaw = Some(MediaRefusal::Polyglot)), WrongType),
    ];
    for (what, found, reason) in cases {
        assert_eq!(judge(&announced(Jpeg), &found, &LIMITS), Err(reason), "{what}");
    }
    for right in [jpeg(), pixels(MOST, tall), pixels(1, 1)] {
        assert_eq!(judge(&announced(Jpeg), &right, &LIMITS), Ok(()));
    }
    for &flaw in MediaRefusal::ALL {
        let flawed = seen(Jpeg, |seen| seen.flaw = Some(flaw));
        assert_eq!(judge(&announced(Jpeg), &flawed, &LIMITS), Err(flaw));
    }
}

#[test]
fn a_large_picture_of_next_to_nothing_is_a_bomb() {
    let judged = |content_type, size_bytes, width, height| {
        let announced = Announced { size_bytes, ..announced(content_type) };
        let found = seen(content_type, |seen| (seen.width_pixels, seen.height_pixels) = (Some(width), Some(height)));
        judge(&announced, &Found { size_bytes, ..found }, &LIMITS)
    };
    for &content_type in MediaType::ALL.iter().filter(|media| media.kind() == MediaKind::Image) {
        // Black photos are packed with loss, and so are next to nothing by right.
        let bomb = if matches!(content_type, MediaType::Png | MediaType::Webp) {
            Err(MediaRefusal::TooManyPixels)
        } else {
            Ok(())
        };
        assert_eq!(judged(content_type, 60_000, 19_000, 5_000), bomb, "{content_type}");
        assert_eq!(judged(content_type, 940_600, 19_000, 5_000), Ok(()), "{content_type}: 100 pixels a byte");
        assert_eq!(judged(content_type, 940_000, 19_000, 5_000), bomb, "{content_type}: 101 pixels a byte");
        assert_eq!(judged(content_type, 9_000, 4_000, 4_000), Ok(()), "{content_type}: a white screenshot");
    }
}

#[test]
fn what_plays_has_a_length_and_voice_not_too_much_of_it() {
    for &plays in MediaType::ALL.iter().filter(|media| media.kind() != MediaKind::Image) {
        let lasts = |ms| judge(&announced(plays), &seen(plays, |seen| seen.duration_ms = ms), &LIMITS);
        assert_eq!(lasts(None), Err(MediaRefusal::Damaged), "{plays}");
        assert_eq!(lasts(Some(0)), Err(MediaRefusal::Damaged), "{plays}");
        let voice = plays.kind() == MediaKind::Voice;
        // Ten minutes, and the moment that a recorder takes to stop.
        assert_eq!(lasts(Some(601_000)), Ok(()), "{plays}");
        let too_long = if voice { Err(MediaRefusal::TooLong) } else { Ok(()) };
        assert_eq!(lasts(Some(601_001)), too_long, "{plays}");
    }
    let silent = seen(MediaType::Mp4, |seen| seen.width_pixels = None);
    assert_eq!(judge(&announced(MediaType::Mp4), &silent, &LIMITS), Err(MediaRefusal::Damaged));
}

#[test]
fn every_type_is_ready_as_itself_and_refused_as_another() {
    for &claimed in MediaType::ALL {
        for &real in MediaType::ALL {
            let heif = [claimed, real].iter().all(|media| matches!(media, MediaType::Heic | MediaType::Heif));
            let judged = judge(&announced(claimed), &found(real), &LIMITS);
            assert_eq!(judged.is_ok(), claimed == real || heif, "{claimed} is {real}");
        }
    }
}

#[test]
fn every_refusal_is_told_in_both_languages() {
    let texts: Vec<_> = MediaRefusal::ALL.iter().map(|reason| reason.text()).collect();
    for (index, text) in texts.iter().enumerate() {
        assert!(!text.zh_cn.is_empty() && !text.en.is_empty());
        assert!(!texts[..index].contains(text), "{}", text.en);
    }
}

#[test]
fn what_is_announced_is_limited_by_its_kind() {
    for &content_type in MediaType::ALL {
        let kind = content_type.kind();
        let most = LIMITS.of(kind).max_bytes;
        for (size_bytes, fits) in [(0, false), (1, true), (most, true), (most + 1, false)] {
            let announced = Announced { size_bytes, ..announced(content_type) };
            assert_eq!(announced.validate(None, &LIMITS).is_ok(), fits, "{content_type} {size_bytes}");
            for &said in MediaKind::ALL {
                assert_eq!(announced.validate(Some(said), &LIMITS).is_ok(), fits && said == kind, "{said}");
            }
        }
        let none = KindLimits { max_count: 0, ..LIMITS.of(kind) };
        let none = MediaLimits { image: none, video: none, voice: none };
        let refused = Error::field("/content_type", format!("is {kind}, which is not taken here"));
        assert_eq!(announced(content_type).validate(None, &none), Err(refused));
    }
    let wrong = Announced { size_bytes: 0, ..announced(MediaType::Mp3) };
    let Err(Error::Invalid(bad)) = wrong.validate(Some(MediaKind::Video), &LIMITS) else { panic!("two bad fields") };
    assert_eq!(bad.iter().map(|field| field.pointer.as_str()).collect::<Vec<_>>(), ["/kind", "/size_bytes"]);
}

#[test]
fn limits_are_read_and_checked() {
    assert_eq!(MediaLimits::default(), LIMITS);
    assert_eq!(MediaLimits::parse("{}"), Ok(LIMITS));
    let two = MediaLimits::parse(r#"{"video": {"max_count": 2, "max_bytes": 1000, "max_seconds": null}}"#).unwrap();
    assert_eq!(two, MediaLimits { video: KindLimits { max_count: 2, max_bytes: 1000, max_seconds: None }, ..LIMITS });
    for bad in [
        "",
        r#"{"film": {"max_count": 1, "max_bytes": 1}}"#,
        r#"{"video": {"max_count": 1}}"#,
        r#"{"video": {"max_count": -1, "max_bytes": 1}}"#,
        r#"{"video": {"max_count": 1, "max_bytes": 0}}"#,
        r#"{"video": {"max_count": 1, "max_bytes": 99999999999}}"#,
        r#"{"voice": {"max_count": 1, "max_bytes": 99999999}}"#,
        r#"{"voice": {"max_count": 1, "max_bytes": 1, "max_seconds": 0}}"#,
        r#"{"image": {"max_count": 17, "max_bytes": 1}}"#,
    ] {
        assert!(MediaLimits::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_a_large_video_goes_up_in_parts() {
    for &content_type in MediaType::ALL {
        for size_bytes in [1, PARTS_FROM_BYTES - 1, PARTS_FROM_BYTES, 100 * MIB] {
            let in_parts = Announced { size_bytes, ..announced(content_type) }.parts().is_some();
            let expected = content_type.kind() == MediaKind::Video && size_bytes >= PARTS_FROM_BYTES;
            assert_eq!(in_parts, expected, "{content_type} {size_bytes}");
        }
    }
}

proptest! {
    #[test]
    fn parts_cover_a_video_without_gap_or_overlap(size_bytes in PARTS_FROM_BYTES..4 * 1024 * MIB) {
        let parts = Announced { size_bytes, ..announced(MediaType::Mp4) }.parts().unwrap();
        let mut end = 0;
        for number in 1..=parts.count() {
            let (offset, size) = parts.range(number).unwrap();
            prop_assert_eq!(offset, end);
            prop_assert!(size == PART_BYTES || (number == parts.count() && (1..=PART_BYTES).contains(&size)));
            end = offset + size;
        }
        prop_assert_eq!(end, size_bytes);
        prop_assert_eq!(parts.range(0), None);
        prop_assert_eq!(parts.range(parts.count() + 1), None);
        prop_assert!(parts.count() <= 10_000, "S3 knows no more");
    }
}

#[test]
fn the_keys_of_objects_name_the_medium_and_nobody() {
    let (id, sha256) = (medium(1).id, medium(1).sha256);
    assert_eq!(Media::id_of_upload_key(&Media::upload_key(id)), Some(id));
    let spaced = format!("uploads/{id}/x");
    let others = [Media::original_key(id, sha256), Media::working_key(id), Media::thumbnail_key(id), spaced];
    for other in ["", "uploads/", "uploads/x", &id.to_string()].into_iter().chain(others.iter().map(String::as_str)) {
        assert_eq!(Media::id_of_upload_key(other), None, "{other:?}");
    }
    assert!(Media::original_key(id, sha256).starts_with(&Media::originals_prefix(id)));
    assert!(Media::original_key(id, sha256).ends_with(&sha256.to_string()));
}

#[test]
fn a_rendition_is_there_when_it_was_made() {
    let photo = medium(1);
    let (working, of) = photo.rendition(Rendition::Working).unwrap();
    assert_eq!((working, of.size_bytes), (Media::working_key(photo.id), 900));
    assert_eq!(photo.rendition(Rendition::Thumbnail).unwrap().1.size_bytes, 90);
    let (original, of) = photo.rendition(Rendition::Original).unwrap();
    assert_eq!((original, of.size_bytes), (Media::original_key(photo.id, photo.sha256), photo.size_bytes));
    let old = MediaRef { checked: None, ..photo };
    assert_eq!((old.rendition(Rendition::Working), old.rendition(Rendition::Thumbnail)), (None, None));
    assert!(old.rendition(Rendition::Original).is_some());
}

#[test]
fn records_of_before_still_read() {
    let old = serde_json::json!({ "state": "ready", "width_pixels": 2, "height_pixels": 1, "checked_at": "2026-08-12T01:30:00Z" });
    let MediaState::Ready(read) = serde_json::from_value(old).unwrap() else { panic!("it was ready") };
    assert_eq!((read.width_pixels, read.height_pixels, read.duration_ms, read.working), (Some(2), Some(1), None, None));
    let reference = MediaRef { checked: None, ..medium(1) };
    assert!(!serde_json::to_string(&reference).unwrap().contains("checked"), "or older hashes would not fit");
}

#[test]
fn a_slot_ends_a_day_after_it_was_announced() {
    assert_eq!(free(1).ends_at(), at("2026-08-13T10:00:00+08:00"));
}

/// The author's medium with this number, checked and free.
fn free(number: u64) -> Media {
    let medium = medium(number);
    Media {
        id: medium.id,
        owner: author().id,
        announced: Announced {
            content_type: medium.content_type,
            size_bytes: medium.size_bytes,
            sha256: medium.sha256,
        },
        state: MediaState::Ready(checked()),
        created_at: wednesday(),
        multipart: None,
        report: None,
        task: None,
    }
}

fn attach_to_authors_report(media: &[Option<Media>], wanted: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    attach(wanted, media, &author().id, &LIMITS).map(|refs| refs.into_iter().map(|media| media.id).collect())
}

#[test]
fn what_is_checked_and_free_is_attached_in_the_order_asked_for() {
    assert_eq!(attach(&[], &[], &author().id, &LIMITS), Ok(vec![]));
    let wanted = [medium(2), medium(1)];
    let refs = attach(&wanted.each_ref().map(|media| media.id), &[Some(free(2)), Some(free(1))], &author().id, &LIMITS);
    assert_eq!(refs, Ok(wanted.to_vec()));
}

#[test]
fn one_medium_is_attached_or_refused_with_the_reason() {
    let refused = |reason| Media { state: MediaState::Refused { reason }, ..free(1) };
    let strangers = Media { owner: neighbour().id, ..free(1) };
    let mut cases = vec![
        ("does not exist", None, "is no medium of yours"),
        ("a stranger's", Some(strangers.clone()), "is no medium of yours"),
        // What is said of a stranger's medium tells nothing about it.
        (
            "a stranger's, pending",
            Some(Media { state: MediaState::Pending, ..strangers.clone() }),
            "is no medium of yours",
        ),
        ("a stranger's, taken", Some(Media { report: Some(unknown_report()), ..strangers }), "is no medium of yours"),
        (
            "taken",
            Some(Media { report: Some(unknown_report()), ..free(1) }),
            "is already attached to a report or an answer",
        ),
    ];
    let reasons: Vec<_> = MediaRefusal::ALL.iter().map(|&reason| (reason, format!("was refused: {reason}"))).collect();
    cases.extend(reasons.iter().map(|(reason, why)| ("refused", Some(refused(*reason)), why.as_str())));
    for (what, media, why) in cases {
        let answer = attach_to_authors_report(&[media], &[medium(1).id]);
        assert_eq!(answer, Err(Error::field("/media/0", why)), "{what}");
    }
    let pending = Media { state: MediaState::Pending, ..free(1) };
    assert_eq!(attach_to_authors_report(&[Some(pending)], &[medium(1).id]), Err(Error::MediaPending(medium(1).id)));
}

#[test]
fn every_bad_medium_is_named_before_any_is_waited_for() {
    let wanted = [1, 2, 2, 3, 4].map(|number| medium(number).id);
    let media = [
        Some(Media { state: MediaState::Pending, ..free(1) }),
        Some(free(2)),
        Some(free(2)),
        None,
        Some(Media { report: Some(unknown_report()), ..free(4) }),
    ];
    let expected = [
        ("/media/2", "is named twice"),
        ("/media/3", "is no medium of yours"),
        ("/media/4", "is already attached to a report or an answer"),
    ];
    let expected = expected.map(|(pointer, detail)| FieldError::new(pointer, detail)).to_vec();
    assert_eq!(attach_to_authors_report(&media, &wanted), Err(Error::Invalid(expected)));
}

#[test]
fn the_first_that_is_pending_is_waited_for() {
    let pending = |number| Some(Media { state: MediaState::Pending, ..free(number) });
    let wanted = [1, 2, 3].map(|number| medium(number).id);
    let answer = attach_to_authors_report(&[Some(free(1)), pending(2), pending(3)], &wanted);
    assert_eq!(answer, Err(Error::MediaPending(medium(2).id)));
}

#[test]
fn records_that_were_not_found_are_not_attached() {
    assert!(attach_to_authors_report(&[], &[medium(1).id]).is_err(), "a short answer of the store hides nothing");
}

#[test]
fn of_each_kind_there_are_as_many_as_may_be() {
    let of = |number, content_type| {
        let media = free(number);
        Media { announced: Announced { content_type, ..media.announced.clone() }, ..media }
    };
    let kinds = [(MediaType::Heic, 10), (MediaType::Mov, 1), (MediaType::Amr, 3)];
    let full: Vec<Media> = (0..)
        .zip(kinds.iter().flat_map(|&(content_type, count)| std::iter::repeat_n(content_type, count)))
        .map(|(number, content_type)| of(number, content_type))
        .collect();
    let ids = |media: &[Media]| media.iter().map(|media| media.id).collect::<Vec<_>>();
    let found = |media: &[Media]| media.iter().cloned().map(Some).collect::<Vec<_>>();
    assert_eq!(attach(&ids(&full), &found(&full), &author().id, &LIMITS).map(|refs| refs.len()), Ok(14));
    for (content_type, count) in kinds {
        let one_more: Vec<Media> = full.iter().cloned().chain([of(99, content_type)]).collect();
        let kind = content_type.kind();
        let why = format!("is {kind} number {}, and at most {count} can be carried at once", count + 1);
        let refused = attach(&ids(&one_more), &found(&one_more), &author().id, &LIMITS);
        assert_eq!(refused, Err(Error::field("/media/14", why)));
    }
}
