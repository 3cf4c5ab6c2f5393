//! The tar of a layer: ustar, and a pax header before what does not fit into it (POSIX.1-2017, pax).

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// Who may do what with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A path that is none, or that readers of layers take for something else.
    #[error("`{path}` cannot be in a layer: {why}")]
    Path {
        /// The path.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// A file had another size than it was said to have.
    #[error("`{path}` has not the {size} bytes that it should have")]
    Size {
        /// The path.
        path: String,
        /// What was said.
        size: u64,
    },
    /// The content cannot be read, or the layer cannot be written.
    #[error("could not write the layer")]
    Io(#[from] io::Error),
}

/// tar counts in blocks of this size.
const BLOCK: usize = 512;
/// Two zero blocks end the archive.
const END: [u8; 1024] = [0; 1024];
/// Room for a name and for the target of a link.
const NAME: usize = 100;
/// The largest numbers of the octal fields of seven and eleven digits.
const SMALL: u64 = 0o7_777_777;
const LARGE: u64 = 0o77_777_777_777;
/// What a layer above means a removed file by (OCI image specification 1.1, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// What pax calls an extended attribute; GNU tar, Go and containerd read it.
const XATTR: &[u8] = b"SCHILY.xattr.";

/// Extended attributes: name and value.
type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// Writes one layer. Entries come in the order of the bytes of their paths, each once.
#[derive(Debug)]
pub struct LayerWriter<W> {
    out: W,
    time: u64,
    last: Vec<u8>,
}

impl<W: Write> LayerWriter<W> {
    /// A layer whose entries are all of this time, in seconds since 1970.
    pub fn new(out: W, time: u64) -> Self {
        Self { out, time: time.min(LARGE), last: Vec::new() }
    }

    /// Adds a folder; `path` has no slash at either end.
    pub fn directory(&mut self, path: &[u8], meta: Meta, attributes: &Attributes) -> Result<(), LayerError> {
        self.check(path)?;
        self.head(&[path, b"/"].concat(), b'5', meta, 0, b"", attributes)
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &[u8], meta: Meta, target: &[u8]) -> Result<(), LayerError> {
        self.check(path)?;
        if target.is_empty() || target.contains(&0) {
            return Err(refused(path, "its target is none"));
        }
        self.head(path, b'2', Meta { mode: 0o777, ..meta }, 0, target, &Attributes::new())
    }

    /// Adds another name of a file that was added before, with that file's owner and mode.
    pub fn hard_link(&mut self, path: &[u8], meta: Meta, target: &[u8]) -> Result<(), LayerError> {
        self.check(path)?;
        self.head(path, b'1', meta, 0, target, &Attributes::new())
    }

    /// Adds a file of `size` bytes.
    pub fn file(
        &mut self,
        path: &[u8],
        meta: Meta,
        size: u64,
        attributes: &Attributes,
        content: impl Read,
    ) -> Result<(), LayerError> {
        self.check(path)?;
        self.head(path, b'0', meta, size, b"", attributes)?;
        // One byte more than expected is noticed; the end of the content is read too, where a store checks it.
        let copied = io::copy(&mut content.take(size.saturating_add(1)), &mut self.out)?;
        if copied != size {
            return Err(LayerError::Size { path: shown(path), size });
        }
        self.pad(size as usize)
    }

    /// Ends the tar and gives back what it was written to.
    pub fn finish(mut self) -> Result<W, LayerError> {
        self.out.write_all(&END)?;
        Ok(self.out)
    }

    /// Refuses a path that is no plain one, or that does not follow the last one.
    fn check(&mut self, path: &[u8]) -> Result<(), LayerError> {
        let parts = || path.split(|it| *it == b'/');
        if parts().any(|part| matches!(part, b"" | b"." | b"..") || part.contains(&0)) {
            return Err(refused(path, "it is no path of plain names"));
        }
        if parts().any(|part| part.starts_with(WHITEOUT)) {
            return Err(refused(path, "a name that begins with `.wh.` would remove a file of a lower layer"));
        }
        if path <= self.last.as_slice() {
            return Err(refused(path, "it does not follow the one before"));
        }
        self.last = path.to_vec();
        Ok(())
    }

    fn head(
        &mut self,
        path: &[u8],
        kind: u8,
        meta: Meta,
        size: u64,
        target: &[u8],
        attributes: &Attributes,
    ) -> Result<(), LayerError> {
        let records = records(path, meta, size, target, attributes);
        if !records.is_empty() {
            let plain = Meta { mode: 0o644, uid: 0, gid: 0 };
            let header = block(b"././@PaxHeader", b'x', plain, records.len() as u64, b"", 0);
            self.out.write_all(&header)?;
            self.out.write_all(&records)?;
            self.pad(records.len())?;
        }
        Ok(self.out.write_all(&block(path, kind, meta, size, target, self.time))?)
    }

    fn pad(&mut self, size: usize) -> Result<(), LayerError> {
        Ok(self.out.write_all(&END[..size.next_multiple_of(BLOCK) - size])?)
    }
}

fn refused(path: &[u8], why: &'static str) -> LayerError {
    LayerError::Path { path: shown(path), why }
}

fn shown(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}

/// What does not fit into the header, sorted by its keyword.
fn records(path: &[u8], meta: Meta, size: u64, target: &[u8], attributes: &Attributes) -> Vec<u8> {
    let mut all: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (keyword, value) in [("path", path), ("linkpath", target)] {
        if value.len() > NAME {
            all.insert(keyword.into(), value.to_vec());
        }
    }
    let numbers =
        [("uid", u64::from(meta.uid), SMALL), ("gid", u64::from(meta.gid), SMALL), ("size", size, LARGE)];
    for (keyword, value, largest) in numbers {
        if value > largest {
            all.insert(keyword.into(), value.to_string().into_bytes());
        }
    }
    all.extend(attributes.iter().map(|(name, value)| ([XATTR, name].concat(), value.clone())));
    all.iter().flat_map(|(keyword, value)| record(keyword, value)).collect()
}

/// `LENGTH KEYWORD=VALUE` and a line feed, where the length counts its own digits.
fn record(keyword: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", keyword, b"=", value, b"\n"].concat()
}

fn block(path: &[u8], kind: u8, meta: Meta, size: u64, target: &[u8], time: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &path[..path.len().min(NAME)]);
    put(100, &octal::<8>(u64::from(meta.mode & 0o7777)));
    put(108, &octal::<8>(u64::from(meta.uid)));
    put(116, &octal::<8>(u64::from(meta.gid)));
    put(124, &octal::<12>(size));
    put(136, &octal::<12>(time));
    // The sum is over the header with its own field blank.
    put(148, b"        ");
    put(156, &[kind]);
    put(157, &target[..target.len().min(NAME)]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Octal digits and a zero byte; 0 where a pax record says the number.
fn octal<const N: usize>(value: u64) -> [u8; N] {
    let value = if value >> (3 * (N - 1)) == 0 { value } else { 0 };
    let mut field = [0; N];
    field[..N - 1].copy_from_slice(format!("{value:0width$o}", width = N - 1).as_bytes());
    field
}
