//! How a person is told beside the inbox: the channel that they chose, and their quiet hours.
//!
//! The address itself stands nowhere in the records but as a keyed hash: SNS alone holds it, and
//! gives a name for it that says nothing about the person.

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    hash::Digest,
    member::{Member, Role},
    named::{Named as _, named},
    notice::{Audience, Notice},
    report::Urgency,
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
    /// What SNS calls the subscription to the notices of their position; staff alone.
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

/// Those to whom notices for a member's position are addressed; none for reporters, who are
/// told of their own reports alone.
pub fn position(member: &Member) -> Option<Audience> {
    let node = member.node.clone();
    match member.role {
        Role::Reporter | Role::Clock => None,
        role => Some(match role.stage() {
            Some(stage) => Audience::Reviewers { stage, node },
            None => Audience::Staff { role, node },
        }),
    }
}

/// The attribute of a message that quiet hours go by: an emergency, or the hour in which it is sent.
pub fn moment(urgency: Urgency, hour: u8) -> String {
    if urgency == Urgency::Emergency { urgency.name().to_owned() } else { format!("{hour:02}") }
}

/// Which messages a subscription lets through: each attribute that is named must have one of
/// the values. It stays below the 150 combinations that SNS allows.
pub fn filter(audience: &Audience, quiet_hours: QuietHours) -> Vec<(&'static str, Vec<String>)> {
    let hours = (0..24).filter(|hour| !quiet_hours.contain(*hour)).map(|hour| moment(Urgency::Routine, hour));
    let moments = std::iter::once(moment(Urgency::Emergency, 0)).chain(hours).collect();
    let mut filter: Vec<_> = Notice::address(audience).into_iter().map(|(name, value)| (name, vec![value])).collect();
    filter.push(("moment", moments));
    filter
}
