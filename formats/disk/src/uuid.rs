//! Names of disks, partitions and file systems (RFC 9562), made of other names: no randomness is at hand here.

use sha1_checked::{Digest as _, Sha1};
use std::fmt;

/// A universally unique identifier: 16 bytes, printed in lowercase with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The identifier whose printed digits are this number.
    pub const fn from_u128(digits: u128) -> Self {
        Self(digits.to_be_bytes())
    }

    /// The identifier of `name` within `namespace` (RFC 9562, section 5.5: version 5, over SHA-1).
    pub fn v5(namespace: Self, name: &str) -> Self {
        let hash = Sha1::new().chain_update(namespace.0).chain_update(name).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes[6] = (bytes[6] & 0x0F) | 0x50;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        Self(bytes)
    }

    /// The bytes in the order in which they are printed.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The bytes as GPT has them: the first three fields are little-endian (UEFI 2.10, appendix A).
    pub(crate) fn to_guid(self) -> [u8; 16] {
        let mut bytes = self.0;
        bytes[..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        bytes
    }

    /// The identifier that GPT has as these bytes.
    pub(crate) fn from_guid(bytes: [u8; 16]) -> Self {
        // Turning twice changes nothing.
        Self(Self(bytes).to_guid())
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_identifier_of_the_rfc() {
        let dns = Uuid::from_u128(0x6ba7b810_9dad_11d1_80b4_00c04fd430c8);
        assert_eq!(dns.to_string(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        // RFC 9562, appendix A.4.
        assert_eq!(Uuid::v5(dns, "www.example.com").to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }

    #[test]
    fn gpt_turns_the_first_three_fields() {
        let guid = Uuid::from_u128(0x00112233_4455_6677_8899_aabbccddeeff).to_guid();
        assert_eq!(Uuid::from_guid(guid), Uuid::from_u128(0x00112233_4455_6677_8899_aabbccddeeff));
        let first = [0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66];
        assert_eq!(guid[..8], first);
        assert_eq!(guid[8..], [0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
    }
}
