//! Does the plan: fetches pinned bytes, does the steps, and remembers every result.
//!
//! A node runs as soon as everything that it needs is there; downloads and steps each have a budget. What
//! a node gave is remembered under its [`RequestId`](gabion_digest::RequestId), what a step gave under its
//! [`ActionId`].
//!
//! # What this module does not do
//! It never chooses a version, and it fetches nothing that the lock does not pin.

mod accounts;
mod artifact;
mod disk;
mod error;
mod fetch;
mod helm_chart;
mod image_build;
mod kubernetes;
mod origins;
mod rebuild;
mod render;
mod run;
mod scratch;
mod stage;
mod step;
mod system;
mod unpacked;

pub use artifact::ARTIFACT;
pub use disk::{DISK, DiskError};
pub use error::BuildError;
pub use helm_chart::chart_file;
pub use image_build::MANIFEST;
pub use kubernetes::{ASSUMED, api_versions};
pub use origins::{charts_in_use, origins, origins_of};
pub use rebuild::{Difference, compare};
pub use render::{RENDERED, switched_off};
pub use step::DOCUMENTS;
pub use system::accounts_of;

use crate::event::{Event, Events};
use crate::image;
use crate::lock::{FilePin, LockedGraph};
use crate::net::Client;
use crate::plan::{Decision, Plan};
use crate::recipe::kinds::Chart;
use crate::recipe::{Address, Body, Kind, Recipe};
use crate::share::Share;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gabion_digest::{ActionId, Sha256};
use gabion_rootfs::StageError;
use gabion_sandbox::Policy;
use gabion_store::{Lease, Need, Output, Pending, Record, Store};
use run::Exports;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use step::{Done, Step, StepError};
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// The files of every node.
#[derive(Debug, Default)]
pub struct Built {
    records: BTreeMap<Address, Record>,
    /// Steps that gave other bytes when they were done again.
    pub differences: Vec<Difference>,
    /// Nodes that are not remembered: walls were missing around a script, here or in what they are made of.
    pub unwalled: BTreeSet<Address>,
}

impl Built {
    /// What `address` gave, all of it.
    pub fn record(&self, address: &Address) -> Option<&Record> {
        self.records.get(address)
    }

    /// What `address` gave.
    pub fn outputs(&self, address: &Address) -> impl Iterator<Item = (&String, &Output)> {
        self.records.get(address).into_iter().flat_map(|record| &record.outputs)
    }
}

/// What nodes gave, by address.
type Results = BTreeMap<Address, Record>;

/// How a build is done. Nothing of it can change an output.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options<'s> {
    /// Never ask the network.
    pub offline: bool,
    /// How many steps, and how many downloads, run at once.
    pub jobs: usize,
    /// After a failure, go on with what does not need the node that failed.
    pub keep_going: bool,
    /// Leave the root of a system in its place when a program of its packages fails.
    pub keep_failed: bool,
    /// Do every step again, and compare with what it gave before.
    pub rebuild: bool,
    /// How far scripts must be walled in. What ran behind fewer walls is not remembered.
    pub policy: Policy,
    /// Caches that may know what a step gives.
    pub share: Option<&'s Share>,
}

/// How many steps are done and not yet safe on the disk: while one is written, the next one runs.
const COMMITS: usize = 32;

struct Engine<'e> {
    locked: &'e LockedGraph<'e>,
    store: &'e Store,
    client: &'e Client,
    events: &'e Events,
    downloads: Semaphore,
    steps: Semaphore,
    commits: Semaphore,
    lease: &'e Lease,
    rebuild: bool,
    keep_failed: bool,
    differences: Mutex<Vec<Difference>>,
    policy: Policy,
    exports: Arc<Exports>,
    unwalled: Mutex<BTreeSet<Address>>,
    share: Option<&'e Share>,
}

/// Builds what `plan` says; `lease` keeps what is used from being removed meanwhile.
pub async fn run(
    locked: &LockedGraph<'_>,
    plan: &Plan,
    store: &Store,
    client: &Client,
    lease: &Lease,
    options: Options<'_>,
    events: &Events,
) -> Result<Built, BuildError> {
    events.send(Event::Phase { name: "build", total: plan.0.len() });
    let (downloads, steps) = (Semaphore::new(options.jobs), Semaphore::new(options.jobs));
    let engine = Engine {
        locked,
        store,
        client,
        events,
        downloads,
        steps,
        commits: Semaphore::new(options.jobs + COMMITS),
        lease,
        rebuild: options.rebuild,
        keep_failed: options.keep_failed,
        differences: Mutex::default(),
        policy: options.policy,
        exports: Arc::default(),
        unwalled: Mutex::default(),
        share: options.share,
    };
    if options.offline {
        let wanted = locked.graph.order.iter().zip(&plan.0);
        engine.check_offline(wanted.filter(|(_, (_, it))| !it.is_reuse()).map(|(recipe, _)| *recipe))?;
    }
    if plan.0.iter().any(|(_, it)| !it.is_reuse()) {
        // Nobody waits for it.
        drop(tokio::task::spawn_blocking(scratch::sweep));
    }
    let mut built = engine.run(plan, options.keep_going).await?;
    built.differences = engine.differences.into_inner().unwrap_or_default();
    built.unwalled = engine.unwalled.into_inner().unwrap_or_default();
    if !built.unwalled.is_empty() {
        events.send(Event::Warning(warning(&built.unwalled)));
    }
    Ok(built)
}

