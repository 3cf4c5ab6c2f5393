//! The two digests: BLAKE3 for our own names, SHA-256 for foreign ones.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// The algorithm is missing or another one.
    #[error("a digest starts with `{0}`")]
    Prefix(&'static str),
    /// Not exactly 64 lowercase hex digits.
    #[error("a digest has 64 lowercase hex digits")]
    Hex,
}

/// Reads exactly 64 lowercase hex digits; uppercase would be a second name for the same bytes.
pub(crate) fn parse_hex(hex: &str) -> Result<[u8; 32], ParseDigestError> {
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return Err(ParseDigestError::Hex);
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseDigestError::Hex),
    };
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Ok(bytes)
}

/// Writes 64 lowercase hex digits.
pub(crate) fn write_hex(bytes: &[u8; 32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    f.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps 32 bytes that a hasher gave.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The 64 lowercase hex digits without the algorithm.
            pub fn hex(&self) -> String {
                self.to_string().split_off($prefix.len())
            }

            /// Reads 64 lowercase hex digits without the algorithm.
            pub fn from_hex(hex: &str) -> Result<Self, ParseDigestError> {
                parse_hex(hex).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, ParseDigestError> {
                text.strip_prefix($prefix).ok_or(ParseDigestError::Prefix($prefix)).and_then(Self::from_hex)
            }
        }
    };
}

digest_type! {
    /// A BLAKE3 digest: 32 bytes, `Copy`, ordered, printed as `b3:<64 hex digits>`.
    Digest, "b3:"
}

digest_type! {
    /// A SHA-256 digest of foreign bytes, printed as OCI does: `sha256:<64 hex digits>`.
    Sha256, "sha256:"
}

impl Digest {
    /// The BLAKE3 digest of `bytes`; equal to what `b3sum` prints.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl Sha256 {
    /// The SHA-256 digest of `bytes`; equal to what `sha256sum` prints.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest::of(b"");
        // The empty input's digest as published with the BLAKE3 test vectors.
        let text = "b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse::<Digest>(), Err(ParseDigestError::Prefix("b3:")));
        assert_eq!(text.replace('a', "A").parse::<Digest>(), Err(ParseDigestError::Hex));
        assert_eq!(text[..66].parse::<Digest>(), Err(ParseDigestError::Hex));
        assert_eq!(format!("{text}0").parse::<Digest>(), Err(ParseDigestError::Hex));
    }

    #[test]
    fn sha256_agrees_with_fips_180() {
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), text);
        assert_eq!(text.parse::<Sha256>().map(|it| it.hex()), Ok(text[7..].to_owned()));
    }
}
