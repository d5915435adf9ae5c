//! Coverage: which communities, kinds, trades and sensitive places have reporters, and
//! which have none or too few.

use std::collections::BTreeMap;

use crate::{
    district::{District, Label},
    member::{MemberState, Role},
    membership::Kind,
    named::Named as _,
    territory::{Level, NodeId},
};

/// A count below this tells of single persons, and is suppressed for those who do not know
/// them anyway.
pub const SMALLEST_SHOWN: u32 = 5;

/// What is counted of a member.
#[derive(Debug, Clone)]
pub struct Counted {
    /// What the member is; only reporters count.
    pub role: Role,
    /// Where in the membership; only who may act counts.
    pub state: MemberState,
    /// The community.
    pub node: NodeId,
    /// What kind of reporter.
    pub kind: Option<Kind>,
    /// The trades that the reporter knows.
    pub trades: Vec<Label>,
    /// The sensitive places that the reporter knows.
    pub places: Vec<Label>,
}

/// One count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// How many; none when it is suppressed.
    pub members: Option<u32>,
    /// Whether it is suppressed: it is from 1 to 4, or would give away another that is.
    pub suppressed: bool,
    /// How many there should be; 0 for no target.
    pub target: u16,
    /// Whether there are none, or surely fewer than the target.
    pub gap: bool,
}

/// The counts of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// By community.
    pub communities: Vec<(NodeId, Cell)>,
    /// By kind.
    pub kinds: Vec<(Kind, Cell)>,
    /// By trade.
    pub trades: Vec<(Label, Cell)>,
    /// By sensitive place.
    pub places: Vec<(Label, Cell)>,
}

/// Counts the reporters of a node. `knows_them` shows small counts too: for the officer of
/// the community, who knows the persons.
pub fn coverage(district: &District, node: &NodeId, members: &[Counted], knows_them: bool) -> Coverage {
    let mut by_node: BTreeMap<&NodeId, u32> = BTreeMap::new();
    let mut by_kind: BTreeMap<Kind, u32> = BTreeMap::new();
    let mut by_trade: BTreeMap<&Label, u32> = BTreeMap::new();
    let mut by_place: BTreeMap<&Label, u32> = BTreeMap::new();
    let reporters = members.iter().filter(|member| {
        member.role == Role::Reporter && member.state == MemberState::Active && node.contains(&member.node)
    });
    for member in reporters {
        *by_node.entry(&member.node).or_default() += 1;
        if let Some(kind) = member.kind {
            *by_kind.entry(kind).or_default() += 1;
        }
        for trade in &member.trades {
            *by_trade.entry(trade).or_default() += 1;
        }
        for place in &member.places {
            *by_place.entry(place).or_default() += 1;
        }
    }
    let cell = |count: Option<&u32>, target: u16| cell(count.copied().unwrap_or_default(), target, knows_them);
    // The targets of trades are the district's: a part of it has none.
    let whole = *node == district.node;
    let mut communities: Vec<(NodeId, Cell)> = district
        .nodes
        .iter()
        .filter(|place| place.node.level() == Level::Community && node.contains(&place.node))
        .map(|place| (place.node.clone(), cell(by_node.get(&place.node), place.target)))
        .collect();
    let mut kinds: Vec<(Kind, Cell)> = Kind::ALL.iter().map(|kind| (*kind, cell(by_kind.get(kind), 0))).collect();
    // Every reporter stands in one community and is of one kind, so that either list could be
    // taken from the sum of the other.
    let of_communities: Vec<u32> =
        communities.iter().map(|(node, _)| by_node.get(node).copied().unwrap_or(0)).collect();
    suppress_another(&mut communities, &of_communities);
    let of_kinds: Vec<u32> = kinds.iter().map(|(kind, _)| by_kind.get(kind).copied().unwrap_or(0)).collect();
    suppress_another(&mut kinds, &of_kinds);
    Coverage {
        communities,
        kinds,
        trades: district
            .trades
            .iter()
            .map(|trade| {
                let target = if whole { trade.target } else { 0 };
                (trade.label.clone(), cell(by_trade.get(&trade.label), target))
            })
            .collect(),
        places: district
            .places
            .iter()
            .filter(|place| node.contains(&place.node))
            .map(|place| (place.label.clone(), cell(by_place.get(&place.label), place.target)))
            .collect(),
    }
}

