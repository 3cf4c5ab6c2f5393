//! Opening and verification: signatures before content, and every byte of the file accounted for, or the
//! bundle is refused.

use crate::BundleError;
use crate::contents::{Contents, Frame, MemberReader};
use crate::header::{BLOCK, header, padding};
use crate::manifest::Manifest;
use crate::policy::{Policy, Promoted};
use crate::release::Release;
use crate::slot::Slot;
use crate::tables::{Cursor, consistent, tables};
use crate::trust::TrustRoot;
use gabion_digest::Sha256;
use std::io::{self, Read, Seek, SeekFrom};

/// A bundle whose tables are right and whose signers are trusted; no content was read yet.
///
/// What it hands out is checked piece by piece, so a stream of one member needs no second reading. That the
/// file as a whole is right says only a [`Verified`].
#[derive(Debug)]
pub struct Opened<R> {
    contents: Contents<R>,
    release: Release,
    slot: Slot,
    full: bool,
    /// The bundle's digest.
    pub digest: Sha256,
    /// Fingerprints of the trusted keys that signed.
    pub signers: Vec<String>,
    /// The promotion, where one was judged.
    pub promotion: Option<Promoted>,
    /// The trust root that judged: the given one, or the newest that it vouches for.
    pub root: TrustRoot,
    /// Size of the file, as its tables give it.
    pub size: u64,
}

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

/// Reads the tables of a bundle and judges its signatures by what `policy` asks, before any content is read.
///
/// A promotion is judged for everything but the host, which [`Promoted::admit`] judges.
pub fn open<R: Read + Seek>(reader: R, policy: &Policy<'_>) -> Result<Opened<R>, BundleError> {
    let mut cursor = Cursor { reader, at: 0 };
    let (release, text, slot, manifest) = tables(&mut cursor)?;
    slot.check(text.as_bytes())?;
    consistent(&release, &manifest)?;
    let mut contents = Contents::new(cursor.reader, manifest, cursor.at)?;
    let root = contents.root(policy)?;
    let digest = Sha256::of(text.as_bytes());
    let judged = policy.judge(&root, &slot, digest, &release.name)?;
    let size = contents.size();
    Ok(Opened {
        contents,
        release,
        slot,
        full: policy.full,
        digest,
        signers: judged.signers,
        promotion: judged.promotion,
        root,
        size,
    })
}

/// Checks every byte and every signature of a bundle against what `policy` asks: [`open`], then
/// [`Opened::verify`].
pub fn verify<R: Read + Seek>(reader: R, policy: &Policy<'_>) -> Result<Verified<R>, BundleError> {
    open(reader, policy)?.verify()
}

impl<R: Read + Seek> Opened<R> {
    /// Reads every byte of the content once.
    ///
    /// `bundle.json`, which is bound by both digests, binds every byte by the BLAKE3 of its piece. With
    /// `policy.full` the SHA-256 and the BLAKE3 of every whole member are checked too.
    pub fn verify(self) -> Result<Verified<R>, BundleError> {
        let Contents { reader, manifest, offsets, begin } = self.contents;
        let mut cursor = Cursor { reader, at: begin };
        let failed = |source| BundleError::Read { at: begin, source };
        cursor.reader.seek(SeekFrom::Start(begin)).map_err(failed)?;
        for member in manifest.members.iter() {
            cursor.content(member, self.release.members.get(&member.path).copied().filter(|_| self.full))?;
        }
        cursor.zeros(2 * BLOCK)?;
        let size = cursor.at;
        if cursor.reader.read(&mut [0]).map_err(|source| BundleError::Read { at: size, source })? != 0 {
            return Err(BundleError::damaged(size, "there are bytes behind the end"));
        }
        Ok(Verified {
            contents: Contents { reader: cursor.reader, manifest, offsets, begin },
            digest: self.digest,
            signers: self.signers,
            promotion: self.promotion,
            root: self.root,
            size,
        })
    }

    /// The table.
    pub fn manifest(&self) -> &Manifest {
        &self.contents.manifest
    }

    /// Hands a member's bytes to `out`, each piece only after its hash was checked.
    ///
    /// A piece that is not what the table says is `InvalidData`; so is a member that is not there.
    pub fn copy_member(&mut self, path: &str, out: &mut dyn io::Write) -> io::Result<()> {
        self.contents.copy(path, out)
    }

    /// A member as a stream whose every piece is checked before its first byte is handed out; one piece is held
    /// in memory.
    pub fn read_member(&mut self, path: &str) -> io::Result<MemberReader<'_, R>> {
        self.contents.read(path)
    }

    /// Puts one checked piece of a member, by their places in the table, into `piece`: what it had goes.
    pub fn read_piece(&mut self, member: usize, index: usize, piece: &mut Vec<u8>) -> io::Result<()> {
        self.contents.piece(member, index, piece)
    }

    /// What the bundle is read from: where its reader is, is of no matter to it.
    pub fn reader(&mut self) -> &mut R {
        &mut self.contents.reader
    }

    /// Every byte in front of the first member, exactly as it must stand in the file: the tables and the
    /// signatures.
    pub fn head(&self) -> Result<Vec<u8>, BundleError> {
        let (release, table) = (self.release.to_string(), self.manifest().to_text());
        let slot = self.slot.to_bytes()?;
        let mut head = Vec::with_capacity(self.contents.begin as usize);
        for (path, bytes) in
            [("RELEASE", release.as_bytes()), ("RELEASE.sig", &slot), ("bundle.json", table.as_bytes())]
        {
            head.extend_from_slice(&header(path, bytes.len() as u64)?);
            head.extend_from_slice(bytes);
            head.resize(head.len() + padding(bytes.len() as u64) as usize, 0);
        }
        Ok(head)
    }

    /// How the member at this place in the table lies in the file.
    pub fn frame(&self, member: usize) -> Result<Frame, BundleError> {
        self.contents.frame(member)
    }
}

impl<R: Read + Seek> Verified<R> {
    /// What the bundle was read from, at some place in it.
    pub fn into_reader(self) -> R {
        self.contents.reader
    }

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

    /// A member as a stream whose every piece is checked again before its first byte is handed out; one piece is
    /// held in memory.
    pub fn read_member(&mut self, path: &str) -> io::Result<MemberReader<'_, R>> {
        self.contents.read(path)
    }
}
