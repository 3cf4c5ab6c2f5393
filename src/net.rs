//! The one HTTP client: mirrors, retries, resuming.
//!
//! # Invariants
//! - A locked URL never changes: mirrors replace its prefix at the moment of the request.
//! - Credentials go to the host they are configured for, and a redirect to another host drops them.
//! - Nothing is decompressed on the way: the bytes are the server's.

use crate::config::Config;
use crate::event::{Event, Events};
use base64::prelude::{BASE64_STANDARD, Engine};
use futures_util::StreamExt;
use gabion_digest::Sha256;
use gabion_store::{Expect, Partial, Store, StoreError};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, LOCATION, RANGE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use std::time::Duration;

/// Why bytes did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The network may not be used.
    #[error("`{url}` is needed, and the network is forbidden")]
    Offline {
        /// The location.
        url: String,
    },
    /// No location gave the bytes.
    #[error("could not fetch `{url}`")]
    Failed {
        /// The location.
        url: String,
        /// Every attempt, one line each.
        attempts: Vec<String>,
    },
    /// The bytes were here a moment ago and are gone.
    #[error("the bytes of `{url}` were removed from the store while they were needed")]
    Vanished {
        /// The location.
        url: String,
    },
    /// The store could not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NetError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Offline { .. } => "E0301",
            Self::Failed { .. } => "E0302",
            Self::Vanished { .. } => "E0303",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Offline { .. } => {
                Some("run once without `--offline`; the store keeps what was fetched".into())
            }
            Self::Failed { attempts, .. } => Some(attempts.join("\n")),
            Self::Vanished { .. } => Some("run the same command again".into()),
            Self::Store(error) => error.help(),
        }
    }
}

/// How often a request is made before the next mirror is asked.
const ATTEMPTS: u32 = 5;
/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// The longest wait that a server may ask for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A connection without a byte for so long is dead.
const STALL: Duration = Duration::from_secs(30);

/// How often it is looked whether another process has finished the same download.
const TURN: Duration = Duration::from_millis(50);

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    config: Config,
    offline: bool,
    plain: bool,
    events: Events,
}

/// What went wrong with one attempt, and whether it is worth another.
struct Trouble {
    why: String,
    again: bool,
    wait: Option<Duration>,
}

impl Trouble {
    fn again(why: impl std::fmt::Display) -> Self {
        Self { why: format!("{why}"), again: true, wait: None }
    }

    fn finally(why: impl std::fmt::Display) -> Self {
        Self { why: why.to_string(), again: false, wait: None }
    }
}

