//! Files that are two things at once. Whoever opens such a file by another program than a
//! viewer of media gets the other thing: a document, a page, an archive, a program.

use crate::bytes::{be32, index, le16, le32, long};

/// How much of a file's beginning is looked at for pages and documents.
pub(crate) const HEAD_BYTES: usize = 4_096;
/// How far from the end the end record of a ZIP can begin: its 22 bytes and its longest comment.
pub(crate) const TAIL_BYTES: usize = 65_557;
/// Readers of PDF look for its signature in so many bytes.
const PDF_BYTES: usize = 1_024;
/// How much text must follow a tag in the middle of bytes that are no text, where chance alone
/// would make tags.
const TAG_TEXT_BYTES: usize = 8;

const TAGS: [&[u8]; 4] = [b"<script", b"<html", b"<!doctype", b"<svg"];

/// Whether the beginning of a file also opens as a document or a page.
pub(crate) fn in_head(head: &[u8]) -> bool {
    let pdf = head.get(..PDF_BYTES).unwrap_or(head);
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    crate::bytes::contains(pdf, b"%PDF-") || has_tag(head, 0)
}

/// Whether what follows the end of a picture is dangerous. Phones append a lot: a second
/// picture, a video, trailers of their own. That is none of it.
pub(crate) fn in_trailer(trailer: &[u8]) -> bool {
    let head = trailer.get(..HEAD_BYTES).unwrap_or(trailer);
    is_program_or_archive(trailer) || in_head(head) || has_tag(trailer, TAG_TEXT_BYTES)
}

/// Whether the end of a file is the end of a ZIP archive. `tail` are its last bytes, and
/// `offset` says where in the file they begin.
pub(crate) fn in_tail(tail: &[u8], offset: u64) -> bool {
    let mut from = 0;
    while let Some(found) = find(tail, b"PK\x05\x06", from) {
        if is_end_of_zip(tail, offset, found) {
            return true;
        }
        from = found + 1;
    }
    false
}

fn is_end_of_zip(tail: &[u8], offset: u64, at: usize) -> bool {
    let (Some(size), Some(start), Some(comment)) = (le32(tail, at + 12), le32(tail, at + 16), le16(tail, at + 20))
    else {
        return false;
    };
    if at + 22 + usize::from(comment) > tail.len() {
        return false;
    }
    // The large form, whose true numbers stand in a record before this one.
    if at >= 20 && tail.get(at - 20..).is_some_and(|locator| locator.starts_with(b"PK\x06\x07")) {
        return true;
    }
    let end = offset + long(at);
    // The directory stands right before its end, whatever the offsets count from. Where it is
    // longer than the tail, its beginning cannot be looked at.
    let directory = at.checked_sub(index(size));
    let begins = directory.is_none_or(|directory| {
        size == 0 || tail.get(directory..).is_some_and(|bytes| bytes.starts_with(b"PK\x01\x02"))
    });
    begins && u64::from(start) + u64::from(size) <= end
}

fn is_program_or_archive(bytes: &[u8]) -> bool {
    let portable = || {
        let header = le32(bytes, 0x3c).map(index);
        bytes.starts_with(b"MZ")
            && header.and_then(|at| bytes.get(at..)).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
    };
    let mach = || {
        // A fat Mach-O has the magic of a Java class; a class is a program too.
        matches!(be32(bytes, 0), Some(0xfeed_face | 0xfeed_facf | 0xcefa_edfe | 0xcffa_edfe | 0xcafe_babe))
    };
    bytes.starts_with(b"\x7fELF")
        || bytes.starts_with(b"Rar!\x1a\x07")
        || bytes.starts_with(b"7z\xbc\xaf\x27\x1c")
        || bytes.starts_with(b"\x1f\x8b\x08")
        || bytes.starts_with(b"PK\x03\x04")
        || portable()
        || mach()
}

/// Whether a tag of a page stands in the bytes, with so much text after it.
fn has_tag(bytes: &[u8], text_bytes: usize) -> bool {
    let mut from = 0;
    while let Some(at) = find(bytes, b"<", from) {
        from = at + 1;
        let Some(rest) = bytes.get(at..) else { return false };
        for tag in TAGS {
            let Some((name, after)) = rest.split_at_checked(tag.len()) else { continue };
            let ends = after.first().is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
            let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
            if name.eq_ignore_ascii_case(tag) && ends && after.iter().take(text_bytes).all(text) {
                return true;
            }
        }
    }
    false
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        at += rest.iter().position(|&byte| byte == first)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
}
