//! The little of HTTP/1.1 (RFC 9112) and of the distribution specification 1.1 that reading an artifact takes: one
//! question without a body, one answer, and the end of the connection.

use gabion_digest::Sha256;
use std::fmt::Write as _;
use std::io::{self, Read, Write};

/// No client of a registry asks at more length.
const LIMIT: usize = 8 << 10;
/// The end of a question.
const END: &[u8] = b"\r\n\r\n";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Whether this is a registry.
    Api,
    /// A manifest, by tag or digest.
    Manifest { name: String, reference: String },
    /// A blob.
    Blob { name: String, digest: String },
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) asked: Asked,
    /// Whether only what stands before the bytes is asked for.
    pub(super) head: bool,
}

/// Why a question is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no HTTP, or has a body.
    Malformed,
    /// It is longer than any.
    Long,
    /// It would change something.
    Method,
    /// There is nothing of that kind.
    Path,
}

/// Reads a question; `None` where nobody asks.
pub(super) fn read(input: &mut impl Read) -> io::Result<Option<Result<Request, Refusal>>> {
    let (mut text, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let count = input.read(&mut piece)?;
        if count == 0 {
            return Ok((!text.is_empty()).then_some(Err(Refusal::Malformed)));
        }
        text.extend_from_slice(&piece[..count]);
        // A client that would speak TLS waits for an answer, and is to have one at once.
        if !text[0].is_ascii_uppercase() {
            return Ok(Some(Err(Refusal::Malformed)));
        }
        if let Some(end) = text.windows(END.len()).position(|it| it == END) {
            return Ok(Some(if end > LIMIT { Err(Refusal::Long) } else { parse(&text[..end]) }));
        }
        if text.len() > LIMIT {
            return Ok(Some(Err(Refusal::Long)));
        }
    }
}

fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| Refusal::Malformed)?;
    let mut lines = head.split("\r\n");
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = first[..] else { return Err(Refusal::Malformed) };
    let head = match method {
        "GET" => false,
        "HEAD" => true,
        _ => return Err(Refusal::Method),
    };
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Refusal::Malformed)?;
        let has_body = name.eq_ignore_ascii_case("transfer-encoding")
            || (name.eq_ignore_ascii_case("content-length") && value.trim() != "0");
        if has_body {
            return Err(Refusal::Malformed);
        }
    }
    // Nothing is decoded: no name of an artifact needs it.
    let path = target.split('?').next().unwrap_or_default();
    Ok(Request { asked: asked(path).ok_or(Refusal::Path)?, head })
}

/// `/v2/`, `/v2/NAME/manifests/REFERENCE` and `/v2/NAME/blobs/DIGEST`.
fn asked(path: &str) -> Option<Asked> {
    let rest = path.strip_prefix("/v2")?;
    if matches!(rest, "" | "/") {
        return Some(Asked::Api);
    }
    match rest.strip_prefix('/')?.split('/').collect::<Vec<_>>()[..] {
        [name, "manifests", reference] => {
            Some(Asked::Manifest { name: name.to_owned(), reference: reference.to_owned() })
        }
        [name, "blobs", digest] => Some(Asked::Blob { name: name.to_owned(), digest: digest.to_owned() }),
        _ => None,
    }
}

/// An answer, without the bytes of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    status: &'static str,
    fields: String,
    size: u64,
    /// What an answer says that is about no artifact.
    body: &'static str,
}

impl Reply {
    fn json(status: &'static str, body: &'static str) -> Self {
        Self { status, fields: field("Content-Type", "application/json"), size: body.len() as u64, body }
    }

    /// This is a registry.
    pub(super) fn api() -> Self {
        Self::json("200 OK", "{}")
    }

    /// Bytes follow.
    pub(super) fn good(media_type: &str, size: u64) -> Self {
        Self { status: "200 OK", fields: field("Content-Type", media_type), size, body: "" }
    }

    /// No bundle here has it.
    pub(super) fn missing(manifest: bool) -> Self {
        let body = if manifest {
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no bundle of this host has it"}]}"#
        } else {
            r#"{"errors":[{"code":"BLOB_UNKNOWN","message":"no bundle of this host has it"}]}"#
        };
        Self::json("404 Not Found", body)
    }