impl Client {
    /// A client with the user's mirrors and credentials; `offline` forbids every request.
    pub fn new(config: &Config, offline: bool, events: &Events) -> Result<Self, NetError> {
        // The second call of a process finds the provider installed already.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(STALL)
            .user_agent(concat!("gabion/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NetError::Failed { url: String::new(), attempts: vec![error.to_string()] })?;
        Ok(Self { http, config: config.clone(), offline, plain: false, events: events.clone() })
    }

    /// The same client for bytes whose signature or digest is checked by whoever asks: archives of packages
    /// are served without TLS.
    #[must_use]
    pub fn for_signed(&self) -> Self {
        Self { plain: true, ..self.clone() }
    }

    /// The locations to ask for `url`: mirrors first, longest prefix wins, the origin last.
    fn locations(&self, url: &str) -> Vec<String> {
        let fits = |prefix: &str| {
            url.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let best = self
            .config
            .mirrors
            .iter()
            .filter(|(prefix, _)| fits(prefix))
            .max_by_key(|(prefix, _)| prefix.len());
        let mut out: Vec<String> = best.map_or_else(Vec::new, |(prefix, mirrors)| {
            mirrors
                .iter()
                .map(|mirror| format!("{}{}", mirror.trim_end_matches('/'), &url[prefix.len()..]))
                .collect()
        });
        // An origin that cannot exist (RFC 6761 §6.4) is only ever reached through a mirror.
        if out.is_empty() || !is_reserved(url) {
            out.push(url.to_owned());
        }
        out
    }

    /// Fetches a small document whole.
    pub async fn get(&self, url: &str, limit: u64) -> Result<Vec<u8>, NetError> {
        self.try_all(url, async |location: &str| {
            let response = self.send(Method::GET, location, 0).await?;
            if response.status() != StatusCode::OK {
                return Err(Trouble::finally(format!("HTTP {}", response.status())));
            }
            let mut bytes = Vec::new();
            let mut stream = response.bytes_stream();
            while let Some(piece) = stream.next().await {
                bytes.extend_from_slice(&piece.map_err(Trouble::again)?);
                if bytes.len() as u64 > limit {
                    return Err(Trouble::finally(format!("more than {limit} bytes")));
                }
            }
            Ok(bytes)
        })
        .await
    }

    /// How many bytes a location has, where the server says so.
    pub async fn size(&self, url: &str) -> Result<Option<u64>, NetError> {
        self.try_all(url, async |location: &str| {
            let response = self.send(Method::HEAD, location, 0).await?;
            if response.status() != StatusCode::OK {
                return Err(Trouble::finally(format!("HTTP {}", response.status())));
            }
            let size = response.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
            Ok(size)
        })
        .await
    }

    /// The store's file for a download, as soon as nobody else has it; `None` where the bytes arrived
    /// in the meantime.
    pub async fn partial<'s>(
        &self,
        store: &'s Store,
        key: Sha256,
        expect: Expect,
    ) -> Result<Option<Partial<'s>>, NetError> {
        loop {
            if let Some(partial) = store.partial(key, expect)? {
                return Ok(Some(partial));
            }
            if let Some(sha256) = expect.sha256
                && store.by_sha256(sha256)?.is_some()
            {
                return Ok(None);
            }
            tokio::time::sleep(TURN).await;
        }
    }

    /// Downloads into a file of the store, going on where it stands; gives it back complete.
    pub async fn download<'s>(
        &self,
        url: &str,
        size: Option<u64>,
        partial: Partial<'s>,
        node: &str,
    ) -> Result<Partial<'s>, NetError> {
        let cell = tokio::sync::Mutex::new(partial);
        self.try_all(url, async |location: &str| {
            let mut partial = cell.lock().await;
            self.stream(location, size, &mut partial, node).await
        })
        .await?;
        Ok(cell.into_inner())
    }

    async fn stream(
        &self,
        location: &str,
        size: Option<u64>,
        partial: &mut Partial<'_>,
        node: &str,
    ) -> Result<(), Trouble> {
        if size.is_some_and(|size| size == partial.len()) {
            return Ok(());
        }
        let response = self.send(Method::GET, location, partial.len()).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&response) == Some(partial.len()) => {}
            // The whole again, or a range that was not asked for: what is there is of no use.
            StatusCode::OK => partial.restart().map_err(Trouble::finally)?,
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                partial.restart().map_err(Trouble::finally)?;
                return Err(Trouble::again("the server cannot resume"));
            }
            status => return Err(Trouble::finally(format!("HTTP {status}"))),
        }
        let mut stream = response.bytes_stream();
        let mut told = 0;
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(Trouble::again)?;
            if size.is_some_and(|size| partial.len() + piece.len() as u64 > size) {
                partial.restart().map_err(Trouble::finally)?;
                return Err(Trouble::finally(format!(
                    "more than the {} locked bytes",
                    size.unwrap_or_default()
                )));
            }
            partial.append(&piece).map_err(Trouble::finally)?;
            if partial.len() - told > 1 << 20 {
                told = partial.len();
                self.events.send(Event::Progress { node: node.to_owned(), done: told, total: size });
            }
        }
        if size.is_some_and(|size| partial.len() < size) {
            return Err(Trouble::again(format!("the connection ended after {} bytes", partial.len())));
        }
        Ok(())
    }

    /// Asks every location in turn, each several times where that may help.
    async fn try_all<T>(
        &self,
        url: &str,
        mut ask: impl AsyncFnMut(&str) -> Result<T, Trouble>,
    ) -> Result<T, NetError> {
        if self.offline {
            return Err(NetError::Offline { url: url.to_owned() });
        }
        let mut attempts = Vec::new();
        for location in self.locations(url) {
            for attempt in 0..ATTEMPTS {
                match ask(&location).await {
                    Ok(value) => return Ok(value),
                    Err(trouble) => {
                        // Only the locked location is named: a mirror may hold a token in its path.
                        attempts.push(trouble.why.clone());
                        if !trouble.again || attempt + 1 == ATTEMPTS {
                            break;
                        }
                        self.events.send(Event::Retry { url: url.to_owned(), why: trouble.why });
                        tokio::time::sleep(trouble.wait.unwrap_or_else(|| backoff(attempt))).await;
                    }
                }
            }
        }
        attempts.dedup();
        Err(NetError::Failed { url: url.to_owned(), attempts })
    }

    /// One request, redirects followed by hand.
    async fn send(&self, method: Method, location: &str, from: u64) -> Result<reqwest::Response, Trouble> {
        let mut url = Url::parse(location).map_err(Trouble::finally)?;
        let first = url.host_str().map(str::to_owned);
        for _ in 0..=REDIRECTS {
            if url.scheme() != "https" && !self.plain && !is_loopback(&url) && !self.is_mirror(&url) {
                return Err(Trouble::finally(
                    "plain http is only used on loopback, for configured mirrors and for signed archives",
                ));
            }
            let mut request = self.http.request(method.clone(), url.clone());
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            if url.host_str() == first.as_deref()
                && let Some(value) = url.host_str().and_then(|host| self.authorization(host))
            {
                request = request.header(AUTHORIZATION, value);
            }
            let response = request
                .send()
                .await
                .map_err(|error| Trouble::again(crate::error::chain(&error.without_url())))?;
            let status = response.status();
            if status.is_redirection() {
                let to = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
                let next = to
                    .and_then(|to| url.join(to).ok())
                    .ok_or_else(|| Trouble::finally("a redirect to nowhere"))?;
                if url.scheme() == "https" && next.scheme() != "https" {
                    return Err(Trouble::finally("a redirect from https to http"));
                }
                if is_loopback(&next) && !is_loopback(&url) {
                    return Err(Trouble::finally("a redirect into this machine"));
                }
                url = next;
                continue;
            }
            if status == StatusCode::TOO_MANY_REQUESTS
                || status.is_server_error()
                || status == StatusCode::REQUEST_TIMEOUT
            {
                let seconds =
                    response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
                let wait = seconds.map(|seconds| Duration::from_secs(seconds).min(WAIT_MAX));
                return Err(Trouble { why: format!("HTTP {status}"), again: true, wait });
            }
            return Ok(response);
        }
        Err(Trouble::finally("too many redirects"))
    }

    fn is_mirror(&self, url: &Url) -> bool {
        let mut named =
            self.config.mirrors.iter().flat_map(|(_, to)| to).filter_map(|to| Url::parse(to).ok());
        named.any(|it| it.host_str() == url.host_str() && it.scheme() == url.scheme())
    }

    fn authorization(&self, host: &str) -> Option<String> {
        let credential = self.config.credentials.get(host)?;
        Some(match &credential.username {
            None => format!("Bearer {}", credential.secret),
            Some(name) => {
                format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{}", credential.secret)))
            }
        })
    }
}

