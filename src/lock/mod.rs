//! The project's lock on disk, what it must answer, and the graph bound to it.

mod bind;
mod family;

pub use bind::{FilePin, ImagePin, Location, LockedGraph, accounts, bind, identity, pins};
pub use family::{Family, Question};

use crate::file;
use crate::recipe::{Address, Discovered, Kind, Project};
use crate::request::{Request, found_by};
use gabion_lockfile::{AptLock, Entry, Floor, Lock, LockDiff, LockError, Pin};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why the lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The file cannot be read or written.
    #[error("could not {operation} `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The lock.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The file is no lock.
    #[error("`{path}` cannot be read")]
    Parse {
        /// The lock.
        path: PathBuf,
        /// Why not.
        #[source]
        source: LockError,
    },
    /// The file holds the markers of a merge conflict.
    #[error("`{path}` holds the markers of a merge conflict")]
    Conflict {
        /// The lock.
        path: PathBuf,
    },
    /// The recipes ask for what the lock does not answer.
    #[error("the lock does not answer {} of the recipes' requests", stale.len())]
    Stale {
        /// Requests without an answer.
        stale: Vec<Request>,
    },
    /// The lock holds what nobody asks for.
    #[error("the lock holds {} entries that nothing asks for", entries.len())]
    Needless {
        /// Their ids.
        entries: Vec<String>,
    },
}

impl BindError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "E0220",
            Self::Parse { source, .. } => source.code(),
            Self::Stale { .. } => "E0221",
            Self::Conflict { .. } => "E0222",
            Self::Needless { .. } => "E0223",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Conflict { .. } => Some("run `gabion lock`: it keeps what both sides agree on".into()),
            Self::Parse { source, .. } => source.help(),
            Self::Needless { entries } => {
                Some(format!("run `gabion lock`, and commit the result\n{}", entries.join("\n")))
            }
            Self::Stale { stale } => {
                let list: Vec<String> = stale.iter().map(|it| format!("{}: {}", it.id, it.text)).collect();
                Some(format!("run `gabion lock`, and commit the result\n{}", list.join("\n")))
            }
        }
    }
}

/// Every pin of a project: its lock, and the closure of each `[apt.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// `gabion.lock`.
    pub main: Lock,
    /// `locks/apt.NAME.lock`, by the address of the node.
    pub apt: BTreeMap<String, AptLock>,
    /// How new the suites of closures with a conflict are, by the address of the node; never written.
    pub conflicts: BTreeMap<String, Floor>,
}

/// Path of the project's lock.
pub fn path(project: &Project) -> PathBuf {
    project.root.join(&project.settings.lock)
}

/// Folder of the closures, beside the lock.
fn folder(project: &Project) -> PathBuf {
    path(project).with_file_name("locks")
}

/// The closures that lie beside the lock at `path`.
pub fn closures_beside(path: &Path) -> Result<BTreeMap<String, AptLock>, BindError> {
    let mut found = BTreeMap::new();
    for (id, path) in closures_in(&path.with_file_name("locks"))? {
        let Some(text) = read(&path)? else { continue };
        found.insert(id, AptLock::parse(&text).map_err(|source| BindError::Parse { path, source })?);
    }
    Ok(found)
}

/// The closures on disk: address of the node and path.
fn closures(project: &Project) -> Result<BTreeMap<String, PathBuf>, BindError> {
    closures_in(&folder(project))
}

fn closures_in(folder: &Path) -> Result<BTreeMap<String, PathBuf>, BindError> {
    let failed = |source| BindError::Io { operation: "read", path: folder.to_owned(), source };
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if let Some(id) = name.to_str().and_then(|it| it.strip_suffix(".lock"))
            && id.parse::<Address>().is_ok_and(|it| it.kind() == Kind::Apt)
        {
            found.insert(id.to_owned(), entry.path());
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Option<String>, BindError> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BindError::Io { operation: "read", path: path.to_owned(), source }),
    }
}

/// Reads the project's locks; missing ones are empty. In a merge conflict, entries that both sides
/// changed are left out, and so is a closure with any conflict: it is solved as a whole, and only the dates of
/// its suites are kept.
pub fn load(project: &Project) -> Result<Locks, BindError> {
    let path = path(project);
    let mut locks = Locks::default();
    if let Some(text) = read(&path)? {
        let parsed = Lock::parse_merging(&text).map_err(|source| BindError::Parse { path, source })?;
        locks.main = parsed.lock;
    }
    for (id, path) in closures(project)? {
        let Some(text) = read(&path)? else { continue };
        let failed = |source| BindError::Parse { path: path.clone(), source };
        match AptLock::parse(&text) {
            Ok(lock) => drop(locks.apt.insert(id, lock)),
            Err(error) if error.is_conflict() => {
                locks.conflicts.insert(id, Floor::parse_merging(&text).map_err(failed)?);
            }
            Err(source) => return Err(failed(source)),
        }
    }
    Ok(locks)
}

