//! Videos, and whatever else is made of boxes, looked at while they flow by.

use pingan_domain::media::{MediaRefusal, Seen};

use crate::{
    boxes::Kind,
    bytes::{array, be64, long},
    danger,
    edits::{Edits, gaps, merged},
    kind,
    movie::{self, Movie},
};

/// The largest index that is kept: that of many hours.
const MAX_MOVIE_BYTES: u64 = 16 * 1024 * 1024;
/// The largest index of one fragment that is kept.
const MAX_FRAGMENT_BYTES: u64 = 2 * 1024 * 1024;
/// The most boxes side by side: those of a day in fragments of two seconds.
const MAX_BOXES: u32 = 100_000;
/// The longest list of brands that is kept.
const MAX_BRANDS_BYTES: u64 = 1_024;

/// Looks at a video (any ISO-BMFF file) while it flows by.
///
/// It keeps the index and little more, whatever the size of the file.
#[derive(Debug, Default)]
pub struct VideoLook {
    at: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    reading: Reading,
    boxes: u32,
    movie: Option<Movie>,
    fragments: bool,
    data: Vec<(u64, u64)>,
    edits: Edits,
    flaw: Option<MediaRefusal>,
}

/// What the next bytes are.
#[derive(Debug)]
enum Reading {
    /// A header, of which so much is here.
    Header(Vec<u8>),
    /// A body that is passed over: so much is left of it, or all that follows.
    Body(Option<u64>),
    /// A body that is kept.
    Kept { kind: Kind, base: u64, left: Option<u64>, bytes: Vec<u8> },
    /// Nothing that can be made sense of.
    Nothing,
}

impl Default for Reading {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl VideoLook {
    /// Begins at the first byte of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, chunk: &[u8]) {
        let room = danger::HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        self.keep_tail(chunk);
        let mut rest = chunk;
        while !rest.is_empty() {
            let taken = self.take(rest);
            self.at += long(taken);
            rest = rest.get(taken..).unwrap_or_default();
            // A body can have no bytes at all, and ends then before the next one is read.
            self.end_of_body();
        }
    }

    /// What the whole file says, and what a clean copy of it changes.
    pub fn finish(mut self) -> (Seen, Edits) {
        let total = self.at;
        let sniffed = kind::sniff(&self.head);
        // What is kept in between depends on the pieces that came; what is looked at must not.
        self.tail.drain(..self.tail.len().saturating_sub(danger::TAIL_BYTES));
        let polyglot = danger::in_head(&self.head) || danger::in_tail(&self.tail, total - long(self.tail.len()));
        let polyglot = polyglot.then_some(MediaRefusal::Polyglot);
        let Some(kind::Sniffed::Boxes { brand }) = sniffed else {
            let content_type = sniffed.and_then(kind::Sniffed::media_type);
            return (Seen { content_type, flaw: polyglot, ..Seen::default() }, Edits::default());
        };
        if let kind::Brand::Picture(picture) = brand {
            return (Seen { content_type: Some(picture), flaw: polyglot, ..Seen::default() }, Edits::default());
        }
        self.close();
        let mut movie = self.movie.take();
        let found = movie.as_mut().ok_or(MediaRefusal::Incomplete).and_then(|movie| {
            movie.settle();
            self.weigh(movie, total)
        });
        let mut flaw = self.flaw.or(found.err());
        let content_type = brand.media_type(movie.as_ref());
        let mut seen = Seen { content_type, ..Seen::default() };
        if let Some(movie) = movie {
            if movie.has_picture {
                seen.width_pixels = Some(movie.width);
                seen.height_pixels = Some(movie.height);
            }
            seen.duration_ms = Some(movie.duration_ms);
            if !movie.has_picture && !movie.has_sound {
                flaw = flaw.or(Some(MediaRefusal::Damaged));
            }
        }
        self.edits.settle();
        if self.edits.too_many() {
            flaw = flaw.or(Some(MediaRefusal::Damaged));
        }
        seen.flaw = polyglot.or(flaw);
        (seen, self.edits)
    }

    /// Adds to the edits what of the media data no kept track uses.
    fn weigh(&mut self, movie: &Movie, total: u64) -> Result<(), MediaRefusal> {
        let data = merged(self.data.clone());
        if data.is_empty() {
            return Err(MediaRefusal::Incomplete);
        }
        if self.fragments {
            // Which bytes belong to which track is said all over the fragments.
            return if movie.has_other { Err(MediaRefusal::Damaged) } else { Ok(()) };
        }
        if movie.last_chunk.is_none_or(|chunk| chunk >= total) {
            return Err(MediaRefusal::Incomplete);
        }
        // What a dropped track calls its own goes, even where a kept one points to it as well.
        let kept: Vec<_> = movie.kept.iter().flat_map(|&(from, to)| gaps(&movie.dropped, from, to)).collect();
        for (from, to) in data {
            for (from, to) in gaps(&kept, from, to) {
                self.edits.zero(from, to);
            }
        }
        Ok(())
    }

    fn keep_tail(&mut self, chunk: &[u8]) {
        let most = danger::TAIL_BYTES;
        if chunk.len() >= most {
            self.tail.clear();
            self.tail.extend_from_slice(chunk.get(chunk.len() - most..).unwrap_or_default());
            return;
        }
        self.tail.extend_from_slice(chunk);
        // Cut now and then only, so that small chunks do not move all of it each time.
        if self.tail.len() > 2 * most {
            self.tail.drain(..self.tail.len() - most);
        }
    }

