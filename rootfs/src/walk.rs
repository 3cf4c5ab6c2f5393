//! A finished root as a stream of entries: a tar in the order of paths' bytes, without times.
//!
//! Extended attributes stand in pax headers, `SCHILY.xattr.NAME`, as GNU tar and libarchive write them.

use crate::RootfsError;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// What the name of an attribute's pax record begins with.
pub(crate) const ATTRIBUTE: &str = "SCHILY.xattr.";

/// What stands at a path.
struct Found {
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    kind: FileType,
    /// Device and inode of a file that has several names.
    linked: Option<(u64, u64)>,
    attributes: Vec<(String, Vec<u8>)>,
}

/// Writes everything below `at` to `out`.
pub(crate) fn walk(at: &Path, out: impl Write) -> Result<(), RootfsError> {
    let top =
        open(CWD, at.as_os_str().as_encoded_bytes()).map_err(|error| RootfsError::io("read", "/", error))?;
    let mut found = BTreeMap::new();
    list(&top, b"", &mut found)?;
    let mut archive = tar::Builder::new(io::BufWriter::with_capacity(256 << 10, out));
    archive.sparse(false);
    let mut names: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    for (path, entry) in &found {
        let failed = |error| RootfsError::io("read", path, error);
        emit(&top, &mut archive, &mut names, path, entry).map_err(failed)?;
    }
    let ended = archive.into_inner().and_then(|mut out| out.flush());
    ended.map_err(|error| RootfsError::io("write", "/", error))
}

fn open(parent: impl std::os::fd::AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

fn list(folder: &OwnedFd, path: &[u8], found: &mut BTreeMap<Vec<u8>, Found>) -> Result<(), RootfsError> {
    let failed = |error: io::Error| RootfsError::io("read", path, error);
    for entry in Dir::read_from(folder).map_err(|error| failed(error.into()))? {
        let entry = entry.map_err(|error| failed(error.into()))?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let below = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|error| RootfsError::io("read", &below, error))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let left =
            |why: &str| RootfsError::Left { path: below.escape_ascii().to_string(), why: why.to_owned() };
        let mut found_attributes = Vec::new();
        match kind {
            FileType::Directory => {
                let folder = open(folder, name).map_err(|error| RootfsError::io("read", &below, error))?;
                found_attributes = attributes(&folder, &below)?;
                list(&folder, &below, found)?;
            }
            FileType::RegularFile => {
                let file = rustix::fs::openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
                let file = file.map_err(|error| RootfsError::io("read", &below, error))?;
                found_attributes = attributes(&file, &below)?;
            }
            FileType::Symlink => {}
            FileType::Socket => return Err(left("is a socket")),
            FileType::Fifo => return Err(left("is a pipe")),
            _ => return Err(left("is a device")),
        }
        let linked =
            (kind == FileType::RegularFile && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino));
        let (mode, uid, gid) = (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        found.insert(below, Found { mode, uid, gid, size, kind, linked, attributes: found_attributes });
    }
    Ok(())
}

/// Its extended attributes, by name.
fn attributes(file: &OwnedFd, path: &[u8]) -> Result<Vec<(String, Vec<u8>)>, RootfsError> {
    let failed = |error: rustix::io::Errno| RootfsError::io("read the attributes of", path, error);
    let mut names = [0; 4096];
    let length = match rustix::fs::flistxattr(file, &mut names[..]) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for name in names[..length].split(|it| *it == 0).filter(|it| !it.is_empty()) {
        // What the builder's own security module puts on every file is not the package's.
        if name == b"security.selinux" {
            continue;
        }
        let mut value = vec![0; 64 << 10];
        let length = rustix::fs::fgetxattr(file, name, &mut value[..]).map_err(failed)?;
        value.truncate(length);
        let name = std::str::from_utf8(name).map_err(|_| RootfsError::Left {
            path: path.escape_ascii().to_string(),
            why: "has an attribute whose name is not text".to_owned(),
        })?;
        found.push((name.to_owned(), value));
    }
    found.sort();
    Ok(found)
}

fn emit<W: Write>(
    top: &OwnedFd,
    archive: &mut tar::Builder<W>,
    names: &mut BTreeMap<(u64, u64), Vec<u8>>,
    path: &[u8],
    entry: &Found,
) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    let as_path = |bytes: &[u8]| Path::new(std::ffi::OsStr::from_bytes(bytes)).to_owned();
    let mut header = tar::Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.uid.into());
    header.set_gid(entry.gid.into());
    header.set_mtime(0);
    header.set_size(0);
    let first_name = entry.linked.is_none_or(|id| !names.contains_key(&id));
    if !entry.attributes.is_empty() && first_name {
        let records = entry.attributes.iter().map(|(name, value)| (format!("{ATTRIBUTE}{name}"), value));
        let records: Vec<_> = records.collect();
        archive.append_pax_extensions(records.iter().map(|(name, value)| (&name[..], &value[..])))?;
    }
    match entry.kind {
        FileType::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            archive.append_data(&mut header, as_path(path), io::empty())
        }
        FileType::Symlink => {
            header.set_entry_type(tar::EntryType::Symlink);
            let target = rustix::fs::readlinkat(top, path, Vec::new())?;
            archive.append_link(&mut header, as_path(path), as_path(target.to_bytes()))
        }
        _ => {
            if let Some(id) = entry.linked {
                if let Some(first) = names.get(&id) {
                    header.set_entry_type(tar::EntryType::Link);
                    return archive.append_link(&mut header, as_path(path), as_path(first));
                }
                names.insert(id, path.to_vec());
            }
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(entry.size);
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = File::from(rustix::fs::openat(top, path, flags, Mode::empty())?);
            archive.append_data(&mut header, as_path(path), file)
        }
    }
}
