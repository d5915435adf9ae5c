//! The index of an MP4 or `QuickTime` file: what it says, and what of it has to go.
//!
//! It is read by lists of what may stay. Everything else becomes `free` and zeros: a list of
//! what must go would never be complete, because every maker adds boxes of its own.

use pingan_domain::media::MediaRefusal;

use crate::{
    boxes::{Kind, Part, Parts},
    bytes::{array, be16, be32, be64, index, long},
    edits::{Edits, merged},
};

/// The most tracks. A phone writes four or five.
const MAX_TRACKS: usize = 64;
/// The most sample descriptions of a track.
const MAX_DESCRIPTIONS: usize = 64;

const IN_MOVIE: &[&Kind] = &[b"mvhd", b"trak", b"mvex", b"iods"];
const IN_EXTENDS: &[&Kind] = &[b"mehd", b"trex"];
const IN_TRACK: &[&Kind] = &[b"tkhd", b"mdia", b"edts", b"tapt"];
const IN_EDITS: &[&Kind] = &[b"elst"];
const IN_APERTURES: &[&Kind] = &[b"clef", b"prof", b"enof"];
const IN_MEDIA: &[&Kind] = &[b"mdhd", b"hdlr", b"minf"];
const IN_INFORMATION: &[&Kind] = &[b"vmhd", b"smhd", b"hdlr", b"dinf", b"stbl"];
const IN_DATA: &[&Kind] = &[b"dref"];
const IN_SAMPLES: &[&Kind] = &[
    b"stsd", b"stts", b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"stps", b"sdtp",
    b"sbgp", b"sgpd",
];
/// What describes how samples are coded, for the codecs of phones.
const IN_DESCRIPTION: &[&Kind] = &[
    b"avcC", b"hvcC", b"lhvC", b"hvcE", b"vvcC", b"av1C", b"vpcC", b"dvcC", b"dvvC", b"dvwC", b"esds", b"d263",
    b"colr", b"pasp", b"clap", b"btrt", b"fiel", b"gama", b"mdcv", b"clli", b"amve", b"glbl", b"wave", b"chan",
    b"damr", b"dOps", b"dac3", b"dec3", b"alac", b"srat", b"pcmC", b"dfLa",
];
const IN_FRAGMENT: &[&Kind] = &[b"mfhd", b"traf"];
const IN_TRACK_FRAGMENT: &[&Kind] = &[b"tfhd", b"tfdt", b"trun", b"sdtp", b"sbgp", b"sgpd"];
const IN_RANDOM_ACCESS: &[&Kind] = &[b"tfra", b"mfro"];

/// What a `moov` says.
#[derive(Debug, Default)]
pub(crate) struct Movie {
    pub(crate) has_picture: bool,
    pub(crate) has_sound: bool,
    /// Whether there is a track of another kind, which does not survive.
    pub(crate) has_other: bool,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The length as the file says it, in milliseconds.
    pub(crate) duration_ms: u64,
    /// Where the samples of the kept tracks lie.
    pub(crate) kept: Vec<(u64, u64)>,
    /// Where the samples of all other tracks lie.
    pub(crate) dropped: Vec<(u64, u64)>,
    /// Where the last chunk of a kept track begins.
    pub(crate) last_chunk: Option<u64>,
    fragmented: Vec<Fragmented>,
}

/// A track that fragments can continue.
#[derive(Debug)]
struct Fragmented {
    id: u32,
    timescale: u32,
    sample_duration: u32,
    /// In units of the time scale, over all fragments so far.
    duration: u64,
}

