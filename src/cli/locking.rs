//! `lock`, `update`, and the lock that every other command needs.
//!
//! A lock is written in two rounds: what recipes ask for, then the images that the documents of their bundles need, which
//! are rendered from what the first round pinned.

use super::args::{LockArgs, UpdateArgs};
use super::failure::Failure;
use super::project::{Session, options};
use crate::build;
use crate::closure;
use crate::event::Events;
use crate::exit::Exit;
use crate::lock::{self, BindError, Family, LockedGraph, Locks, Question};
use crate::net::Client;
use crate::recipe::{Address, Discovered, Project};
use crate::request::Request;
use crate::{graph, resolve};
use gabion_store::{Lease, Store};

/// Which requests are asked again although the lock has an answer.
enum Again<'a> {
    None,
    All,
    These(&'a [Address]),
}

impl Again<'_> {
    fn mark(&self, questions: &mut [Question<'_>]) {
        for question in questions {
            question.again = match self {
                Self::None => false,
                Self::All => true,
                Self::These(chosen) => chosen.contains(&question.recipe.address),
            };
        }
    }
}

/// What locking needs beside the recipes.
struct Tools<'t> {
    session: &'t Session<'t>,
    client: &'t Client,
    store: &'t Store,
    lease: &'t Lease,
    events: &'t Events,
}

/// The images that the documents of every member of `family` need, given the first round's pins.
async fn discover(tools: &Tools<'_>, family: &Family, locks: &Locks) -> Result<Vec<Discovered>, Failure> {
    let Tools { session, client, store, lease, events } = tools;
    let mut all = Vec::new();
    for member in family.members() {
        let options = build::Options { offline: session.offline, ..options(session, false) };
        let work = closure::Work { project: member, locks, store, client, lease, options, events };
        all.push(work.discover().await?);
    }
    Ok(all)
}

/// Pins what is stale, and writes the lock if it changed.
fn relock(
    session: &Session<'_>,
    project: &Project,
    family: &Family,
    again: &Again<'_>,
    previous: &Locks,
) -> Result<(Locks, bool), Failure> {
    let lock = resolved(session, project, family, again, previous)?;
    let changed = lock::save(project, &lock)?;
    Ok((lock, changed))
}

/// What the locks would be.
fn resolved(
    session: &Session<'_>,
    project: &Project,
    family: &Family,
    again: &Again<'_>,
    previous: &Locks,
) -> Result<Locks, Failure> {
    let store = session.store()?;
    let jobs = session.config.jobs;
    let lease = store.lease()?;
    session.with_client(async |client, events| {
        let tools = Tools { session, client, store: &store, lease: &lease, events };
        let mut questions = family.questions()?;
        again.mark(&mut questions);
        let first =
            resolve::lock(&project.settings, &questions, previous, client, &store, jobs, events).await?;
        let found = discover(&tools, family, &first).await?;
        if found.iter().all(Discovered::is_empty) {
            return Ok(first);
        }
        let grown = family.adopt(&found);
        let mut questions = grown.questions()?;
        again.mark(&mut questions);
        // Answers of the first round are not asked for twice.
        for question in &mut questions {
            question.again &= first.main.get(&question.request.id).is_none()
                && !first.apt.contains_key(&question.request.id);
        }
        let known = first.with_missing_of(previous);
        Ok(resolve::lock(&project.settings, &questions, &known, client, &store, jobs, events).await?)
    })
}

/// The project with the images that its lock says its documents need. It lives as long as the process, as the project
/// itself does.
pub(super) fn adopted(project: &'static Project, locks: &Locks) -> &'static Project {
    let found = locks.discovered(project.settings.env.as_deref());
    if found.is_empty() { project } else { Box::leak(Box::new(project.adopt(&found))) }
}

/// The bound graph of `target`; locks what is not locked unless that is forbidden.
pub(super) fn bind(
    session: &Session<'_>,
    project: &'static Project,
    target: Option<&str>,
) -> Result<LockedGraph<'static>, Failure> {
    if session.locked {
        lock::refuse_conflict(project)?;
    }
    let locks = lock::load(project)?;
    let grown = adopted(project, &locks);
    let target = graph::target(grown, target)?;
    match lock::bind(graph::build(grown, &target)?, &locks) {
        Err(BindError::Stale { .. }) if !session.locked => {}
        bound => return Ok(bound?),
    }
    relock_for(session, project, &target)
}

