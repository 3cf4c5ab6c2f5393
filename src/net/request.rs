//! One request: redirects followed by hand, credentials kept at home.

use super::Client;
use super::error::Trouble;
use crate::config::Credential;
use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE, RETRY_AFTER,
};
use reqwest::{Method, Response, StatusCode, Url};
use std::sync::Arc;
use std::time::Duration;

/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// The longest wait that a server may ask for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A request, apart from where it goes.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// The first byte that is wanted.
    pub(super) from: u64,
    /// The strong `ETag` of the bytes before that one (RFC 9110 §13.1.5).
    pub(super) etag: Option<HeaderValue>,
    pub(super) accept: Option<HeaderValue>,
    pub(super) auth: Auth,
    /// Headers of a protocol above HTTP.
    pub(super) more: HeaderMap,
    /// The body; a request that is made again has it again.
    pub(super) body: Vec<u8>,
    /// A body that is not in memory, in its place.
    pub(super) upload: Option<Upload>,
}

/// A long body: its size, and its pieces from the start.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) size: u64,
    pub(super) pieces: Arc<dyn Fn() -> BoxStream<'static, std::io::Result<Bytes>> + Send + Sync>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Auth {
    /// Whoever the user's configuration says for the host.
    Configured,
    /// Whoever this header says, or nobody.
    Header(Option<HeaderValue>),
}

impl Ask {
    pub(super) fn new(method: Method) -> Self {
        let (more, body) = (HeaderMap::new(), Vec::new());
        let (accept, auth) = (None, Auth::Configured);
        Self { method, from: 0, etag: None, accept, auth, more, body, upload: None }
    }
}

impl Client {
    /// Sends a request and follows its redirects. Credentials go to the server that is asked first and no other;
    /// a server is a scheme, a host and a port (RFC 6454 §4).
    pub(super) async fn send(&self, location: &str, ask: &Ask) -> Result<Response, Trouble> {
        let mut url = Url::parse(location).map_err(Trouble::finally)?;
        let first = url.origin();
        let own = self.own(&url, ask);
        for _ in 0..=REDIRECTS {
            let authorization = own.clone().filter(|_| url.origin() == first);
            let response = self.send_one(&url, ask, authorization).await?;
            if response.status().is_redirection() && ask.method == Method::PUT {
                return Err(Trouble::finally("a redirect of what is put"));
            }
            if response.status().is_redirection() {
                url = redirect(&url, &response)?;
            } else if is_busy(response.status()) {
                return Err(busy(&response));
            } else {
                return Ok(response);
            }
        }
        Err(Trouble::finally("too many redirects"))
    }

    /// Sends a request to this server and no other: a redirect is a reply like any other. For requests whose other headers
    /// are as private as a credential.
    pub(super) async fn send_here(&self, url: &Url, ask: &Ask) -> Result<Response, Trouble> {
        let response = self.send_one(url, ask, self.own(url, ask)).await?;
        // What a server does not know it will not know next time.
        if is_busy(response.status()) && response.status() != StatusCode::NOT_IMPLEMENTED {
            return Err(busy(&response));
        }
        Ok(response)
    }

    /// Who asks, where the server may see it.
    fn own(&self, url: &Url, ask: &Ask) -> Option<HeaderValue> {
        let own = match &ask.auth {
            Auth::Configured => self.configured(url).as_ref().and_then(header),
            Auth::Header(header) => header.clone(),
        };
        own.filter(|_| self.may_see_credentials(url))
    }

    async fn send_one(
        &self,
        url: &Url,
        ask: &Ask,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, Trouble> {
        self.check_scheme(url)?;
        let range = (ask.from > 0).then(|| format!("bytes={}-", ask.from)).and_then(|it| it.parse().ok());
        let etag = ask.etag.clone().filter(|_| range.is_some());
        let headers =
            [(ACCEPT, ask.accept.clone()), (RANGE, range), (IF_RANGE, etag), (AUTHORIZATION, authorization)];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let headers =
            headers.chain(ask.more.iter().map(|(name, value)| (name.clone(), value.clone()))).collect();
        let mut request = self.http.request(ask.method.clone(), url.clone()).headers(headers);
        if let Some(Upload { size, pieces }) = &ask.upload {
            request = request.header(CONTENT_LENGTH, *size).body(reqwest::Body::wrap_stream(pieces()));
        } else if matches!(ask.method, Method::POST | Method::PUT) {
            request = request.body(ask.body.clone());
        }
        Ok(request.send().await?)
    }

    fn check_scheme(&self, url: &Url) -> Result<(), Trouble> {
        if url.scheme() == "https" || self.plain || is_loopback(url) || self.is_mirror(url) {
            return Ok(());
        }
        Err(Trouble::finally(
            "plain http is only used on loopback, for configured mirrors and for signed archives",
        ))
    }

    fn is_mirror(&self, url: &Url) -> bool {
        self.mirrors().any(|it| it.host_str() == url.host_str() && it.scheme() == url.scheme())
    }

    fn mirrors(&self) -> impl Iterator<Item = Url> {
        self.config.mirrors.iter().flat_map(|(_, to)| to).filter_map(|to| Url::parse(to).ok())
    }

    /// Whether a credential may be sent there: what travels in clear does so only where the user says it.
    pub(super) fn may_see_credentials(&self, url: &Url) -> bool {
        url.scheme() == "https" || is_loopback(url) || self.mirrors().any(|it| it.origin() == url.origin())
    }

    /// The user's credential for the server of `url`: for its host and port, or else for its host.
    pub(super) fn configured(&self, url: &Url) -> Option<Credential> {
        let host = url.host_str()?;
        let with_port = url.port().map(|port| format!("{host}:{port}"));
        let of = |name: &str| self.config.credentials.get(name).cloned();
        with_port.as_deref().and_then(of).or_else(|| of(host))
    }
}

/// `Authorization` for a credential; nothing ever prints it.
pub(super) fn header(credential: &Credential) -> Option<HeaderValue> {
    let text = match &credential.username {
        None => format!("Bearer {}", credential.secret),
        Some(name) => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{}", credential.secret)))
        }
    };
    sensitive(&text)
}

pub(super) fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The whole body of a small reply.
pub(super) async fn body(response: Response, limit: u64) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() as u64 > limit {
            return Err(Trouble::finally(format!("more than {limit} bytes")));
        }
    }
    Ok(bytes)
}

fn redirect(from: &Url, response: &Response) -> Result<Url, Trouble> {
    let to = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
    let next =
        to.and_then(|to| from.join(to).ok()).ok_or_else(|| Trouble::finally("a redirect to nowhere"))?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(Trouble::finally("a redirect from https to http"));
    }
    if is_loopback(&next) && !is_loopback(from) {
        return Err(Trouble::finally("a redirect into this machine"));
    }
    Ok(next)
}

fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
}

fn busy(response: &Response) -> Trouble {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
    let wait = seconds.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
    Trouble { wait, ..Trouble::again(format!("HTTP {}", response.status())) }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