impl Movie {
    /// Reads the body of a `moov` that begins at `base` in the file.
    pub(crate) fn read(moov: &[u8], base: u64, edits: &mut Edits) -> Result<Self, MediaRefusal> {
        let mut movie = Self::default();
        let mut sheet = Sheet { bytes: moov, base, edits };
        let mut tracks = 0;
        for part in sheet.children(0, moov.len(), IN_MOVIE)? {
            match &part.kind {
                b"mvhd" => {
                    let (timescale, duration) = sheet.timed_header(part).ok_or(MediaRefusal::Damaged)?;
                    movie.lasts(duration, timescale);
                }
                b"trak" => {
                    tracks += 1;
                    if tracks > MAX_TRACKS {
                        return Err(MediaRefusal::Damaged);
                    }
                    movie.track(&mut sheet, part)?;
                }
                b"mvex" => movie.extends(&mut sheet, part)?,
                _ => {}
            }
        }
        movie.kept = merged(std::mem::take(&mut movie.kept));
        movie.dropped = merged(std::mem::take(&mut movie.dropped));
        if edits.too_many() { Err(MediaRefusal::Damaged) } else { Ok(movie) }
    }

    /// Reads the body of a `moof`.
    pub(crate) fn fragment(&mut self, moof: &[u8], base: u64, edits: &mut Edits) -> Result<(), MediaRefusal> {
        let mut sheet = Sheet { bytes: moof, base, edits };
        for part in sheet.children(0, moof.len(), IN_FRAGMENT)? {
            if &part.kind != b"traf" {
                continue;
            }
            let mut track = None;
            let mut default = 0;
            for part in sheet.children(part.body, part.end, IN_TRACK_FRAGMENT)? {
                let body = sheet.body(part);
                let flags = be32(body, 0).unwrap_or(0) & 0x00ff_ffff;
                match &part.kind {
                    b"tfhd" => {
                        let id = be32(body, 4).ok_or(MediaRefusal::Damaged)?;
                        track = self.fragmented.iter().position(|known| known.id == id);
                        let known = track.and_then(|track| self.fragmented.get(track));
                        default = known.map_or(0, |known| known.sample_duration);
                        let at = 8 + 8 * usize::from(flags & 1 != 0) + 4 * usize::from(flags & 2 != 0);
                        if flags & 8 != 0 {
                            default = be32(body, at).unwrap_or(0);
                        }
                    }
                    b"trun" => {
                        if let Some(known) = track.and_then(|track| self.fragmented.get_mut(track)) {
                            known.duration = known.duration.saturating_add(run_duration(body, flags, default));
                        }
                    }
                    _ => {}
                }
            }
        }
        if edits.too_many() { Err(MediaRefusal::Damaged) } else { Ok(()) }
    }

    /// Adds what the fragments have lasted, at the end of the file.
    pub(crate) fn settle(&mut self) {
        let longest =
            self.fragmented.iter().map(|track| milliseconds(track.duration, track.timescale)).max().unwrap_or(0);
        self.duration_ms = self.duration_ms.max(longest);
    }

    fn lasts(&mut self, duration: u64, timescale: u32) {
        self.duration_ms = self.duration_ms.max(milliseconds(duration, timescale));
    }

    fn extends(&mut self, sheet: &mut Sheet<'_>, part: Part) -> Result<(), MediaRefusal> {
        for part in sheet.children(part.body, part.end, IN_EXTENDS)? {
            let body = sheet.body(part);
            if &part.kind == b"trex"
                && let (Some(id), Some(duration)) = (be32(body, 4), be32(body, 12))
                && let Some(track) = self.fragmented.iter_mut().find(|track| track.id == id)
            {
                track.sample_duration = duration;
            }
        }
        Ok(())
    }

