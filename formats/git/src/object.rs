//! Names and kinds of objects.

use sha1_checked::{Digest as _, Sha1};
use std::fmt;
use std::str::FromStr;

/// The name of an object: the SHA-1 of its kind, size and bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

/// Why a text names no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// A name of a repository whose objects are named by SHA-256.
    #[error("`{0}` belongs to a repository of object format `sha256`, and only `sha1` is supported")]
    Sha256(String),
    /// No name at all.
    #[error("`{0}` is not 40 lowercase hex digits")]
    Malformed(String),
}

impl ParseIdError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "E1003",
            Self::Malformed(_) => "E1001",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Sha256(_) => Some("name a mirror of the repository in object format `sha1`".to_owned()),
            Self::Malformed(_) => None,
        }
    }
}

impl ObjectId {
    /// The name with these bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for ObjectId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let hex = text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() {
            40 if hex => {}
            64 if hex => return Err(ParseIdError::Sha256(text.to_owned())),
            _ => return Err(ParseIdError::Malformed(text.chars().take(80).collect())),
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |it: u8| if it.is_ascii_digit() { it - b'0' } else { it - b'a' + 10 };
            *byte = digit(pair[0]) << 4 | digit(pair[1]);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an object is (`gitformat-pack`, "Object types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// A file, or where a symlink leads.
    Blob,
    /// An annotated tag.
    Tag,
}

impl Kind {
    /// The word that is hashed with the object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

/// The bytes were made to collide with others (<https://shattered.io>); detected as `sha1dc` does in git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collision;

/// SHA-1 that notices collision attacks.
#[derive(Debug, Default)]
pub(crate) struct Hasher(Sha1);

impl Hasher {
    /// For the name of an object: begins with its kind and size.
    pub(crate) fn object(kind: Kind, size: u64) -> Self {
        let mut hasher = Self::default();
        hasher.update(format!("{} {size}\0", kind.as_str()).as_bytes());
        hasher
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Result<ObjectId, Collision> {
        let result = self.0.try_finalize();
        if result.has_collision() {
            return Err(Collision);
        }
        Ok(ObjectId((*result.hash()).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        assert_eq!(text.parse::<ObjectId>().unwrap().to_string(), text);
        assert_eq!(Hasher::object(Kind::Tree, 0).finish().unwrap().to_string(), text);
        for bad in ["", "4b825dc", &text.to_uppercase(), &format!("{text}0"), &"é".repeat(20)] {
            assert!(matches!(bad.parse::<ObjectId>(), Err(ParseIdError::Malformed(_))), "{bad}");
        }
        let error = "0".repeat(64).parse::<ObjectId>().unwrap_err();
        assert_eq!(error.code(), "E1003");
    }

    /// The start of both published files (<https://shattered.io>), whose whole SHA-1 is one.
    const SHATTERED: &str = "\
        255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f54\
        7970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f\
        4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d312069\
        7320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe017f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b\
        8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942b\
        e33542a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1";

    #[test]
    fn a_collision_attack_is_noticed() {
        let bytes: Vec<u8> = (0..SHATTERED.len() / 2)
            .map(|at| u8::from_str_radix(&SHATTERED[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let finish = |bytes: &[u8]| {
            let mut hasher = Hasher::default();
            hasher.update(bytes);
            hasher.finish()
        };
        assert_eq!(bytes.len(), 320);
        assert_eq!(finish(&bytes), Err(Collision));
        assert!(finish(&bytes[..256]).is_ok());
    }
}
