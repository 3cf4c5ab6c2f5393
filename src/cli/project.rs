//! `build`, `plan`, `lock`, `update`: the arrows from recipes to a bundle.

use super::args::{BuildArgs, Global, PlanArgs};
use super::bundle::io;
use super::failure::Failure;
use super::locking::{adopted, bind, relock_for};
use super::ui::Ui;
use super::{disk, image, key, trust};
use crate::build::{self, BuildError, Built};
use crate::closure::{Closure, ClosureError};
use crate::config::{Cache, Config, ConfigError};
use crate::error::chain;
use crate::event::{Event, Events};
use crate::exit::Exit;
use crate::lock::{self, LockedGraph};
use crate::net::Client;
use crate::plan::{Decision, Known, Plan};
use crate::recipe::{Address, Body, Kind, Project};
use crate::share::Share;
use crate::{assemble, graph, leak, plan, recipe};
use gabion_bundle::{
    Assembled, BundleError, Role, SigningKey, Source, Spec, assemble_to_path, open_slot, read_table,
    sign_bundle,
};
use gabion_cache::CacheError;
use gabion_digest::Digest;
use gabion_lockfile::human_size;
use gabion_sandbox::Policy;
use gabion_store::{Lease, Need, Options, Output, Record, Root, Store};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Configuration and flags of one run.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Session<'u> {
    pub(super) config: Config,
    pub(super) ui: &'u Ui,
    pub(super) project: Option<PathBuf>,
    pub(super) env: Option<String>,
    pub(super) locked: bool,
    pub(super) offline: bool,
    pub(super) keep_going: bool,
    keep_failed: bool,
    sandbox: Policy,
    no_index: bool,
}

impl<'u> Session<'u> {
    pub(super) fn open(global: &Global, ui: &'u Ui) -> Result<Self, Failure> {
        let mut config = Config::load()?;
        if let Some(store) = &global.store {
            config.store.clone_from(store);
        }
        if global.mirror.is_some() {
            config.with_host_apt()?;
        }
        if global.no_cache {
            config.cache.urls.clear();
        } else if !global.cache.is_empty() {
            config.cache.urls.clone_from(&global.cache);
        }
        config.cache.push |= global.cache_push;
        if let Some(jobs) = global.jobs {
            config.jobs = Config::jobs(jobs);
        }
        Ok(Self {
            config,
            ui,
            project: global.project.clone(),
            env: global.env.clone(),
            locked: global.locked || global.frozen,
            offline: global.offline || global.frozen,
            keep_going: global.keep_going,
            keep_failed: global.keep_failed,
            sandbox: global.sandbox.into(),
            no_index: global.no_index,
        })
    }

