//! Certificates as Go's `crypto/x509` makes them (RFC 5280), with the fields that sprig sets.

use std::net::IpAddr;

use gabion_template::Error;
use sha2::{Digest as _, Sha256};

use super::der::{self, OCTET_STRING, OID, Reader, SEQUENCE};
use super::key::Key;
use super::{pem, random};
use crate::time::Moment;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1D, 0x0E];
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1D, 0x11];
const CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1D, 0x23];
const EXTENDED_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
const SERVER: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// What a certificate says.
pub(super) struct Template<'a> {
    pub(super) common_name: &'a [u8],
    pub(super) addresses: Vec<IpAddr>,
    pub(super) names: Vec<Vec<u8>>,
    pub(super) days: i64,
    pub(super) authority: bool,
}

/// The parts of a certificate that one signed with it repeats.
pub(super) struct Parent {
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
    public: Vec<u8>,
}

impl Parent {
    /// Reads the first certificate of a PEM text.
    pub(super) fn read(text: &[u8], name: &str) -> Result<Self, Error> {
        let (_, bytes) = pem::decode(text).ok_or("unable to decode certificate")?;
        Self::parse(&bytes)
            .map_err(|error| Error(format!("error parsing certificate: {name}.Bytes: {error}")))
    }

    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut body = Reader(Reader(Reader(bytes).expect(SEQUENCE)?).expect(SEQUENCE)?);
        body.optional(der::context(0))?;
        body.expect(der::INTEGER)?;
        // Algorithm, issuer, validity.
        for _ in 0..3 {
            body.expect(SEQUENCE)?;
        }
        let (_, _, subject) = body.next()?;
        let (_, _, public) = body.next()?;
        let mut key_id = None;
        while let Ok((tag, content, _)) = body.next() {
            if tag == der::context(3) {
                key_id = Self::key_id(Reader(content).expect(SEQUENCE)?)?;
            }
        }
        Ok(Self { subject: subject.to_vec(), key_id, public: public.to_vec() })
    }

    fn key_id(extensions: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut extensions = Reader(extensions);
        while !extensions.0.is_empty() {
            let mut extension = Reader(extensions.expect(SEQUENCE)?);
            if extension.expect(OID)? == SUBJECT_KEY {
                return Reader(extension.expect(OCTET_STRING)?)
                    .expect(OCTET_STRING)
                    .map(|id| Some(id.to_vec()));
            }
        }
        Ok(None)
    }
}

/// A certificate for `key`, signed with `signer`; without a parent by itself. PEM.
pub(super) fn create(
    template: &Template<'_>,
    key: &Key,
    parent: Option<&Parent>,
    signer: &Key,
) -> Result<String, Error> {
    let (public, bits) = key.public()?;
    if let Some(parent) =
        parent.filter(|parent| signer.public().is_ok_and(|(public, _)| public != parent.public))
    {
        let _ = parent;
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".into());
    }
    let mut serial = [0; 16];
    random::fill(&mut serial)?;
    let subject = name(template.common_name);
    let issuer = parent.map_or(&subject, |parent| &parent.subject);
    let from = Moment::now();
    let until = from.seconds.saturating_add(template.days.saturating_mul(86_400));
    let validity = [time(from.seconds), time(until)].concat();
    // Go 1.25: SHA-256, cut to 160 bits.
    let own_id = template.authority.then(|| Sha256::digest(&bits)[..20].to_vec());
    let parent_id =
        parent.filter(|parent| parent.subject != subject).and_then(|parent| parent.key_id.as_ref());
    let extensions =
        extensions(template, own_id.as_deref(), parent_id.map(Vec::as_slice), subject.len() == 2)?;
    let algorithm = signer.algorithm()?;
    let body = der::of(
        SEQUENCE,
        &[
            &der::tagged(der::context(0), &der::number(&[2])),
            &der::number(&serial),
            &algorithm,
            issuer,
            &der::tagged(SEQUENCE, &validity),
            &subject,
            &public,
            &der::tagged(der::context(3), &der::tagged(SEQUENCE, &extensions)),
        ],
    );
    let signature = signer.sign(&body)?;
    let whole = der::of(SEQUENCE, &[&body, &algorithm, &der::bits(&signature)]);
    Ok(pem::encode("CERTIFICATE", &whole))
}

fn name(common_name: &[u8]) -> Vec<u8> {
    if common_name.is_empty() {
        return der::tagged(SEQUENCE, &[]);
    }
    let printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(byte);
    let tag = if common_name.iter().all(printable) { der::PRINTABLE } else { der::UTF8 };
    let pair = der::of(SEQUENCE, &[&der::tagged(OID, COMMON_NAME), &der::tagged(tag, common_name)]);
    der::tagged(SEQUENCE, &der::tagged(der::SET, &pair))
}

/// RFC 5280 §4.1.2.5: two digits of the year until 2049.
fn time(seconds: i64) -> Vec<u8> {
    let moment = Moment::unix(seconds);
    if (1950..2050).contains(&moment.civil().year) {
        der::tagged(der::UTC_TIME, &moment.format(b"060102150405Z"))
    } else {
        der::tagged(der::TIME, &moment.format(b"20060102150405Z"))
    }
}

fn extension(kind: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xFF] } else { &[] };
    der::of(SEQUENCE, &[&der::tagged(OID, kind), critical, &der::tagged(OCTET_STRING, content)])
}

fn extensions(
    template: &Template<'_>,
    own_id: Option<&[u8]>,
    parent_id: Option<&[u8]>,
    nameless: bool,
) -> Result<Vec<u8>, Error> {
    // Digital signature, encipherment of keys, and for an authority signatures of certificates.
    let usage: &[u8] = if template.authority { &[2, 0xA4] } else { &[5, 0xA0] };
    let purposes = [der::tagged(OID, SERVER), der::tagged(OID, CLIENT)].concat();
    let authority: &[u8] = if template.authority { &[0x01, 0x01, 0xFF] } else { &[] };
    let mut out = extension(KEY_USAGE, true, &der::tagged(der::BIT_STRING, usage));
    out.extend(extension(EXTENDED_USAGE, false, &der::tagged(SEQUENCE, &purposes)));
    out.extend(extension(CONSTRAINTS, true, &der::tagged(SEQUENCE, authority)));
    if let Some(id) = own_id {
        out.extend(extension(SUBJECT_KEY, false, &der::tagged(OCTET_STRING, id)));
    }
    if let Some(id) = parent_id {
        out.extend(extension(AUTHORITY_KEY, false, &der::tagged(SEQUENCE, &der::tagged(0x80, id))));
    }
    let names = alternative_names(template)?;
    if !names.is_empty() {
        out.extend(extension(ALTERNATIVE_NAMES, nameless, &der::tagged(SEQUENCE, &names)));
    }
    Ok(out)
}

fn alternative_names(template: &Template<'_>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for name in &template.names {
        if !name.is_ascii() {
            let name = String::from_utf8_lossy(name);
            return Err(format!("x509: {name:?} cannot be encoded as an IA5String").into());
        }
        out.extend(der::tagged(0x82, name));
    }
    for address in &template.addresses {
        out.extend(match address {
            IpAddr::V4(address) => der::tagged(0x87, &address.octets()),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(address) => der::tagged(0x87, &address.octets()),
                None => der::tagged(0x87, &address.octets()),
            },
        });
    }
    Ok(out)
}
