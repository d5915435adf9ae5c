//! HEIF, of which HEIC is the kind with HEVC inside: items, what they are made of, and how
//! they are turned.
//!
//! Pixels are decoded one tile at a time. Each tile is handed to the decoder as a file of its
//! own that is written here, so that the decoder never walks through the boxes of strangers,
//! and never holds more than one tile.

use std::collections::BTreeMap;

use heic_decoder::{ColorInfo, HeifError};
use image::{DynamicImage, GenericImage, RgbImage, imageops};
use pingan_domain::media::{MAX_IMAGE_PIXELS, MediaRefusal, MediaType, WORKING_SIDE_PIXELS, check_pixels};

use crate::{
    Copies,
    boxes::{Kind, Part, Parts},
    bytes::{array, be16, be32, be64, index, long},
    edits::{Edits, gaps, merged},
    only, picture,
};

/// The most items. A photograph in tiles has a few hundred.
const MAX_ITEMS: usize = 16_384;
/// The most pieces that all items together lie in.
const MAX_EXTENTS: usize = 65_536;
/// The most properties that items share.
const MAX_PROPERTIES: usize = 4_096;
/// The most references between items.
const MAX_REFERENCES: usize = 65_536;
/// The most tiles of a picture.
const MAX_TILES: usize = 4_096;
/// How deep a picture can be derived from others.
const MAX_DERIVED: usize = 8;
/// The most samples of all planes of one tile. The decoder needs about nine bytes for each, so
/// that this is what bounds its memory.
const MAX_TILE_SAMPLES: u64 = 48_000_000;
/// The largest set of parameters of a tile, in bytes.
const MAX_PARAMETERS_BYTES: usize = 64 * 1024;

/// The colours of a picture that does not name them.
const UNSAID: ColorInfo =
    ColorInfo { color_primaries: 1, transfer_characteristics: 13, matrix_coefficients: 6, full_range: true };
/// The number of a matrix that is not named.
const UNSPECIFIED: u16 = 2;

const IN_META: &[&Kind] = &[b"hdlr", b"pitm", b"iinf", b"iloc", b"iprp", b"iref", b"idat", b"dinf"];
const IN_PROPERTIES: &[&Kind] = &[b"ipco", b"ipma"];
const IN_CONTAINER: &[&Kind] =
    &[b"hvcC", b"lhvC", b"ispe", b"irot", b"imir", b"clap", b"pixi", b"colr", b"pasp", b"auxC", b"clli", b"mdcv"];

/// What the boxes say.
#[derive(Debug, Default)]
pub(crate) struct Heif {
    pub(crate) flaw: Option<MediaRefusal>,
    primary: u32,
    items: BTreeMap<u32, Item>,
    properties: Vec<Property>,
    /// What an item is derived from.
    sources: BTreeMap<u32, Vec<u32>>,
    idat: (usize, usize),
    meta: Option<Part>,
    top: Vec<Part>,
    /// Where the boxes end, if something else follows.
    pub(crate) end: Option<usize>,
}

#[derive(Debug, Default)]
struct Item {
    kind: Kind,
    /// From and to, in the file.
    extents: Vec<(u64, u64)>,
    /// Whether it lies where this code does not look.
    elsewhere: bool,
    properties: Vec<usize>,
}

impl Item {
    /// How many bytes it has.
    fn size(&self) -> u64 {
        self.extents.iter().fold(0_u64, |total, extent| total.saturating_add(extent.1 - extent.0))
    }
}

#[derive(Debug, Clone, Copy)]
struct Property {
    kind: Kind,
    body: usize,
    end: usize,
    /// Its first byte, and its first numbers; zeros where it is shorter.
    byte: u8,
    numbers: [u32; 8],
}

/// How an item is changed before it is shown.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Crop {
        width: u32,
        height: u32,
        left: u32,
        top: u32,
    },
    /// Quarters of a turn, anticlockwise.
    Rotate(u8),
    Mirror {
        top_to_bottom: bool,
    },
}

