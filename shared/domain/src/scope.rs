//! Whom a task is for: nodes of the tree, kinds and trades; and how many that is.
//!
//! A scope is a rule and not a list: whether somebody is in it is decided whenever it is
//! asked, so that who comes, goes, moves or learns a trade is in or out from that moment on.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    district::{District, Label},
    error::FieldError,
    member::{MemberState, Role},
    membership::{Kind, Profile},
    named::Named as _,
    territory::{Level, NodeId},
};

/// The most nodes of one scope.
pub const MAX_NODES: usize = 20;
/// The most trades of one scope.
pub const MAX_TRADES: usize = 20;

/// Which of those in a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Of one of these kinds; of any when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// Who know one of these trades; whatever they know when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trades: Vec<Label>,
}

impl Selection {
    /// Whether somebody of this kind who knows these trades is selected.
    pub fn takes(&self, kind: Option<Kind>, trades: &[Label]) -> bool {
        let of_kind = self.kinds.is_empty() || kind.is_some_and(|kind| self.kinds.contains(&kind));
        of_kind && (self.trades.is_empty() || self.trades.iter().any(|trade| trades.contains(trade)))
    }
}

/// Whom a task is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// In these nodes or below them. None of them contains another.
    pub nodes: Vec<NodeId>,
    /// Which of those.
    #[serde(flatten)]
    pub who: Selection,
}

impl Scope {
    /// Checks it against the lists of the district and the territory of who makes it.
    pub fn check(&self, territory: &NodeId, district: &District, bad: &mut Vec<FieldError>) {
        if self.nodes.is_empty() || self.nodes.len() > MAX_NODES {
            bad.push(FieldError::new("/scope/nodes", format!("must have 1 to {MAX_NODES} entries")));
            return;
        }
        for (i, node) in self.nodes.iter().enumerate() {
            let at = format!("/scope/nodes/{i}");
            if !territory.contains(node) {
                bad.push(FieldError::new(at, "lies outside of your territory"));
            } else if !district.has(node) {
                bad.push(FieldError::new(at, "is no node of the district"));
            } else if let Some(j) = (0..self.nodes.len()).find(|&j| {
                let other = &self.nodes[j];
                j != i && other.contains(node) && (other != node || j < i)
            }) {
                // Who stands in both would be told twice.
                bad.push(FieldError::new(at, format!("is part of {}, which is there already", self.nodes[j])));
            }
        }
        for (i, kind) in self.who.kinds.iter().enumerate() {
            if self.who.kinds[..i].contains(kind) {
                bad.push(FieldError::new(format!("/scope/kinds/{i}"), "is there twice"));
            }
        }
        if self.who.trades.len() > MAX_TRADES {
            bad.push(FieldError::new("/scope/trades", format!("has more than {MAX_TRADES} entries")));
        }
        for (i, trade) in self.who.trades.iter().enumerate() {
            let at = format!("/scope/trades/{i}");
            if !district.has_trade(trade) {
                bad.push(FieldError::new(at, "is not in the district's list"));
            } else if self.who.trades[..i].contains(trade) {
                bad.push(FieldError::new(at, "is there twice"));
            }
        }
    }

    /// Whether this community lies in it.
    pub fn covers(&self, community: &NodeId) -> bool {
        self.nodes.iter().any(|node| node.contains(community))
    }

    /// Whether this reporter is in it, as they are now.
    pub fn includes(&self, reporter: &Profile) -> bool {
        reporter.member.role == Role::Reporter
            && self.covers(&reporter.member.node)
            && self.who.takes(reporter.kind, &reporter.trades)
    }

    /// Whether it reaches beyond one community.
    pub fn is_wider_than_one_community(&self) -> bool {
        self.nodes.len() > 1 || self.nodes.iter().any(|node| node.level() != Level::Community)
    }

    /// The communities of the district that lie in it, in the order of the district's list.
    pub fn communities(&self, district: &District) -> Vec<NodeId> {
        let places = district.nodes.iter().map(|place| &place.node);
        places.filter(|node| node.level() == Level::Community && self.covers(node)).cloned().collect()
    }
}

/// What a reporter is counted by: the kind, and the trades in the order of their labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traits {
    /// The kind; none for who was never described.
    pub kind: Option<Kind>,
    /// The trades, sorted, none twice.
    pub trades: Vec<Label>,
}

impl Traits {
    /// Of this kind, with these trades.
    pub fn new(kind: Option<Kind>, trades: &[Label]) -> Self {
        let mut trades = trades.to_vec();
        trades.sort();
        trades.dedup();
        Self { kind, trades }
    }

    /// Those of a member, if it is a reporter who may act.
    fn of(profile: &Profile) -> Option<Self> {
        let counts = profile.member.role == Role::Reporter && profile.member.state == MemberState::Active;
        counts.then(|| Self::new(profile.kind, &profile.trades))
    }
}

/// As it stands in the records: `taxi:fuel,scrap`. No name in it holds `:` or `,`.
impl fmt::Display for Traits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trades: Vec<&str> = self.trades.iter().map(Label::as_str).collect();
        write!(f, "{}:{}", self.kind.map_or("", Kind::name), trades.join(","))
    }
}

/// The text is not one of traits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a kind and trades, like taxi:fuel,scrap")]
pub struct TraitsError;

impl FromStr for Traits {
    type Err = TraitsError;

    fn from_str(text: &str) -> Result<Self, TraitsError> {
        let (kind, trades) = text.split_once(':').ok_or(TraitsError)?;
        let kind = if kind.is_empty() { None } else { Some(Kind::from_name(kind).ok_or(TraitsError)?) };
        let trades = trades.split(',').filter(|trade| !trade.is_empty()).map(Label::parse);
        let read = Self { kind, trades: trades.collect::<Result<_, _>>().map_err(|_| TraitsError)? };
        if read.to_string() == text { Ok(read) } else { Err(TraitsError) }
    }
}

/// How many reporters of a community may act, by their traits. It is kept up to date with
/// each change of a membership, so that counting a scope costs the same whatever the number
/// of reporters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census(pub BTreeMap<Traits, u32>);

impl Census {
    /// How many are selected.
    pub fn count(&self, who: &Selection) -> u32 {
        let taken = self.0.iter().filter(|(traits, _)| who.takes(traits.kind, &traits.trades));
        taken.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// One more, or one less, of those with these traits in a community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CensusChange {
    /// The community.
    pub community: NodeId,
    /// Their traits.
    pub traits: Traits,
    /// Whether there is one more.
    pub more: bool,
}

/// What a change of a membership changes in the census; nothing when the member counts as before.
pub fn census_changes(before: Option<&Profile>, after: &Profile) -> Vec<CensusChange> {
    let place = |profile: &Profile| Some((profile.member.node.clone(), Traits::of(profile)?));
    let (was, is) = (before.and_then(place), place(after));
    if was == is {
        return Vec::new();
    }
    let change = |(community, traits), more| CensusChange { community, traits, more };
    let less = was.map(|was| change(was, false));
    less.into_iter().chain(is.map(|is| change(is, true))).collect()
}
