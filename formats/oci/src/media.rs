//! Media types of images and artifacts (OCI image specification 1.1 `media-types.md`; Docker's image
//! manifest, version 2, schema 2).

use std::fmt;
use std::str::FromStr;

/// A media type, in lowercase and without parameters (RFC 6838 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(String);

/// What a document or blob is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A list of manifests.
    Index,
    /// A configuration and its layers.
    Manifest,
    /// A manifest of Docker's first schema.
    FirstSchema,
    /// A layer whose bytes may not be passed on.
    ForeignLayer,
    /// A blob.
    Blob,
}

impl MediaType {
    /// OCI image index.
    pub const OCI_INDEX: &'static str = "application/vnd.oci.image.index.v1+json";
    /// OCI image manifest.
    pub const OCI_MANIFEST: &'static str = "application/vnd.oci.image.manifest.v1+json";
    /// Docker's manifest list.
    pub const DOCKER_INDEX: &'static str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker's manifest, schema 2.
    pub const DOCKER_MANIFEST: &'static str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Configuration of a Helm chart.
    pub const HELM_CONFIG: &'static str = "application/vnd.cncf.helm.config.v1+json";
    /// Archive of a Helm chart.
    pub const HELM_CHART: &'static str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    /// Provenance of a Helm chart.
    pub const HELM_PROVENANCE: &'static str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
    /// Configuration of what Flux reads (fluxcd/pkg, `oci/oci.go`).
    pub const FLUX_CONFIG: &'static str = "application/vnd.cncf.flux.config.v1+json";
    /// Files that Flux reads.
    pub const FLUX_CONTENT: &'static str = "application/vnd.cncf.flux.content.v1.tar+gzip";
    /// What a registry is asked for.
    pub const DOCUMENTS: [&'static str; 4] =
        [Self::OCI_INDEX, Self::OCI_MANIFEST, Self::DOCKER_INDEX, Self::DOCKER_MANIFEST];

    /// Reads a `Content-Type` header (RFC 9110 §8.3); `None` where it is none.
    pub fn from_content_type(value: &str) -> Option<Self> {
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().parse().ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        match self.as_str() {
            Self::OCI_INDEX | Self::DOCKER_INDEX => Role::Index,
            Self::OCI_MANIFEST | Self::DOCKER_MANIFEST => Role::Manifest,
            "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws" => Role::FirstSchema,
            text if text.starts_with("application/vnd.oci.image.layer.nondistributable.")
                || text.starts_with("application/vnd.docker.image.rootfs.foreign.") =>
            {
                Role::ForeignLayer
            }
            _ => Role::Blob,
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a media type is like `application/json`, in lowercase")]
pub struct ParseMediaTypeError;

impl FromStr for MediaType {
    type Err = ParseMediaTypeError;

    fn from_str(text: &str) -> Result<Self, ParseMediaTypeError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let part = |part: &str| {
            (1..=127).contains(&part.len())
                && part.starts_with(|it: char| it.is_ascii_alphanumeric())
                && part.bytes().all(|byte| plain(byte) || b"!#$&-^_.+".contains(&byte))
        };
        let right = text.split_once('/').is_some_and(|(kind, name)| part(kind) && part(name));
        right.then(|| Self(text.to_owned())).ok_or(ParseMediaTypeError)
    }
}
