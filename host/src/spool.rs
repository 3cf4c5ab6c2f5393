//! Bundles on the host: `var/lib/gabion/packs/HEX.gabion`, whole and byte for byte, where HEX is the bundle's digest.
//!
//! # Invariants
//! - A bundle has its name only after every byte of it was read back from the disk and judged.
//! - Until then it is `HEX.gabion.part`. Whatever ends a run, the next one keeps every piece of that file that is
//!   right, and no other.
//! - What comes is trusted no more than what lies here already: each piece is checked against the signed table before
//!   it is written. Headers, padding and tables are not taken from anywhere; they follow from the table.
//! - One piece is held in memory, beside the tables.

mod error;
mod older;

pub use error::SpoolError;

use crate::error::HostError;
use crate::power::step;
use crate::room;
use crate::root::Root;
use gabion_bundle::{BundleError, Opened, PIECE, Policy, Verified};
use gabion_digest::{Digest, Sha256};
use older::{Older, read_piece};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::FileExt;

/// The folder of bundles.
const PACKS: &str = "var/lib/gabion/packs";
const PACK: &str = ".gabion";
const PART: &str = ".gabion.part";

/// A bundle that came to rest here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its digest.
    pub digest: Sha256,
    /// Bytes that were read from where it comes from.
    pub read: u64,
    /// Bytes that were here already, in an older bundle or from a run that was interrupted.
    pub reused: u64,
    /// Bytes of the whole.
    pub total: u64,
}

fn path(digest: &Sha256, ending: &str) -> String {
    format!("{PACKS}/{}{ending}", digest.hex())
}

/// A bundle that lies here, every byte of which was just read and checked.
pub type Pack = Verified<BufReader<File>>;

/// Brings the bundle in `from` to rest in `root`: signatures first, as `policy` asks, then what is not here yet.
///
/// Whoever calls it holds the lock of `root`.
pub fn take<R: Read + Seek>(root: &Root, from: R, policy: &Policy<'_>) -> Result<(Taken, Pack), HostError> {
    take_opened(root, gabion_bundle::open(from, policy).map_err(SpoolError::from)?, policy)
}

/// The same for a bundle that is open, by the policy that it was opened with.
pub fn take_opened<R: Read + Seek>(
    root: &Root,
    mut from: Opened<R>,
    policy: &Policy<'_>,
) -> Result<(Taken, Pack), HostError> {
    let (name, part) = (path(&from.digest, PACK), path(&from.digest, PART));
    let head = from.head().map_err(SpoolError::from)?;
    let mut taken = Taken { digest: from.digest, read: head.len() as u64, reused: 0, total: from.size };
    if let Some(pack) = here(root, &from, &head, policy)? {
        taken.reused = taken.total - taken.read;
        return Ok((taken, pack));
    }
    root.make_folder(PACKS, 0o700).map_err(|source| HostError::write(PACKS, source))?;
    let mut older = Older::look(root).map_err(|source| HostError::read(PACKS, source))?;
    let target = Target::open(root, &part, from.size)?;
    room::check(root, [(part.as_str(), from.size - target.there)])?;
    target.write(0, &head)?;
    let members = from.manifest().members.clone();
    let mut piece = Vec::new();
    let mut end = head.len() as u64;
    for (place, member) in members.iter().enumerate() {
        let frame = from.frame(place).map_err(SpoolError::from)?;
        target.write(end, &frame.header)?;
        let names =
            if member.pieces.is_empty() { std::slice::from_ref(&member.blake3) } else { &member.pieces };
        for (index, name) in names.iter().enumerate() {
            let begin = index as u64 * PIECE;
            let (at, size) = (frame.at + begin, (member.size - begin).min(PIECE));
            if target.has(at, size, name, &mut piece) {
                taken.reused += size;
                continue;
            }
            if older.read(name, size, &mut piece) {
                taken.reused += size;
            } else {
                from.read_piece(place, index, &mut piece).map_err(SpoolError::source)?;
                taken.read += size;
            }
            target.write(at, &piece)?;
        }
        end = frame.at + member.size + frame.padding;
        target.write(end - frame.padding, &vec![0; frame.padding as usize])?;
    }
    target.write(end, &vec![0; (from.size - end) as usize])?;
    let pack = target.finish(root, &name, from.digest, policy)?;
    Ok((taken, pack))
}