    /// The project of the working directory, or the one that was named. It lives as long as the process:
    /// taking ten thousand nodes apart at the end would be a tenth of a run that has nothing to do.
    pub(super) fn load(&self) -> Result<&'static Project, Failure> {
        let root = match &self.project {
            Some(root) => root.clone(),
            None => find_project()?,
        };
        Ok(Box::leak(Box::new(recipe::load(&root, self.env.as_deref())?)))
    }

    /// The project, where there is one here or one was named.
    pub(super) fn load_if_any(&self) -> Result<Option<&'static Project>, Failure> {
        if self.project.is_none() && find_project().is_err() {
            return Ok(None);
        }
        self.load().map(Some)
    }

    pub(super) fn store(&self) -> Result<Store, Failure> {
        if self.config.store.as_os_str().is_empty() {
            return Err(ConfigError::NoHome.into());
        }
        Ok(Store::open_with(&self.config.store, Options { index: !self.no_index })?)
    }

    /// The caches of this run, if there are any. Whoever only reads is asked for no passphrase.
    pub(super) fn share(&self, client: &Client, events: &Events) -> Result<Option<Share>, Failure> {
        self.share_of(self.config.cache.clone(), client, events)
    }

    /// The same for a run that is there to put something.
    pub(super) fn share_to_push(&self, client: &Client, events: &Events) -> Result<Option<Share>, Failure> {
        self.share_of(Cache { push: true, ..self.config.cache.clone() }, client, events)
    }

    fn share_of(&self, mut cache: Cache, client: &Client, events: &Events) -> Result<Option<Share>, Failure> {
        if cache.urls.is_empty() {
            return Ok(None);
        }
        let key = match (&cache.key, cache.push) {
            (Some(path), true) => Some(key::load(path)?),
            (Some(path), false) => {
                cache.trust_own(&key::info(path)?.public)?;
                None
            }
            (None, true) => return Err(CacheError::NoKey.into()),
            (None, false) => None,
        };
        Ok(Share::open(&cache, client, events, key, self.offline)?)
    }

    /// Runs `work` with a client, showing its events.
    pub(super) fn with_client<T: Send>(
        &self,
        work: impl AsyncFnOnce(&Client, &Events) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        let (events, receiver) = Events::channel();
        std::thread::scope(|scope| {
            let ui = self.ui;
            let printer = scope.spawn(move || ui.follow(&receiver));
            let result = (|| {
                let client = Client::new(&self.config, self.offline, &events)?;
                let failed = |error: std::io::Error| Failure::usage(format!("no runtime: {error}"));
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
                runtime.block_on(work(&client, &events))
            })();
            drop(events);
            drop(printer.join());
            result
        })
    }
}

fn find_project() -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("no working directory: {error}"));
    let start = std::env::current_dir().map_err(failed)?;
    let found = start.ancestors().find(|it| it.join("gabion.toml").is_file());
    found.map(Path::to_owned).ok_or_else(|| {
        Failure::usage("there is no `gabion.toml` here or above")
            .help("run gabion in a project, or name one with `--project`; `gabion demo` makes one to try")
    })
}

pub(super) fn plan(session: &Session<'_>, args: &PlanArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let locks = lock::load(project)?;
    let project = adopted(project, &locks);
    let target = graph::target(project, args.target.as_deref())?;
    let locked = lock::bind(graph::build(project, &target)?, &locks)?;
    let plan = plan::plan(&locked, &Known::gather(&locked, &session.store()?)?);
    if session.ui.json {
        session.ui.data(plan_json(&plan));
    } else {
        for (address, decision) in &plan.0 {
            match decision {
                Decision::Reuse => {}
                Decision::Download { bytes, why } => {
                    session.ui.data(format!("download {address} ({}, {why})", human_size(*bytes)));
                }
                Decision::Build { why } => session.ui.data(format!("build    {address} ({why})")),
            }
        }
    }
    if plan.is_done() {
        session.ui.note(format!("nothing to do: all {} nodes are built", plan.0.len()));
        return Ok(Exit::Ok);
    }
    Ok(if args.exit_code { Exit::Changes } else { Exit::Ok })
}

fn plan_json(plan: &Plan) -> serde_json::Value {
    let nodes = plan.0.iter().map(|(address, decision)| {
        let (what, bytes, why) = match decision {
            Decision::Reuse => ("reuse", 0, None),
            Decision::Download { bytes, why } => ("download", *bytes, Some(why)),
            Decision::Build { why } => ("build", 0, Some(why)),
        };
        serde_json::json!({
            "node": address.to_string(),
            "decision": what,
            "bytes": bytes,
            "why": why.map(ToString::to_string),
        })
    });
    serde_json::json!({ "schema": 1, "nodes": nodes.collect::<Vec<_>>() })
}

/// What `build` gave.
pub(super) struct Outcome {
    pub(super) digest: String,
    pub(super) path: PathBuf,
}

