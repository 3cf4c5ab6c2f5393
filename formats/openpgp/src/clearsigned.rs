//! Clearsigned texts, and who must have signed them.

use crate::error::SignatureError;
use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, PublicParams, VerifyingKey};
use std::collections::BTreeSet;

/// Seconds that a signer's clock may run ahead of ours.
const AHEAD: u64 = 24 * 60 * 60;
/// The smallest RSA key that is believed, in bits.
const RSA_BITS: u16 = 2048;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----\n";
const END: &str = "-----END PGP SIGNATURE-----\n";

/// Public keys.
#[derive(Debug, Clone)]
pub struct Keyring(Vec<SignedPublicKey>);

/// Who must have signed.
#[derive(Debug, Clone, Copy)]
pub struct Signers<'a> {
    /// Whole fingerprints of primary keys, uppercase hex.
    pub pinned: &'a [String],
    /// How many of them must have signed.
    pub needed: usize,
    /// Now, in seconds since 1970: no signature is from the future.
    pub now: u64,
}

/// A text that was signed by those who had to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The signed text, lines ended by LF. Nothing outside of it was signed.
    pub text: String,
    /// Fingerprints of the pinned primary keys that signed, sorted.
    pub signers: Vec<String>,
}

impl Keyring {
    /// Reads keys: binary, or any number of armored blocks.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let broken = |error: pgp::errors::Error| SignatureError::Keyring { why: error.to_string() };
        let mut keys = Vec::new();
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BLOCK));
        match text {
            Some(text) => {
                for block in text.split(BLOCK).skip(1) {
                    let block = format!("{BLOCK}{block}");
                    let (found, _) = SignedPublicKey::from_armor_many(block.as_bytes()).map_err(broken)?;
                    keys.extend(found.collect::<Result<Vec<_>, _>>().map_err(broken)?);
                }
            }
            None => {
                let found = SignedPublicKey::from_bytes_many(bytes).map_err(broken)?;
                keys.extend(found.collect::<Result<Vec<_>, _>>().map_err(broken)?);
            }
        }
        if keys.is_empty() {
            return Err(SignatureError::Keyring { why: "it holds no public key".to_owned() });
        }
        Ok(Self(keys))
    }

    /// Fingerprints of the primary keys, uppercase hex, in the order of the file.
    pub fn fingerprints(&self) -> Vec<String> {
        self.0.iter().map(fingerprint).collect()
    }
}

const BLOCK: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Checks a clearsigned file (RFC 9580 §7) and gives the text that was signed.
pub fn verify_clearsigned(bytes: &[u8], keys: &Keyring, by: &Signers<'_>) -> Result<Signed, SignatureError> {
    let text = framed(bytes)?;
    let (message, _) = CleartextSignedMessage::from_string(text)
        .map_err(|error| SignatureError::Frame { why: error.to_string() })?;
    let canonical = message.signed_text();
    let mut signers = BTreeSet::new();
    let mut refused = Vec::new();
    for signature in message.signatures() {
        match check(signature, canonical.as_bytes(), keys, by) {
            Ok(signer) => {
                signers.insert(signer);
            }
            Err(why) => refused.push(why),
        }
    }
    if signers.len() < by.needed.max(1) {
        return Err(SignatureError::NotSigned {
            good: signers.len(),
            needed: by.needed.max(1),
            refused,
            pinned: by.pinned.to_vec(),
        });
    }
    Ok(Signed { text: canonical.replace("\r\n", "\n"), signers: signers.into_iter().collect() })
}

/// The whole file as text, where it is one message and nothing else.
fn framed(bytes: &[u8]) -> Result<&str, SignatureError> {
    let wrong = |why: &str| SignatureError::Frame { why: why.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
    if !text.starts_with(BEGIN) {
        return Err(wrong("there is text before the signed message, or no signed message at all"));
    }
    if text.matches(BEGIN.trim_end()).count() > 1 {
        return Err(wrong("it holds more than one signed message"));
    }
    if !text.ends_with(END) || text.matches(END.trim_end()).count() != 1 {
        return Err(wrong("there is text after the signature, or the signature does not end"));
    }
    if text.contains(['\r', '\0']) {
        return Err(wrong("it holds carriage returns or NUL bytes"));
    }
    if text.lines().any(|line| line.ends_with([' ', '\t'])) {
        return Err(wrong("a line ends in blanks, which signatures do not cover"));
    }
    Ok(text)
}

fn fingerprint(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}

/// The pinned key that made `signature`, or why it does not count.
fn check(signature: &Signature, text: &[u8], keys: &Keyring, by: &Signers<'_>) -> Result<String, String> {
    if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
        return Err("a signature that is not over a document".to_owned());
    }
    acceptable(signature)?;
    let created = u64::from(signature.created().ok_or("a signature without a time")?.as_secs());
    if created > by.now.saturating_add(AHEAD) {
        return Err("a signature from the future".to_owned());
    }
    if let Some(life) = signature.signature_expiration_time().map(|it| u64::from(it.as_secs()))
        && life > 0
        && created + life < by.now
    {
        return Err("a signature that has expired".to_owned());
    }
    let issuers = signature.issuer_fingerprint();
    let by_id = signature.issuer_key_id();
    let made_by = |key: &dyn KeyDetails| {
        issuers.contains(&&key.fingerprint()) || (issuers.is_empty() && by_id.contains(&&key.legacy_key_id()))
    };
    let mut why = format!("a signature by the unknown key {}", named(&issuers, &by_id));
    for primary in keys.0.iter().filter(|key| by.pinned.contains(&fingerprint(*key))) {
        let name = fingerprint(primary);
        let tried = if made_by(primary) {
            alive(primary, created).and_then(|()| believed(signature, &primary.primary_key, text))
        } else if let Some(subkey) = primary.public_subkeys.iter().find(|it| made_by(&it.key)) {
            alive(primary, created)
                .and_then(|()| bound(primary, subkey, created))
                .and_then(|()| believed(signature, &subkey.key, text))
        } else {
            continue;
        };
        match tried {
            Ok(()) => return Ok(name),
            Err(reason) => why = format!("a signature by {name}: {reason}"),
        }
    }
    Err(why)
}

