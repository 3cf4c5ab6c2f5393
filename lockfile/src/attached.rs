//! What hangs on an image: signatures, attestations and lists of parts, each a manifest of the same repository.

use crate::ValueError;
use gabion_digest::Sha256;
use std::fmt;
use std::str::FromStr;

/// How something hangs on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttachedKind {
    /// Signatures under cosign's tag, `sha256-HEX.sig`.
    Signature,
    /// Attestations under cosign's tag, `sha256-HEX.att`.
    Attestation,
    /// A list of parts under cosign's tag, `sha256-HEX.sbom`.
    Sbom,
    /// One of its referrers (OCI distribution specification 1.1, "Listing Referrers").
    Referrer,
}

impl AttachedKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Signature, Self::Attestation, Self::Sbom, Self::Referrer];

    /// What the tag ends with; a referrer has the tag without an ending, which lists all of them.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Signature => ".sig",
            Self::Attestation => ".att",
            Self::Sbom => ".sbom",
            Self::Referrer => "",
        }
    }
}

/// A manifest that is about an image. Its text is `TAG@DIGEST`: `sha256-HEX.sig@sha256:…`, where the tag has the digest of
/// what it is about, the index or the manifest of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attached {
    /// What it is about.
    pub subject: Sha256,
    /// How it is found.
    pub kind: AttachedKind,
    /// The manifest.
    pub manifest: Sha256,
}

impl Attached {
    /// The tag under which its registry has it, or lists it.
    pub fn tag(&self) -> String {
        format!("sha256-{}{}", self.subject.hex(), self.kind.ending())
    }
}

impl fmt::Display for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.tag(), self.manifest)
    }
}

impl FromStr for Attached {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let rule = "`sha256-HEX.sig@sha256:…`, with `.sig`, `.att`, `.sbom` or nothing";
        let malformed = || ValueError::malformed("what hangs on an image", rule, text);
        let (tag, manifest) = text.split_once('@').ok_or_else(malformed)?;
        let name = tag.strip_prefix("sha256-").ok_or_else(malformed)?;
        let (hex, ending) = name.split_at_checked(64).ok_or_else(malformed)?;
        let kind = AttachedKind::ALL.into_iter().find(|it| it.ending() == ending).ok_or_else(malformed)?;
        let subject = Sha256::from_hex(hex).map_err(|_| malformed())?;
        Ok(Self { subject, kind, manifest: manifest.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_an_image_has_one_text_form() {
        let (subject, manifest) = ("ab".repeat(32), "cd".repeat(32));
        for ending in [".sig", ".att", ".sbom", ""] {
            let text = format!("sha256-{subject}{ending}@sha256:{manifest}");
            let read: Attached = text.parse().unwrap();
            assert_eq!((read.to_string(), read.kind.ending()), (text, ending));
        }
        for bad in [
            String::new(),
            format!("sha256-{subject}.sig"),
            format!("sha256-{subject}.sign@sha256:{manifest}"),
            format!("sha256-{}.sig@sha256:{manifest}", "AB".repeat(32)),
            format!("sha256-{subject}.sig@sha512:{manifest}"),
            format!("sha256:{subject}.sig@sha256:{manifest}"),
            format!("sha256-{}é@sha256:{manifest}", &subject[..63]),
        ] {
            assert!(bad.parse::<Attached>().is_err(), "accepted `{bad}`");
        }
    }
}
