//! The subscriptions and devices of the SNS stand-in: who would have got a message.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use uuid::Uuid;

use crate::files;

/// The platform applications that the stand-in has, as the `PLATFORM_APPLICATIONS` of a function.
pub(crate) const APPLICATIONS: &str = "fcm=arn:aws:sns:us-east-1:000000000000:app/GCM/local,\
                                       apns=arn:aws:sns:us-east-1:000000000000:app/APNS/local,\
                                       baidu=arn:aws:sns:us-east-1:000000000000:app/BAIDU/local";

/// How many attributes a filter policy may name.
const MOST_NAMES: usize = 5;
/// How many combinations of values a filter policy may let through.
const MOST_COMBINATIONS: usize = 150;
/// How far from zero a number in a filter policy may be.
const LARGEST_NUMBER: f64 = 1e9;
/// SNS tells numbers apart by five digits after the point: by hundred-thousandths.
const PARTS_OF_ONE: f64 = 1e5;

/// The attributes of a message, as filter policies look at them: each has a value, or several.
pub(crate) type Attributes = BTreeMap<String, Vec<Value>>;

/// What a message attribute holds: none when it is not of its data type, or of one that SNS does not know. Filter
/// policies do not look at `Binary`, so it holds nothing here.
pub(crate) fn values(data_type: &str, text: &str) -> Option<Vec<Value>> {
    match data_type {
        "String" => Some(vec![Value::String(text.to_owned())]),
        "Number" => text.parse().ok().and_then(Number::from_f64).map(|number| vec![Value::Number(number)]),
        "String.Array" => {
            let values: Vec<Value> = serde_json::from_str(text).ok()?;
            values.iter().all(|value| !value.is_array() && !value.is_object()).then_some(values)
        }
        "Binary" => Some(Vec::new()),
        _ => None,
    }
}

/// Which values of which attributes a message must have: each name with a list in JSON, of which one must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Vec<Value>>")]
pub(crate) struct FilterPolicy(BTreeMap<String, Vec<Value>>);

impl From<BTreeMap<String, Vec<Value>>> for FilterPolicy {
    fn from(mut policy: BTreeMap<String, Vec<Value>>) -> Self {
        // The same values in another order are the same policy.
        for values in policy.values_mut() {
            values.sort_by_cached_key(Value::to_string);
            values.dedup();
        }
        Self(policy)
    }
}

impl FilterPolicy {
    /// The policy of this JSON: strings, numbers, `true`, `false` and `null` as they are, and what is like
    /// `{"numeric": [">=", 7, "<", 22]}` and `{"exists": false}`.
    ///
    /// # Errors
    /// SNS knows more to ask for, which is refused here as what no SNS knows is, and it has limits: five names, and 150
    /// for the product of the numbers of their values.
    pub(crate) fn parse(text: &str) -> Result<Self, Refused> {
        let policy: BTreeMap<String, Vec<Value>> =
            serde_json::from_str(text).map_err(|_| Refused::Parameter("FilterPolicy: must be an object of lists"))?;
        if policy.len() > MOST_NAMES {
            return Err(Refused::Parameter("FilterPolicy: Filter policy can not have more than 5 keys"));
        }
        let combinations = policy.values().fold(1_usize, |product, values| product.saturating_mul(values.len()));
        if combinations > MOST_COMBINATIONS {
            return Err(Refused::Parameter("FilterPolicy: Filter policy is too complex"));
        }
        if policy.values().any(Vec::is_empty) {
            return Err(Refused::Parameter("FilterPolicy: Empty arrays are not allowed"));
        }
        if !policy.values().flatten().all(|value| Condition::of(value).is_some()) {
            return Err(Refused::Parameter("FilterPolicy: Unrecognized match"));
        }
        Ok(policy.into())
    }

    fn passes(&self, attributes: &Attributes) -> bool {
        self.0.iter().all(|(name, values)| {
            let held = attributes.get(name).map(Vec::as_slice);
            values.iter().filter_map(Condition::of).any(|condition| condition.is_met(held))
        })
    }
}

/// What a value in a filter policy asks of an attribute.
enum Condition<'a> {
    Is(&'a Value),
    Number(Bounds),
    Exists(bool),
}

/// From where to where numbers match, and whether the ends do. In hundred-thousandths, and whole ones only.
struct Bounds {
    above: Option<(f64, bool)>,
    below: Option<(f64, bool)>,
}

