//! Private keys: made, read and written as Go's `crypto/x509` does, and what they sign.

use ed25519_dalek::SigningKey as Ed25519;
use gabion_template::{Error, Function, Origin, Param, Taint, Text, Value};
use p256::ecdsa::SigningKey as P256;
use p384::ecdsa::SigningKey as P384;
use rand_core::OsRng;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::{RsaPrivateKey, pkcs1v15};
use sha2::Sha256;

use super::der::{self, OCTET_STRING, OID, Reader, SEQUENCE};
use super::{pem, random};
use crate::call::{Answer, bytes, derive, string};

pub(crate) const FUNCTIONS: &[Function] =
    &[derive("genPrivateKey", &[Param::String], generate).that_takes(super::MAKES_A_KEY)];

const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const RSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const ECDSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ECDSA_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];
const CURVE_256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const CURVE_384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];
const NULL: &[u8] = &[0x05, 0x00];

/// A private key of a kind that signs certificates.
pub(super) enum Key {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<P256>),
    P384(Box<P384>),
    Ed25519(Box<Ed25519>),
    /// Read, but of no use to certificates, as in Go: DSA, and curves that are not here.
    Other(&'static str, Vec<u8>),
}

/// `genPrivateKey`: RSA with 4096 bits, unless told otherwise.
fn generate(args: &[Value]) -> Answer {
    let key = match bytes(args, 0)? {
        b"" | b"rsa" => Key::rsa(4096)?,
        b"ecdsa" => Key::P256(Box::new(P256::random(&mut OsRng))),
        b"ed25519" => {
            let mut seed = [0; 32];
            random::fill(&mut seed)?;
            Key::Ed25519(Box::new(Ed25519::from_bytes(&seed)))
        }
        b"dsa" => dsa(),
        other => return string([b"Unknown type ", other].concat()),
    };
    Ok(Text::from_origin(key.pem().into_bytes(), Origin::default(), Taint::CERTIFICATE).into())
}

/// A DSA key with a group of its own, in the form that OpenSSL has for it.
fn dsa() -> Key {
    let group = dsa::Components::generate(&mut OsRng, dsa::KeySize::DSA_2048_256);
    let key = dsa::SigningKey::generate(&mut OsRng, group);
    let public = key.verifying_key();
    let group = public.components();
    let numbers = [group.p(), group.q(), group.g(), public.y(), key.x()];
    let body: Vec<u8> = numbers.iter().flat_map(|number| der::number(&number.to_bytes_be())).collect();
    Key::Other("DSA PRIVATE KEY", der::of(SEQUENCE, &[&der::number(&[]), &body]))
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    der::tagged(OID, bytes)
}

fn wrong(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error(format!("{what}: {error}"))
}