/// What is said of nodes that are not remembered.
fn warning(unwalled: &BTreeSet<Address>) -> String {
    const NAMED: usize = 3;
    let named: Vec<String> = unwalled.iter().take(NAMED).map(|it| format!("`{it}`")).collect();
    let more = unwalled.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "made with walls missing around a script: {}{more}; what this machine has may be in it, so it is not remembered",
        named.join(", ")
    )
}

/// What is left of a graph: who waits for how many others, and who waits for whom.
struct Frontier<'g> {
    ready: Vec<usize>,
    waiting: Vec<usize>,
    users: BTreeMap<&'g Address, Vec<usize>>,
}

impl<'g> Frontier<'g> {
    fn new(locked: &'g LockedGraph<'_>) -> Self {
        let mut frontier = Self { ready: Vec::new(), waiting: Vec::new(), users: BTreeMap::new() };
        for (index, recipe) in locked.graph.order.iter().enumerate() {
            let needs = locked.graph.needs(&recipe.address);
            frontier.waiting.push(needs.len());
            for need in &needs {
                frontier.users.entry(need).or_default().push(index);
            }
            if needs.is_empty() {
                frontier.ready.push(index);
            }
        }
        // The first of the order is the last to be pushed, and so the first to be taken.
        frontier.ready.reverse();
        frontier
    }

    fn done(&mut self, address: &Address) {
        for user in self.users.get(address).into_iter().flatten() {
            self.waiting[*user] -= 1;
            if self.waiting[*user] == 0 {
                self.ready.push(*user);
            }
        }
    }
}

