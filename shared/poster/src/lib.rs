//! The poster that hangs in a police room: whoever scans its QR code comes to the page on
//! which one joins as a reporter of that community.
//!
//! One A4 sheet, laid out once ([`layout`]) and written down twice: as SVG for a screen and
//! as PDF for a printer. All is vector, the same poster always gives the same bytes, and
//! nothing personal is on it: it hangs where everybody can read it.
//!
//! **Fonts.** The PDF embeds none. A community's name may hold any Chinese character, a font
//! that has them all is several megabytes, and no well-kept crate brings one of less. So
//! Chinese is set in `SimHei`, by the predefined character map `UniGB-UTF16-H`: every viewer
//! has that map, and one without that font takes its own sans-serif Chinese one, since the
//! file says what it should look like. Latin is set in Helvetica, which every viewer has.
//! Lines are laid out so that they also fit in fonts that are a little wider. The SVG names
//! the usual fonts in turn.
//!
//! | to change … | go to |
//! |---|---|
//! | what the poster says | [`words`] |
//! | where things stand, and their colours | [`layout`] |
//! | how a long name is broken and made smaller | [`text`] |
//! | the QR code | [`qr`] |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod draw;
mod layout;
mod pdf;
mod qr;
mod svg;
mod text;
mod words;

#[cfg(test)]
mod tests;

/// The name of a place, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// In Chinese.
    pub zh: &'a str,
    /// In English.
    pub en: &'a str,
}

/// What stands on a poster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poster<'a> {
    /// The district that the community belongs to.
    pub district: Name<'a>,
    /// The community that is joined.
    pub community: Name<'a>,
    /// What the QR code holds: the address of the joining page.
    pub url: &'a str,
    /// The short code for typing, like `7KQ4M-2XD9H`.
    pub code: &'a str,
    /// The last day of the code, as it is to be read: `2026-12-31`.
    pub valid_until: &'a str,
}

/// Why a poster cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PosterError {
    /// The address makes no QR code that a phone can read from a wall.
    #[error("the address is empty, or too long for a QR code that can be read from a wall")]
    Url,
}

/// The poster as an SVG image, 210 mm by 297 mm.
pub fn svg(poster: &Poster<'_>) -> Result<String, PosterError> {
    Ok(svg::write(&layout::page(poster)?))
}

/// The poster as a PDF file of one A4 page.
pub fn pdf(poster: &Poster<'_>) -> Result<Vec<u8>, PosterError> {
    Ok(pdf::write(&layout::page(poster)?))
}
