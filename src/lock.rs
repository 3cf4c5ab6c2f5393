//! The project's lock on disk, and the graph bound to it.
//!
//! Binding gives every node its [`RequestId`]: the hash of its recipe, its local files, its pins and
//! the ids of what it needs. It is known before anything is fetched, so that "is there anything to do?"
//! is one look-up of the target.

use crate::graph::Graph;
use crate::recipe::{Address, Kind, Project, Recipe, Table, Value};
use crate::request::{Request, requests};
use gabion_digest::{Canonical, RequestId, Sha256, id_of};
use gabion_lockfile::{Entry, Lock, LockError, Parsed, Pin, Text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

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
    /// The recipes ask for what the lock does not answer.
    #[error("the lock does not answer {} of the recipes' requests", stale.len())]
    Stale {
        /// Requests without an answer.
        stale: Vec<Request>,
    },
}

impl BindError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "E0220",
            Self::Parse { source, .. } => source.code(),
            Self::Stale { .. } => "E0221",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Parse { source, .. } => source.help(),
            Self::Stale { stale } => {
                let list: Vec<String> = stale.iter().map(|it| format!("{}: {}", it.id, it.text)).collect();
                Some(format!("run `gabion lock`, and commit the result\n{}", list.join("\n")))
            }
        }
    }
}

/// What an operation does with its inputs; raised when the same inputs would give other bytes.
const fn version(kind: Kind) -> u32 {
    match kind {
        Kind::Fetch | Kind::K3s | Kind::Manifests | Kind::Host | Kind::Bundle => 1,
    }
}

/// Path of the project's lock.
pub fn path(project: &Project) -> PathBuf {
    project.root.join(&project.settings.lock)
}

/// Reads the project's lock; a missing one is empty. Conflicts are read, contested pins are left out.
pub fn load(project: &Project) -> Result<Parsed, BindError> {
    let path = path(project);
    match fs_err::read_to_string(&path) {
        Ok(text) => Lock::parse_merging(&text).map_err(|source| BindError::Parse { path, source }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Parsed { lock: Lock::default(), contested: BTreeSet::new() })
        }
        Err(source) => Err(BindError::Io { operation: "read", path, source }),
    }
}

/// Writes the project's lock, whole or not at all; gives whether it changed.
pub fn save(project: &Project, lock: &Lock) -> Result<bool, BindError> {
    let path = path(project);
    let text = lock.to_text();
    if fs_err::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(false);
    }
    let failed = |source| BindError::Io { operation: "write", path: path.clone(), source };
    let part = path.with_extension(format!("lock.{}.part", std::process::id()));
    fs_err::write(&part, text).map_err(failed)?;
    fs_err::rename(&part, &path).map_err(failed)?;
    Ok(true)
}

/// Every request of the recipes, with the recipe that asks.
pub fn all_requests<'p>(
    recipes: impl IntoIterator<Item = &'p Recipe>,
    project: &Project,
) -> Vec<(Request, &'p Recipe)> {
    let mut out = Vec::new();
    for recipe in recipes {
        out.extend(requests(recipe, &project.settings).into_iter().map(|request| (request, recipe)));
    }
    out
}

/// Whether the lock answers `request`.
pub fn answers(lock: &Lock, request: &Request) -> bool {
    lock.get(&request.id).is_some_and(|entry| entry.request.as_str() == request.text && file(entry).is_some())
}

/// A pinned file, as the build needs it.
#[derive(Debug, Clone, Copy)]
pub struct FilePin<'l> {
    /// Where the bytes are, without any mirror.
    pub url: &'l str,
    /// How many they are.
    pub size: u64,
    /// What they hash to.
    pub sha256: Sha256,
    /// The version that was chosen, where there are versions.
    pub version: Option<&'l str>,
}

/// The file that `entry` pins; `None` for an entry of another kind.
pub fn file(entry: &Entry) -> Option<FilePin<'_>> {
    let Pin::File { url, size, sha256 } = &entry.pin else { return None };
    let version = entry.version.as_ref().map(Text::as_str);
    Some(FilePin { url: url.as_str(), size: size.get(), sha256: *sha256, version })
}

/// A graph in which every request is answered.
#[derive(Debug)]
pub struct LockedGraph<'p> {
    /// The graph.
    pub graph: Graph<'p>,
    /// The pins of its nodes, and no others.
    pub lock: Lock,
    ids: BTreeMap<Address, RequestId>,
}

impl LockedGraph<'_> {
    /// What the node asks for, in one name.
    pub fn id(&self, address: &Address) -> Option<RequestId> {
        self.ids.get(address).copied()
    }

    /// The pinned files of one node, by output name.
    pub fn pins(&self, recipe: &Recipe) -> Vec<(String, FilePin<'_>)> {
        let asked = requests(recipe, &self.graph.project.settings);
        let pin = |request: Request| {
            let output = request.id.split_once('#').map_or("file", |(_, output)| output).to_owned();
            Some((output, file(self.lock.get(&request.id)?)?))
        };
        asked.into_iter().filter_map(pin).collect()
    }
}

/// Binds `graph` to `lock`, or lists every request that the lock does not answer.
pub fn bind<'p>(graph: Graph<'p>, lock: &Lock) -> Result<LockedGraph<'p>, BindError> {
    let asked = all_requests(graph.order.iter().copied(), graph.project);
    let stale: Vec<Request> = asked
        .iter()
        .filter(|(request, _)| !answers(lock, request))
        .map(|(request, _)| request.clone())
        .collect();
    if !stale.is_empty() {
        return Err(BindError::Stale { stale });
    }
    let lock: Lock = asked.iter().filter_map(|(request, _)| lock.get(&request.id).cloned()).collect();
    let mut locked = LockedGraph { lock, ids: BTreeMap::new(), graph };
    for recipe in &locked.graph.order {
        let needs: Vec<RequestId> = locked
            .graph
            .needs(&recipe.address)
            .iter()
            .filter_map(|need| locked.ids.get(*need))
            .copied()
            .collect();
        let asked = requests(recipe, &locked.graph.project.settings);
        let pins = asked.iter().filter_map(|request| locked.lock.get(&request.id)).collect();
        let id = id_of("gabion request v1", &Identity { recipe, project: locked.graph.project, pins, needs });
        locked.ids.insert(recipe.address.clone(), RequestId::new(id));
    }
    Ok(locked)
}

/// Everything that the bytes of a node can depend on.
struct Identity<'a> {
    recipe: &'a Recipe,
    project: &'a Project,
    pins: Vec<&'a Entry>,
    needs: Vec<RequestId>,
}

impl Canonical for Identity<'_> {
    fn feed(&self, into: &mut blake3::Hasher) {
        let kind = self.recipe.address.kind();
        (kind.name(), version(kind)).feed(into);
        self.recipe.address.name().feed(into);
        self.project.settings.arch.feed(into);
        Value::Table(identity(self.recipe)).feed(into);
        // `subst` reads variables that do not stand in the table itself.
        self.project.vars.0.feed(into);
        let files: Vec<(String, gabion_digest::BlobId)> =
            self.recipe.files.iter().map(|file| (file.path.clone(), file.blob)).collect();
        files.feed(into);
        self.pins.feed(into);
        self.needs.feed(into);
    }
}

/// The recipe's table without what only the operator's machine needs.
pub fn identity(recipe: &Recipe) -> Table {
    let Value::Table(table) = &recipe.table.value else { return Table::new() };
    let mut table = table.clone();
    table.remove("enabled");
    if recipe.address.kind() == Kind::Host {
        table.remove("address");
        table.remove("user");
    }
    table
}