pub(super) fn cmd_build(session: &Session<'_>, args: &BuildArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let key = args.key.as_deref().or(session.config.sign_key.as_deref()).map(key::load).transpose()?;
    if let Some(key) = &key {
        trust::may_sign(session, None, Role::Release, key)?;
    }
    match build_target(session, project, args.target.as_deref(), args.output.as_deref(), key.as_ref())? {
        Some(outcome) if session.ui.json => session.ui.data(serde_json::json!({
            "schema": 1,
            "bundle": outcome.path,
            "digest": outcome.digest,
        })),
        Some(outcome) => session.ui.data(format!("{} {}", outcome.digest, outcome.path.display())),
        None => {}
    }
    Ok(Exit::Ok)
}

/// Builds a target. A bundle is written to its file; any other node only to the store.
pub(super) fn build_target(
    session: &Session<'_>,
    project: &'static Project,
    target: Option<&str>,
    output: Option<&Path>,
    key: Option<&SigningKey>,
) -> Result<Option<Outcome>, Failure> {
    let mut locked = bind(session, project, target)?;
    let store = session.store()?;
    let target = locked.graph.target.clone();
    let path = output
        .map_or_else(|| project.root.join("out").join(format!("{}.gabion", target.name())), Path::to_owned);
    let id = locked.id(&target);
    match (target.kind(), output) {
        (Kind::Bundle | Kind::Image | Kind::ImageBuild, _) | (_, None) => {}
        (Kind::Disk, Some(path)) => disk::check(path)?,
        (_, Some(_)) => {
            let what =
                format!("`{target}` is neither a bundle, a disk nor an image: nothing is written for it");
            return Err(Failure::usage(what).help("leave `--output` out: what it gives is in the store"));
        }
    }
    if let Some(record) = id.map(|id| store.record(id)).transpose()?.flatten() {
        if let Some(path) = output.filter(|_| target.kind() != Kind::Bundle) {
            return write_node(&locked, &store, &record, path).map(Some);
        }
        if target.kind() != Kind::Bundle {
            session.ui.note(format!("nothing to do: `{target}` is built"));
            return Ok(None);
        }
        if let Some(digest) = record.facts.get("digest")
            && is_current(&path, digest, record.facts.get("size"), key)?
        {
            return Ok(Some(Outcome { digest: digest.clone(), path }));
        }
    }
    // What this build may use is written down before it looks, so that nobody removes it meanwhile.
    let lease = store.lease()?;
    need_all(&locked, &lease)?;
    let mut result = make(session, project, &locked, &store, &lease, &path, key);
    if matches!(&result, Err(Unmade { stale: true, .. })) && !session.locked {
        session.ui.note("documents need images that the lock has not; they are pinned now");
        locked = relock_for(session, project, &target)?;
        need_all(&locked, &lease)?;
        result = make(session, project, &locked, &store, &lease, &path, key);
    }
    if let Err(Unmade { damaged: Some(output), .. }) = &result
        && heal(&locked, &store, output)?
    {
        session.ui.warning("the store held other bytes than it said; they are fetched or made again");
        result = make(session, project, &locked, &store, &lease, &path, key);
    }
    let Made { built, assembled, pinned } = result.map_err(|unmade| *unmade.failure)?;
    let locked = pinned.unwrap_or(locked);
    let id = locked.id(&target);
    let needs =
        locked.graph.order.iter().filter_map(|it| locked.id(&it.address)).map(Need::Request).collect();
    let root = keep(session, project, &target, needs);
    let Some(assembled) = assembled else {
        store.set_root(&root.0, &root.1)?;
        session.ui.note(format!("built `{target}`"));
        return match (output, built.record(&target)) {
            (Some(path), Some(record)) => write_node(&locked, &store, record, path).map(Some),
            _ => Ok(None),
        };
    };
    let digest = assembled.digest.to_string();
    if let Some(id) = id.filter(|_| !built.unwalled.contains(&target)) {
        let facts = [("digest".to_owned(), digest.clone()), ("size".to_owned(), assembled.size.to_string())];
        // What was made for it alone is kept with it.
        let outputs = built.record(&target).map(|it| it.outputs.clone()).unwrap_or_default();
        store
            .put_record(id, &Record { outputs, facts: facts.into(), ..Record::default() })
            .map_err(BuildError::from)?;
    }
    store.set_root(&root.0, &root.1)?;
    if key.is_none() {
        session
            .ui
            .warning("the bundle is not signed, and nothing accepts it so: `gabion bundle sign` signs it");
    }
    Ok(Some(Outcome { digest, path }))
}

