//! A URL taken apart (`net/url.Parse`).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::escape::{Mode, escaped, unescaped};

/// The parts of a URL, not escaped, but for the query and the user.
#[derive(Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    pub(super) fragment: Vec<u8>,
    /// User and password as `Userinfo.String` writes them.
    pub(super) user: Option<Vec<u8>>,
}

pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) fragment: bool,
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self { what, fragment: false }
    }
}

impl From<&str> for Wrong {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

/// What stands before the first `sign`, and behind it.
fn cut(bytes: &[u8], sign: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == sign) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}

pub(super) fn parse(text: &[u8]) -> Result<Url, Wrong> {
    let (text, fragment) = cut(text, b'#');
    let mut url = without_fragment(text)?;
    if let Some(fragment) = fragment {
        url.fragment = unescaped(fragment, Mode::Fragment).map_err(|what| Wrong { what, fragment: true })?;
    }
    Ok(url)
}

fn without_fragment(text: &[u8]) -> Result<Url, Wrong> {
    if text.iter().any(u8::is_ascii_control) {
        return Err("net/url: invalid control character in URL".into());
    }
    let mut url = Url::default();
    if text == b"*" {
        url.path = text.to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (mut rest, query) = cut(rest, b'?');
    url.query = query.unwrap_or_default().to_vec();
    if !rest.starts_with(b"/") {
        if !scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Ok(url);
        }
        if cut(rest, b'/').0.contains(&b':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    if rest.starts_with(b"//") && (!scheme.is_empty() || !rest.starts_with(b"///")) {
        let authority = &rest[2..];
        let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
        rest = &authority[end..];
        let authority = &authority[..end];
        let at = authority.iter().rposition(|byte| *byte == b'@');
        url.host = host(&url.scheme, at.map_or(authority, |at| &authority[at + 1..]))?;
        if let Some(at) = at {
            url.user = user(&authority[..at])?;
        }
    }
    url.path = unescaped(rest, Mode::Path)?;
    Ok(url)
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), Wrong> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

/// User and password, escaped as `Userinfo.String` does.
fn user(text: &[u8]) -> Result<Option<Vec<u8>>, Wrong> {
    if !text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte)) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = cut(text, b':');
    let mut out = escaped(&unescaped(name, Mode::User)?, Mode::User);
    if let Some(password) = password {
        out.push(b':');
        out.extend(escaped(&unescaped(password, Mode::User)?, Mode::User));
    }
    Ok(Some(out))
}

/// A port with its colon, or nothing.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn wrong_port(port: &[u8]) -> Wrong {
    let mut quoted = Vec::new();
    gabion_template::fmt::quote(&mut quoted, port);
    format!("invalid port {} after host", String::from_utf8_lossy(&quoted)).into()
}

fn host(scheme: &[u8], text: &[u8]) -> Result<Vec<u8>, Wrong> {
    match text.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return literal(text),
        Some(_) => return Err("invalid IP-literal".into()),
        None => {}
    }
    let colon = |text: &[u8]| text.iter().position(|byte| *byte == b':');
    if let Some(first) = colon(text) {
        // Several hosts, each with a port, are taken but from the web's own schemes.
        let strict = scheme == b"http" || scheme == b"https";
        let at = if strict { first } else { text.iter().rposition(|byte| *byte == b':').unwrap_or(first) };
        if !is_port(&text[at..]) {
            return Err(wrong_port(&text[at..]));
        }
    }
    Ok(unescaped(text, Mode::Host)?)
}

/// `[fe80::1%25en0]:80`.
fn literal(text: &[u8]) -> Result<Vec<u8>, Wrong> {
    let end = text.iter().rposition(|byte| *byte == b']').ok_or("missing ']' in host")?;
    let (address, port) = (&text[1..end], &text[end + 1..]);
    if !is_port(port) {
        return Err(wrong_port(port));
    }
    let zone = crate::text::find(address, b"%25").unwrap_or(address.len());
    let mut name = unescaped(&address[..zone], Mode::Host)?;
    name.extend(unescaped(&address[zone..], Mode::Zone)?);
    let (bare, zone) = cut(&name, b'%');
    let valid = std::str::from_utf8(bare).is_ok_and(|it| it.parse::<Ipv6Addr>().is_ok());
    if std::str::from_utf8(bare).is_ok_and(|it| it.parse::<Ipv4Addr>().is_ok()) {
        return Err("invalid IP-literal".into());
    }
    if !valid || zone.is_some_and(<[u8]>::is_empty) {
        return Err("invalid host".into());
    }
    let port = unescaped(port, Mode::Host)?;
    Ok([b"[", name.as_slice(), b"]", port.as_slice()].concat())
}

impl Url {
    /// The host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(at) = host.iter().rposition(|byte| *byte == b':').filter(|at| is_port(&host[*at..])) {
            host = &host[..at];
        }
        match host {
            [b'[', inner @ .., b']'] => inner,
            host => host,
        }
    }
}