/// Locks the whole project, and binds `target` to that: a lock of one target would forget the others.
pub(super) fn relock_for(
    session: &Session<'_>,
    project: &'static Project,
    target: &Address,
) -> Result<LockedGraph<'static>, Failure> {
    let family = Family::load(project)?;
    let (lock, _) = relock(session, project, &family, &Again::None, &lock::load(project)?)?;
    Ok(lock::bind(graph::build(adopted(project, &lock), target)?, &lock)?)
}

pub(super) fn lock(session: &Session<'_>, args: &LockArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    let locks = lock::load(project)?;
    let family = Family::load(project)?;
    if args.check || session.locked {
        return check(session, project, &family, &locks);
    }
    let (new, changed) = relock(session, project, &family, &Again::None, &locks)?;
    report(session, &locks, &new, changed);
    Ok(Exit::Ok)
}

/// Whether the lock answers every recipe, and has the images that documents need, no fewer and no more.
fn check(session: &Session<'_>, project: &Project, family: &Family, locks: &Locks) -> Result<Exit, Failure> {
    lock::refuse_conflict(project)?;
    let questions = family.questions()?;
    let stale = |questions: &[Question<'_>]| -> Result<(), Failure> {
        let unanswered = questions.iter().filter(|it| !locks.answers(&it.request));
        let stale: Vec<Request> = unanswered.map(|it| it.request.clone()).collect();
        if stale.is_empty() { Ok(()) } else { Err(BindError::Stale { stale }.into()) }
    };
    stale(&questions)?;
    let store = session.store()?;
    let lease = store.lease()?;
    let found = session.with_client(async |client, events| {
        let tools = Tools { session, client, store: &store, lease: &lease, events };
        discover(&tools, family, locks).await
    })?;
    let grown = family.adopt(&found);
    let questions = grown.questions()?;
    stale(&questions)?;
    let needless: Vec<String> = locks.needless(&questions);
    if !needless.is_empty() {
        return Err(BindError::Needless { entries: needless }.into());
    }
    if session.ui.json {
        session.ui.data(serde_json::json!({ "schema": 1, "requests": questions.len() }));
    }
    session.ui.note(format!("the lock answers all {} requests", questions.len()));
    Ok(Exit::Ok)
}

pub(super) fn update(session: &Session<'_>, args: &UpdateArgs) -> Result<Exit, Failure> {
    if session.locked {
        return Err(Failure::usage("`update` changes the lock, and `--locked` forbids that"));
    }
    let project = session.load()?;
    let locks = lock::load(project)?;
    let grown = adopted(project, &locks);
    let chosen: Vec<Address> =
        args.package.iter().map(|name| graph::target(grown, Some(name))).collect::<Result<_, _>>()?;
    let idle = |it: &&Address| {
        grown
            .recipes
            .get(*it)
            .is_none_or(|recipe| crate::request::requests(recipe, &grown.settings).is_empty())
    };
    if let Some(idle) = chosen.iter().find(idle) {
        return Err(Failure::usage(format!("`{idle}` has nothing in the lock")));
    }
    let family = Family::load(project)?;
    let again = if chosen.is_empty() { Again::All } else { Again::These(&chosen) };
    let new = resolved(session, project, &family, &again, &locks)?;
    let differs = !locks.changes(&new).is_empty();
    let changed = if args.dry_run { differs } else { lock::save(project, &new)? };
    report(session, &locks, &new, changed);
    Ok(if args.exit_code && differs { Exit::Changes } else { Exit::Ok })
}

fn report(session: &Session<'_>, old: &Locks, new: &Locks, changed: bool) {
    let difference = old.changes(new);
    if session.ui.json {
        session.ui.data(serde_json::json!({ "schema": 1, "changed": changed, "diff": difference }));
    } else {
        difference.lines().for_each(|line| session.ui.data(line));
    }
    if !changed {
        session.ui.note(format!("nothing to pin: the lock answers all {} requests", new.len()));
    }
}
