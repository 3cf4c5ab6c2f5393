//! Provenance files, `.prov`: who packed a chart (`pkg/provenance/sign.go` of Helm).

use crate::meta::{ChartMeta, MetaError};
use crate::yaml;
use gabion_digest::Sha256;
use gabion_openpgp::{Keyring, SignatureError, Signers, verify_clearsigned};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest list of files that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// What a signer says of a packed chart. It exists only where the signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    meta: ChartMeta,
    files: BTreeMap<String, String>,
    signers: Vec<String>,
}

/// Why a chart's provenance does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// The signature does not count.
    #[error("the provenance is not to be trusted")]
    Signature(#[from] SignatureError),
    /// What was signed is no provenance.
    #[error("the provenance cannot be read: {why}")]
    Syntax {
        /// What is wrong.
        why: String,
    },
    /// The chart that the provenance tells of cannot be used.
    #[error("the provenance tells of no chart")]
    Meta(#[from] MetaError),
    /// The provenance is that of something else.
    #[error("the provenance does not name the file `{file}`")]
    NotNamed {
        /// The packed chart.
        file: String,
        /// The files that it names.
        named: Vec<String>,
    },
    /// The packed chart is another one.
    #[error("`{file}` has another digest than its provenance says")]
    Digest {
        /// The packed chart.
        file: String,
        /// What was signed.
        signed: String,
        /// What is there.
        found: Sha256,
    },
    /// The packed chart says something else of itself.
    #[error("the provenance is that of `{signed}`, and the chart is `{found}`")]
    Chart {
        /// What was signed.
        signed: String,
        /// What is there.
        found: String,
    },
}

impl ProvenanceError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(error) => error.code(),
            Self::Syntax { .. } => "E0816",
            Self::Meta(error) => error.code(),
            Self::NotNamed { .. } => "E0817",
            Self::Digest { .. } => "E0818",
            Self::Chart { .. } => "E0819",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Signature(error) => error.help(),
            Self::Meta(error) => error.help(),
            Self::Syntax { .. } => Some("sign the chart with `helm package --sign`".to_owned()),
            Self::NotNamed { named, .. } => Some(format!("it names `{}`", named.join("`, `"))),
            Self::Digest { signed, found, .. } => {
                Some(format!("signed {signed}\nfound {found}\nthe chart was changed after it was signed"))
            }
            Self::Chart { .. } => Some("the chart was changed after it was signed".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct SumsWire {
    files: Option<BTreeMap<String, String>>,
}

impl Provenance {
    /// Reads a `.prov` that was signed by those who had to.
    pub fn verify(prov: &[u8], keys: &Keyring, by: &Signers<'_>) -> Result<Self, ProvenanceError> {
        let mut bytes = prov.to_vec();
        // Helm writes no line end behind the last line.
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let signed = verify_clearsigned(&bytes, keys, by)?;
        let syntax = |why: String| ProvenanceError::Syntax { why };
        let mut parts = signed.text.split("\n...\n");
        let (Some(chart), Some(sums), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(syntax("it is not a `Chart.yaml`, the line `...` and a list of files".to_owned()));
        };
        let sums: SumsWire = yaml::read(sums.as_bytes(), LIMIT).map_err(syntax)?;
        let meta = ChartMeta::parse(chart.as_bytes(), None)?;
        Ok(Self { meta, files: sums.files.unwrap_or_default(), signers: signed.signers })
    }

    /// Whether this is the provenance of the packed chart called `file` (`web-1.2.3.tgz`) with this digest,
    /// which says `meta` of itself.
    pub fn covers(&self, file: &str, sha256: Sha256, meta: &ChartMeta) -> Result<(), ProvenanceError> {
        let signed = self.files.get(file).ok_or_else(|| ProvenanceError::NotNamed {
            file: file.to_owned(),
            named: self.files.keys().cloned().collect(),
        })?;
        if *signed != sha256.to_string() {
            return Err(ProvenanceError::Digest {
                file: file.to_owned(),
                signed: signed.clone(),
                found: sha256,
            });
        }
        let (signed, found) = (self.meta.file_name(), meta.file_name());
        if signed == found { Ok(()) } else { Err(ProvenanceError::Chart { signed, found }) }
    }

    /// Fingerprints of the pinned keys that signed, sorted.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }
}
