//! The client that calls the systems of agencies, by Standard Webhooks
//! (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp`, and
//! `webhook-signature`, one signature for each secret that is valid.
//!
//! It makes one connection for each call and keeps none, so that every address that is connected
//! to was checked for this very call, whatever its name stood for before. It follows no
//! redirects, knows no proxies, and takes an answer by its status alone.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use pingan_domain::{
    Timestamp,
    webhook::Failure,
    webhook_target::{Host, Target},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{self, ClientConfig, RootCertStore, pki_types::ServerName},
};

use crate::webhook_secret::Secret;

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// How much of an answer is read before it is thrown away, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;
/// How long the body of an answer is waited for; the status is known by then.
const ANSWER_SECONDS: u64 = 1;

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Where it goes.
    pub target: &'a Target,
    /// Its id, the same each time.
    pub id: &'a str,
    /// When it is made.
    pub at: Timestamp,
    /// What is said.
    pub body: &'a [u8],
    /// The secrets to sign with, newest first.
    pub secrets: &'a [Secret],
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until there is an answer, all in all.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), whole: Duration::from_secs(10) }
    }
}

/// The client. A clone is the same client.
#[derive(Clone, Default)]
pub struct WebhookClient {
    patience: Patience,
    tls: Arc<OnceLock<TlsConnector>>,
}

impl std::fmt::Debug for WebhookClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookClient").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl WebhookClient {
    /// The client with this patience.
    pub fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// Makes a call, and gives the status of its answer, or why there was none.
    pub async fn call(&self, call: Call<'_>) -> Result<u16, Failure> {
        let end = Instant::now() + self.patience.whole;
        timeout_at(end, self.try_call(call, end)).await.unwrap_or(Err(Failure::Timeout))
    }

    async fn try_call(&self, call: Call<'_>, end: Instant) -> Result<u16, Failure> {
        let target = call.target;
        let connected = timeout(self.patience.connect, connect(target)).await;
        let stream = connected.unwrap_or(Err(Failure::Timeout))?;
        if target.tls {
            exchange(self.secure(&target.host, stream).await?, call, end).await
        } else {
            exchange(stream, call, end).await
        }
    }

    /// Goes on by TLS with who can show that they are this host.
    async fn secure(&self, host: &Host, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Failure::Tls)?,
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        self.tls()?.connect(name, stream).await.map_err(|_| Failure::Tls)
    }

    fn tls(&self) -> Result<TlsConnector, Failure> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = TlsConnector::from(Arc::new(tls_config(trusted_roots()).map_err(|error| {
            tracing::error!(error.why = %error, "TLS cannot be set up");
            Failure::Tls
        })?));
        Ok(self.tls.get_or_init(|| tls).clone())
    }
}

/// The certificates that the machine trusts.
fn trusted_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (taken, left) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(taken, left, failed = found.errors.len(), "certificates of the machine");
    roots
}

fn tls_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Connects to a target. Everything that its host stands for is checked here, an address that is
/// written in it like those of its name, and nothing is asked for a second time in between. One
/// that is not public is enough to refuse them all: no honest name stands for both.
async fn connect(target: &Target) -> Result<TcpStream, Failure> {
    let addresses: Vec<SocketAddr> = match &target.host {
        Host::Address(address) => vec![(*address, target.port).into()],
        Host::Name(name) => {
            let found = lookup_host((name.as_str(), target.port)).await.map_err(|_| Failure::UnknownName)?;
            found.collect()
        }
    };
    if addresses.iter().any(|address| !target.allows(address.ip())) {
        return Err(Failure::ForbiddenAddress);
    }
    let mut failure = Failure::UnknownName;
    for address in addresses.into_iter().take(MAX_ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(_) => failure = Failure::Unreachable,
        }
    }
    Err(failure)
}

/// Ends the task of a connection with the call that it was made for.
struct Driven(JoinHandle<()>);

impl Drop for Driven {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn exchange<S>(stream: S, call: Call<'_>, end: Instant) -> Result<u16, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Unreachable)?;
    let _driven = Driven(tokio::spawn(async move {
        // Why it ended, the request says.
        let _ = connection.await;
    }));
    let answer = sender.send_request(request(call)?).await.map_err(|error| {
        // A connection that is closed before it has answered anything has broken.
        if error.is_parse() { Failure::Protocol } else { Failure::Unreachable }
    })?;
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    let mut left = MAX_ANSWER_BYTES;
    let drain = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // The answer is its status, however late it came; the rest is read so that the other side can
    // finish in peace, as long as the call may last.
    let _ = timeout_at(end.min(Instant::now() + Duration::from_secs(ANSWER_SECONDS)), drain).await;
    Ok(status)
}

fn request(call: Call<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let Call { target, id, at, body, secrets } = call;
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, body)).collect();
    Request::post(&target.path)
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, "pingan-webhook/1")
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", at.as_second().to_string())
        .header("webhook-signature", signatures.join(" "))
        .body(Full::new(Bytes::copy_from_slice(body)))
        .map_err(|_| Failure::Protocol)
}

#[cfg(test)]
mod tests {
    use pingan_domain::webhook_target::Reach;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    fn secret() -> Secret {
        Secret::from_bytes(&[9; 32]).unwrap()
    }

