//! One entry of a package's data.

use super::DebError;
use std::io::Read;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file; its bytes follow.
    File,
    /// A symbolic link: where it leads, bytes that are not looked at.
    Symlink(Vec<u8>),
    /// Another name of an entry of the same package, a path as [`DataEntry::path`] is.
    HardLink(Vec<u8>),
}

/// One entry: what `dpkg-deb --fsys-tarfile` shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataEntry {
    /// Below the root, `usr/bin/sh`: bytes, no empty part, no `.` or `..`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Bytes of a file.
    pub size: u64,
}

impl DataEntry {
    /// `None` for the root itself.
    pub(super) fn of<R: Read>(found: &tar::Entry<'_, R>) -> Result<Option<Self>, DebError> {
        let named = found.path_bytes();
        let Some(path) = plain(&named)? else { return Ok(None) };
        let refused = |why| DebError::Entry { path: show(&named), why };
        let target = || found.link_name_bytes().map(|it| it.to_vec()).filter(|it| !it.is_empty());
        let header = found.header();
        let kind = match header.entry_type() {
            tar::EntryType::Directory => EntryKind::Directory,
            tar::EntryType::Regular | tar::EntryType::Continuous => EntryKind::File,
            tar::EntryType::Symlink => {
                EntryKind::Symlink(target().ok_or_else(|| refused("is a link that leads nowhere"))?)
            }
            tar::EntryType::Link => {
                let target = target().unwrap_or_default();
                EntryKind::HardLink(plain(&target)?.ok_or_else(|| refused("is a link that leads nowhere"))?)
            }
            tar::EntryType::Char | tar::EntryType::Block => return Err(refused("is a device")),
            tar::EntryType::Fifo => return Err(refused("is a pipe")),
            _ => return Err(refused("is of a kind that no package has")),
        };
        let id =
            |id: std::io::Result<u64>| u32::try_from(id?).map_err(|_| refused("has an owner beyond 32 bits"));
        let (uid, gid) = (id(header.uid())?, id(header.gid())?);
        Ok(Some(Self { path, kind, mode: header.mode()? & 0o7777, uid, gid, size: found.size() }))
    }
}

/// The path without `./` before and `/` behind it; `None` for the root.
fn plain(named: &[u8]) -> Result<Option<Vec<u8>>, DebError> {
    let refused = |why| DebError::Entry { path: show(named), why };
    if named.starts_with(b"/") {
        return Err(refused("has an absolute path"));
    }
    let parts = named.split(|it| *it == b'/').filter(|it| !matches!(*it, b"" | b"."));
    let parts: Vec<&[u8]> = parts.collect();
    if parts.contains(&&b".."[..]) {
        return Err(refused("leads out of the root"));
    }
    Ok(Some(parts.join(&b'/')).filter(|it| !it.is_empty()))
}

fn show(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}