/// Keeps what the requests of `locked` gave from being removed.
fn need_all(locked: &LockedGraph<'_>, lease: &Lease) -> Result<(), Failure> {
    for id in locked.graph.order.iter().filter_map(|it| locked.id(&it.address)) {
        lease.need(Need::Request(id))?;
    }
    Ok(())
}

/// Does every step below `target` again and tells what came out otherwise.
pub(super) fn rebuild(session: &Session<'_>, target: &str) -> Result<Exit, Failure> {
    let project = session.load()?;
    let locked = bind(session, project, Some(target))?;
    let store = session.store()?;
    let lease = store.lease()?;
    need_all(&locked, &lease)?;
    let target = &locked.graph.target;
    if locked.id(target).map(|id| store.record(id)).transpose()?.flatten().is_none() {
        let what = format!("`{target}` is not built, so there is nothing to compare with");
        return Err(Failure::usage(what).help(format!("run `gabion build {target}` first")));
    }
    let plan = plan::plan(&locked, &Known::gather(&locked, &store)?);
    let options = options(session, true);
    let built = session.with_client(async |client, events| {
        Ok(build::run(&locked, &plan, &store, client, &lease, options, events).await?)
    })?;
    let differences = built.differences;
    if session.ui.json {
        let shown = differences
            .iter()
            .map(|it| serde_json::json!({ "node": it.node, "output": it.output, "places": it.places }));
        session.ui.data(serde_json::json!({ "schema": 1, "differences": shown.collect::<Vec<_>>() }));
    } else {
        for it in &differences {
            session.ui.data(format!("{}#{} is not what it was", it.node, it.output));
            it.places.iter().for_each(|place| session.ui.data(format!("  {place}")));
        }
    }
    if differences.is_empty() {
        session.ui.note(format!("everything below `{target}` is built again alike"));
        return Ok(Exit::Ok);
    }
    Ok(Exit::NotReproducible)
}

/// Pins the numbers of accounts that systems have for the first time, unless the lock must stay as it is. What was
/// built is what the new lock asks for too, and is noted under its names.
fn pin_accounts(
    session: &Session<'_>,
    project: &'static Project,
    locked: &LockedGraph<'_>,
    store: &Store,
) -> Result<Option<LockedGraph<'static>>, Failure> {
    let mut locks = None;
    for recipe in &locked.graph.order {
        let Body::Rootfs(it) = &recipe.body else { continue };
        let record = locked.id(&recipe.address).map(|id| store.record(id)).transpose()?.flatten();
        let (Some(record), Some(first)) = (record, it.packages.first()) else { continue };
        let (now, pinned) = (build::accounts_of(&record), lock::accounts(it, &locked.locks));
        let new =
            |now: &BTreeMap<_, _>, pinned: &BTreeMap<_, _>| now.keys().any(|name| !pinned.contains_key(name));
        if session.locked || !(new(&now.users, &pinned.users) || new(&now.groups, &pinned.groups)) {
            continue;
        }
        let all = match &mut locks {
            Some(all) => all,
            none => none.insert(lock::load(project)?),
        };
        if let Some(closure) = all.apt.get_mut(&first.value.address.to_string()) {
            let mut accounts = closure.accounts().clone();
            accounts.users.extend(now.users);
            accounts.groups.extend(now.groups);
            closure.set_accounts(accounts);
            session.ui.note(format!("pinned the numbers of accounts of `{}`", recipe.address));
        }
    }
    let Some(locks) = locks else { return Ok(None) };
    let pinned = lock::bind(graph::build(adopted(project, &locks), &locked.graph.target)?, &locks)?;
    for address in pinned.graph.order.iter().map(|it| &it.address) {
        if let (Some(before), Some(now)) = (locked.id(address), pinned.id(address))
            && before != now
            && let Some(record) = store.record(before)?
        {
            store.put_record(now, &record).map_err(BuildError::from)?;
        }
    }
    lock::save(project, &locks)?;
    Ok(Some(pinned))
}

