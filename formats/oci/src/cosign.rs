//! What cosign hangs on an image: where signatures lie, what they are over, and the key that they are checked with
//! (sigstore/cosign `specs/SIGNATURE_SPEC.md`; containers/image `docs/containers-signature.5.md`, "simple signing").
//!
//! A signature is a layer of an artifact under the tag `sha256-HEX.sig`: its bytes are the payload, a JSON document that
//! names the digest of the image, and an annotation has the signature over these bytes.
//!
//! # What this module does not do
//! It checks no signature: a crate without cryptography is what a host can link. Who checks one takes [`Signature`],
//! its payload's bytes and a [`PublicKey`], and afterwards asks [`signed_digest`] what was signed.

use crate::descriptor::Descriptor;
use crate::document::Manifest;
use crate::json;
use base64::prelude::{BASE64_STANDARD, Engine};
use gabion_digest::Sha256;

/// The media type of a payload.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The largest payload that is looked at; real ones have a few hundred bytes.
pub const PAYLOAD_LIMIT: u64 = 1 << 20;

/// The signature over a payload, in base64.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The certificate of a signature without a lasting key.
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// What `critical.type` of a payload says.
const TYPE: &str = "cosign container image signature";
/// What stands before the point of a P-256 key: `SubjectPublicKeyInfo` with id-ecPublicKey and prime256v1 (RFC 5480 §2).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The point: uncompressed (SEC 1 §2.3.3).
const POINT: usize = 65;

/// Why a key, a signature or a payload is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// The file holds no key that signatures can be checked with.
    #[error("it is no public key of ECDSA P-256 in PEM: {why}")]
    Key {
        /// What is wrong.
        why: &'static str,
    },
    /// The recipe wants a signature, and there is none.
    #[error("`{image}` is not signed")]
    Unsigned {
        /// The image.
        image: String,
    },
    /// There are signatures, and none is what the recipe wants.
    #[error("no signature of `{image}` is by the key of the recipe and over this image")]
    Refused {
        /// The image.
        image: String,
        /// What is wrong with each of them, one line each.
        each: Vec<String>,
    },
}

impl CosignError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "E0912",
            Self::Unsigned { .. } => "E0913",
            Self::Refused { .. } => "E0914",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Key { .. } => {
                "`cosign-key` names a file like `cosign.pub`, which `cosign public-key` writes".to_owned()
            }
            Self::Unsigned { .. } => {
                "ask whoever publishes it to sign this digest, or take `cosign-key` out of the recipe"
                    .to_owned()
            }
            Self::Refused { each, .. } => each.join("\n"),
        })
    }
}

/// A public key for ECDSA with P-256 and SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    der: Vec<u8>,
}

impl PublicKey {
    /// Reads one key in PEM (RFC 7468 §13), and nothing else beside it but comments before and after.
    pub fn parse(pem: &[u8]) -> Result<Self, CosignError> {
        const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
        const END: &str = "-----END PUBLIC KEY-----";
        let wrong = |why| CosignError::Key { why };
        let text = std::str::from_utf8(pem).map_err(|_| wrong("it is not text"))?;
        if text.contains("PRIVATE KEY-----") {
            return Err(wrong("it holds a private key, which belongs nowhere near a recipe"));
        }
        let (_, rest) = text.split_once(BEGIN).ok_or_else(|| wrong("it has no `BEGIN PUBLIC KEY`"))?;
        let (body, after) = rest.split_once(END).ok_or_else(|| wrong("it has no `END PUBLIC KEY`"))?;
        if after.contains(BEGIN) {
            return Err(wrong("it holds more than one key"));
        }
        let body: String = body.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).map_err(|_| wrong("its base64 is broken"))?;
        let point = der.strip_prefix(&P256).ok_or_else(|| wrong("it is of another algorithm"))?;
        if point.len() != POINT || point[0] != 4 {
            return Err(wrong("its point is not whole"));
        }
        Ok(Self { der })
    }

    /// The point: 65 bytes that begin with 4.
    pub fn point(&self) -> &[u8] {
        &self.der[P256.len()..]
    }

    /// The digest of the key in DER, by which locks know it.
    pub fn id(&self) -> Sha256 {
        Sha256::of(&self.der)
    }
}

/// One signature of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature<'m> {
    /// What it is over.
    pub payload: &'m Descriptor,
    /// The signature (ASN.1, RFC 3279 §2.2.3); empty where the annotation is none.
    pub bytes: Vec<u8>,
    /// Whether the key is one of a certificate that came with it, and lasted minutes.
    pub keyless: bool,
}

