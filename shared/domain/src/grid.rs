//! A coarse grid over the map: adopted reports by cell, for maps that leave the platform.
//!
//! A cell is as wide as a hundredth of a degree, about a kilometre. It is shown only with five
//! reports or more, of five reporters or more, whoever looks: a map is passed on.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    coverage::SMALLEST_SHOWN,
    member::MemberId,
    report::{Category, Point},
};

/// The width and the height of a cell, in millionths of a degree.
pub const CELL_MICRODEGREES: i32 = 10_000;

/// One report on the map.
#[derive(Debug, Clone)]
pub struct Spot {
    /// Where.
    pub point: Point,
    /// What it is about.
    pub category: Category,
    /// Who sent it in.
    pub reporter: MemberId,
}

/// A cell that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridCell {
    /// Its south-western corner.
    pub corner: Point,
    /// How many reports lie in it.
    pub reports: u32,
    /// How many of each category, where that are five or more.
    pub by_category: BTreeMap<Category, u32>,
    /// How many of all other categories together: none, or five or more.
    pub others: u32,
}

/// The cells that are shown, from the south to the north and from the west to the east; and how
/// many reports lie in others, when that are none, or five or more.
pub fn grid(spots: &[Spot]) -> (Vec<GridCell>, Option<u32>) {
    let mut cells: BTreeMap<(i32, i32), Vec<&Spot>> = BTreeMap::new();
    for spot in spots {
        let corner = |microdegrees: i32| microdegrees.div_euclid(CELL_MICRODEGREES) * CELL_MICRODEGREES;
        let place = (corner(spot.point.latitude_microdegrees), corner(spot.point.longitude_microdegrees));
        cells.entry(place).or_default().push(spot);
    }
    let (mut shown, mut left_out) = (Vec::new(), 0);
    for ((south, west), spots) in cells {
        let reports = count(&spots);
        let reporters: BTreeSet<&MemberId> = spots.iter().map(|spot| &spot.reporter).collect();
        if reports < SMALLEST_SHOWN || count(&reporters.into_iter().collect::<Vec<_>>()) < SMALLEST_SHOWN {
            left_out += reports;
            continue;
        }
        let (by_category, others) = categories(&spots);
        let corner = Point { longitude_microdegrees: west, latitude_microdegrees: south };
        shown.push(GridCell { corner, reports, by_category, others });
    }
    let left_out = Some(left_out).filter(|count| !(1..SMALLEST_SHOWN).contains(count));
    (shown, left_out)
}

/// The categories with five reports or more; the others count together. When these are fewer
/// than five, the smallest of the larger goes with them.
fn categories(spots: &[&Spot]) -> (BTreeMap<Category, u32>, u32) {
    let mut by_category: BTreeMap<Category, u32> = BTreeMap::new();
    for spot in spots {
        *by_category.entry(spot.category).or_default() += 1;
    }
    let mut others = 0;
    by_category.retain(|_, count| {
        let keep = *count >= SMALLEST_SHOWN;
        others += if keep { 0 } else { *count };
        keep
    });
    if (1..SMALLEST_SHOWN).contains(&others) {
        let smallest = by_category.iter().min_by_key(|(_, count)| **count).map(|(category, _)| *category);
        others += smallest.and_then(|category| by_category.remove(&category)).unwrap_or(0);
    }
    (by_category, others)
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::named::Named as _;

    fn spot(longitude: i32, latitude: i32, category: Category, reporter: u32) -> Spot {
        let point = Point { longitude_microdegrees: longitude, latitude_microdegrees: latitude };
        Spot { point, category, reporter: MemberId::parse(&format!("r{reporter}")).unwrap() }
    }

    #[test]
    fn a_cell_is_shown_with_five_reports_of_five_reporters() {
        let at = |reporters: &[u32]| -> Vec<Spot> {
            reporters.iter().map(|who| spot(121_476_123, 31_230_999, Category::Hazard, *who)).collect()
        };
        assert_eq!(grid(&at(&[1, 2, 3, 4])), (Vec::new(), None), "nor how many were left out");
        assert_eq!(grid(&at(&[1, 2, 3, 4, 4, 4])), (Vec::new(), Some(6)));
        let (cells, left_out) = grid(&at(&[1, 2, 3, 4, 5]));
        let corner = Point { longitude_microdegrees: 121_470_000, latitude_microdegrees: 31_230_000 };
        let by_category = BTreeMap::from([(Category::Hazard, 5)]);
        assert_eq!((cells, left_out), (vec![GridCell { corner, reports: 5, by_category, others: 0 }], Some(0)));
        // West of Greenwich and south of the equator the corner is still the south-western one.
        let (cells, _) = grid(&(0..5).map(|who| spot(-1, -10_000, Category::Crime, who)).collect::<Vec<_>>());
        assert_eq!((cells[0].corner.longitude_microdegrees, cells[0].corner.latitude_microdegrees), (-10_000, -10_000));
    }

    proptest! {
        #[test]
        fn no_small_number_is_shown_or_left_over(
            spots in prop::collection::vec((0_i32..40_000, 0_i32..20_000, 0_usize..Category::ALL.len(), 0_u32..12), 0..120),
        ) {
            let spots: Vec<Spot> =
                spots.into_iter().map(|(x, y, of, who)| spot(x, y, Category::ALL[of], who)).collect();
            let (cells, left_out) = grid(&spots);
            for cell in &cells {
                let sum: u32 = cell.by_category.values().sum();
                prop_assert_eq!(sum + cell.others, cell.reports);
                prop_assert!(cell.reports >= 5 && cell.by_category.values().all(|count| *count >= 5));
                prop_assert!(cell.others == 0 || cell.others >= 5);
            }
            let shown: u32 = cells.iter().map(|cell| cell.reports).sum();
            let rest = u32::try_from(spots.len()).unwrap() - shown;
            prop_assert_eq!(left_out, Some(rest).filter(|rest| *rest == 0 || *rest >= 5));
        }
    }
}