/// Refuses a lock that holds the markers of a conflict: where it must stay as it is, it must be whole.
pub fn refuse_conflict(project: &Project) -> Result<(), BindError> {
    let main = std::iter::once(path(project));
    for path in main.chain(closures(project)?.into_values()) {
        if read(&path)?.is_some_and(|text| gabion_lockfile::has_conflict_markers(&text)) {
            return Err(BindError::Conflict { path });
        }
    }
    Ok(())
}

/// Writes the project's locks, each whole or not at all, and removes closures of nodes that are gone; gives
/// whether anything changed.
pub fn save(project: &Project, locks: &Locks) -> Result<bool, BindError> {
    let mut changed = replace(&path(project), &locks.main.to_text())?;
    for (id, path) in closures(project)? {
        if !locks.apt.contains_key(&id) {
            let failed = |source| BindError::Io { operation: "remove", path: path.clone(), source };
            fs_err::remove_file(&path).map_err(failed)?;
            changed = true;
        }
    }
    for (id, closure) in &locks.apt {
        let folder = folder(project);
        let failed = |source| BindError::Io { operation: "write", path: folder.clone(), source };
        fs_err::create_dir_all(&folder).map_err(failed)?;
        changed |= replace(&folder.join(format!("{id}.lock")), &closure.to_text())?;
    }
    Ok(changed)
}

fn replace(path: &Path, text: &str) -> Result<bool, BindError> {
    if fs_err::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(false);
    }
    let failed = |source| BindError::Io { operation: "write", path: path.to_owned(), source };
    file::replace(path, text.as_bytes()).map_err(failed)?;
    Ok(true)
}

impl Locks {
    /// Whether they answer `request`.
    pub fn answers(&self, request: &Request) -> bool {
        match self.apt.get(&request.id) {
            Some(closure) => closure.request().as_str() == request.text,
            None => self
                .main
                .get(&request.id)
                .is_some_and(|entry| entry.request.as_str() == request.text && bind::is_usable(entry)),
        }
    }

    /// What differs between these and `new`, for people.
    pub fn changes(&self, new: &Self) -> LockDiff {
        let mut all = LockDiff::between(&self.main, &new.main);
        let ids: std::collections::BTreeSet<&String> = self.apt.keys().chain(new.apt.keys()).collect();
        for id in ids {
            all.extend(LockDiff::between_apt(self.apt.get(id), new.apt.get(id)));
        }
        all
    }

    /// The answers to some of the requests.
    #[must_use]
    pub fn only<'r>(&self, requests: impl IntoIterator<Item = &'r Request>) -> Self {
        let mut some = Self::default();
        for request in requests {
            if let Some(entry) = self.main.get(&request.id) {
                some.main.insert(entry.clone());
            }
            some.apt.extend(self.apt.get_key_value(&request.id).map(|(id, it)| (id.clone(), it.clone())));
        }
        some
    }

    /// These, and of `others` what these do not answer.
    #[must_use]
    pub fn with_missing_of(&self, others: &Self) -> Self {
        let mut all = self.clone();
        for entry in others.main.entries().filter(|it| self.main.get(it.id.as_str()).is_none()) {
            all.main.insert(entry.clone());
        }
        all
    }

    /// The ids of answers to none of `questions`.
    pub fn needless(&self, questions: &[Question<'_>]) -> Vec<String> {
        let asked: std::collections::BTreeSet<&str> =
            questions.iter().map(|it| it.request.id.as_str()).collect();
        let ids = self.main.entries().map(|it| it.id.as_str()).chain(self.apt.keys().map(String::as_str));
        ids.filter(|id| !asked.contains(id)).map(str::to_owned).collect()
    }

    /// Writes into each answer which overlays need it.
    pub fn mark(&mut self, questions: &[Question<'_>]) {
        for Question { request, only, .. } in questions {
            if let Some(entry) = self.main.get(&request.id).filter(|it| it.only != *only) {
                self.main.insert(Entry { only: only.clone(), ..entry.clone() });
            }
            if let Some(closure) = self.apt.get_mut(&request.id) {
                closure.set_only(only.clone());
            }
        }
    }

    /// The images that documents need under the overlay `env` and no recipe names, as they were when these were
    /// written.
    pub fn discovered(&self, env: Option<&str>) -> Discovered {
        let here = |it: &&Entry| it.only.is_empty() || it.only.iter().any(|only| Some(only.as_str()) == env);
        let entries = self.main.entries().filter(here).filter_map(|entry| {
            let Pin::Image { reference, .. } = &entry.pin else { return None };
            let bundles = found_by(entry.request.as_str());
            Some((reference.as_str().parse().ok()?, bundles)).filter(|(_, bundles)| !bundles.is_empty())
        });
        entries.collect()
    }

    /// How new the suites of a closure were, in a lock or in a conflict.
    pub fn floor(&self, id: &str) -> Floor {
        let known = self.apt.get(id).map(Floor::from);
        known.or_else(|| self.conflicts.get(id).cloned()).unwrap_or_default()
    }

    /// How many requests they answer.
    pub fn len(&self) -> usize {
        self.main.len() + self.apt.len()
    }

    /// Whether they answer none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
