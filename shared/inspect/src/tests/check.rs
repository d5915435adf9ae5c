//! What must be true of every file, whatever it is.

use pingan_domain::media::{MediaKind, MediaType, Seen, THUMBNAIL_SIDE_PIXELS, WORKING_SIDE_PIXELS};
use pingan_inspect::{CopyFile, Edits, VideoLook, clean, look};

use super::mutate::Chance;

/// Whether a file was taken, or what is wrong with this crate.
pub(crate) fn check(bytes: &[u8], chance: &mut Chance) -> Result<bool, String> {
    let seen = look(bytes);
    let whole = flow(bytes, || bytes.len().max(1));
    let pieces = flow(bytes, || 1 + chance.below(if bytes.len() > 4_000 { 5_000 } else { 40 }));
    if whole != pieces {
        return Err(format!("in pieces it is another: {:?} and {:?}", whole.0, pieces.0));
    }
    let Some(content_type) = seen.content_type else { return Ok(false) };
    if content_type.kind() == MediaKind::Video {
        return if seen.flaw.is_some() { Ok(false) } else { check_video(bytes, &seen, &whole.1) };
    }
    let Ok(copies) = clean(bytes, content_type) else { return Ok(false) };
    if seen.flaw.is_some() {
        return Err(format!("taken with a flaw: {seen:?}"));
    }
    let working = copies.working.ok_or("no working copy")?;
    check_copy(&working, &seen, content_type, WORKING_SIDE_PIXELS)?;
    if let Some(thumbnail) = copies.thumbnail {
        check_copy(&thumbnail, &seen, content_type, THUMBNAIL_SIDE_PIXELS)?;
    }
    Ok(true)
}

/// What a file is, when it comes in pieces of these sizes.
pub(crate) fn flow(bytes: &[u8], mut size: impl FnMut() -> usize) -> (Seen, Edits) {
    let mut look = VideoLook::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size().clamp(1, rest.len()));
        look.push(piece);
        rest = behind;
    }
    look.finish()
}

fn check_video(bytes: &[u8], seen: &Seen, edits: &Edits) -> Result<bool, String> {
    let mut copy = bytes.to_vec();
    edits.apply(0, &mut copy);
    let (again, more) = flow(&copy, || 4_096);
    if again != *seen {
        return Err(format!("the copy is another: {seen:?} and {again:?}"));
    }
    let mut twice = copy.clone();
    more.apply(0, &mut twice);
    let differs = twice.iter().zip(&copy).position(|(twice, copy)| twice != copy);
    differs.map_or(Ok(true), |at| Err(format!("the copy of this {:?} is not clean at {at}", seen.content_type)))
}

fn check_copy(copy: &CopyFile, seen: &Seen, content_type: MediaType, longest: u32) -> Result<(), String> {
    let again = look(&copy.bytes);
    if again.flaw.is_some() || again.content_type != Some(copy.content_type) {
        return Err(format!("the copy is no {}: {again:?}", copy.content_type));
    }
    if copy.content_type != MediaType::Jpeg {
        if again.width_pixels != seen.width_pixels || content_type != copy.content_type {
            return Err(format!("the copy is another: {seen:?} and {again:?}"));
        }
        let twice = clean(&copy.bytes, content_type).map_err(|refusal| format!("the copy is refused: {refusal}"))?;
        let same = twice.working.is_some_and(|twice| twice.bytes == copy.bytes);
        return if same { Ok(()) } else { Err(format!("the copy of this {content_type} is not clean")) };
    }
    let size = |seen: &Seen| seen.width_pixels.zip(seen.height_pixels).ok_or("no size");
    let ((width, height), (real_width, real_height)) = (size(&again)?, size(seen)?);
    if width.max(height) > longest || width.max(height) > real_width.max(real_height) {
        return Err(format!("the copy is too large: {width}x{height}"));
    }
    if width != height && real_width != real_height && (width > height) != (real_width > real_height) {
        return Err(format!("the copy lies on its side: {width}x{height} of {real_width}x{real_height}"));
    }
    only_pixels(&copy.bytes)
}

/// Whether a JPEG has the segments that make pixels, and no other.
pub(crate) fn only_pixels(bytes: &[u8]) -> Result<(), String> {
    let mut at = 2;
    loop {
        let segment = bytes.get(at..at + 4).ok_or("the copy breaks off")?;
        let (marker, length) = (segment[1], usize::from(segment[2]) << 8 | usize::from(segment[3]));
        match marker {
            // JFIF, without a preview.
            0xe0 if length == 16 => {}
            0xdb | 0xc0 | 0xc4 => {}
            0xda => break,
            _ => return Err(format!("the copy has a segment {marker:#x}")),
        }
        at += 2 + length;
    }
    if bytes.ends_with(&[0xff, 0xd9]) { Ok(()) } else { Err("the copy goes on behind its end".to_owned()) }
}
