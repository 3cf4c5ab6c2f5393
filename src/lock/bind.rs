//! The graph bound to the lock.
//!
//! Binding gives every node its [`RequestId`]: the hash of its recipe, its local files, its pins and
//! the ids of what it needs. It is known before anything is fetched, so that "is there anything to do?"
//! is one look-up of the target.

use super::{BindError, Locks};
use crate::graph::Graph;
use crate::recipe::kinds::{Chart, Rootfs};
use crate::recipe::{Address, Body, Kind, Node, Project, Recipe, Value, feed_fields};
use crate::request::{Request, requests};
use gabion_bundle::{BY_HAND, EXTRACTOR};
use gabion_digest::{Canonical, Digest, Feed, RequestId, Sha256, feed_list, id_of};
use gabion_lockfile::{Accounts, AptLock, ChartSource, CommitId, Deb, Entry, Pin, Text};
use gabion_oci::{Name, Reference};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// What an operation does with its inputs; raised when the same inputs would give other bytes.
const fn version(kind: Kind) -> u32 {
    match kind {
        Kind::Fetch
        | Kind::Apt
        | Kind::Rootfs
        | Kind::Disk
        | Kind::K3s
        | Kind::Chart
        | Kind::Image
        | Kind::ImageBuild
        | Kind::Manifests
        | Kind::Run
        | Kind::Secret
        | Kind::Host
        | Kind::Bundle => 1,
    }
}

/// Where the bytes of a pinned file are, without any mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location<'l> {
    /// Behind a URL.
    Url(Cow<'l, str>),
    /// A blob of a registry's repository.
    Registry(Name),
    /// The tree of a commit of a git repository.
    Git {
        /// The repository.
        url: &'l str,
        /// The commit.
        commit: &'l CommitId,
    },
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Registry(name) => name.fmt(f),
            Self::Git { url, commit } => write!(f, "{url} at {commit}"),
        }
    }
}

/// A pinned file, as the build needs it.
#[derive(Debug, Clone)]
pub struct FilePin<'l> {
    /// Where the bytes are.
    pub location: Location<'l>,
    /// How many they are.
    pub size: u64,
    /// What they hash to.
    pub sha256: Sha256,
    /// The version that was chosen, where there are versions.
    pub version: Option<&'l str>,
}

/// A pinned image.
#[derive(Debug, Clone)]
pub struct ImagePin {
    /// What it is called.
    pub reference: Reference,
    /// Its documents: the index, where there is one, then the manifest.
    pub documents: Vec<Sha256>,
    /// Bytes of configuration and layers.
    pub size: u64,
    /// Manifests of what hangs on it.
    pub attached: Vec<Sha256>,
}

impl ImagePin {
    /// Every document that is kept: those of the image, and those of what hangs on it.
    pub fn all_documents(&self) -> impl Iterator<Item = &Sha256> {
        self.documents.iter().chain(&self.attached)
    }
}

/// The file that `entry` pins; `None` for an entry of another kind.
fn file(entry: &Entry) -> Option<FilePin<'_>> {
    let version = entry.version.as_ref().map(Text::as_str);
    let (location, size, sha256) = match &entry.pin {
        Pin::File { url, size, sha256 } => (Location::Url(url.as_str().into()), size, sha256),
        Pin::Chart { source: ChartSource::Http(url), size, sha256, .. } => {
            (Location::Url(url.as_str().into()), size, sha256)
        }
        Pin::Chart { source: ChartSource::Oci { reference, .. }, size, sha256, .. } => {
            let reference: Reference = reference.as_str().parse().ok()?;
            (Location::Registry(reference.name().clone()), size, sha256)
        }
        Pin::Git { url, commit, size, sha256 } => (Location::Git { url: url.as_str(), commit }, size, sha256),
        Pin::Image { .. } => return None,
    };
    Some(FilePin { location, size: size.get(), sha256: *sha256, version })
}

fn image(entry: &Entry) -> Option<ImagePin> {
    let Pin::Image { reference, index, manifest, size, attached } = &entry.pin else { return None };
    let documents = index.iter().chain([manifest]).copied().collect();
    let attached = attached.iter().map(|it| it.manifest).collect();
    Some(ImagePin { reference: reference.as_str().parse().ok()?, documents, size: size.get(), attached })
}

