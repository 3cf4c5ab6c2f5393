//! The trust root: whose signatures count, for what, how many of them are needed, and when.

use crate::BundleError;
use crate::role::Role;
use crate::time::Time;
use crate::unique::{unique_map, unique_set};
use serde::{Deserialize, Serialize};
use ssh_key::{HashAlg, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a key was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Revoked {
    /// It was, or it was not.
    Flag(bool),
    /// It was, and since when. The date is for people: a revoked key counts for nothing, whenever it
    /// signed.
    Since(Time),
}

impl Revoked {
    /// Whether it was.
    pub fn is_revoked(self) -> bool {
        self != Self::NO
    }

    const NO: Self = Self::Flag(false);

    fn no() -> Self {
        Self::NO
    }

    // serde hands a reference.
    fn is_no(this: &Self) -> bool {
        *this == Self::NO
    }
}

/// A key that the root names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// `ssh-ed25519 AAAA…`.
    pub public: String,
    /// The first moment at which it counts; always unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The last moment at which it counts; forever unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Whether it was withdrawn.
    #[serde(default = "Revoked::no", skip_serializing_if = "Revoked::is_no")]
    pub revoked: Revoked,
}

/// Who may do something, and how many of them must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorum {
    /// Distinct keys that must sign.
    pub threshold: usize,
    /// Fingerprints of the keys that may.
    #[serde(deserialize_with = "unique_set")]
    pub keys: BTreeSet<String>,
}

/// Keys by fingerprint, and who of them may do what.
///
/// A root with the role `promotion` asks for a promotion wherever a bundle is installed; a root without
/// it knows no promotions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRoot {
    /// Grows by one with every change of the root.
    pub version: u32,
    /// Keys by `SHA256:…`.
    #[serde(deserialize_with = "unique_map")]
    pub keys: BTreeMap<String, TrustedKey>,
    /// `root` and `release`, and perhaps `promotion`.
    #[serde(deserialize_with = "unique_map")]
    pub roles: BTreeMap<Role, Quorum>,
}

/// How a key stands for a role at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Good,
    /// The root does not know it.
    Unknown,
    /// The root knows it, but not for this role.
    OtherRole,
    /// It was withdrawn.
    Revoked(Revoked),
    /// It does not count yet.
    Early(Time),
    /// It no longer counts.
    Expired(Time),
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Unknown => f.write_str("not in the trust root"),
            Self::OtherRole => f.write_str("not named for this role"),
            Self::Revoked(Revoked::Since(time)) => write!(f, "revoked since {time}"),
            Self::Revoked(_) => f.write_str("revoked"),
            Self::Early(time) => write!(f, "not valid before {time}"),
            Self::Expired(time) => write!(f, "expired after {time}"),
        }
    }
}

impl TrustRoot {
    /// The root that names one key, for roots and releases; it asks for no promotions.
    pub fn single(public_line: &str) -> Result<Self, BundleError> {
        let key = public(public_line)?;
        let name = fingerprint(&key);
        let public = PublicKey::from(key.key_data().clone());
        let public = public.to_openssh().map_err(|error| BundleError::Root(error.to_string()))?;
        let named = TrustedKey { public, not_before: None, not_after: None, revoked: Revoked::NO };
        let quorum = Quorum { threshold: 1, keys: [name.clone()].into() };
        let roles = [(Role::Root, quorum.clone()), (Role::Release, quorum)];
        Ok(Self { version: 1, keys: [(name, named)].into(), roles: roles.into() })
    }

    /// Reads `root.json`. Every key must be an Ed25519 key under its own fingerprint, and every role must
    /// have enough of them.
    pub fn parse(text: &str) -> Result<Self, BundleError> {
        let root: Self = serde_json::from_str(text).map_err(|error| BundleError::Root(error.to_string()))?;
        if root.version == 0 {
            return Err(BundleError::Root("versions begin with 1".to_owned()));
        }
        for (name, key) in &root.keys {
            check_key(name, key)?;
        }
        for role in [Role::Root, Role::Release, Role::Promotion] {
            root.check_role(role)?;
        }
        Ok(root)
    }

    fn check_role(&self, role: Role) -> Result<(), BundleError> {
        let wrong = |what: String| Err(BundleError::Root(format!("role `{}`: {what}", role.name())));
        let Some(quorum) = self.roles.get(&role) else {
            return if role == Role::Promotion { Ok(()) } else { wrong("it is missing".to_owned()) };
        };
        if let Some(name) = quorum.keys.iter().find(|name| !self.keys.contains_key(*name)) {
            return wrong(format!("there is no key `{name}`"));
        }
        let usable = quorum
            .keys
            .iter()
            .filter_map(|name| self.keys.get(name))
            .filter(|key| !key.revoked.is_revoked())
            .count();
        if quorum.threshold == 0 || quorum.threshold > usable {
            return wrong(format!("{} signatures of {usable} keys", quorum.threshold));
        }
        Ok(())
    }

