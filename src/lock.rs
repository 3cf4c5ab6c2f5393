//! The project's lock on disk, and the graph bound to it.
//!
//! Binding gives every node its [`RequestId`]: the hash of its recipe, its local files, its pins and
//! the ids of what it needs. It is known before anything is fetched, so that "is there anything to do?"
//! is one look-up of the target.

use crate::graph::Graph;
use crate::recipe::{Address, Kind, Node, Project, Recipe, Value, feed_fields};
use crate::request::{Request, requests};
use gabion_digest::{Canonical, RequestId, Sha256, id_of};
use gabion_lockfile::{AptLock, Deb, Entry, Lock, LockDiff, LockError, Pin, Problem, Text};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
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
        Kind::Fetch | Kind::Apt | Kind::K3s | Kind::Manifests | Kind::Host | Kind::Bundle => 1,
    }
}

/// Every pin of a project: its lock, and the closure of each `[apt.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locks {
    /// `gabion.lock`.
    pub main: Lock,
    /// `locks/apt.NAME.lock`, by the address of the node.
    pub apt: BTreeMap<String, AptLock>,
}

/// Path of the project's lock.
pub fn path(project: &Project) -> PathBuf {
    project.root.join(&project.settings.lock)
}

/// Folder of the closures, beside the lock.
fn folder(project: &Project) -> PathBuf {
    path(project).with_file_name("locks")
}

/// The closures on disk: address of the node and path.
fn closures(project: &Project) -> Result<BTreeMap<String, PathBuf>, BindError> {
    let folder = folder(project);
    let failed = |source| BindError::Io { operation: "read", path: folder.clone(), source };
    let entries = match fs_err::read_dir(&folder) {
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
/// changed are left out, and so is a closure with any conflict: it is solved as a whole.
pub fn load(project: &Project) -> Result<Locks, BindError> {
    let path = path(project);
    let mut locks = Locks::default();
    if let Some(text) = read(&path)? {
        let parsed = Lock::parse_merging(&text).map_err(|source| BindError::Parse { path, source })?;
        locks.main = parsed.lock;
    }
    for (id, path) in closures(project)? {
        let Some(text) = read(&path)? else { continue };
        match AptLock::parse(&text) {
            Ok(lock) => drop(locks.apt.insert(id, lock)),
            Err(error) if *error.problem == Problem::Conflict => {}
            Err(source) => return Err(BindError::Parse { path, source }),
        }
    }
    Ok(locks)
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
    let part = path.with_extension(format!("lock.{}.part", std::process::id()));
    fs_err::write(&part, text).map_err(failed)?;
    fs_err::rename(&part, path).map_err(failed)?;
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
                .is_some_and(|entry| entry.request.as_str() == request.text && file(entry).is_some()),
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

    /// How many requests they answer.
    pub fn len(&self) -> usize {
        self.main.len() + self.apt.len()
    }

    /// Whether they answer none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
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

/// A pinned file, as the build needs it.
#[derive(Debug, Clone)]
pub struct FilePin<'l> {
    /// Where the bytes are, without any mirror.
    pub url: Cow<'l, str>,
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
    Some(FilePin { url: url.as_str().into(), size: size.get(), sha256: *sha256, version })
}

/// `openssh-server_amd64`: the output that a package is.
fn deb_name(deb: &Deb) -> String {
    format!("{}_{}", deb.key.name, deb.key.arch)
}

fn debian<'l>(closure: &'l AptLock, deb: &'l Deb) -> Option<FilePin<'l>> {
    let url = closure.url_of(deb)?;
    let version = Some(deb.version.as_str());
    Some(FilePin { url: url.into(), size: deb.size.get(), sha256: deb.sha256, version })
}

/// A graph in which every request is answered.
#[derive(Debug)]
pub struct LockedGraph<'p> {
    /// The graph.
    pub graph: Graph<'p>,
    /// The pins of its nodes, and no others.
    pub locks: Locks,
    /// Only looked into.
    ids: HashMap<&'p Address, RequestId>,
}

impl LockedGraph<'_> {
    /// What the node asks for, in one name.
    pub fn id(&self, address: &Address) -> Option<RequestId> {
        self.ids.get(address).copied()
    }

    /// The pinned files of one node, by output name.
    pub fn pins(&self, recipe: &Recipe) -> Vec<(String, FilePin<'_>)> {
        let mut pins = Vec::new();
        for request in requests(recipe, &self.graph.project.settings) {
            if let Some(closure) = self.locks.apt.get(&request.id) {
                pins.extend(closure.debs().filter_map(|deb| Some((deb_name(deb), debian(closure, deb)?))));
            } else if let Some(pin) = self.locks.main.get(&request.id).and_then(file) {
                let output = request.id.split_once('#').map_or("file", |(_, output)| output);
                pins.push((output.to_owned(), pin));
            }
        }
        pins
    }
}

