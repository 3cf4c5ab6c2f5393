//! One layer as a step: its entries over what lies below, as a packed tar.

use super::super::step::StepError;
use super::input;
use super::plan::{self, Bytes, Source};
use gabion_digest::{Canonical, DualHasher, Feed, Sha256};
use gabion_layer::{Below, LayerError, LayerWriter, Lower, Meta, Packed, Packing};
use gabion_oci::compose::LayerEntry;
use gabion_store::{Entry, Expect, Output, Record, Store, Tree, TreePath};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The name of the output.
pub(in super::super) const LAYER: &str = "layer";
/// The fact that says the digest of the tar.
const DIFF_ID: &str = "diff-id";

/// The mode and owner of a folder that nobody described.
const FOLDER: Meta = Meta { mode: 0o755, uid: 0, gid: 0 };

/// Folders that a layer says again, and how they are.
type Folders = BTreeMap<Vec<u8>, Meta>;

/// One layer.
#[derive(Debug)]
pub(in super::super) struct LayerStep {
    source: Source,
    /// Folders as they are, whatever the source says of them.
    folders: Folders,
    time: u64,
    packing: Packing,
}

impl Canonical for LayerStep {
    fn feed(&self, into: &mut Feed) {
        match &self.source {
            // Which folders are meant shows in `folders`.
            Source::Tree { tree, to, folders: _ } => {
                (0_u32, tree.digest()).feed(into);
                path(to, into);
            }
            Source::Files(files) => {
                (1_u32, files.len() as u64).feed(into);
                for (at, (meta, bytes)) in files {
                    path(at, into);
                    numbers(*meta, into);
                    bytes.blob().feed(into);
                }
            }
        }
        (self.folders.len() as u64).feed(into);
        for (at, meta) in &self.folders {
            path(at, into);
            numbers(*meta, into);
        }
        self.time.feed(into);
        self.packing.name().feed(into);
    }
}

fn path(path: &[u8], into: &mut Feed) {
    (path.len() as u64).feed(into);
    into.update(path);
}

fn numbers(meta: Meta, into: &mut Feed) {
    [meta.mode, meta.uid, meta.gid].map(u64::from).as_slice().feed(into);
}

/// What a layer step gave: the digest of its tar, and its place in a manifest.
pub(super) fn made(record: &Record, packing: Packing) -> Result<(Sha256, LayerEntry, Output), StepError> {
    let output = record.outputs.get(LAYER).copied();
    let diff_id = record.facts.get(DIFF_ID).and_then(|it| it.parse().ok());
    let (output, diff_id) =
        output.zip(diff_id).ok_or_else(|| input("a layer was recorded without its digests"))?;
    let media_type = packing.media_type().to_owned();
    Ok((diff_id, LayerEntry { media_type, digest: output.sha256, size: output.size }, output))
}

impl LayerStep {
    /// Plans a layer over `below`, which is afterwards what lies below the next one.
    pub(super) fn plan(
        source: Source,
        below: &mut Below,
        store: &Store,
        time: u64,
        packing: Packing,
    ) -> Result<Self, StepError> {
        let mut folders = Folders::new();
        match &source {
            Source::Tree { tree, to, folders: meant } => {
                let tree = open(store, *tree)?;
                if !to.is_empty() {
                    parents(&join(to, b"x"), below, &mut folders)?;
                }
                for (at, entry) in tree.entries() {
                    let at = join(to, at.as_bytes());
                    let is_folder = matches!(entry, Entry::Directory(_));
                    let there = fits(&at, is_folder, below)?;
                    if let (false, Some(meta)) = (*meant, there) {
                        folders.insert(at, meta);
                    }
                }
                put_folders(&folders, below);
                for (at, entry) in tree.entries() {
                    put(&join(to, at.as_bytes()), entry, &folders, below);
                }
            }
            Source::Files(files) => {
                for at in files.keys() {
                    parents(at, below, &mut folders)?;
                    fits(at, false, below)?;
                }
                if let Some(at) = files.keys().find(|at| folders.contains_key(*at)) {
                    return Err(input(&format!(
                        "`/{}` is a file and a folder of one layer",
                        at.escape_ascii()
                    )));
                }
                put_folders(&folders, below);
                for at in files.keys() {
                    below.put(at, Lower::Other);
                }
            }
        }
        Ok(Self { source, folders, time, packing })
    }

    /// Writes it.
    pub(in super::super) fn run(&self, store: &Store) -> Result<Record, StepError> {
        let packed = Packed::new(self.packing, store.writer()?).map_err(unwritten)?;
        let hashed = Hashed { out: packed, hasher: DualHasher::new() };
        let mut layer = LayerWriter::new(hashed, self.time);
        match &self.source {
            Source::Tree { tree, to, .. } => self.tree(&mut layer, store, &open(store, *tree)?, to)?,
            Source::Files(files) => self.files(&mut layer, store, files)?,
        }
        let hashed = layer.finish().map_err(broken)?;
        let diff_id = hashed.hasher.finish().sha256;
        let output = hashed.out.finish().map_err(unwritten)?.finish(Expect::default())?.into();
        Ok(Record {
            outputs: [(LAYER.to_owned(), output)].into(),
            facts: [(DIFF_ID.to_owned(), diff_id.to_string())].into(),
            ..Record::default()
        })
    }

