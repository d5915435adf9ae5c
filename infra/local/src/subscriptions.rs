//! The subscriptions and devices of the SNS stand-in: who would have got a message.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files;

/// The platform applications that the stand-in has, as the `PLATFORM_APPLICATIONS` of a function.
pub(crate) const APPLICATIONS: &str = "fcm=arn:aws:sns:us-east-1:000000000000:app/GCM/local,\
                                       apns=arn:aws:sns:us-east-1:000000000000:app/APNS/local,\
                                       baidu=arn:aws:sns:us-east-1:000000000000:app/BAIDU/local";

/// Which values of which attributes a message must have.
pub(crate) type FilterPolicy = BTreeMap<String, BTreeSet<String>>;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Refused {
    /// A parameter that SNS would not take.
    Parameter(&'static str),
    /// There is no such thing.
    NotFound(&'static str),
    /// It could not be written down.
    Io(io::Error),
}

/// All subscriptions and devices, in a file.
pub(crate) struct Subscriptions {
    file: PathBuf,
    kept: Kept,
}

#[derive(Default, Clone, Serialize, Deserialize)]
struct Kept {
    subscriptions: BTreeMap<String, Subscription>,
    /// The tokens of devices, by the names of their endpoints.
    devices: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subscription {
    topic: String,
    protocol: String,
    endpoint: String,
    filter: FilterPolicy,
}

impl Subscriptions {
    /// Those in this file; none when there is no file.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let kept = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { file: file.to_owned(), kept })
    }

    /// Subscribes an address to a topic, whose ARN this is. The same again gives the same name.
    pub(crate) fn subscribe(
        &mut self,
        topic_arn: &str,
        protocol: &str,
        endpoint: &str,
        filter: FilterPolicy,
    ) -> Result<String, Refused> {
        let known = match protocol {
            "sms" => endpoint.starts_with('+') && endpoint[1..].bytes().all(|byte| byte.is_ascii_digit()),
            "email" => endpoint.contains('@'),
            "application" => self.kept.devices.contains_key(endpoint),
            _ => false,
        };
        if !known {
            return Err(Refused::Parameter("Endpoint"));
        }
        let new = Subscription {
            topic: topic_arn.to_owned(),
            protocol: protocol.to_owned(),
            endpoint: endpoint.to_owned(),
            filter,
        };
        let is_there = |old: &&Subscription| {
            (&old.topic, &old.protocol, &old.endpoint) == (&new.topic, &new.protocol, &new.endpoint)
        };
        if let Some((arn, old)) = self.kept.subscriptions.iter().find(|(_, old)| is_there(old)) {
            return if *old == new {
                Ok(arn.clone())
            } else {
                Err(Refused::Parameter("Attributes Reason: Subscription already exists with different attributes"))
            };
        }
        let arn = format!("{topic_arn}:{}", Uuid::new_v4());
        self.change(|kept| {
            kept.subscriptions.insert(arn.clone(), new);
        })?;
        Ok(arn)
    }

    /// Gives a subscription another filter.
    pub(crate) fn set_filter(&mut self, arn: &str, filter: FilterPolicy) -> Result<(), Refused> {
        if !self.kept.subscriptions.contains_key(arn) {
            return Err(Refused::NotFound("Subscription does not exist"));
        }
        self.change(|kept| {
            if let Some(subscription) = kept.subscriptions.get_mut(arn) {
                subscription.filter = filter;
            }
        })
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, arn: &str) -> Result<(), Refused> {
        if !self.kept.subscriptions.contains_key(arn) {
            return Err(Refused::NotFound("Subscription does not exist"));
        }
        self.change(|kept| {
            kept.subscriptions.remove(arn);
        })
    }

    /// Makes a device known. The same again gives the same name.
    pub(crate) fn add_device(&mut self, application: &str, token: &str) -> Result<String, Refused> {
        if !APPLICATIONS.split(',').any(|known| known.split_once('=').is_some_and(|(_, arn)| arn == application)) {
            return Err(Refused::NotFound("PlatformApplication does not exist"));
        }
        let prefix = application.replace(":app/", ":endpoint/");
        let is_there = |(arn, known): &(&String, &String)| arn.starts_with(&prefix) && *known == token;
        if let Some((arn, _)) = self.kept.devices.iter().find(is_there) {
            return Ok(arn.clone());
        }
        let arn = format!("{prefix}/{}", Uuid::new_v4());
        self.change(|kept| {
            kept.devices.insert(arn.clone(), token.to_owned());
        })?;
        Ok(arn)
    }

    /// The token of a device.
    pub(crate) fn device(&self, arn: &str) -> Result<&str, Refused> {
        self.kept.devices.get(arn).map(String::as_str).ok_or(Refused::NotFound("Endpoint does not exist"))
    }

    /// Forgets a device; one that is not there is forgotten.
    pub(crate) fn remove_device(&mut self, arn: &str) -> Result<(), Refused> {
        self.change(|kept| {
            kept.devices.remove(arn);
        })
    }

    /// Who gets a message with these attributes that is published to a topic: `sms:+86…`, `email:…`, `device:…`.
    pub(crate) fn receivers(&self, topic_arn: &str, attributes: &BTreeMap<String, String>) -> Vec<String> {
        let passes = |filter: &FilterPolicy| {
            filter.iter().all(|(name, values)| attributes.get(name).is_some_and(|value| values.contains(value)))
        };
        let matching = self.kept.subscriptions.values();
        let matching = matching.filter(|subscription| subscription.topic == topic_arn && passes(&subscription.filter));
        let mut receivers: Vec<_> = matching
            .filter_map(|subscription| match subscription.protocol.as_str() {
                "application" => self.device(&subscription.endpoint).ok().map(|token| format!("device:{token}")),
                protocol => Some(format!("{protocol}:{}", subscription.endpoint)),
            })
            .collect();
        receivers.sort();
        receivers
    }

    /// Changes what is kept, in the file first.
    fn change(&mut self, change: impl FnOnce(&mut Kept)) -> Result<(), Refused> {
        let mut kept = self.kept.clone();
        change(&mut kept);
        let bytes = serde_json::to_vec(&kept).map_err(|error| Refused::Io(error.into()))?;
        files::replace(&self.file, &bytes).map_err(Refused::Io)?;
        self.kept = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(entries: &[(&str, &[&str])]) -> FilterPolicy {
        let values = |values: &[&str]| values.iter().map(ToString::to_string).collect();
        entries.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect()
    }

    #[test]
    fn a_message_goes_to_those_whose_filter_it_passes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("subscriptions.json");
        let mut known = Subscriptions::open(&file).unwrap();
        let day = filter(&[("node", &["a", "b"]), ("moment", &["emergency", "10"])]);
        let phone = known.subscribe("topic", "sms", "+8613800138000", day.clone()).unwrap();
        assert_eq!(known.subscribe("topic", "sms", "+8613800138000", day).unwrap(), phone, "the same again");
        assert!(matches!(
            known.subscribe("topic", "sms", "+8613800138000", FilterPolicy::new()),
            Err(Refused::Parameter(_))
        ));
        let application = APPLICATIONS.split([',', '=']).nth(1).unwrap();
        let device = known.add_device(application, "token").unwrap();
        assert_eq!(known.add_device(application, "token").unwrap(), device, "the same again");
        known.subscribe("topic", "application", &device, FilterPolicy::new()).unwrap();
        assert!(known.subscribe("topic", "email", "nobody", FilterPolicy::new()).is_err());
        assert!(known.add_device("another", "token").is_err());

        let told = |known: &Subscriptions, node: &str, moment: &str| {
            let attributes =
                BTreeMap::from([("node".to_owned(), node.to_owned()), ("moment".to_owned(), moment.to_owned())]);
            known.receivers("topic", &attributes)
        };
        let mut known = Subscriptions::open(&file).unwrap();
        assert_eq!(told(&known, "a", "10"), ["device:token", "sms:+8613800138000"]);
        assert_eq!(told(&known, "a", "23"), ["device:token"]);
        assert_eq!(told(&known, "c", "10"), ["device:token"]);
        assert!(known.receivers("another", &BTreeMap::new()).is_empty());
        known.set_filter(&phone, filter(&[("node", &["c"])])).unwrap();
        assert_eq!(told(&known, "c", "23"), ["device:token", "sms:+8613800138000"]);
        known.unsubscribe(&phone).unwrap();
        known.remove_device(&device).unwrap();
        assert!(told(&known, "c", "23").is_empty());
        assert!(matches!(known.unsubscribe(&phone), Err(Refused::NotFound(_))));
        assert!(known.device(&device).is_err());
    }
}
