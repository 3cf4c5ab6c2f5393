//! `NAME.secrets.age`: values for one bundle on one host, sealed.
//!
//! Inside is JSON, plain to people who open it with `age -d`:
//! `{"format":1,"bundle":"platform","serial":3,"host":"prod","recipients":["age1…"],"values":{"db":"BASE64"}}`.
//! The recipients stand there because an age file does not name them, and whoever sets a value seals for all of them
//! again.

use super::error::SecretsError;
use crate::seal::{Identity, Recipient, SealError, open, seal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_digest::Digest;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// A secret value. Nothing prints it, and its memory is wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Zeroizing<Vec<u8>>);

impl Value {
    /// A value of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads one of at most 1 MiB, which is what Kubernetes takes.
    pub fn read(reader: impl Read) -> io::Result<Self> {
        read_secret(reader, VALUE_LIMIT).map(Self)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A name for the value that says nothing to who has not `key`.
    pub fn fingerprint(&self, key: &[u8; 32], name: &str) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(key);
        feed(&mut hasher, name.as_bytes());
        feed(&mut hasher, &self.0);
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

/// Objects of Kubernetes are not larger.
const VALUE_LIMIT: usize = 1 << 20;
/// All values of a bundle.
const LIMIT: usize = 16 << 20;

fn feed(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Reads to the end, and leaves no copy behind in memory when it needs more room.
pub(super) fn read_secret(mut reader: impl Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut all = Zeroizing::new(vec![0; 4096]);
    let mut filled = 0;
    loop {
        if filled == all.len() {
            if filled > limit {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than it can be"));
            }
            let mut more = Zeroizing::new(vec![0; filled * 2]);
            more[..filled].copy_from_slice(&all);
            all = more;
        }
        match reader.read(&mut all[filled..]) {
            Ok(0) if filled > limit => {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than it can be"));
            }
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    all.truncate(filled);
    Ok(all)
}

/// What a sidecar holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// Name of the bundle.
    pub bundle: String,
    /// Rises with every change.
    pub serial: u64,
    /// Which host it is for; `*` is every host that can open it.
    pub host: String,
    /// Who can open it, `age1…`.
    pub recipients: BTreeSet<String>,
    /// The values by name.
    pub values: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'t> {
    format: u32,
    bundle: String,
    serial: u64,
    host: String,
    #[serde(default)]
    recipients: BTreeSet<String>,
    #[serde(borrow)]
    values: BTreeMap<String, Borrowed<'t>>,
}

/// Text that is not copied unless JSON wrote it with escapes, which base64 has no need of.
#[derive(Deserialize)]
struct Borrowed<'t>(#[serde(borrow)] Cow<'t, str>);

impl Sidecar {
    /// An empty one.
    pub fn new(bundle: &str, host: &str) -> Self {
        Self {
            bundle: bundle.to_owned(),
            serial: 0,
            host: host.to_owned(),
            recipients: BTreeSet::new(),
            values: BTreeMap::new(),
        }
    }

    /// The plain text.
    pub fn to_text(&self) -> Zeroizing<String> {
        let encoded = |it: &Value| it.bytes().len().div_ceil(3) * 4;
        let room: usize = self.values.iter().map(|(name, it)| name.len() * 6 + encoded(it) + 8).sum();
        let names = self.recipients.iter().map(|it| it.len() + 3).sum::<usize>();
        // Room for all of it at once: a text that grows leaves copies behind.
        let mut out = Zeroizing::new(String::with_capacity(room + names + self.bundle.len() * 6 + 1024));
        let head = serde_json::json!({
            "format": 1,
            "bundle": self.bundle,
            "serial": self.serial,
            "host": self.host,
            "recipients": self.recipients,
        });
        let head = head.to_string();
        out.push_str(head.trim_end_matches('}'));
        out.push_str(",\"values\":{");
        for (index, (name, value)) in self.values.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&serde_json::Value::from(name.as_str()).to_string());
            out.push_str(":\"");
            STANDARD.encode_string(value.bytes(), &mut out);
            out.push('"');
        }
        out.push_str("}}\n");
        out
    }

    /// Reads the plain text.
    pub fn parse(text: &[u8]) -> Result<Self, SecretsError> {
        // What the parser says of a wrong type repeats the value; its kind and place do not.
        let wrong = |error: serde_json::Error| {
            SecretsError::Format(format!(
                "line {} column {} is not as it must be",
                error.line(),
                error.column()
            ))
        };
        let wire: Wire<'_> = serde_json::from_slice(text).map_err(wrong)?;
        if wire.format != 1 {
            return Err(SecretsError::Format(format!(
                "their format is {}, and this version reads 1",
                wire.format
            )));
        }
        let mut values = BTreeMap::new();
        for (name, Borrowed(encoded)) in wire.values {
            // Room for all of it at once, as above.
            let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
            let decoded = STANDARD.decode_vec(encoded.as_bytes(), &mut bytes);
            decoded.map_err(|_| SecretsError::Format(format!("the value `{name}` is no base64")))?;
            if bytes.len() > VALUE_LIMIT {
                return Err(SecretsError::Format(format!("the value `{name}` is larger than 1 MiB")));
            }
            values.insert(name, Value(bytes));
        }
        let Wire { bundle, serial, host, recipients, .. } = wire;
        if !is_plain(&bundle) {
            return Err(SecretsError::Format("they name no bundle".to_owned()));
        }
        Ok(Self { bundle, serial, host, recipients, values })
    }

    /// Seals it for its recipients.
    pub fn seal(&self, out: impl Write) -> Result<io::Result<()>, SealError> {
        let recipients =
            self.recipients.iter().map(|it| it.parse()).collect::<Result<Vec<Recipient>, _>>()?;
        let written = seal(&recipients, out)?.and_then(|mut out| {
            out.write_all(self.to_text().as_bytes())?;
            out.finish()?.flush()
        });
        Ok(written)
    }

    /// Opens and reads one.
    pub fn open(sealed: impl Read, identities: &[Identity]) -> Result<Self, SecretsError> {
        let opened = open(sealed, identities)?;
        let text = read_secret(opened, LIMIT).map_err(|error| SealError::Damaged(error.to_string()))?;
        Self::parse(&text)
    }

    /// Reads one that is not sealed.
    pub fn read(plain: impl Read) -> Result<Self, SecretsError> {
        let text = read_secret(plain, LIMIT).map_err(|error| SecretsError::Format(error.to_string()))?;
        Self::parse(&text)
    }

    /// A name for everything that a host takes from it, which says nothing to who has not `key`.
    pub fn fingerprint(&self, key: &[u8; 32]) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(key);
        feed(&mut hasher, self.bundle.as_bytes());
        feed(&mut hasher, self.host.as_bytes());
        for (name, value) in &self.values {
            feed(&mut hasher, name.as_bytes());
            feed(&mut hasher, value.bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

/// Whether this can be the name of a file.
pub(super) fn is_plain(name: &str) -> bool {
    let good = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
    !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar() -> Sidecar {
        let mut it = Sidecar { serial: u64::MAX, ..Sidecar::new("b", "prod") };
        it.values.insert("db#user".to_owned(), Value::new(b"\x00\xff binary".to_vec()));
        it.values.insert("empty".to_owned(), Value::new(Vec::new()));
        it
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut it = sidecar();
        assert_eq!(Sidecar::parse(it.to_text().as_bytes()).unwrap(), it);
        let identity = Identity::generate();
        assert!(matches!(it.seal(Vec::new()), Err(SealError::Nobody)));
        it.recipients.insert(identity.recipient().to_string());
        let mut sealed = Vec::new();
        it.seal(&mut sealed).unwrap().unwrap();
        assert_eq!(Sidecar::open(sealed.as_slice(), &[identity]).unwrap(), it);
    }

    #[test]
    fn no_value_is_shown() {
        let mut it = sidecar();
        it.values.insert("pin".to_owned(), Value::new(b"hunter2".to_vec()));
        assert!(!format!("{it:?}").contains("hunter2"));
        let text = it.to_text().replace("\"serial\":18446744073709551615", "\"serial\":\"aHVudGVyMg==\"");
        let error = format!("{:?}", Sidecar::parse(text.as_bytes()).unwrap_err());
        assert!(!error.contains("aHVudGVyMg"), "{error}");
        let error = Sidecar::parse(text.replace("18446744073709551615", "1").as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("aHVudGVyMg"), "{error}");
    }

    #[test]
    fn a_fingerprint_needs_the_key_and_the_name() {
        let value = Value::new(b"1234".to_vec());
        let print = |key: u8, name: &str| value.fingerprint(&[key; 32], name);
        assert_eq!(print(1, "a"), print(1, "a"));
        assert!(print(1, "a") != print(2, "a") && print(1, "a") != print(1, "b"));
        let (mut one, two) = (sidecar(), sidecar());
        one.recipients.insert("age1x".to_owned());
        one.serial = 3;
        assert_eq!(one.fingerprint(&[1; 32]), two.fingerprint(&[1; 32]));
    }

    #[test]
    fn more_than_a_host_takes_is_refused() {
        assert!(Value::read(io::repeat(7).take(1 << 20)).is_ok());
        let error = Value::read(io::repeat(7).take((1 << 20) + 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
