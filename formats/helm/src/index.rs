//! `index.yaml`: what a repository of charts holds (`pkg/repo/v1/index.go` of Helm).

use crate::select::{ChooseError, Offer, choose};
use crate::{Constraint, yaml};
use gabion_digest::Sha256;
use gabion_sprig::semver::Version;
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

/// The largest index that is read, in bytes; large repositories have 25 MB.
const LIMIT: usize = 32 << 20;

/// A repository's charts at one moment.
#[derive(Debug, Clone)]
pub struct RepositoryIndex {
    /// The versions of each chart, newest first; what is no version stands last.
    entries: BTreeMap<String, Vec<IndexEntry>>,
}

/// One version of a chart, as its repository describes it. Nothing in it was checked against the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The version as it was written.
    pub version: String,
    /// The version of what the chart installs.
    pub app_version: Option<String>,
    /// Whether its maintainers advise against it.
    pub deprecated: bool,
    /// Whether it was taken back; then it is never chosen.
    pub removed: bool,
    parsed: Option<Version>,
    digest: Option<String>,
    urls: Vec<String>,
}

/// Why an index, or an entry of it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The text cannot be read.
    #[error("the index cannot be read: {why}")]
    Syntax {
        /// Why not.
        why: String,
    },
    /// The address of a chart cannot be used.
    #[error("the address `{url}` of a chart {why}")]
    Address {
        /// The address as the index has it, empty where it has none.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The digest of a chart is none.
    #[error("`{digest}` is no SHA-256 of a chart")]
    Digest {
        /// The digest as the index has it.
        digest: String,
    },
}

impl IndexError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "E0803",
            Self::Address { .. } => "E0804",
            Self::Digest { .. } => "E0805",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Syntax { .. } => {
                "look whether the URL of the repository is the folder of its `index.yaml`".to_owned()
            }
            Self::Address { .. } | Self::Digest { .. } => {
                "the repository is broken; tell its maintainers, or take another version".to_owned()
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexWire {
    api_version: Option<String>,
    entries: Option<BTreeMap<String, Option<Vec<Option<EntryWire>>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryWire {
    version: Option<String>,
    app_version: Option<String>,
    deprecated: Option<bool>,
    removed: Option<bool>,
    digest: Option<String>,
    urls: Option<Vec<String>>,
}

impl RepositoryIndex {
    /// Reads an index, YAML or JSON, of at most 32 MiB. `created` and everything else is ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let wrong = |why: String| IndexError::Syntax { why };
        // JSON is YAML, but its own reader is faster. What only looks like JSON is YAML after all.
        let json = (bytes.len() <= LIMIT && bytes.starts_with(b"{")).then(|| serde_json::from_slice(bytes));
        let wire: IndexWire = match json {
            Some(Ok(wire)) => wire,
            _ => yaml::read(bytes, LIMIT).map_err(wrong)?,
        };
        if wire.api_version.is_none_or(|it| it.is_empty()) {
            return Err(wrong("it has no `apiVersion`".to_owned()));
        }
        let mut entries = BTreeMap::new();
        for (name, versions) in wire.entries.unwrap_or_default() {
            let mut versions: Vec<_> =
                versions.unwrap_or_default().into_iter().flatten().filter_map(IndexEntry::new).collect();
            versions.sort_by(|a, b| b.parsed.cmp(&a.parsed));
            entries.insert(name, versions);
        }
        Ok(Self { entries })
    }

    /// The charts and their versions, newest first.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &[IndexEntry])> {
        self.entries.iter().map(|(name, versions)| (name.as_str(), versions.as_slice()))
    }

    /// The version of `name` that Helm takes for `wanted`: the one of that very spelling, or else the newest
    /// that fits. Unlike Helm it takes no other version where `wanted` is one whole version.
    pub fn choose(&self, name: &str, wanted: &Constraint) -> Result<&IndexEntry, ChooseError> {
        let versions = self.entries.get(name).filter(|it| !it.is_empty()).ok_or_else(|| {
            let near = |known: &&String| strsim::jaro_winkler(known, name);
            let near = self.entries.keys().max_by(|a, b| near(a).total_cmp(&near(b)));
            ChooseError::Chart { name: name.to_owned(), near: near.cloned() }
        })?;
        let offers = versions.iter().map(|entry| Offer {
            text: &entry.version,
            version: entry.parsed.as_ref(),
            removed: entry.removed,
        });
        choose(name, &offers.collect::<Vec<_>>(), wanted).map(|place| &versions[place])
    }
}

impl IndexEntry {
    /// `None` for what has no version: nobody can ask for it.
    fn new(wire: EntryWire) -> Option<Self> {
        let version = wire.version.filter(|it| !it.is_empty())?;
        Some(Self {
            parsed: version.parse().ok(),
            version,
            app_version: wire.app_version,
            deprecated: wire.deprecated.unwrap_or_default(),
            removed: wire.removed.unwrap_or_default(),
            digest: wire.digest.filter(|it| !it.is_empty()),
            urls: wire.urls.unwrap_or_default(),
        })
    }

    /// SHA-256 of the packed chart, where the repository has it; with or without `sha256:` in front.
    pub fn sha256(&self) -> Result<Option<Sha256>, IndexError> {
        let read = |text: &String| {
            let hex = text.strip_prefix("sha256:").unwrap_or(text);
            Sha256::from_hex(hex).map_err(|_| IndexError::Digest { digest: text.clone() })
        };
        self.digest.as_ref().map(read).transpose()
    }

    /// Where the packed chart lies: absolute URLs (`http`, `https`, `oci`), at least one. Relative ones are
    /// below `base`, the URL of the repository, and keep its query (`ResolveReferenceURL` of Helm).
    pub fn urls(&self, base: &str) -> Result<Vec<String>, IndexError> {
        if self.urls.is_empty() {
            return Err(IndexError::Address { url: String::new(), why: "is missing" });
        }
        self.urls.iter().map(|url| absolute(url, base)).collect()
    }
}

fn absolute(text: &str, base: &str) -> Result<String, IndexError> {
    let wrong = |why| IndexError::Address { url: text.to_owned(), why };
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let mut folder = Url::parse(base).map_err(|_| wrong("stands in a repository without a URL"))?;
            folder.set_path(&format!("{}/", folder.path().trim_end_matches('/')));
            let mut url = folder.join(text).map_err(|_| wrong("is no URL"))?;
            url.set_query(folder.query());
            url
        }
        Err(_) => return Err(wrong("is no URL")),
    };
    let known = matches!(url.scheme(), "http" | "https" | "oci");
    known.then(|| url.to_string()).ok_or_else(|| wrong("is not `http`, `https` or `oci`"))
}