/// Whether `entry` is a kind of answer that this version knows what to do with.
pub(super) fn is_usable(entry: &Entry) -> bool {
    file(entry).is_some() || image(entry).is_some()
}

/// `openssh-server_amd64`: the output that a package is.
fn deb_name(deb: &Deb) -> String {
    format!("{}_{}", deb.key.name, deb.key.arch)
}

fn debian<'l>(closure: &'l AptLock, deb: &'l Deb) -> Option<FilePin<'l>> {
    let location = Location::Url(closure.url_of(deb)?.into());
    let version = Some(deb.version.as_str());
    Some(FilePin { location, size: deb.size.get(), sha256: deb.sha256, version })
}

/// A graph in which every request is answered.
#[derive(Debug)]
pub struct LockedGraph<'p> {
    /// The graph.
    pub graph: Graph<'p>,
    /// The pins of its nodes, and no others.
    pub locks: Locks,
    /// By the numbers of the nodes; nothing for those that are not below the target.
    ids: Vec<Option<RequestId>>,
    /// The version of each K3s that a chart below the target is rendered for.
    kubernetes: BTreeMap<Address, String>,
}

impl LockedGraph<'_> {
    /// What the node asks for, in one name.
    pub fn id(&self, address: &Address) -> Option<RequestId> {
        self.ids[self.graph.number(address)?]
    }

    /// The version of the K3s that a chart is rendered for, `v1.34.9+k3s1`.
    pub fn kubernetes(&self, chart: &Chart) -> Option<&str> {
        self.kubernetes.get(&chart.k3s.as_ref()?.value.address).map(String::as_str)
    }

    /// The pinned image of one node, if it is one.
    pub fn image(&self, recipe: &Recipe) -> Option<ImagePin> {
        image(self.locks.main.get(&recipe.address.to_string())?)
    }

    /// The pinned files of one node, by output name.
    pub fn pins(&self, recipe: &Recipe) -> Vec<(String, FilePin<'_>)> {
        pins(recipe, self.graph.project, &self.locks)
    }
}

/// The pinned files of one node, by output name.
pub fn pins<'l>(recipe: &Recipe, project: &Project, locks: &'l Locks) -> Vec<(String, FilePin<'l>)> {
    let mut pins = Vec::new();
    for request in requests(recipe, &project.settings) {
        if let Some(closure) = locks.apt.get(&request.id) {
            pins.extend(closure.debs().filter_map(|deb| Some((deb_name(deb), debian(closure, deb)?))));
        } else if let Some(pin) = locks.main.get(&request.id).and_then(file) {
            let output = request.id.split_once('#').map_or("file", |(_, output)| output);
            pins.push((output.to_owned(), pin));
        }
    }
    pins
}

/// Binds `graph` to `locks`, or lists every request that they do not answer.
pub fn bind<'p>(graph: Graph<'p>, locks: &Locks) -> Result<LockedGraph<'p>, BindError> {
    let asked: Vec<Request> =
        graph.order.iter().flat_map(|recipe| requests(recipe, &graph.project.settings)).collect();
    let kubernetes = versions_of_k3s(&graph);
    let also = kubernetes.values().filter(|it| !asked.contains(it));
    let stale: Vec<Request> = asked.iter().chain(also).filter(|it| !locks.answers(it)).cloned().collect();
    if !stale.is_empty() {
        return Err(BindError::Stale { stale });
    }
    let version =
        |request: &Request| Some(locks.main.get(&request.id)?.version.as_ref()?.as_str().to_owned());
    let kubernetes: BTreeMap<Address, String> =
        kubernetes.into_iter().filter_map(|(k3s, request)| Some((k3s, version(&request)?))).collect();
    let locks = locks.only(&asked);
    let mut ids: Vec<Option<RequestId>> = vec![None; graph.project.recipes.len()];
    for (number, recipe, needs) in graph.numbered() {
        let needs = needs.iter().filter_map(|need| ids[*need]).collect();
        let asked = requests(recipe, &graph.project.settings);
        let pins = asked.iter().filter_map(|request| locks.main.get(&request.id)).collect();
        let closure = asked.iter().find_map(|request| locks.apt.get(&request.id));
        let accounts = match &recipe.body {
            Body::Rootfs(it) => accounts(it, &locks),
            _ => Accounts::default(),
        };
        let kubernetes = match &recipe.body {
            Body::Chart(Chart { k3s: Some(k3s), .. }) => kubernetes.get(&k3s.value.address),
            _ => None,
        };
        let identity =
            Identity { recipe, project: graph.project, pins, closure, accounts, kubernetes, needs };
        ids[number] = Some(RequestId::new(id_of("gabion request v1", &identity)));
    }
    Ok(LockedGraph { graph, locks, ids, kubernetes })
}

