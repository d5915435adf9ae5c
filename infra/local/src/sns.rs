//! The SNS stand-in: takes what is published and keeps it in an inbox that a person or a test can read.
//!
//! It speaks the AWS Query protocol (a form in, XML out) as far as the bundle uses it, with the limits of SNS, so that a
//! message too long fails here and not first in the cloud. A message is in the file before its publish is answered.
//! Nothing is deduplicated: a standard topic delivers at least once, and subscribers must live with it here as well.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::subscriptions::{self, Attributes, FilterPolicy, Refused, Subscriptions};

/// How many messages are held in memory; older ones stay in the file.
const KEPT: usize = 100_000;
const LONGEST_MESSAGE_BYTES: usize = 256 * 1024;
const LONGEST_SUBJECT_CHARS: usize = 100;
const LARGEST_BATCH: usize = 10;
/// The data type of an attribute that is a text, and of one that no policy looks at.
const STRING: &str = "String";
const BINARY: &str = "Binary";
const ARN_PREFIX: &str = "arn:aws:sns:us-east-1:000000000000:";

/// A message as it was published.
#[expect(clippy::struct_field_names, reason = "these are the names that SNS has for them")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// The id that the publisher was given.
    pub(crate) message_id: Uuid,
    /// The name of the topic; empty for a message to one device.
    pub(crate) topic: String,
    /// The subject, when there is one.
    pub(crate) subject: Option<String>,
    /// The text.
    pub(crate) message: String,
    /// `json` when the text is an object with a text for each way to deliver it, and one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) structure: Option<String>,
    /// The message attributes, as they were sent; a binary value stays in base64.
    pub(crate) attributes: BTreeMap<String, String>,
    /// The data types of those attributes that are not plain strings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) data_types: BTreeMap<String, String>,
    /// When it was taken.
    pub(crate) published_at: jiff::Timestamp,
    /// Who got it: `sms:+86…`, `email:…`, `device:…`.
    #[serde(default)]
    pub(crate) receivers: Vec<String>,
}

impl Message {
    /// The attributes as filter policies look at them, which they do not at binary ones.
    fn values(&self) -> Attributes {
        let data_type = |name: &str| self.data_types.get(name).map_or(STRING, String::as_str);
        let visible = self.attributes.iter().filter(|(name, _)| data_type(name) != BINARY);
        visible.filter_map(|(name, text)| Some((name.clone(), subscriptions::values(data_type(name), text)?))).collect()
    }
}

/// Everything that was published. A clone is the same inbox.
#[derive(Clone)]
pub(crate) struct Inbox {
    shared: Arc<Shared>,
}

struct Shared {
    down: AtomicBool,
    contents: Mutex<Contents>,
    subscriptions: Mutex<Subscriptions>,
}

struct Contents {
    file: File,
    /// How much of the file is whole lines.
    length: u64,
    topics: BTreeSet<String>,
    messages: VecDeque<Message>,
    /// How many messages were dropped from memory, so that an index means the same message for ever.
    dropped: usize,
}

