//! The signature slot: 64 KiB of text, outside the digest, rewritten in place.

use crate::BundleError;
use crate::promotion::{FIRST_LINE, SignedPromotion};
use crate::role::Role;
use gabion_keys::Signatures;

/// Size of the slot's content.
pub const SLOT_SIZE: usize = 64 << 10;

/// What stands in the slot: signatures over `RELEASE`, and a promotion where there is one.
///
/// In bytes: the release's signatures, the promotion with its own, then `\n` to the full size.
/// `ssh-keygen -Y verify` reads the first signature as it stands.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    /// Signatures over `RELEASE`.
    pub release: Signatures,
    /// Where the bundle may go.
    pub promotion: Option<SignedPromotion>,
}

impl Slot {
    /// Reads the slot's bytes; anything but the one form that would be written is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let wrong = |what: &str| BundleError::Slot(what.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not text"))?;
        let (release, mut rest) = Signatures::read(text).map_err(wrong)?;
        let mut promotion = None;
        if rest.starts_with(FIRST_LINE) {
            let (signed, behind) = SignedPromotion::read(rest).map_err(wrong)?;
            (promotion, rest) = (Some(signed), behind);
        }
        if bytes.len() != SLOT_SIZE || rest.bytes().any(|byte| byte != b'\n') {
            return Err(wrong("it is not in its one form"));
        }
        Ok(Self { release, promotion })
    }

    /// The slot's bytes, always [`SLOT_SIZE`] of them.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let wrong = |what: &str| BundleError::Slot(what.to_owned());
        let mut text = self.release.to_text().map_err(wrong)?;
        if let Some(promotion) = &self.promotion {
            text.push_str(&promotion.to_text()?);
        }
        if text.len() > SLOT_SIZE {
            return Err(wrong("there is no room for more"));
        }
        let mut bytes = text.into_bytes();
        bytes.resize(SLOT_SIZE, b'\n');
        Ok(bytes)
    }

    /// Checks every signature in the slot against its own key and what it is over: `release`, the bytes
    /// of `RELEASE`, or the promotion.
    pub fn check(&self, release: &[u8]) -> Result<(), BundleError> {
        self.release.check(Role::Release.namespace(), release)?;
        self.promotion.as_ref().map_or(Ok(()), SignedPromotion::check)
    }
}
