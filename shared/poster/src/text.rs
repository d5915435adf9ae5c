//! How wide a text is, which characters can be drawn, and how a long name is set.
//!
//! No font is read: the widths of Latin letters are Helvetica Bold's, the widest of those
//! that are used, and everything Chinese is as wide as it is high.

use crate::draw::Face;

/// Stands for a character that the fonts do not have: 〓, the printers' mark for a missing
/// letter.
pub(crate) const MISSING: char = '\u{3013}';

/// Helvetica Bold's widths of the characters from the blank to the tilde, in thousandths.
#[rustfmt::skip]
const LATIN: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

/// What Windows' Latin code page has between 0x80 and 0x9F; a blank where it has nothing.
const WINDOWS: [char; 32] = [
    '€', ' ', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', ' ', 'Ž', ' ', ' ', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', ' ', 'ž', 'Ÿ',
];

/// What of the Chinese character collection Adobe-GB1 a name may need, as ranges, in order:
/// letters with the marks of pinyin, Greek, Cyrillic, punctuation, numbers, kana, bopomofo,
/// the characters of GBK, and the full-width forms. The collection has more, but fonts that
/// viewers put in its place do not, and leave a hole.
const CHINESE: [(char, char); 50] = [
    ('\u{a7}', '\u{a8}'),
    ('\u{b0}', '\u{b1}'),
    ('\u{b7}', '\u{b7}'),
    ('\u{d7}', '\u{d7}'),
    ('\u{101}', '\u{101}'),
    ('\u{113}', '\u{113}'),
    ('\u{11b}', '\u{11b}'),
    ('\u{12b}', '\u{12b}'),
    ('\u{144}', '\u{144}'),
    ('\u{148}', '\u{148}'),
    ('\u{14d}', '\u{14d}'),
    ('\u{16b}', '\u{16b}'),
    ('\u{1ce}', '\u{1ce}'),
    ('\u{1d0}', '\u{1d0}'),
    ('\u{1d2}', '\u{1d2}'),
    ('\u{1d4}', '\u{1d4}'),
    ('\u{1d6}', '\u{1d6}'),
    ('\u{1d8}', '\u{1d8}'),
    ('\u{1da}', '\u{1da}'),
    ('\u{1dc}', '\u{1dc}'),
    ('\u{391}', '\u{3a1}'),
    ('\u{3a3}', '\u{3a9}'),
    ('\u{3b1}', '\u{3c1}'),
    ('\u{3c3}', '\u{3c9}'),
    ('\u{401}', '\u{401}'),
    ('\u{410}', '\u{44f}'),
    ('\u{451}', '\u{451}'),
    ('\u{2014}', '\u{2016}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{201c}', '\u{201d}'),
    ('\u{2026}', '\u{2026}'),
    ('\u{2030}', '\u{2030}'),
    ('\u{203b}', '\u{203b}'),
    ('\u{2103}', '\u{2103}'),
    ('\u{2116}', '\u{2116}'),
    ('\u{2160}', '\u{216b}'),
    ('\u{2170}', '\u{2179}'),
    ('\u{2190}', '\u{2193}'),
    ('\u{2460}', '\u{2469}'),
    ('\u{2474}', '\u{249b}'),
    ('\u{25cb}', '\u{25cb}'),
    ('\u{3001}', '\u{3003}'),
    ('\u{3005}', '\u{3017}'),
    ('\u{3021}', '\u{3029}'),
    ('\u{3041}', '\u{3093}'),
    ('\u{30a1}', '\u{30f6}'),
    ('\u{3105}', '\u{3129}'),
    ('\u{4e00}', '\u{9fa5}'),
    ('\u{ff01}', '\u{ff5e}'),
    ('\u{ffe0}', '\u{ffe5}'),
];

/// The letters among these; unlike all else, they are not as wide as a Chinese character.
const PINYIN: std::ops::RangeInclusive<char> = '\u{101}'..='\u{1dc}';
/// How wide they are.
pub(crate) const NARROW: f32 = 0.6;

/// Chinese characters beyond these: a screen mostly has them, a printed file may not.
const RARE: [(char, char); 4] =
    [('\u{3400}', '\u{4dbf}'), ('\u{9fa6}', '\u{9fff}'), ('\u{20000}', '\u{2fa1f}'), ('\u{30000}', '\u{323af}')];

/// The character's byte in Windows' Latin code page, which PDF calls `WinAnsiEncoding`.
pub(crate) fn latin(character: char) -> Option<u8> {
    match character {
        ' '..='~' => u8::try_from(character).ok(),
        // Not the blank that does not break, nor the hyphen that does not show.
        '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' => u8::try_from(u32::from(character)).ok(),
        _ => {
            let at = WINDOWS.iter().position(|&known| known == character)?;
            u8::try_from(0x80 + at).ok()
        }
    }
}

/// Whether the Chinese character collection of the PDF has the character.
pub(crate) fn chinese(character: char) -> bool {
    within(&CHINESE, character)
}

fn within(ranges: &[(char, char)], character: char) -> bool {
    ranges.iter().any(|&(first, last)| (first..=last).contains(&character))
}

/// The text with one blank for any run of white space, none at the ends, and [`MISSING`] for
/// whatever neither a Latin nor a Chinese font has. What would turn the direction of the
/// line, or would not show at all, is among that.
pub(crate) fn clean(text: &str) -> String {
    let known = |c: char| latin(c).is_some() || chinese(c) || within(&RARE, c);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().map(|c| if known(c) { c } else { MISSING }).collect()
}

