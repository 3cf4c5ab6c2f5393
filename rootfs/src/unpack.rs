//! Packages onto a root, several at once.
//!
//! What several packages have in common must not depend on who came first: a directory gets its owner and
//! mode from the first package by name that has it, a file may have one owner only.

use crate::error::Fault;
use crate::listing::{Hashed, Listed};
use crate::merged;
use crate::root::{Meta, Root};
use crate::{Deb, RootfsError, dpkg};
use gabion_apt::{Control, DataEntry, DebReader, EntryKind, IndexError, fields};
use md5::{Digest as _, Md5};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A package that was unpacked.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) name: String,
    pub(crate) arch: String,
    pub(crate) version: String,
    /// Whether several architectures of it can stand side by side: then its files in dpkg's database are named by both.
    pub(crate) same: bool,
    pub(crate) control: Control,
    /// Every entry as the package names it, in its order.
    pub(crate) list: Vec<Vec<u8>>,
    /// MD5 of its configuration files, by path: the form in which dpkg remembers them.
    pub(crate) conffiles: BTreeMap<String, String>,
    directories: Vec<(Vec<u8>, Meta)>,
    /// What it has, where it was decompressed.
    pub(crate) listing: Option<Vec<Listed>>,
}

impl Unpacked {
    /// As dpkg names it in its database: `libc6:amd64`, `bash`.
    pub(crate) fn key(&self) -> String {
        if self.same { format!("{}:{}", self.name, self.arch) } else { self.name.clone() }
    }

    /// Whether it has `folder` or something in it, however it names the merged directories.
    pub(crate) fn has_below(&self, folder: &[u8]) -> bool {
        let wanted = merged::path(folder).unwrap_or_else(|| folder.to_vec());
        self.list.iter().filter_map(|path| merged::path(path)).any(|path| {
            path.strip_prefix(&wanted[..]).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    }

    /// One of its control files that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.control.files.get(name).and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
    }
}

/// Who has which file.
type Owners = Mutex<BTreeMap<Vec<u8>, String>>;

/// Unpacks `debs` with `jobs` threads; the result is in their order.
pub(crate) fn unpack(root: &Root, debs: &[Deb], jobs: usize) -> Result<Vec<Unpacked>, RootfsError> {
    let owners = Owners::default();
    let done: Vec<Mutex<Option<Result<Unpacked, RootfsError>>>> =
        debs.iter().map(|_| Mutex::new(None)).collect();
    // The largest first, so that the last to end is a small one.
    let mut order: Vec<usize> = (0..debs.len()).collect();
    order.sort_by_key(|index| (std::cmp::Reverse(debs[*index].size), *index));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, debs.len().max(1)) {
            scope.spawn(|| {
                while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let deb = &debs[*index];
                    let result = one(root, deb, &owners).map_err(|fault| fault.of(&deb.name));
                    if let Ok(mut slot) = done[*index].lock() {
                        *slot = Some(result);
                    }
                }
            });
        }
    });
    let lost = || RootfsError::io("unpack", "packages", "a thread ended");
    let results =
        done.into_iter().map(|slot| slot.into_inner().ok().flatten().unwrap_or_else(|| Err(lost())));
    let unpacked = results.collect::<Result<Vec<_>, _>>()?;
    directories(root, &unpacked)?;
    Ok(unpacked)
}

/// The first package by name decides about a directory, as it would if dpkg unpacked them in that order.
fn directories(root: &Root, unpacked: &[Unpacked]) -> Result<(), RootfsError> {
    let mut seen = BTreeSet::new();
    for (path, meta) in unpacked.iter().flat_map(|it| &it.directories) {
        if seen.insert(path) {
            root.set_meta(path, *meta).map_err(|error| RootfsError::io("set the owner of", path, error))?;
        }
    }
    Ok(())
}