impl Inbox {
    /// Opens the inbox in `file`, with all that was published before. A last line that a kill has torn was never
    /// acknowledged, and is cut off. The subscriptions stand beside it.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let subscriptions = Mutex::new(Subscriptions::open(&file.with_file_name("subscriptions.json"))?);
        let file = OpenOptions::new().read(true).append(true).create(true).open(file)?;
        let mut contents = Contents { file, length: 0, topics: BTreeSet::new(), messages: VecDeque::new(), dropped: 0 };
        contents.read_back()?;
        let contents = Mutex::new(contents);
        Ok(Self { shared: Arc::new(Shared { down: AtomicBool::new(false), contents, subscriptions }) })
    }

    /// The messages from the `index`th on, counted from the first that was ever published.
    pub(crate) fn since(&self, index: usize) -> Vec<Message> {
        let contents = self.contents();
        contents.messages.iter().skip(index.saturating_sub(contents.dropped)).cloned().collect()
    }

    /// Starts or ends an outage: while down, every call is answered with 503.
    pub(crate) fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::Relaxed);
    }

    fn is_down(&self) -> bool {
        self.shared.down.load(Ordering::Relaxed)
    }

    fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        // As below.
        self.shared.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Each change is complete before the next can fail, so the contents are sound even after a panic.
        self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn read_back(&mut self) -> io::Result<()> {
        let mut lines = BufReader::new(self.file.try_clone()?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                break;
            }
            let message: Message = serde_json::from_slice(&line)?;
            if !message.topic.is_empty() {
                self.topics.insert(message.topic.clone());
            }
            self.keep(message);
            self.length += u64::try_from(read).map_err(io::Error::other)?;
        }
        self.file.set_len(self.length)
    }

    /// Appends the messages in one write, so that a batch is not torn by anything but a crash of the machine.
    fn append(&mut self, messages: Vec<Message>) -> io::Result<()> {
        let mut lines = Vec::new();
        for message in &messages {
            serde_json::to_writer(&mut lines, message)?;
            lines.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&lines) {
            // Half a line (a full disk) would make the next one unreadable.
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += u64::try_from(lines.len()).map_err(io::Error::other)?;
        for message in messages {
            self.keep(message);
        }
        Ok(())
    }

    fn keep(&mut self, message: Message) {
        self.messages.push_back(message);
        if self.messages.len() > KEPT {
            self.messages.pop_front();
            self.dropped += 1;
        }
    }
}

/// The endpoint for SNS clients, to be served at the root of an address.
pub(crate) fn router(inbox: Inbox) -> Router {
    Router::new().route("/", post(answer)).with_state(inbox)
}

async fn answer(State(inbox): State<Inbox>, body: Bytes) -> Response {
    if inbox.is_down() {
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "SNS is down.").into_response();
    }
    let form: Form = form_urlencoded::parse(&body).into_owned().collect();
    let action = form.get("Action").map_or("", String::as_str);
    let result = match action {
        "CreateTopic" => create_topic(&inbox, &form),
        "ListTopics" => Ok(list_topics(&inbox)),
        "Publish" if form.get("TargetArn").is_some_and(|arn| arn.contains(":endpoint/")) => push(&inbox, &form),
        "Publish" => publish(&inbox, &form),
        "PublishBatch" => publish_batch(&inbox, &form),
        "Subscribe" => subscribe(&inbox, &form),
        "SetSubscriptionAttributes" => set_filter(&inbox, &form),
        "Unsubscribe" => unsubscribe(&inbox, &form),
        "CreatePlatformEndpoint" => create_endpoint(&inbox, &form),
        "SetEndpointAttributes" => enable_endpoint(&inbox, &form),
        "DeleteEndpoint" => delete_endpoint(&inbox, &form),
        _ => Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidAction", "This SNS stand-in has no such action.")),
    };
    match result {
        Ok(result) => xml(
            StatusCode::OK,
            format!(
                "<{action}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><{action}Result>{result}\
                 </{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
                Uuid::new_v4()
            ),
        ),
        Err(refusal) => refusal.into_response(),
    }
}

type Form = HashMap<String, String>;

fn create_topic(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    let name = form.get("Name").map_or("", String::as_str);
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    if name.is_empty() || name.len() > 256 || !name.chars().all(allowed) {
        return Err(Refusal::parameter("Topic Name"));
    }
    inbox.contents().topics.insert(name.to_owned());
    Ok(format!("<TopicArn>{ARN_PREFIX}{name}</TopicArn>"))
}

fn list_topics(inbox: &Inbox) -> String {
    let mut members = String::new();
    for name in &inbox.contents().topics {
        // Writing to a string cannot fail.
        let _ = write!(members, "<member><TopicArn>{ARN_PREFIX}{name}</TopicArn></member>");
    }
    format!("<Topics>{members}</Topics>")
}

fn publish(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    let mut contents = inbox.contents();
    let topic = topic(&contents, form)?;
    let (mut message, _) = message(form, "", topic)?;
    message.receivers = inbox.subscriptions().receivers(&format!("{ARN_PREFIX}{topic}"), &message.values());
    let id = message.message_id;
    contents.append(vec![message]).map_err(Refusal::internal)?;
    Ok(format!("<MessageId>{id}</MessageId>"))
}