impl Key {
    pub(super) fn rsa(bits: usize) -> Result<Self, Error> {
        let key = RsaPrivateKey::new(&mut OsRng, bits)
            .map_err(|error| wrong("error generating rsa key", &error))?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// sprig's `parsePrivateKeyPEM`.
    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let (kind, bytes) = pem::decode(text).ok_or("no PEM data in input")?;
        if kind == "PRIVATE KEY" {
            return Self::pkcs8(&bytes).map_err(|error| wrong("decoding PEM as PKCS#8", &error));
        }
        let Some(kind) = kind.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {kind}").into());
        };
        match kind {
            "RSA" => Self::pkcs1(&bytes).map_err(|error| wrong("parsing RSA private key from PEM", &error)),
            "EC" => Self::ec(&bytes, None).map_err(|error| wrong("parsing EC private key from PEM", &error)),
            "DSA" => {
                let numbers = Reader(&bytes).expect(SEQUENCE).and_then(|body| {
                    let mut body = Reader(body);
                    (0..6).try_for_each(|_| body.expect(der::INTEGER).map(drop))
                });
                numbers.map_err(|error| wrong("parsing DSA private key from PEM", &error))?;
                Ok(Self::Other("DSA PRIVATE KEY", bytes))
            }
            other => Err(format!("invalid private key type {other}").into()),
        }
    }

    fn pkcs1(bytes: &[u8]) -> Result<Self, Error> {
        let key = RsaPrivateKey::from_pkcs1_der(bytes).map_err(|error| wrong("x509", &error))?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// RFC 5915.
    fn ec(bytes: &[u8], curve: Option<&[u8]>) -> Result<Self, Error> {
        let mut body = Reader(Reader(bytes).expect(SEQUENCE)?);
        body.expect(der::INTEGER)?;
        let secret = body.expect(OCTET_STRING)?;
        let own = body.optional(der::context(0))?.map(|inner| Reader(inner).expect(OID)).transpose()?;
        let bad = |error: p256::ecdsa::Error| wrong("x509: invalid elliptic curve private key value", &error);
        match curve.or(own) {
            Some(CURVE_256) => Ok(Self::P256(Box::new(P256::from_slice(secret).map_err(bad)?))),
            Some(CURVE_384) => Ok(Self::P384(Box::new(P384::from_slice(secret).map_err(bad)?))),
            Some(_) => Ok(Self::Other("EC PRIVATE KEY", bytes.to_vec())),
            None => Err("x509: unknown elliptic curve".into()),
        }
    }

    /// RFC 5208.
    fn pkcs8(bytes: &[u8]) -> Result<Self, Error> {
        let mut body = Reader(Reader(bytes).expect(SEQUENCE)?);
        body.expect(der::INTEGER)?;
        let mut algorithm = Reader(body.expect(SEQUENCE)?);
        let kind = algorithm.expect(OID)?;
        let inner = body.expect(OCTET_STRING)?;
        match kind {
            RSA => Self::pkcs1(inner),
            EC => Self::ec(inner, Some(algorithm.expect(OID)?)),
            ED25519 => {
                let seed = Reader(inner).expect(OCTET_STRING)?;
                let seed = seed.try_into().map_err(|_| "x509: invalid Ed25519 private key length")?;
                Ok(Self::Ed25519(Box::new(Ed25519::from_bytes(seed))))
            }
            _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm".into()),
        }
    }

    /// sprig's `pemBlockForKey`.
    pub(super) fn pem(&self) -> String {
        match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
                pem::encode("RSA PRIVATE KEY", &der)
            }
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                pem::encode("EC PRIVATE KEY", &sec1(&key.to_bytes(), CURVE_256, point.as_bytes()))
            }
            Self::P384(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                pem::encode("EC PRIVATE KEY", &sec1(&key.to_bytes(), CURVE_384, point.as_bytes()))
            }
            Self::Ed25519(key) => {
                let seed = der::tagged(OCTET_STRING, &key.to_bytes());
                let algorithm = der::tagged(SEQUENCE, &oid(ED25519));
                let parts = [der::number(&[]), algorithm, der::tagged(OCTET_STRING, &seed)];
                pem::encode("PRIVATE KEY", &der::tagged(SEQUENCE, &parts.concat()))
            }
            Self::Other(kind, der) => pem::encode(kind, der),
        }
    }

    /// The public key as RFC 5280's `SubjectPublicKeyInfo`, and its bits alone.
    pub(super) fn public(&self) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let (algorithm, bits) = match self {
            Self::Rsa(key) => {
                let der = key.to_public_key().to_pkcs1_der().map_err(|error| wrong("x509", &error))?;
                ([oid(RSA), NULL.to_vec()].concat(), der.as_bytes().to_vec())
            }
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                ([oid(EC), oid(CURVE_256)].concat(), point.as_bytes().to_vec())
            }
            Self::P384(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                ([oid(EC), oid(CURVE_384)].concat(), point.as_bytes().to_vec())
            }
            Self::Ed25519(key) => (oid(ED25519), key.verifying_key().to_bytes().to_vec()),
            Self::Other(..) => return Err("x509: unsupported public key type".into()),
        };
        Ok((der::of(SEQUENCE, &[&der::tagged(SEQUENCE, &algorithm), &der::bits(&bits)]), bits))
    }

    /// How it signs, as an `AlgorithmIdentifier`.
    pub(super) fn algorithm(&self) -> Result<Vec<u8>, Error> {
        let parts = match self {
            Self::Rsa(_) => [oid(RSA_SHA256), NULL.to_vec()].concat(),
            Self::P256(_) => oid(ECDSA_SHA256),
            Self::P384(_) => oid(ECDSA_SHA384),
            Self::Ed25519(_) => oid(ED25519),
            Self::Other(..) => return Err("x509: only RSA, ECDSA and Ed25519 keys supported".into()),
        };
        Ok(der::tagged(SEQUENCE, &parts))
    }

    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::Rsa(key) => {
                let key = pkcs1v15::SigningKey::<Sha256>::new((**key).clone());
                key.try_sign(text).map_err(|error| wrong("x509", &error))?.to_vec()
            }
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(text);
                signature.to_der().as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(text);
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(text).to_bytes().to_vec(),
            Self::Other(..) => return Err("x509: only RSA, ECDSA and Ed25519 keys supported".into()),
        })
    }
}

/// RFC 5915 with curve and public key, as Go writes it.
fn sec1(secret: &[u8], curve: &[u8], point: &[u8]) -> Vec<u8> {
    let parts = [
        der::number(&[1]),
        der::tagged(OCTET_STRING, secret),
        der::tagged(der::context(0), &oid(curve)),
        der::tagged(der::context(1), &der::bits(point)),
    ];
    der::tagged(SEQUENCE, &parts.concat())
}
