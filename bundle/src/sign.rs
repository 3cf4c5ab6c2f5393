//! Signing: SSHSIG with Ed25519 keys in OpenSSH's format (OpenSSH, `PROTOCOL.sshsig`).

use crate::BundleError;
use crate::header::BLOCK;
use crate::release::Release;
use crate::slot::{SLOT_SIZE, Slot};
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The namespace of signatures over `RELEASE`; a signature for another purpose never fits.
pub const NAMESPACE: &str = "gabion-release-v1";

/// A private key that can sign.
#[derive(Debug)]
pub struct SigningKey(PrivateKey);

impl SigningKey {
    /// Reads a private key file. A file that others can read is refused; an encrypted one asks
    /// `passphrase` for its passphrase.
    pub fn load(path: &Path, passphrase: &mut dyn FnMut() -> Option<String>) -> Result<Self, BundleError> {
        use std::os::unix::fs::PermissionsExt;
        let wrong = |why: String| BundleError::Key { path: path.to_owned(), why };
        let meta = fs_err::metadata(path).map_err(|error| wrong(error.kind().to_string()))?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others can read it".to_owned()));
        }
        let text = fs_err::read_to_string(path).map_err(|error| wrong(error.kind().to_string()))?;
        let mut key = PrivateKey::from_openssh(&text).map_err(|error| wrong(error.to_string()))?;
        if key.is_encrypted() {
            let given = passphrase().ok_or_else(|| wrong("it needs a passphrase".to_owned()))?;
            key = key.decrypt(given).map_err(|_| wrong("the passphrase is wrong".to_owned()))?;
        }
        if !key.algorithm().is_ed25519() {
            return Err(wrong(format!("it is a key for {}", key.algorithm())));
        }
        Ok(Self(key))
    }

    /// The key of 32 secret bytes.
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> Self {
        let pair = ssh_key::private::Ed25519Keypair::from_seed(seed);
        Self(
            PrivateKey::new(pair.into(), comment)
                .unwrap_or_else(|_| PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(seed))),
        )
    }

    /// The private key as text in OpenSSH's format, not encrypted.
    pub fn to_openssh(&self) -> Result<String, BundleError> {
        let text = self.0.to_openssh(LineEnding::LF);
        Ok(text.map_err(|error| BundleError::Signature(error.to_string()))?.to_string())
    }

    /// The public key's line, `ssh-ed25519 AAAA… comment`.
    pub fn public_line(&self) -> Result<String, BundleError> {
        self.0.public_key().to_openssh().map_err(|error| BundleError::Signature(error.to_string()))
    }

    /// The public key's fingerprint, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Signs the bytes of `RELEASE`.
    pub fn sign(&self, release: &[u8]) -> Result<ssh_key::SshSig, BundleError> {
        let signed = self.0.sign(NAMESPACE, HashAlg::Sha512, release);
        signed.map_err(|error| BundleError::Signature(error.to_string()))
    }
}

/// Adds a signature to a bundle, in place: no other byte changes.
///
/// Reads `RELEASE` only; what is signed is what the table says, and [`crate::verify()`] says whether
/// the rest fits it.
pub fn sign_bundle(bundle: &mut (impl Read + Write + Seek), key: &SigningKey) -> Result<(), BundleError> {
    let failed = |source| BundleError::Read { at: 0, source };
    let text = crate::verify::read_release(bundle)?;
    Release::parse(&text).ok_or_else(|| BundleError::damaged(BLOCK, "`RELEASE` is not in its one form"))?;
    let at = crate::verify::slot_offset(text.len() as u64);
    let mut bytes = vec![0; SLOT_SIZE];
    bundle.seek(SeekFrom::Start(at)).map_err(failed)?;
    bundle.read_exact(&mut bytes).map_err(|source| BundleError::Read { at, source })?;
    let mut slot = Slot::parse(&bytes)?;
    slot.add(key.sign(text.as_bytes())?);
    bundle.seek(SeekFrom::Start(at)).map_err(failed)?;
    bundle.write_all(&slot.to_bytes()?).map_err(failed)?;
    bundle.flush().map_err(failed)
}