fn one(root: &Root, deb: &Deb, owners: &Owners) -> Result<Unpacked, Fault> {
    let read = |error: io::Error| RootfsError::io("read", deb.path.as_os_str().as_encoded_bytes(), error);
    let file = fs_err::File::open(&deb.path).map_err(read)?;
    let mut from = Hashed::new(io::BufReader::with_capacity(256 << 10, file));
    let reader = DebReader::open(&mut from)?;
    let mut it = describe(reader.control().clone())?;
    let wanted = conffiles(&it);
    if let Some(elsewhere) = &deb.elsewhere {
        drop(reader);
        elsewhere.unpack(deb, |entry, content| place(root, &mut it, owners, &wanted, entry, content))?;
        io::copy(&mut from, &mut io::sink()).map_err(read)?;
    } else {
        let mut entries = Some(Vec::new());
        reader.unpack(|entry, content| {
            let mut content = Hashed::new(content);
            place(root, &mut it, owners, &wanted, &entry, &mut content)?;
            let listed = Listed::of(&entry, &content);
            entries = entries.take().zip(listed).map(|(mut all, listed)| {
                all.push(listed);
                all
            });
            Ok::<_, Fault>(())
        })?;
        it.listing = entries;
    }
    if from.blob() != deb.blob {
        let why = "its bytes are not those that the lock pins".to_owned();
        return Err(RootfsError::Package { package: deb.name.clone(), why }.into());
    }
    Ok(it)
}

fn describe(control: Control) -> Result<Unpacked, Fault> {
    let (mut name, mut arch, mut version, mut same) = (String::new(), String::new(), String::new(), false);
    for field in fields(&control.stanza) {
        match field.map_err(IndexError::from)? {
            ("Package", value) => value.clone_into(&mut name),
            ("Architecture", value) => value.clone_into(&mut arch),
            ("Version", value) => value.clone_into(&mut version),
            ("Multi-Arch", value) => same = value == "same",
            _ => {}
        }
    }
    let (list, conffiles, directories, listing) = (Vec::new(), BTreeMap::new(), Vec::new(), None);
    Ok(Unpacked { name, arch, version, same, control, list, conffiles, directories, listing })
}

/// Paths that are configuration. A line with a flag before the path (`remove-on-upgrade`) is about older versions.
fn conffiles(it: &Unpacked) -> BTreeSet<Vec<u8>> {
    let lines = it.text("conffiles").unwrap_or_default().lines();
    lines.filter_map(|line| line.trim_end().strip_prefix('/')).map(|it| it.as_bytes().to_vec()).collect()
}

fn place(
    root: &Root,
    it: &mut Unpacked,
    owners: &Owners,
    conffiles: &BTreeSet<Vec<u8>>,
    entry: &DataEntry,
    content: &mut dyn Read,
) -> Result<(), Fault> {
    it.list.push(entry.path.clone());
    let Some(path) = merged::path(&entry.path) else { return Ok(()) };
    let meta = Meta { mode: entry.mode, uid: entry.uid, gid: entry.gid };
    if entry.kind == EntryKind::Directory {
        let made = root.make_directory(&path);
        made.map_err(|error| RootfsError::io("make", &path, error))?;
        it.directories.push((path, meta));
        return Ok(());
    }
    claim(root, owners, &path, &it.name)?;
    let written = match &entry.kind {
        EntryKind::Directory => Ok(()),
        EntryKind::Symlink(target) => root.symlink(&path, target, meta),
        EntryKind::HardLink(target) => {
            let target = merged::path(target).unwrap_or_default();
            root.hard_link(&path, &target)
        }
        EntryKind::File if conffiles.contains(&entry.path) => {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).and_then(|_| {
                let name = String::from_utf8_lossy(&entry.path).into_owned();
                it.conffiles.insert(name, hex(&Md5::digest(&bytes)));
                root.file(&path, meta, &mut &bytes[..])
            })
        }
        EntryKind::File => root.file(&path, meta, content),
    };
    Ok(written.map_err(|error| RootfsError::io("write", &path, error))?)
}

/// Makes `path` this package's. What no package owns gives way, as it does for dpkg.
fn claim(root: &Root, owners: &Owners, path: &[u8], package: &str) -> Result<(), Fault> {
    let io = |error| RootfsError::io("write", path, error);
    let twice = |first: &str, second: &str| RootfsError::Owned {
        path: path.escape_ascii().to_string(),
        first: first.to_owned(),
        second: second.to_owned(),
    };
    {
        let mut owners = owners.lock().map_err(|_| io(io::Error::other("a thread ended")))?;
        if let Some(first) = owners.insert(path.to_vec(), package.to_owned()) {
            // In one order, whichever thread was first.
            let (first, second) =
                if *first < *package { (&first[..], package) } else { (package, &first[..]) };
            return Err(twice(first, second).into());
        }
    }
    if root.kind(path).map_err(io)?.is_some() {
        if let Some(first) = dpkg::owner(root, path).map_err(io)? {
            return Err(twice(&first, package).into());
        }
        root.remove(path).map_err(io)?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
