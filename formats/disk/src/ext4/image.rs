//! The plan of a file system.

use super::{Entry, Ext4Error, Kind, acl, fit};
use crate::{MIB, Uuid};
use mkext4::{FsBuilder, InodeCount, InodeHandle, Meta, ROOT};
use std::collections::BTreeMap;

/// The unit of a file system.
const BLOCK: u64 = 4096;
/// The largest that is planned; block numbers have 32 bits here.
pub(super) const MOST: u64 = 16 << 40;
/// Inodes that ext4 keeps for itself, `lost+found` among them.
const OWN_INODES: u64 = 11;
/// The most names of one inode (`EXT4_LINK_MAX`).
const MOST_LINKS: u32 = 65_000;

/// How many inodes a file system has; the writer rounds up to whole blocks of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inodes {
    /// One for so many bytes. `resize2fs` keeps the ratio.
    PerBytes(u32),
    /// So many.
    Exactly(u32),
}

/// What a file system is besides its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its bytes: whole MiB.
    pub size: u64,
    /// Its identifier.
    pub uuid: Uuid,
    /// What the order of large directories is derived from.
    pub hash_seed: Uuid,
    /// Its label, of at most 16 bytes; may be empty.
    pub label: String,
    /// Every time in it, in seconds since 1970.
    pub time: u32,
    /// How many inodes it has.
    pub inodes: Inodes,
    /// Bytes of its journal: whole MiB from 4 on, at most a quarter of the size.
    pub journal: u64,
}

impl Options {
    /// One inode for 16 KiB as `mke2fs` has it, a journal of 64 MiB whatever the size (a file system that grows keeps
    /// its journal), and a seed that is the identifier.
    pub fn new(size: u64, uuid: Uuid, label: &str, time: u32) -> Self {
        let (hash_seed, label) = (uuid, label.to_owned());
        Self { size, uuid, hash_seed, label, time, inodes: Inodes::PerBytes(16_384), journal: 64 * MIB }
    }

    fn check(&self) -> Result<(), Ext4Error> {
        let what = if self.size == 0 || !self.size.is_multiple_of(MIB) || self.size >= MOST {
            format!("size of {} bytes is not in whole MiB below 16 TiB", self.size)
        } else if self.label.len() > 16 || self.label.contains('\0') {
            format!("label `{}` has more than 16 bytes", self.label)
        } else if self.journal < 4 * MIB || !self.journal.is_multiple_of(MIB) || self.journal > self.size / 4
        {
            format!("journal of {} bytes is not in whole MiB from 4 to a quarter of the size", self.journal)
        } else if matches!(self.inodes, Inodes::PerBytes(0..4096) | Inodes::Exactly(0)) {
            "inodes are none, or more than its blocks".to_owned()
        } else {
            return Ok(());
        };
        Err(Ext4Error::Options { what })
    }

    /// How many inodes there are at least in a file system of `size` bytes.
    pub(super) fn inode_count(&self, size: u64) -> u64 {
        match self.inodes {
            Inodes::PerBytes(bytes) => size / u64::from(bytes),
            Inodes::Exactly(count) => u64::from(count),
        }
    }

    /// The same for the writer, in a file system of `size` bytes. Nothing is kept back for the superuser: whatever
    /// fills a disk of ours runs as that.
    fn for_writer(&self, size: u64) -> mkext4::Options {
        let mut options = mkext4::Options::new(size, *self.uuid.as_bytes(), i64::from(self.time));
        let (words, _) = self.hash_seed.as_bytes().as_chunks();
        for (word, bytes) in options.hash_seed.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        options.inodes = InodeCount::Exact(u32::try_from(self.inode_count(size)).unwrap_or(u32::MAX));
        options.label = (!self.label.is_empty()).then(|| self.label.clone());
        options.reserved_percent = 0;
        options.journal_blocks = Some((self.journal / BLOCK) as u32);
        options
    }
}

/// A file that has bytes.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) path: Vec<u8>,
    pub(super) handle: InodeHandle,
    pub(super) size: u64,
}

/// A file system, planned: every byte but the contents is decided.
#[derive(Debug)]
pub struct Image {
    pub(super) layout: mkext4::Layout,
    pub(super) files: Vec<Filled>,
}

