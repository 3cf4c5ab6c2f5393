//! The tables of a bundle, and a reader that accounts for every byte.

use crate::BundleError;
use crate::contents::Contents;
use crate::header::{BLOCK, header, padding};
use crate::manifest::{Manifest, Member, PIECE};
use crate::release::Release;
use crate::slot::{SLOT_SIZE, Slot};
use gabion_digest::{Digest, DualHasher, Sha256};
use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

/// `RELEASE` of a hundred thousand members stays below, however long their paths are. Both tables are held
/// before any signature is judged.
pub(crate) const RELEASE_LIMIT: u64 = 32 << 20;
/// `bundle.json` of as many stays below, with paths of common length.
pub(crate) const TABLE_LIMIT: u64 = 64 << 20;

/// Reads from a position that errors can name.
pub(crate) struct Cursor<R> {
    pub(crate) reader: R,
    pub(crate) at: u64,
}

impl<R: Read> Cursor<R> {
    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), BundleError> {
        self.reader.read_exact(buffer).map_err(|source| BundleError::Read { at: self.at, source })?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    /// Reads a header and gives the size that it says, if it is exactly the header of `path`.
    fn header(&mut self, path: &str, size: Option<u64>) -> Result<u64, BundleError> {
        let at = self.at;
        let mut found = [0; BLOCK as usize];
        self.exact(&mut found)?;
        let wrong = || BundleError::damaged(at, format!("this is not the header of `{path}`"));
        let said = tar::Header::from_byte_slice(&found).entry_size().map_err(|_| wrong())?;
        let size = size.unwrap_or(said);
        if said != size || found != header(path, size)? {
            return Err(wrong());
        }
        Ok(size)
    }

    /// A small member whole, with its padding.
    fn small(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, BundleError> {
        let at = self.at;
        let size = self.header(path, None)?;
        if size > limit {
            return Err(BundleError::damaged(at, format!("`{path}` is larger than it can be")));
        }
        // Grows with what is really there, so that a lying header cannot ask for memory.
        let mut bytes = Vec::new();
        let start = self.at;
        let read = self.reader.by_ref().take(size).read_to_end(&mut bytes);
        read.map_err(|source| BundleError::Read { at: start, source })?;
        self.at += bytes.len() as u64;
        if bytes.len() as u64 != size {
            return Err(BundleError::damaged(self.at, format!("the bundle ends inside `{path}`")));
        }
        self.zeros(padding(size))?;
        Ok(bytes)
    }

    pub(crate) fn zeros(&mut self, count: u64) -> Result<(), BundleError> {
        let at = self.at;
        let mut bytes = vec![0; count as usize];
        self.exact(&mut bytes)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(BundleError::damaged(at, "padding is not zero"));
        }
        Ok(())
    }

    /// Hands the next bytes to `each`, in parts.
    fn feed(&mut self, size: u64, each: &mut dyn FnMut(&[u8])) -> Result<(), BundleError> {
        let mut buffer = vec![0; size.min(256 << 10) as usize];
        let mut left = size;
        while left > 0 {
            let count = left.min(buffer.len() as u64) as usize;
            self.exact(&mut buffer[..count])?;
            left -= count as u64;
            each(&buffer[..count]);
        }
        Ok(())
    }

    /// A content member, piece by piece: its pieces bind every byte. Where `sha256` is given, that and the
    /// BLAKE3 of the whole are checked too.
    pub(crate) fn content(&mut self, member: &Member, sha256: Option<Sha256>) -> Result<(), BundleError> {
        self.header(&member.path, Some(member.size))?;
        let differs = |at, table| {
            BundleError::damaged(at, format!("`{}` has other bytes than `{table}` says", member.path))
        };
        let begin = self.at;
        let mut whole = sha256.map(|_| DualHasher::new());
        // One piece alone is the whole: it is hashed once.
        let piecewise = whole.is_none() || !member.pieces.is_empty();
        for index in 0..piece_count(member) {
            let start = self.at;
            let mut piece = blake3::Hasher::new();
            self.feed((member.size - (start - begin)).min(PIECE), &mut |bytes| {
                if piecewise {
                    piece.update(bytes);
                }
                if let Some(whole) = &mut whole {
                    whole.update(bytes);
                }
            })?;
            let expected = member.pieces.get(index as usize).unwrap_or(&member.blake3);
            if piecewise && piece.finalize().as_bytes() != expected.as_bytes() {
                return Err(differs(start, "bundle.json"));
            }
        }
        match whole.map(DualHasher::finish) {
            Some(found) if found.blob != member.blob() => Err(differs(begin, "bundle.json")),
            Some(found) if Some(found.sha256) != sha256 => Err(differs(begin, "RELEASE")),
            _ => self.zeros(padding(member.size)),
        }
    }
}

