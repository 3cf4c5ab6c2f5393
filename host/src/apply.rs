//! Brings a root to a wanted state: a plan first, then journalled writes.
//!
//! The journal stands before the first write and is removed after the last one; it names the files
//! that the run touches. A run that finds a journal simply goes on: every step compares before it
//! writes, so doing it again is doing it once.

use crate::compare::compare;
use crate::error::HostError;
use crate::kept;
use crate::layout::{Layout, Wanted};
use crate::root::Root;
use crate::state::{State, Written};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// What a run did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Paths that were written, and where nothing was or what an earlier run wrote.
    pub written: Vec<String>,
    /// Paths that were written, and where something was that no run wrote.
    pub replaced: Vec<String>,
    /// Where the older file of a replaced or removed path is kept; none where it had the wanted bytes.
    pub kept: BTreeMap<String, String>,
    /// Folders of the layout that belonged to somebody else.
    pub folders: Vec<String>,
    /// Paths that were right already.
    pub unchanged: usize,
    /// Paths of the previous bundle that this one does not have.
    pub removed: Vec<String>,
    /// Bytes that were written.
    pub bytes: u64,
}

impl Report {
    /// How many paths were written.
    pub fn changed(&self) -> usize {
        self.written.len() + self.replaced.len()
    }
}

/// Produces the bytes of a source.
pub type Produce<'a, S> = dyn FnMut(&S, &mut dyn Write) -> io::Result<()> + 'a;

/// What a run will do: found out by comparing everything once, without writing.
#[derive(Debug)]
pub struct Plan<'l, S> {
    /// What that is, for people.
    pub report: Report,
    layout: &'l Layout<S>,
    todo: Vec<&'l str>,
    keeps: BTreeSet<String>,
    rests: BTreeSet<String>,
    before: State,
    after: State,
}

/// Compares `root` with `layout`; files that the previous state had and `layout` has not go.
pub fn plan<'l, S>(
    root: &Root,
    layout: &'l Layout<S>,
    bundle: &str,
    produce: &mut Produce<'_, S>,
) -> Result<Plan<'l, S>, HostError> {
    let (before, theirs) = State::load(root)?;
    let touched = layout.entries().keys().chain(before.files.keys()).chain(&theirs);
    let rests = parts(root, touched.map(String::as_str))?;
    let files = layout.entries().iter().map(|(path, wanted)| (path.clone(), Written::of(wanted))).collect();
    let after = State { bundle: bundle.to_owned(), files };
    let report = Report { folders: foreign_folders(root, layout)?, ..Report::default() };
    let mut plan = Plan { report, layout, todo: Vec::new(), keeps: BTreeSet::new(), rests, before, after };
    for (path, wanted) in layout.entries() {
        let there = there(root, path, wanted, produce)?;
        plan.entry(root, path, wanted, there)?;
    }
    for path in theirs.iter().filter(|path| !plan.keeps.contains(*path)) {
        // A second name that an interrupted run gave, and that nothing needs.
        plan.rests.extend(kept::find(root, path)?);
    }
    for path in gone(&plan.before, layout) {
        if !root.exists(path).map_err(|source| HostError::read(path, source))? {
            continue;
        }
        plan.report.removed.push(path.clone());
        plan.report.kept.extend(kept::find(root, path)?.map(|kept| (path.clone(), kept)));
    }
    Ok(plan)
}

impl<'l, S> Plan<'l, S> {
    /// Decides about one entry.
    fn entry(
        &mut self,
        root: &Root,
        path: &'l str,
        wanted: &Wanted<S>,
        there: There,
    ) -> Result<(), HostError> {
        if there == There::Right {
            self.report.unchanged += 1;
            return Ok(());
        }
        if there == There::Nothing || self.before.files.contains_key(path) {
            self.report.written.push(path.to_owned());
        } else {
            self.report.replaced.push(path.to_owned());
            if there == There::Other {
                self.report.kept.insert(path.to_owned(), kept::reserve(root, path)?);
                self.keeps.insert(path.to_owned());
            }
        }
        if let Wanted::File { size, .. } = wanted {
            self.report.bytes += size;
        }
        self.todo.push(path);
        Ok(())
    }

    /// Whether there is nothing to write, not even the state.
    fn is_idle(&self, root: &Root) -> Result<bool, HostError> {
        Ok(self.report.changed() == 0
            && self.report.folders.is_empty()
            && self.report.removed.is_empty()
            && self.rests.is_empty()
            && self.before == self.after
            && !State::interrupted(root)?)
    }

    /// Refuses a plan that some file system has no room for.
    pub fn check_room(&self, root: &Root) -> Result<(), HostError> {
        if self.is_idle(root)? {
            return Ok(());
        }
        let files = self.todo.iter().filter_map(|path| match self.layout.entries()[*path] {
            Wanted::File { size, .. } => Some((*path, size)),
            Wanted::Link(_) => None,
        });
        let state = self.after.sizes(&self.before, &self.keeps)?;
        crate::room::check(root, files.chain(state))
    }

