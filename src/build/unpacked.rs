//! Where what packages have lies unpacked already: in systems that were built before.
//!
//! When packages are decompressed, what each of them has is noted under a name of its own, with the tree of the stage in
//! which it was unpacked. A later stage takes from that tree the bytes of every package of which the tree still has all:
//! scripts may have changed or removed some. So a new version of one package decompresses that package.
//!
//! # Invariants
//! - What is taken is hashed on the way; where it is not what was noted, the stage begins again without it.
//! - Whether something is taken from here changes no output, and is part of no `ActionId`.

use super::stage::Debs;
use super::step::StepError;
use gabion_digest::{ActionId, BlobId, Canonical, Feed, TreeId, id_of};
use gabion_rootfs::{Elsewhere, Listed, Listing};
use gabion_store::{Entry, Output, Pending, Record, Store, Tree};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a note names: the tree into which the package was unpacked.
const TREE: &str = "unpacked";
/// The fact that says what a package has.
const ENTRIES: &str = "entries";

/// The name under which is noted what a package has. Its version is raised with the form of the note.
struct Note(BlobId);

impl Canonical for Note {
    fn feed(&self, into: &mut Feed) {
        ("unpacked", 1_u32).feed(into);
        self.0.digest().feed(into);
    }
}

impl Note {
    fn id(deb: BlobId) -> ActionId {
        ActionId::new(id_of("gabion action v1", &Self(deb)))
    }
}

/// Trees that have what packages have, each read once.
#[derive(Debug)]
pub(super) struct Systems<'s> {
    store: &'s Store,
    known: BTreeMap<TreeId, Option<Files>>,
}

/// The content of a tree, and where files begin in it, by digest.
#[derive(Debug)]
struct Files {
    content: PathBuf,
    offsets: BTreeMap<BlobId, u64>,
}

impl<'s> Systems<'s> {
    pub(super) fn new(store: &'s Store) -> Self {
        Self { store, known: BTreeMap::new() }
    }

    /// Where all that the package `deb` has lies unpacked, if it does.
    pub(super) fn elsewhere(&mut self, deb: BlobId) -> Result<Option<Elsewhere>, StepError> {
        for record in self.store.actions(Note::id(deb))? {
            let entries: Option<Vec<Listed>> =
                record.facts.get(ENTRIES).and_then(|it| serde_json::from_str(it).ok());
            let (Some(entries), Some(tree)) = (entries, record.trees.get(TREE)) else { continue };
            let Some(files) = self.files(*tree)? else { continue };
            let offset = |(blob, size)| if size == 0 { Some(0) } else { files.offsets.get(&blob).copied() };
            let offsets: Option<Vec<u64>> = entries.iter().filter_map(Listed::file).map(offset).collect();
            if let Some(offsets) = offsets {
                return Ok(Some(Elsewhere { content: files.content.clone(), entries, offsets }));
            }
        }
        Ok(None)
    }

    fn files(&mut self, id: TreeId) -> Result<Option<&Files>, StepError> {
        if !self.known.contains_key(&id) {
            let files = self.store.tree(id)?.map(|tree| Files::of(self.store, &tree));
            self.known.insert(id, files);
        }
        Ok(self.known.get(&id).and_then(Option::as_ref))
    }
}

impl Files {
    fn of(store: &Store, tree: &Tree) -> Self {
        let files = tree.entries().filter(|(_, entry)| matches!(entry, Entry::File { .. }));
        let offsets = files.filter_map(|(path, _)| tree.file(path)).map(|(offset, _, blob)| (blob, offset));
        Self { content: store.path_of(tree.content().blob), offsets: offsets.collect() }
    }
}

/// Notes what the packages `listings` have, which were unpacked into this tree.
pub(super) fn note(
    mut pending: Pending,
    listings: Vec<Listing>,
    debs: &Debs,
    (tree, content): (TreeId, Output),
) -> Result<Pending, StepError> {
    for listing in listings {
        let Some(deb) = debs.get(&listing.name) else { continue };
        let Ok(entries) = serde_json::to_string(&listing.entries) else { continue };
        let record = Record {
            outputs: [(TREE.to_owned(), content)].into(),
            trees: [(TREE.to_owned(), tree)].into(),
            facts: [(ENTRIES.to_owned(), entries)].into(),
        };
        pending = pending.action(Note::id(deb.blob), &record)?;
    }
    Ok(pending)
}