impl<'a> Condition<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(_) | Value::Bool(_) | Value::Null => Some(Self::Is(value)),
            Value::Number(_) => Bounds::of("=", value).map(Self::Number),
            Value::Array(_) => None,
            Value::Object(asked) => {
                let mut asked = asked.iter();
                match (asked.next()?, asked.next()) {
                    ((name, Value::Bool(exists)), None) if name == "exists" => Some(Self::Exists(*exists)),
                    ((name, Value::Array(terms)), None) if name == "numeric" => {
                        Bounds::of_terms(terms).map(Self::Number)
                    }
                    _ => None,
                }
            }
        }
    }

    /// Whether an attribute that holds these values meets it, or one that is not there.
    fn is_met(&self, held: Option<&[Value]>) -> bool {
        let values = held.unwrap_or_default();
        match self {
            Self::Is(value) => values.contains(value),
            Self::Number(bounds) => values.iter().filter_map(parts).any(|number| bounds.contain(number)),
            Self::Exists(exists) => held.is_some() == *exists,
        }
    }
}

impl Bounds {
    /// As SNS has it: one bound, or first the lower and then the upper.
    fn of_terms(terms: &[Value]) -> Option<Self> {
        match terms {
            [Value::String(operator), number] => Self::of(operator, number),
            [Value::String(first), low, Value::String(second), high] => {
                let (low, high) = (Self::of(first, low)?, Self::of(second, high)?);
                let ordered = matches!((&low, &high), (
                    Self { above: Some((low, _)), below: None },
                    Self { above: None, below: Some((high, _)) },
                ) if low < high);
                ordered.then_some(Self { above: low.above, below: high.below })
            }
            _ => None,
        }
    }

    fn of(operator: &str, number: &Value) -> Option<Self> {
        let number = parts(number).filter(|number| number.abs() <= LARGEST_NUMBER * PARTS_OF_ONE)?;
        Some(match operator {
            "=" => Self { above: Some((number, true)), below: Some((number, true)) },
            ">" => Self { above: Some((number, false)), below: None },
            ">=" => Self { above: Some((number, true)), below: None },
            "<" => Self { above: None, below: Some((number, false)) },
            "<=" => Self { above: None, below: Some((number, true)) },
            _ => return None,
        })
    }

    fn contain(&self, number: f64) -> bool {
        self.above.is_none_or(|(end, with)| number > end || with && number >= end)
            && self.below.is_none_or(|(end, with)| number < end || with && number <= end)
    }
}

