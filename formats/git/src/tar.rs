//! The members of the canonical archive (`FORMAT.md`): ustar, with a pax header where ustar has no room
//! (POSIX.1-2017, `pax`, "pax Interchange Format").

use std::io::{self, Write};
use tar::{EntryType, Header};

/// The unit of a tar.
const BLOCK: usize = 512;
/// Room for a path and for the target of a symlink.
const ROOM: usize = 100;

/// What a member is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Member<'a> {
    Folder,
    File { size: u64, executable: bool },
    Symlink { target: &'a [u8] },
}

/// A tar on its way; it counts what it wrote.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    out: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Begins a member; the bytes of a file follow.
    pub(crate) fn member(&mut self, path: &[u8], member: Member<'_>) -> io::Result<()> {
        let (kind, mode, size, target) = match member {
            Member::Folder => (EntryType::Directory, 0o755, 0, &b""[..]),
            Member::File { size, executable } => {
                (EntryType::Regular, if executable { 0o755 } else { 0o644 }, size, &b""[..])
            }
            Member::Symlink { target } => (EntryType::Symlink, 0o777, 0, target),
        };
        let records = records(path, target);
        if !records.is_empty() {
            self.header(b"PaxHeaders", b"", EntryType::XHeader, 0o644, records.len() as u64)?;
            self.bytes(&records)?;
            self.pad()?;
        }
        self.header(path, target, kind, mode, size)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Ends a member.
    pub(crate) fn pad(&mut self) -> io::Result<()> {
        let over = (self.written % BLOCK as u64) as usize;
        self.bytes(&[0; BLOCK][..(BLOCK - over) % BLOCK])
    }

    /// Ends the archive.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.bytes(&[0; 2 * BLOCK])
    }

    fn header(
        &mut self,
        path: &[u8],
        target: &[u8],
        kind: EntryType,
        mode: u32,
        size: u64,
    ) -> io::Result<()> {
        let mut header = Header::new_ustar();
        let room = |text: &[u8]| text.len().min(ROOM);
        header.as_old_mut().name[..room(path)].copy_from_slice(&path[..room(path)]);
        header.as_old_mut().linkname[..room(target)].copy_from_slice(&target[..room(target)]);
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        self.bytes(header.as_bytes())
    }
}

/// The pax records of what the header has no room for.
fn records(path: &[u8], target: &[u8]) -> Vec<u8> {
    let long =
        [(&b"linkpath"[..], target), (b"path", path)].into_iter().filter(|(_, value)| value.len() > ROOM);
    let mut out = Vec::new();
    for (key, value) in long {
        if std::str::from_utf8(value).is_err() && out.is_empty() {
            out.extend_from_slice(&record(b"hdrcharset", b"BINARY"));
        }
        out.extend_from_slice(&record(key, value));
    }
    out
}

/// `LENGTH KEY=VALUE\n`; the length counts its own digits.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key, b"=", value, b"\n"].concat();
    let with = |length: usize| rest.len() + length.to_string().len();
    let length = with(with(rest.len()));
    [length.to_string().as_bytes(), &rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_digits() {
        assert_eq!(record(b"path", b"a"), b"9 path=a\n");
        for count in 0..2000 {
            let record = record(b"path", &vec![b'x'; count]);
            let said = record.split(|it| *it == b' ').next().unwrap();
            assert_eq!(std::str::from_utf8(said).unwrap(), record.len().to_string());
        }
    }
}
