//! Signed records: many statements under one signature, each of which stands alone.
//!
//! # Invariants
//! - A statement counts only for the key, the namespace and the signer of the slot that it was found in.
//! - The signature is checked before a byte of any blob is asked for.
//! - Of one batch the signature is checked once, so that many records cost no more than hashing them.

use crate::merkle;
use crate::{CacheError, Namespace, Posted, RECORD_MAX, Signer, Slot, Statement};
use bytes::Bytes;
use gabion_digest::Digest;
use gabion_keys::{KeyError, Signatures, SigningKey};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The namespace of the signatures; those of bundles have others.
pub const SIGNED_AS: &str = "gabion-cache-v1";
const HEADER: &str = "gabion-signed 1\n";

/// What is signed: a batch.
struct Batch<'n> {
    namespace: &'n Namespace,
    count: u64,
    root: Digest,
}

impl Batch<'_> {
    fn message(&self) -> String {
        let Self { namespace, count, root } = self;
        format!("gabion-batch 1\nnamespace {namespace}\ncount {count}\nroot {root}\n")
    }
}

/// Signs `statements` for `namespace`, all of them with one signature. What has no text or is too large is left out.
pub fn seal(
    key: &SigningKey,
    namespace: &Namespace,
    statements: Vec<Statement>,
) -> Result<Vec<Posted>, KeyError> {
    let unknown = || KeyError::Signature("its key is none of Ed25519".to_owned());
    let signer = Signer::from(key.id().ok_or_else(unknown)?);
    let small = |text: &String| (text.len() as u64) < RECORD_MAX - (64 << 10);
    let statements: Vec<(Statement, String)> =
        statements.into_iter().filter_map(|it| it.to_text().filter(small).map(|text| (it, text))).collect();
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let (statements, texts): (Vec<Statement>, Vec<String>) = statements.into_iter().unzip();
    let (root, ways) = merkle::tree(&texts);
    let count = texts.len() as u64;
    let mut signatures = Signatures::default();
    signatures.add(key.sign(SIGNED_AS, Batch { namespace, count, root }.message().as_bytes())?);
    let signature = signatures.to_text().map_err(|why| KeyError::Signature(why.to_owned()))?;
    let posted = (0_u64..).zip(statements).zip(texts.iter().zip(&ways));
    let posted = posted.map(|((index, statement), (text, way))| {
        let mut out = format!("{HEADER}namespace {namespace}\ncount {count}\nleaf {index}\n");
        for it in way {
            let _ = writeln!(out, "way {it}");
        }
        let _ = write!(out, "statement {}\n{text}{signature}", text.len());
        let slot = Slot { namespace: namespace.clone(), key: statement.key(), signer };
        Posted { slot, bytes: Bytes::from(out), blobs: statement.blobs() }
    });
    Ok(posted.collect())
}

/// Judges what was found in slots, and remembers which signatures it checked.
#[derive(Debug, Default)]
pub struct Judge {
    /// Digests of batches with their signatures, with who signed them.
    checked: BTreeSet<(Digest, Signer)>,
}

impl Judge {
    /// The statement in `bytes`, which were found in `slot` of `remote`.
    pub fn open(&mut self, remote: &str, slot: &Slot, bytes: &[u8]) -> Result<Statement, CacheError> {
        self.judge(slot, bytes).map_err(|why| CacheError::Record {
            remote: remote.to_owned(),
            key: slot.key.to_string(),
            signer: slot.signer.to_string(),
            why,
        })
    }

    fn judge(&mut self, slot: &Slot, bytes: &[u8]) -> Result<Statement, String> {
        let wire = std::str::from_utf8(bytes).ok().and_then(Wire::parse).ok_or("it cannot be read")?;
        if wire.namespace != slot.namespace.as_str() {
            return Err(format!("it is for the namespace `{}`", wire.namespace));
        }
        let root = merkle::root(wire.text, wire.leaf, wire.count, &wire.way);
        let root = root.ok_or("it has no place in what was signed")?;
        let message = Batch { namespace: &slot.namespace, count: wire.count, root }.message();
        let known = (Digest::of(format!("{message}{}", wire.signature).as_bytes()), slot.signer);
        if !self.checked.contains(&known) {
            let (signatures, rest) = Signatures::read(wire.signature)?;
            let signers: Vec<Signer> = signatures.keys().into_iter().map(Signer::from).collect();
            if let Some(other) = signers.iter().find(|it| **it != slot.signer) {
                return Err(format!("`{other}` signed it"));
            }
            if signers.is_empty() || !rest.is_empty() {
                return Err("it is not signed".to_owned());
            }
            signatures.check(SIGNED_AS, message.as_bytes()).map_err(|error| error.to_string())?;
            self.checked.insert(known);
        }
        let statement = Statement::parse(wire.text).ok_or("its statement cannot be read")?;
        if statement.key() != slot.key {
            return Err(format!("it is about {}", statement.key()));
        }
        Ok(statement)
    }
}

/// The text of a signed record, taken apart.
struct Wire<'t> {
    namespace: &'t str,
    count: u64,
    leaf: u64,
    way: Vec<Digest>,
    text: &'t str,
    signature: &'t str,
}

impl<'t> Wire<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let rest = &mut text.strip_prefix(HEADER)?;
        let namespace = line(rest, "namespace ")?;
        let count = line(rest, "count ")?.parse().ok()?;
        let leaf = line(rest, "leaf ")?.parse().ok()?;
        let mut way = Vec::new();
        while let Some(it) = line(rest, "way ") {
            way.push(it.parse().ok()?);
        }
        let length = line(rest, "statement ")?.parse().ok()?;
        let (text, signature) = rest.split_at_checked(length)?;
        Some(Self { namespace, count, leaf, way, text, signature })
    }
}

/// Takes the next line if it begins with `name`.
fn line<'t>(rest: &mut &'t str, name: &str) -> Option<&'t str> {
    let (line, after) = rest.strip_prefix(name)?.split_once('\n')?;
    *rest = after;
    Some(line)
}
