//! Reading back.

use super::error::BackupError;
use super::manifest::{Entry, FORMAT, FORMAT_TEXT, Kind, LIMIT, MANIFEST, Manifest, PREFIX, Part, Summary};
use super::write::plain_for_backup;
use crate::error::HostError;
use crate::seal::{Identity, open};
use std::collections::BTreeSet;
use std::io::{self, Read};
use tar::EntryType;

/// Opens a sealed backup, as far as that can be told from its beginning.
pub fn unseal<R: Read>(sealed: R, identities: &[Identity]) -> Result<impl Read + use<R>, HostError> {
    Ok(open(sealed, identities).map_err(BackupError::from)?)
}

/// Reads an opened backup whole, and compares every byte with what its manifest says.
pub fn verify(opened: impl Read) -> Result<Summary, HostError> {
    let (manifest, text) = read(opened, &mut |_, content| {
        io::copy(content, &mut io::sink()).map(drop).map_err(|error| damaged(&error))
    })?;
    Ok(manifest.summary(&text))
}

fn damaged(error: &io::Error) -> HostError {
    BackupError::Damaged(error.to_string()).into()
}

/// Hands each entry to `take`, the bytes of files with it, and gives the manifest, which fits what was handed out. What
/// `take` leaves of a file is read all the same.
pub(super) fn read(
    opened: impl Read,
    take: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<(), HostError>,
) -> Result<(Manifest, Vec<u8>), HostError> {
    let wrong = |why: &str| HostError::from(BackupError::Damaged(why.to_owned()));
    let mut archive = tar::Archive::new(opened);
    let mut seen: Vec<Entry> = Vec::new();
    let mut manifest = None;
    let mut links = BTreeSet::new();
    let mut entries = archive.entries().map_err(|error| damaged(&error))?;
    let first = entries.next().transpose().map_err(|error| damaged(&error))?;
    let mut first = first.ok_or_else(|| wrong("it is empty"))?;
    if &*first.path_bytes() != FORMAT.as_bytes() || small(&mut first, 64)? != FORMAT_TEXT.as_bytes() {
        return Err(wrong("it is no backup of a format that this version knows"));
    }
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        if manifest.is_some() {
            return Err(wrong("there is something behind its manifest"));
        }
        if &*entry.path_bytes() == MANIFEST.as_bytes() {
            manifest = Some(small(&mut entry, LIMIT)?);
            continue;
        }
        let mut known = header(&entry)?;
        let inside =
            |link: &String| known.path.strip_prefix(link.as_str()).is_some_and(|it| it.starts_with('/'));
        if links.iter().any(inside) {
            return Err(BackupError::Refused { path: known.path, why: "lies behind a symlink" }.into());
        }
        if let Kind::Link(_) = known.kind {
            links.insert(known.path.clone());
        }
        let mut hashing = Hashing { inner: &mut entry, hasher: blake3::Hasher::new(), count: 0 };
        take(&known, &mut hashing)?;
        io::copy(&mut hashing, &mut io::sink()).map_err(|error| damaged(&error))?;
        if let Kind::File { size, blake3 } = &mut known.kind {
            *size = hashing.count;
            *blake3 = hashing.hasher.finalize().to_hex().to_string();
        }
        seen.push(known);
        if seen.len() as u64 > LIMIT / 64 {
            return Err(BackupError::TooMany.into());
        }
    }
    // Of a sealed stream the end proves that nothing was cut; the manifest does for any.
    zeros(&mut archive.into_inner())?;
    let text = manifest.ok_or_else(|| wrong("it ends before its manifest"))?;
    let manifest = Manifest::parse(&text)?;
    if let Some((is, _)) = seen.iter().zip(&manifest.entries).find(|(is, said)| is != said) {
        return Err(wrong(&format!("`/{}` is not what the manifest says", is.path)));
    }
    if seen.len() != manifest.entries.len() {
        return Err(wrong("it does not hold what the manifest says"));
    }
    let mut paths = BTreeSet::new();
    if let Some(twice) = seen.iter().find(|entry| !paths.insert(&entry.path)) {
        return Err(BackupError::Refused { path: twice.path.clone(), why: "stands twice" }.into());
    }
    Ok((manifest, text))
}

/// What the header of an entry says; of a file not yet its size and hash.
fn header<R: Read>(entry: &tar::Entry<'_, R>) -> Result<Entry, HostError> {
    let wrong = |why: &str| HostError::from(BackupError::Damaged(why.to_owned()));
    let bytes = entry.path_bytes();
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("a name is no text"))?;
    // Names of folders end with a slash in an archive.
    let path = text.strip_prefix(PREFIX).map(|it| it.trim_end_matches('/'));
    let path = path.ok_or_else(|| wrong("there is something that no backup has"))?.to_owned();
    let refused = |why| HostError::from(BackupError::Refused { path: path.clone(), why });
    if plain_for_backup(&path).is_err() {
        return Err(refused("is no plain path"));
    }
    if Part::of(&path).is_none() {
        return Err(refused("lies where no backup writes"));
    }
    let head = entry.header();
    let kind = match head.entry_type() {
        EntryType::Regular => Kind::File { size: 0, blake3: String::new() },
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            Kind::Link(String::from_utf8(target).map_err(|_| wrong("the target of a symlink is no text"))?)
        }
        _ => return Err(refused("is neither a file, a folder nor a symlink")),
    };
    let number = |it: io::Result<u64>| {
        it.ok().and_then(|it| u32::try_from(it).ok()).ok_or_else(|| wrong("an owner is no number"))
    };
    let mode = head.mode().map_err(|error| damaged(&error))? & 0o7777;
    Ok(Entry { kind, mode, user: number(head.uid())?, group: number(head.gid())?, path })
}

fn small(from: &mut impl Read, limit: u64) -> Result<Vec<u8>, HostError> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    if bytes.len() as u64 > limit {
        return Err(BackupError::TooMany.into());
    }
    Ok(bytes)
}

/// Reads to the end, where nothing but zeros may be.
fn zeros(rest: &mut impl Read) -> Result<(), HostError> {
    let mut buffer = [0; 4096];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) if buffer[..count].iter().all(|it| *it == 0) => {}
            Ok(_) => return Err(BackupError::Damaged("there is something behind its end".to_owned()).into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(damaged(&error)),
        }
    }
}

struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
    count: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.hasher.update(&out[..count]);
        self.count += count as u64;
        Ok(count)
    }
}
