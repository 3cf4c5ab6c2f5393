//! Bytes that bundles on this host have already.

use super::PACKS;
use crate::root::Root;
use gabion_bundle::{PIECE, read_layout};
use gabion_digest::Digest;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Where pieces lie in bundles that came earlier. Nothing of them is trusted: each piece is hashed when it is taken,
/// so a damaged bundle costs time only.
#[derive(Debug, Default)]
pub(super) struct Older {
    packs: Vec<File>,
    /// By its own name: in which bundle, and where.
    pieces: BTreeMap<Digest, (usize, u64)>,
}

impl Older {
    /// Looks into the tables of all bundles of `root`; one that cannot be read is passed over.
    pub(super) fn look(root: &Root) -> io::Result<Self> {
        let mut older = Self::default();
        for name in root.names(PACKS)?.iter().filter(|it| it.ends_with(".gabion")) {
            if let Ok(Some((file, _))) = root.open_file(&format!("{PACKS}/{name}")) {
                older.add(file);
            }
        }
        Ok(older)
    }

    fn add(&mut self, file: File) {
        let mut reader = io::BufReader::new(&file);
        let Ok((manifest, offsets)) = read_layout(&mut reader) else { return };
        let pack = self.packs.len();
        for (member, at) in manifest.members.iter().zip(offsets) {
            if member.pieces.is_empty() {
                self.pieces.entry(member.blake3).or_insert((pack, at));
            }
            for (index, piece) in (0_u64..).zip(&member.pieces) {
                self.pieces.entry(*piece).or_insert((pack, at + index * PIECE));
            }
        }
        self.packs.push(file);
    }

    /// Puts the bytes of this name into `piece`, if some bundle really has them.
    pub(super) fn read(&mut self, name: &Digest, size: u64, piece: &mut Vec<u8>) -> bool {
        let Some((pack, at)) = self.pieces.get(name) else { return false };
        let found = read_piece(&self.packs[*pack], *at, size, name, piece);
        if !found {
            self.pieces.remove(name);
        }
        found
    }
}

/// Puts `size` bytes of `file` into `piece`, if they have this name.
pub(super) fn read_piece(file: &File, at: u64, size: u64, name: &Digest, piece: &mut Vec<u8>) -> bool {
    piece.resize(size as usize, 0);
    file.read_exact_at(piece, at).is_ok() && Digest::of(piece) == *name
}