/// A number, in hundred-thousandths.
fn parts(value: &Value) -> Option<f64> {
    value.as_f64().map(|number| (number * PARTS_OF_ONE).round())
}

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
    pub(crate) fn receivers(&self, topic_arn: &str, attributes: &Attributes) -> Vec<String> {
        let matching = self.kept.subscriptions.values();
        let matching =
            matching.filter(|subscription| subscription.topic == topic_arn && subscription.filter.passes(attributes));
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
    use serde_json::json;
    use std::fs;

    fn filter(policy: &Value) -> FilterPolicy {
        FilterPolicy::parse(&policy.to_string()).unwrap()
    }

    #[test]
    fn a_message_goes_to_those_whose_filter_it_passes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("subscriptions.json");
        let mut known = Subscriptions::open(&file).unwrap();
        let day = filter(&json!({ "node": ["a", "b"], "moment": ["emergency", "10"] }));
        let phone = known.subscribe("topic", "sms", "+8613800138000", day.clone()).unwrap();
        assert_eq!(known.subscribe("topic", "sms", "+8613800138000", day).unwrap(), phone, "the same again");
        assert!(matches!(
            known.subscribe("topic", "sms", "+8613800138000", FilterPolicy::default()),
            Err(Refused::Parameter(_))
        ));
        let application = APPLICATIONS.split([',', '=']).nth(1).unwrap();
        let device = known.add_device(application, "token").unwrap();
        assert_eq!(known.add_device(application, "token").unwrap(), device, "the same again");
        known.subscribe("topic", "application", &device, FilterPolicy::default()).unwrap();
        assert!(known.subscribe("topic", "email", "nobody", FilterPolicy::default()).is_err());
        assert!(known.add_device("another", "token").is_err());

        let told = |known: &Subscriptions, node: &str, moment: &str| {
            let text = |text: &str| values("String", text).unwrap();
            let attributes = BTreeMap::from([("node".to_owned(), text(node)), ("moment".to_owned(), text(moment))]);
            known.receivers("topic", &attributes)
        };
        let mut known = Subscriptions::open(&file).unwrap();
        assert_eq!(told(&known, "a", "10"), ["device:token", "sms:+8613800138000"]);
        assert_eq!(told(&known, "a", "23"), ["device:token"]);
        assert_eq!(told(&known, "c", "10"), ["device:token"]);
        assert!(known.receivers("another", &BTreeMap::new()).is_empty());
        known.set_filter(&phone, filter(&json!({ "node": ["c"] }))).unwrap();
        assert_eq!(told(&known, "c", "23"), ["device:token", "sms:+8613800138000"]);
        known.unsubscribe(&phone).unwrap();
        known.remove_device(&device).unwrap();
        assert!(told(&known, "c", "23").is_empty());
        assert!(matches!(known.unsubscribe(&phone), Err(Refused::NotFound(_))));
        assert!(known.device(&device).is_err());
    }

    /// Whether a policy for one attribute lets through what holds this; nothing stands for a message without it.
    fn passes(policy: &Value, held: Option<(&str, &str)>) -> bool {
        let mut attributes = Attributes::from([("other".to_owned(), values("String", "x").unwrap())]);
        if let Some((data_type, text)) = held {
            attributes.insert("tested".to_owned(), values(data_type, text).unwrap());
        }
        filter(&json!({ "tested": policy, "other": ["x", "y"] })).passes(&attributes)
    }

    #[test]
    fn any_value_of_an_array_may_match() {
        let nodes = Some(("String.Array", r#"["a", "b", 7, true, null]"#));
        for policy in [json!(["b"]), json!(["z", "a"]), json!([7]), json!([true]), json!([null])] {
            assert!(passes(&policy, nodes), "{policy}");
        }
        assert!(passes(&json!([{ "numeric": [">=", 7] }]), nodes));
        for policy in [json!(["c"]), json!(["7"]), json!(["true"]), json!([false]), json!([{ "numeric": [">", 7] }])] {
            assert!(!passes(&policy, nodes), "{policy}");
        }
        assert!(!passes(&json!(["a"]), Some(("String.Array", "[]"))));
        assert!(!passes(&json!(["a"]), Some(("String", r#"["a"]"#))), "a string is no array, whatever it looks like");
        for text in ["a", r#""a""#, r#"{"a": 1}"#, r#"[["a"]]"#, r#"[{"a": 1}]"#, r#"["a""#] {
            assert!(values("String.Array", text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let day = json!([{ "numeric": [">=", 7, "<", 22] }]);
        let passes_day = |number: &str| passes(&day, Some(("Number", number)));
        for number in ["7", "7.0", "0.7e1", "21.99999", "12"] {
            assert!(passes_day(number), "{number}");
        }
        for number in ["6", "6.99999", "22", "-7", "700", "21.999999"] {
            assert!(!passes_day(number), "{number}");
        }
        assert!(!passes(&day, Some(("String", "12"))), "a string is no number");
        assert!(!passes(&day, None));
        assert!(passes(&json!([{ "numeric": ["=", 301.5] }]), Some(("Number", "3.015e2"))));
        assert!(passes(&json!([301.5]), Some(("Number", "301.50"))));
        assert!(!passes(&json!(["301.5"]), Some(("Number", "301.5"))));
        let bounds =
            [("=", "5", [false, true, false]), (">", "5", [false, false, true]), (">=", "5", [false, true, true])];
        let bounds = bounds.into_iter().chain([("<", "5", [true, false, false]), ("<=", "5", [true, true, false])]);
        for (operator, bound, expected) in bounds {
            let policy = json!([{ "numeric": [operator, bound.parse::<u8>().unwrap()] }]);
            let passed = ["4", "5", "6"].map(|number| passes(&policy, Some(("Number", number))));
            assert_eq!(passed, expected, "{operator} {bound}");
        }
        // Either of two ranges: the hours of a night.
        let night = json!([{ "numeric": [">=", 22] }, { "numeric": ["<", 7] }]);
        let passed = ["3", "12", "23"].map(|hour| passes(&night, Some(("Number", hour))));
        assert_eq!(passed, [true, false, true]);
        for text in ["", "a", "1,5", "inf", "NaN"] {
            assert!(values("Number", text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_attribute_can_be_asked_to_be_there_or_not() {
        for held in [Some(("String", "a")), Some(("Number", "1")), Some(("String.Array", r#"["a"]"#))] {
            assert!(passes(&json!([{ "exists": true }]), held));
            assert!(!passes(&json!([{ "exists": false }]), held));
        }
        assert!(!passes(&json!([{ "exists": true }]), None));
        assert!(passes(&json!([{ "exists": false }]), None));
        let or = json!(["b", { "exists": false }]);
        assert!(passes(&or, None) && passes(&or, Some(("String", "b"))));
        assert!(!passes(&or, Some(("String", "a"))));
    }

    #[test]
    fn what_is_not_understood_in_a_policy_is_refused() {
        let refused = [
            json!(["a"]),
            json!({ "a": "b" }),
            json!({ "a": [] }),
            json!({ "a": [["b"]] }),
            json!({ "a": { "b": ["c"] } }),
            json!({ "a": [{}] }),
            json!({ "a": [{ "prefix": "b" }] }),
            json!({ "a": [{ "anything-but": ["b"] }] }),
            json!({ "a": ["b", { "suffix": "b" }] }),
            json!({ "a": [{ "exists": "true" }] }),
            json!({ "a": [{ "exists": null }] }),
            json!({ "a": [{ "exists": true, "numeric": ["=", 1] }] }),
            json!({ "a": [{ "numeric": [] }] }),
            json!({ "a": [{ "numeric": 1 }] }),
            json!({ "a": [{ "numeric": ["="] }] }),
            json!({ "a": [{ "numeric": ["=", "1"] }] }),
            json!({ "a": [{ "numeric": ["==", 1] }] }),
            json!({ "a": [{ "numeric": [1, "<"] }] }),
            json!({ "a": [{ "numeric": [">", 1, 2] }] }),
            json!({ "a": [{ "numeric": ["<", 100, ">", 10] }] }),
            json!({ "a": [{ "numeric": [">=", 1, ">", 2] }] }),
            json!({ "a": [{ "numeric": ["=", 1, "<", 2] }] }),
            json!({ "a": [{ "numeric": [">", 3, "<", 1] }] }),
            json!({ "a": [{ "numeric": [">=", 1, "<=", 1] }] }),
            json!({ "a": [{ "numeric": [">", 1, "<", 2, "<", 3] }] }),
            json!({ "a": [{ "numeric": ["<", 1_000_000_001] }] }),
            json!({ "a": [-1_000_000_001] }),
        ];
        for policy in refused {
            let parsed = FilterPolicy::parse(&policy.to_string());
            assert!(matches!(parsed, Err(Refused::Parameter(what)) if what.starts_with("FilterPolicy")), "{policy}");
        }
        assert!(FilterPolicy::parse("").is_err());
        assert!(FilterPolicy::parse("{").is_err());
        assert!(FilterPolicy::parse("{}").unwrap().passes(&Attributes::new()));
        assert!(FilterPolicy::parse(r#"{"a": [{"numeric": ["<=", 1000000000]}]}"#).is_ok());
    }

    #[test]
    fn a_policy_has_limits() {
        let names = |many: usize| (0..many).map(|name| (name.to_string(), json!(["a"]))).collect::<Value>();
        assert!(FilterPolicy::parse(&names(5).to_string()).is_ok());
        assert!(FilterPolicy::parse(&names(6).to_string()).is_err());
        let some = |many: usize| (0..many).map(|value| value.to_string()).collect::<Vec<_>>();
        let parse = |a: usize, b: usize| FilterPolicy::parse(&json!({ "a": some(a), "b": some(b) }).to_string());
        assert!(parse(1, 150).is_ok() && parse(15, 10).is_ok());
        assert!(parse(1, 151).is_err() && parse(16, 10).is_err());
        let range = json!({ "a": [{ "numeric": [">", 1, "<", 2] }], "b": some(150) });
        assert!(FilterPolicy::parse(&range.to_string()).is_ok(), "a range is one value");
    }

    #[test]
    fn subscriptions_are_read_back_with_what_they_ask_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("subscriptions.json");
        // As it was written when policies were nothing but sorted strings.
        let old = r#"{"subscriptions":{"topic:1":{"topic":"topic","protocol":"email","endpoint":"a@example.org",
            "filter":{"moment":["07","08","emergency"]}}},"devices":{}}"#;
        fs::write(&file, old).unwrap();
        let mut known = Subscriptions::open(&file).unwrap();
        let same = filter(&json!({ "moment": ["emergency", "07", "08"] }));
        assert_eq!(known.subscribe("topic", "email", "a@example.org", same).unwrap(), "topic:1");

        let range = filter(&json!({ "hour": [{ "numeric": [">=", 7, "<", 22] }], "urgency": [{ "exists": false }] }));
        let arn = known.subscribe("topic", "email", "b@example.org", range.clone()).unwrap();
        let mut known = Subscriptions::open(&file).unwrap();
        assert_eq!(known.subscribe("topic", "email", "b@example.org", range).unwrap(), arn);
        let told =
            |hour| known.receivers("topic", &BTreeMap::from([("hour".to_owned(), values("Number", hour).unwrap())]));
        assert_eq!(told("12"), ["email:b@example.org"]);
        assert!(told("23").is_empty());
    }
}
