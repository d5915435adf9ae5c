//! Where a webhook may point: a public address, reached by HTTPS, and nothing inside.
//!
//! Who may name an address that the platform then calls could otherwise have it call its own
//! inside: the metadata of the machine, a database, a neighbour. So a target is read by one
//! strict grammar, whatever else browsers take, and what it resolves to is held against the
//! same list of addresses at each connection: a name can be one thing when it is checked and
//! another when it is called.

// `core::net` has nothing but values; nothing here does I/O.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest target, in characters.
pub const MAX_URL_CHARS: usize = 500;
/// The longest host name, in characters (RFC 1035, 2.3.4).
const MAX_HOST_CHARS: usize = 253;
/// The longest part of a host name between two dots, in characters.
const MAX_LABEL_CHARS: usize = 63;
/// The port of HTTPS.
const HTTPS_PORT: u16 = 443;
/// The first port that is no well-known one: below it, other services than HTTPS listen.
const FIRST_FREE_PORT: u16 = 1_024;
/// Where names end that are never public (RFC 6761, RFC 6762, and what clouds call their inside).
const INSIDE: [&str; 4] = ["localhost", "local", "internal", "localdomain"];

/// How far webhooks reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses by HTTPS alone: every deployment.
    Public,
    /// Also `http://127.0.0.1:<port>`, for `cargo dev` and tests.
    ThisMachineToo,
}

/// The host of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name, in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// A target that may be called, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The path with its query, beginning with a slash.
    pub path: String,
    /// Whether it is reached by TLS; only this machine is reached without.
    pub tls: bool,
}

impl Target {
    /// Reads a target, or says what is wrong with it.
    pub fn parse(text: &str, reach: Reach) -> Result<Self, &'static str> {
        if text.is_empty() || text.len() > MAX_URL_CHARS {
            return Err("must have 1 to 500 characters");
        }
        let odd = |b: u8| !b.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&b);
        if text.bytes().any(odd) {
            return Err("has characters that a URL has percent-encoded");
        }
        if text.contains('#') {
            return Err("has a fragment, which is never sent");
        }
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) if reach == Reach::ThisMachineToo => (false, rest),
            _ => return Err("must begin with https://"),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("has a user name or a password; the signature says who sends");
        }
        let (host, port) = split_port(authority)?;
        let host = read_host(host)?;
        // Without TLS this machine is reached by its address, and nothing else is.
        if !tls && matches!(host, Host::Name(_)) {
            return Err("must begin with https://");
        }
        let port = match port {
            Some(port) => port,
            None if tls => HTTPS_PORT,
            None => return Err("lacks its port"),
        };
        if tls && port != HTTPS_PORT && port < FIRST_FREE_PORT {
            return Err("must name port 443 or one above 1023");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let target = Self { host, port, path, tls };
        match target.host {
            Host::Address(address) if !target.allows(address) => {
                Err("names an address that is not public; webhooks never call an inside")
            }
            _ => Ok(target),
        }
    }

    /// Whether a connection for this target may be made to an address: the same question for one
    /// that is written in it and for each that its name resolves to.
    pub fn allows(&self, address: IpAddr) -> bool {
        // Only a target of this machine is without TLS, and there is nothing else that it may call.
        if self.tls { is_public(address) } else { address == IpAddr::V4(Ipv4Addr::LOCALHOST) }
    }

    /// The host and the port as the `Host` header has them.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        if self.tls && self.port == HTTPS_PORT { host } else { format!("{host}:{}", self.port) }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    // The colons of an address of IPv6 stand in brackets.
    let end = if authority.starts_with('[') { authority.find(']').map_or(0, |at| at + 1) } else { 0 };
    let Some(colon) = authority[end..].find(':') else { return Ok((authority, None)) };
    let (host, port) = authority.split_at(end + colon);
    let port = &port[1..];
    let is_number = !port.is_empty() && !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        Ok(port) if is_number => Ok((host, Some(port))),
        _ => Err("has no valid port"),
    }
}

fn read_host(host: &str) -> Result<Host, &'static str> {
    let bad = "has no valid host: a full name like hooks.example.org, or an address";
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']').and_then(|address| address.parse().ok()).ok_or(bad)?;
        return Ok(Host::Address(IpAddr::V6(address)));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    let is_label = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = host.to_ascii_lowercase();
    let labels: Vec<&str> = name.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    // What ends in a number would be read as an address by others: 127.1, 0x7f.0.0.1.
    let is_number = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if name.len() > MAX_HOST_CHARS || labels.len() < 2 || is_number || !labels.iter().all(|label| is_label(label)) {
        return Err(bad);
    }
    if INSIDE.contains(&last) {
        return Err("names a host that is not public; webhooks never call an inside");
    }
    Ok(Host::Name(name))
}

/// Whether an address is global unicast: one that only a machine on the public Internet has, by
/// the special-purpose registries of IANA.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

#[expect(clippy::unnested_or_patterns, reason = "each block stands by itself, with what it is")]
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        // "This network", private use, loopback.
        (0 | 10 | 127, ..)
            // Shared by carriers' NAT; the metadata of one cloud is there, too.
            | (100, 64..=127, ..)
            // Link-local; the metadata of most clouds is there.
            | (169, 254, ..)
            // Private use.
            | (172, 16..=31, ..)
            | (192, 168, ..)
            // Protocol assignments, documentation, and the way from 6to4.
            | (192, 0, 0 | 2, _)
            | (192, 88, 99, _)
            // Benchmarks and documentation.
            | (198, 18..=19, ..)
            | (198, 51, 100, _)
            | (203, 0, 113, _)
            // The inside of one cloud, under a public address.
            | (168, 63, 129, 16)
            // Multicast, reserved, broadcast.
            | (224..=255, ..)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3 and nothing else: neither loopback, mapped addresses of IPv4,
    // NAT64, unique local, link-local nor multicast ones.
    (0x2000..=0x3fff).contains(&first)
        // Protocol assignments, with Teredo, which carries an address of IPv4.
        && !(first == 0x2001 && second < 0x0200)
        // Documentation.
        && !(first == 0x2001 && second == 0x0db8)
        && !(first == 0x3fff && second < 0x1000)
        // 6to4 carries an address of IPv4.
        && first != 0x2002
}
