//! The members of a bundle by name, each piece checked when it is read.

use crate::BundleError;
use crate::chain;
use crate::header::{BLOCK, header, padding};
use crate::manifest::{Manifest, Member, PIECE};
use crate::policy::Policy;
use crate::tables::piece_count;
use crate::trust::TrustRoot;
use gabion_digest::Digest;
use std::io::{self, Read, Seek, SeekFrom};

/// The members of a bundle by name.
#[derive(Debug)]
pub(crate) struct Contents<R> {
    pub(crate) reader: R,
    pub(crate) manifest: Manifest,
    /// Where the content of each member begins, in the order of the manifest.
    pub(crate) offsets: Vec<u64>,
    /// Where the first member's header is.
    pub(crate) begin: u64,
}

/// How a member lies in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where its content begins; the header stands directly before.
    pub at: u64,
    /// The header.
    pub header: [u8; 512],
    /// Zeros behind the content.
    pub padding: u64,
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R> Contents<R> {
    /// The members that `manifest` lists, the first one's header at `begin`.
    pub(crate) fn new(reader: R, manifest: Manifest, begin: u64) -> Result<Self, BundleError> {
        let mut offsets = Vec::with_capacity(manifest.members.len());
        let mut at = begin;
        for member in manifest.members.iter() {
            offsets.push(at + BLOCK);
            let end =
                member.size.checked_add(2 * BLOCK + padding(member.size)).and_then(|it| it.checked_add(at));
            let end = end.ok_or_else(|| BundleError::damaged(at, "a size is larger than any file"))?;
            at = end - BLOCK;
        }
        if at.checked_add(2 * BLOCK).is_none() {
            return Err(BundleError::damaged(at, "a size is larger than any file"));
        }
        Ok(Self { reader, manifest, offsets, begin })
    }

    /// Size of the whole file.
    pub(crate) fn size(&self) -> u64 {
        let last = self.offsets.last().zip(self.manifest.members.last());
        last.map_or(self.begin, |(at, member)| at + member.size + padding(member.size)) + 2 * BLOCK
    }

    pub(crate) fn frame(&self, member: usize) -> Result<Frame, BundleError> {
        let Member { path, size, .. } = &self.manifest.members[member];
        Ok(Frame { at: self.offsets[member], header: header(path, *size)?, padding: padding(*size) })
    }
}

impl<R: Read + Seek> Contents<R> {
    /// The trust root that judges: the newest one that the policy's vouches for.
    pub(crate) fn root(&mut self, policy: &Policy<'_>) -> Result<TrustRoot, BundleError> {
        let manifest = self.manifest.clone();
        chain::follow(policy.root, &manifest, policy.now, &mut |path| self.text(path))
    }

    fn position(&self, path: &str) -> io::Result<usize> {
        let found = self.manifest.members.position(path);
        found.ok_or_else(|| invalid(format!("the bundle has no `{path}`")))
    }

    /// One checked piece of a member, both by their places.
    pub(crate) fn piece(&mut self, member: usize, index: usize, piece: &mut Vec<u8>) -> io::Result<()> {
        let place = member;
        let member = &self.manifest.members[place];
        let begin = (index as u64).saturating_mul(PIECE);
        let size = member.size.saturating_sub(begin).min(PIECE);
        self.reader.seek(SeekFrom::Start(self.offsets[place].saturating_add(begin)))?;
        piece.resize(size as usize, 0);
        if let Err(error) = self.reader.read_exact(piece) {
            piece.clear();
            return Err(error);
        }
        let expected = member.pieces.get(index).unwrap_or(&member.blake3);
        if Digest::of(piece) != *expected {
            piece.clear();
            return Err(invalid(format!("`{}` has other bytes than the bundle's table says", member.path)));
        }
        Ok(())
    }

    pub(crate) fn copy(&mut self, path: &str, out: &mut dyn io::Write) -> io::Result<()> {
        let member = self.position(path)?;
        let mut piece = Vec::new();
        for index in 0..piece_count(&self.manifest.members[member]) as usize {
            self.piece(member, index, &mut piece)?;
            out.write_all(&piece)?;
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, path: &str) -> io::Result<MemberReader<'_, R>> {
        let member = self.position(path)?;
        Ok(MemberReader { contents: self, member, next: 0, piece: Vec::new(), at: 0 })
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

/// The bytes of one member, in order.
#[derive(Debug)]
pub struct MemberReader<'b, R> {
    contents: &'b mut Contents<R>,
    member: usize,
    /// The piece that is read next.
    next: usize,
    piece: Vec<u8>,
    at: usize,
}

impl<R: Read + Seek> Read for MemberReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let count = piece_count(&self.contents.manifest.members[self.member]) as usize;
            if self.next == count {
                return Ok(0);
            }
            self.at = 0;
            self.contents.piece(self.member, self.next, &mut self.piece)?;
            self.next += 1;
        }
        let count = (&self.piece[self.at..]).read(buffer)?;
        self.at += count;
        Ok(count)
    }
}
