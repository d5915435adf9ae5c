//! What a district has written down of itself: its nodes by name, and the closed lists of
//! trades and sensitive places that its members are described by.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    error::{Error, FieldError},
    named::named,
    outcome, protected,
    territory::{Level, NodeId},
    text::Text,
};

/// The most stations and communities of a district.
pub const MAX_NODES: usize = 1_000;
/// The most trades, and the most sensitive places.
pub const MAX_LISTED: usize = 500;
/// The most kinds of outcome that a district adds.
pub const MAX_OUTCOME_KINDS: usize = 20;
/// The longest name of anything in the lists, in characters.
pub const MAX_NAME_CHARS: usize = 40;
/// The most members that a target can ask for.
pub const MAX_TARGET: u16 = 10_000;

/// The stable name of a trade or a place: 1 to 32 characters out of `a-z`, `0-9`, `-` and `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// The text is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name in the lists has 1 to 32 of a-z, 0-9, '-' and '_'")]
pub struct LabelError;

impl Label {
    /// Reads a label.
    pub fn parse(text: &str) -> Result<Self, LabelError> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if fits { Ok(Self(text.to_owned())) } else { Err(LabelError) }
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

named! {
    /// The district's rule for tasks of its stations that reach beyond one community.
    pub enum StationTasks {
        /// The district consents to each.
        Consent = "consent",
        /// Stations send them by themselves.
        Free = "free",
    }
}

/// A station or a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its path.
    pub node: NodeId,
    /// Its name.
    pub name: Text,
    /// How many members it should have; 0 for no target.
    #[serde(default)]
    pub target: u16,
}

/// A trade, such as taxi drivers or scrap dealers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
    /// How many members of the district should know it; 0 for no target.
    #[serde(default)]
    pub target: u16,
}

/// A sensitive place, such as a school or a fuel depot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensitivePlace {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
    /// The community in which it lies.
    pub node: NodeId,
    /// How many members should know it; 0 for no target.
    #[serde(default)]
    pub target: u16,
}

/// An agency (职能部门) that acts on what is handed over to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agency {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
}

/// A kind of outcome that the district counts beside those that every district does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeKind {
    /// Its stable name.
    pub label: Label,
    /// What it is called.
    pub name: Text,
}

/// A district as it has written itself down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct District {
    /// Its node.
    pub node: NodeId,
    /// How often it was changed.
    pub version: u64,
    /// Its name.
    pub name: Text,
    /// Its stations and communities, by path.
    pub nodes: Vec<Place>,
    /// Its trades.
    pub trades: Vec<Trade>,
    /// Its sensitive places.
    pub places: Vec<SensitivePlace>,
    /// Its rule for tasks of its stations that reach beyond one community.
    #[serde(default = "consent")]
    pub station_tasks: StationTasks,
    /// The agencies to which it hands reports over.
    #[serde(default)]
    pub agencies: Vec<Agency>,
    /// The kinds of outcome that it counts beside those that every district does.
    #[serde(default)]
    pub outcome_kinds: Vec<OutcomeKind>,
}

fn consent() -> StationTasks {
    StationTasks::Consent
}

