//! `bundle.json`: every member with its BLAKE3, and what the members are for.

use crate::mode::Mode;
use gabion_digest::{BlobId, Digest, Sha256};
use serde::{Deserialize, Serialize};

/// Members are hashed in pieces of this size, so that each can be checked before it is used.
pub const PIECE: u64 = 16 << 20;

/// A member of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Path in the tar.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the whole.
    #[serde(with = "text")]
    pub blake3: Digest,
    /// BLAKE3 of each piece of 16 MiB; empty where there is only one piece.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "texts")]
    pub pieces: Vec<Digest>,
    /// Where the bytes are; always `inline` so far.
    pub location: String,
}

impl Member {
    /// Its own name.
    pub fn blob(&self) -> BlobId {
        BlobId::new(self.blake3)
    }
}

/// Members in the order of the archive, found by path without looking at each.
///
/// Read like a slice. The paths cannot be changed from outside, so the index always fits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<Member>")]
pub struct Members {
    list: Vec<Member>,
    /// Positions in the list, in the order of the paths.
    by_path: Vec<u32>,
}

impl From<Vec<Member>> for Members {
    fn from(list: Vec<Member>) -> Self {
        let mut by_path: Vec<u32> = (0..list.len() as u32).collect();
        by_path.sort_by_key(|at| &list[*at as usize].path);
        Self { list, by_path }
    }
}

impl Serialize for Members {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}

impl std::ops::Deref for Members {
    type Target = [Member];

    fn deref(&self) -> &[Member] {
        &self.list
    }
}

impl Members {
    /// Where the member at `path` stands in the list.
    pub fn position(&self, path: &str) -> Option<usize> {
        let found = self.by_path.binary_search_by_key(&path, |at| self.list[*at as usize].path.as_str());
        Some(self.by_path[found.ok()?] as usize)
    }

    /// Sets the hashes of the pieces of the member at this place in the list.
    pub(crate) fn set_pieces(&mut self, at: usize, pieces: Vec<Digest>) {
        self.list[at].pieces = pieces;
    }
}

/// What a member is for: what an installer reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Object {
    /// A static `gabion-host` that puts this bundle on a machine which has none.
    Installer {
        /// The member.
        member: String,
    },
    /// The disk of a machine, compressed: one frame of Zstandard (`formats/disk/FORMAT.md`).
    Disk {
        /// Address of the node.
        node: String,
        /// The member.
        member: String,
        /// Bytes of the disk itself.
        size: u64,
    },
    /// A file for the host, kept under its node's name.
    File {
        /// Address of the node.
        node: String,
        /// The member.
        member: String,
    },
    /// The K3s binary.
    K3sBinary {
        /// The member.
        member: String,
        /// `v1.34.9+k3s1`.
        version: String,
    },
    /// K3s' own images, an archive as upstream made it.
    K3sImages {
        /// The member.
        member: String,
    },
    /// `config.yaml` of K3s.
    K3sConfig {
        /// The member.
        member: String,
    },
    /// What K3s must know of this machine alone: its node name.
    NodeConfig {
        /// The member.
        member: String,
    },
    /// From where the host may pull images, besides those that it has.
    Registries {
        /// What kind of host it is.
        mode: Mode,
        /// `ghcr.io`, `localhost:5000`, sorted; none stands twice.
        registries: Vec<String>,
    },
    /// A container image: its blobs are the members `content/blobs/sha256/HEX`.
    Image {
        /// Name of the node.
        name: String,
        /// What it is called: `ghcr.io/acme/api:v1`.
        reference: String,
        /// Its documents, `sha256:…`: the index that the reference leads to, where there is one, and the
        /// manifest for the bundle's platform, which comes last.
        #[serde(with = "texts")]
        documents: Vec<Sha256>,
    },
    /// What Flux reads on the host: an artifact whose blobs are the members `content/blobs/sha256/HEX`, and no image.
    Artifact {
        /// Name of the repository that it is called by.
        name: String,
        /// Its manifest.
        #[serde(with = "text")]
        manifest: Sha256,
    },
    /// A packed Helm chart that K3s serves to its own controller.
    Chart {
        /// What the file is called there; the documents of the chart name it.
        file: String,
        /// The member.
        member: String,
    },
    /// Kubernetes objects, applied in the order of the list.
    Document {
        /// Name of the node.
        name: String,
        /// The member.
        member: String,
    },
}

impl Object {
    /// The member that holds the blob of an image.
    pub fn blob_member(sha256: &Sha256) -> String {
        format!("content/blobs/sha256/{}", sha256.hex())
    }
}

/// Features that a reader must know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// A reader that does not know them works all the same.
    pub compatible: Vec<String>,
    /// A reader that does not know them must not write.
    pub read_only_compatible: Vec<String>,
    /// A reader that does not know them must refuse.
    pub incompatible: Vec<String>,
}

/// The table of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format, 1.
    pub format: u32,
    /// What a reader must know.
    pub features: Features,
    /// Name of the bundle.
    pub name: String,
    /// `linux/amd64`.
    pub platform: String,
    /// Members behind `bundle.json`, in their order.
    pub members: Members,
    /// What they are for, in install order.
    pub objects: Vec<Object>,
}

impl Manifest {
    /// The one text of this table: JSON with two spaces and a line end.
    pub fn to_text(&self) -> String {
        // Plain structs of strings and integers: writing them to a string cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads the text; `None` for anything that is not letter by letter what would be written, which
    /// also refuses repeated keys, and for anything but plain ASCII without escapes.
    pub fn parse(text: &str) -> Option<Self> {
        if !is_plain(text) {
            return None;
        }
        let manifest: Self = serde_json::from_str(text).ok()?;
        (manifest.format == 1 && manifest.to_text() == text).then_some(manifest)
    }

    /// The member at `path`.
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.members.position(path).map(|at| &self.members[at])
    }
}

/// Whether a table says nothing that a terminal would take for a command, not even behind an escape of JSON.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\n' || (matches!(byte, b' '..=b'~') && byte != b'\\'))
}

/// Digests as text: any type with one spelling.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Several of them.
mod texts {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|it| it.parse().map_err(D::Error::custom)).collect()
    }
}