/// The bundle, if it lies here to the last byte, its signatures included.
fn here<R: Read + Seek>(
    root: &Root,
    from: &Opened<R>,
    head: &[u8],
    policy: &Policy<'_>,
) -> Result<Option<Pack>, HostError> {
    let name = path(&from.digest, PACK);
    let reading = |source| HostError::read(&name, source);
    let Some((file, found)) = root.open_file(&name).map_err(reading)? else { return Ok(None) };
    let mut there = vec![0; head.len()];
    if found.size != from.size || file.read_exact_at(&mut there, 0).is_err() || there != head {
        return Ok(None);
    }
    Ok(gabion_bundle::verify(buffered(file), policy).ok().filter(|it| it.digest == from.digest))
}

fn buffered(file: File) -> BufReader<File> {
    BufReader::with_capacity(256 << 10, file)
}

/// The file that a bundle is written to.
struct Target<'p> {
    file: File,
    part: &'p str,
    /// How much an earlier run left.
    there: u64,
}

impl<'p> Target<'p> {
    fn open(root: &Root, part: &'p str, size: u64) -> Result<Self, HostError> {
        let failed = |source| HostError::write(part, source);
        let file = root.open_to_go_on(part, 0o600).map_err(failed)?;
        let there = file.metadata().map_err(failed)?.len().min(size);
        file.set_len(there).map_err(failed)?;
        Ok(Self { file, part, there })
    }

    /// Whether an earlier run left these very bytes.
    fn has(&self, at: u64, size: u64, name: &Digest, piece: &mut Vec<u8>) -> bool {
        at + size <= self.there && read_piece(&self.file, at, size, name, piece)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), HostError> {
        let written = step().map_err(io::Error::from).and_then(|()| self.file.write_all_at(bytes, at));
        written.map_err(|source| HostError::write(self.part, source))
    }

    /// Syncs the file, reads every byte of it back, and gives it its name.
    fn finish(self, root: &Root, name: &str, digest: Sha256, policy: &Policy<'_>) -> Result<Pack, HostError> {
        let Self { file, part, .. } = self;
        let failed = |source| HostError::write(part, source);
        file.sync_all().map_err(failed)?;
        // What was written is still in memory; the disk is to say what it has.
        let _advised = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        let wrong = |source| SpoolError::Disk { path: part.to_owned(), source };
        let pack = gabion_bundle::verify(buffered(file), policy).map_err(wrong)?;
        if pack.digest != digest {
            let what = "it is another bundle".to_owned();
            return Err(wrong(BundleError::Damaged { at: 0, what }).into());
        }
        root.rename(part, name).map_err(|source| HostError::write(name, source))?;
        Ok(pack)
    }
}

/// Whether a bundle has its name here.
pub fn holds(root: &Root, digest: &Sha256) -> Result<bool, HostError> {
    let name = path(digest, PACK);
    root.exists(&name).map_err(|source| HostError::read(&name, source))
}

/// Lets a bundle go that came to rest here.
pub fn forget(root: &Root, digest: &Sha256) -> Result<(), HostError> {
    let name = path(digest, PACK);
    root.remove(&name).map_err(|source| HostError::write(&name, source))
}

/// Opens a bundle that lies in `root`. Whoever uses it verifies it: disks forget.
pub fn open(root: &Root, digest: &Sha256) -> Result<File, HostError> {
    let name = path(digest, PACK);
    let found = root.open_file(&name).map_err(|source| HostError::read(&name, source))?;
    let missing = || SpoolError::Missing { digest: digest.to_string() };
    Ok(found.ok_or_else(missing)?.0)
}

/// Removes every bundle of `root` but these, and what runs left that did not come to their end, but for runs that
/// would bring one of these. Gives the names of the files that went.
pub fn keep(root: &Root, digests: &[Sha256]) -> Result<Vec<String>, HostError> {
    let mut gone = Vec::new();
    let names = root.names(PACKS).map_err(|source| HostError::read(PACKS, source))?;
    for name in &names {
        let (hex, is_part) = match (name.strip_suffix(PART), name.strip_suffix(PACK)) {
            (Some(hex), _) => (hex, true),
            (None, Some(hex)) => (hex, false),
            (None, None) => continue,
        };
        let Ok(digest) = Sha256::from_hex(hex) else { continue };
        let stale = is_part && names.contains(&format!("{hex}{PACK}"));
        if stale || !digests.contains(&digest) {
            let file = format!("{PACKS}/{name}");
            root.remove(&file).map_err(|source| HostError::write(&file, source))?;
            gone.push(name.clone());
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests;
