//! The QR code, as the outline of its dark modules.
//!
//! An outline and not a square for each module: between squares that touch, viewers show
//! hairlines, and a camera sees them too.

use std::collections::BTreeMap;

use qrcode::{Color, EcLevel, QrCode, Version};

use crate::{PosterError, draw::Step};

/// The light margin that a reader needs around a code, in modules.
pub(crate) const QUIET: u16 = 4;

/// Fewest modules along a side (version 4): with fewer, the quiet zone would take so much of
/// the card that the code itself would come out smaller than 90 mm.
const FEWEST: usize = 33;
/// Most modules along a side (version 20): with more, one would be finer than a millimetre.
const MOST: usize = 97;

/// A QR code: how many modules are along its side, and which are dark, row by row.
pub(crate) struct Code {
    pub(crate) side: u16,
    dark: Vec<bool>,
}

impl Code {
    /// The code that holds `url`. A quarter of it may be torn off or covered.
    pub(crate) fn of(url: &str) -> Result<Self, PosterError> {
        if url.is_empty() {
            return Err(PosterError::Url);
        }
        let mut code = QrCode::with_error_correction_level(url, EcLevel::Q).map_err(|_too_long| PosterError::Url)?;
        if code.width() < FEWEST {
            code = QrCode::with_version(url, Version::Normal(4), EcLevel::Q).map_err(|_too_long| PosterError::Url)?;
        }
        if code.width() > MOST {
            return Err(PosterError::Url);
        }
        let side = u16::try_from(code.width()).map_err(|_too_wide| PosterError::Url)?;
        Ok(Self { side, dark: code.into_colors().into_iter().map(|color| color == Color::Dark).collect() })
    }

    /// Whether the module in this column and row is dark; there is nothing dark outside.
    pub(crate) fn is_dark(&self, column: i32, row: i32) -> bool {
        let side = i32::from(self.side);
        if !(0..side).contains(&column) || !(0..side).contains(&row) {
            return false;
        }
        usize::try_from(row * side + column).ok().and_then(|at| self.dark.get(at)).copied().unwrap_or(false)
    }

    /// The outlines of all that is dark, in modules; to be filled by the even-odd rule.
    pub(crate) fn outline(&self) -> Vec<Step> {
        let mut edges = self.edges();
        let mut steps = Vec::new();
        while let Some((&start, _)) = edges.first_key_value() {
            // As many edges lead to a point as away from it, so that a walk can only end
            // where it began.
            let mut corners: Vec<Point> = Vec::new();
            let mut at = start;
            while let Some(next) = take(&mut edges, at) {
                // A point in the middle of a straight edge is no corner.
                if let [.., before, last] = corners.as_mut_slice()
                    && ((before.0 == at.0 && at.0 == next.0) || (before.1 == at.1 && at.1 == next.1))
                    && *last == at
                {
                    *last = next;
                } else {
                    if corners.is_empty() {
                        corners.push(at);
                    }
                    corners.push(next);
                }
                at = next;
                if at == start {
                    break;
                }
            }
            // The last corner is the first again, which closing the path draws.
            corners.pop();
            for (index, &(x, y)) in corners.iter().enumerate() {
                let (x, y) = (f32::from(x), f32::from(y));
                steps.push(if index == 0 { Step::Move(x, y) } else { Step::Line(x, y) });
            }
            steps.push(Step::Close);
        }
        steps
    }

    /// Every edge between dark and light, from its beginning to its end, with the dark on
    /// its right.
    fn edges(&self) -> BTreeMap<Point, Vec<Point>> {
        let mut edges: BTreeMap<Point, Vec<Point>> = BTreeMap::new();
        for y in 0..self.side {
            for x in 0..self.side {
                let (column, row) = (i32::from(x), i32::from(y));
                if !self.is_dark(column, row) {
                    continue;
                }
                let around = [
                    (self.is_dark(column, row - 1), (x, y), (x + 1, y)),
                    (self.is_dark(column + 1, row), (x + 1, y), (x + 1, y + 1)),
                    (self.is_dark(column, row + 1), (x + 1, y + 1), (x, y + 1)),
                    (self.is_dark(column - 1, row), (x, y + 1), (x, y)),
                ];
                for (_, from, to) in around.into_iter().filter(|(inside, ..)| !inside) {
                    edges.entry(from).or_default().push(to);
                }
            }
        }
        edges
    }
}

/// A corner between modules.
type Point = (u16, u16);

/// Takes out an edge that begins at this point.
fn take(edges: &mut BTreeMap<Point, Vec<Point>>, from: Point) -> Option<Point> {
    let ends = edges.get_mut(&from)?;
    let end = ends.pop();
    if ends.is_empty() {
        edges.remove(&from);
    }
    end
}
