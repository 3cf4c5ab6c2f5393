//! How the bytes of an entry came to be believed.

use crate::{Fingerprint, Text, ValueError};
use gabion_digest::Sha256;
use std::fmt;
use std::str::FromStr;

/// Why the pinned digest is believed to be what the author of the artifact published.
///
/// One text form each; the strongest evidence that `resolve` checked is recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// `tofu`: nothing vouches for it; the first download was trusted.
    Tofu,
    /// `upstream-digest`: the registry or index that serves it also publishes its digest.
    UpstreamDigest,
    /// `checksum-file:NAME`: a checksum file published beside it lists the digest.
    ChecksumFile(Text),
    /// `openpgp:FINGERPRINT`: signed by this key, which the recipe pins.
    OpenPgp(Fingerprint),
    /// `cosign-key:sha256:…`: signed with cosign by the key with this digest (of its DER form, `SubjectPublicKeyInfo`),
    /// which the recipe pins.
    CosignKey(Sha256),
    /// `keyless-unverified`: a signature without a lasting key (Fulcio) hangs on it and was not checked; the registry
    /// publishes the digest.
    KeylessUnverified,
    /// `recipe`: the recipe itself states the digest.
    Recipe,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tofu => f.write_str("tofu"),
            Self::UpstreamDigest => f.write_str("upstream-digest"),
            Self::ChecksumFile(name) => write!(f, "checksum-file:{name}"),
            Self::OpenPgp(signer) => write!(f, "openpgp:{signer}"),
            Self::CosignKey(key) => write!(f, "cosign-key:{key}"),
            Self::KeylessUnverified => f.write_str("keyless-unverified"),
            Self::Recipe => f.write_str("recipe"),
        }
    }
}

impl FromStr for Trust {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(match (text, text.split_once(':')) {
            ("tofu", _) => Self::Tofu,
            ("upstream-digest", _) => Self::UpstreamDigest,
            ("recipe", _) => Self::Recipe,
            ("keyless-unverified", _) => Self::KeylessUnverified,
            (_, Some(("checksum-file", name))) => Self::ChecksumFile(Text::new(name)?),
            (_, Some(("cosign-key", key))) => Self::CosignKey(key.parse()?),
            (_, Some(("openpgp", signer))) => Self::OpenPgp(Fingerprint::new(signer)?),
            _ => {
                let rule = "`tofu`, `upstream-digest`, `checksum-file:NAME`, `openpgp:FINGERPRINT`, \
                            `cosign-key:sha256:…`, `keyless-unverified` or `recipe`";
                return Err(ValueError::malformed("a kind of trust", rule, text));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_has_one_text_form_each() {
        let signer = format!("openpgp:{}", "F6".repeat(20));
        let key = format!("cosign-key:sha256:{}", "0a".repeat(32));
        let texts = [
            "tofu",
            "upstream-digest",
            "checksum-file:sha256sum-amd64.txt",
            &signer,
            &key,
            "keyless-unverified",
            "recipe",
        ];
        for text in texts {
            assert_eq!(text.parse::<Trust>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "cosign-key:",
            "cosign-key:0a",
            "keyless",
            "TOFU",
            "tofu:x",
            "openpgp:",
            "openpgp:F6",
            "checksum-file:",
            "checksum-file",
            "sigstore",
        ] {
            assert!(text.parse::<Trust>().is_err(), "accepted `{text}`");
        }
    }
}
