//! The territory: a tree of districts, stations and communities.
//!
//! A node is named by its path from the district down (`hexi`, `hexi.jianshan`,
//! `hexi.jianshan.yulan`), so that "is this inside that" is answered by the names alone,
//! without reading a record.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::named::named;

named! {
    /// How deep a node stands in the tree.
    pub enum Level {
        /// A district: the whole tree of one deployment's reporters and staff.
        District = "district",
        /// A police station or a subdistrict office.
        Station = "station",
        /// A community, the place where reporters are registered.
        Community = "community",
    }
}

/// The path of a node. Up to three segments joined by dots; each of 1 to 32 characters
/// out of `a-z`, `0-9` and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(String);

/// The path is not a node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a node is 1 to 3 names of a-z, 0-9 and '-', joined by dots, like district.station.community")]
pub struct NodeError;

impl NodeId {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, NodeError> {
        // In one pass: a district's lists have hundreds of nodes, and nearly every call reads them.
        let (mut segments, mut length) = (1, 0);
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' if length < 32 => length += 1,
                b'.' if (1..=32).contains(&length) && segments < 3 => (segments, length) = (segments + 1, 0),
                _ => return Err(NodeError),
            }
        }
        if length == 0 { Err(NodeError) } else { Ok(Self(text.to_owned())) }
    }

    /// The level at which this node stands.
    pub fn level(&self) -> Level {
        match self.0.split('.').count() {
            1 => Level::District,
            2 => Level::Station,
            _ => Level::Community,
        }
    }

    /// Whether `other` is this node or lies below it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether this node lies below `parent` with none between them.
    pub fn is_right_below(&self, parent: &Self) -> bool {
        parent.contains(self) && self.level() as usize == parent.level() as usize + 1
    }

    /// The district in which this node lies, or itself.
    #[must_use]
    pub fn district(&self) -> Self {
        Self(self.0.split('.').take(1).collect())
    }

    /// This node's ancestor at `level`, or itself; none when the node stands above it.
    pub fn at(&self, level: Level) -> Option<Self> {
        if level > self.level() {
            return None;
        }
        let depth = match level {
            Level::District => 1,
            Level::Station => 2,
            Level::Community => 3,
        };
        Some(Self(self.0.split('.').take(depth).collect::<Vec<_>>().join(".")))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for NodeId {
    type Err = NodeError;

    fn from_str(text: &str) -> Result<Self, NodeError> {
        Self::parse(text)
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &str) -> NodeId {
        path.parse().unwrap()
    }

    #[test]
    fn a_node_contains_itself_and_what_lies_below() {
        assert!(node("d").contains(&node("d")));
        assert!(node("d").contains(&node("d.s.c")));
        assert!(node("d.s").contains(&node("d.s.c")));
        assert!(!node("d.s").contains(&node("d")));
        assert!(!node("d.s").contains(&node("d.s2.c")), "a longer name is another node");
        assert!(!node("d.s.c").contains(&node("d.s.c2")));
    }

    #[test]
    fn ancestors_are_found_by_level() {
        let community = node("d.s.c");
        assert_eq!(community.at(Level::District), Some(node("d")));
        assert_eq!((community.district(), node("d").district()), (node("d"), node("d")));
        assert!(community.is_right_below(&node("d.s")) && node("d.s").is_right_below(&node("d")));
        assert!(!community.is_right_below(&node("d")) && !community.is_right_below(&community));
        assert!(!community.is_right_below(&node("d.t")) && !node("d").is_right_below(&community));
        assert_eq!(community.at(Level::Station), Some(node("d.s")));
        assert_eq!(community.at(Level::Community), Some(community.clone()));
        assert_eq!(node("d.s").at(Level::Community), None);
    }

    #[test]
    fn bad_paths_are_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "a.b.c.d", "A", "a b", "a#b", "a/b", "和平", &"x".repeat(33)] {
            assert_eq!(NodeId::parse(bad), Err(NodeError), "{bad:?}");
        }
    }
}
