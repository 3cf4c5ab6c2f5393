//! Bundles that lie on the host, whole: what it heals and goes back from.

use crate::error::HostError;
use crate::root::Root;
use gabion_bundle::{Policy, Verified, verify};
use gabion_digest::Sha256;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

const PACKS: &str = "var/lib/gabion/packs";

fn path(digest: &Sha256) -> String {
    format!("{PACKS}/{}.gabion", digest.hex())
}

/// Puts a bundle among the packs; gives it as it lies there.
pub fn take<R: Read + Seek>(
    root: &Root,
    mut from: R,
    policy: &Policy<'_>,
) -> Result<Verified<BufReader<File>>, HostError> {
    let digest = verify(&mut from, policy)?.digest;
    let path = path(&digest);
    if !root.exists(&path).map_err(|source| HostError::read(&path, source))? {
        root.make_folder(PACKS, 0o700).map_err(|source| HostError::write(PACKS, source))?;
        from.rewind().map_err(|source| HostError::content(&path, source))?;
        root.write(&path, 0o600, &mut |out| io::copy(&mut from, out).map(drop))
            .map_err(|source| HostError::from_produce(&path, source))?;
    }
    let file = open(root, &digest)?;
    Ok(verify(BufReader::new(file), policy)?)
}

/// A bundle among the packs.
pub fn open(root: &Root, digest: &Sha256) -> Result<File, HostError> {
    let path = path(digest);
    let opened = root.open_file(&path).map_err(|source| HostError::read(&path, source))?;
    let gone = || HostError::read(&path, io::ErrorKind::NotFound.into());
    opened.map(|(file, _)| file).ok_or_else(gone)
}

/// Removes every pack but these.
pub fn keep(root: &Root, digests: &[Sha256]) -> Result<(), HostError> {
    let keep: Vec<String> = digests.iter().map(|it| format!("{}.gabion", it.hex())).collect();
    for name in root.names(PACKS).map_err(|source| HostError::read(PACKS, source))? {
        if !keep.contains(&name) {
            let path = format!("{PACKS}/{name}");
            root.remove(&path).map_err(|source| HostError::write(&path, source))?;
        }
    }
    Ok(())
}
