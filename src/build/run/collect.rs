//! What a script left, taken into the store: names, bytes, links, and whether a file can be executed. Nothing else.
//!
//! Every process of the script is dead by then, so that nothing changes under our hands.

use super::super::step::StepError;
use crate::recipe::kinds::OUT;
use gabion_store::{Expect, Meta, Pending, Record, Store, TreeBuilder, TreePath};
use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

/// The bits of set-user-ID and set-group-ID.
const SET_ID: u32 = 0o6000;

/// Gives us back the right to read and remove everything in `path`, a folder itself included.
pub(in super::super) fn open_up(path: &Path) -> io::Result<()> {
    let meta = fs_err::symlink_metadata(path)?;
    let wanted = match meta.file_type() {
        it if it.is_dir() => 0o700,
        it if it.is_file() => 0o400,
        _ => return Ok(()),
    };
    let mode = meta.permissions().mode() & 0o7777;
    if mode & wanted != wanted {
        fs_err::set_permissions(path, PermissionsExt::from_mode(mode | wanted))?;
    }
    if meta.is_dir() {
        for entry in fs_err::read_dir(path)? {
            open_up(&entry?.path())?;
        }
    }
    Ok(())
}

/// All of `folder` as a tree.
pub(super) fn tree(store: &Store, folder: &Path) -> Result<(Record, Pending), StepError> {
    let mut tree = store.build_tree()?;
    add_folder(&mut tree, folder, b"")?;
    let (id, tree, pending) = tree.end()?;
    let (outputs, trees) = ([(OUT.to_owned(), tree.content())].into(), [(OUT.to_owned(), id)].into());
    Ok((Record { outputs, trees, ..Record::default() }, pending))
}

/// Adds everything in `folder`, whose path in the tree is `prefix`.
fn add_folder(tree: &mut TreeBuilder<'_>, folder: &Path, prefix: &[u8]) -> Result<(), StepError> {
    let entries = fs_err::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.map_err(unreadable)?;
    // Nearly the order of a tree, which then is written once.
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let (name, at) = (entry.file_name(), entry.path());
        let path = if prefix.is_empty() {
            name.as_bytes().to_vec()
        } else {
            [prefix, b"/", name.as_bytes()].concat()
        };
        let meta = fs_err::symlink_metadata(&at).map_err(unreadable)?;
        let kind = meta.file_type();
        check(kind, &meta, &path)?;
        let place = TreePath::new(path.clone())?;
        if kind.is_dir() {
            tree.directory(place, root(0o755))?;
            add_folder(tree, &at, &path)?;
        } else if kind.is_symlink() {
            let target = fs_err::read_link(&at).map_err(unreadable)?;
            tree.symlink(place, root(0o777), target.as_os_str().as_bytes())?;
        } else {
            let mode = if meta.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
            let file = fs_err::File::open(&at).map_err(unreadable)?;
            tree.file(place, root(mode), meta.len(), file)?;
        }
    }
    Ok(())
}

fn root(mode: u32) -> Meta {
    Meta { mode, uid: 0, gid: 0 }
}

/// Refuses what is no output: it would do something to whoever unpacks it, or has no bytes.
fn check(kind: FileType, meta: &Metadata, path: &[u8]) -> Result<(), StepError> {
    let what = match kind {
        it if it.is_fifo() => "a pipe",
        it if it.is_socket() => "a socket",
        it if it.is_block_device() || it.is_char_device() => "a device",
        it if it.is_symlink() => return Ok(()),
        _ if meta.permissions().mode() & SET_ID != 0 => "set-user-ID or set-group-ID",
        _ => return Ok(()),
    };
    let why = "an output has files, folders and links, without such bits";
    Err(StepError::Input(format!("its script left `{}`, which is {what}: {why}", path.escape_ascii())))
}

/// The one file `name` in `folder`, which has nothing else.
pub(super) fn file(store: &Store, folder: &Path, name: &str) -> Result<(Record, Pending), StepError> {
    let mut there = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(unreadable)? {
        there.push(entry.map_err(unreadable)?);
    }
    there.sort_by_key(fs_err::DirEntry::file_name);
    let alone = |it: &&fs_err::DirEntry| there.len() == 1 && it.file_name() == name;
    let is_file = |it: &&fs_err::DirEntry| it.file_type().is_ok_and(|kind| kind.is_file());
    let Some(file) = there.first().filter(alone).filter(is_file) else {
        let named: Vec<String> =
            there.iter().map(|it| format!("`{}`", it.file_name().as_bytes().escape_ascii())).collect();
        let named = if named.is_empty() { "nothing".to_owned() } else { named.join(", ") };
        let why = format!("its script must leave the one file `{name}` in `$out`, and left {named}");
        return Err(StepError::Input(why));
    };
    let meta = fs_err::symlink_metadata(file.path()).map_err(unreadable)?;
    check(meta.file_type(), &meta, name.as_bytes())?;
    let mut content = fs_err::File::open(file.path()).map_err(unreadable)?;
    let mut writer = store.writer()?;
    io::copy(&mut content, &mut writer).map_err(unreadable)?;
    let (hashed, pending) = writer.end(Expect::default())?;
    let outputs = [(name.to_owned(), hashed.into())].into();
    Ok((Record { outputs, ..Record::default() }, pending))
}

pub(super) fn unreadable(source: io::Error) -> StepError {
    StepError::Files { doing: "take what its script left", source }
}
