//! Signatures of images as cosign writes them, made by openssl.

use crate::{program, run, text};
use std::path::PathBuf;
use tempfile::TempDir;

/// A key of ECDSA P-256, gone with its owner.
#[derive(Debug)]
pub struct Signer(TempDir);

impl Signer {
    /// A new key.
    #[expect(clippy::new_without_default, reason = "openssl is run")]
    pub fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));
        let key = it.path("key.pem");
        run(program("openssl")
            .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
            .arg(key));
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The public key in PEM: `cosign.pub`.
    pub fn public(&self) -> String {
        text(program("openssl").args(["ec", "-pubout", "-in"]).arg(self.path("key.pem")))
    }

    /// The signature over `payload`, in base64.
    pub fn sign(&self, payload: &str) -> String {
        let (file, signature) = (self.path("payload"), self.path("signature"));
        fs_err::write(&file, payload).unwrap_or_else(|error| panic!("{error}"));
        let mut sign = program("openssl");
        sign.args(["dgst", "-sha256", "-sign"])
            .arg(self.path("key.pem"))
            .arg("-out")
            .arg(&signature)
            .arg(file);
        run(&mut sign);
        text(program("openssl").args(["base64", "-A", "-in"]).arg(signature))
    }
}

/// What cosign signs for the image with this digest, `sha256:…`.
pub fn payload(image: &str, digest: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{image}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    )
}
