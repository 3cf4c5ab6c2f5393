//! One request and one reply of HTTP/1.1 (RFC 9110, RFC 9112).

use gabion_digest::Sha256;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

/// What a client asks.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, as they came.
    pub(crate) target: String,
    /// By name in lowercase.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// The longest body that is read.
const BODY: u64 = 1 << 20;

impl Request {
    /// Reads one; `None` where the connection is over.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut parts = line.split_whitespace().map(str::to_owned);
        let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            // RFC 9110 §5.3: lines of one name are one list.
            let all = headers.entry(name.to_ascii_lowercase()).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(value.trim());
        }
        let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        reader.take(length.min(BODY)).read_to_end(&mut body)?;
        Ok(Some(Self { method, target, headers, body }))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, with `%XX` read.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| unescape(value))
    }
}

/// RFC 3986 §2.1.
fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => out.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What the server answers.
#[derive(Debug)]
pub(crate) struct Reply<'c> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Cow<'c, [u8]>,
}

impl<'c> Reply<'c> {
    /// No body.
    pub(crate) fn plain(status: u16, headers: Vec<String>) -> Self {
        Self { status, headers, body: Cow::Borrowed(b"") }
    }

    /// A body, or what is left of it where the client goes on (RFC 9110 §13.1.5, §14.2).
    pub(crate) fn bytes(request: &Request, body: &'c [u8], mut headers: Vec<String>) -> Self {
        let tag = format!("\"{}\"", &Sha256::of(body).hex()[..16]);
        let unchanged = request.header("if-range").is_none_or(|it| it == tag);
        let range = request.header("range").filter(|_| unchanged);
        let from = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        headers.push(format!("ETag: {tag}"));
        match from {
            Some(from) if from < body.len() => {
                headers.push(format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len()));
                Self { status: 206, headers, body: Cow::Borrowed(&body[from..]) }
            }
            Some(_) => Self::plain(416, vec![format!("Content-Range: bytes */{}", body.len())]),
            None => {
                headers.push("Accept-Ranges: bytes".to_owned());
                Self { status: 200, headers, body: Cow::Borrowed(body) }
            }
        }
    }

    /// Writes it, of the body at most `limit` bytes.
    pub(crate) fn send(&self, mut out: impl Write, head: bool, limit: Option<usize>) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {} -\r\nContent-Length: {}\r\n", self.status, self.body.len());
        for header in &self.headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        out.write_all(text.as_bytes())?;
        if head {
            return Ok(());
        }
        out.write_all(&self.body[..limit.unwrap_or(usize::MAX).min(self.body.len())])
    }
}
