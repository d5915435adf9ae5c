//! A person at a phone or a console: signs in and talks to the HTTP API, and knows
//! nothing else.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::meter::Meter;

/// Why a call did not get an answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How often an upload in parts asks what is missing before it gives up.
const MAX_ROUNDS: usize = 200;

/// What becomes of something that is sent over a bad network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// The connection breaks when half of it was sent.
    BreaksOff,
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// To what: the method and the path.
    pub asked: String,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as JSON, a page or a file of CSV as one string; null when it has none.
    pub body: Value,
}

impl Answer {
    /// The version in its `ETag`.
    pub fn version(&self) -> Option<u64> {
        self.headers.get("etag")?.to_str().ok()?.trim_matches('"').parse().ok()
    }

    /// The text of a field of the body; empty when there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// This answer, if its status is the expected one.
    pub fn expect(self, status: u16) -> Result<Self, Failure> {
        if self.status == status {
            Ok(self)
        } else {
            Err(format!("{}: expected {status}, was answered {}: {}", self.asked, self.status, self.body).into())
        }
    }
}

/// Somebody who uses the API.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id that they sign in with.
    pub id: String,
    url: String,
    http: Client,
    token: Option<String>,
    meter: Option<Meter>,
}

impl Person {
    /// Somebody who has not signed in.
    pub fn stranger(url: &str) -> Result<Self, Failure> {
        let mut http = Client::builder().timeout(TIMEOUT).no_proxy();
        // Every name under `localhost` is this machine (RFC 6761, section 6.3); few resolvers know it.
        let address = reqwest::Url::parse(url)?;
        if let (Some(host), Some(port)) = (address.host_str(), address.port())
            && host.ends_with(".localhost")
        {
            http = http.resolve(host, ([127, 0, 0, 1], port).into());
        }
        Ok(Self { id: "nobody".to_owned(), url: url.to_owned(), http: http.build()?, token: None, meter: None })
    }