    /// Does it.
    pub fn execute(self, root: &Root, produce: &mut Produce<'_, S>) -> Result<Report, HostError> {
        if self.is_idle(root)? {
            return Ok(self.report);
        }
        let Self { report, layout, todo, keeps, rests, before, after } = self;
        // While the journal of the run that left them, if there was one, still stands.
        for path in &rests {
            root.remove(path).map_err(|source| HostError::write(path, source))?;
        }
        make_folders(root, layout)?;
        for path in &report.folders {
            root.own_folder(path).map_err(|source| HostError::write(path, source))?;
        }
        after.begin(root, &before, &keeps)?;
        for path in todo {
            if keeps.contains(path) {
                root.keep(path, &kept::name(path)).map_err(|source| HostError::write(path, source))?;
            }
            write_one(root, path, &layout.entries()[path], produce)?;
        }
        for path in &report.removed {
            root.remove(path).map_err(|source| HostError::write(path, source))?;
        }
        after.commit(root)?;
        Ok(report)
    }
}

/// Makes the folders that are missing.
fn make_folders<S>(root: &Root, layout: &Layout<S>) -> Result<(), HostError> {
    let make =
        |path: &str, mode| root.make_folder(path, mode).map_err(|source| HostError::write(path, source));
    make(crate::state::FOLDER, 0o700)?;
    for (path, mode) in layout.folders() {
        make(path, *mode)?;
    }
    for path in layout.entries().keys() {
        make(path.rsplit_once('/').map_or("", |(above, _)| above), 0o755)?;
    }
    Ok(())
}

/// Paths of the previous state that `layout` does not have.
fn gone<'s, S>(before: &'s State, layout: &Layout<S>) -> impl Iterator<Item = &'s String> {
    before.files.keys().filter(|path| !layout.entries().contains_key(*path))
}

/// Rests of interrupted writes of `paths` and of the state. A folder in the place of a file or of its
/// rest ends it, while nothing is written yet: no write and no removal would get past it.
fn parts<'p>(root: &Root, paths: impl Iterator<Item = &'p str>) -> Result<BTreeSet<String>, HostError> {
    let mut parts = BTreeSet::new();
    for path in paths.chain(crate::state::FILES) {
        let part = crate::root::part(path);
        for path in [path, &part] {
            if root.is_folder(path).map_err(|source| HostError::read(path, source))? {
                return Err(HostError::Folder { path: path.to_owned() });
            }
        }
        if root.exists(&part).map_err(|source| HostError::read(&part, source))? {
            parts.insert(part);
        }
    }
    Ok(parts)
}

/// Folders that are there and in which somebody else could exchange what is installed.
fn foreign_folders<S>(root: &Root, layout: &Layout<S>) -> Result<Vec<String>, HostError> {
    let mut foreign = Vec::new();
    for path in layout.folders().keys().map(String::as_str).chain([crate::state::FOLDER]) {
        if root.is_foreign_folder(path).map_err(|source| HostError::read(path, source))? {
            foreign.push(path.to_owned());
        }
    }
    Ok(foreign)
}

/// What stands at the path of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    /// Nothing.
    Nothing,
    /// What is wanted.
    Right,
    /// The wanted bytes, with another mode or owner.
    Bytes,
    /// Something else.
    Other,
}

fn there<S>(
    root: &Root,
    path: &str,
    wanted: &Wanted<S>,
    produce: &mut Produce<'_, S>,
) -> Result<There, HostError> {
    let reading = |source| HostError::read(path, source);
    if !root.exists(path).map_err(reading)? {
        return Ok(There::Nothing);
    }
    match wanted {
        Wanted::Link(target) => {
            Ok(if root.links_to(path, target).map_err(reading)? { There::Right } else { There::Other })
        }
        Wanted::File { mode, source, size } => {
            let Some((file, found)) = root.open_file(path).map_err(reading)? else {
                return Ok(There::Other);
            };
            if found.size != *size
                || !compare(file, &mut |out| produce(source, out))
                    .map_err(|error| HostError::content(path, error))?
            {
                return Ok(There::Other);
            }
            Ok(if found.mode == *mode && found.owned { There::Right } else { There::Bytes })
        }
    }
}

fn write_one<S>(
    root: &Root,
    path: &str,
    wanted: &Wanted<S>,
    produce: &mut Produce<'_, S>,
) -> Result<(), HostError> {
    match wanted {
        Wanted::Link(target) => {
            root.link(path, target).map(drop).map_err(|source| HostError::write(path, source))
        }
        Wanted::File { mode, source, .. } => root
            .write(path, *mode, &mut |out| produce(source, out))
            .map_err(|error| HostError::from_produce(path, error)),
    }
}

#[cfg(test)]
mod tests;