/// Where a partial answer begins (RFC 9110 §14.4, `Content-Range`).
fn starts_at(response: &reqwest::Response) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the host ends in `.invalid`, which never resolves.
fn is_reserved(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(|host| host.ends_with(".invalid")))
}

/// Full jitter: anything between nothing and 0.2 s · 2ⁿ.
fn backoff(attempt: u32) -> Duration {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    Duration::from_millis(random % (200 << attempt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_the_origin_comes_last() {
        let mirrors = vec![
            ("https://a.example".to_owned(), vec!["https://m1.example/a".to_owned()]),
            ("https://a.example/deep".to_owned(), vec!["https://m2.example".to_owned()]),
            ("https://x.invalid".to_owned(), vec!["http://127.0.0.1:1".to_owned()]),
        ];
        let config = Config { mirrors, ..Config::default() };
        let client = Client::new(&config, false, &Events::silent()).unwrap();
        assert_eq!(
            client.locations("https://a.example/f"),
            ["https://m1.example/a/f", "https://a.example/f"]
        );
        assert_eq!(
            client.locations("https://a.example/deep/f"),
            ["https://m2.example/f", "https://a.example/deep/f"]
        );
        assert_eq!(client.locations("https://a.example.net/f"), ["https://a.example.net/f"]);
        assert_eq!(client.locations("https://x.invalid/f"), ["http://127.0.0.1:1/f"]);
    }
}