    fn track(&mut self, sheet: &mut Sheet<'_>, track: Part) -> Result<(), MediaRefusal> {
        let media = sheet.find(track, *b"mdia");
        let handler = media.and_then(|media| sheet.find(media, *b"hdlr"));
        let handler: Option<Kind> = handler.and_then(|handler| array(sheet.body(handler), 8));
        let is_picture = handler == Some(*b"vide");
        if !is_picture && handler != Some(*b"soun") {
            self.has_other = true;
            let information = media.and_then(|media| sheet.find(media, *b"minf"));
            if let Some(samples) = information.and_then(|information| sheet.find(information, *b"stbl")) {
                Table::read(sheet, samples).ranges(&mut self.dropped);
            }
            sheet.blank(track);
            return Ok(());
        }
        self.has_picture |= is_picture;
        self.has_sound |= !is_picture;
        let (mut id, mut timescale) = (0, 0);
        let mut size = (0, 0);
        for part in sheet.children(track.body, track.end, IN_TRACK)? {
            match &part.kind {
                b"tkhd" => {
                    let body = sheet.body(part);
                    let long = body.first() == Some(&1);
                    id = be32(body, if long { 20 } else { 12 }).ok_or(MediaRefusal::Damaged)?;
                    size = shown_size(body, if long { 52 } else { 40 }).ok_or(MediaRefusal::Damaged)?;
                    sheet.zero(part.body + 4, part.body + if long { 20 } else { 12 });
                }
                b"edts" => drop(sheet.children(part.body, part.end, IN_EDITS)?),
                b"tapt" => drop(sheet.children(part.body, part.end, IN_APERTURES)?),
                b"mdia" => {
                    for part in sheet.children(part.body, part.end, IN_MEDIA)? {
                        match &part.kind {
                            b"mdhd" => {
                                let (scale, duration) = sheet.timed_header(part).ok_or(MediaRefusal::Damaged)?;
                                timescale = scale;
                                self.lasts(duration, scale);
                            }
                            b"hdlr" => sheet.zero(part.body + 12, part.end),
                            _ => {
                                let coded = self.information(sheet, part, timescale, is_picture)?;
                                if is_picture && size.0.min(size.1) == 0 {
                                    size = coded;
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        if is_picture && u64::from(size.0) * u64::from(size.1) > u64::from(self.width) * u64::from(self.height) {
            (self.width, self.height) = size;
        }
        self.fragmented.push(Fragmented { id, timescale, sample_duration: 0, duration: 0 });
        Ok(())
    }

    /// Reads a `minf`; answers with the size of the coded pictures.
    fn information(
        &mut self,
        sheet: &mut Sheet<'_>,
        part: Part,
        timescale: u32,
        is_picture: bool,
    ) -> Result<(u32, u32), MediaRefusal> {
        let mut size = (0, 0);
        for part in sheet.children(part.body, part.end, IN_INFORMATION)? {
            match &part.kind {
                b"hdlr" => sheet.zero(part.body + 12, part.end),
                b"dinf" => {
                    for part in sheet.children(part.body, part.end, IN_DATA)? {
                        sheet.references(part)?;
                    }
                }
                b"stbl" => {
                    let table = Table::read(sheet, part);
                    self.last_chunk = self.last_chunk.max(table.ranges(&mut self.kept));
                    self.lasts(table.duration(), timescale);
                    for part in sheet.children(part.body, part.end, IN_SAMPLES)? {
                        if &part.kind == b"stsd" {
                            size = sheet.descriptions(part, is_picture)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(size)
    }
}

/// Blanks what does not belong into an `mfra`.
pub(crate) fn random_access(mfra: &[u8], base: u64, edits: &mut Edits) -> Result<(), MediaRefusal> {
    Sheet { bytes: mfra, base, edits }.children(0, mfra.len(), IN_RANDOM_ACCESS).map(drop)
}

/// Bytes that are read and changed at once.
struct Sheet<'a> {
    bytes: &'a [u8],
    /// Where in the file they begin.
    base: u64,
    edits: &'a mut Edits,
}

impl<'a> Sheet<'a> {
    fn body(&self, part: Part) -> &'a [u8] {
        self.bytes.get(part.body..part.end).unwrap_or_default()
    }

    /// The children that may stay. All others are blanked.
    fn children(&mut self, from: usize, to: usize, allowed: &[&Kind]) -> Result<Vec<Part>, MediaRefusal> {
        let mut stay = Vec::new();
        let mut parts = Parts::new(self.bytes, from, to);
        for part in parts.by_ref() {
            if allowed.contains(&&part.kind) {
                stay.push(part);
            } else {
                self.blank(part);
            }
            if self.edits.too_many() {
                return Err(MediaRefusal::Damaged);
            }
        }
        self.zero(parts.at(), to);
        if parts.broken() { Err(MediaRefusal::Damaged) } else { Ok(stay) }
    }

    fn find(&self, parent: Part, kind: Kind) -> Option<Part> {
        Parts::new(self.bytes, parent.body, parent.end).find(|part| part.kind == kind)
    }

    fn zero(&mut self, from: usize, to: usize) {
        self.edits.zero(self.base + long(from), self.base + long(to));
    }

    fn blank(&mut self, part: Part) {
        let at = |place: usize| self.base + long(place);
        let (start, body, end) = (at(part.start), at(part.body), at(part.end));
        // QuickTime reserves eight bytes as `wide`, and a `free` is one already.
        // Zeros, which end some lists, need no name either.
        let zeros = self.bytes.get(part.start..part.start + 8) == Some(&[0; 8]);
        if zeros || matches!(&part.kind, b"free" | b"wide" | b"skip") {
            self.edits.zero(body, end);
        } else {
            self.edits.blank(start, body, end);
        }
    }

    /// The time scale and duration of an `mvhd` or `mdhd`. When it was made is taken out.
    fn timed_header(&mut self, part: Part) -> Option<(u32, u64)> {
        let body = self.body(part);
        let long = body.first() == Some(&1);
        let (timescale, duration) =
            if long { (be32(body, 20)?, be64(body, 24)?) } else { (be32(body, 12)?, u64::from(be32(body, 16)?)) };
        self.zero(part.body + 4, part.body + if long { 20 } else { 12 });
        let unknown = duration == if long { u64::MAX } else { u64::from(u32::MAX) };
        Some((timescale, if unknown { 0 } else { duration }))
    }

    /// Makes each data reference of a `dref` say that the samples are in this file: another
    /// place would be a path or an address.
    fn references(&mut self, part: Part) -> Result<(), MediaRefusal> {
        let mut parts = Parts::new(self.bytes, part.body + 8, part.end);
        for entry in parts.by_ref() {
            if entry.end - entry.body >= 4 {
                self.edits.write(self.base + long(entry.body), [0, 0, 0, 1]);
                self.zero(entry.body + 4, entry.end);
            }
        }
        self.zero(parts.at().min(part.end), part.end);
        if parts.broken() { Err(MediaRefusal::Damaged) } else { Ok(()) }
    }

    /// Reads an `stsd`; answers with the size of the coded pictures.
    fn descriptions(&mut self, part: Part, is_picture: bool) -> Result<(u32, u32), MediaRefusal> {
        let mut size = (0, 0);
        let mut parts = Parts::new(self.bytes, part.body + 8, part.end);
        for (number, entry) in parts.by_ref().enumerate() {
            if number >= MAX_DESCRIPTIONS {
                return Err(MediaRefusal::Damaged);
            }
            let body = self.body(entry);
            // Who made the encoder, where QuickTime says so.
            self.zero((entry.body + 12).min(entry.end), (entry.body + 16).min(entry.end));
            let fixed = if is_picture {
                let side = |at| be16(body, at).map_or(0, u32::from);
                size = (side(24), side(26));
                // The name of the encoder.
                self.zero((entry.body + 42).min(entry.end), (entry.body + 74).min(entry.end));
                78
            } else {
                match be16(body, 8) {
                    Some(1) => 44,
                    Some(2) => 64,
                    _ => 28,
                }
            };
            if fixed < body.len() {
                // Some makers end this with bytes that are no box. They are zeroed.
                let from = entry.body + fixed;
                let mut inner = Parts::new(self.bytes, from, entry.end);
                for part in inner.by_ref() {
                    if !IN_DESCRIPTION.contains(&&part.kind) {
                        self.blank(part);
                    }
                }
                self.zero(inner.at(), entry.end);
            }
        }
        if parts.broken() { Err(MediaRefusal::Damaged) } else { Ok(size) }
    }
}

/// The size of a track as it is shown: the matrix may turn it.
fn shown_size(header: &[u8], matrix: usize) -> Option<(u32, u32)> {
    let cell = |number: usize| array(header, matrix + 4 * number).map(|bytes| i32::from_be_bytes(bytes).unsigned_abs());
    let straight = u64::from(cell(0)?) + u64::from(cell(4)?);
    let turned = u64::from(cell(1)?) + u64::from(cell(3)?);
    // Fixed point, with 16 bits behind the point.
    let side = |number: usize| be32(header, matrix + 36 + 4 * number).map(|side| (side >> 16) + (side >> 15 & 1));
    let (width, height) = (side(0)?, side(1)?);
    Some(if turned > straight { (height, width) } else { (width, height) })
}

fn milliseconds(duration: u64, timescale: u32) -> u64 {
    let exact = u128::from(duration) * 1_000;
    exact.checked_div(u128::from(timescale)).map_or(0, |ms| u64::try_from(ms).unwrap_or(u64::MAX))
}

/// How long the samples of a `trun` last.
fn run_duration(body: &[u8], flags: u32, default: u32) -> u64 {
    let count = be32(body, 4).unwrap_or(0);
    if flags & 0x100 == 0 {
        return u64::from(count) * u64::from(default);
    }
    let first = 8 + 4 * usize::from(flags & 1 != 0) + 4 * usize::from(flags & 4 != 0);
    let each = 4 * [0x100, 0x200, 0x400, 0x800].iter().filter(|&&field| flags & field != 0).count();
    let rows = body.get(first..).unwrap_or_default().chunks_exact(each).take(index(count));
    rows.filter_map(|row| be32(row, 0)).map(u64::from).sum()
}

/// Where the samples of a track lie.
#[derive(Default)]
struct Table<'a> {
    durations: &'a [u8],
    chunks: &'a [u8],
    sizes: Sizes<'a>,
    offsets: &'a [u8],
    wide_offsets: bool,
}

/// How large samples are.
#[derive(Clone, Copy)]
enum Sizes<'a> {
    /// All alike. As a fraction, because old `QuickTime` counts single values of sound.
    Same { count: u32, bytes: u64, per: u64 },
    /// Each its own, in so many bits.
    Each { bits: u32, count: u32, table: &'a [u8] },
}

impl Default for Sizes<'_> {
    fn default() -> Self {
        Self::Same { count: 0, bytes: 0, per: 1 }
    }
}

impl<'a> Table<'a> {
    fn read(sheet: &Sheet<'a>, samples: Part) -> Self {
        let mut table = Self::default();
        let mut sound = (0, 1);
        for part in Parts::new(sheet.bytes, samples.body, samples.end) {
            let body = sheet.body(part);
            let rows = body.get(8..).unwrap_or_default();
            match &part.kind {
                b"stts" => table.durations = rows,
                b"stsc" => table.chunks = rows,
                b"stco" => (table.offsets, table.wide_offsets) = (rows, false),
                b"co64" => (table.offsets, table.wide_offsets) = (rows, true),
                b"stsd" => sound = sound_frame(rows).unwrap_or((0, 1)),
                b"stsz" => {
                    let count = be32(body, 8).unwrap_or(0);
                    table.sizes = match be32(body, 4) {
                        Some(0) => Sizes::Each { bits: 32, count, table: body.get(12..).unwrap_or_default() },
                        Some(bytes) => Sizes::Same { count, bytes: u64::from(bytes), per: 1 },
                        None => Sizes::default(),
                    };
                }
                b"stz2" => {
                    let bits = be32(body, 4).unwrap_or(0) & 0xff;
                    let count = be32(body, 8).unwrap_or(0);
                    table.sizes = Sizes::Each { bits, count, table: body.get(12..).unwrap_or_default() };
                }
                _ => {}
            }
        }
        // A sample of one byte is how old QuickTime says "look at the description".
        if let Sizes::Same { count, bytes: 1, .. } = table.sizes
            && sound.0 > 0
        {
            table.sizes = Sizes::Same { count, bytes: sound.0, per: sound.1 };
        }
        table
    }

    /// How long all samples last, in the units of the track.
    fn duration(&self) -> u64 {
        let rows = self.durations.chunks_exact(8);
        rows.filter_map(|row| Some(u64::from(be32(row, 0)?) * u64::from(be32(row, 4)?))).fold(0, u64::saturating_add)
    }

    /// Adds where its chunks lie; answers with where the last one begins.
    fn ranges(&self, into: &mut Vec<(u64, u64)>) -> Option<u64> {
        let mut runs = self.chunks.chunks_exact(12).filter_map(|row| Some((be32(row, 0)?, be32(row, 4)?))).peekable();
        let mut per_chunk = 0;
        let mut sample: u64 = 0;
        let mut last = None;
        let width = if self.wide_offsets { 8 } else { 4 };
        for (number, row) in (1_u32..).zip(self.offsets.chunks_exact(width)) {
            while let Some(&(first, count)) = runs.peek()
                && first <= number
            {
                per_chunk = count;
                runs.next();
            }
            let offset = if self.wide_offsets { be64(row, 0) } else { be32(row, 0).map(u64::from) };
            let Some(offset) = offset else { break };
            let (taken, bytes) = self.sizes.sum(sample, per_chunk);
            if taken == 0 {
                continue;
            }
            sample += taken;
            last = last.max(Some(offset));
            let end = offset.saturating_add(bytes);
            match into.last_mut() {
                Some(range) if range.1 == offset => range.1 = end,
                _ => into.push((offset, end)),
            }
        }
        last
    }
}

impl Sizes<'_> {
    /// How many of `count` samples there are from `first` on, and how many bytes they have.
    fn sum(self, first: u64, count: u32) -> (u64, u64) {
        match self {
            Self::Same { count: all, bytes, per } => {
                let taken = u64::from(all).saturating_sub(first).min(u64::from(count));
                (taken, (taken * bytes).div_ceil(per.max(1)))
            }
            Self::Each { bits, count: all, table } => {
                let taken = u64::from(all).saturating_sub(first).min(u64::from(count));
                let mut bytes = 0_u64;
                let mut found = 0;
                for number in first..first + taken {
                    let Ok(number) = usize::try_from(number) else { break };
                    let size = match bits {
                        32 => be32(table, number.saturating_mul(4)),
                        16 => be16(table, number.saturating_mul(2)).map(u32::from),
                        8 => table.get(number).map(|&size| u32::from(size)),
                        4 => table
                            .get(number / 2)
                            .map(|&pair| u32::from(if number % 2 == 0 { pair >> 4 } else { pair & 15 })),
                        _ => None,
                    };
                    let Some(size) = size else { break };
                    bytes = bytes.saturating_add(u64::from(size));
                    found += 1;
                }
                (found, bytes)
            }
        }
    }
}

/// How many bytes a number of values of sound takes, by the first sample description.
fn sound_frame(entries: &[u8]) -> Option<(u64, u64)> {
    let entry = entries.get(8..)?;
    match be16(entry, 8)? {
        0 => Some((u64::from(be16(entry, 16)?) * u64::from(be16(entry, 18)?.div_ceil(8)), 1)),
        1 => Some((u64::from(be32(entry, 36)?), u64::from(be32(entry, 28)?).max(1))),
        2 => Some((u64::from(be32(entry, 56)?), u64::from(be32(entry, 60)?).max(1))),
        _ => None,
    }
}