pub(crate) fn piece_count(member: &Member) -> u64 {
    member.size.div_ceil(PIECE).max(1)
}

/// `RELEASE` as text; the reader is left behind it.
pub(crate) fn read_release(reader: &mut (impl Read + Seek)) -> Result<String, BundleError> {
    reader.seek(SeekFrom::Start(0)).map_err(|source| BundleError::Read { at: 0, source })?;
    let bytes = Cursor { reader, at: 0 }.small("RELEASE", RELEASE_LIMIT)?;
    String::from_utf8(bytes).map_err(|_| BundleError::damaged(BLOCK, "`RELEASE` is not text"))
}

/// Where the content of the slot begins.
pub(crate) fn slot_offset(release_size: u64) -> u64 {
    BLOCK + release_size + padding(release_size) + BLOCK
}

/// The tables of a bundle: read strictly, but nothing is trusted and no content is checked.
pub fn read_table(reader: &mut (impl Read + Seek)) -> Result<(Release, Slot, Manifest), BundleError> {
    let mut cursor = Cursor { reader, at: 0 };
    let (release, _, slot, manifest) = tables(&mut cursor)?;
    Ok((release, slot, manifest))
}

/// The table of a bundle, and where the content of each member begins: read strictly, but nothing is trusted and no
/// content is checked. Whoever reads there checks what it finds.
pub fn read_layout(reader: &mut (impl Read + Seek)) -> Result<(Manifest, Vec<u64>), BundleError> {
    let mut cursor = Cursor { reader, at: 0 };
    let (release, _, _, manifest) = tables(&mut cursor)?;
    consistent(&release, &manifest)?;
    let contents = Contents::new(cursor.reader, manifest, cursor.at)?;
    Ok((contents.manifest, contents.offsets))
}

pub(crate) fn tables<R: Read + Seek>(
    cursor: &mut Cursor<R>,
) -> Result<(Release, String, Slot, Manifest), BundleError> {
    cursor.reader.seek(SeekFrom::Start(0)).map_err(|source| BundleError::Read { at: 0, source })?;
    let text = cursor.small("RELEASE", RELEASE_LIMIT)?;
    let text = String::from_utf8(text).map_err(|_| BundleError::damaged(BLOCK, "`RELEASE` is not text"))?;
    let release = Release::parse(&text)
        .ok_or_else(|| BundleError::damaged(BLOCK, "`RELEASE` is not in its one form"))?;
    cursor.header("RELEASE.sig", Some(SLOT_SIZE as u64))?;
    let mut slot = vec![0; SLOT_SIZE];
    cursor.exact(&mut slot)?;
    let slot = Slot::parse(&slot)?;
    let at = cursor.at;
    let table = cursor.small("bundle.json", TABLE_LIMIT)?;
    if Digest::of(&table) != release.manifest
        || release.members.get("bundle.json") != Some(&Sha256::of(&table))
    {
        return Err(BundleError::damaged(at, "`bundle.json` has other bytes than `RELEASE` says"));
    }
    let manifest = std::str::from_utf8(&table).ok().and_then(Manifest::parse);
    let manifest =
        manifest.ok_or_else(|| BundleError::damaged(at, "`bundle.json` is not in its one form"))?;
    Ok((release, text, slot, manifest))
}

/// Both tables name the same members, and the pieces cover them.
pub(crate) fn consistent(release: &Release, manifest: &Manifest) -> Result<(), BundleError> {
    let wrong = |what: String| Err(BundleError::damaged(0, what));
    if let Some(feature) = manifest.features.incompatible.first() {
        return Err(BundleError::Feature(feature.clone()));
    }
    if release.name != manifest.name || release.platform != manifest.platform {
        return wrong("`RELEASE` and `bundle.json` are of different bundles".to_owned());
    }
    if let Some(path) = release.collision() {
        return wrong(format!("`{path}` differs from another member only by case"));
    }
    let mut left: BTreeSet<&str> = release.members.keys().map(String::as_str).collect();
    left.remove("bundle.json");
    for member in manifest.members.iter() {
        let pieces = if member.size > PIECE { piece_count(member) } else { 0 };
        if !left.remove(member.path.as_str())
            || member.pieces.len() as u64 != pieces
            || member.location != "inline"
        {
            return wrong(format!("`RELEASE` and `bundle.json` do not agree on `{}`", member.path));
        }
    }
    match left.first() {
        Some(path) => wrong(format!("`bundle.json` does not have `{path}`")),
        None => Ok(()),
    }
}