/// Whether the character is set in the Latin font.
pub(crate) fn is_latin(character: char, face: Face) -> bool {
    match face {
        Face::Latin => latin(character).is_some(),
        Face::Han => character.is_ascii() || (latin(character).is_some() && !chinese(character)),
    }
}

/// How wide a text is, as a multiple of its size.
pub(crate) fn ems(text: &str, face: Face) -> f32 {
    text.chars().map(|character| em(character, face)).sum()
}

fn em(character: char, face: Face) -> f32 {
    if !is_latin(character, face) {
        return if PINYIN.contains(&character) { NARROW } else { 1.0 };
    }
    let ascii = u32::from(character).checked_sub(0x20).and_then(|at| usize::try_from(at).ok());
    match ascii.and_then(|at| LATIN.get(at)) {
        Some(&thousandths) => f32::from(thousandths) / 1000.0,
        None if character.is_lowercase() && !matches!(character, 'æ' | 'œ') => 0.62,
        None if character.is_uppercase() && !matches!(character, 'Æ' | 'Œ') => 0.78,
        None => 1.0,
    }
}

/// What a text has to fit into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) width: f32,
    /// The size of letters that is wished for.
    pub(crate) size: f32,
    /// The smallest size that can still be read. What is too long even then is cut.
    pub(crate) least: f32,
    /// Whether there may be a second line.
    pub(crate) two: bool,
}

/// A text as it is set: its lines, and their common size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) lines: Vec<String>,
    pub(crate) size: f32,
}

/// How much of the width is used: fonts that stand in for those meant are a little wider.
const FILL: f32 = 0.95;
/// A text stays on one line unless that makes it smaller than this part of its size.
const ONE_LINE: f32 = 0.6;
/// On two lines, a text is at most this part of its size.
const TWO_LINES: f32 = 0.75;

/// Sets a cleaned text as large as it fits.
pub(crate) fn set(text: &str, face: Face, room: Room) -> Setting {
    let fits = |line: &str| room.width * FILL / ems(line, face).max(0.1);
    let one = fits(text).min(room.size);
    if !room.two || one >= room.size * ONE_LINE {
        let cut = if one < room.least { shorten(text, face, room.width * FILL / room.least) } else { text.to_owned() };
        return Setting { lines: vec![cut], size: one.max(room.least) };
    }
    let most = room.size * TWO_LINES;
    let halves = |text: &str, anywhere: bool| {
        let (first, second) = halve(text, face, anywhere)?;
        let size = fits(&first).min(fits(&second)).min(most);
        Some(Setting { lines: vec![first, second], size })
    };
    for anywhere in [false, true] {
        if let Some(setting) = halves(text, anywhere).filter(|setting| setting.size >= room.least.max(one)) {
            return setting;
        }
    }
    if one >= room.least {
        return Setting { lines: vec![text.to_owned()], size: one };
    }
    // Two lines hold all of this, but for the character at the break.
    let cut = shorten(text, face, room.width * FILL * 2.0 / room.least - 1.0);
    let lines = halve(&cut, face, true).map_or_else(|| vec![cut.clone()], |(first, second)| vec![first, second]);
    Setting { lines, size: room.least }
}

/// The beginning of a text, so much of it that it and an ellipsis are at most this wide.
fn shorten(text: &str, face: Face, ems: f32) -> String {
    let mut left = ems - 1.0;
    let mut short: String = text
        .chars()
        .take_while(|&character| {
            left -= em(character, face);
            left >= 0.0
        })
        .collect();
    short.push('…');
    short
}

/// The text in two lines that are as equal as can be. A line ends after a blank or a hyphen
/// or beside a Chinese character; only with `anywhere`, within a word.
fn halve(text: &str, face: Face, anywhere: bool) -> Option<(String, String)> {
    let mut best: Option<(f32, &str, &str)> = None;
    for at in breaks(text, face, anywhere) {
        let (first, second) = (text[..at].trim_end(), text[at..].trim_start());
        let width = ems(first, face).max(ems(second, face));
        if best.is_none_or(|(least, ..)| width < least) {
            best = Some((width, first, second));
        }
    }
    best.map(|(_, first, second)| (first.to_owned(), second.to_owned()))
}

/// The lines of a text of ours, each at most this many ems wide.
pub(crate) fn wrap(text: &str, face: Face, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.lines() {
        let mut rest = part;
        while !rest.is_empty() {
            let ends = breaks(rest, face, false).into_iter().chain([rest.len()]);
            let end = ends.rev().find(|&end| ems(rest[..end].trim_end(), face) <= width).unwrap_or(rest.len());
            lines.push(rest[..end].trim_end().to_owned());
            rest = rest[end..].trim_start();
        }
    }
    lines
}

/// Where a line may end.
fn breaks(text: &str, face: Face, anywhere: bool) -> Vec<usize> {
    let wide = |character: char| !is_latin(character, face);
    let mut places = Vec::new();
    let mut before = None;
    for (at, after) in text.char_indices() {
        let Some(last) = before.replace(after) else { continue };
        // No line begins with a closing mark or ends with an opening one.
        let stays = "，。、；：！？）》」』】〕”’…·)]}".contains(after) || "（《「『【〔“‘([{".contains(last);
        if anywhere || matches!(last, ' ' | '-') || ((wide(last) || wide(after)) && !stays) {
            places.push(at);
        }
    }
    places
}
