//! The canonical tar: the headers that GNU tar calls `--format=gnu`, and nothing that varies.
//!
//! Time is zero, user names are empty, a path or target over 100 bytes stands in an `L` or `K` block before
//! the header, a number that has no place in octal is base-256 (GNU tar, `src/create.c`). Names are bytes.

use super::manifest::{Entry, Meta};
use super::path::TreePath;

/// tar counts in blocks of this size.
pub(super) const BLOCK: u64 = 512;
/// Two zero blocks end the archive; nothing follows.
pub(super) const END: [u8; 1024] = [0; 1024];

/// How many zero bytes follow a content of `size`.
pub(super) fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK) - size) as usize
}

/// Everything that stands before the content of an entry. `meta` is that of the file for a hard link.
pub(super) fn header(path: &TreePath, entry: &Entry, meta: Meta) -> Vec<u8> {
    match entry {
        Entry::Directory(_) => head(&[path.as_bytes(), b"/"].concat(), b'5', 0, b"", meta),
        Entry::File { size, .. } => file_header(path, *size, meta),
        Entry::Symlink { target, .. } => head(path.as_bytes(), b'2', 0, target, meta),
        Entry::HardLink { target } => head(path.as_bytes(), b'1', 0, target.as_bytes(), meta),
    }
}

/// The same for a file whose bytes are not read yet.
pub(super) fn file_header(path: &TreePath, size: u64, meta: Meta) -> Vec<u8> {
    head(path.as_bytes(), b'0', size, b"", meta)
}

fn head(name: &[u8], kind: u8, size: u64, target: &[u8], meta: Meta) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK as usize);
    long(&mut out, b'K', target);
    long(&mut out, b'L', name);
    out.extend_from_slice(&block(name, kind, size, target, meta));
    out
}

/// The block before the header for what is too long for it.
fn long(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if value.len() <= 100 {
        return;
    }
    let size = value.len() as u64 + 1;
    let meta = Meta { mode: 0o644, uid: 0, gid: 0 };
    out.extend_from_slice(&block(b"././@LongLink", kind, size, b"", meta));
    out.extend_from_slice(value);
    out.resize(out.len() + 1 + padding(size), 0);
}

fn block(name: &[u8], kind: u8, size: u64, target: &[u8], meta: Meta) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name[..name.len().min(100)]);
    put(100, &number::<8>(u64::from(meta.mode)));
    put(108, &number::<8>(u64::from(meta.uid)));
    put(116, &number::<8>(u64::from(meta.gid)));
    put(124, &number::<12>(size));
    put(136, &number::<12>(0));
    // The sum is over the header with its own field blank.
    put(148, b"        ");
    put(156, &[kind]);
    put(157, &target[..target.len().min(100)]);
    put(257, b"ustar  \0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Octal digits and a zero byte where that fits, else the high bit and the number in base 256.
fn number<const N: usize>(value: u64) -> [u8; N] {
    let mut field = [0; N];
    if value >> (3 * (N - 1)) == 0 {
        let digits = format!("{value:0width$o}", width = N - 1);
        field[..N - 1].copy_from_slice(digits.as_bytes());
        return field;
    }
    for (byte, part) in field.iter_mut().rev().zip(value.to_le_bytes()) {
        *byte = part;
    }
    field[0] |= 0x80;
    field
}
