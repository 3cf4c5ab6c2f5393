//! The trust root: whose signatures count, and how many of them are needed.

use crate::BundleError;
use crate::slot::Slot;
use serde::{Deserialize, Serialize};
use ssh_key::{HashAlg, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

/// A key that the root names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub public: String,
    /// A revoked key counts for nothing, whenever it signed: a signature alone carries no time that
    /// its own key could not lie about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

/// Keys by fingerprint, and how many of them must sign a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRoot {
    /// Grows with every change of the root.
    pub version: u32,
    /// Signatures that a release needs.
    pub threshold: usize,
    /// Keys that may sign releases, by `SHA256:…`.
    pub keys: BTreeMap<String, TrustedKey>,
}

impl TrustRoot {
    /// The root that names one key.
    pub fn single(public_line: &str) -> Result<Self, BundleError> {
        let key = public(public_line)?;
        let named = TrustedKey { public: bare(&key)?, revoked: false };
        Ok(Self { version: 1, threshold: 1, keys: [(fingerprint(&key), named)].into() })
    }

    /// Reads `root.json`. Every key must be an Ed25519 key under its own fingerprint, and there must be
    /// enough of them.
    pub fn parse(text: &str) -> Result<Self, BundleError> {
        let root: Self = serde_json::from_str(text).map_err(|error| BundleError::Root(error.to_string()))?;
        for (name, key) in &root.keys {
            let key = public(&key.public)?;
            if fingerprint(&key) != *name {
                return Err(BundleError::Root(format!(
                    "the key `{name}` has the fingerprint `{}`",
                    fingerprint(&key)
                )));
            }
        }
        let usable = root.keys.values().filter(|key| !key.revoked).count();
        if root.threshold == 0 || root.threshold > usable {
            return Err(BundleError::Root(format!("{} signatures of {usable} keys", root.threshold)));
        }
        Ok(root)
    }

    /// The text of `root.json`.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// `allowed_signers` for `ssh-keygen -Y verify -I release` (ssh-keygen(1), "ALLOWED SIGNERS").
    pub fn allowed_signers(&self) -> String {
        let mut text = String::new();
        for key in self.keys.values().filter(|key| !key.revoked) {
            text.extend(["release namespaces=\"", crate::NAMESPACE, "\" ", &key.public, "\n"]);
        }
        text
    }

    /// Whether enough distinct trusted keys signed. The signatures were checked before.
    pub(crate) fn accept(&self, slot: &Slot) -> Result<Vec<String>, BundleError> {
        if slot.signatures().is_empty() {
            return Err(BundleError::Unsigned);
        }
        let signers: BTreeSet<String> = slot
            .signatures()
            .iter()
            .map(|it| it.public_key().fingerprint(HashAlg::Sha256).to_string())
            .collect();
        let counts = |name: &String| self.keys.get(name).is_some_and(|key| !key.revoked);
        let (trusted, others): (Vec<String>, Vec<String>) = signers.into_iter().partition(counts);
        if trusted.len() < self.threshold {
            return Err(BundleError::Untrusted { found: trusted.len(), needed: self.threshold, others });
        }
        Ok(trusted)
    }
}

fn public(line: &str) -> Result<PublicKey, BundleError> {
    let key = PublicKey::from_openssh(line).map_err(|error| BundleError::Root(error.to_string()))?;
    if key.algorithm().is_ed25519() {
        Ok(key)
    } else {
        Err(BundleError::Root("a key is not Ed25519".to_owned()))
    }
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn bare(key: &PublicKey) -> Result<String, BundleError> {
    let plain = PublicKey::from(key.key_data().clone());
    plain.to_openssh().map_err(|error| BundleError::Root(error.to_string()))
}