/// All signatures that an artifact under cosign's tag holds, in its order.
pub fn signatures(manifest: &Manifest) -> Vec<Signature<'_>> {
    let payloads = manifest.layers().iter().filter(|it| it.media_type.as_str() == SIMPLE_SIGNING);
    let signature = |payload: &'_ Descriptor| {
        let text = payload.annotations.get(SIGNATURE).map(String::as_str).unwrap_or_default();
        BASE64_STANDARD.decode(text.trim()).unwrap_or_default()
    };
    let keyless = |it: &Descriptor| it.annotations.get(CERTIFICATE).is_some_and(|it| !it.is_empty());
    payloads
        .map(|payload| Signature { payload, bytes: signature(payload), keyless: keyless(payload) })
        .collect()
}

/// The digest that a payload is about. The name that it gives the image is not looked at: a mirror has another one.
pub fn signed_digest(payload: &[u8]) -> Result<Sha256, String> {
    let read = || {
        let json = json::parse(payload)?;
        let critical = json.object("")?.get("critical")?;
        let Some(critical) = critical else { return Ok(None) };
        let critical = critical.object("critical")?;
        let kind = critical.text("type")?.unwrap_or_default().to_owned();
        let Some(image) = critical.get("image")? else { return Ok(None) };
        let digest = image.object("critical.image")?.text("docker-manifest-digest")?;
        Ok::<_, crate::DocumentError>(digest.map(|digest| (kind, digest.to_owned())))
    };
    match read() {
        Err(error) => Err(format!("its payload cannot be read: {error}")),
        Ok(Some((kind, digest))) if kind == TYPE => {
            digest.parse().map_err(|_| format!("its payload is about `{digest}`, which is no SHA-256"))
        }
        Ok(_) => Err("its payload is no signature of an image".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl ecparam -name prime256v1 -genkey | openssl ec -pubout`
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEN29EudpO51YNOSOix3zLbEz8ZvRv\n\
        74gbDKuVehL0McUybmZc448Qz/6omScljziXIcyC3clqDAISFattkFSnNQ==\n-----END PUBLIC KEY-----\n";

    #[test]
    fn a_key_is_one_point_of_p256() {
        let key = PublicKey::parse(KEY.as_bytes()).unwrap();
        assert_eq!((key.point().len(), key.point()[0]), (65, 4));
        assert_eq!(
            PublicKey::parse(format!("# ours\r\n{}", KEY.replace('\n', "\r\n")).as_bytes()).unwrap(),
            key
        );
        for (text, why) in [
            (String::new(), "BEGIN"),
            (KEY.replace("END", "ENDE"), "END"),
            (KEY.repeat(2), "more than one"),
            (KEY.replace("MFkw", "MFk!"), "base64"),
            (KEY.replace("DAQcD", "DAQgD"), "another algorithm"),
            (KEY.replace("QgAE", "QgAC"), "point"),
            (KEY.replace("PUBLIC", "EC PRIVATE"), "private"),
        ] {
            let error = PublicKey::parse(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(why), "no `{why}`: {error}");
        }
        assert!(PublicKey::parse(b"\xff").is_err());
    }

    #[test]
    fn a_payload_says_what_it_is_about_or_is_none() {
        let digest = Sha256::of(b"manifest");
        let payload = |kind: &str, image: &str| {
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":"x"}},"image":{image},"type":"{kind}"}},"optional":null}}"#
            )
        };
        let about = format!(r#"{{"docker-manifest-digest":"{digest}"}}"#);
        assert_eq!(signed_digest(payload(TYPE, &about).as_bytes()), Ok(digest));
        for (text, why) in [
            (payload("atomic container signature", &about), "no signature of an image"),
            (payload(TYPE, "{}"), "no signature of an image"),
            (payload(TYPE, r#"{"docker-manifest-digest":"md5:0"}"#), "`md5:0`"),
            (payload(TYPE, "7"), "cannot be read"),
            (
                payload(TYPE, &about).replacen("\"critical\"", "\"Critical\":1,\"critical\"", 1),
                "cannot be read",
            ),
            (String::new(), "cannot be read"),
            ("{}".to_owned(), "no signature of an image"),
        ] {
            let error = signed_digest(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "no `{why}`: {error}");
        }
    }
}
