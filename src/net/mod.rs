//! The one HTTP client: mirrors, retries, resuming.
//!
//! # Invariants
//! - A locked URL never changes: mirrors replace its prefix at the moment of the request.
//! - Credentials go to the host they are configured for, and a redirect to another host drops them. None travels
//!   in clear, except on loopback and to a mirror that the user wrote with `http`.
//! - Nothing is decompressed on the way: the bytes are the server's.

mod cache;
mod docker;
mod download;
mod error;
mod git;
mod registry;
mod request;

pub use cache::remote;
pub use download::Wanted;
pub use error::NetError;
pub use git::{GitError, Repository};
pub use registry::{RawManifest, Registry};

use crate::config::Config;
use crate::event::{Event, Events};
use error::Trouble;
use request::{Ask, body};
use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often a request is made before the next mirror is asked.
const ATTEMPTS: u32 = 5;
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
    /// What lets us into a repository, by the repository's location.
    passes: Arc<tokio::sync::Mutex<BTreeMap<String, HeaderValue>>>,
}

impl Client {
    /// A client with the user's mirrors and credentials, which are read here; `offline` forbids every request, and
    /// then none is read.
    pub fn new(config: &Config, offline: bool, events: &Events) -> Result<Self, NetError> {
        // The second call of a process finds the provider installed already.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(STALL)
            .user_agent(concat!("gabion/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NetError::Failed {
                url: String::new(),
                attempts: vec![crate::error::chain(&error)],
            })?;
        let config = if offline { config.clone() } else { config.with_secrets()? };
        let events = events.clone();
        Ok(Self { http, config, offline, plain: false, events, passes: Arc::default() })
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
            let response = self.send(location, &Ask::new(Method::GET)).await?;
            if response.status() != StatusCode::OK {
                return Err(Trouble::finally(format!("HTTP {}", response.status())));
            }
            body(response, limit).await
        })
        .await
    }

    /// How many bytes a location has, where the server says so.
    pub async fn size(&self, url: &str) -> Result<Option<u64>, NetError> {
        self.try_all(url, async |location: &str| {
            let response = self.send(location, &Ask::new(Method::HEAD)).await?;
            if response.status() != StatusCode::OK {
                return Err(Trouble::finally(format!("HTTP {}", response.status())));
            }
            let size = response.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
            Ok(size)
        })
        .await
    }

    /// Registries of images, over this client.
    pub fn registry(&self) -> Registry<'_> {
        Registry::new(self)
    }

    /// A git repository, over this client; `url` is what `git clone` takes.
    pub fn repository<'c>(&'c self, url: &'c str) -> Repository<'c> {
        Repository::new(self, url)
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
        let (mut attempts, mut digest, mut mismatches) = (Vec::new(), None, Vec::new());
        let locations = self.locations(url);
        for location in &locations {
            for attempt in 0..ATTEMPTS {
                match ask(location).await {
                    Ok(value) => return Ok(value),
                    Err(trouble) => {
                        // Only the locked location is named: a mirror may hold a token in its path.
                        attempts.push(trouble.why.clone());
                        digest = digest.or(trouble.digest);
                        if !trouble.again || attempt + 1 == ATTEMPTS {
                            mismatches.extend(trouble.mismatch);
                            break;
                        }
                        self.events.send(Event::Retry { url: url.to_owned(), why: trouble.why });
                        // Whoever was sent away together does not come back together.
                        tokio::time::sleep(trouble.wait.unwrap_or_default() + backoff(attempt)).await;
                    }
                }
            }
        }
        if let Some((expected, received)) = digest {
            let (expected, received) = (Box::new(expected), Box::new(received));
            return Err(NetError::Digest { url: url.to_owned(), expected, received });
        }
        // One location that could not answer might have had the right bytes.
        if mismatches.len() == locations.len()
            && let Some(mismatch) = mismatches.pop()
        {
            return Err((*mismatch).into());
        }
        attempts.dedup();
        Err(NetError::Failed { url: url.to_owned(), attempts })
    }
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
