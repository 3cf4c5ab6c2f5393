//! Stages of a root as steps: what a set of packages gives, on top of a tree or of nothing.
//!
//! The essential packages are one stage, the rest another on top of it, so that a new version of a service does not
//! configure libc again. Which packages are essential is read from the packages themselves.

use super::scratch::{Scratch, Use};
use super::step::{Done, StepError};
use super::unpacked::{self, Systems};
use gabion_apt::{Candidates, DebReader, Wish, packages};
use gabion_digest::{Canonical, Feed, TreeId};
use gabion_rootfs::{Base, Deb, Last, Made, RootfsError, StageError};
use gabion_sandbox::Ids;
use gabion_store::{Output, Record, Store, TreeBuilder, TreePath};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of the output.
pub(super) const SYSTEM: &str = "system";

/// The first moment that every file system of a disk can say, 1980-01-01: FAT counts from there.
pub(super) const EARLIEST: u64 = 315_532_800;

/// The bytes of packages by name.
pub(super) type Debs = BTreeMap<String, Output>;

/// One stage.
#[derive(Debug)]
pub(super) struct Stage {
    base: Option<TreeId>,
    debs: Debs,
    epoch: u64,
    last: Option<Last>,
    /// Whether the root stays where it is when a program fails; no part of what the stage is.
    pub(super) keep_failed: bool,
    /// Whether packages are decompressed that were unpacked before; no part of what the stage is.
    pub(super) fresh: bool,
}

impl Canonical for Stage {
    fn feed(&self, into: &mut Feed) {
        self.base.map(|it| it.digest()).feed(into);
        let debs: Vec<_> = self.debs.iter().map(|(name, it)| (name.as_str(), it.blob)).collect();
        debs.feed(into);
        self.epoch.feed(into);
        self.last.is_some().feed(into);
        if let Some(last) = &self.last {
            last.wanted.feed(into);
            for it in &last.grub {
                vec![&it.folder[..], &it.output].feed(into);
                it.arguments.feed(into);
                it.optional.feed(into);
                it.copies.iter().map(|(from, to)| (&from[..], &to[..])).collect::<Vec<_>>().feed(into);
            }
        }
    }
}

/// Packages parted into stages.
#[derive(Debug)]
pub(super) struct Parted {
    /// What every system has; empty where no package is essential.
    pub(super) essential: Debs,
    /// Everything else.
    pub(super) rest: Debs,
    /// The newest time of the essential ones, and of all.
    epochs: (u64, u64),
}

impl Parted {
    /// Reads what the packages say of themselves.
    pub(super) fn of(debs: &Debs, store: &Store) -> Result<Self, StepError> {
        let mut text = String::new();
        let mut newest = BTreeMap::new();
        for (name, output) in debs {
            let (file, _) = store.open_blob(output.blob)?.ok_or(StepError::Gone(*output))?;
            let reader = DebReader::open(std::io::BufReader::new(file)).map_err(|error| {
                StepError::Input(format!(
                    "the package `{name}` cannot be read: {}",
                    crate::error::chain(&error)
                ))
            })?;
            newest.insert(name.as_str(), reader.newest());
            // A stanza of an index says in addition where the package is.
            let (sha256, size) = (output.sha256.hex(), output.size);
            let stanza = reader.control().stanza.trim_end();
            let _ = writeln!(text, "{stanza}\nFilename: {name}\nSize: {size}\nSHA256: {sha256}\n");
        }
        let wrong = |error: &dyn std::error::Error| StepError::Input(error.to_string());
        let mut candidates = Candidates::default();
        for package in packages(&text) {
            candidates.add(package.map_err(|error| wrong(&error))?, 0);
        }
        candidates.seal().map_err(|error| wrong(&error))?;
        let wish = Wish { essential: true, ..Wish::default() };
        let closure = candidates.closure(&wish).map_err(|error| StepError::Input(error.0.join("\n")))?;
        let (essential, rest): (Debs, Debs) = debs
            .iter()
            .map(|(name, output)| (name.clone(), *output))
            .partition(|(name, _)| closure.0.contains_key(name.as_str()));
        let newest_of = |debs: &Debs| debs.keys().filter_map(|name| newest.get(name.as_str())).max().copied();
        let epoch = |debs: &Debs| newest_of(debs).unwrap_or(0).max(EARLIEST);
        let epochs = (epoch(&essential), epoch(debs));
        Ok(Self { essential, rest, epochs })
    }