/// Binds `graph` to `locks`, or lists every request that they do not answer.
pub fn bind<'p>(graph: Graph<'p>, locks: &Locks) -> Result<LockedGraph<'p>, BindError> {
    let asked = all_requests(graph.order.iter().copied(), graph.project);
    let stale: Vec<Request> =
        asked.iter().map(|(request, _)| request).filter(|it| !locks.answers(it)).cloned().collect();
    if !stale.is_empty() {
        return Err(BindError::Stale { stale });
    }
    let locks = locks.only(asked.iter().map(|(request, _)| request));
    let mut locked = LockedGraph { locks, ids: HashMap::with_capacity(graph.order.len()), graph };
    for recipe in locked.graph.order.iter().copied() {
        let needs = locked.graph.needs(&recipe.address);
        let needs = needs.into_iter().filter_map(|need| locked.id(need)).collect();
        let asked = requests(recipe, &locked.graph.project.settings);
        let pins = asked.iter().filter_map(|request| locked.locks.main.get(&request.id)).collect();
        let closure = asked.iter().find_map(|request| locked.locks.apt.get(&request.id));
        let identity = Identity { recipe, project: locked.graph.project, pins, closure, needs };
        let id = id_of("gabion request v1", &identity);
        locked.ids.insert(&recipe.address, RequestId::new(id));
    }
    Ok(locked)
}

/// Everything that the bytes of a node can depend on.
struct Identity<'a> {
    recipe: &'a Recipe,
    project: &'a Project,
    pins: Vec<&'a Entry>,
    closure: Option<&'a AptLock>,
    needs: Vec<RequestId>,
}

impl Canonical for Identity<'_> {
    fn feed(&self, into: &mut blake3::Hasher) {
        let kind = self.recipe.address.kind();
        (kind.name(), version(kind)).feed(into);
        self.recipe.address.name().feed(into);
        self.project.settings.arch.feed(into);
        feed_fields(&identity(self.recipe), into);
        // `subst` reads variables that do not stand in the table itself.
        self.project.vars.0.feed(into);
        let files: Vec<(String, gabion_digest::BlobId)> =
            self.recipe.files.iter().map(|file| (file.path.clone(), file.blob)).collect();
        files.feed(into);
        self.pins.feed(into);
        if let Some(closure) = self.closure {
            closure.feed(into);
        }
        self.needs.feed(into);
    }
}

/// The recipe's fields, sorted, without what only the operator's machine needs.
pub fn identity(recipe: &Recipe) -> Vec<(&str, &Node)> {
    let Value::Table(table) = &recipe.table.value else { return Vec::new() };
    let is_host = recipe.address.kind() == Kind::Host;
    let left_out = |key: &str| key == "enabled" || (is_host && ["address", "user"].contains(&key));
    let fields = table.iter().map(|(key, (_, node))| (key.as_str(), node));
    fields.filter(|(key, _)| !left_out(key)).collect()
}
