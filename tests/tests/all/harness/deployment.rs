//! The bundle as Terraform has deployed it to an emulated account: where it is, who signs people in, and its records.
//!
//! Tests run here when `PINGAN_DEPLOYMENT` names a file that says where; `infra/prove` writes it. There is one account
//! for all of them: each test waits for its turn and begins with the demo district as it was seeded.

use std::{
    collections::HashMap,
    sync::{Mutex as Blocking, OnceLock},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, DeleteRequest, WriteRequest},
};
use pingan_local::{client::Person, seed};
use pingan_store::{CursorKey, Key, Store, TableNames, keys::Table};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::dynamodb;

/// The variable that names the file.
const VARIABLE: &str = "PINGAN_DEPLOYMENT";
/// What every user of the pool signs in with.
const PASSWORD: &str = "Proof-of-deployment-1";

static TURN: Mutex<()> = Mutex::const_new(());
/// For how long a token is used again. The pool's are good for fifteen minutes, and no test takes ten.
const TOKEN_USED: Duration = Duration::from_mins(4);
static TOKENS: Blocking<Option<HashMap<String, (Instant, String)>>> = Blocking::new(None);

/// Where the deployment is.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Settings {
    /// The API.
    pub(super) url: String,
    /// The emulator's endpoint for every AWS service.
    endpoint: String,
    region: String,
    /// What every name begins with.
    prefix: String,
    user_pool: String,
    client: String,
    /// A pool whose tokens the API does not take, and its client.
    foreign_pool: String,
    foreign_client: String,
    /// The queue that is subscribed to the notices.
    inbox: String,
}

impl Settings {
    /// Where to test, if not on this machine.
    pub(super) fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Settings>> = OnceLock::new();
        let find = || {
            let file = std::env::var(VARIABLE).ok()?;
            Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
        };
        FOUND.get_or_init(find).as_ref()
    }
}

/// A deployment whose turn it is to be tested by this test alone.
pub(super) struct Deployment {
    pub(super) settings: &'static Settings,
    pub(super) store: Store,
    http: reqwest::Client,
    /// What the inbox has given out in this test.
    seen: Mutex<Vec<Value>>,
    _turn: MutexGuard<'static, ()>,
}

impl Deployment {
    /// Waits for its turn and puts the demo district back to its beginning.
    pub(super) async fn open(settings: &'static Settings) -> Self {
        let turn = TURN.lock().await;
        let client = dynamodb(&settings.endpoint, &settings.region);
        let names = TableNames::with_prefix(&settings.prefix);
        for table in Table::ALL {
            empty(&client, names.of(table)).await;
        }
        let store = Store::new(client, names, CursorKey::new(vec![0; 32]).unwrap());
        seed::seed(&store).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { settings, store, http, seen: Mutex::default(), _turn: turn }
    }

    /// A token of the user pool for this user, who is made when there is none yet.
    pub(super) async fn token_for(&self, user: &str) -> String {
        self.token_of(&self.settings.user_pool, &self.settings.client, user).await
    }

    /// A token of the pool that the API does not know.
    pub(super) async fn foreign_token_for(&self, user: &str) -> String {
        self.token_of(&self.settings.foreign_pool, &self.settings.foreign_client, user).await
    }