    /// The text of `root.json`.
    pub fn to_text(&self) -> String {
        // Plain structs of strings and integers: writing them to a string cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Whether bundles need a promotion.
    pub fn asks_for_promotion(&self) -> bool {
        self.roles.contains_key(&Role::Promotion)
    }

    /// `allowed_signers` for `ssh-keygen -Y verify -I ROLE` (ssh-keygen(1), "ALLOWED SIGNERS"). It knows
    /// no thresholds: every key has its own line.
    pub fn allowed_signers(&self) -> String {
        let mut text = String::new();
        for (role, quorum) in &self.roles {
            for key in quorum
                .keys
                .iter()
                .filter_map(|name| self.keys.get(name))
                .filter(|it| !it.revoked.is_revoked())
            {
                text.extend([role.name(), " namespaces=\"", role.namespace(), "\""]);
                for (option, time) in [("valid-after", key.not_before), ("valid-before", key.not_after)] {
                    if let Some(time) = time {
                        text.extend([",", option, "=\"", &time.compact(), "\""]);
                    }
                }
                text.extend([" ", &key.public, "\n"]);
            }
        }
        text
    }

    /// How the key `name` stands for `role` at the moment `at`.
    pub fn standing(&self, role: Role, name: &str, at: Time) -> Standing {
        let Some(key) = self.keys.get(name) else { return Standing::Unknown };
        if !self.roles.get(&role).is_some_and(|quorum| quorum.keys.contains(name)) {
            return Standing::OtherRole;
        }
        match (key.not_before, key.not_after) {
            _ if key.revoked.is_revoked() => Standing::Revoked(key.revoked),
            (Some(first), _) if at < first => Standing::Early(first),
            (_, Some(last)) if at > last => Standing::Expired(last),
            _ => Standing::Good,
        }
    }

    /// Refuses to sign with a key whose signature would not count at the moment `now`.
    pub fn may_sign(&self, role: Role, name: &str, now: Time) -> Result<(), BundleError> {
        match self.standing(role, name, now) {
            Standing::Good => Ok(()),
            standing => Err(BundleError::KeyRefused { key: name.to_owned(), role, standing }),
        }
    }

    /// The keys of `signers` that count for `role`, if they are enough: those for which `counts` holds.
    /// The signatures were checked before.
    pub(crate) fn accept(
        &self,
        role: Role,
        signers: &BTreeSet<String>,
        counts: impl Fn(&str) -> Standing,
    ) -> Result<Vec<String>, BundleError> {
        let (mut trusted, mut others) = (Vec::new(), Vec::new());
        for name in signers {
            match counts(name) {
                Standing::Good => trusted.push(name.clone()),
                standing => others.push((name.clone(), standing)),
            }
        }
        let needed = self.roles.get(&role).map_or(usize::MAX, |quorum| quorum.threshold);
        if trusted.len() < needed {
            return Err(BundleError::Untrusted { role, found: trusted.len(), needed, others });
        }
        Ok(trusted)
    }
}

fn check_key(name: &str, key: &TrustedKey) -> Result<(), BundleError> {
    let public = public(&key.public)?;
    if fingerprint(&public) != name {
        let what = format!("the key `{name}` has the fingerprint `{}`", fingerprint(&public));
        return Err(BundleError::Root(what));
    }
    if key.not_before.zip(key.not_after).is_some_and(|(first, last)| first > last) {
        return Err(BundleError::Root(format!("the key `{name}` is never valid")));
    }
    Ok(())
}

/// An Ed25519 key that is no point of small order: such a key has signatures that fit everything.
fn public(line: &str) -> Result<PublicKey, BundleError> {
    let key = PublicKey::from_openssh(line).map_err(|error| BundleError::Root(error.to_string()))?;
    let point = key.key_data().ed25519().map(|it| ed25519_dalek::VerifyingKey::from_bytes(it.as_ref()));
    match point {
        Some(Ok(point)) if !point.is_weak() => Ok(key),
        Some(_) => Err(BundleError::Root("a key is not a key that can sign".to_owned())),
        None => Err(BundleError::Root("a key is not Ed25519".to_owned())),
    }
}

fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}