    /// The time of everything that the whole system has.
    pub(super) fn epoch(&self) -> u64 {
        self.epochs.1
    }

    /// The first stage, if there is more than one.
    pub(super) fn first(&self) -> Option<Stage> {
        let two = !self.essential.is_empty() && !self.rest.is_empty();
        two.then(|| Stage {
            base: None,
            debs: self.essential.clone(),
            epoch: self.epochs.0,
            last: None,
            keep_failed: false,
            fresh: false,
        })
    }

    /// The last stage, on top of the first one's tree.
    pub(super) fn last(self, base: Option<TreeId>, last: Last) -> Stage {
        let mut debs = self.rest;
        if base.is_none() {
            debs.extend(self.essential);
        }
        Stage { base, debs, epoch: self.epochs.1, last: Some(last), keep_failed: false, fresh: false }
    }
}

impl Stage {
    /// Makes the tree.
    pub(super) fn run(&self, store: &Store) -> Result<Done, StepError> {
        match self.make(store, self.fresh) {
            Err(StepError::Stage(StageError::Rootfs(RootfsError::Stale { .. }))) => self.make(store, true),
            done => done,
        }
    }

    /// Makes the tree; `fresh`, of the packages themselves and not of what they gave before.
    fn make(&self, store: &Store, fresh: bool) -> Result<Done, StepError> {
        let scratch = scratch(self.keep_failed)?;
        let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let base = self.base.map(|id| base(store, id)).transpose()?;
        let mut systems = Systems::new(store);
        let deb = |(name, it): (&String, &Output)| {
            let elsewhere = if fresh { None } else { systems.elsewhere(it.blob)? };
            let (name, path) = (name.clone(), store.path_of(it.blob));
            Ok(Deb { name, path, blob: it.blob, size: it.size, elsewhere })
        };
        let debs = self.debs.iter().map(deb).collect::<Result<_, StepError>>()?;
        let stage = gabion_rootfs::Stage {
            folder: scratch.path().to_owned(),
            base,
            debs,
            epoch: self.epoch,
            last: self.last.clone(),
            jobs,
            keep_failed: self.keep_failed,
        };
        let ids = Ids::find().map_err(StepError::Sandbox)?;
        let mut tree = store.build_tree()?;
        let listings = gabion_rootfs::make(&stage, &ids, |made, content| keep(&mut tree, made, content))
            .map_err(StepError::Stage)?;
        let (id, tree, pending) = tree.end()?;
        let outputs = [(SYSTEM.to_owned(), tree.content())].into();
        let record = Record { outputs, trees: [(SYSTEM.to_owned(), id)].into(), ..Record::default() };
        let pending = unpacked::note(pending, listings, &self.debs, (id, tree.content()))?;
        Ok(Done { record, walled: true, pending, place: None })
    }
}

/// A place for a root: not in the store, as its files belong to many users.
fn scratch(keep: bool) -> Result<Scratch, StepError> {
    let failed = |source| StepError::Files { doing: "make room for its root", source };
    Scratch::new(if keep { Use::KeptRoot } else { Use::Root }).map_err(failed)
}

fn base(store: &Store, id: TreeId) -> Result<Base, StepError> {
    let gone = || StepError::Input(format!("the tree `{id}` went away: build again"));
    let tree = store.tree(id)?.ok_or_else(gone)?;
    if !store.check_tree(&tree)? {
        return Err(StepError::Gone(tree.content()));
    }
    let attributes = tree.attributes().iter().flat_map(|(path, named)| {
        named.iter().map(|(name, value)| (path.as_bytes().to_vec(), name.clone(), value.clone()))
    });
    Ok(Base { content: store.path_of(tree.content().blob), attributes: attributes.collect() })
}

fn keep(
    tree: &mut TreeBuilder<'_>,
    made: Made,
    content: &mut dyn std::io::Read,
) -> Result<(), gabion_store::StoreError> {
    use gabion_apt::EntryKind;
    let path = TreePath::new(made.path)?;
    let meta = gabion_store::Meta { mode: made.mode, uid: made.uid, gid: made.gid };
    for (name, value) in &made.attributes {
        tree.attribute(path.clone(), name, value);
    }
    match made.kind {
        EntryKind::Directory => tree.directory(path, meta),
        EntryKind::File => tree.file(path, meta, made.size, content),
        EntryKind::Symlink(target) => tree.symlink(path, meta, &target),
        EntryKind::HardLink(target) => tree.hard_link(path, TreePath::new(target)?),
    }
}
