//! Signing: the slot of a bundle is rewritten in place, and no other byte changes.
//!
//! Whoever changes the slot of a file that others may change too opens it with [`open_slot`].

use crate::BundleError;
use crate::header::BLOCK;
use crate::promotion::SignedPromotion;
use crate::release::Release;
use crate::role::Role;
use crate::slot::{SLOT_SIZE, Slot};
use crate::trust::TrustRoot;
use gabion_keys::Signatures;
use gabion_keys::SigningKey;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Opens a bundle to change its slot, and waits until nobody else does. Others wait until the file is
/// closed; whoever only reads never waits.
pub fn open_slot(path: &Path) -> Result<File, BundleError> {
    let failed = |operation, source| BundleError::Io { operation, path: path.to_owned(), source };
    let mut options = fs_err::OpenOptions::new();
    let file =
        options.read(true).write(true).open(path).map_err(|source| failed("open", source))?.into_file();
    rustix::fs::flock(&file, FlockOperation::LockExclusive).map_err(|error| failed("lock", error.into()))?;
    Ok(file)
}

/// Empties the slot of a bundle if what it holds cannot be used: a write of it was cut. One that can be
/// used stays as it is.
pub fn mend_slot(bundle: &mut (impl Read + Write + Seek)) -> Result<(), BundleError> {
    let (text, at, bytes) = read_slot(bundle)?;
    match usable(&bytes, &text) {
        Ok(_) => Ok(()),
        Err(_) => write_slot(bundle, at, &Slot::default()),
    }
}

/// Adds a signature over `RELEASE` to a bundle.
///
/// Reads `RELEASE` only; what is signed is what the table says, and [`crate::verify()`] says whether
/// the rest fits it.
pub fn sign_bundle(bundle: &mut (impl Read + Write + Seek), key: &SigningKey) -> Result<(), BundleError> {
    edit(bundle, |text, slot| {
        slot.release.add(key.sign(Role::Release.namespace(), text.as_bytes())?);
        Ok(())
    })
}

/// Puts a promotion into a bundle, in the place of the one that it had.
pub fn promote_bundle(
    bundle: &mut (impl Read + Write + Seek),
    promotion: &SignedPromotion,
) -> Result<(), BundleError> {
    edit(bundle, |text, slot| {
        let digest = gabion_digest::Sha256::of(text.as_bytes());
        crate::policy::same_bundle(promotion.promotion(), digest)?;
        slot.promotion = Some(promotion.clone());
        Ok(())
    })
}

/// Adds the signature of `key` over a trust root to `before`, the signatures that it has already. Gives
/// the text of `root.N.json.sig`.
pub fn sign_root(root: &str, before: &str, key: &SigningKey) -> Result<String, BundleError> {
    let wrong = |what: &str| BundleError::Root(format!("its signatures: {what}"));
    TrustRoot::parse(root)?;
    let (mut signatures, rest) = Signatures::read(before).map_err(wrong)?;
    if !rest.is_empty() {
        return Err(wrong("there is something behind their end"));
    }
    signatures.check(Role::Root.namespace(), root.as_bytes())?;
    signatures.add(key.sign(Role::Root.namespace(), root.as_bytes())?);
    signatures.to_text().map_err(wrong)
}

/// Reads the slot, lets `change` have it together with the text of `RELEASE`, and writes it back. A slot
/// of which something does not fit is refused: nobody would accept what is added to it.
fn edit(
    bundle: &mut (impl Read + Write + Seek),
    change: impl FnOnce(&str, &mut Slot) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let (text, at, bytes) = read_slot(bundle)?;
    let mut slot = usable(&bytes, &text)?;
    change(&text, &mut slot)?;
    write_slot(bundle, at, &slot)
}

fn usable(bytes: &[u8], release: &str) -> Result<Slot, BundleError> {
    let slot = Slot::parse(bytes)?;
    slot.check(release.as_bytes())?;
    Ok(slot)
}

/// The text of `RELEASE`, where the slot's content begins, and what it is.
fn read_slot(bundle: &mut (impl Read + Seek)) -> Result<(String, u64, Vec<u8>), BundleError> {
    let text = crate::tables::read_release(bundle)?;
    Release::parse(&text).ok_or_else(|| BundleError::damaged(BLOCK, "`RELEASE` is not in its one form"))?;
    let at = crate::tables::slot_offset(text.len() as u64);
    let failed = |source| BundleError::Read { at, source };
    let mut bytes = vec![0; SLOT_SIZE];
    bundle.seek(SeekFrom::Start(at)).map_err(failed)?;
    bundle.read_exact(&mut bytes).map_err(failed)?;
    Ok((text, at, bytes))
}

fn write_slot(bundle: &mut (impl Write + Seek), at: u64, slot: &Slot) -> Result<(), BundleError> {
    let bytes = slot.to_bytes()?;
    let failed = |source| BundleError::Io { operation: "write", path: "RELEASE.sig".into(), source };
    bundle.seek(SeekFrom::Start(at)).map_err(failed)?;
    bundle.write_all(&bytes).map_err(failed)?;
    bundle.flush().map_err(failed)
}
