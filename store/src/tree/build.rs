//! Makes a tree from a stream of entries in any order.
//!
//! The canonical tar is written while the entries come. Where they come in its order, it is whole at the end; where
//! they do not, what was written is where the bytes of files wait, and a second tar is written from it.

use super::manifest::{Attributes, Entry, LINK_MODE, Meta, Tree, meta};
use super::path::TreePath;
use super::tar;
use crate::blob::{BlobWriter, Expect};
use crate::{Output, Pending, Store, StoreError};
use gabion_digest::{BlobId, Digest, TreeId};
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

/// A tree being made.
#[derive(Debug)]
pub struct TreeBuilder<'s> {
    store: &'s Store,
    out: Tar<'s>,
    /// Whether what was written is the tar of the entries so far.
    in_order: bool,
    entries: BTreeMap<TreePath, Entry>,
    attributes: Attributes,
    /// Where each file's bytes were written.
    places: BTreeMap<TreePath, u64>,
    buffer: Vec<u8>,
}

/// What is written, and how much it is.
#[derive(Debug)]
struct Tar<'s> {
    writer: BufWriter<BlobWriter<'s>>,
    end: u64,
}

/// How much is written, and hashed, at once.
const PIECE: usize = 256 << 10;

impl<'s> Tar<'s> {
    fn new(store: &'s Store) -> Result<Self, StoreError> {
        Ok(Self { writer: BufWriter::with_capacity(PIECE, store.writer()?), end: 0 })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.end += bytes.len() as u64;
        self.writer.write_all(bytes)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        self.put(&[0; 512][..tar::padding(size)])
    }

    fn into_writer(self) -> io::Result<BlobWriter<'s>> {
        self.writer.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Store {
    /// Begins a tree.
    pub fn build_tree(&self) -> Result<TreeBuilder<'_>, StoreError> {
        Ok(TreeBuilder {
            store: self,
            out: Tar::new(self)?,
            in_order: true,
            entries: BTreeMap::new(),
            attributes: Attributes::new(),
            places: BTreeMap::new(),
            buffer: vec![0; PIECE],
        })
    }

    fn write_failed(&self) -> impl FnOnce(io::Error) -> StoreError {
        let tmp = self.tmp();
        move |error| StoreError::io("write", &tmp, error)
    }
}