    fn tree<W: Write>(
        &self,
        layer: &mut LayerWriter<W>,
        store: &Store,
        tree: &Tree,
        to: &[u8],
    ) -> Result<(), StepError> {
        let none = BTreeMap::new();
        let mut entries: BTreeMap<Vec<u8>, Option<(&TreePath, &Entry)>> =
            self.folders.keys().map(|at| (at.clone(), None)).collect();
        entries.extend(tree.entries().map(|(at, entry)| (join(to, at.as_bytes()), Some((at, entry)))));
        for (path, entry) in entries {
            let kept = self.folders.get(&path).copied();
            let Some((at, entry)) = entry else {
                layer.directory(&path, kept.unwrap_or(FOLDER), &none).map_err(broken)?;
                continue;
            };
            let attributes = tree.attributes().get(at).unwrap_or(&none);
            match entry {
                Entry::Directory(meta) => layer.directory(&path, kept.unwrap_or(of(meta)), attributes),
                Entry::Symlink { meta, target } => layer.symlink(&path, of(meta), target),
                Entry::HardLink { target } => {
                    let Some(Entry::File { meta, .. }) = tree.get(target) else {
                        return Err(input("a tree has a link to what is no file of it"));
                    };
                    layer.hard_link(&path, of(meta), &join(to, target.as_bytes()))
                }
                Entry::File { meta, size, .. } => {
                    let gone = || StepError::Gone(tree.content());
                    let content = store.open_tree_file(tree, at)?.ok_or_else(gone)?;
                    let written = layer.file(&path, of(meta), *size, attributes, content);
                    if matches!(&written, Err(LayerError::Io(error)) if error.kind() == io::ErrorKind::InvalidData) {
                        return Err(gone());
                    }
                    written
                }
            }
            .map_err(broken)?;
        }
        Ok(())
    }

    fn files<W: Write>(
        &self,
        layer: &mut LayerWriter<W>,
        store: &Store,
        files: &BTreeMap<Vec<u8>, (Meta, Bytes)>,
    ) -> Result<(), StepError> {
        let none = BTreeMap::new();
        let folders = self.folders.iter().map(|(at, meta)| (at, (*meta, None)));
        let files = files.iter().map(|(at, (meta, bytes))| (at, (*meta, Some(bytes))));
        let entries: BTreeMap<&Vec<u8>, (Meta, Option<&Bytes>)> = folders.chain(files).collect();
        for (path, (meta, bytes)) in entries {
            match bytes {
                None => layer.directory(path, meta, &none).map_err(broken)?,
                Some(Bytes::Memory(_, bytes)) => {
                    layer.file(path, meta, bytes.len() as u64, &none, bytes.as_slice()).map_err(broken)?;
                }
                Some(Bytes::Store(output)) => {
                    let (file, _) = store.open_blob(output.blob)?.ok_or(StepError::Gone(*output))?;
                    let mut content = plan::Hashed::new(file);
                    layer.file(path, meta, output.size, &none, &mut content).map_err(broken)?;
                    if content.blob() != output.blob {
                        return Err(StepError::Gone(*output));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Notes the folders above `at` as they are below, and refuses a way over a link or a file.
fn parents(at: &[u8], below: &Below, folders: &mut Folders) -> Result<(), StepError> {
    for (place, _) in at.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let folder = &at[..place];
        let meta = fits(folder, true, below)?.unwrap_or(FOLDER);
        folders.insert(folder.to_vec(), meta);
    }
    Ok(())
}

/// How the folder that lies at `at` is, if one does. Refuses an entry that would replace something of another sort.
fn fits(at: &[u8], is_folder: bool, below: &Below) -> Result<Option<Meta>, StepError> {
    let shown = || format!("/{}", at.escape_ascii());
    match (below.get(at), is_folder) {
        (Some(Lower::Folder(meta)), true) => Ok(Some(*meta)),
        (Some(Lower::Folder(_)), false) => {
            Err(input(&format!("`{}` is a folder in a lower layer, and no folder in this one", shown())))
        }
        (Some(Lower::Link(to)), true) => Err(input(&format!(
            "`{}` is a link to `{}` in a lower layer: name what it leads to",
            shown(),
            to.escape_ascii()
        ))),
        (Some(Lower::Other), true) => Err(input(&format!("`{}` is a file in a lower layer", shown()))),
        (Some(Lower::Link(_) | Lower::Other), false) | (None, _) => Ok(None),
    }
}

fn put_folders(folders: &Folders, below: &mut Below) {
    for (at, meta) in folders {
        below.put(at, Lower::Folder(*meta));
    }
}

fn put(at: &[u8], entry: &Entry, folders: &Folders, below: &mut Below) {
    below.put(
        at,
        match entry {
            Entry::Directory(meta) => Lower::Folder(folders.get(at).copied().unwrap_or(of(meta))),
            Entry::Symlink { target, .. } => Lower::Link(target.clone()),
            Entry::File { .. } | Entry::HardLink { .. } => Lower::Other,
        },
    );
}

fn of(meta: &gabion_store::Meta) -> Meta {
    Meta { mode: meta.mode, uid: meta.uid, gid: meta.gid }
}

fn join(to: &[u8], path: &[u8]) -> Vec<u8> {
    if to.is_empty() { path.to_vec() } else { [to, b"/", path].concat() }
}

fn open(store: &Store, id: gabion_digest::TreeId) -> Result<Tree, StepError> {
    store.tree(id)?.ok_or_else(|| input(&format!("the tree `{id}` went away: build again")))
}

fn broken(error: LayerError) -> StepError {
    match error {
        LayerError::Io(error) => unwritten(error),
        error => input(&error.to_string()),
    }
}

fn unwritten(source: io::Error) -> StepError {
    StepError::Files { doing: "write a layer", source }
}

/// Hashes what is written.
struct Hashed<W> {
    out: W,
    hasher: DualHasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