    /// Answers each connection with these bytes, once the request has come; an empty answer is
    /// none at all.
    async fn answering(answer: &'static str) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, requests) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let seen = seen.clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"}") {
                        let mut buffer = [0; 1_024];
                        let count = stream.read(&mut buffer).await.unwrap_or(0);
                        if count == 0 {
                            return;
                        }
                        request.extend_from_slice(&buffer[..count]);
                    }
                    let _ = seen.send(String::from_utf8(request).unwrap());
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                    // What is not whole stays so, until the other side has had enough.
                    let _ = stream.read(&mut [0]).await;
                });
            }
        });
        (port, requests)
    }

    async fn call(url: &str) -> Result<u16, Failure> {
        let target = Target::parse(url, Reach::ThisMachineToo).unwrap();
        called(&target).await
    }

    async fn called(target: &Target) -> Result<u16, Failure> {
        let patience = Patience { connect: Duration::from_millis(300), whole: Duration::from_millis(600) };
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let secrets = [secret(), Secret::from_bytes(&[7; 24]).unwrap()];
        let call = Call { target, id: "msg_1", at, body: br#"{"a":1}"#, secrets: &secrets };
        WebhookClient::new(patience).call(call).await
    }

    #[tokio::test]
    async fn a_call_says_what_the_specification_wants_and_takes_the_status() {
        let (port, mut requests) = answering("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").await;
        assert_eq!(call(&format!("http://127.0.0.1:{port}/hooks?of=fire")).await, Ok(202));
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("POST /hooks?of=fire HTTP/1.1\r\n"), "{request}");
        for header in [
            &format!("host: 127.0.0.1:{port}"),
            "webhook-id: msg_1",
            "webhook-timestamp: 1614265330",
            "content-type: application/json",
            "content-length: 7",
        ] {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
        }
        let signatures = request.lines().find_map(|line| line.strip_prefix("webhook-signature: ")).unwrap();
        assert_eq!(signatures.split(' ').filter(|signature| signature.starts_with("v1,")).count(), 2);
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let (port, mut requests) =
            answering("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(call(&format!("http://127.0.0.1:{port}/")).await, Ok(302));
        assert!(requests.recv().await.unwrap().starts_with("POST / "));
        assert!(requests.try_recv().is_err());
    }

    #[tokio::test]
    async fn every_way_to_fail_has_its_name_and_its_time() {
        let (silent, _requests) = answering("").await;
        let begun = std::time::Instant::now();
        assert_eq!(call(&format!("http://127.0.0.1:{silent}/")).await, Err(Failure::Timeout));
        assert!(begun.elapsed() < Duration::from_secs(2));
        let (garbage, _requests) = answering("what is HTTP?\r\n\r\n").await;
        assert_eq!(call(&format!("http://127.0.0.1:{garbage}/")).await, Err(Failure::Protocol));
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert_eq!(call(&format!("http://127.0.0.1:{closed}/")).await, Err(Failure::Unreachable));
        // A body that never ends does not keep the status from being known.
        let (endless, _requests) = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx").await;
        assert_eq!(call(&format!("http://127.0.0.1:{endless}/")).await, Ok(200));
    }

    /// A server with a certificate of its own for `hooks.example.org`, which is trusted by the
    /// client that comes with it, or by nobody.
    async fn with_certificate(trusted: bool) -> (u16, WebhookClient) {
        use tokio_rustls::{
            TlsAcceptor,
            rustls::{
                ServerConfig,
                pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
            },
        };
        let certificate = CertificateDer::from_pem_slice(include_bytes!("webhooks/test-only.cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("webhooks/test-only.key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = [0; 1_024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        });
        let mut roots = if trusted { RootCertStore::empty() } else { trusted_roots() };
        if trusted {
            roots.add(certificate).unwrap();
        }
        let client = WebhookClient::default();
        assert!(client.tls.set(TlsConnector::from(Arc::new(tls_config(roots).unwrap()))).is_ok());
        (port, client)
    }

    #[tokio::test]
    async fn only_who_can_show_that_they_are_the_host_is_told() {
        let tell = async |trusted: bool, name: &str| {
            let (port, client) = with_certificate(trusted).await;
            // What is reached here is no public address: the connection is made by the test.
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let target = Target::parse(&format!("https://{name}/in"), Reach::Public).unwrap();
            let secrets = [secret()];
            let at = Timestamp::UNIX_EPOCH;
            let call = Call { target: &target, id: "msg_1", at, body: b"{}", secrets: &secrets };
            exchange(client.secure(&target.host, stream).await?, call, Instant::now() + client.patience.whole).await
        };
        assert_eq!(tell(true, "hooks.example.org").await, Ok(204));
        assert_eq!(tell(true, "other.example.org").await, Err(Failure::Tls));
        assert_eq!(tell(true, "8.8.8.8").await, Err(Failure::Tls));
        assert_eq!(tell(false, "hooks.example.org").await, Err(Failure::Tls));
    }

    /// A name that was public when it was written down, and stands for this machine when it is
    /// called, reaches nothing: there is a listener, and nobody is connected to it.
    #[tokio::test]
    async fn a_name_that_stands_for_an_inside_is_not_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let rebound = Target { host: Host::Name("localhost".to_owned()), port, path: "/".to_owned(), tls: true };
        assert_eq!(called(&rebound).await, Err(Failure::ForbiddenAddress));
        for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"] {
            let host = Host::Address(address.parse().unwrap());
            let target = Target { host, ..rebound.clone() };
            assert_eq!(called(&target).await, Err(Failure::ForbiddenAddress), "{address}");
        }
        // Nor does a target without TLS reach anything but this machine.
        let host = Host::Address("1.1.1.1".parse().unwrap());
        let target = Target { host, tls: false, ..rebound };
        assert_eq!(called(&target).await, Err(Failure::ForbiddenAddress));
        let nobody = timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err());
    }
}