/// A message to one device.
fn push(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    let (mut message, _) = message(form, "", "")?;
    message.receivers = vec![format!("device:{}", inbox.subscriptions().device(value(form, "TargetArn"))?)];
    let id = message.message_id;
    inbox.contents().append(vec![message]).map_err(Refusal::internal)?;
    Ok(format!("<MessageId>{id}</MessageId>"))
}

fn subscribe(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    topic(&inbox.contents(), form)?;
    let mut policy = FilterPolicy::default();
    for number in 1.. {
        let entry = format!("Attributes.entry.{number}.");
        let Some(name) = field(form, &entry, "key") else { break };
        if name != "FilterPolicy" {
            return Err(Refusal::parameter("Attributes"));
        }
        policy = FilterPolicy::parse(field(form, &entry, "value").unwrap_or_default())?;
    }
    let (protocol, endpoint) = (value(form, "Protocol"), value(form, "Endpoint"));
    let arn = inbox.subscriptions().subscribe(value(form, "TopicArn"), protocol, endpoint, policy)?;
    Ok(format!("<SubscriptionArn>{arn}</SubscriptionArn>"))
}

fn set_filter(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    if value(form, "AttributeName") != "FilterPolicy" {
        return Err(Refusal::parameter("AttributeName"));
    }
    let policy = FilterPolicy::parse(value(form, "AttributeValue"))?;
    inbox.subscriptions().set_filter(value(form, "SubscriptionArn"), policy)?;
    Ok(String::new())
}

fn unsubscribe(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    inbox.subscriptions().unsubscribe(value(form, "SubscriptionArn"))?;
    Ok(String::new())
}

fn create_endpoint(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    let arn = inbox.subscriptions().add_device(value(form, "PlatformApplicationArn"), value(form, "Token"))?;
    Ok(format!("<EndpointArn>{arn}</EndpointArn>"))
}

/// Devices of the stand-in are never disabled.
fn enable_endpoint(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    inbox.subscriptions().device(value(form, "EndpointArn"))?;
    Ok(String::new())
}

fn delete_endpoint(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    inbox.subscriptions().remove_device(value(form, "EndpointArn"))?;
    Ok(String::new())
}

fn value<'a>(form: &'a Form, name: &str) -> &'a str {
    field(form, "", name).unwrap_or_default()
}

fn publish_batch(inbox: &Inbox, form: &Form) -> Result<String, Refusal> {
    let mut contents = inbox.contents();
    let topic = topic(&contents, form)?;
    let prefixes = (1..)
        .map(|number| format!("PublishBatchRequestEntries.member.{number}."))
        .take_while(|prefix| form.contains_key(&format!("{prefix}Id")));
    let (mut ids, mut messages, mut bytes) = (HashSet::new(), Vec::new(), 0);
    let (mut successful, mut failed) = (String::new(), String::new());
    for prefix in prefixes {
        let id = field(form, &prefix, "Id").unwrap_or_default();
        if !ids.insert(id) {
            return Err(Refusal::batch("BatchEntryIdsNotDistinct", "Two entries have the same id."));
        }
        match message(form, &prefix, topic) {
            Ok((mut message, length)) => {
                message.receivers = inbox.subscriptions().receivers(&format!("{ARN_PREFIX}{topic}"), &message.values());
                bytes += length;
                let _ = write!(
                    successful,
                    "<member><Id>{}</Id><MessageId>{}</MessageId></member>",
                    escape(id),
                    message.message_id
                );
                messages.push(message);
            }
            Err(refusal) => {
                let _ = write!(
                    failed,
                    "<member><Id>{}</Id><Code>{}</Code><Message>{}</Message><SenderFault>true</SenderFault></member>",
                    escape(id),
                    refusal.code,
                    escape(&refusal.message)
                );
            }
        }
    }
    if ids.is_empty() {
        return Err(Refusal::batch("EmptyBatchRequest", "The batch has no entries."));
    }
    if ids.len() > LARGEST_BATCH {
        return Err(Refusal::batch("TooManyEntriesInBatchRequest", "The batch has more than 10 entries."));
    }
    if bytes > LONGEST_MESSAGE_BYTES {
        return Err(Refusal::batch("BatchRequestTooLong", "The batch is longer than 262144 bytes."));
    }
    contents.append(messages).map_err(Refusal::internal)?;
    Ok(format!("<Successful>{successful}</Successful><Failed>{failed}</Failed>"))
}

