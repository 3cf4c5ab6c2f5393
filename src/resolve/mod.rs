//! The only place that chooses versions, and the only one that asks the network what there is.
//!
//! A pin that still answers its request stays; only what is stale is asked for.

mod apt;

use crate::event::{Event, Events};
use crate::lock::Locks;
use crate::net::{Client, NetError};
use crate::recipe::kinds::K3sVersion;
use crate::recipe::{Body, Project, Recipe};
use crate::request::{K3S_OUTPUTS, Request, k3s_asset};
use gabion_apt::{ClosureError, IndexError, SignatureError};
use gabion_digest::Sha256;
use gabion_lockfile::{AptLock, Entry, EntryId, Pin, Size, Text, Trust, Url};
use gabion_store::{Expect, Output, Store};

/// Why something could not be pinned.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The network or the store failed.
    #[error("could not pin `{id}`")]
    Net {
        /// Id of the entry.
        id: String,
        /// Why.
        #[source]
        source: NetError,
    },
    /// Upstream answered, but not with what was asked for.
    #[error("could not pin `{id}`: {why}")]
    Upstream {
        /// Id of the entry.
        id: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// A suite is not signed by those who must sign it.
    #[error("could not pin `{id}`: `{url}` is not to be trusted")]
    Signature {
        /// Id of the entry.
        id: String,
        /// The signed file.
        url: String,
        /// Why not.
        #[source]
        source: SignatureError,
    },
    /// An index of an archive cannot be read.
    #[error("could not pin `{id}`: `{url}` cannot be read")]
    Index {
        /// Id of the entry.
        id: String,
        /// The index.
        url: String,
        /// Why not.
        #[source]
        source: IndexError,
    },
    /// The packages that are asked for do not fit together.
    #[error("could not pin `{id}`: there is no closure of these packages")]
    Closure {
        /// Id of the entry.
        id: String,
        /// Everything that does not fit.
        #[source]
        source: ClosureError,
    },
    /// A suite went back in time: a stale mirror, or somebody who holds updates back.
    #[error("could not pin `{id}`: `{suite}` is of {found}, and the lock has it of {locked}")]
    Backwards {
        /// Id of the entry.
        id: String,
        /// The suite.
        suite: String,
        /// Its date now.
        found: String,
        /// Its date in the lock.
        locked: String,
    },
}

impl ResolveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net { source, .. } => source.code(),
            Self::Upstream { .. } => "E0310",
            Self::Signature { source, .. } => source.code(),
            Self::Index { source, .. } => source.code(),
            Self::Closure { .. } => "E0707",
            Self::Backwards { .. } => "E0708",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Net { source, .. } => source.help(),
            Self::Upstream { .. } => Some("check the recipe against what upstream offers".into()),
            Self::Signature { source, .. } => source.help(),
            Self::Index { .. } => Some("ask another mirror, or the same one later".into()),
            Self::Closure { source, .. } => Some(source.0.join("\n")),
            Self::Backwards { .. } => Some(
                "ask another mirror; to go back on purpose, remove the closure's lock and pin a `snapshot`"
                    .into(),
            ),
        }
    }
}

/// Lists of channels and checksum files are small.
const LIST_LIMIT: u64 = 8 << 20;

