//! `[cache]`: which caches are asked, who signs for them, and whose records count.

use super::{ConfigError, OneOrMany};
use gabion_cache::{CacheError, Namespace, Signer, Trust};
use gabion_keys::KeyId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Caches, and how they are used. None of it comes from a recipe.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    /// Their addresses, asked in order.
    pub urls: Vec<String>,
    /// Whether what is made here is put there.
    pub push: bool,
    /// Where it is put.
    pub namespace: Namespace,
    /// The key that records are signed with; what it signed counts in that namespace.
    pub key: Option<PathBuf>,
    /// Whose records count besides.
    pub trust: Trust,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CacheWire {
    url: Option<OneOrMany>,
    #[serde(default)]
    push: bool,
    namespace: Option<String>,
    key: Option<PathBuf>,
    #[serde(default)]
    quorum: usize,
    /// Lines of public keys by namespace.
    #[serde(default)]
    trust: BTreeMap<String, Vec<String>>,
}

impl Cache {
    /// Records of the key with this public line count in the own namespace.
    pub fn trust_own(&mut self, line: &str) -> Result<(), CacheError> {
        let key = KeyId::of_line(line).ok_or_else(|| CacheError::Key(line.to_owned()))?;
        self.trust.add(Signer::from(key), self.namespace.clone());
        Ok(())
    }

    /// What the file and the environment say; `GABION_CACHE` has addresses between spaces.
    pub(super) fn of(
        wire: CacheWire,
        variable: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let mut trust = Trust::new(wire.quorum);
        for (namespace, lines) in wire.trust {
            let namespace: Namespace = namespace.parse()?;
            for line in lines {
                let key = KeyId::of_line(&line).ok_or(CacheError::Key(line))?;
                trust.add(Signer::from(key), namespace.clone());
            }
        }
        let named = variable("GABION_CACHE").map(|it| it.to_string_lossy().into_owned());
        let urls = match (named, wire.url) {
            (Some(named), _) => named.split_whitespace().map(str::to_owned).collect(),
            (None, Some(OneOrMany::One(url))) => vec![url],
            (None, Some(OneOrMany::Many(urls))) => urls,
            (None, None) => Vec::new(),
        };
        let namespace = wire.namespace.map(|it| it.parse()).transpose()?.unwrap_or_default();
        let key = variable("GABION_CACHE_KEY").or(wire.key);
        Ok(Self { urls, push: wire.push, namespace, key, trust })
    }
}