impl Engine<'_> {
    async fn run(&self, plan: &Plan, keep_going: bool) -> Result<Built, BuildError> {
        let order = &self.locked.graph.order;
        let mut frontier = Frontier::new(self.locked);
        let mut built = Built::default();
        let mut failures = Vec::new();
        let mut running = FuturesUnordered::new();
        loop {
            while let Some(index) = frontier.ready.pop() {
                let (recipe, decision) = (order[index], &plan.0[index].1);
                let inputs = self.inputs(recipe, &built);
                running.push(async move { (recipe, self.node(recipe, decision, inputs).await) });
            }
            match running.next().await {
                None => break,
                Some((recipe, Ok(record))) => {
                    frontier.done(&recipe.address);
                    built.records.insert(recipe.address.clone(), record);
                }
                Some((_, Err(error))) if !keep_going => return Err(error),
                Some((recipe, Err(error))) => failures.push((recipe.address.clone(), error)),
            }
        }
        if failures.is_empty() {
            return Ok(built);
        }
        failures.sort_by(|a, b| a.0.cmp(&b.0));
        let tried = |address: &Address| {
            built.records.contains_key(address) || failures.iter().any(|it| it.0 == *address)
        };
        let skipped =
            order.iter().map(|it| &it.address).filter(|it| !tried(it)).map(ToString::to_string).collect();
        Err(BuildError::Several { skipped, failures: failures.into_iter().map(|(_, error)| error).collect() })
    }

    /// What `recipe` needs, by address.
    fn inputs(&self, recipe: &Recipe, built: &Built) -> Results {
        let needs = self.locked.graph.needs(&recipe.address).into_iter();
        needs.filter_map(|need| Some((need.clone(), built.records.get(need)?.clone()))).collect()
    }

    async fn node(
        &self,
        recipe: &Recipe,
        decision: &Decision,
        inputs: Results,
    ) -> Result<Record, BuildError> {
        let address = &recipe.address;
        let id = self.locked.id(address);
        if let (Decision::Reuse, Some(id)) = (decision, id)
            && !self.rebuild
            && let Some(record) = self.store.record(id)?
            && self.is_as_locked(recipe, &record)
        {
            self.finished(address, "reused", &record);
            return Ok(record);
        }
        let mut record = Record { outputs: self.fetch(recipe).await?, ..Record::default() };
        let mut how = "fetched";
        if let Some((made, word)) = self.make(recipe, &inputs, &record).await? {
            record.outputs.extend(made.outputs);
            record.trees.extend(made.trees);
            record.facts.extend(made.facts);
            how = word;
        }
        if self.is_unwalled(recipe) {
            self.finished(address, how, &record);
            return Ok(record);
        }
        // A bundle is done when its file is written, which is not the engine's work.
        if let Some(id) = id.filter(|_| address.kind() != Kind::Bundle) {
            self.commit(address, Pending::default().request(id, &record)?, None).await?;
            if let Some(share) = self.share {
                share.made(address, id, &record);
            }
            self.finished(address, how, &record);
        }
        Ok(record)
    }

    /// What is made here, if anything is.
    async fn make(
        &self,
        recipe: &Recipe,
        inputs: &Results,
        fetched: &Record,
    ) -> Result<Option<(Record, &'static str)>, BuildError> {
        if let Body::Chart(it) = &recipe.body {
            return self.chart(recipe, it, inputs, fetched).await;
        }
        let failed = |error| step_failed(&recipe.address, error);
        let step = match &recipe.body {
            Body::Rootfs(it) => return self.system(recipe, it, inputs).await.map(Some),
            Body::ImageBuild(it) => return self.image_build(recipe, it, inputs).await.map(Some),
            Body::Bundle(it) => return self.bundle(recipe, it, inputs).await,
            Body::Disk(it) => Some(self.disk(recipe, it, inputs).await?),
            Body::Run(it) => Some(self.script(recipe, it, inputs)?),
            Body::Manifests(_) => return self.manifests(recipe, inputs).await,
            _ => Step::of(recipe, self.locked, inputs, fetched).map_err(failed)?,
        };
        match step {
            Some(step) => self.step(&recipe.address, step).await.map(Some),
            None => Ok(None),
        }
    }

    /// What Flux reads on the host, where documents name that, and the documents.
    async fn manifests(
        &self,
        recipe: &Recipe,
        inputs: &Results,
    ) -> Result<Option<(Record, &'static str)>, BuildError> {
        let failed = |error| step_failed(&recipe.address, error);
        let (mut all, mut how) = (Record::default(), "unchanged");
        if let Some(step) = Step::of_artifact(recipe, self.locked, inputs).map_err(failed)? {
            (all, how) = self.step(&recipe.address, step).await?;
        }
        if let Some(step) = Step::of(recipe, self.locked, inputs, &all).map_err(failed)? {
            let (made, word) = self.step(&recipe.address, step).await?;
            all.outputs.extend(made.outputs);
            how = if word == "unchanged" { how } else { word };
        }
        Ok(Some((all, how)))
    }

    /// The documents of a chart, which was fetched.
    async fn chart(
        &self,
        recipe: &Recipe,
        it: &Chart,
        inputs: &Results,
        fetched: &Record,
    ) -> Result<Option<(Record, &'static str)>, BuildError> {
        let failed = |error| step_failed(&recipe.address, error);
        let Some(file) = fetched.outputs.values().next() else { return Ok(None) };
        let (mut all, mut how) = (Record::default(), "unchanged");
        for step in Step::of_chart(recipe, it, self.locked, inputs, *file).map_err(failed)? {
            let (made, word) = self.step(&recipe.address, step).await?;
            all.outputs.extend(made.outputs);
            how = if word == "unchanged" { how } else { word };
        }
        Ok(Some((all, how)))
    }

    /// Whether a record gives what the lock pins, whoever wrote it.
    fn is_as_locked(&self, recipe: &Recipe, record: &Record) -> bool {
        let fits = |(output, pin): (String, FilePin<'_>)| {
            record.outputs.get(&output).is_some_and(|it| (it.sha256, it.size) == (pin.sha256, pin.size))
        };
        let named = |digest: &Sha256| {
            record.outputs.get(&image::output_name(digest)).is_some_and(|it| it.sha256 == *digest)
        };
        self.locked.pins(recipe).into_iter().all(fits)
            && self.locked.image(recipe).is_none_or(|pin| pin.all_documents().all(named))
    }

    /// Does a step, or takes what it gave before.
    async fn step(&self, address: &Address, step: Step) -> Result<(Record, &'static str), BuildError> {
        let (id, name) = (step.id(), step.output().to_owned());
        self.lease.need(Need::Action(id))?;
        let known = self.known(id, &name).await?;
        if let Some(record) = known.clone().filter(|_| !self.rebuild) {
            if let Some(share) = self.share {
                share.reused(address, id);
            }
            return Ok((record, "unchanged"));
        }
        let _room = self.commits.acquire().await;
        let turn = self.steps.acquire().await;
        let (store, node) = (self.store.clone(), address.to_string());
        let done = self.blocking(address, move || {
            let mut done = step.run(&store)?;
            let Some(before) = known else { return Ok((done, None)) };
            store.commit(std::mem::take(&mut done.pending))?;
            let difference = rebuild::difference(&node, &step, &store, &before, &done.record)?;
            Ok((done, Some((before, difference))))
        });
        let done = done.await?;
        drop(turn);
        match done {
            (Done { record, walled: true, pending, place }, None) => {
                self.commit(address, pending.action(id, &record)?, place).await?;
                if let Some(share) = self.share {
                    share.did(id, &record);
                }
                Ok((record, "built"))
            }
            (Done { record, walled: false, pending, place }, None) => {
                self.commit(address, pending, place).await?;
                self.unwalled().insert(address.clone());
                Ok((record, "built without walls"))
            }
            // What follows is made from what there was, so that each difference is told where it arises.
            (_, Some((before, difference))) => {
                if let (Some(difference), Ok(mut all)) = (difference, self.differences.lock()) {
                    all.push(difference);
                }
                Ok((before, "rebuilt"))
            }
        }
    }

    /// What an action gave before, here or as a cache says.
    async fn known(&self, id: ActionId, output: &str) -> Result<Option<Record>, BuildError> {
        let here = || Ok(self.store.actions(id)?.into_iter().find(|it| it.outputs.contains_key(output)));
        let known = here()?;
        match self.share.filter(|_| known.is_none() && !self.rebuild) {
            Some(share) if share.action(self.store, id).await? => here(),
            _ => Ok(known),
        }
    }

    /// Makes results lasting, together with those of other nodes that end about now, and takes their place away.
    async fn commit(
        &self,
        address: &Address,
        pending: Pending,
        place: Option<TempDir>,
    ) -> Result<(), BuildError> {
        let store = self.store.clone();
        self.blocking(address, move || {
            drop(place);
            Ok(store.commit(pending)?)
        })
        .await
    }

    fn unwalled(&self) -> std::sync::MutexGuard<'_, BTreeSet<Address>> {
        self.unwalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether walls were missing where this node was made, or something that it needs: then nobody may find it by the
    /// name of its request.
    fn is_unwalled(&self, recipe: &Recipe) -> bool {
        let mut unwalled = self.unwalled();
        let needs = self.locked.graph.needs(&recipe.address);
        let is = unwalled.contains(&recipe.address) || needs.into_iter().any(|it| unwalled.contains(it));
        if is {
            unwalled.insert(recipe.address.clone());
        }
        is
    }

    /// Does on another thread what waits for files or programs.
    async fn blocking<T: Send + 'static>(
        &self,
        address: &Address,
        work: impl FnOnce() -> Result<T, StepError> + Send + 'static,
    ) -> Result<T, BuildError> {
        let stopped = |error: tokio::task::JoinError| StepError::Input(error.to_string());
        let done = tokio::task::spawn_blocking(work).await.map_err(stopped).and_then(|it| it);
        done.map_err(|error| step_failed(address, error))
    }

    fn finished(&self, address: &Address, how: &'static str, record: &Record) {
        let bytes = record.outputs.values().map(|it| it.size).sum();
        self.events.send(Event::Finished { node: address.to_string(), how, bytes });
    }
}

