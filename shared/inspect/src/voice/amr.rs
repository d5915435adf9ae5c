//! AMR, narrow and wide band: a signature, then frames of one byte of header each.

use pingan_domain::media::MediaRefusal;

use super::Heard;

const NARROW: &[u8] = b"#!AMR\n";
const WIDE: &[u8] = b"#!AMR-WB\n";
/// Each frame is 20 ms.
const FRAMES_PER_SECOND: u64 = 50;

/// The length of a frame's data by its type. The types that are not there are reserved.
const NARROW_BYTES: [Option<usize>; 16] = [
    Some(12),
    Some(13),
    Some(15),
    Some(17),
    Some(19),
    Some(20),
    Some(26),
    Some(31),
    Some(5),
    None,
    None,
    None,
    None,
    None,
    None,
    Some(0),
];
const WIDE_BYTES: [Option<usize>; 16] = [
    Some(17),
    Some(23),
    Some(32),
    Some(36),
    Some(40),
    Some(46),
    Some(50),
    Some(58),
    Some(60),
    Some(5),
    None,
    None,
    None,
    None,
    Some(0),
    Some(0),
];

pub(super) fn hear(bytes: &[u8]) -> Heard {
    let walk = walk(bytes);
    Heard::new(walk.frames, FRAMES_PER_SECOND, walk.flaw)
}

pub(super) fn clean(bytes: &[u8]) -> Vec<u8> {
    // There is nothing between the frames, so that what was walked over is the copy.
    bytes.get(..walk(bytes).end).unwrap_or_default().to_vec()
}

struct Walk {
    frames: u64,
    end: usize,
    flaw: Option<MediaRefusal>,
}

fn walk(bytes: &[u8]) -> Walk {
    let (signature, lengths) = if bytes.starts_with(WIDE) { (WIDE, &WIDE_BYTES) } else { (NARROW, &NARROW_BYTES) };
    let mut walk = Walk { frames: 0, end: signature.len().min(bytes.len()), flaw: None };
    while let Some(&header) = bytes.get(walk.end) {
        let length = lengths.get(usize::from(header >> 3 & 15)).copied().flatten();
        // The other bits are padding, and are zero.
        let Some(length) = length.filter(|_| header & 0x83 == 0) else {
            walk.flaw = Some(MediaRefusal::Damaged);
            break;
        };
        let end = walk.end + 1 + length;
        if end > bytes.len() {
            walk.flaw = Some(MediaRefusal::Incomplete);
            break;
        }
        walk.end = end;
        walk.frames += 1;
    }
    walk
}
