//! The signature slot: 64 KiB of text, outside the digest, rewritten in place.

use crate::BundleError;
use crate::sign::NAMESPACE;
use ssh_key::SshSig;

/// Size of the slot's content.
pub const SLOT_SIZE: usize = 64 << 10;

/// Signatures over `RELEASE`, sorted by the signer's key.
///
/// In bytes: armored SSHSIG blocks one behind the other, then `\n` to the full size. `ssh-keygen -Y
/// verify` reads the first one as it stands.
#[derive(Debug, Clone, Default)]
pub struct Slot(Vec<SshSig>);

const END: &str = "-----END SSH SIGNATURE-----\n";

impl Slot {
    /// Reads the slot's bytes; anything but the one form that would be written is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let wrong = |what: &str| BundleError::Slot(what.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not text"))?;
        let mut rest = text.trim_end_matches('\n');
        let mut slot = Self::default();
        while !rest.is_empty() {
            let end = rest.find(END.trim_end()).ok_or_else(|| wrong("a signature has no end"))?;
            let (block, more) = rest.split_at(end + END.len() - 1);
            let signature = SshSig::from_pem(block).map_err(|_| wrong("a signature cannot be read"))?;
            slot.0.push(signature);
            rest = more.trim_start_matches('\n');
        }
        if slot.to_bytes()? != bytes {
            return Err(wrong("it is not in its one form"));
        }
        Ok(slot)
    }

    /// The slot's bytes, always [`SLOT_SIZE`] of them.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        let mut text = String::new();
        for signature in &self.0 {
            let pem = signature.to_pem(ssh_key::LineEnding::LF);
            text.push_str(&pem.map_err(|error| BundleError::Slot(error.to_string()))?);
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        if text.len() > SLOT_SIZE {
            return Err(BundleError::Slot("there is no room for another signature".to_owned()));
        }
        let mut bytes = text.into_bytes();
        bytes.resize(SLOT_SIZE, b'\n');
        Ok(bytes)
    }

    /// Adds a signature; one key signs once, a second signature of it replaces the first.
    pub fn add(&mut self, signature: SshSig) {
        self.0.retain(|it| it.public_key() != signature.public_key());
        self.0.push(signature);
        self.0.sort_by_cached_key(|it| it.public_key().fingerprint(ssh_key::HashAlg::Sha256).to_string());
    }

    /// Fingerprints of the keys that signed, `SHA256:…`; nothing about them is checked here.
    pub fn signers(&self) -> Vec<String> {
        let name = |it: &SshSig| it.public_key().fingerprint(ssh_key::HashAlg::Sha256).to_string();
        self.0.iter().map(name).collect()
    }

    /// The signatures.
    pub fn signatures(&self) -> &[SshSig] {
        &self.0
    }

    /// Checks every signature against its own key, the namespace and `message`. One that does not fit
    /// is an error even where the others would do: nobody adds a wrong signature by accident.
    pub fn check(&self, message: &[u8]) -> Result<(), BundleError> {
        for signature in &self.0 {
            let key = ssh_key::PublicKey::from(signature.public_key().clone());
            let name = key.fingerprint(ssh_key::HashAlg::Sha256).to_string();
            if !matches!(signature.public_key(), ssh_key::public::KeyData::Ed25519(_)) {
                return Err(BundleError::Signature(format!("the key of `{name}` is not Ed25519")));
            }
            key.verify(NAMESPACE, message, signature)
                .map_err(|_| BundleError::Signature(format!("that of `{name}`")))?;
        }
        Ok(())
    }
}