/// Answers `asked`: pins of `previous` that still fit stay, the rest is pinned anew.
///
/// Entries that nobody asks for are dropped, as in other lock files.
pub async fn lock(
    project: &Project,
    asked: &[(Request, &Recipe)],
    previous: &Locks,
    client: &Client,
    store: &Store,
    events: &Events,
) -> Result<Locks, ResolveError> {
    let (fitting, stale): (Vec<_>, Vec<_>) = asked.iter().partition(|(request, _)| previous.answers(request));
    let mut locks = previous.only(fitting.iter().map(|(request, _)| request));
    events.send(Event::Phase { name: "lock", total: stale.len() });
    let resolver = Resolver { project, client, store };
    for (request, recipe) in stale {
        events.send(Event::Started { node: request.id.clone(), what: String::new() });
        let bytes = match &recipe.body {
            Body::Apt(it) => {
                let closure = resolver.closure(request, recipe, it).await?;
                if let Some(before) = previous.apt.get(&request.id) {
                    check_time(request, before, &closure)?;
                }
                let bytes = u64::try_from(closure.total_size()).unwrap_or(u64::MAX);
                locks.apt.insert(request.id.clone(), closure);
                bytes
            }
            _ => {
                let entry = resolver.resolve(request, recipe).await?;
                let bytes = entry.pin.size().get();
                locks.main.insert(entry);
                bytes
            }
        };
        events.send(Event::Finished { node: request.id.clone(), how: "pinned", bytes });
    }
    Ok(locks)
}

/// Refuses a closure with an older suite than the one before.
fn check_time(request: &Request, before: &AptLock, now: &AptLock) -> Result<(), ResolveError> {
    match now.goes_backwards(before) {
        None => Ok(()),
        Some((suite, locked)) => Err(ResolveError::Backwards {
            id: request.id.clone(),
            suite: suite.name.to_string(),
            found: suite.date.to_string(),
            locked: locked.to_string(),
        }),
    }
}

struct Resolver<'a> {
    project: &'a Project,
    client: &'a Client,
    store: &'a Store,
}