impl Image {
    /// Plans a file system with `entries`: directories before what is in them, files before their other names. Their
    /// order is part of the bytes; take them sorted.
    pub fn plan(options: &Options, entries: impl IntoIterator<Item = Entry>) -> Result<Self, Ext4Error> {
        options.check()?;
        let entries: Vec<Entry> = entries.into_iter().collect();
        check(&entries)?;
        let inodes = entries.iter().filter(|it| !matches!(it.kind, Kind::HardLink { .. })).count() as u64;
        let (needed, has) = (inodes + OWN_INODES, options.inode_count(options.size));
        if needed > has && matches!(options.inodes, Inodes::Exactly(_)) {
            return Err(Ext4Error::Inodes { needed, has });
        }
        Self::of_size(options, &entries, options.size)
            .map_err(|refusal| fit::explain(options, &entries, refusal))
    }

    /// A file system with nothing in it but `lost+found`.
    pub fn empty(options: &Options) -> Result<Self, Ext4Error> {
        Self::plan(options, [])
    }

    /// The file that the byte at `offset` belongs to, and where it is in it; `None` for what is no file's content.
    pub fn locate(&self, offset: u64) -> Option<(&[u8], u64)> {
        self.files.iter().find_map(|file| {
            let mut before = 0;
            for (start, length) in self.layout.extents(file.handle) {
                if (start..start + length).contains(&offset) {
                    return Some((&file.path[..], before + offset - start));
                }
                before += length;
            }
            None
        })
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.layout.image_len()
    }

    /// The same entries in `size` bytes. They were checked, so what the writer refuses is the size.
    pub(super) fn of_size(options: &Options, entries: &[Entry], size: u64) -> mkext4::Result<Self> {
        let mut builder = FsBuilder::new(options.for_writer(size))?;
        let time = (i64::from(options.time), 0);
        let mut handles: BTreeMap<&[u8], InodeHandle> = BTreeMap::from([(&b""[..], ROOT)]);
        let mut files = Vec::new();
        for entry in entries {
            let handle = declare(&mut builder, &handles, entry, time)?;
            for (name, value) in &entry.xattrs {
                let list = if acl::is_list(name) { acl::kept(value) } else { None };
                builder.set_xattr(handle, name, list.as_deref().unwrap_or(value))?;
            }
            handles.insert(&entry.path, handle);
            if let Kind::File { size: size @ 1.. } = entry.kind {
                files.push(Filled { path: entry.path.clone(), handle, size });
            }
        }
        Ok(Self { layout: builder.seal()?, files })
    }
}

fn declare(
    builder: &mut FsBuilder,
    handles: &BTreeMap<&[u8], InodeHandle>,
    entry: &Entry,
    time: (i64, u32),
) -> mkext4::Result<InodeHandle> {
    let lost = || mkext4::Error::Invalid(format!("`{}` has no place", entry.name()));
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| lost());
    let meta = Meta::new(entry.mode, entry.uid, entry.gid, time);
    let Some((parent, name)) = entry.place() else {
        return builder.set_meta(ROOT, meta).map(|()| ROOT);
    };
    let (parent, name) = (*handles.get(parent).ok_or_else(lost)?, text(name)?);
    match &entry.kind {
        Kind::Directory => builder.mkdir(parent, name, meta),
        Kind::File { size } => builder.file(parent, name, meta, *size),
        Kind::Symlink { target } => builder.symlink(parent, name, text(target)?, meta),
        Kind::HardLink { target } => {
            let target = *handles.get(&target[..]).ok_or_else(lost)?;
            builder.hardlink(parent, name, target).map(|()| target)
        }
    }
}

/// Whether the entries are a tree.
fn check(entries: &[Entry]) -> Result<(), Ext4Error> {
    let mut seen: BTreeMap<&[u8], &Kind> = BTreeMap::new();
    let mut links: BTreeMap<&[u8], u32> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        entry.check()?;
        let parent = entry.place().map(|(parent, _)| parent);
        if parent.is_none() && at > 0 {
            return Err(entry.error("is the root, which stands before everything else"));
        }
        if parent.is_some_and(|it| !it.is_empty() && seen.get(it) != Some(&&Kind::Directory)) {
            return Err(entry.error("is in no directory that stands before it"));
        }
        if let Kind::HardLink { target } = &entry.kind {
            if !matches!(seen.get(&target[..]), Some(Kind::File { .. } | Kind::Symlink { .. })) {
                return Err(entry.error("is another name of no file that stands before it"));
            }
            let names = links.entry(target).or_insert(1);
            *names += 1;
            if *names > MOST_LINKS {
                return Err(entry.error("is one name too many of its file"));
            }
        }
        if seen.insert(&entry.path, &entry.kind).is_some() {
            return Err(entry.error("is there twice"));
        }
    }
    Ok(())
}
