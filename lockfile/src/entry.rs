//! One entry of the lock: what was asked for, and the bytes that answer it.

use crate::{Attached, CommitId, EntryId, Overlay, Platform, Reference, Size, Text, Trust, Url};
use gabion_digest::Sha256;
use std::collections::BTreeSet;

/// One artifact, pinned.
///
/// Every field has a type whose values are valid, and no rule spans two fields, so that every entry that
/// can be built can also be written and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The address; unique in a lock.
    pub id: EntryId,
    /// What the recipe asked for, normalised by `resolve`. Another request makes the entry stale.
    pub request: Text,
    /// What the author calls the chosen artifact: `v1.21.1`. Absent where there is no such name.
    pub version: Option<Text>,
    /// The bytes.
    pub pin: Pin,
    /// The platform the artifact runs on; absent when it fits all.
    pub platform: Option<Platform>,
    /// Why the digest is believed.
    pub trust: Trust,
    /// The overlays that need this entry; empty when all do.
    pub only: BTreeSet<Overlay>,
}

/// The bytes of an entry, by the digests that their upstream knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// One file behind a URL.
    File {
        /// Where its author publishes it.
        url: Url,
        /// Bytes of the file.
        size: Size,
        /// Digest of the file.
        sha256: Sha256,
    },
    /// An image for one platform in a registry.
    Image {
        /// What it is called there, as asked for.
        reference: Reference,
        /// Digest of the index as served; absent when the reference names a single manifest.
        index: Option<Sha256>,
        /// Digest of the manifest of the platform. It pins configuration and layers.
        manifest: Sha256,
        /// Bytes of configuration and layers together.
        size: Size,
        /// Signatures and attestations that hung on it when it was pinned.
        attached: BTreeSet<Attached>,
    },
    /// A Helm chart.
    Chart {
        /// Where it comes from.
        source: ChartSource,
        /// Bytes of the packed chart (.tgz).
        size: Size,
        /// Digest of the packed chart.
        sha256: Sha256,
        /// Reserved; never written. Found images have entries of their own.
        images: BTreeSet<Reference>,
    },
    /// A tree of a git repository.
    Git {
        /// The repository.
        url: Url,
        /// The commit.
        commit: CommitId,
        /// Bytes of the canonical archive of the tree.
        size: Size,
        /// Digest of that archive.
        sha256: Sha256,
    },
}

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// A packed chart behind a URL, found in the index of an HTTP repository.
    Http(Url),
    /// A packed chart in a registry.
    Oci {
        /// What it is called there.
        reference: Reference,
        /// Digest of its manifest.
        manifest: Sha256,
    },
}

impl Pin {
    /// The word for this kind of pin in the lock.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Image { .. } => "image",
            Self::Chart { .. } => "chart",
            Self::Git { .. } => "git",
        }
    }

    /// How many bytes the artifact has.
    pub fn size(&self) -> Size {
        match self {
            Self::File { size, .. }
            | Self::Image { size, .. }
            | Self::Chart { size, .. }
            | Self::Git { size, .. } => *size,
        }
    }
}

/// A field of an entry as the lock shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    Text(String),
    Number(u64),
    List(Vec<String>),
}

impl Entry {
    /// Every field that is present, in canonical order.
    pub(crate) fn shown(&self) -> Vec<(&'static str, Shown)> {
        let mut fields =
            vec![text("id", &self.id), text("kind", self.pin.kind()), text("request", &self.request)];
        fields.extend(self.version.as_ref().map(|it| text("version", it)));
        self.pin.show(&mut fields);
        fields.extend(self.platform.as_ref().map(|it| text("platform", it)));
        fields.push(text("trust", &self.trust));
        if !self.only.is_empty() {
            fields.push(list("only", &self.only));
        }
        if let Pin::Chart { images, .. } = &self.pin
            && !images.is_empty()
        {
            fields.push(list("images", images));
        }
        if let Pin::Image { attached, .. } = &self.pin
            && !attached.is_empty()
        {
            fields.push(list("attached", attached));
        }
        fields
    }
}

impl Pin {
    fn show(&self, fields: &mut Vec<(&'static str, Shown)>) {
        let tail =
            |size: &Size, sha256: &Sha256| [("size", Shown::Number(size.get())), text("sha256", sha256)];
        match self {
            Self::File { url, size, sha256 } => {
                fields.push(text("url", url));
                fields.extend(tail(size, sha256));
            }
            Self::Image { reference, index, manifest, size, .. } => {
                fields.push(text("reference", reference));
                fields.extend(index.as_ref().map(|it| text("index", it)));
                fields.extend([text("manifest", manifest), ("size", Shown::Number(size.get()))]);
            }
            Self::Chart { source, size, sha256, .. } => {
                match source {
                    ChartSource::Http(url) => fields.push(text("url", url)),
                    ChartSource::Oci { reference, manifest } => {
                        fields.extend([text("reference", reference), text("manifest", manifest)]);
                    }
                }
                fields.extend(tail(size, sha256));
            }
            Self::Git { url, commit, size, sha256 } => {
                fields.extend([text("url", url), text("commit", commit)]);
                fields.extend(tail(size, sha256));
            }
        }
    }
}

fn text(name: &'static str, value: &(impl ToString + ?Sized)) -> (&'static str, Shown) {
    (name, Shown::Text(value.to_string()))
}

fn list(name: &'static str, values: &BTreeSet<impl ToString>) -> (&'static str, Shown) {
    (name, Shown::List(values.iter().map(ToString::to_string).collect()))
}
