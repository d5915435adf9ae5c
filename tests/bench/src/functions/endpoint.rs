//! The AWS services over TLS, at one address: first what the embedded ones answer, written down; then
//! always the same again.

use std::{
    collections::HashMap,
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    serve::Listener,
};
use pingan_runtime::Failure;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

use super::scenario::Call;

/// One request, and what was answered.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// The operation: `BatchGetItem`, `Query`, ….
    pub(super) operation: String,
    /// What was asked, as JSON.
    pub(super) request: Bytes,
    /// What was answered, as JSON.
    pub(super) answer: Bytes,
}

/// The services. A clone is the same ones.
#[derive(Clone)]
pub(super) struct Endpoint {
    address: SocketAddr,
    /// The certificate of who signed the certificate of the endpoint.
    authority: Arc<std::path::PathBuf>,
    http: reqwest::Client,
    mode: Arc<Mutex<Mode>>,
}

enum Mode {
    /// Asks the embedded service at this address, and writes it down.
    Recording(String, Vec<Recorded>),
    /// Answers by what was written down; of alike requests of one call the first first.
    Replaying { by_operation: Arc<HashMap<String, Vec<Bytes>>>, asked: HashMap<String, usize> },
}

impl Endpoint {
    /// Starts it on a free port, with a certificate that is made for it and kept in this folder.
    pub(super) async fn start(folder: &Path) -> Result<Self, Failure> {
        let (config, authority) = certificates(folder)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mode = Mode::Replaying { by_operation: Arc::default(), asked: HashMap::new() };
        let endpoint = Self {
            address: listener.local_addr()?,
            authority: Arc::new(authority),
            http: reqwest::Client::builder().no_proxy().build()?,
            mode: Arc::new(Mutex::new(mode)),
        };
        let router = Router::new().fallback(answer).with_state(endpoint.clone());
        let listener = Tls { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(endpoint)
    }

    /// How a program finds it, and why it trusts it.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let authority = self.authority.display().to_string();
        let url = format!("https://localhost:{}", self.address.port());
        let names = ["SSL_CERT_FILE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
        let trusted = names.iter().map(|name| ((*name).to_owned(), authority.clone()));
        trusted.chain([("AWS_ENDPOINT_URL".to_owned(), url)]).collect()
    }

    /// Begins to ask the embedded service, and to write down.
    pub(super) fn record(&self, dynamodb_url: &str) {
        *self.lock() = Mode::Recording(dynamodb_url.to_owned(), Vec::new());
    }

    /// What was written down since.
    pub(super) fn recorded(&self) -> Vec<Recorded> {
        match &mut *self.lock() {
            Mode::Recording(_, recorded) => std::mem::take(recorded),
            Mode::Replaying { .. } => Vec::new(),
        }
    }

    /// Answers by what was written down for this call, from now on. While it records it goes on to.
    pub(super) fn answers_of(&self, call: &Call) {
        let mut mode = self.lock();
        if call.recorded.is_empty() && matches!(*mode, Mode::Recording(..)) {
            return;
        }
        let mut by_operation: HashMap<String, Vec<Bytes>> = HashMap::new();
        for recorded in &call.recorded {
            by_operation.entry(recorded.operation.clone()).or_default().push(recorded.answer.clone());
        }
        *mode = Mode::Replaying { by_operation: Arc::new(by_operation), asked: HashMap::new() };
    }

    /// A call begins.
    pub(super) fn begin(&self) {
        if let Mode::Replaying { asked, .. } = &mut *self.lock() {
            asked.clear();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Mode> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is answered without asking anybody; the address of whom to ask otherwise.
    fn known(&self, operation: &str) -> Result<Option<Bytes>, String> {
        match &mut *self.lock() {
            Mode::Recording(url, _) => Err(url.clone()),
            Mode::Replaying { by_operation, asked } => {
                let Some(answers) = by_operation.get(operation) else { return Ok(None) };
                let asked = asked.entry(operation.to_owned()).or_default();
                let answer = answers.get(*asked % answers.len()).cloned();
                *asked += 1;
                Ok(answer)
            }
        }
    }

    async fn ask(&self, url: String, headers: &HeaderMap, body: Bytes, operation: &str) -> Result<Bytes, Failure> {
        let mut request = self.http.post(url).body(body.clone());
        for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        if let Mode::Recording(_, recorded) = &mut *self.lock() {
            recorded.push(Recorded { operation: operation.to_owned(), request: body, answer: answer.clone() });
        }
        Ok(answer)
    }
}

async fn answer(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let answer = match endpoint.known(&operation) {
        Ok(known) => known.ok_or_else(|| format!("nothing was recorded for {operation}")),
        Err(url) => endpoint.ask(url, &headers, body, &operation).await.map_err(|error| error.to_string()),
    };
    match answer {
        Ok(answer) => ([("content-type", "application/x-amz-json-1.0")], answer).into_response(),
        // Nobody tries it again: that would only take time.
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

/// A certificate for `localhost`, and the file with the certificate of who signed it.
fn certificates(folder: &Path) -> Result<(ServerConfig, std::path::PathBuf), Failure> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Under the same name as the other, OpenSSL would take that one for signed by itself.
    authority.distinguished_name.push(DnType::CommonName, "benchmark authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
    let file = folder.join("authority.pem");
    fs::write(&file, authority.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((config, file))
}

/// Connections over TLS. There is one client at a time, which need not wait for the handshakes of others.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // A client that breaks off has nothing to be told.
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