    async fn token_of(&self, pool: &str, client: &str, user: &str) -> String {
        let known = format!("{pool} {user}");
        let begun = Instant::now();
        if let Some((since, token)) = TOKENS.lock().unwrap().get_or_insert_default().get(&known)
            && since.elapsed() < TOKEN_USED
        {
            return token.clone();
        }
        let cognito = async |operation: &str, body: Value| {
            self.aws("cognito-idp", &format!("AWSCognitoIdentityProviderService.{operation}"), &body).await
        };
        cognito("AdminCreateUser", json!({ "UserPoolId": pool, "Username": user, "MessageAction": "SUPPRESS" })).await;
        // A test before this one may have suspended them.
        cognito("AdminEnableUser", json!({ "UserPoolId": pool, "Username": user })).await;
        cognito(
            "AdminSetUserPassword",
            json!({ "UserPoolId": pool, "Username": user, "Password": PASSWORD, "Permanent": true }),
        )
        .await;
        let signed_in = cognito(
            "AdminInitiateAuth",
            json!({
                "UserPoolId": pool,
                "ClientId": client,
                "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
                "AuthParameters": { "USERNAME": user, "PASSWORD": PASSWORD },
            }),
        )
        .await;
        let token = signed_in["AuthenticationResult"]["AccessToken"].as_str();
        let token = token.unwrap_or_else(|| panic!("{user} could not sign in: {signed_in}")).to_owned();
        TOKENS.lock().unwrap().get_or_insert_default().insert(known, (begun, token.clone()));
        token
    }

    /// Somebody who has signed in.
    pub(super) async fn person(&self, id: &str) -> Person {
        let mut person = Person::stranger(&self.settings.url).unwrap().with_token(Some(self.token_for(id).await));
        id.clone_into(&mut person.id);
        person
    }

    /// The name of the topic of the notices.
    pub(super) fn topic(&self) -> String {
        format!("{}-notices", self.settings.prefix)
    }

    /// What SNS was told of the reports of this test, oldest first.
    pub(super) async fn notices(&self) -> Vec<Value> {
        let mut seen = self.seen.lock().await;
        loop {
            let body = json!({ "QueueUrl": self.settings.inbox, "MaxNumberOfMessages": 10 });
            let answer = self.aws("sqs", "AmazonSQS.ReceiveMessage", &body).await;
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return seen.clone();
            }
            for message in messages {
                let body =
                    json!({ "QueueUrl": self.settings.inbox, "ReceiptHandle": message["ReceiptHandle"].clone() });
                self.aws("sqs", "AmazonSQS.DeleteMessage", &body).await;
                let notice: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                let message = notice["Message"].as_str().unwrap();
                // What is told of memberships and identities has no link.
                let Some((_, code)) = message.rsplit_once('/') else { continue };
                // A test that has ended may have left some behind.
                let code = code.parse().unwrap();
                let loaded = self.store.load([Key::Task(code), Key::Briefing(code)]).await.unwrap();
                let other = loaded.task(code).unwrap().is_some() || loaded.briefing(code).unwrap().is_some();
                if !other && self.store.history(code).await.unwrap().is_none() {
                    continue;
                }
                let attributes = notice["MessageAttributes"].as_object().unwrap();
                let attributes: serde_json::Map<_, _> =
                    attributes.iter().map(|(name, value)| (name.clone(), value["Value"].clone())).collect();
                let topic = notice["TopicArn"].as_str().unwrap().rsplit(':').next().unwrap();
                seen.push(json!({ "topic": topic, "message": message, "attributes": attributes }));
            }
        }
    }

    /// Calls the emulator, which asks for the region of a signature and does not check it.
    async fn aws(&self, service: &str, target: &str, body: &Value) -> Value {
        let scope = format!("test/20370812/{}/{service}/aws4_request", self.settings.region);
        let answer = self
            .http
            .post(&self.settings.endpoint)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null)
    }
}

/// Deletes every item of a table.
async fn empty(client: &Client, table: &str) {
    loop {
        let page = client.scan().table_name(table).projection_expression("pk, sk").send().await.unwrap();
        if page.items().is_empty() {
            return;
        }
        for items in page.items().chunks(25) {
            let deletes = items.iter().map(|item: &HashMap<String, AttributeValue>| {
                let request = DeleteRequest::builder().set_key(Some(item.clone())).build().unwrap();
                WriteRequest::builder().delete_request(request).build()
            });
            client.batch_write_item().request_items(table, deletes.collect()).send().await.unwrap();
        }
    }
}
