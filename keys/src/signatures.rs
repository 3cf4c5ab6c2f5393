//! Signatures: SSHSIG with Ed25519 keys (OpenSSH, `PROTOCOL.sshsig`), as armored blocks of text.

use crate::KeyError;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey, SshSig};
use std::collections::BTreeSet;

/// Signatures over one text.
///
/// In bytes: armored SSHSIG blocks one behind the other. `ssh-keygen -Y verify` reads the first one of
/// such a file as it stands. They are written in the order of the keys' fingerprints and read in any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures(Vec<SshSig>);

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";

impl Signatures {
    /// Reads the blocks at the start of `text`, and gives what stands behind them. A block in another
    /// form than the one that would be written is an error, told as a fragment.
    pub fn read(mut text: &str) -> Result<(Self, &str), &'static str> {
        let mut found = Self::default();
        while text.starts_with(BEGIN) {
            let end = text.find(END).ok_or("a signature has no end")? + END.len();
            let (block, rest) = text.split_at(end);
            let signature = SshSig::from_pem(block).map_err(|_| "a signature cannot be read")?;
            if armored(&signature)? != block {
                return Err("a signature is not in its one form");
            }
            found.0.push(signature);
            text = rest;
        }
        Ok((found, text))
    }

    /// The blocks as text.
    pub fn to_text(&self) -> Result<String, &'static str> {
        self.0.iter().map(armored).collect()
    }

    /// Adds a signature; one key signs once, a second signature of it replaces the first.
    pub fn add(&mut self, signature: SshSig) {
        self.0.retain(|it| it.public_key() != signature.public_key());
        self.0.push(signature);
        self.0.sort_by_cached_key(signer);
    }

    /// Fingerprints of the keys that signed, `SHA256:…`, each once; nothing about them is checked here.
    pub fn signers(&self) -> BTreeSet<String> {
        self.0.iter().map(signer).collect()
    }

    /// The keys that signed, each once; nothing about them is checked here.
    pub fn keys(&self) -> BTreeSet<KeyId> {
        self.0.iter().filter_map(|it| KeyId::of(it.public_key())).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks every signature against its own key, `namespace` and `message`. One that does
    /// not fit is an error even where the others would do: nobody adds a wrong signature by accident.
    pub fn check(&self, namespace: &str, message: &[u8]) -> Result<(), KeyError> {
        for signature in &self.0 {
            fits(signature, namespace, message)
                .map_err(|why| KeyError::Signature(format!("that of `{}` {why}", signer(signature))))?;
        }
        Ok(())
    }
}

/// Which public key: the SHA-256 of its bytes, printed as OpenSSH does, `SHA256:` and base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The key with this digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of a public key's line, `ssh-ed25519 AAAA… comment`; `None` where it is none of Ed25519.
    pub fn of_line(line: &str) -> Option<Self> {
        let key = PublicKey::from_openssh(line).ok().filter(|it| it.algorithm().is_ed25519())?;
        Self::of(key.key_data())
    }

    pub(crate) fn of(key: &KeyData) -> Option<Self> {
        key.fingerprint(HashAlg::Sha256).sha256().map(Self)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ssh_key::Fingerprint::Sha256(self.0).fmt(f)
    }
}

fn signer(signature: &SshSig) -> String {
    signature.public_key().fingerprint(HashAlg::Sha256).to_string()
}

fn armored(signature: &SshSig) -> Result<String, &'static str> {
    let mut text = signature.to_pem(ssh_key::LineEnding::LF).map_err(|_| "a signature cannot be written")?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Strict verification (RFC 8032, 5.1.7, without small-order keys and points): exactly one signature
/// and one key are accepted where a lenient verifier would accept several.
fn fits(signature: &SshSig, namespace: &str, message: &[u8]) -> Result<(), &'static str> {
    let KeyData::Ed25519(key) = signature.public_key() else { return Err("is not of an Ed25519 key") };
    if signature.namespace() != namespace {
        return Err("is for another purpose");
    }
    if !signature.reserved().is_empty() {
        return Err("says something that this version does not know");
    }
    let wrong = "is over other bytes";
    let data = SshSig::signed_data(namespace, signature.hash_alg(), message).map_err(|_| wrong)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.as_ref()).map_err(|_| wrong)?;
    let bytes = ed25519_dalek::Signature::from_slice(signature.signature_bytes()).map_err(|_| wrong)?;
    if !signature.algorithm().is_ed25519() {
        return Err("is not an Ed25519 signature");
    }
    key.verify_strict(&data, &bytes).map_err(|_| wrong)
}
