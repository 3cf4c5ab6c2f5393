//! `build`, `plan`, `lock`, `update`: the arrows from recipes to a bundle.

use super::args::{BuildArgs, Global, LockArgs, PlanArgs, UpdateArgs};
use super::failure::Failure;
use super::ui::{Ui, size};
use super::{key, trust};
use crate::build::BuildError;
use crate::config::Config;
use crate::event::Events;
use crate::exit::Exit;
use crate::lock::{self, LockedGraph, Locks};
use crate::net::Client;
use crate::plan::{Decision, Known};
use crate::recipe::{Address, Body, Kind, Project, Recipe};
use crate::request::Request;
use crate::{assemble, graph, plan, recipe, resolve};
use gabion_bundle::{Role, SigningKey, assemble_to_path};
use gabion_store::{Record, Store};
use std::path::{Path, PathBuf};

/// Configuration and flags of one run.
pub(super) struct Session<'u> {
    pub(super) config: Config,
    pub(super) ui: &'u Ui,
    pub(super) project: Option<PathBuf>,
    pub(super) env: Option<String>,
    pub(super) locked: bool,
    pub(super) offline: bool,
}

impl<'u> Session<'u> {
    pub(super) fn open(global: &Global, ui: &'u Ui) -> Result<Self, Failure> {
        let mut config = Config::load()?;
        if let Some(store) = &global.store {
            config.store.clone_from(store);
        }
        if let Some(jobs) = global.jobs {
            config.jobs = jobs.max(1);
        }
        Ok(Self {
            config,
            ui,
            project: global.project.clone(),
            env: global.env.clone(),
            locked: global.locked || global.frozen,
            offline: global.offline || global.frozen,
        })
    }

    /// The project of the working directory, or the one that was named.
    pub(super) fn load(&self) -> Result<Project, Failure> {
        let root = match &self.project {
            Some(root) => root.clone(),
            None => find_project()?,
        };
        Ok(recipe::load(&root, self.env.as_deref())?)
    }

    pub(super) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.config.store)?)
    }

    /// Runs `work` with a client, showing its events.
    fn with_client<T: Send>(
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

/// Pins what is stale, and writes the lock if it changed.
fn relock(
    session: &Session<'_>,
    project: &Project,
    asked: &[(Request, &Recipe)],
    previous: &Locks,
) -> Result<(Locks, bool), Failure> {
    let store = session.store()?;
    let lock = session.with_client(async |client, events| {
        Ok(resolve::lock(project, asked, previous, client, &store, events).await?)
    })?;
    let changed = lock::save(project, &lock)?;
    Ok((lock, changed))
}

/// The bound graph of `target`; locks what is not locked unless that is forbidden.
pub(super) fn bind<'p>(
    session: &Session<'_>,
    project: &'p Project,
    target: Option<&str>,
) -> Result<LockedGraph<'p>, Failure> {
    let target = graph::target(project, target)?;
    let graph = graph::build(project, &target)?;
    let locks = lock::load(project)?;
    let asked = lock::all_requests(graph.order.iter().copied(), project);
    let complete = asked.iter().all(|(request, _)| locks.answers(request));
    if complete || session.locked {
        return Ok(lock::bind(graph, &locks)?);
    }
    // The whole project is locked at once: a lock of one target would forget the others.
    let all = lock::all_requests(project.recipes.values(), project);
    let (lock, _) = relock(session, project, &all, &locks)?;
    Ok(lock::bind(graph, &lock)?)
}

pub(super) fn lock(session: &Session<'_>, args: &LockArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let locks = lock::load(&project)?;
    let asked = lock::all_requests(project.recipes.values(), &project);
    if args.check || session.locked {
        let stale: Vec<Request> =
            asked.iter().map(|(request, _)| request).filter(|it| !locks.answers(it)).cloned().collect();
        if !stale.is_empty() {
            return Err(lock::BindError::Stale { stale }.into());
        }
        session.ui.note(format!("the lock answers all {} requests", asked.len()));
        return Ok(Exit::Ok);
    }
    let (new, changed) = relock(session, &project, &asked, &locks)?;
    report_lock(session, &locks, &new, changed);
    Ok(Exit::Ok)
}

pub(super) fn update(session: &Session<'_>, args: &UpdateArgs) -> Result<Exit, Failure> {
    if session.locked {
        return Err(Failure::usage("`update` changes the lock, and `--locked` forbids that"));
    }
    let project = session.load()?;
    let locks = lock::load(&project)?;
    let chosen: Vec<Address> =
        args.package.iter().map(|name| graph::target(&project, Some(name))).collect::<Result<_, _>>()?;
    let asked = lock::all_requests(project.recipes.values(), &project);
    let keeps = |recipe: &Recipe| !chosen.is_empty() && !chosen.contains(&recipe.address);
    let kept = asked.iter().filter(|(_, recipe)| keeps(recipe)).map(|(request, _)| request);
    let previous = locks.only(kept);
    let (new, changed) = relock(session, &project, &asked, &previous)?;
    report_lock(session, &locks, &new, changed);
    Ok(Exit::Ok)
}

