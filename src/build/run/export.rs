//! What scripts read, on disk: trees and files of the store, each laid out once for all scripts of a build.
//!
//! They lie in one temporary folder of the build, which goes with its last script. Copies, and not the store's own files:
//! their times tell when something was used last, and what is copied is hashed on the way.
//!
//! # Invariants
//! - Everything belongs to the caller, is readable, and cannot be written; programs can be executed.
//! - Every time is the same, on every machine.

use super::super::scratch::{Scratch, Use};
use super::super::step::StepError;
use gabion_digest::{BlobId, DualHasher, TreeId};
use gabion_store::{Entry, Output, Store, Tree, TreePath};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// 1980-01-01: no archive knows an earlier time that all of them know (ZIP, APPNOTE 4.4.6).
const TIME: i64 = 315_532_800;

/// How many symbolic links lead to a program at most (`path_resolution(7)`).
const LINKS: usize = 40;

/// What the scripts of one build read.
#[derive(Debug, Default)]
pub(in super::super) struct Exports(Mutex<There>);

#[derive(Debug, Default)]
struct There {
    folder: Option<Scratch>,
    trees: BTreeMap<TreeId, Arc<Exported>>,
    files: BTreeMap<BlobId, PathBuf>,
}

/// A tree on disk.
#[derive(Debug)]
pub(super) struct Exported {
    /// Its folder.
    pub(super) path: PathBuf,
    /// What is in it.
    pub(super) tree: Tree,
}

impl Exports {
    /// The tree of this name. Whoever wants one meanwhile waits.
    pub(super) fn tree(&self, store: &Store, id: TreeId) -> Result<Arc<Exported>, StepError> {
        let mut there = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = there.trees.get(&id) {
            return Ok(Arc::clone(known));
        }
        let gone = || StepError::Input(format!("the tree `{id}` went away: build again"));
        let path = there.folder()?.join(format!("tree-{}", id.hex()));
        let it = Exported { path, tree: store.tree(id)?.ok_or_else(gone)? };
        it.write(store)?;
        let it = Arc::new(it);
        there.trees.insert(id, Arc::clone(&it));
        Ok(it)
    }

    /// A file with these bytes.
    pub(super) fn file(&self, store: &Store, output: &Output) -> Result<PathBuf, StepError> {
        let mut there = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = there.files.get(&output.blob) {
            return Ok(known.clone());
        }
        let path = there.folder()?.join(format!("file-{}", output.blob.hex()));
        let (content, _) = store.open_blob(output.blob)?.ok_or(StepError::Gone(*output))?;
        let mut content = Hashed { content, hasher: DualHasher::new() };
        write_file(&path, &mut content, 0o444).map_err(room)?;
        if content.hasher.finish().blob != output.blob {
            return Err(StepError::Gone(*output));
        }
        there.files.insert(output.blob, path.clone());
        Ok(path)
    }

    /// A folder for one script, with the empty folder `out` in it.
    pub(super) fn place(&self) -> Result<TempDir, StepError> {
        let folder = self.0.lock().unwrap_or_else(PoisonError::into_inner).folder()?.to_owned();
        let place = tempfile::Builder::new().prefix("script-").tempdir_in(folder).map_err(room)?;
        let out = place.path().join("out");
        fs_err::create_dir(&out).and_then(|()| set_mode(&out, 0o755)).map_err(room)?;
        Ok(place)
    }
}

impl There {
    fn folder(&mut self) -> Result<&Path, StepError> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => Scratch::new(Use::Scripts).map_err(room)?,
        };
        Ok(self.folder.insert(folder).path())
    }
}

impl Exported {
    /// Where an entry lies.
    pub(super) fn at(&self, path: &TreePath) -> PathBuf {
        self.path.join(OsStr::from_bytes(path.as_bytes()))
    }

    fn write(&self, store: &Store) -> Result<(), StepError> {
        make_folder(&self.path).map_err(room)?;
        for (path, entry) in self.tree.entries() {
            let at = self.at(path);
            match entry {
                Entry::Directory(_) => make_folder(&at),
                Entry::Symlink { target, .. } => {
                    fs_err::os::unix::fs::symlink(OsStr::from_bytes(target), &at).and_then(|()| set_time(&at))
                }
                Entry::HardLink { target } => fs_err::hard_link(self.at(target), &at),
                Entry::File { meta, .. } => {
                    let gone = || StepError::Gone(self.tree.content());
                    let mut content = store.open_tree_file(&self.tree, path)?.ok_or_else(gone)?;
                    let mode = if meta.mode & 0o111 == 0 { 0o444 } else { 0o555 };
                    match write_file(&at, &mut content, mode) {
                        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(gone()),
                        done => done,
                    }
                }
            }
            .map_err(room)?;
        }
        // What is put into a folder changes its time.
        let folders = self.tree.entries().filter(|(_, entry)| matches!(entry, Entry::Directory(_)));
        let folders = folders.map(|(path, _)| self.at(path)).chain([self.path.clone()]);
        folders.into_iter().try_for_each(|it| set_time(&it)).map_err(room)
    }

    /// The file that a path of the root leads to, over links as the root has them; nothing where that is no program.
    pub(super) fn program(&self, path: &str) -> Option<PathBuf> {
        let mut rest: Vec<Vec<u8>> = parts(path.as_bytes());
        let mut here: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == b".." {
                here.pop();
                continue;
            }
            here.push(part);
            let at = TreePath::new(here.join(&b'/')).ok()?;
            match self.tree.get(&at)? {
                Entry::Symlink { target, .. } if links < LINKS => {
                    links += 1;
                    here.pop();
                    if target.starts_with(b"/") {
                        here.clear();
                    }
                    rest.extend(parts(target));
                }
                Entry::Directory(_) if !rest.is_empty() => {}
                Entry::File { meta, .. } if rest.is_empty() && meta.mode & 0o111 != 0 => {
                    return Some(self.at(&at));
                }
                Entry::HardLink { .. } if rest.is_empty() => return Some(self.at(&at)),
                _ => return None,
            }
        }
        None
    }
}

/// The parts of a path, the first one last.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|it| *it == b'/').filter(|it| !it.is_empty() && *it != b".");
    parts.rev().map(<[u8]>::to_vec).collect()
}

fn write_file(path: &Path, content: &mut impl Read, mode: u32) -> io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).options_mut().mode(0o600);
    let mut file = options.open(path)?;
    let mut buffer = vec![0; 128 << 10];
    loop {
        match content.read(&mut buffer)? {
            0 => break,
            count => file.write_all(&buffer[..count])?,
        }
    }
    set_mode(path, mode)?;
    set_time(path)
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs_err::create_dir(path)?;
    set_mode(path, 0o755)
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs_err::set_permissions(path, PermissionsExt::from_mode(mode))
}

fn set_time(path: &Path) -> io::Result<()> {
    let time = Timespec { tv_sec: TIME, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn room(source: io::Error) -> StepError {
    StepError::Files { doing: "lay out what its script reads", source }
}

/// Hashes what is read.
struct Hashed<R> {
    content: R,
    hasher: DualHasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
