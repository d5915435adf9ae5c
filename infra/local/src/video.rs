//! A video of any size, made box by box (ISO/IEC 14496-12): what a phone records, but for the picture in it. For trying
//! uploads out, by hand and in tests.

/// Where the phone says that it was, as phones write it into a video.
pub const WHERE: &str = "+31.2304+121.4737/";

/// The size of each of its frames.
const FRAME_BYTES: u32 = 1024 * 1024;

/// An MP4 of this many seconds and mebibytes, 4,000 at most, with the place of recording in its metadata. Another seed is another video.
pub fn mp4(megabytes: u32, seed: u64) -> Vec<u8> {
    let ftyp = boxed(*b"ftyp", &[b"isom", &512_u32.to_be_bytes(), b"isomavc1mp42"]);
    // The index says where the frames begin, which depends on how long it is itself.
    let megabytes = megabytes.min(4_000);
    let index = |frames_at: u32| moov(megabytes, frames_at);
    let frames_at = length(ftyp.len() + index(0).len() + 8);
    let mut video = [ftyp, index(frames_at)].concat();
    let size = megabytes * FRAME_BYTES;
    video.reserve_exact(size as usize + 8);
    video.extend((size + 8).to_be_bytes());
    video.extend(b"mdat");
    let mut state = 2 * seed + 1;
    for _ in 0..size / 8 {
        // xorshift64: bytes that do not repeat, fast.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        video.extend(state.to_le_bytes());
    }
    video
}

/// The index comes to a few hundred bytes.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn boxed(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = length(body.len() + 8);
    [&size.to_be_bytes()[..], &kind, &body].concat()
}

/// A box with a version and flags of zero.
fn full(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    boxed(kind, &[&[0_u8; 4][..], &parts.concat()])
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn moov(seconds: u32, frames_at: u32) -> Vec<u8> {
    const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
    let duration = seconds * 1_000;
    let mvhd = full(
        *b"mvhd",
        &[&words(&[0, 0, 1_000, duration, 0x1_0000, 0x0100_0000, 0, 0]), &words(&UNITY), &words(&[0; 6]), &words(&[2])],
    );
    let tkhd = boxed(
        *b"tkhd",
        &[
            &[0, 0, 0, 7],
            &words(&[0, 0, 1, 0, duration, 0, 0, 0, 0]),
            &words(&UNITY),
            &words(&[1_280 << 16, 720 << 16]),
        ],
    );
    let mdhd = full(*b"mdhd", &[&words(&[0, 0, 1_000, duration, 0x55C4_0000])]);
    let hdlr = full(*b"hdlr", &[&[0; 4], b"vide", &[0; 12], b"\0"]);
    let dref = full(*b"dref", &[&words(&[1]), &boxed(*b"url ", &[&[0, 0, 0, 1]])]);
    let sps: &[u8] = &[0x67, 0x42, 0x00, 0x1E, 0xAB, 0x40, 0x50, 0x1E, 0xD0, 0x0F, 0x08, 0x84, 0x6A];
    let pps: &[u8] = &[0x68, 0xCE, 0x38, 0x80];
    let avcc = boxed(*b"avcC", &[&[1, 0x42, 0x00, 0x1E, 0xFF, 0xE1, 0, 13], sps, &[1, 0, 4], pps]);
    let avc1 = boxed(
        *b"avc1",
        &[
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            &[5, 0, 2, 0xD0],
            &words(&[0x48_0000, 0x48_0000, 0]),
            &[0, 1],
            &[0; 32],
            &[0, 0x18, 0xFF, 0xFF],
            &avcc,
        ],
    );
    let stbl = boxed(
        *b"stbl",
        &[
            &full(*b"stsd", &[&words(&[1]), &avc1]),
            &full(*b"stts", &[&words(&[1, seconds, 1_000])]),
            &full(*b"stsc", &[&words(&[1, 1, seconds, 1])]),
            &full(*b"stsz", &[&words(&[FRAME_BYTES, seconds])]),
            &full(*b"stco", &[&words(&[1, frames_at])]),
        ],
    );
    let vmhd = boxed(*b"vmhd", &[&[0, 0, 0, 1], &[0; 8]]);
    let minf = boxed(*b"minf", &[&vmhd, &boxed(*b"dinf", &[&dref]), &stbl]);
    let trak = boxed(*b"trak", &[&tkhd, &boxed(*b"mdia", &[&mdhd, &hdlr, &minf])]);
    // Its length in 16 bits, and the code of the language: none.
    let place = boxed(*b"\xA9xyz", &[&length(WHERE.len()).to_be_bytes()[2..], &[0x15, 0xC7], WHERE.as_bytes()]);
    boxed(*b"moov", &[&mvhd, &trak, &boxed(*b"udta", &[&place])])
}