/// The name of the topic that is published to.
fn topic<'a>(contents: &Contents, form: &'a Form) -> Result<&'a str, Refusal> {
    let arn = form.get("TopicArn").or_else(|| form.get("TargetArn")).map_or("", String::as_str);
    let name = arn.strip_prefix(ARN_PREFIX).ok_or_else(|| Refusal::parameter("TopicArn"))?;
    if !contents.topics.contains(name) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", "Topic does not exist"));
    }
    Ok(name)
}

/// The message whose fields stand under `prefix`, and its length as SNS counts it.
fn message(form: &Form, prefix: &str, topic: &str) -> Result<(Message, usize), Refusal> {
    let text = field(form, prefix, "Message").unwrap_or_default();
    if text.is_empty() {
        return Err(Refusal::parameter("Empty message"));
    }
    let subject = field(form, prefix, "Subject");
    let subject_allowed =
        |subject: &str| subject.chars().count() <= LONGEST_SUBJECT_CHARS && !subject.chars().any(char::is_control);
    if !subject.is_none_or(subject_allowed) {
        return Err(Refusal::parameter("Subject"));
    }
    let structure = structure(field(form, prefix, "MessageStructure"), text)?;
    let (mut attributes, mut data_types) = (BTreeMap::new(), BTreeMap::new());
    let mut length = text.len();
    for number in 1.. {
        let entry = format!("{prefix}MessageAttributes.entry.{number}.");
        let Some(name) = field(form, &entry, "Name") else {
            break;
        };
        let kind = field(form, &entry, "Value.DataType").unwrap_or_default();
        let value = field(form, &entry, if kind == BINARY { "Value.BinaryValue" } else { "Value.StringValue" });
        let value = value.filter(|value| !value.is_empty() && subscriptions::values(kind, value).is_some());
        let value = value.ok_or_else(|| Refusal::parameter("MessageAttributes"))?;
        length += name.len() + kind.len() + value.len();
        attributes.insert(name.to_owned(), value.to_owned());
        if kind != STRING {
            data_types.insert(name.to_owned(), kind.to_owned());
        }
    }
    if length > LONGEST_MESSAGE_BYTES {
        return Err(Refusal::parameter("Message too long"));
    }
    let message = Message {
        message_id: Uuid::new_v4(),
        topic: topic.to_owned(),
        subject: subject.map(str::to_owned),
        message: text.to_owned(),
        structure: structure.map(str::to_owned),
        attributes,
        data_types,
        published_at: jiff::Timestamp::now(),
        receivers: Vec::new(),
    };
    Ok((message, length))
}

/// The structure of a message, if it has one and its text is so.
fn structure<'a>(structure: Option<&'a str>, text: &str) -> Result<Option<&'a str>, Refusal> {
    match structure {
        None => Ok(None),
        Some("json") => {
            let texts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
                .map_err(|_| Refusal::parameter("Message Structure - JSON message body failed to parse"))?;
            // What is not a text for a way to deliver it is passed over by SNS, but this one must be there.
            if !texts.get("default").is_some_and(serde_json::Value::is_string) {
                return Err(Refusal::parameter("Message Structure - No default entry in JSON message body"));
            }
            Ok(structure)
        }
        Some(_) => Err(Refusal::parameter("MessageStructure")),
    }
}

fn field<'a>(form: &'a Form, prefix: &str, name: &str) -> Option<&'a str> {
    form.get(&format!("{prefix}{name}")).map(String::as_str)
}