    /// Takes some of the bytes, and says how many.
    fn take(&mut self, rest: &[u8]) -> usize {
        let within = |left: Option<u64>| left.map_or(rest.len(), |left| usize::try_from(left).unwrap_or(usize::MAX));
        match &mut self.reading {
            Reading::Header(header) => {
                let wanted = if header.len() >= 8 { 16 } else { 8 };
                let taken = rest.len().min(wanted - header.len());
                header.extend_from_slice(rest.get(..taken).unwrap_or_default());
                if header.len() == 16 || (header.len() == 8 && !header.starts_with(&[0, 0, 0, 1])) {
                    let header = std::mem::take(header);
                    self.open(&header, self.at + long(taken));
                }
                taken
            }
            Reading::Body(left) => {
                let taken = rest.len().min(within(*left));
                *left = left.map(|left| left - long(taken));
                taken
            }
            Reading::Kept { left, bytes, .. } => {
                let taken = rest.len().min(within(*left));
                *left = left.map(|left| left - long(taken));
                bytes.extend_from_slice(rest.get(..taken).unwrap_or_default());
                if long(bytes.len()) > MAX_MOVIE_BYTES {
                    self.give_up(MediaRefusal::Damaged);
                }
                taken
            }
            Reading::Nothing => rest.len(),
        }
    }

    fn give_up(&mut self, flaw: MediaRefusal) {
        self.flaw = self.flaw.or(Some(flaw));
        self.reading = Reading::Nothing;
    }

    /// Begins a box, whose body begins at `body`.
    fn open(&mut self, header: &[u8], body: u64) {
        let header_bytes = long(header.len());
        let start = body - header_bytes;
        let kind: Kind = array(header, 4).unwrap_or_default();
        let small: [u8; 4] = array(header, 0).unwrap_or_default();
        let size = match u32::from_be_bytes(small) {
            0 => None,
            1 => be64(header, 8),
            size => Some(u64::from(size)),
        };
        self.boxes += 1;
        let left = match size.map(|size| size.checked_sub(header_bytes)) {
            None => None,
            Some(Some(left)) if start.checked_add(left).is_some_and(|end| end < u64::MAX / 2) => Some(left),
            _ => return self.give_up(MediaRefusal::Damaged),
        };
        if self.boxes > MAX_BOXES || self.edits.too_many() {
            return self.give_up(MediaRefusal::Damaged);
        }
        let end = left.map_or(u64::MAX, |left| body + left);
        let keep = |most: u64| left.is_none_or(|left| left <= most);
        match &kind {
            b"moov" if self.movie.is_none() => {
                if !keep(MAX_MOVIE_BYTES) {
                    return self.give_up(MediaRefusal::Damaged);
                }
                self.reading = Reading::Kept { kind, base: body, left, bytes: Vec::new() };
                return;
            }
            b"moof" | b"mfra" => {
                if !keep(MAX_FRAGMENT_BYTES) {
                    return self.give_up(MediaRefusal::Damaged);
                }
                self.reading = Reading::Kept { kind, base: body, left, bytes: Vec::new() };
                return;
            }
            b"mdat" => self.data.push((body, end)),
            b"ftyp" if start == 0 && keep(MAX_BRANDS_BYTES) => {}
            b"styp" if keep(MAX_BRANDS_BYTES) => {}
            b"sidx" => {}
            b"free" | b"skip" | b"wide" => self.edits.zero(body, end),
            // Room that was reserved and never used.
            [0, 0, 0, 0] if size.is_none() => self.edits.zero(body, end),
            _ => self.edits.blank(start, body, end),
        }
        self.reading = Reading::Body(left);
    }

    /// Goes on to the next header where a body has ended.
    fn end_of_body(&mut self) {
        match &self.reading {
            Reading::Body(Some(0)) => self.reading = Reading::default(),
            Reading::Kept { left: Some(0), .. } => {
                if let Reading::Kept { kind, base, bytes, .. } = std::mem::take(&mut self.reading)
                    && let Err(flaw) = self.read(kind, base, &bytes)
                {
                    self.give_up(flaw);
                }
            }
            _ => {}
        }
    }

    fn read(&mut self, kind: Kind, base: u64, bytes: &[u8]) -> Result<(), MediaRefusal> {
        match &kind {
            b"moov" => self.movie = Some(Movie::read(bytes, base, &mut self.edits)?),
            b"moof" => {
                self.fragments = true;
                let movie = self.movie.as_mut().ok_or(MediaRefusal::Damaged)?;
                movie.fragment(bytes, base, &mut self.edits)?;
            }
            _ => movie::random_access(bytes, base, &mut self.edits)?,
        }
        Ok(())
    }

    /// Ends what the end of the file ends, or says that it breaks off.
    fn close(&mut self) {
        match std::mem::take(&mut self.reading) {
            Reading::Header(header) if header.iter().all(|&byte| byte == 0) => {}
            Reading::Body(None) | Reading::Nothing => {}
            Reading::Kept { kind, base, left: None, bytes } => {
                if let Err(flaw) = self.read(kind, base, &bytes) {
                    self.give_up(flaw);
                }
            }
            Reading::Header(_) | Reading::Body(Some(_)) | Reading::Kept { left: Some(_), .. } => {
                self.give_up(MediaRefusal::Incomplete);
            }
        }
        for range in &mut self.data {
            range.1 = range.1.min(self.at);
        }
    }
}
