//! Where a record stands: who says in which namespace what which key gave.
//!
//! The name of a slot is known to whoever looks for it, so no remote needs to list anything, and no two
//! writers with keys of their own ever write the same slot.

use crate::CacheError;
use gabion_digest::{ActionId, RequestId, Sha256};
use gabion_keys::KeyId;
use std::fmt;
use std::str::FromStr;

/// A part of a cache with writers and readers of its own, `main` or `pr-12`.
///
/// 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, the first one a letter or a digit. It is signed with each record, so a record
/// never counts in another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace(String);

impl Namespace {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    /// `main`.
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl FromStr for Namespace {
    type Err = CacheError;

    fn from_str(text: &str) -> Result<Self, CacheError> {
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(plain)
            && text.chars().all(|it| plain(it) || matches!(it, '-' | '_' | '.'));
        if fits { Ok(Self(text.to_owned())) } else { Err(CacheError::Namespace(text.to_owned())) }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a record is about. Its text is `KIND b3:HEX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// What one request gave.
    Request(RequestId),
    /// What one action gave.
    Action(ActionId),
    /// What everything below a request gave, together.
    Closure(RequestId),
}

impl Key {
    /// `request`, `action` or `closure`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Action(_) => "action",
            Self::Closure(_) => "closure",
        }
    }

    /// The 64 lowercase hex digits of the id.
    pub fn hex(&self) -> String {
        match self {
            Self::Request(id) | Self::Closure(id) => id.hex(),
            Self::Action(id) => id.hex(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} b3:{}", self.kind(), self.hex())
    }
}

/// Who signed: the SHA-256 of the public key, which OpenSSH prints in base64 behind `SHA256:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer(pub Sha256);

impl From<KeyId> for Signer {
    fn from(key: KeyId) -> Self {
        Self(Sha256::from_bytes(*key.as_bytes()))
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        KeyId::from_bytes(*self.0.as_bytes()).fmt(f)
    }
}

/// One place for one record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// In which part of the cache.
    pub namespace: Namespace,
    /// What the record is about.
    pub key: Key,
    /// Whose record.
    pub signer: Signer,
}

impl Slot {
    /// The one path of the slot, relative and safe in a file system, a URL and an object store:
    /// `NAMESPACE/KIND/AB/KEY/SIGNER`.
    pub fn path(&self) -> String {
        let hex = self.key.hex();
        format!("{}/{}/{}/{hex}/{}", self.namespace, self.key.kind(), &hex[..2], self.signer.0.hex())
    }

    /// The slot of a path; `None` where it is not the one path of a slot.
    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let namespace = parts.next()?.parse().ok()?;
        let (kind, _, hex) = (parts.next()?, parts.next()?, parts.next()?);
        let key = format!("{kind} b3:{hex}").parse().ok()?;
        let signer = Signer(Sha256::from_hex(parts.next()?).ok()?);
        Some(Self { namespace, key, signer }).filter(|it| it.path() == path)
    }
}

impl FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, id) = text.split_once(' ').ok_or(())?;
        let request = || id.parse().map_err(|_| ());
        match kind {
            "request" => request().map(Self::Request),
            "closure" => request().map(Self::Closure),
            "action" => id.parse().map(Self::Action).map_err(|_| ()),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gabion_digest::Digest;

    #[test]
    fn a_namespace_is_never_a_path() {
        for good in ["main", "pr-12", "7.2_x"] {
            assert_eq!(good.parse::<Namespace>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "A", "-a", "a b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_part_of_a_slot_is_part_of_its_path() {
        let id = Digest::of(b"x");
        let slot = |namespace: &str, key, signer: &[u8]| Slot {
            namespace: namespace.parse().unwrap(),
            key,
            signer: Signer(Sha256::of(signer)),
        };
        let one = slot("main", Key::Request(RequestId::new(id)), b"a");
        let others = [
            slot("pr-1", one.key, b"a"),
            slot("main", Key::Closure(RequestId::new(id)), b"a"),
            slot("main", Key::Action(ActionId::new(id)), b"a"),
            slot("main", one.key, b"b"),
        ];
        assert!(others.iter().all(|other| other.path() != one.path()));
        assert_eq!(Slot::of_path(&one.path()), Some(one.clone()));
        for odd in ["/", "/..", "/../x"] {
            assert_eq!(Slot::of_path(&format!("{}{odd}", one.path())), None);
        }
        assert_eq!(Slot::of_path(&one.path().replacen('/', "//", 1)), None);
        assert_eq!(
            one.path(),
            format!("main/request/{}/{}/{}", &id.hex()[..2], id.hex(), Sha256::of(b"a").hex())
        );
    }
}
