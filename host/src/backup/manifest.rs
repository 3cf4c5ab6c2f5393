//! `backup.json`: what a backup holds.

use super::error::BackupError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const FORMAT: &str = "FORMAT";
pub(super) const FORMAT_TEXT: &str = "gabion-backup 1\n";
pub(super) const MANIFEST: &str = "backup.json";
pub(super) const PREFIX: &str = "root/";
/// About 300 000 files.
pub(super) const LIMIT: u64 = 64 << 20;

/// What is saved, and restored, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Snapshots of etcd.
    Snapshots,
    /// K3s' server token, without which no snapshot is of use on another host.
    Token,
    /// The password that a node proves itself with.
    NodePassword,
    /// Values, and what opens sidecars.
    Secrets,
    /// What the host is known by: its keys of ssh, its machine id.
    Identity,
    /// The lowest serials that the host takes.
    Trust,
    /// Volumes of local-path.
    Volumes,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Snapshots,
        Self::Token,
        Self::NodePassword,
        Self::Secrets,
        Self::Identity,
        Self::Trust,
        Self::Volumes,
    ];

    /// Where it lies: a folder, or a file. Sources: docs.k3s.io, "Backup and Restore", "Architecture", "Volumes and
    /// Storage".
    pub const fn place(self) -> &'static str {
        match self {
            Self::Snapshots => "var/lib/rancher/k3s/server/db/snapshots",
            Self::Token => "var/lib/rancher/k3s/server/token",
            Self::NodePassword => "etc/rancher/node/password",
            Self::Secrets => "var/lib/gabion/secrets",
            Self::Identity => "state/identity",
            Self::Trust => "var/lib/gabion/trust",
            Self::Volumes => "var/lib/rancher/k3s/storage",
        }
    }

    /// Its word on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshots",
            Self::Token => "token",
            Self::NodePassword => "node-password",
            Self::Secrets => "secrets",
            Self::Identity => "identity",
            Self::Trust => "trust",
            Self::Volumes => "volumes",
        }
    }

    /// The part that a path belongs to; `None` for one that no backup holds.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| {
            let rest = path.strip_prefix(part.place());
            rest.is_some_and(|it| it.is_empty() || (it.starts_with('/') && !part.is_file()))
        })
    }

    const fn is_file(self) -> bool {
        matches!(self, Self::Token | Self::NodePassword)
    }
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Their BLAKE3, in hex.
        blake3: String,
    },
    /// A folder.
    Folder,
    /// A symlink to this target.
    Link(String),
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path in the root.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Number of its user.
    pub user: u32,
    /// Number of its group.
    pub group: u32,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format, 1.
    pub format: u32,
    /// Digest of the bundle in force, `sha256:…`, where there is one.
    pub bundle: Option<String>,
    /// The images that it needs, as `name@sha256:…`.
    pub images: Vec<String>,
    /// Everything, in the order of the archive.
    pub entries: Vec<Entry>,
}

/// What a backup holds, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// BLAKE3 of the manifest: the name of this backup.
    pub id: String,
    /// Digest of the bundle that was in force.
    pub bundle: Option<String>,
    /// The images that it needs.
    pub images: Vec<String>,
    /// Files of each part.
    pub files: BTreeMap<Part, u64>,
    /// Bytes of each part.
    pub bytes: BTreeMap<Part, u64>,
    /// What was passed over: sockets, pipes and devices.
    pub skipped: Vec<String>,
}

impl Manifest {
    /// The one text.
    pub(super) fn to_text(&self) -> Result<String, BackupError> {
        // Plain structs of strings and integers: writing them to a string cannot fail.
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        if text.len() as u64 > LIMIT { Err(BackupError::TooMany) } else { Ok(text) }
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, BackupError> {
        let wrong = |error: serde_json::Error| BackupError::Damaged(format!("its manifest: {error}"));
        let manifest: Self = serde_json::from_slice(text).map_err(wrong)?;
        match manifest.format {
            1 => Ok(manifest),
            other => Err(BackupError::Damaged(format!("its format is {other}, and this version reads 1"))),
        }
    }

    pub(super) fn summary(&self, text: &[u8]) -> Summary {
        let mut summary = Summary {
            id: blake3::hash(text).to_hex().to_string(),
            bundle: self.bundle.clone(),
            images: self.images.clone(),
            files: BTreeMap::new(),
            bytes: BTreeMap::new(),
            skipped: Vec::new(),
        };
        for entry in &self.entries {
            let (Kind::File { size, .. }, Some(part)) = (&entry.kind, Part::of(&entry.path)) else {
                continue;
            };
            *summary.files.entry(part).or_default() += 1;
            *summary.bytes.entry(part).or_default() += size;
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_one_part_or_to_no_backup() {
        for (path, part) in [
            ("var/lib/rancher/k3s/server/token", Some(Part::Token)),
            ("var/lib/rancher/k3s/server/token/a", None),
            ("var/lib/rancher/k3s/server/token2", None),
            ("var/lib/rancher/k3s/storage", Some(Part::Volumes)),
            ("var/lib/rancher/k3s/storage/pvc/a", Some(Part::Volumes)),
            ("var/lib/rancher/k3s/server/manifests/a.yaml", None),
            ("etc/shadow", None),
            ("", None),
        ] {
            assert_eq!(Part::of(path), part, "{path}");
        }
    }
}