/// Each K3s that a chart is rendered for, and the request whose answer says its version. Nothing of it is needed
/// beyond that.
fn versions_of_k3s(graph: &Graph<'_>) -> BTreeMap<Address, Request> {
    let mut all = BTreeMap::new();
    for recipe in &graph.order {
        let Body::Chart(Chart { k3s: Some(k3s), .. }) = &recipe.body else { continue };
        if let Some(k3s) = graph.project.recipes.get(&k3s.value.address)
            && let Some(request) = requests(k3s, &graph.project.settings).into_iter().next()
        {
            all.entry(k3s.address.clone()).or_insert(request);
        }
    }
    all
}

/// The numbers of accounts that the closures of a system keep; of two for one name the first.
pub fn accounts(it: &Rootfs, locks: &Locks) -> Accounts {
    let mut all = Accounts::default();
    for closure in it.packages.iter().filter_map(|it| locks.apt.get(&it.value.address.to_string())) {
        let Accounts { users, groups } = closure.accounts();
        for (all, of_one) in [(&mut all.users, users), (&mut all.groups, groups)] {
            let new = of_one.iter().filter(|(name, _)| !all.contains_key(*name));
            let new: Vec<_> = new.map(|(name, number)| (name.clone(), *number)).collect();
            all.extend(new);
        }
    }
    all
}

/// Everything that the bytes of a node can depend on.
struct Identity<'a> {
    recipe: &'a Recipe,
    project: &'a Project,
    pins: Vec<&'a Entry>,
    closure: Option<&'a AptLock>,
    accounts: Accounts,
    kubernetes: Option<&'a String>,
    needs: Vec<RequestId>,
}

impl Canonical for Identity<'_> {
    fn feed(&self, into: &mut Feed) {
        let kind = self.recipe.address.kind();
        (kind.name(), version(kind)).feed(into);
        self.recipe.address.name().feed(into);
        self.project.settings.arch.feed(into);
        feed_fields(identity(self.recipe).into_iter(), into);
        // `subst` reads variables that do not stand in the table itself.
        let subst = match &self.recipe.body {
            Body::Manifests(it) => it.subst,
            Body::Chart(it) => it.subst,
            _ => false,
        };
        if subst {
            self.project.vars.0.feed(into);
        }
        feed_list(self.recipe.files.iter().map(|file| (file.path.as_str(), file.blob)), into);
        self.pins.feed(into);
        if let Some(closure) = self.closure {
            closure.feed(into);
        }
        for of in [&self.accounts.users, &self.accounts.groups] {
            for (name, number) in of {
                name.as_str().feed(into);
                u64::from(*number).feed(into);
            }
        }
        if let Some(version) = self.kubernetes {
            version.feed(into);
        }
        self.needs.feed(into);
        if self.recipe.address.kind() == Kind::Bundle {
            // Part of every bundle, and of no recipe.
            [Digest::of(EXTRACTOR.as_bytes()), Digest::of(BY_HAND.as_bytes())].as_slice().feed(into);
        }
    }
}

/// The recipe's fields, sorted, without what only the operator's machine needs.
pub fn identity(recipe: &Recipe) -> Vec<(&str, &Node)> {
    let Value::Table(table) = &recipe.table.value else { return Vec::new() };
    let machines_own: &[&str] = match recipe.address.kind() {
        Kind::Host => &["address", "user", "cpus", "memory", "volumes"],
        Kind::Run => &["time-out"],
        _ => &[],
    };
    let left_out = |key: &str| key == "enabled" || machines_own.contains(&key);
    let fields = table.iter().map(|(key, (_, node))| (key.as_str(), node));
    fields.filter(|(key, _)| !left_out(key)).collect()
}