impl TreeBuilder<'_> {
    fn add(&mut self, path: TreePath, entry: Entry) -> Result<(), StoreError> {
        self.follows(&path)?;
        // A link stands behind its file, whose owner and mode its header repeats.
        if let Entry::HardLink { target } = &entry {
            self.in_order &= matches!(self.entries.get(target), Some(Entry::File { .. }));
        }
        if self.in_order {
            let meta = meta(&entry, |target| self.entries.get(target));
            self.out.put(&tar::header(&path, &entry, meta)).map_err(self.store.write_failed())?;
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    /// Refuses a path that is there; notes one that comes too late for its place in the tar.
    fn follows(&mut self, path: &TreePath) -> Result<(), StoreError> {
        if self.entries.contains_key(path) {
            return Err(path.refused("it is there twice"));
        }
        self.in_order &= self.entries.last_key_value().is_none_or(|(last, _)| last < path);
        Ok(())
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: TreePath, meta: Meta) -> Result<(), StoreError> {
        self.add(path, Entry::Directory(meta))
    }

    /// Adds a symbolic link; the mode of `meta` is not looked at.
    pub fn symlink(&mut self, path: TreePath, meta: Meta, target: &[u8]) -> Result<(), StoreError> {
        let meta = Meta { mode: LINK_MODE, ..meta };
        self.add(path, Entry::Symlink { meta, target: target.to_vec() })
    }

    /// Adds another name of a file, which may come later. Which of the names is the file's is decided by the
    /// order of bytes, not by the stream.
    pub fn hard_link(&mut self, path: TreePath, target: TreePath) -> Result<(), StoreError> {
        self.add(path, Entry::HardLink { target })
    }

    /// Gives the file or directory `path`, which may come later, an extended attribute. Under whichever name of
    /// a file it is given, it is the file's.
    pub fn attribute(&mut self, path: TreePath, name: &[u8], value: &[u8]) {
        self.attributes.entry(path).or_default().insert(name.to_vec(), value.to_vec());
    }

    /// Adds a file of `size` bytes, reading `content` to its end.
    pub fn file(
        &mut self,
        path: TreePath,
        meta: Meta,
        size: u64,
        content: impl Read,
    ) -> Result<(), StoreError> {
        self.follows(&path)?;
        if self.in_order {
            let header = tar::file_header(&path, size, meta);
            self.out.put(&header).map_err(self.store.write_failed())?;
        }
        let place = self.out.end;
        let blob = self.copy(content).map_err(self.store.write_failed())?;
        if self.out.end - place != size {
            return Err(path.refused("its content has another size"));
        }
        if self.in_order {
            self.out.pad(size).map_err(self.store.write_failed())?;
        }
        self.places.insert(path.clone(), place);
        self.entries.insert(path, Entry::File { meta, blob, size });
        Ok(())
    }

    fn copy(&mut self, mut content: impl Read) -> io::Result<BlobId> {
        let mut hasher = blake3::Hasher::new();
        loop {
            match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hasher.update(&self.buffer[..count]);
                    self.out.put(&self.buffer[..count])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(BlobId::new(Digest::from_bytes(*hasher.finalize().as_bytes())))
    }

    /// Writes the canonical tar and the manifest into the store.
    pub fn finish(self) -> Result<(TreeId, Tree), StoreError> {
        let store = self.store;
        let (id, tree, pending) = self.end()?;
        store.commit(pending)?;
        Ok((id, tree))
    }

    /// Writes the canonical tar and the manifest; [`Store::commit`] gives them their names.
    pub fn end(mut self) -> Result<(TreeId, Tree, Pending), StoreError> {
        let store = self.store;
        if !self.in_order {
            self.first_name_is_the_file()?;
            self.rewrite()?;
        }
        let Self { mut out, entries, attributes, .. } = self;
        let ended = out.put(&tar::END).and_then(|()| out.into_writer());
        let mut batch = store.batch();
        let hashed = batch.add(ended.map_err(store.write_failed())?, Expect::default())?;
        let content = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
        let tree = Tree::new(entries, attributes, content)?;
        let manifest = batch.put(tree.to_text().as_bytes())?;
        Ok((TreeId::new(manifest.blob.digest()), tree, batch.end()))
    }

    /// Hard links lead to the smallest name, whatever the stream said.
    fn first_name_is_the_file(&mut self) -> Result<(), StoreError> {
        let mut names: BTreeMap<TreePath, Vec<TreePath>> = BTreeMap::new();
        for (path, entry) in &self.entries {
            if matches!(entry, Entry::HardLink { .. }) {
                names.entry(self.origin(path)?).or_default().push(path.clone());
            }
        }
        for (file, links) in names {
            let first = links.iter().min().filter(|first| **first < file).unwrap_or(&file).clone();
            if first != file
                && let Some(entry) = self.entries.remove(&file)
            {
                self.entries.insert(first.clone(), entry);
                let offset = self.places.remove(&file).unwrap_or_default();
                self.places.insert(first.clone(), offset);
            }
            for path in links.into_iter().chain([file]).filter(|path| *path != first) {
                if let Some(attributes) = self.attributes.remove(&path) {
                    self.attributes.entry(first.clone()).or_default().extend(attributes);
                }
                self.entries.insert(path, Entry::HardLink { target: first.clone() });
            }
        }
        Ok(())
    }

    /// The file behind a chain of hard links.
    fn origin(&self, link: &TreePath) -> Result<TreePath, StoreError> {
        let mut path = link;
        for _ in 0..=self.entries.len() {
            match self.entries.get(path) {
                Some(Entry::HardLink { target }) => path = target,
                Some(Entry::File { .. }) => return Ok(path.clone()),
                _ => break,
            }
        }
        Err(link.refused("it is another name of what is no file of the tree"))
    }

    /// Writes the entries in the tar's order, with the bytes from where they were written first.
    fn rewrite(&mut self) -> Result<(), StoreError> {
        let first = std::mem::replace(&mut self.out, Tar::new(self.store)?);
        let rewritten = first.into_writer().and_then(|first| self.copy_from(first));
        rewritten.map_err(self.store.write_failed())
    }

    fn copy_from(&mut self, mut first: BlobWriter<'_>) -> io::Result<()> {
        let first = first.file().map_err(StoreError::into_io)?;
        for (path, entry) in &self.entries {
            self.out.put(&tar::header(path, entry, meta(entry, |target| self.entries.get(target))))?;
            if let Entry::File { size, .. } = entry {
                first.seek(SeekFrom::Start(self.places.get(path).copied().unwrap_or_default()))?;
                self.out.end += io::copy(&mut (&*first).take(*size), &mut self.out.writer)?;
                self.out.pad(*size)?;
            }
        }
        Ok(())
    }
}