/// Why there are no pixels.
enum Undecoded {
    /// It is a picture, but the decoder does not know its kind.
    Unknown,
    Refused(MediaRefusal),
}

impl From<MediaRefusal> for Undecoded {
    fn from(refusal: MediaRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The copies of a picture: of its pixels, or else of the file without all that is no picture.
pub(crate) fn copies(bytes: &[u8], content_type: MediaType) -> Result<Copies, MediaRefusal> {
    let heif = Heif::read(bytes);
    match heif.decode(bytes) {
        Ok(pixels) => picture::copies(pixels, 1),
        Err(Undecoded::Refused(refusal)) => Err(refusal),
        Err(Undecoded::Unknown) => {
            let mut copy = bytes.to_vec();
            heif.edits(bytes)?.apply(0, &mut copy);
            Ok(only(content_type, copy))
        }
    }
}

impl Heif {
    /// Reads the items of a file.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut heif = Self::default();
        let walked = heif.walk(bytes);
        heif.flaw = walked.and_then(|()| heif.weigh(bytes)).err();
        heif
    }

    /// Width and height as it is shown; zeros where it does not say.
    pub(crate) fn shown(&self) -> (u32, u32) {
        let (mut width, mut height) = self.size_of(self.primary).unwrap_or_default();
        for turn in self.turns(self.primary, (width, height)).unwrap_or_default() {
            match turn {
                Turn::Crop { width: cropped, height: low, .. } => (width, height) = (cropped, low),
                Turn::Rotate(quarters) if quarters % 2 == 1 => (width, height) = (height, width),
                Turn::Rotate(_) | Turn::Mirror { .. } => {}
            }
        }
        (width, height)
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<(), MediaRefusal> {
        let mut parts = Parts::new(bytes, 0, bytes.len());
        for part in parts.by_ref() {
            if self.top.len() >= MAX_ITEMS {
                return Err(MediaRefusal::Damaged);
            }
            self.top.push(part);
        }
        // Phones append trailers that are no box. Whether a box is cut off that is needed shows below.
        self.end = Some(parts.at()).filter(|&end| end < bytes.len());
        let meta = self.top.iter().copied().find(|part| &part.kind == b"meta").ok_or(MediaRefusal::Incomplete)?;
        self.meta = Some(meta);
        let inner = meta.body + 4;
        let mut primary = None;
        for part in Parts::new(bytes, inner, meta.end) {
            let body = bytes.get(part.body..part.end).unwrap_or_default();
            let read = match &part.kind {
                b"pitm" => {
                    primary = if body.first() == Some(&0) { be16(body, 4).map(u32::from) } else { be32(body, 4) };
                    primary.map(drop)
                }
                b"idat" => {
                    self.idat = (part.body, part.end);
                    Some(())
                }
                b"iinf" => self.kinds(bytes, part),
                b"iprp" => self.properties(bytes, part),
                b"iref" => self.references(bytes, part),
                _ => Some(()),
            };
            read.ok_or(MediaRefusal::Damaged)?;
        }
        // Where items lie can count from `idat`, which may stand behind.
        for part in Parts::new(bytes, inner, meta.end).filter(|part| &part.kind == b"iloc") {
            let body = bytes.get(part.body..part.end).unwrap_or_default();
            self.locations(body).ok_or(MediaRefusal::Damaged)?;
        }
        self.primary = primary.ok_or(MediaRefusal::Damaged)?;
        Ok(())
    }

    /// Whether all that the picture needs is there.
    fn weigh(&self, bytes: &[u8]) -> Result<(), MediaRefusal> {
        let (width, height) = self.size_of(self.primary).unwrap_or_default();
        if width == 0 || height == 0 || self.turns(self.primary, (width, height)).is_none() {
            return Err(MediaRefusal::Damaged);
        }
        for id in self.needed() {
            let item = self.items.get(&id).ok_or(MediaRefusal::Damaged)?;
            if item.extents.iter().any(|extent| extent.1 > long(bytes.len())) {
                return Err(MediaRefusal::Incomplete);
            }
        }
        Ok(())
    }

    /// The picture and everything that it is derived from.
    fn needed(&self) -> Vec<u32> {
        let mut needed = vec![self.primary];
        let mut layer = needed.clone();
        for _ in 0..MAX_DERIVED {
            let next = layer.iter().flat_map(|id| self.sources.get(id).into_iter().flatten()).copied();
            layer = next.collect();
            layer.sort_unstable();
            layer.dedup();
            needed.extend_from_slice(&layer);
        }
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    fn kinds(&mut self, bytes: &[u8], part: Part) -> Option<()> {
        let from = part.body + if bytes.get(part.body) == Some(&0) { 6 } else { 8 };
        for entry in Parts::new(bytes, from, part.end).filter(|entry| &entry.kind == b"infe") {
            let body = bytes.get(entry.body..entry.end)?;
            let (id, at) = match body.first()? {
                2 => (u32::from(be16(body, 4)?), 8),
                3 => (be32(body, 4)?, 10),
                _ => continue,
            };
            self.item(id)?.kind = array(body, at)?;
        }
        Some(())
    }

    fn item(&mut self, id: u32) -> Option<&mut Item> {
        if self.items.len() >= MAX_ITEMS && !self.items.contains_key(&id) {
            return None;
        }
        Some(self.items.entry(id).or_default())
    }

    fn properties(&mut self, bytes: &[u8], part: Part) -> Option<()> {
        for part in Parts::new(bytes, part.body, part.end) {
            if &part.kind == b"ipco" {
                for part in Parts::new(bytes, part.body, part.end) {
                    if self.properties.len() >= MAX_PROPERTIES {
                        return None;
                    }
                    let body = bytes.get(part.body..part.end)?;
                    let mut numbers = [0; 8];
                    for (number, bytes) in numbers.iter_mut().zip(body.chunks_exact(4)) {
                        *number = be32(bytes, 0)?;
                    }
                    let byte = body.first().copied().unwrap_or(0);
                    let Part { kind, body, end, .. } = part;
                    self.properties.push(Property { kind, body, end, byte, numbers });
                }
            } else if &part.kind == b"ipma" {
                self.associations(bytes.get(part.body..part.end)?)?;
            }
        }
        Some(())
    }

    fn associations(&mut self, body: &[u8]) -> Option<()> {
        let wide_ids = *body.first()? > 0;
        let wide = body.get(3)? & 1 == 1;
        let mut at = 8;
        for _ in 0..be32(body, 4)? {
            let id = if wide_ids { be32(body, at)? } else { u32::from(be16(body, at)?) };
            at += if wide_ids { 4 } else { 2 };
            let count = *body.get(at)?;
            at += 1;
            let mut own = Vec::new();
            for _ in 0..count {
                // The highest bit says that it is essential; numbers begin at one.
                let number = if wide { be16(body, at)? & 0x7fff } else { u16::from(body.get(at)? & 0x7f) };
                at += if wide { 2 } else { 1 };
                own.extend(usize::from(number).checked_sub(1));
            }
            self.item(id)?.properties = own;
        }
        Some(())
    }

    fn references(&mut self, bytes: &[u8], part: Part) -> Option<()> {
        let wide = *bytes.get(part.body)? > 0;
        let id = |body: &[u8], at: usize| if wide { be32(body, at) } else { be16(body, at).map(u32::from) };
        let width = if wide { 4 } else { 2 };
        let mut count = 0;
        for part in Parts::new(bytes, part.body + 4, part.end).filter(|part| &part.kind == b"dimg") {
            let body = bytes.get(part.body..part.end)?;
            let from = id(body, 0)?;
            let own = usize::from(be16(body, width)?);
            count += own;
            if count > MAX_REFERENCES {
                return None;
            }
            let to: Option<Vec<u32>> = (0..own).map(|number| id(body, width + 2 + number * width)).collect();
            self.sources.insert(from, to?);
        }
        Some(())
    }

    fn locations(&mut self, body: &[u8]) -> Option<()> {
        let version = *body.first()?;
        let sizes = be16(body, 4)?;
        let field = |shift: u16| usize::from(sizes >> shift & 15);
        let (offset_size, length_size, base_size) = (field(12), field(8), field(4));
        let index_size = if version == 0 { 0 } else { field(0) };
        let wide = version >= 2;
        let number = |at: &mut usize, size: usize| {
            let value = match size {
                0 => Some(0),
                2 => be16(body, *at).map(u64::from),
                4 => be32(body, *at).map(u64::from),
                8 => be64(body, *at),
                _ => None,
            };
            *at += size;
            value
        };
        let mut at = 6;
        let mut total = 0;
        for _ in 0..number(&mut at, if wide { 4 } else { 2 })? {
            let id = u32::try_from(number(&mut at, if wide { 4 } else { 2 })?).ok()?;
            let method = if version == 0 { 0 } else { number(&mut at, 2)? & 15 };
            at += 2;
            let base = number(&mut at, base_size)?;
            let count = number(&mut at, 2)?;
            let start = if method == 1 { long(self.idat.0) } else { 0 };
            let mut extents = Vec::new();
            for _ in 0..count {
                number(&mut at, index_size)?;
                let from = start.checked_add(base)?.checked_add(number(&mut at, offset_size)?)?;
                extents.push((from, from.checked_add(number(&mut at, length_size)?)?));
                total += 1;
                if total > MAX_EXTENTS {
                    return None;
                }
            }
            let item = self.item(id)?;
            (item.extents, item.elsewhere) = (extents, method > 1);
        }
        Some(())
    }

    fn own_properties(&self, id: u32) -> impl Iterator<Item = Property> {
        let own = self.items.get(&id).map(|item| item.properties.as_slice()).unwrap_or_default();
        own.iter().filter_map(|&number| self.properties.get(number).copied())
    }

    fn size_of(&self, id: u32) -> Option<(u32, u32)> {
        let size = self.own_properties(id).find(|property| &property.kind == b"ispe")?;
        Some((size.numbers[1], size.numbers[2]))
    }

    /// How an item of this size is turned, in order; nothing where that makes no sense.
    fn turns(&self, id: u32, (mut width, mut height): (u32, u32)) -> Option<Vec<Turn>> {
        let mut turns = Vec::new();
        for property in self.own_properties(id) {
            match &property.kind {
                b"irot" => {
                    turns.push(Turn::Rotate(property.byte & 3));
                    if property.byte & 1 == 1 {
                        (width, height) = (height, width);
                    }
                }
                b"imir" => turns.push(Turn::Mirror { top_to_bottom: property.byte & 1 == 0 }),
                b"clap" => {
                    let [wide, wide_by, high, high_by, across, across_by, down, down_by] = property.numbers;
                    let (left, new_width) = cropped(width, (wide, wide_by), (across, across_by))?;
                    let (top, new_height) = cropped(height, (high, high_by), (down, down_by))?;
                    turns.push(Turn::Crop { width: new_width, height: new_height, left, top });
                    (width, height) = (new_width, new_height);
                }
                _ => {}
            }
        }
        Some(turns)
    }

    /// The pixels as they are shown.
    fn decode(&self, bytes: &[u8]) -> Result<DynamicImage, Undecoded> {
        let mut chain = vec![self.primary];
        let mut source = self.primary;
        while self.kind_of(source) == Some(b"iden") {
            source = match self.sources.get(&source).map(Vec::as_slice) {
                Some(&[source]) if chain.len() < MAX_DERIVED => source,
                _ => return Err(MediaRefusal::Damaged.into()),
            };
            chain.push(source);
        }
        let mut pixels = DynamicImage::from(match self.kind_of(source) {
            Some(b"hvc1") => self.decode_tile(bytes, source, source)?,
            Some(b"grid") => self.decode_grid(bytes, source)?,
            Some(_) => return Err(Undecoded::Unknown),
            None => return Err(MediaRefusal::Damaged.into()),
        });
        for id in chain.into_iter().rev() {
            let turns = self.turns(id, (pixels.width(), pixels.height())).ok_or(MediaRefusal::Damaged)?;
            let crops = turns.iter().filter(|turn| matches!(turn, Turn::Crop { .. })).count();
            let mut cropped = 0;
            for turn in turns {
                // Turning takes a second picture of the same size, so that it is made small first.
                if cropped == crops && id == self.primary {
                    pixels = picture::smaller(pixels, WORKING_SIDE_PIXELS);
                }
                cropped += usize::from(matches!(turn, Turn::Crop { .. }));
                pixels = match turn {
                    Turn::Crop { width, height, left, top } => pixels.crop_imm(left, top, width, height),
                    Turn::Rotate(0) => pixels,
                    Turn::Rotate(1) => pixels.rotate270(),
                    Turn::Rotate(2) => pixels.rotate180(),
                    Turn::Rotate(_) => pixels.rotate90(),
                    Turn::Mirror { top_to_bottom: true } => pixels.flipv(),
                    Turn::Mirror { top_to_bottom: false } => pixels.fliph(),
                };
            }
        }
        Ok(pixels)
    }

    fn kind_of(&self, id: u32) -> Option<&Kind> {
        self.items.get(&id).map(|item| &item.kind)
    }

    fn decode_grid(&self, bytes: &[u8], id: u32) -> Result<RgbImage, Undecoded> {
        let damaged = MediaRefusal::Damaged;
        let grid = self.data(bytes, id)?;
        let (Some(&flags), Some(&rows), Some(&columns)) = (grid.get(1), grid.get(2), grid.get(3)) else {
            return Err(damaged.into());
        };
        let side = |number: usize| {
            if flags & 1 == 1 { be32(&grid, 4 + 4 * number) } else { be16(&grid, 4 + 2 * number).map(u32::from) }
        };
        let (width, height) = (side(0).ok_or(damaged)?, side(1).ok_or(damaged)?);
        check_pixels(width, height)?;
        let (rows, columns) = (u32::from(rows) + 1, u32::from(columns) + 1);
        let tiles = self.sources.get(&id).map(Vec::as_slice).unwrap_or_default();
        if tiles.len() > MAX_TILES || tiles.len() != index(rows * columns) {
            return Err(damaged.into());
        }
        let mut canvas = None;
        let mut coded = 0;
        let mut tile_size = (0, 0);
        for (number, &tile) in (0_u32..).zip(tiles) {
            if self.kind_of(tile) != Some(b"hvc1") {
                return Err(Undecoded::Unknown);
            }
            // Many tiles can be the same piece of the file, and each costs time anew.
            coded = self.items.get(&tile).map_or(coded, |item| item.size().saturating_add(coded));
            if coded > long(bytes.len()) {
                return Err(damaged.into());
            }
            let tile = self.decode_tile(bytes, tile, id)?;
            // The canvas is made once a first tile is there: a header alone is no reason to.
            let canvas = canvas.get_or_insert_with(|| RgbImage::new(width, height));
            if number == 0 {
                tile_size = tile.dimensions();
            }
            let covers = |tile: u32, count: u32, side: u32| {
                tile.saturating_mul(count) >= side && tile.saturating_mul(count - 1) < side
            };
            if tile.dimensions() != tile_size
                || !covers(tile_size.0, columns, width)
                || !covers(tile_size.1, rows, height)
                || u64::from(tile_size.0) * u64::from(tile_size.1) * u64::from(rows * columns) > 2 * MAX_IMAGE_PIXELS
            {
                return Err(damaged.into());
            }
            let (left, top) = (number % columns * tile_size.0, number / columns * tile_size.1);
            let (wide, high) = (tile_size.0.min(width - left), tile_size.1.min(height - top));
            let part = imageops::crop_imm(&tile, 0, 0, wide, high);
            canvas.copy_from(&*part, left, top).map_err(|_| damaged)?;
        }
        canvas.ok_or_else(|| damaged.into())
    }

    /// Decodes one coded item. `shown` is the item whose colours it has, if it has none itself.
    fn decode_tile(&self, bytes: &[u8], id: u32, shown: u32) -> Result<RgbImage, Undecoded> {
        let damaged = MediaRefusal::Damaged;
        let config = self.own_properties(id).find(|property| &property.kind == b"hvcC").ok_or(damaged)?;
        let config = bytes.get(config.body..config.end).ok_or(damaged)?;
        if config.len() > MAX_PARAMETERS_BYTES {
            return Err(damaged.into());
        }
        let samples = parameters(config).map(Parameters::samples).ok_or(damaged)?;
        if samples == 0 {
            return Err(damaged.into());
        }
        if samples > MAX_TILE_SAMPLES {
            // Larger than the largest picture is a bomb; what lies between is only too much here.
            return Err(if samples > 3 * MAX_IMAGE_PIXELS {
                MediaRefusal::TooManyPixels.into()
            } else {
                Undecoded::Unknown
            });
        }
        let colours = self.own_properties(id).chain(self.own_properties(shown)).find_map(|property| {
            let body = bytes.get(property.body..property.end)?;
            (&property.kind == b"colr" && body.starts_with(b"nclx")).then_some(body.get(..11)?)
        });
        let file = file_of_one(config, colours, &self.data(bytes, id)?).ok_or(damaged)?;
        let mut decoded = heic_decoder::decode(&file).map_err(|error| undecoded(&error))?;
        // Where nothing is said, MIAF says BT.601 in full range; the decoder would say BT.709.
        let colours = decoded.color_info.get_or_insert(UNSAID);
        if colours.matrix_coefficients == UNSPECIFIED {
            colours.matrix_coefficients = UNSAID.matrix_coefficients;
        }
        let pixels = decoded.to_rgb8().map_err(|error| undecoded(&error))?;
        let (width, height) = (u32::try_from(pixels.width), u32::try_from(pixels.height));
        let (Ok(width), Ok(height)) = (width, height) else { return Err(damaged.into()) };
        RgbImage::from_raw(width, height, pixels.data).ok_or_else(|| damaged.into())
    }

    /// The bytes of an item, which can never be more than the file has.
    fn data(&self, bytes: &[u8], id: u32) -> Result<Vec<u8>, Undecoded> {
        let item = self.items.get(&id).ok_or(MediaRefusal::Damaged)?;
        if item.elsewhere {
            return Err(Undecoded::Unknown);
        }
        if item.size() > long(bytes.len()) {
            return Err(MediaRefusal::Damaged.into());
        }
        let mut data = Vec::new();
        for &(from, to) in &item.extents {
            let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
            let piece = range.and_then(|(from, to)| bytes.get(from..to)).ok_or(MediaRefusal::Incomplete)?;
            data.extend_from_slice(piece);
        }
        Ok(data)
    }

    /// What a copy changes that keeps the picture as it is coded, and nothing else.
    pub(crate) fn edits(&self, bytes: &[u8]) -> Result<Edits, MediaRefusal> {
        let mut edits = Edits::default();
        let meta = self.meta.ok_or(MediaRefusal::Damaged)?;
        let mut kept = Vec::new();
        let needed = self.needed();
        for id in &needed {
            let item = self.items.get(id).ok_or(MediaRefusal::Damaged)?;
            if !matches!(&item.kind, b"hvc1" | b"grid" | b"iden" | b"iovl") || item.elsewhere {
                return Err(MediaRefusal::Damaged);
            }
            kept.extend_from_slice(&item.extents);
        }
        let kept = merged(kept);
        let unused = |edits: &mut Edits, part: Part| {
            for (from, to) in gaps(&kept, long(part.body), long(part.end)) {
                edits.zero(from, to);
            }
        };
        if let Some(end) = self.end {
            for (from, to) in gaps(&kept, long(end), long(bytes.len())) {
                edits.zero(from, to);
            }
        }
        for &part in &self.top {
            match &part.kind {
                b"ftyp" | b"meta" => {}
                b"mdat" => unused(&mut edits, part),
                // Zeros need no name.
                [0, 0, 0, 0] if part.end == bytes.len() => unused(&mut edits, part),
                _ => edits.blank(long(part.start), long(part.body), long(part.end)),
            }
        }
        let sift = |edits: &mut Edits, from: usize, to: usize, allowed: &[&Kind]| {
            let (stay, go): (Vec<Part>, Vec<Part>) =
                Parts::new(bytes, from, to).partition(|part| allowed.contains(&&part.kind));
            for part in go {
                edits.blank(long(part.start), long(part.body), long(part.end));
            }
            stay
        };
        for part in sift(&mut edits, meta.body + 4, meta.end, IN_META) {
            match &part.kind {
                b"idat" => unused(&mut edits, part),
                b"hdlr" => edits.zero(long((part.body + 24).min(part.end)), long(part.end)),
                b"iinf" => {
                    let from = part.body + if bytes.get(part.body) == Some(&0) { 6 } else { 8 };
                    for entry in Parts::new(bytes, from, part.end) {
                        let wide = bytes.get(entry.body) == Some(&3);
                        let id =
                            if wide { be32(bytes, entry.body + 4) } else { be16(bytes, entry.body + 4).map(u32::from) };
                        // What is not needed also loses its type, what is needed only its name.
                        let named = if id.is_some_and(|id| needed.binary_search(&id).is_ok()) { 4 } else { 0 };
                        let fixed = if wide { 10 } else { 8 } + named;
                        edits.zero(long((entry.body + fixed).min(entry.end)), long(entry.end));
                    }
                }
                b"iprp" => {
                    for part in sift(&mut edits, part.body, part.end, IN_PROPERTIES) {
                        if &part.kind == b"ipco" {
                            for part in sift(&mut edits, part.body, part.end, IN_CONTAINER) {
                                let profile = bytes.get(part.body..).is_some_and(|body| !body.starts_with(b"nclx"));
                                if &part.kind == b"colr" && profile {
                                    edits.blank(long(part.start), long(part.body), long(part.end));
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        edits.settle();
        if edits.too_many() { Err(MediaRefusal::Damaged) } else { Ok(edits) }
    }
}

fn undecoded(error: &HeifError) -> Undecoded {
    match error {
        HeifError::Unsupported(_) => Undecoded::Unknown,
        HeifError::LimitExceeded(_) => MediaRefusal::TooManyPixels.into(),
        _ => MediaRefusal::Damaged.into(),
    }
}

/// Where a clean aperture begins on one side, and how long it is there. Only whole pixels.
fn cropped(side: u32, length: (u32, u32), offset: (u32, u32)) -> Option<(u32, u32)> {
    let length = length.0.checked_div(length.1).filter(|&length| (1..=side).contains(&length))?;
    // The offset is that of the middle, and can be negative.
    let offset_by = i64::from(offset.1);
    let numerator = i64::from(offset.0.cast_signed());
    let twice = (i64::from(side) - i64::from(length)) * offset_by + 2 * numerator;
    let start = twice.checked_div(2 * offset_by)?;
    let start = u32::try_from(start).ok()?;
    (start.checked_add(length)? <= side).then_some((start, length))
}

/// A HEIC file with one picture in it.
fn file_of_one(config: &[u8], colours: Option<&[u8]>, data: &[u8]) -> Option<Vec<u8>> {
    let part = |kind: &Kind, bodies: &[&[u8]]| -> Option<Vec<u8>> {
        let body = bodies.concat();
        let size = u32::try_from(body.len() + 8).ok()?;
        Some([&size.to_be_bytes()[..], kind, &body].concat())
    };
    let brands = part(b"ftyp", &[b"heic\0\0\0\0mif1heic"])?;
    let handler = part(b"hdlr", &[&[0; 8], b"pict", &[0; 13]])?;
    let primary = part(b"pitm", &[&[0, 0, 0, 0, 0, 1]])?;
    let entry = part(b"infe", &[&[2, 0, 0, 0, 0, 1, 0, 0], b"hvc1\0"])?;
    let entries = part(b"iinf", &[&[0, 0, 0, 0, 0, 1], &entry])?;
    let config = part(b"hvcC", &[config])?;
    let colours = colours.map(|colours| part(b"colr", &[colours]));
    let colours = match colours {
        Some(colours) => colours?,
        None => part(b"free", &[])?,
    };
    let container = part(b"ipco", &[&config, &colours])?;
    let associations = part(b"ipma", &[&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 0x81, 2]])?;
    let properties = part(b"iprp", &[&container, &associations])?;
    let location = |offset: usize| {
        let (offset, length) = (u32::try_from(offset).ok()?, u32::try_from(data.len()).ok()?);
        let fixed = [0, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1];
        part(b"iloc", &[&fixed, &offset.to_be_bytes(), &length.to_be_bytes()])
    };
    let meta = |location: &[u8]| part(b"meta", &[&[0; 4], &handler, &primary, location, &entries, &properties]);
    let offset = brands.len() + meta(&location(0)?)?.len() + 8;
    Some([brands, meta(&location(offset)?)?, part(b"mdat", &[data])?].concat())
}

/// What the parameters of HEVC say of the size of a picture.
#[derive(Debug, Clone, Copy)]
struct Parameters {
    width: u32,
    height: u32,
    chroma: u32,
}

impl Parameters {
    /// The samples of all planes.
    fn samples(self) -> u64 {
        let luma = u64::from(self.width) * u64::from(self.height);
        match self.chroma {
            0 => luma,
            1 => luma + luma.div_ceil(2),
            2 => luma * 2,
            _ => luma * 3,
        }
    }
}

/// The largest parameters of an `hvcC`: the decoder takes one of them, and it need not be the first.
fn parameters(config: &[u8]) -> Option<Parameters> {
    let mut largest: Option<Parameters> = None;
    let mut at = 23;
    for _ in 0..*config.get(22)? {
        let kind = config.get(at)? & 0x3f;
        let count = be16(config, at + 1)?;
        at += 3;
        for _ in 0..count {
            let length = usize::from(be16(config, at)?);
            let unit = config.get(at + 2..at + 2 + length)?;
            at += 2 + length;
            if kind == 33 || unit.first().is_some_and(|byte| byte >> 1 & 0x3f == 33) {
                let found = sequence_parameters(unit.get(2..)?)?;
                if largest.is_none_or(|largest| found.samples() > largest.samples()) {
                    largest = Some(found);
                }
            }
        }
    }
    largest
}

fn sequence_parameters(unit: &[u8]) -> Option<Parameters> {
    // A byte of 3 behind two zeros only keeps start codes out of the data.
    let mut plain = Vec::with_capacity(unit.len());
    for (number, &byte) in unit.iter().enumerate() {
        let stuffing = byte == 3 && number >= 2 && unit.get(number - 2..number) == Some(&[0, 0]);
        if !stuffing {
            plain.push(byte);
        }
    }
    let mut bits = Bits { bytes: &plain, at: 0 };
    bits.skip(4);
    let layers = bits.read(3)?;
    bits.skip(1);
    // The general profile: 88 bits and the level. With layers inside, more follows, which the
    // decoder does not know either.
    bits.skip(96);
    if layers > 0 {
        let present: Vec<(bool, bool)> =
            (0..layers).map(|_| Some((bits.read(1)? == 1, bits.read(1)? == 1))).collect::<Option<_>>()?;
        bits.skip(2 * (8 - layers));
        for (profile, level) in present {
            bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 });
        }
    }
    bits.golomb()?;
    let chroma = bits.golomb()?;
    if chroma == 3 {
        bits.skip(1);
    }
    Some(Parameters { width: bits.golomb()?, height: bits.golomb()?, chroma })
}

/// Bits, the highest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: u32,
}

impl Bits<'_> {
    fn skip(&mut self, count: u32) {
        self.at = self.at.saturating_add(count);
    }

    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(index(self.at / 8))?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// A number in the code of Golomb: as many zeros as it has digits behind the first.
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.read(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.read(zeros)?)
    }
}