impl Resolver<'_> {
    async fn resolve(&self, request: &Request, recipe: &Recipe) -> Result<Entry, ResolveError> {
        match &recipe.body {
            Body::Fetch(it) => match it.sha256 {
                Some(sha256) => {
                    let size = self.fetch(request, &it.url.value, Some(sha256)).await?.1;
                    entry(request, None, &it.url.value, sha256, size, Trust::Recipe)
                }
                None => {
                    let (sha256, size) = self.fetch(request, &it.url.value, None).await?;
                    entry(request, None, &it.url.value, sha256, size, Trust::Tofu)
                }
            },
            Body::K3s(it) => {
                let version = match &it.version {
                    K3sVersion::Exact(version) => version.value.clone(),
                    K3sVersion::Channel(channel) => {
                        self.channel(request, &it.channels, &channel.value).await?
                    }
                };
                self.k3s(request, &it.releases, &version).await
            }
            Body::Apt(_) | Body::Manifests(_) | Body::Host(_) | Body::Bundle(_) => {
                Err(ResolveError::Upstream {
                    id: request.id.clone(),
                    why: "nothing can be pinned here".to_owned(),
                })
            }
        }
    }

    /// Downloads bytes whose digest nobody published; they stay in the store for the build.
    async fn fetch(
        &self,
        request: &Request,
        url: &str,
        sha256: Option<Sha256>,
    ) -> Result<(Sha256, u64), ResolveError> {
        let output = self.fetch_from(self.client, request, url, sha256, None).await?;
        Ok((output.sha256, output.size))
    }

    /// The same over a client of one's own, and where the size is known.
    async fn fetch_from(
        &self,
        client: &Client,
        request: &Request,
        url: &str,
        sha256: Option<Sha256>,
        size: Option<u64>,
    ) -> Result<Output, ResolveError> {
        let failed = |source| ResolveError::Net { id: request.id.clone(), source };
        let there = || match sha256 {
            Some(sha256) => {
                let found = self.store.by_sha256(sha256).map_err(|error| failed(error.into()))?;
                Ok(found.map(|(blob, size)| Output { blob, sha256, size }))
            }
            None => Ok(None),
        };
        if let Some(output) = there()? {
            return Ok(output);
        }
        let key = sha256.unwrap_or_else(|| Sha256::of(url.as_bytes()));
        let expect = Expect { sha256, size, blob: None };
        let Some(partial) = client.partial(self.store, key, expect).await.map_err(failed)? else {
            return there()?.ok_or_else(|| failed(NetError::Vanished { url: url.to_owned() }));
        };
        let partial = client.download(url, size, partial, &request.id).await.map_err(failed)?;
        let hashed = partial.finish().map_err(|error| failed(error.into()))?;
        Ok(Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size })
    }

    async fn text(&self, request: &Request, url: &str) -> Result<String, ResolveError> {
        let got = self.client.get(url, LIST_LIMIT).await;
        let bytes = got.map_err(|source| ResolveError::Net { id: request.id.clone(), source })?;
        String::from_utf8(bytes).map_err(|_| wrong(request, format!("`{url}` is not text")))
    }

    /// The newest version of a channel (K3s' channel server, `{data: [{id, latest}]}`).
    async fn channel(&self, request: &Request, url: &str, channel: &str) -> Result<String, ResolveError> {
        let text = self.text(request, url).await?;
        let list: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| wrong(request, format!("`{url}` is no JSON: {error}")))?;
        let channels = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let latest = channels.iter().find(|it| it["id"] == channel).and_then(|it| it["latest"].as_str());
        match latest {
            Some(latest) if is_version(latest) => Ok(latest.to_owned()),
            Some(latest) => Err(wrong(request, format!("`{latest}` is no version of K3s"))),
            None => Err(wrong(request, format!("`{url}` has no channel `{channel}`"))),
        }
    }

    async fn k3s(&self, request: &Request, releases: &str, version: &str) -> Result<Entry, ResolveError> {
        let arch = &self.project.settings.arch;
        let output = request.id.split_once('#').map_or("", |(_, output)| output);
        let asset =
            K3S_OUTPUTS.iter().find(|(name, _)| *name == output).map(|(_, asset)| k3s_asset(asset, arch));
        let asset = asset.ok_or_else(|| wrong(request, format!("K3s has no output `{output}`")))?;
        // `+` must not reach the wire as it is: servers read it as a space.
        let base = format!("{releases}/{}", version.replace('+', "%2B"));
        let url = format!("{base}/{asset}");
        let list = format!("sha256sum-{arch}.txt");
        let list_name = Text::new(&list).map_err(|error| wrong(request, error.to_string()))?;
        let sums = self.text(request, &format!("{base}/{list}")).await?;
        let known = sums.lines().filter_map(|line| line.split_once("  ")).find(|(_, name)| *name == asset);
        let Some((hex, _)) = known else {
            let (sha256, size) = self.fetch(request, &url, None).await?;
            return entry(request, Some(version), &url, sha256, size, Trust::Tofu);
        };
        let sha256 = Sha256::from_hex(hex).map_err(|error| {
            wrong(request, format!("the line of `{asset}` in `{list}` is wrong: {error}"))
        })?;
        let size = self
            .client
            .size(&url)
            .await
            .map_err(|source| ResolveError::Net { id: request.id.clone(), source })?;
        let size = match size {
            Some(size) => size,
            None => self.fetch(request, &url, Some(sha256)).await?.1,
        };
        entry(request, Some(version), &url, sha256, size, Trust::ChecksumFile(list_name))
    }
}

/// `v1.34.9+k3s1`: what may become part of a location.
fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
    text.starts_with('v') && text.bytes().all(plain)
}

/// The entry for a file, or why the lock cannot hold it.
fn entry(
    request: &Request,
    version: Option<&str>,
    url: &str,
    sha256: Sha256,
    size: u64,
    trust: Trust,
) -> Result<Entry, ResolveError> {
    let made = (|| {
        let pin = Pin::File { url: Url::new(url)?, size: Size::new(size)?, sha256 };
        Ok::<_, gabion_lockfile::ValueError>(Entry {
            id: EntryId::new(&request.id)?,
            request: Text::new(&request.text)?,
            version: version.map(Text::new).transpose()?,
            pin,
            platform: None,
            trust,
            only: std::collections::BTreeSet::new(),
        })
    })();
    made.map_err(|error| wrong(request, error.to_string()))
}

fn wrong(request: &Request, why: String) -> ResolveError {
    ResolveError::Upstream { id: request.id.clone(), why }
}