/// An error as SNS answers it.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Parameter(what) => Self::parameter(what),
            Refused::NotFound(why) => Self::new(StatusCode::NOT_FOUND, "NotFound", why),
            Refused::Io(error) => Self::internal(error),
        }
    }
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned() }
    }

    fn parameter(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameter", &format!("Invalid parameter: {what}"))
    }

    fn batch(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
    fn internal(error: io::Error) -> Self {
        tracing::error!(%error, "a message could not be written to the inbox");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "The message could not be kept.")
    }

    fn into_response(self) -> Response {
        let kind = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let body = format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>{kind}</Type>\
             <Code>{}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            self.code,
            escape(&self.message),
            Uuid::new_v4()
        );
        xml(self.status, body)
    }
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{sdk_config, serve};
    use aws_sdk_sns::Client;
    use aws_sdk_sns::config::retry::RetryConfig;
    use aws_sdk_sns::error::ProvideErrorMetadata as _;
    use aws_sdk_sns::primitives::Blob;
    use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
    use std::fs;

    async fn client(inbox: &Inbox) -> Client {
        let config = sdk_config(&serve(router(inbox.clone())).await);
        let config = aws_sdk_sns::config::Builder::from(&config).retry_config(RetryConfig::disabled()).build();
        Client::from_conf(config)
    }

    async fn create(client: &Client) -> String {
        client.create_topic().name("next-reviewer").send().await.unwrap().topic_arn.unwrap()
    }

    fn text(value: &str) -> MessageAttributeValue {
        of_type("String", value)
    }

    fn of_type(data_type: &str, value: &str) -> MessageAttributeValue {
        MessageAttributeValue::builder().data_type(data_type).string_value(value).build().unwrap()
    }

    fn entry(id: &str, message: &str) -> PublishBatchRequestEntry {
        PublishBatchRequestEntry::builder().id(id).message(message).build().unwrap()
    }

    #[tokio::test]
    async fn what_is_published_is_kept_over_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inbox.jsonl");
        let inbox = Inbox::open(&file).unwrap();
        let client = client(&inbox).await;
        let topic = create(&client).await;
        for _ in 0..2 {
            client
                .publish()
                .topic_arn(&topic)
                .subject("新线索")
                .message("code <4711> & a link")
                .message_attributes("deduplication_key", text("event-1"))
                .message_attributes("kind", text("review"))
                .send()
                .await
                .unwrap();
        }
        let before = inbox.since(0);
        assert_eq!(before.len(), 2, "at least once: the same key comes twice");
        assert_eq!(before[0].topic, "next-reviewer");
        assert_eq!(before[0].subject.as_deref(), Some("新线索"));
        assert_eq!(before[0].message, "code <4711> & a link");
        assert_eq!(before[0].attributes["deduplication_key"], "event-1");

        let whole = fs::read(&file).unwrap();
        fs::write(&file, [&whole[..], &whole[..whole.len() / 4]].concat()).unwrap();
        let reopened = Inbox::open(&file).unwrap();
        assert_eq!(reopened.since(0), before);
        assert_eq!(fs::read(&file).unwrap(), whole, "the torn line is cut off");
        assert_eq!(reopened.since(1), before[1..]);

        // The topic is known from the messages, and new lines follow the whole ones.
        let client = self::client(&reopened).await;
        client.publish().topic_arn(&topic).message("after").send().await.unwrap();
        assert_eq!(Inbox::open(&file).unwrap().since(2)[0].message, "after");

        // A line has no more than it had before there were structures and other data types than strings.
        let line = whole.split(|byte| *byte == b'\n').next().unwrap();
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_slice(line).unwrap();
        let names = ["attributes", "message", "message_id", "published_at", "receivers", "subject", "topic"];
        assert_eq!(fields.keys().collect::<Vec<_>>(), names);
    }

    #[tokio::test]
    async fn batches_say_what_became_of_each_entry() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(&folder.path().join("inbox.jsonl")).unwrap();
        let client = client(&inbox).await;
        let topic = create(&client).await;
        let answer = client
            .publish_batch()
            .topic_arn(&topic)
            .publish_batch_request_entries(entry("a", "one"))
            .publish_batch_request_entries(entry("b", ""))
            .publish_batch_request_entries(entry("c", "three"))
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.successful().iter().map(|entry| entry.id.as_deref().unwrap()).collect::<Vec<_>>(),
            ["a", "c"]
        );
        assert_eq!((answer.failed()[0].id(), answer.failed()[0].code()), ("b", "InvalidParameter"));
        assert_eq!(inbox.since(0).iter().map(|message| message.message.as_str()).collect::<Vec<_>>(), ["one", "three"]);
        assert_eq!(client.list_topics().send().await.unwrap().topics()[0].topic_arn(), Some(topic.as_str()));
    }

    #[tokio::test]
    async fn the_limits_of_sns_hold() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(&folder.path().join("inbox.jsonl")).unwrap();
        let client = client(&inbox).await;
        let topic = create(&client).await;
        let long = "x".repeat(LONGEST_MESSAGE_BYTES + 1);

        let publish = |topic: &str, message: &str| client.publish().topic_arn(topic).message(message).send();
        assert_eq!(publish(&topic, &long).await.unwrap_err().code(), Some("InvalidParameter"));
        assert_eq!(publish(&topic, "").await.unwrap_err().code(), Some("InvalidParameter"));
        assert_eq!(publish(&format!("{topic}s"), "x").await.unwrap_err().code(), Some("NotFound"));
        assert!(publish(&topic, &long[1..]).await.is_ok());

        let batch = |entries: Vec<PublishBatchRequestEntry>| {
            client.publish_batch().topic_arn(&topic).set_publish_batch_request_entries(Some(entries)).send()
        };
        let eleven = (0..11).map(|number| entry(&number.to_string(), "x")).collect();
        assert_eq!(batch(eleven).await.unwrap_err().code(), Some("TooManyEntriesInBatchRequest"));
        assert_eq!(batch(vec![]).await.unwrap_err().code(), Some("EmptyBatchRequest"));
        let twins = vec![entry("a", "x"), entry("a", "y")];
        assert_eq!(batch(twins).await.unwrap_err().code(), Some("BatchEntryIdsNotDistinct"));
        let half = &long[..=LONGEST_MESSAGE_BYTES / 2];
        let heavy = vec![entry("a", half), entry("b", half)];
        assert_eq!(batch(heavy).await.unwrap_err().code(), Some("BatchRequestTooLong"));
        assert_eq!(client.create_topic().name("a b").send().await.unwrap_err().code(), Some("InvalidParameter"));
        let unknown = client.list_subscriptions().send().await.unwrap_err();
        assert_eq!(unknown.code(), Some("InvalidAction"));
        assert_eq!(inbox.since(0).len(), 1, "nothing that was refused was kept");
    }

    #[tokio::test]
    async fn an_outage_refuses_everything_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(&folder.path().join("inbox.jsonl")).unwrap();
        let client = client(&inbox).await;
        let topic = create(&client).await;
        let publish = || client.publish().topic_arn(&topic).message("x").send();
        inbox.set_down(true);
        let refused = publish().await.unwrap_err();
        assert_eq!(refused.raw_response().unwrap().status().as_u16(), 503);
        inbox.set_down(false);
        publish().await.unwrap();
        assert_eq!(inbox.since(0).len(), 1);
    }

    #[tokio::test]
    async fn attributes_keep_their_types_and_choose_the_receivers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inbox.jsonl");
        let inbox = Inbox::open(&file).unwrap();
        let client = client(&inbox).await;
        let topic = create(&client).await;
        let subscribe = |address: &str, policy: &str| {
            let request = client.subscribe().topic_arn(&topic).protocol("email").endpoint(address);
            request.attributes("FilterPolicy", policy).return_subscription_arn(true).send()
        };
        subscribe("node@a.example", r#"{"nodes": ["river", "hill"]}"#).await.unwrap();
        let day = subscribe("day@a.example", r#"{"hour": [{"numeric": [">=", 7, "<", 22]}]}"#).await.unwrap();
        subscribe("calm@a.example", r#"{"urgency": [{"exists": false}]}"#).await.unwrap();
        for policy in [r#"{"nodes": [{"prefix": "ri"}]}"#, r#"{"nodes": []}"#, "[]", "", r#"{"nodes": "river"}"#] {
            let refused = subscribe("none@a.example", policy).await.unwrap_err();
            assert_eq!(refused.code(), Some("InvalidParameter"), "{policy}");
            let set = client.set_subscription_attributes().subscription_arn(day.subscription_arn().unwrap());
            let refused = set.attribute_name("FilterPolicy").attribute_value(policy).send().await.unwrap_err();
            assert_eq!(refused.code(), Some("InvalidParameter"), "{policy}");
        }

        let binary =
            MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new(b"x")).build().unwrap();
        let nodes = r#"["valley", "hill"]"#;
        client
            .publish()
            .topic_arn(&topic)
            .message("all")
            .message_attributes("nodes", of_type("String.Array", nodes))
            .message_attributes("hour", of_type("Number", "7"))
            .message_attributes("kind", text("review"))
            .message_attributes("urgency", binary)
            .send()
            .await
            .unwrap();
        let batched = PublishBatchRequestEntry::builder().id("a").message("some");
        let batched = batched
            .message_attributes("nodes", of_type("String.Array", r#"["valley"]"#))
            .message_attributes("hour", of_type("Number", "6.5"))
            .message_attributes("urgency", text("emergency"))
            .build()
            .unwrap();
        client.publish_batch().topic_arn(&topic).publish_batch_request_entries(batched).send().await.unwrap();
        let messages = Inbox::open(&file).unwrap().since(0);
        assert_eq!(messages, inbox.since(0));
        // A policy does not look at what is binary.
        assert_eq!(messages[0].receivers, ["email:calm@a.example", "email:day@a.example", "email:node@a.example"]);
        assert_eq!(messages[0].attributes["nodes"], nodes);
        assert_eq!(messages[0].attributes["hour"], "7");
        let types: Vec<_> = messages[0].data_types.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
        assert_eq!(types, [("hour", "Number"), ("nodes", "String.Array"), ("urgency", "Binary")]);
        assert!(messages[1].receivers.is_empty());

        for attribute in [of_type("Number", "seven"), of_type("String.Array", "river"), of_type("Boolean", "true")] {
            let publish = client.publish().topic_arn(&topic).message("x").message_attributes("a", attribute.clone());
            assert_eq!(publish.send().await.unwrap_err().code(), Some("InvalidParameter"), "{attribute:?}");
        }
        assert_eq!(inbox.since(0).len(), 2);
    }

    #[tokio::test]
    async fn a_message_may_have_a_text_for_each_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inbox.jsonl");
        let inbox = Inbox::open(&file).unwrap();
        let client = client(&inbox).await;
        let topic = create(&client).await;
        let application = subscriptions::APPLICATIONS.split([',', '=']).nth(1).unwrap();
        let device = client.create_platform_endpoint().platform_application_arn(application).token("token");
        let device = device.send().await.unwrap().endpoint_arn.unwrap();

        let texts = r#"{"default": "a text", "GCM": "{\"notification\": {}}", "ignored": 1}"#;
        let publish = |message: &str| client.publish().message(message).message_structure("json");
        publish(texts).topic_arn(&topic).send().await.unwrap();
        publish(texts).target_arn(&device).send().await.unwrap();
        client.publish().topic_arn(&topic).message(texts).send().await.unwrap();
        for message in ["a text", "[]", "{}", r#"{"GCM": "x"}"#, r#"{"default": {"a": 1}}"#, r#"{"default": null}"#] {
            let refused = publish(message).topic_arn(&topic).send().await.unwrap_err();
            assert_eq!(refused.code(), Some("InvalidParameter"), "{message}");
            let refused = publish(message).target_arn(&device).send().await.unwrap_err();
            assert_eq!(refused.code(), Some("InvalidParameter"), "{message}");
        }
        let unknown = publish(texts).message_structure("xml").topic_arn(&topic).send().await.unwrap_err();
        assert_eq!(unknown.code(), Some("InvalidParameter"));

        let messages = Inbox::open(&file).unwrap().since(0);
        assert!(messages.iter().all(|message| message.message == texts), "the text stays whole");
        let structures: Vec<_> = messages.iter().map(|message| message.structure.as_deref()).collect();
        assert_eq!(structures, [Some("json"), Some("json"), None]);
        assert_eq!(messages[1].receivers, ["device:token"]);
    }
}