pub(super) fn options(session: &Session<'_>, rebuild: bool) -> build::Options<'static> {
    build::Options {
        offline: session.offline,
        jobs: session.config.jobs,
        keep_going: session.keep_going,
        keep_failed: session.keep_failed,
        rebuild,
        policy: session.sandbox,
        share: None,
    }
}

/// Writes the target, which is a disk or an image and is built.
fn write_node(
    locked: &LockedGraph<'_>,
    store: &Store,
    record: &Record,
    path: &Path,
) -> Result<Outcome, Failure> {
    let target = &locked.graph.target;
    let recipe = locked.graph.project.recipes.get(target);
    match recipe.and_then(|recipe| assemble::image(locked, recipe, Some(record))) {
        Some(named) => {
            let digest = image::write(store, record, named, path)?.to_string();
            Ok(Outcome { digest, path: path.to_owned() })
        }
        None => write_disk(store, record, path),
    }
}

/// Writes the image of a disk that is built.
fn write_disk(store: &Store, record: &Record, path: &Path) -> Result<Outcome, Failure> {
    let image = record.outputs.get(build::DISK).ok_or_else(|| Failure::usage("the disk has no image"))?;
    disk::write(store, image, path)?;
    Ok(Outcome { digest: image.sha256.to_string(), path: path.to_owned() })
}

/// Why nothing was made.
struct Unmade {
    failure: Box<Failure>,
    /// What the store said it had, and had not.
    damaged: Option<Output>,
    /// Whether documents need images that the lock has not.
    stale: bool,
}

impl<E: Into<Failure>> From<E> for Unmade {
    fn from(error: E) -> Self {
        Self { failure: Box::new(error.into()), damaged: None, stale: false }
    }
}

/// What was made of a target.
struct Made {
    built: Built,
    /// The bundle, if it is one.
    assembled: Option<Assembled>,
    /// The graph with what the build itself pinned; a bundle carries that lock.
    pinned: Option<LockedGraph<'static>>,
}

/// Builds everything below the target, and writes the bundle if it is one.
fn make(
    session: &Session<'_>,
    project: &'static Project,
    locked: &LockedGraph<'_>,
    store: &Store,
    lease: &Lease,
    path: &Path,
    key: Option<&SigningKey>,
) -> Result<Made, Unmade> {
    let target = &locked.graph.target;
    let built = session.with_client(async |client, events| {
        let share = session.share(client, events)?;
        if let Some(share) = &share {
            share.restore(locked, store).await?;
        }
        let mut known = Known::gather(locked, store)?;
        // The record of a bundle says that it was written once, not that its file is here.
        known.results.remove(target);
        let plan = plan::plan(locked, &known);
        let options = build::Options { share: share.as_ref(), ..options(session, false) };
        let work = build::run(locked, &plan, store, client, lease, options, events);
        let Some(share) = &share else { return Ok(work.await) };
        let built = share.beside(store, work).await;
        // Also what was made before something failed. What cannot be shared is no failure of a build.
        if let Err(error) = share.push(locked, store).await {
            events.send(Event::Warning(format!("[{}] {}", error.code(), chain(&error))));
        }
        Ok(built)
    })?;
    let built = built.map_err(|error| {
        let damaged = match error.first() {
            BuildError::Gone { input, .. } => Some(*input),
            _ => None,
        };
        Unmade { damaged, ..error.into() }
    })?;
    // Before a bundle is made of it: the next build finds the same lock, and makes the same bundle.
    let pinned = pin_accounts(session, project, locked, store)?;
    let locked = pinned.as_ref().unwrap_or(locked);
    let bundle = locked.graph.project.recipes.get(target).filter(|it| matches!(it.body, Body::Bundle(_)));
    let Some(recipe) = bundle else { return Ok(Made { built, assembled: None, pinned }) };
    let closure = Closure::of(locked, recipe, &built, store).map_err(|error| {
        let damaged = match &error {
            ClosureError::Gone(output) => Some(*output),
            _ => None,
        };
        Unmade { damaged, ..error.into() }
    })?;
    closure.check(locked).map_err(|error| Unmade { stale: true, ..error.into() })?;
    let spec = assemble::spec(locked, recipe, &built, &closure, store);
    leak::check(locked, recipe, &closure, &spec, store, session.config.jobs)?;
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs_err::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
    }
    let assembled = assemble_to_path(&spec, path, key).map_err(|error| {
        let damaged = match &error {
            BundleError::Source { path } => source(&spec, path),
            _ => None,
        };
        Unmade { damaged, ..error.into() }
    })?;
    Ok(Made { built, assembled: Some(assembled), pinned })
}