impl District {
    /// Checks the whole of it. `before` is what it replaces: a node that was ever there stays,
    /// because members and reports stand in it.
    pub fn validate(&self, before: Option<&Self>) -> Result<(), Error> {
        let mut bad = Vec::new();
        if self.node.level() != Level::District {
            bad.push(FieldError::new("/node", "is not a district"));
        }
        check_name("/name", &self.name, &mut bad);
        check_length("/nodes", self.nodes.len(), MAX_NODES, &mut bad);
        check_length("/trades", self.trades.len(), MAX_LISTED, &mut bad);
        check_length("/places", self.places.len(), MAX_LISTED, &mut bad);
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        self.check_nodes(before, &mut bad);
        let mut labels = BTreeSet::new();
        for (i, trade) in self.trades.iter().enumerate() {
            let at = format!("/trades/{i}");
            check_listed(&at, &trade.label, &trade.name, &mut labels, &mut bad);
            check_target(&at, trade.target, &mut bad);
        }
        let mut labels = BTreeSet::new();
        for (i, place) in self.places.iter().enumerate() {
            let at = format!("/places/{i}");
            check_listed(&at, &place.label, &place.name, &mut labels, &mut bad);
            check_target(&at, place.target, &mut bad);
            if place.node.level() != Level::Community || !self.has(&place.node) {
                bad.push(FieldError::new(format!("{at}/node"), "is not a community of the district"));
            }
        }
        check_length("/agencies", self.agencies.len(), MAX_LISTED, &mut bad);
        let mut labels = BTreeSet::new();
        for (i, agency) in self.agencies.iter().enumerate() {
            check_listed(&format!("/agencies/{i}"), &agency.label, &agency.name, &mut labels, &mut bad);
        }
        check_length("/outcome_kinds", self.outcome_kinds.len(), MAX_OUTCOME_KINDS, &mut bad);
        let mut labels = BTreeSet::new();
        for (i, kind) in self.outcome_kinds.iter().enumerate() {
            let at = format!("/outcome_kinds/{i}");
            check_listed(&at, &kind.label, &kind.name, &mut labels, &mut bad);
            if outcome::KINDS.iter().any(|(label, _)| *label == kind.label.as_str()) {
                bad.push(FieldError::new(format!("{at}/label"), "is a kind that every district counts"));
            }
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }

    fn check_nodes(&self, before: Option<&Self>, bad: &mut Vec<FieldError>) {
        let mut seen = BTreeSet::new();
        for (i, place) in self.nodes.iter().enumerate() {
            let at = format!("/nodes/{i}");
            check_name(&format!("{at}/name"), &place.name, bad);
            check_target(&at, place.target, bad);
            if place.node.level() == Level::District || !self.node.contains(&place.node) {
                bad.push(FieldError::new(format!("{at}/node"), "is no station or community of this district"));
            }
            if !seen.insert(&place.node) {
                bad.push(FieldError::new(format!("{at}/node"), "is there twice"));
            }
        }
        for (i, place) in self.nodes.iter().enumerate() {
            if place.node.at(Level::Station).is_some_and(|station| !seen.contains(&station)) {
                bad.push(FieldError::new(format!("/nodes/{i}/node"), "lies in a station that is not in the list"));
            }
        }
        for gone in before.iter().flat_map(|before| &before.nodes).filter(|place| !seen.contains(&place.node)) {
            let detail =
                format!("lacks {}; members and reports stand there, so it can be renamed and not removed", gone.node);
            bad.push(FieldError::new("/nodes", detail));
        }
    }

    /// Whether this is a node of the district.
    pub fn has(&self, node: &NodeId) -> bool {
        *node == self.node || self.nodes.iter().any(|place| place.node == *node)
    }

    /// What a node is called.
    pub fn name_of(&self, node: &NodeId) -> Option<&Text> {
        if *node == self.node {
            return Some(&self.name);
        }
        self.nodes.iter().find(|place| place.node == *node).map(|place| &place.name)
    }

    /// Whether this is a trade of the district.
    pub fn has_trade(&self, label: &Label) -> bool {
        self.trades.iter().any(|trade| trade.label == *label)
    }

    /// What an agency is called; none when it is no agency of the district.
    pub fn agency(&self, label: &Label) -> Option<&Text> {
        self.agencies.iter().find(|agency| agency.label == *label).map(|agency| &agency.name)
    }

    /// What a kind of outcome is called; none when the district counts no such kind.
    pub fn outcome_kind(&self, label: &Label) -> Option<Text> {
        let own = || self.outcome_kinds.iter().find(|kind| kind.label == *label).map(|kind| kind.name.clone());
        outcome::kind_name(label).or_else(own)
    }

    /// Whether this is a sensitive place of the district.
    pub fn has_place(&self, label: &Label) -> bool {
        self.places.iter().any(|place| place.label == *label)
    }
}

fn check_length(at: &str, length: usize, most: usize, bad: &mut Vec<FieldError>) {
    if length > most {
        bad.push(FieldError::new(at, format!("has {length} entries; at most {most} are taken")));
    }
}

fn check_target(at: &str, target: u16, bad: &mut Vec<FieldError>) {
    if target > MAX_TARGET {
        bad.push(FieldError::new(format!("{at}/target"), format!("must be at most {MAX_TARGET}")));
    }
}

fn check_name(at: &str, name: &Text, bad: &mut Vec<FieldError>) {
    for (language, text) in [("zh_cn", &name.zh_cn), ("en", &name.en)] {
        let length = text.trim().chars().count();
        if length == 0 || length > MAX_NAME_CHARS || text.chars().any(char::is_control) {
            let detail = format!("must have 1 to {MAX_NAME_CHARS} characters, none of them a control character");
            bad.push(FieldError::new(format!("{at}/{language}"), detail));
        }
    }
}

pub(crate) fn check_listed<'a>(
    at: &str,
    label: &'a Label,
    name: &Text,
    labels: &mut BTreeSet<&'a Label>,
    bad: &mut Vec<FieldError>,
) {
    check_name(&format!("{at}/name"), name, bad);
    if !labels.insert(label) {
        bad.push(FieldError::new(format!("{at}/label"), "is there twice"));
    }
    for (field, text) in [("label", label.as_str()), ("name/zh_cn", &name.zh_cn), ("name/en", &name.en)] {
        if protected::names_protected(text) {
            bad.push(FieldError::new(format!("{at}/{field}"), protected::DETAIL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn district() -> District {
        let node = |path: &str| path.parse::<NodeId>().unwrap();
        let place = |path: &str| Place { node: node(path), name: Text::new("名", "Name"), target: 3 };
        District {
            node: node("d"),
            version: 1,
            name: Text::new("区", "District"),
            nodes: vec![place("d.s"), place("d.s.c")],
            trades: vec![Trade {
                label: Label::parse("taxi").unwrap(), name: Text::new("出租车", "Taxis"), target: 9
            }],
            places: vec![SensitivePlace {
                label: Label::parse("school-1").unwrap(),
                name: Text::new("第一小学", "School No. 1"),
                node: node("d.s.c"),
                target: 1,
            }],
            station_tasks: StationTasks::Consent,
            agencies: Vec::new(),
            outcome_kinds: Vec::new(),
        }
    }

    fn pointers(district: &District, before: Option<&District>) -> Vec<String> {
        match district.validate(before) {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(bad)) => bad.into_iter().map(|field| field.pointer).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_whole_district_is_taken_and_each_mistake_is_named() {
        let good = district();
        assert_eq!(pointers(&good, None), Vec::<String>::new());
        assert_eq!(pointers(&good, Some(&good)), Vec::<String>::new());
        let spoiled = |spoil: &dyn Fn(&mut District)| {
            let mut bad = district();
            spoil(&mut bad);
            pointers(&bad, Some(&good))
        };
        assert_eq!(spoiled(&|d| d.node = "d.s".parse().unwrap()), ["/node"]);
        assert_eq!(spoiled(&|d| d.name.en = " ".into()), ["/name/en"]);
        assert_eq!(spoiled(&|d| d.nodes[1].node = "x.s.c".parse().unwrap())[0], "/nodes/1/node");
        assert_eq!(
            spoiled(&|d| d.nodes.truncate(1)),
            ["/places/0/node", "/nodes"].iter().rev().copied().collect::<Vec<_>>()
        );
        assert_eq!(spoiled(&|d| d.nodes.push(d.nodes[1].clone())), ["/nodes/2/node"]);
        assert_eq!(spoiled(&|d| d.nodes[0].target = 10_001), ["/nodes/0/target"]);
        assert_eq!(spoiled(&|d| d.trades.push(d.trades[0].clone())), ["/trades/1/label"]);
        assert_eq!(spoiled(&|d| d.trades[0].name.zh_cn = "少数民族".into()), ["/trades/0/name/zh_cn"]);
        assert_eq!(spoiled(&|d| d.places[0].node = "d.s".parse().unwrap()), ["/places/0/node"]);
        assert_eq!(spoiled(&|d| d.nodes = vec![d.nodes[0].clone(); 1_001]), ["/nodes"]);
    }
}
