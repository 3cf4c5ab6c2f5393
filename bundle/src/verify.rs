//! Verification: every byte of the file is accounted for, or the bundle is refused.

use crate::BundleError;
use crate::chain;
use crate::header::{BLOCK, padding};
use crate::manifest::{Manifest, PIECE};
use crate::policy::{Policy, Promoted};
use crate::tables::{Cursor, consistent, piece_count, tables};
use crate::trust::TrustRoot;
use gabion_digest::{Digest, Sha256};
use std::io::{self, Read, Seek, SeekFrom};

/// A bundle whose every byte was checked and whose signers are trusted.
#[derive(Debug)]
pub struct Verified<R> {
    contents: Contents<R>,
    /// The bundle's digest.
    pub digest: Sha256,
    /// Fingerprints of the trusted keys that signed.
    pub signers: Vec<String>,
    /// The promotion, where one was judged.
    pub promotion: Option<Promoted>,
    /// The trust root that judged: the given one, or the newest that it vouches for.
    pub root: TrustRoot,
    /// Size of the file.
    pub size: u64,
}

/// The members of a bundle by name, each piece checked when it is read.
#[derive(Debug)]
struct Contents<R> {
    reader: R,
    manifest: Manifest,
    /// Where the content of each member begins, in the order of the manifest.
    offsets: Vec<u64>,
}

impl<R: Read + Seek> Contents<R> {
    /// The members that `manifest` lists, the first one's header at `at`.
    fn new(reader: R, manifest: Manifest, mut at: u64) -> Result<Self, BundleError> {
        let mut offsets = Vec::with_capacity(manifest.members.len());
        for member in manifest.members.iter() {
            offsets.push(at + BLOCK);
            let end =
                member.size.checked_add(2 * BLOCK + padding(member.size)).and_then(|it| it.checked_add(at));
            let end = end.ok_or_else(|| BundleError::damaged(at, "a size is larger than any file"))?;
            at = end - BLOCK;
        }
        Ok(Self { reader, manifest, offsets })
    }

    fn copy(&mut self, path: &str, out: &mut dyn io::Write) -> io::Result<()> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let index = self.manifest.members.position(path);
        let index = index.ok_or_else(|| invalid(format!("the bundle has no `{path}`")))?;
        let member = &self.manifest.members[index];
        self.reader.seek(SeekFrom::Start(self.offsets[index]))?;
        let mut left = member.size;
        for index in 0..piece_count(member) {
            let size = left.min(PIECE);
            left -= size;
            let mut piece = vec![0; size as usize];
            self.reader.read_exact(&mut piece)?;
            let expected = member.pieces.get(index as usize).unwrap_or(&member.blake3);
            if Digest::of(&piece) != *expected {
                return Err(invalid(format!("`{path}` changed after it was verified")));
            }
            out.write_all(&piece)?;
        }
        Ok(())
    }

    /// A small member as text, before the whole file was checked: it must prove itself.
    fn text(&mut self, path: &str) -> Result<String, BundleError> {
        let index = self.manifest.members.position(path);
        let at = index.map_or(0, |index| self.offsets[index]);
        let wrong = |what: &str| BundleError::damaged(at, format!("`{path}` {what}"));
        if index.is_none_or(|index| self.manifest.members[index].size > chain::LIMIT) {
            return Err(wrong("is larger than it can be"));
        }
        let mut bytes = Vec::new();
        self.copy(path, &mut bytes).map_err(|source| match source.kind() {
            io::ErrorKind::InvalidData => wrong("has other bytes than `bundle.json` says"),
            _ => BundleError::Read { at, source },
        })?;
        String::from_utf8(bytes).map_err(|_| wrong("is not text"))
    }
}

/// Checks every byte and every signature of a bundle against what `policy` asks.
///
/// `bundle.json`, which is bound by both digests, binds every byte by the BLAKE3 of its piece. With
/// `policy.full` the SHA-256 and the BLAKE3 of every whole member are checked too. A promotion is judged for everything but the host,
/// which [`Promoted::admit`] judges.
pub fn verify<R: Read + Seek>(reader: R, policy: &Policy<'_>) -> Result<Verified<R>, BundleError> {
    let mut cursor = Cursor { reader, at: 0 };
    let (release, text, slot, manifest) = tables(&mut cursor)?;
    slot.check(text.as_bytes())?;
    consistent(&release, &manifest)?;
    let mut contents = Contents::new(cursor.reader, manifest.clone(), cursor.at)?;
    let root = chain::follow(policy.root, &manifest, policy.now, &mut |path| contents.text(path))?;
    let digest = Sha256::of(text.as_bytes());
    let judged = policy.judge(&root, &slot, digest, &release.name)?;

    let mut cursor = Cursor { reader: contents.reader, at: cursor.at };
    cursor
        .reader
        .seek(SeekFrom::Start(cursor.at))
        .map_err(|source| BundleError::Read { at: cursor.at, source })?;
    for member in manifest.members.iter() {
        cursor.content(member, release.members.get(&member.path).copied().filter(|_| policy.full))?;
    }
    cursor.zeros(2 * BLOCK)?;
    let size = cursor.at;
    if cursor.reader.read(&mut [0]).map_err(|source| BundleError::Read { at: size, source })? != 0 {
        return Err(BundleError::damaged(size, "there are bytes behind the end"));
    }
    Ok(Verified {
        contents: Contents { reader: cursor.reader, manifest, offsets: contents.offsets },
        digest,
        signers: judged.signers,
        promotion: judged.promotion,
        root,
        size,
    })
}

impl<R: Read + Seek> Verified<R> {
    /// The table.
    pub fn manifest(&self) -> &Manifest {
        &self.contents.manifest
    }

    /// Hands a member's bytes to `out`, each piece only after its hash was checked again.
    ///
    /// A piece that changed since verification is `InvalidData`; so is a member that is not there.
    pub fn copy_member(&mut self, path: &str, out: &mut dyn io::Write) -> io::Result<()> {
        self.contents.copy(path, out)
    }
}
