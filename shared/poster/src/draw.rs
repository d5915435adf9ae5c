//! What a page is made of, whatever it is written as: filled or stroked paths, and lines of
//! text. Lengths are in millimetres, from the upper left corner.

/// The width of A4.
pub(crate) const PAGE_WIDTH: f32 = 210.0;
/// The height of A4.
pub(crate) const PAGE_HEIGHT: f32 = 297.0;

/// A colour: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink(pub(crate) [u8; 3]);

/// Which kind of font a line is set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// A Chinese one; marks that both have, like “ and ·, are the Chinese ones.
    Han,
    /// A Latin one, with a Chinese one for what it does not have.
    Latin,
}

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Move(f32, f32),
    Line(f32, f32),
    /// Two handles, and where the curve ends.
    Curve([(f32, f32); 3]),
    Close,
}

/// A path in units of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    /// Where the path's own zero stands on the page.
    pub(crate) origin: (f32, f32),
    /// How long the path's own unit is.
    pub(crate) unit: f32,
    pub(crate) steps: Vec<Step>,
    /// Filled by the even-odd rule.
    pub(crate) fill: Option<Ink>,
    /// The colour and, in the path's own units, the width of a line along it.
    pub(crate) stroke: Option<(Ink, f32)>,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// Where the line begins.
    pub(crate) x: f32,
    /// Where its letters stand.
    pub(crate) baseline: f32,
    pub(crate) size: f32,
    pub(crate) face: Face,
    pub(crate) bold: bool,
    /// What is added after each character.
    pub(crate) tracking: f32,
    pub(crate) ink: Ink,
    /// Only characters that [`crate::text::clean`] lets through.
    pub(crate) text: String,
}

/// Something on a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Path(Path),
    Line(Line),
}

/// A page: what it is called, and what is on it, from the bottom up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) items: Vec<Item>,
}

/// How far the handles of a curve stand off for it to look like a quarter of a circle.
const QUARTER: f32 = 0.552_285;

/// The steps around a rectangle with round corners.
pub(crate) fn rounded(width: f32, height: f32, radius: f32) -> Vec<Step> {
    let (w, h, r) = (width, height, radius);
    let k = r * (1.0 - QUARTER);
    vec![
        Step::Move(r, 0.0),
        Step::Line(w - r, 0.0),
        Step::Curve([(w - k, 0.0), (w, k), (w, r)]),
        Step::Line(w, h - r),
        Step::Curve([(w, h - k), (w - k, h), (w - r, h)]),
        Step::Line(r, h),
        Step::Curve([(k, h), (0.0, h - k), (0.0, h - r)]),
        Step::Line(0.0, r),
        Step::Curve([(0.0, k), (k, 0.0), (r, 0.0)]),
        Step::Close,
    ]
}