/// Where counts are suppressed that the sum less all others would give away, suppresses the
/// smallest other one as well. Those suppressed give themselves away when they are fewer than
/// five in all, or when their sum leaves but one possibility: two that sum to 8 are 4 and 4.
///
/// `counts` are those of the cells, in the same order. Says whether the sum may be shown beside
/// the cells: there is no other one to suppress when it may not.
pub fn suppress_another<T>(cells: &mut [(T, Cell)], counts: &[u32]) -> bool {
    let hidden: Vec<u32> =
        cells.iter().zip(counts).filter(|((_, cell), _)| cell.suppressed).map(|(_, count)| *count).collect();
    let sum = hidden.iter().fold(0_u32, |sum, count| sum.saturating_add(*count));
    let least = u32::try_from(hidden.len()).unwrap_or(u32::MAX);
    let most = least.saturating_mul(SMALLEST_SHOWN - 1);
    if hidden.is_empty() || (sum >= SMALLEST_SHOWN && sum > least && sum < most) {
        return true;
    }
    let shown = cells.iter_mut().map(|(_, cell)| cell).filter(|cell| cell.members.is_some_and(|count| count > 0));
    if let Some(smallest) = shown.min_by_key(|cell| cell.members) {
        smallest.members = None;
        smallest.suppressed = true;
        return true;
    }
    false
}

/// The cell of a count, suppressed where it would single out fewer than five. `target` is how many there should be; 0 for no target.
pub fn cell(count: u32, target: u16, knows_them: bool) -> Cell {
    let suppressed = !knows_them && (1..SMALLEST_SHOWN).contains(&count);
    let wanted = u32::from(target).max(1);
    // Against a target of 2 to 4 a suppressed count would be given away by its gap.
    let gap = if suppressed { wanted >= SMALLEST_SHOWN } else { count < wanted };
    Cell { members: (!suppressed).then_some(count), suppressed, target, gap }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_and_their_gaps_tell_nothing() {
        for target in 0..12 {
            let cells: Vec<Cell> = (1..SMALLEST_SHOWN).map(|count| cell(count, target, false)).collect();
            assert!(cells.windows(2).all(|pair| pair[0] == pair[1]), "{target}: all four look the same");
            assert!(cells.iter().all(|cell| cell.suppressed && cell.members.is_none()));
        }
        assert_eq!(cell(0, 0, false), Cell { members: Some(0), suppressed: false, target: 0, gap: true });
        assert_eq!(cell(5, 6, false), Cell { members: Some(5), suppressed: false, target: 6, gap: true });
        let mut cells = vec![
            ("a", cell(3, 0, false)),
            ("b", cell(9, 0, false)),
            ("c", cell(7, 0, false)),
            ("d", cell(0, 0, false)),
        ];
        assert!(suppress_another(&mut cells, &[3, 9, 7, 0]));
        assert_eq!(cells.iter().map(|(_, cell)| cell.members).collect::<Vec<_>>(), [None, Some(9), None, Some(0)]);
        let mut cells = vec![("a", cell(1, 0, false)), ("b", cell(1, 0, false)), ("c", cell(0, 0, false))];
        assert!(!suppress_another(&mut cells, &[1, 1, 0]), "their sum of 2 would say that each is 1");
        let mut cells = vec![("a", cell(4, 0, false)), ("b", cell(4, 0, false)), ("c", cell(6, 0, false))];
        assert!(suppress_another(&mut cells, &[4, 4, 6]) && cells[2].1.suppressed, "8 is 4 and 4");
        let mut cells = vec![("a", cell(2, 0, false)), ("b", cell(4, 0, false)), ("c", cell(6, 0, false))];
        assert!(suppress_another(&mut cells, &[2, 4, 6]) && !cells[2].1.suppressed, "6 may be 2 and 4, 3 and 3");
        assert_eq!(cell(3, 2, true), Cell { members: Some(3), suppressed: false, target: 2, gap: false });
    }
}