    /// Signs in at the development issuer.
    pub async fn sign_in(url: &str, id: &str) -> Result<Self, Failure> {
        let mut person = Self::stranger(url)?;
        let form = format!("grant_type=password&username={id}");
        let answer = person
            .http
            .post(format!("{url}/auth/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await?
            .error_for_status()?;
        let body: Value = answer.json().await?;
        let token = body["access_token"].as_str().ok_or("no access token was issued")?;
        person.id = id.to_owned();
        person.token = Some(token.to_owned());
        Ok(person)
    }

    /// The same person with another token.
    #[must_use]
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// The same person, whose answers are timed.
    #[must_use]
    pub fn metered(mut self, meter: &Meter) -> Self {
        self.meter = Some(meter.clone());
        self
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a command under this key; `version` is that of the `If-Match` header.
    pub async fn post(&self, path: &str, key: Uuid, version: Option<u64>, body: &Value) -> Result<Answer, Failure> {
        let mut headers = vec![("idempotency-key", key.to_string()), ("content-type", "application/json".to_owned())];
        if let Some(version) = version {
            headers.push(("if-match", format!("\"{version}\"")));
        }
        self.send(Method::POST, path, &headers, Some(body.to_string())).await
    }

    /// Replaces what stands there; `version` is that of the `If-Match` header.
    pub async fn put_json(&self, path: &str, version: Option<u64>, body: &Value) -> Result<Answer, Failure> {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(version) = version {
            headers.push(("if-match", format!("\"{version}\"")));
        }
        self.send(Method::PUT, path, &headers, Some(body.to_string())).await
    }

    /// Sends a file as it is.
    pub async fn put_bytes(&self, path: &str, content_type: &str, bytes: Vec<u8>) -> Result<Answer, Failure> {
        let mut request = self.http.put(format!("{}{path}", self.url)).header("content-type", content_type);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        self.answered("PUT", path, request.body(bytes)).await
    }

    /// Sends exactly this, for those who try what a client would not.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Option<String>,
    ) -> Result<Answer, Failure> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        self.answered(method.as_str(), path, request).await
    }

    async fn answered(&self, method: &str, path: &str, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await?;
        if let Some(meter) = &self.meter {
            meter.took(method, path, begun.elapsed());
        }
        let is_page = headers
            .get("content-type")
            .is_some_and(|kind| [&b"text/html"[..], b"text/csv"].iter().any(|text| kind.as_bytes().starts_with(text)));
        let body = if is_page {
            Value::String(String::from_utf8_lossy(&bytes).into_owned())
        } else {
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        };
        Ok(Answer { asked: format!("{method} {path}"), status, headers, body })
    }

    /// Announces a medium and uploads it as the answer says. Gives its id.
    pub async fn upload(&self, key: Uuid, content_type: &str, bytes: Vec<u8>) -> Result<Uuid, Failure> {
        let announced = self.announce(key, content_type, &bytes).await?.expect(201)?;
        let id = announced.text("/id").parse()?;
        if announced.text("/upload/how") == "parts" {
            self.upload_parts(id, &bytes, |_| Fate::Arrives).await?;
            return Ok(id);
        }
        let Some(upload) = announced.body.get("upload") else {
            // An earlier try had arrived.
            return Ok(id);
        };
        let status = self.put(upload, bytes).await?;
        if status == 200 { Ok(id) } else { Err(format!("the upload was answered {status}").into()) }
    }

    /// Goes on with an upload in parts until none is missing, and says that it is complete.
    /// `fate` is the network: what becomes of each part that is sent. Gives how often a part
    /// was sent.
    pub async fn upload_parts(
        &self,
        id: Uuid,
        bytes: &[u8],
        mut fate: impl FnMut(u64) -> Fate,
    ) -> Result<usize, Failure> {
        let mut sent = 0;
        for _ in 0..MAX_ROUNDS {
            let slot = self.get(&format!("/media/{id}/upload")).await?.expect(200)?;
            let missing = slot.body["upload"]["missing"].as_array().cloned().unwrap_or_default();
            if missing.is_empty() {
                let complete = self.send(Method::PUT, &format!("/media/{id}/upload"), &[], None).await?;
                if complete.text("/type") == "/problems/upload_incomplete" {
                    continue;
                }
                complete.expect(200)?;
                return Ok(sent);
            }
            for part in &missing {
                let number = part["number"].as_u64().ok_or("a part has a number")?;
                let range = |name: &str| part[name].as_u64().and_then(|value| usize::try_from(value).ok());
                let (offset, size) = range("offset_bytes").zip(range("size_bytes")).ok_or("a part has a range")?;
                let piece = bytes.get(offset..offset + size).ok_or("a part lies within the file")?;
                sent += 1;
                match fate(number) {
                    Fate::Arrives => {
                        // Whatever else is answered, the slot says how to go on: another
                        // phone may have completed the upload in the meantime.
                        if self.put(part, piece.to_vec()).await? != 200 {
                            break;
                        }
                    }
                    Fate::BreaksOff => self.break_off(part, &piece[..size / 2]).await?,
                }
            }
        }
        Err("the upload did not come to its end".into())
    }

    /// Begins to send a part, and loses the connection.
    async fn break_off(&self, part: &Value, half: &[u8]) -> Result<(), Failure> {
        let headers: BTreeMap<String, String> = serde_json::from_value(part["headers"].clone())?;
        let half = half.to_vec();
        let pieces = futures::stream::iter([Ok(half), Err(std::io::Error::other("the connection broke"))]);
        let body = reqwest::Body::wrap_stream(pieces);
        let mut request = self.http.put(part["url"].as_str().ok_or("no address to upload to")?).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if request.send().await.is_ok() { Err("half a part was taken for a whole one".into()) } else { Ok(()) }
    }

    /// Announces a medium.
    pub async fn announce(&self, key: Uuid, content_type: &str, bytes: &[u8]) -> Result<Answer, Failure> {
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        let body = json!({ "content_type": content_type, "size_bytes": bytes.len(), "sha256": sha256 });
        self.post("/media", key, None, &body).await
    }

    /// Sends bytes by the signed request of an announcement; gives the status.
    pub async fn put(&self, upload: &Value, bytes: Vec<u8>) -> Result<u16, Failure> {
        let headers: BTreeMap<String, String> = serde_json::from_value(upload["headers"].clone())?;
        let mut request = self.http.put(upload["url"].as_str().ok_or("no address to upload to")?).body(bytes);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let begun = Instant::now();
        let status = request.send().await?.status().as_u16();
        if let Some(meter) = &self.meter {
            meter.took("PUT", "the signed address of an upload", begun.elapsed());
        }
        Ok(status)
    }

    /// Waits until the intake has looked at a medium, ten seconds at most; gives its state.
    pub async fn verdict(&self, media: Uuid) -> Result<Answer, Failure> {
        for _ in 0..200 {
            let answer = self.get(&format!("/media/{media}")).await?.expect(200)?;
            if answer.text("/state") != "pending" {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the intake did not look at the medium within ten seconds".into())
    }

    /// Opens a part of what an address has; gives the status and the bytes.
    pub async fn open_range(&self, url: &str, range: &str) -> Result<(u16, Vec<u8>), Failure> {
        let answer = self.http.get(url).header("range", range).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    /// Opens an address as it is, without signing in; gives the status and the bytes.
    pub async fn open(&self, url: &str) -> Result<(u16, Vec<u8>), Failure> {
        let answer = self.http.get(url).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }
}
