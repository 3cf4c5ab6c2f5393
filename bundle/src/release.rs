//! `RELEASE`: the text that is signed, and that `sha256sum -c` reads.

use crate::header::is_member_path;
use gabion_digest::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The first member of a bundle: who it is, and the SHA-256 of every other member.
///
/// Its bytes are ASCII with `\n` line ends: four header lines in fixed order, then one line per member,
/// sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Name of the bundle.
    pub name: String,
    /// `linux/amd64`.
    pub platform: String,
    /// BLAKE3 of `bundle.json`.
    pub manifest: Digest,
    /// SHA-256 by path, of every member but `RELEASE` and `RELEASE.sig`.
    pub members: BTreeMap<String, Sha256>,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# gabion-release v1\n# name: {}\n# platform: {}", self.name, self.platform)?;
        writeln!(f, "# bundle: blake3:{}", self.manifest.hex())?;
        self.members.iter().try_for_each(|(path, sha256)| writeln!(f, "{}  {path}", sha256.hex()))
    }
}

impl Release {
    /// The bundle's digest.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.to_string().as_bytes())
    }

    /// A path that file systems without case take for the one of another member; paths are ASCII, so nothing else is
    /// folded.
    pub(crate) fn collision(&self) -> Option<&str> {
        let mut folded = BTreeSet::new();
        let mut mixed = self.members.keys().filter(|it| it.bytes().any(|it| it.is_ascii_uppercase()));
        let twice = |it: &&String| {
            let lower = it.to_ascii_lowercase();
            self.members.contains_key(&lower) || !folded.insert(lower)
        };
        mixed.find(twice).map(String::as_str)
    }

    /// Reads the text; `None` for anything that is not letter by letter what would be written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != "# gabion-release v1" {
            return None;
        }
        let name = lines.next()?.strip_prefix("# name: ")?.to_owned();
        let platform = lines.next()?.strip_prefix("# platform: ")?.to_owned();
        let manifest = Digest::from_hex(lines.next()?.strip_prefix("# bundle: blake3:")?).ok()?;
        let mut members = BTreeMap::new();
        for line in lines {
            let (hex, path) = line.split_once("  ")?;
            if !is_member_path(path) {
                return None;
            }
            members.insert(path.to_owned(), Sha256::from_hex(hex).ok()?);
        }
        let release = Self { name, platform, manifest, members };
        (is_name(&release.name) && is_platform(&release.platform) && release.to_string() == text)
            .then_some(release)
    }
}

/// Whether `name` can name a bundle: a word as recipes allow it (RFC 1123, a label).
pub(crate) fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether `platform` is `os/arch` or `os/arch/variant` (OCI image specification, "Platform").
pub(crate) fn is_platform(platform: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    platform.len() <= 64 && (2..=3).contains(&platform.split('/').count()) && platform.split('/').all(word)
}
