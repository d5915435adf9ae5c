//! What becomes of an upload, and which media a report may have.

use uuid::Uuid;

use super::{author, medium, neighbour, unknown_report, wednesday};
use crate::{
    error::{Error, FieldError},
    hash::Digest,
    media::{
        Announced, Found, MAX_IMAGE_BYTES, MAX_IMAGE_SIDE_PIXELS, Media, MediaRefusal, MediaState, MediaType, attach,
        judge,
    },
    named::Named as _,
};

fn announced() -> Announced {
    Announced { content_type: MediaType::Jpeg, size_bytes: 4_000, sha256: Digest::of_file(b"picture") }
}

/// An upload that is what was announced.
fn found() -> Found {
    Found {
        content_type: Some(MediaType::Jpeg),
        size_bytes: 4_000,
        sha256: Digest::of_file(b"picture"),
        pixels: Some((4_032, 3_024)),
    }
}

fn ready() -> MediaState {
    MediaState::Ready { width_pixels: 4_032, height_pixels: 3_024, checked_at: wednesday() }
}

#[test]
fn an_upload_is_what_was_announced_or_refused() {
    use MediaRefusal::{Damaged, TooManyPixels, WrongHash, WrongSize, WrongType};

    const MOST: u32 = MAX_IMAGE_SIDE_PIXELS;
    let cases = [
        ("one byte less", Found { size_bytes: 3_999, ..found() }, WrongSize),
        ("one byte more", Found { size_bytes: 4_001, ..found() }, WrongSize),
        ("nothing", Found { size_bytes: 0, ..found() }, WrongSize),
        ("other bytes", Found { sha256: Digest::of_file(b"another"), ..found() }, WrongHash),
        ("another type", Found { content_type: Some(MediaType::Png), ..found() }, WrongType),
        ("no type that is taken", Found { content_type: None, ..found() }, WrongType),
        ("no readable header", Found { pixels: None, ..found() }, Damaged),
        ("too wide", Found { pixels: Some((MOST + 1, 1)), ..found() }, TooManyPixels),
        ("too tall", Found { pixels: Some((1, MOST + 1)), ..found() }, TooManyPixels),
        // The first mismatch names the reason.
        ("neither size nor hash", Found { size_bytes: 1, sha256: Digest::ZERO, ..found() }, WrongSize),
        ("neither hash nor type", Found { sha256: Digest::ZERO, content_type: None, ..found() }, WrongHash),
        ("neither type nor header", Found { content_type: None, pixels: None, ..found() }, WrongType),
    ];
    for (what, found, reason) in cases {
        assert_eq!(judge(&announced(), &found, wednesday()), MediaState::Refused { reason }, "{what}");
    }
    assert_eq!(judge(&announced(), &found(), wednesday()), ready());
    let largest = Found { pixels: Some((MOST, MOST)), ..found() };
    assert!(matches!(judge(&announced(), &largest, wednesday()), MediaState::Ready { .. }));
}

#[test]
fn every_type_is_ready_as_itself_and_refused_as_another() {
    for &claimed in MediaType::ALL {
        for &real in MediaType::ALL {
            let announced = Announced { content_type: claimed, ..announced() };
            let state = judge(&announced, &Found { content_type: Some(real), ..found() }, wednesday());
            assert_eq!(matches!(state, MediaState::Ready { .. }), claimed == real, "{claimed} is {real}");
        }
    }
}

#[test]
fn the_size_is_limited_when_it_is_announced() {
    for (size_bytes, fits) in [(0, false), (1, true), (MAX_IMAGE_BYTES, true), (MAX_IMAGE_BYTES + 1, false)] {
        assert_eq!(Announced { size_bytes, ..announced() }.validate().is_ok(), fits, "{size_bytes}");
    }
}

#[test]
fn the_key_of_an_object_names_the_medium_and_nobody() {
    let id = medium(1).id;
    assert_eq!(Media::id_of_object_key(&Media::object_key(id)), Some(id));
    let spaced = format!("uploads/{id}/x");
    for other in ["", "uploads/", "uploads/x", &id.to_string(), &spaced] {
        assert_eq!(Media::id_of_object_key(other), None, "{other:?}");
    }
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
        state: ready(),
        created_at: wednesday(),
        report: None,
    }
}

fn attach_to_authors_report(media: &[Option<Media>], wanted: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    attach(wanted, media, &author().id).map(|refs| refs.into_iter().map(|media| media.id).collect())
}

#[test]
fn what_is_checked_and_free_is_attached_in_the_order_asked_for() {
    assert_eq!(attach(&[], &[], &author().id), Ok(vec![]));
    let wanted = [medium(2), medium(1)];
    let refs = attach(&wanted.each_ref().map(|media| media.id), &[Some(free(2)), Some(free(1))], &author().id);
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
        ("taken", Some(Media { report: Some(unknown_report()), ..free(1) }), "is already attached to a report"),
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
        ("/media/4", "is already attached to a report"),
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