    /// It cannot be asked so.
    pub(super) fn refused(why: Refusal) -> Self {
        let (status, body) = match why {
            Refusal::Malformed => (
                "400 Bad Request",
                r#"{"errors":[{"code":"UNSUPPORTED","message":"plain HTTP without a body is understood"}]}"#,
            ),
            Refusal::Long => (
                "431 Request Header Fields Too Large",
                r#"{"errors":[{"code":"UNSUPPORTED","message":"the question is too long"}]}"#,
            ),
            Refusal::Method => (
                "405 Method Not Allowed",
                r#"{"errors":[{"code":"UNSUPPORTED","message":"artifacts are read, and nothing else"}]}"#,
            ),
            Refusal::Path => (
                "404 Not Found",
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"there are manifests and blobs"}]}"#,
            ),
        };
        let mut it = Self::json(status, body);
        if why == Refusal::Method {
            it.fields += &field("Allow", "GET, HEAD");
        }
        it
    }

    /// The host cannot give what it should have.
    pub(super) fn failed() -> Self {
        let body =
            r#"{"errors":[{"code":"UNKNOWN","message":"the host cannot read its packs: see its journal"}]}"#;
        Self::json("500 Internal Server Error", body)
    }

    /// Says what the bytes are called.
    pub(super) fn digest(mut self, digest: &Sha256) -> Self {
        self.fields += &field("Docker-Content-Digest", &digest.to_string());
        self
    }

    /// Writes it; without what follows where only that is asked for.
    pub(super) fn head(&self, out: &mut impl Write, head: bool) -> io::Result<()> {
        let Self { status, fields, size, body } = self;
        let mut text = format!("HTTP/1.1 {status}\r\n{fields}");
        let _written = write!(text, "Content-Length: {size}\r\n");
        text += "Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\n\r\n";
        if !head {
            text += body;
        }
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

fn field(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Request, Refusal> {
        read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn what_registries_are_asked_is_understood() {
        let api = Request { asked: Asked::Api, head: false };
        assert_eq!(of("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(api.clone()));
        assert_eq!(of("GET /v2 HTTP/1.0\r\n\r\nmore"), Ok(api));
        let manifest = Asked::Manifest { name: "gitops".into(), reference: "locked".into() };
        let wanted = Ok(Request { asked: manifest, head: true });
        assert_eq!(of("HEAD /v2/gitops/manifests/locked?ns=a HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), wanted);
        let blob = Asked::Blob { name: "gitops".into(), digest: "sha256:00".into() };
        assert_eq!(
            of("GET /v2/gitops/blobs/sha256:00 HTTP/1.1\r\n\r\n"),
            Ok(Request { asked: blob, head: false })
        );
        assert_eq!(read(&mut &b""[..]).unwrap(), None);
    }

    #[test]
    fn whatever_else_is_asked_is_refused() {
        for (text, why) in [
            ("POST /v2/gitops/blobs/uploads/ HTTP/1.1\r\n\r\n", Refusal::Method),
            ("DELETE /v2/gitops/manifests/locked HTTP/1.1\r\n\r\n", Refusal::Method),
            ("GET /v2/gitops/blobs/../../../etc/shadow HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET /v2/../v2/ HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET /v2/%2e%2e/x HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET /etc/shadow HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET /v2/_catalog HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET /v2/gitops/tags/list HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET http://a/v2/ HTTP/1.1\r\n\r\n", Refusal::Path),
            ("GET /v2/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Refusal::Malformed),
            ("GET /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::Malformed),
            ("GET /v2/ HTTP/2.0\r\n\r\n", Refusal::Malformed),
            ("GET /v2/\r\n\r\n", Refusal::Malformed),
            ("GET /v2/ HTTP/1.1\r\nno field\r\n\r\n", Refusal::Malformed),
            ("GET /v2/ HTTP/1.1\r\n", Refusal::Malformed),
            ("\u{16}\u{3}\u{1}", Refusal::Malformed),
        ] {
            assert_eq!(of(text), Err(why), "{text}");
        }
        assert_eq!(of(&format!("GET /v2/{} HTTP/1.1\r\n\r\n", "a".repeat(LIMIT))), Err(Refusal::Long));
        assert_eq!(of(&"A".repeat(1 << 20)), Err(Refusal::Long));
    }
}