/// The file of the store that a member is made from.
fn source(spec: &Spec, member: &str) -> Option<Output> {
    match spec.members.iter().find(|(path, _)| path == member)? {
        (_, Source::File { blob, sha256, size, .. }) => {
            Some(Output { blob: *blob, sha256: *sha256, size: *size })
        }
        (_, Source::Bytes(_)) => None,
    }
}

/// Takes out of the store what claims to be `output` and is not; gives whether anything was.
fn heal(locked: &LockedGraph<'_>, store: &Store, output: &Output) -> Result<bool, Failure> {
    let healed = !store.check_output(output)?;
    for id in locked.graph.order.iter().filter_map(|recipe| locked.id(&recipe.address)) {
        let record = store.record(id)?;
        if healed && record.is_some_and(|record| record.outputs.values().any(|it| it == output)) {
            store.distrust_record(id)?;
        }
    }
    Ok(healed)
}

/// The root that keeps what the last build of a target gave: one per project, overlay and target.
fn keep(session: &Session<'_>, project: &Project, target: &Address, needs: Vec<Need>) -> (String, Root) {
    let env = session.env.as_deref().unwrap_or_default();
    let place = project.root.canonicalize().unwrap_or_else(|_| project.root.clone());
    let what = format!("{target} {env} {}", place.display());
    let plain = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
    let words: String = target.to_string().chars().filter(plain).take(80).collect();
    let name = format!("{words}@{}", &Digest::of(what.as_bytes()).hex()[..16]);
    let reason = format!("gabion build {what}").split_whitespace().collect::<Vec<_>>().join(" ");
    (name, Root { reason, needs: needs.into_iter().collect() })
}

/// Whether `path` is the bundle of this digest, as far as its tables and size tell. Then it is signed where it
/// stands, if `key` has not signed it yet: what others signed and promoted stays.
fn is_current(
    path: &Path,
    digest: &str,
    size: Option<&String>,
    key: Option<&SigningKey>,
) -> Result<bool, Failure> {
    let Ok(mut file) = fs_err::File::open(path).map(fs_err::File::into_file) else { return Ok(false) };
    // Whoever is signing it is waited for: half a slot would look like none.
    let _waited = flock(&file, FlockOperation::LockShared);
    let fits = file.metadata().is_ok_and(|meta| size.is_some_and(|size| *size == meta.len().to_string()));
    let Ok((release, slot, _)) = read_table(&mut file) else { return Ok(false) };
    if !fits || release.digest().to_string() != digest {
        return Ok(false);
    }
    drop(file);
    if let Some(key) = key.filter(|key| !slot.release.signers().contains(&key.fingerprint())) {
        let mut file = open_slot(path)?;
        sign_bundle(&mut file, key)?;
        file.sync_all().map_err(|source| io("sync", path, source))?;
    }
    Ok(true)
}