fn step_failed(node: &impl std::fmt::Display, error: StepError) -> BuildError {
    match error {
        StepError::Input(why) => BuildError::Step { node: node.to_string(), why },
        StepError::Gone(input) => BuildError::Gone { node: node.to_string(), input },
        StepError::Store(error) => BuildError::Store(error),
        StepError::Sandbox(source) => BuildError::Sandbox { node: node.to_string(), source },
        StepError::Harden(errors) => BuildError::Harden { node: node.to_string(), errors },
        StepError::Chart(source) => BuildError::Chart { node: node.to_string(), source },
        StepError::Unstable(taints) => BuildError::Unstable { node: node.to_string(), taints },
        StepError::Files { doing, source } => BuildError::Files { node: node.to_string(), doing, source },
        StepError::Script { end, log } => BuildError::Script { node: node.to_string(), end, log },
        StepError::Disk(source) => BuildError::Disk { node: node.to_string(), source },
        StepError::Stage(source) => match source {
            StageError::Sandbox(source) => BuildError::Sandbox { node: node.to_string(), source },
            StageError::Rootfs(source) => BuildError::Rootfs { node: node.to_string(), source },
            StageError::Stream(error) => BuildError::Step { node: node.to_string(), why: error.to_string() },
            StageError::Kept(error) => BuildError::Store(error),
        },
    }
}