fn report_lock(session: &Session<'_>, old: &Locks, new: &Locks, changed: bool) {
    for line in old.changes(new).lines() {
        session.ui.data(line);
    }
    if !changed {
        session.ui.note(format!("nothing to pin: the lock answers all {} requests", new.len()));
    }
}

pub(super) fn plan(session: &Session<'_>, args: &PlanArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let target = graph::target(&project, args.target.as_deref())?;
    let locked = lock::bind(graph::build(&project, &target)?, &lock::load(&project)?)?;
    let plan = plan::plan(&locked, &Known::gather(&locked, &session.store()?)?);
    for (address, decision) in &plan.0 {
        match decision {
            Decision::Reuse => {}
            Decision::Download { bytes } => session.ui.data(format!("download {address} ({})", size(*bytes))),
            Decision::Build => session.ui.data(format!("build    {address}")),
        }
    }
    if plan.is_done() {
        session.ui.note(format!("nothing to do: all {} nodes are built", plan.0.len()));
        return Ok(Exit::Ok);
    }
    Ok(if args.exit_code { Exit::Changes } else { Exit::Ok })
}

/// What `build` gave.
pub(super) struct Outcome {
    pub(super) digest: String,
    pub(super) path: PathBuf,
}

pub(super) fn build(session: &Session<'_>, args: &BuildArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let key = args.key.as_deref().or(session.config.sign_key.as_deref()).map(key::load).transpose()?;
    if let Some(key) = &key {
        trust::may_sign(session, None, Role::Release, key)?;
    }
    match build_target(session, &project, args.target.as_deref(), args.output.as_deref(), key.as_ref())? {
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
    project: &Project,
    target: Option<&str>,
    output: Option<&Path>,
    key: Option<&SigningKey>,
) -> Result<Option<Outcome>, Failure> {
    let locked = bind(session, project, target)?;
    let store = session.store()?;
    let target = locked.graph.target.clone();
    let path = output
        .map_or_else(|| project.root.join("out").join(format!("{}.gabion", target.name())), Path::to_owned);
    let id = locked.id(&target);
    if let Some(record) = id.map(|id| store.record(id)).transpose()?.flatten() {
        if target.kind() != Kind::Bundle {
            session.ui.note(format!("nothing to do: `{target}` is built"));
            return Ok(None);
        }
        if let Some(digest) = record.facts.get("digest")
            && is_current(&path, digest, record.facts.get("size"), key)
        {
            return Ok(Some(Outcome { digest: digest.clone(), path }));
        }
    }
    let mut plan = plan::plan(&locked, &Known::gather(&locked, &store)?);
    // The record of a bundle says that it was written once, not that its file is here.
    if let Some((_, decision)) = plan.0.last_mut() {
        *decision = Decision::Build;
    }
    let jobs = session.config.jobs;
    let built = session.with_client(async |client, events| {
        let offline = session.offline;
        Ok::<_, Failure>(crate::build::run(&locked, &plan, &store, client, offline, jobs, events).await?)
    })?;
    let Some(recipe) = project.recipes.get(&target).filter(|it| matches!(it.body, Body::Bundle(_))) else {
        session.ui.note(format!("built `{target}`"));
        return Ok(None);
    };
    let spec = assemble::spec(&locked, recipe, &built, &store);
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs_err::create_dir_all(folder).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let assembled = assemble_to_path(&spec, &path, key)?;
    let digest = assembled.digest.to_string();
    if let Some(id) = id {
        let facts = [("digest".to_owned(), digest.clone()), ("size".to_owned(), assembled.size.to_string())];
        store
            .put_record(id, &Record { facts: facts.into(), ..Record::default() })
            .map_err(BuildError::from)?;
    }
    if key.is_none() {
        session
            .ui
            .warning("the bundle is not signed, and nothing accepts it so: `gabion bundle sign` signs it");
    }
    Ok(Some(Outcome { digest, path }))
}

/// Whether `path` is the bundle of this digest, as far as its tables and size tell, and signed by `key`.
fn is_current(path: &Path, digest: &str, size: Option<&String>, key: Option<&SigningKey>) -> bool {
    let Ok(mut file) = fs_err::File::open(path) else { return false };
    let fits = file.metadata().is_ok_and(|meta| size.is_some_and(|size| *size == meta.len().to_string()));
    let Ok((release, slot, _)) = gabion_bundle::read_table(&mut file) else { return false };
    let signed = key.is_none_or(|key| slot.release.signers().contains(&key.fingerprint()));
    fits && signed && release.digest().to_string() == digest
}
