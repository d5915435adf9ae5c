//! How a person is told beside the inbox: the channel that they chose, and their quiet hours.
//!
//! The address itself stands nowhere in the records but as a keyed hash: SNS alone holds it, and
//! gives a name for it that says nothing about the person.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    hash::Digest,
    member::{Member, Role},
    membership::Profile,
    named::{Named as _, named},
    notice::{ANY, Audience, Notice},
    report::Urgency,
    territory::Level,
};

named! {
    /// The ways to tell a person.
    pub enum Means {
        /// A text message.
        Sms = "sms",
        /// An e-mail.
        Email = "email",
        /// A notification of the app on one device.
        Device = "device",
    }
}

impl Means {
    /// Whether somebody of this role may choose it. A reporter's number stays sealed, and a
    /// mailbox is read by others: reporters are told on their own device.
    pub fn is_for(self, role: Role) -> bool {
        role != Role::Reporter || self == Self::Device
    }
}

named! {
    /// The services that reach a device.
    pub enum Platform {
        /// Apple's.
        Apns = "apns",
        /// Google's.
        Fcm = "fcm",
        /// Baidu's.
        Baidu = "baidu",
    }
}

/// The hours of the day in which nothing but an emergency is sent, in the district's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// The hour with which they begin, from 0 to 23.
    pub from: u8,
    /// The hour with which they end, from 0 to 23. With `from` itself there are none.
    pub to: u8,
}

impl Default for QuietHours {
    fn default() -> Self {
        Self { from: 22, to: 7 }
    }
}

impl QuietHours {
    /// Checks the hours.
    pub fn validate(self) -> Result<(), Error> {
        for (at, hour) in [("/quiet_hours/from", self.from), ("/quiet_hours/to", self.to)] {
            if hour > 23 {
                return Err(Error::field(at, "must be from 0 to 23"));
            }
        }
        Ok(())
    }

    /// Whether this hour of the day is one of them.
    pub fn contain(self, hour: u8) -> bool {
        if self.from <= self.to { (self.from..self.to).contains(&hour) } else { hour >= self.from || hour < self.to }
    }

    /// The moments that are let through, as ranges: from the first, and below the second.
    fn loud(self) -> Vec<(u8, u8)> {
        let Self { from, to } = self;
        let after = EMERGENCY + 1;
        let ranges = match from.cmp(&to) {
            Ordering::Equal => vec![(0, after)],
            Ordering::Less => vec![(0, from), (to, after)],
            Ordering::Greater => vec![(to, from), (EMERGENCY, after)],
        };
        ranges.into_iter().filter(|(from, below)| from < below).collect()
    }

    /// Whether something of this urgency is sent in this hour.
    pub fn let_through(self, urgency: Urgency, hour: u8) -> bool {
        urgency == Urgency::Emergency || !self.contain(hour)
    }
}

/// The channel that a person chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// By what.
    pub means: Means,
    /// The keyed hash of the address, by which the same one is known again.
    pub address: Digest,
    /// When not.
    pub quiet_hours: QuietHours,
    /// What SNS calls the subscription to the notices of their position, or of the tasks of their places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// What SNS calls the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl Channel {
    /// Whether both lead to the same place.
    pub fn is_at_the_address_of(&self, other: &Self) -> bool {
        self.subscription == other.subscription && self.endpoint == other.endpoint
    }
}

/// Those to whom notices for a member's position are addressed; none for reporters, who have
/// their own reports and the tasks of their places.
pub fn position(member: &Member) -> Option<Audience> {
    let node = member.node.clone();
    match member.role {
        Role::Reporter | Role::Clock => None,
        role => Some(match (role.stage(), &member.agency) {
            (Some(stage), _) => Audience::Reviewers { stage, node },
            (None, Some(agency)) => Audience::Agency { district: node, agency: agency.clone() },
            (None, None) => Audience::Staff { role, node },
        }),
    }
}

/// The inboxes that a member reads: their own, and those of their position or places.
pub fn inboxes(member: &Member) -> Vec<Audience> {
    let own = Audience::Member { member: member.id.clone() };
    let places = Level::ALL.iter().filter_map(|level| member.node.at(*level)).map(|node| Audience::Reporters { node });
    let places = places.filter(|_| member.role == Role::Reporter);
    std::iter::once(own).chain(position(member)).chain(places).collect()
}

/// The number in a message that quiet hours go by: the hour of the district's day in which it
/// is sent, from 0 to 23, or [`EMERGENCY`].
pub fn moment(urgency: Urgency, hour: u8) -> u8 {
    if urgency == Urgency::Emergency { EMERGENCY } else { hour }
}

/// The moment of an emergency, which is no hour of any day.
pub const EMERGENCY: u8 = 24;

/// What a subscription asks of an attribute of a message: any of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// One of these texts.
    Texts(Vec<String>),
    /// A number of one of these ranges: from the first, and below the second.
    Ranges(Vec<(u8, u8)>),
}

/// Which messages a member's subscription lets through: each attribute that is named must be
/// as wanted. Nothing for who has no part in any topic.
///
/// SNS allows 150 combinations of the values of a filter. With three nodes, a kind and the ten
/// trades that a reporter can have, and two ranges of hours, there are 132.
pub fn filter(reader: &Profile, quiet_hours: QuietHours) -> Option<Vec<(&'static str, Wanted)>> {
    let mut filter: Vec<(&str, Wanted)> = match position(&reader.member) {
        Some(audience) => {
            let address = Notice::address(&audience).into_iter();
            address.map(|(name, value)| (name, Wanted::Texts(vec![value]))).collect()
        }
        None if reader.member.role == Role::Reporter => {
            let nodes = Level::ALL.iter().filter_map(|level| reader.member.node.at(*level));
            let or_any = |names: Vec<String>| Wanted::Texts(names.into_iter().chain([ANY.to_owned()]).collect());
            vec![
                ("audience", Wanted::Texts(vec!["reporters".to_owned()])),
                ("node", Wanted::Texts(nodes.map(|node| node.to_string()).collect())),
                ("kind", or_any(reader.kind.iter().map(ToString::to_string).collect())),
                ("trade", or_any(reader.trades.iter().map(ToString::to_string).collect())),
            ]
        }
        None => return None,
    };
    filter.push(("moment", Wanted::Ranges(quiet_hours.loud())));
    Some(filter)
}