fn named(fingerprints: &[&pgp::types::Fingerprint], ids: &[&pgp::types::KeyId]) -> String {
    match (fingerprints.first(), ids.first()) {
        (Some(it), _) => format!("{it:X}"),
        (None, Some(id)) => id.to_string().to_uppercase(),
        (None, None) => "(unnamed)".to_owned(),
    }
}

/// Whether the form of a signature is one that is believed at all.
fn acceptable(signature: &Signature) -> Result<(), String> {
    let config = signature.config().ok_or("a signature of an unknown version")?;
    if !matches!(config.hash_alg, HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512) {
        return Err(format!("a signature over {}, which is too weak", config.hash_alg));
    }
    let unknown = config.hashed_subpackets().any(|it| {
        it.is_critical && matches!(it.data, SubpacketData::Other(..) | SubpacketData::Experimental(..))
    });
    if unknown {
        return Err("a signature with a critical part that is not understood".to_owned());
    }
    Ok(())
}

/// Verifies the mathematics, with a key that is strong enough.
fn believed(signature: &Signature, key: &impl VerifyingKey, text: &[u8]) -> Result<(), String> {
    strong(key.public_params())?;
    signature.verify(key, text).map_err(|_| "it does not fit the text".to_owned())
}

fn strong(params: &PublicParams) -> Result<(), String> {
    match params {
        PublicParams::RSA(rsa) => {
            // An MPI begins with its length in bits (RFC 9580 §3.2); the modulus comes first.
            let bytes = rsa.to_bytes().map_err(|error| error.to_string())?;
            let bits = bytes.first_chunk::<2>().map_or(0, |it| u16::from_be_bytes(*it));
            (bits >= RSA_BITS).then_some(()).ok_or_else(|| format!("an RSA key of {bits} bits is too weak"))
        }
        PublicParams::ECDSA(_)
        | PublicParams::EdDSALegacy(_)
        | PublicParams::Ed25519(_)
        | PublicParams::Ed448(_) => Ok(()),
        _ => Err("a key of a kind that is not believed".to_owned()),
    }
}

/// Whether the primary key was alive at `at`, by its newest certification, and is not revoked.
///
/// A revocation counts whenever it was made: a stolen key signs with any date it likes.
fn alive(key: &SignedPublicKey, at: u64) -> Result<(), String> {
    let primary = &key.primary_key;
    if key.details.revocation_signatures.iter().any(|it| it.verify_key(primary).is_ok()) {
        return Err("the key is revoked".to_owned());
    }
    let direct = key.details.direct_signatures.iter().filter(|it| it.verify_key(primary).is_ok());
    let users = key.details.users.iter().flat_map(|user| {
        let revoked = |it: &&Signature| it.typ() == Some(SignatureType::CertRevocation);
        let own = move |it: &&Signature| {
            it.verify_certification(primary, pgp::types::Tag::UserId, &user.id).is_ok()
        };
        let gone = user.signatures.iter().filter(revoked).any(|it| own(&it));
        user.signatures.iter().filter(move |it| !gone && !revoked(it) && own(it))
    });
    let newest = direct
        .chain(users)
        .filter(|it| acceptable(it).is_ok())
        .max_by_key(|it| it.created())
        .ok_or("the key does not certify itself with a strong hash")?;
    within(u64::from(primary.created_at().as_secs()), newest, at)
}

/// Whether the subkey belongs to the primary key, may sign, and was alive at `at`.
fn bound(primary: &SignedPublicKey, subkey: &SignedPublicSubKey, at: u64) -> Result<(), String> {
    let own = |it: &&Signature| it.verify_subkey_binding(&primary.primary_key, &subkey.key).is_ok();
    let of = |typ| move |it: &&Signature| it.typ() == Some(typ);
    if subkey.signatures.iter().filter(of(SignatureType::SubkeyRevocation)).any(|it| own(&it)) {
        return Err("the subkey is revoked".to_owned());
    }
    let newest = subkey
        .signatures
        .iter()
        .filter(of(SignatureType::SubkeyBinding))
        .filter(|it| acceptable(it).is_ok() && own(it))
        .max_by_key(|it| it.created())
        .ok_or("the subkey is not bound to its primary key")?;
    let back = newest.embedded_signature().is_some_and(|it| {
        acceptable(it).is_ok() && it.verify_primary_key_binding(&subkey.key, &primary.primary_key).is_ok()
    });
    if !newest.key_flags().sign() || !back {
        return Err("the subkey may not sign".to_owned());
    }
    within(u64::from(subkey.key.created_at().as_secs()), newest, at)
}

/// Whether `at` lies in the life that `certification` gives a key of `created`.
fn within(created: u64, certification: &Signature, at: u64) -> Result<(), String> {
    let life = certification.key_expiration_time().map_or(0, |it| u64::from(it.as_secs()));
    if at < created || (life > 0 && at >= created + life) {
        return Err("the key was not valid at that time".to_owned());
    }
    Ok(())
}
