//! Indexes and manifests (OCI image specification 1.1, `image-index.md` and `manifest.md`; Docker's image
//! manifest, version 2, schema 2).

use crate::descriptor::{DOCUMENT_LIMIT, Descriptor, check_size};
use crate::error::DocumentError;
use crate::json::{self, Json, Object};
use crate::media::{MediaType, Role};
use gabion_digest::Sha256;

/// What a registry keeps under a tag or digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Several images for several machines.
    Index(Index),
    /// One image.
    Manifest(Manifest),
}

/// Bytes as they came, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Raw {
    bytes: Vec<u8>,
    media_type: MediaType,
    digest: Sha256,
}

/// A list of manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    raw: Raw,
    manifests: Vec<Descriptor>,
}

/// A configuration and its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    raw: Raw,
    artifact_type: Option<MediaType>,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// A Helm chart that lies in a registry (Helm, "Use OCI-based registries").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chart<'a> {
    /// `Chart.yaml` as JSON.
    pub config: &'a Descriptor,
    /// The archive.
    pub chart: &'a Descriptor,
    /// The signature.
    pub provenance: Option<&'a Descriptor>,
}

macro_rules! raw_parts {
    ($name:ident) => {
        impl $name {
            /// The bytes as they came.
            pub fn bytes(&self) -> &[u8] {
                &self.raw.bytes
            }

            /// What it is.
            pub fn media_type(&self) -> &MediaType {
                &self.raw.media_type
            }

            /// The digest of its bytes.
            pub fn digest(&self) -> Sha256 {
                self.raw.digest
            }
        }
    };
}
raw_parts!(Index);
raw_parts!(Manifest);

impl Index {
    /// Its images and whatever else it names, in its order.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }
}

impl Manifest {
    /// What it is where it is no image.
    pub fn artifact_type(&self) -> Option<&MediaType> {
        self.artifact_type.as_ref()
    }

    /// The configuration.
    pub fn config(&self) -> &Descriptor {
        &self.config
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// Everything that it needs: the configuration, then the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// The Helm chart, where it is one.
    pub fn chart(&self) -> Option<Chart<'_>> {
        let of = |kind| self.layers.iter().find(|it| it.media_type.as_str() == kind);
        let config = Some(&self.config).filter(|it| it.media_type.as_str() == MediaType::HELM_CONFIG)?;
        Some(Chart { config, chart: of(MediaType::HELM_CHART)?, provenance: of(MediaType::HELM_PROVENANCE) })
    }
}

impl Document {
    /// Reads what a registry served. `media_type` is what the reply or the descriptor says that it is; it must
    /// agree with the document, or stand in for a document that does not say it.
    pub fn parse(bytes: Vec<u8>, media_type: Option<&MediaType>) -> Result<Self, DocumentError> {
        check_size("the document", bytes.len() as u64, DOCUMENT_LIMIT)?;
        let json = json::parse(&bytes)?;
        let fields = json.object("")?;
        check_schema(fields, media_type)?;
        if fields.get("manifests")?.is_some()
            && (fields.get("layers")?.is_some() || fields.get("config")?.is_some())
        {
            return Err(DocumentError::Ambiguous);
        }
        let media_type = one_type(fields, media_type)?;
        let raw = Raw { digest: Sha256::of(&bytes), bytes, media_type };
        match raw.media_type.role() {
            Role::Index => Ok(Self::Index(Index { raw, manifests: descriptors(fields, "manifests")? })),
            Role::Manifest => manifest(fields, raw).map(Self::Manifest),
            Role::FirstSchema | Role::ForeignLayer | Role::Blob => {
                Err(DocumentError::Kind { found: raw.media_type })
            }
        }
    }

    /// Reads a document whose bytes are pinned and whose reply is gone. One that does not say what it is can
    /// only be of OCI's types; what it lists tells which.
    pub fn reopen(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        check_size("the document", bytes.len() as u64, DOCUMENT_LIMIT)?;
        let json = json::parse(&bytes)?;
        let fields = json.object("")?;
        let silent = fields.text("mediaType")?.is_none();
        let kind =
            if fields.get("manifests")?.is_some() { MediaType::OCI_INDEX } else { MediaType::OCI_MANIFEST };
        let stands_in = kind.parse().ok().filter(|_| silent);
        Self::parse(bytes, stands_in.as_ref())
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Sha256 {
        match self {
            Self::Index(it) => it.digest(),
            Self::Manifest(it) => it.digest(),
        }
    }
}

fn manifest(fields: Object<'_>, raw: Raw) -> Result<Manifest, DocumentError> {
    let config = fields.get("config")?.ok_or_else(|| fields.wrong("config", "is missing"))?;
    let config = Descriptor::parse(config, "config")?;
    check_size(&config.digest.to_string(), config.size, DOCUMENT_LIMIT)?;
    let artifact_type = match fields.text("artifactType")?.filter(|text| !text.is_empty()) {
        Some(text) => Some(text.parse().map_err(|_| fields.wrong("artifactType", "is no media type"))?),
        None => None,
    };
    Ok(Manifest { raw, artifact_type, config, layers: descriptors(fields, "layers")? })
}

fn descriptors(fields: Object<'_>, key: &str) -> Result<Vec<Descriptor>, DocumentError> {
    let list = fields.list(key)?.ok_or_else(|| fields.wrong(key, "is missing"))?;
    let one = |(place, value): (usize, &Json)| Descriptor::parse(value, &format!("{key}[{place}]"));
    list.iter().enumerate().map(one).collect()
}

fn check_schema(fields: Object<'_>, media_type: Option<&MediaType>) -> Result<(), DocumentError> {
    match fields.number("schemaVersion")? {
        _ if media_type.is_some_and(|it| it.role() == Role::FirstSchema) => {
            Err(DocumentError::Schema { found: 1 })
        }
        Some(2) => Ok(()),
        Some(found) => Err(DocumentError::Schema { found }),
        None => Err(fields.wrong("schemaVersion", "is missing")),
    }
}

/// The one media type that inside and outside agree on. OCI documents may leave theirs out.
fn one_type(fields: Object<'_>, outside: Option<&MediaType>) -> Result<MediaType, DocumentError> {
    let inside = fields.text("mediaType")?;
    match (inside, outside) {
        (Some(inside), None) => inside.parse().map_err(|_| fields.wrong("mediaType", "is no media type")),
        (Some(inside), Some(outside)) if inside == outside.as_str() => Ok(outside.clone()),
        (None, Some(outside)) if outside.as_str().starts_with("application/vnd.oci.") => Ok(outside.clone()),
        (inside, outside) => Err(DocumentError::MediaType {
            inside: inside.unwrap_or("nothing").to_owned(),
            outside: outside.map_or("nothing", MediaType::as_str).to_owned(),
        }),
    }
}
