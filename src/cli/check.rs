//! `check`: recipes, and every object that they become.

use super::args::CheckArgs;
use super::failure::Failure;
use super::images::place;
use super::locking::adopted;
use super::project::{Session, options};
use crate::build;
use crate::check::{self, Documents, Finding, Settled, settle};
use crate::closure::{ClosureError, Work};
use crate::exit::Exit;
use crate::graph;
use crate::lock::{self, BindError, LockedGraph, Locks};
use crate::recipe::lints::RecipeLint;
use crate::recipe::{Address, Body, Project, Recipe};
use gabion_kube::Level;
use std::collections::BTreeMap;

/// So many findings of one lint and one node are shown at once.
const SHOWN: usize = 3;

/// What was looked at.
#[derive(Debug, Default)]
struct Seen {
    found: Vec<Finding>,
    judged: usize,
    unjudged: Vec<String>,
    kubernetes: String,
    /// Whether nothing was left out.
    whole: bool,
}

pub(super) fn run(session: &Session<'_>, args: &CheckArgs) -> Result<Exit, Failure> {
    let project = session.load()?;
    graph::check(project)?;
    let mut seen = Seen { found: check::recipes(project), whole: !args.recipes, ..Seen::default() };
    if !args.recipes {
        let locks = lock::load(project)?;
        let grown = adopted(project, &locks);
        let bundles = grown.recipes.values().filter(|it| has_documents(it));
        for bundle in bundles {
            look(session, grown, &locks, bundle, &mut seen)?;
        }
    }
    let settled = settle(project, seen.found, seen.whole);
    seen.found = Vec::new();
    if session.ui.json {
        session.ui.data(serde_json::json!({
            "schema": 1,
            "recipes": project.recipes.len(),
            "kubernetes": Some(&seen.kubernetes).filter(|it| !it.is_empty()),
            "objects": seen.judged,
            "without_schema": seen.unjudged,
            "allowed": settled.allowed,
            "findings": settled.findings,
        }));
    } else {
        show(session, project, &settled, args.all);
    }
    summary(session, project, &seen, &settled);
    let (errors, warnings) = (settled.count(Level::Error), settled.count(Level::Warning));
    let failed = errors > 0 || (args.deny_warnings && warnings > 0);
    Ok(if failed { Exit::Failure } else { Exit::Ok })
}

fn has_documents(recipe: &Recipe) -> bool {
    matches!(&recipe.body, Body::Bundle(it) if !it.deploy.is_empty())
}

/// Looks at the documents of one bundle; says so where the lock does not let it.
fn look(
    session: &Session<'_>,
    project: &'static Project,
    locks: &Locks,
    bundle: &'static Recipe,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let locked = match lock::bind(graph::build(project, &bundle.address)?, locks) {
        Err(BindError::Stale { .. }) if !session.locked => {
            not_locked(project, &bundle.address, seen);
            return Ok(());
        }
        bound => bound?,
    };
    let Some(documents) = documents(session, &locked, locks, bundle)? else {
        not_locked(project, &bundle.address, seen);
        return Ok(());
    };
    seen.judged += documents.judged;
    seen.unjudged.extend(documents.unjudged);
    seen.kubernetes = documents.kubernetes;
    // What several bundles deploy is told once.
    for finding in documents.findings {
        if !seen.found.contains(&finding) {
            seen.found.push(finding);
        }
    }
    Ok(())
}

/// What was found in the documents of a bundle; nothing where the lock lacks images that they need.
fn documents(
    session: &Session<'_>,
    locked: &LockedGraph<'static>,
    locks: &Locks,
    bundle: &Recipe,
) -> Result<Option<Documents>, Failure> {
    let store = session.store()?;
    let lease = store.lease()?;
    let closure = session.with_client(async |client, events| {
        let options = build::Options { offline: session.offline, ..options(session, false) };
        let work = Work {
            project: locked.graph.project,
            locks,
            store: &store,
            client,
            lease: &lease,
            options,
            events,
        };
        Ok(work.of(bundle).await?)
    })?;
    match closure.check(locked) {
        Err(ClosureError::Missing(_)) if !session.locked => return Ok(None),
        checked => checked?,
    }
    Ok(Some(check::documents(locked, bundle, &closure, &store)?))
}

fn not_locked(project: &Project, bundle: &Address, seen: &mut Seen) {
    let span = project.recipes.get(bundle).map(|it| &it.span);
    let why = "its documents were not looked at: the lock does not answer all of its recipes".to_owned();
    let finding = Finding::of_recipe(RecipeLint::NotLocked, Some(bundle), span, project, why);
    seen.found.push(finding.help("run `gabion lock`"));
    seen.whole = false;
}

/// The word for a level.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Allow => "allowed",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn show(session: &Session<'_>, project: &Project, settled: &Settled, all: bool) {
    let ui = session.ui;
    let mut groups: BTreeMap<Option<&Address>, Vec<&Finding>> = BTreeMap::new();
    for finding in &settled.findings {
        groups.entry(finding.node.as_ref()).or_default().push(finding);
    }
    for (node, findings) in groups {
        match node {
            Some(node) => ui.data(format!("{node}{}", place(project, node))),
            None => ui.data("gabion.toml"),
        }
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &findings {
            let count = told.entry(finding.lint).or_default();
            *count += 1;
            if all || *count <= SHOWN {
                one(session, finding);
            }
        }
        for (lint, count) in told.into_iter().filter(|(_, count)| !all && *count > SHOWN) {
            ui.data(format!("  … and {} more of {lint}: `--all` shows them", count - SHOWN));
        }
        ui.data("");
    }
}

fn one(session: &Session<'_>, finding: &Finding) {
    let ui = session.ui;
    let head = ui.level(finding.level, &format!("{}[{}]", level_name(finding.level), finding.code));
    let object = finding.object.as_ref().map_or(String::new(), |it| format!("{it}: "));
    ui.data(format!("  {head} {}: {object}{}", finding.lint, finding.why));
    let at: Vec<&str> =
        finding.path.iter().map(String::as_str).chain(finding.places.iter().map(String::as_str)).collect();
    if !at.is_empty() {
        ui.data(format!("      at {}", at.join(", ")));
    }
    if let Some(help) = &finding.help {
        ui.data(format!("      help: {help}"));
    }
}

fn summary(session: &Session<'_>, project: &Project, seen: &Seen, settled: &Settled) {
    let ui = session.ui;
    let mut objects = String::new();
    if seen.judged > 0 {
        objects = format!(", {} objects for Kubernetes {}", seen.judged, seen.kubernetes);
    }
    if !seen.unjudged.is_empty() {
        let first: Vec<&str> = seen.unjudged.iter().take(3).map(String::as_str).collect();
        let more = if seen.unjudged.len() > first.len() { ", …" } else { "" };
        ui.note(format!("{} objects have no schema: {}{more}", seen.unjudged.len(), first.join(", ")));
    }
    let (errors, warnings) = (settled.count(Level::Error), settled.count(Level::Warning));
    let allowed = if settled.allowed > 0 { format!(", {} allowed", settled.allowed) } else { String::new() };
    if errors + warnings == 0 {
        ui.note(format!("{} recipes{objects}: nothing is wrong{allowed}", project.recipes.len()));
        return;
    }
    ui.note(format!(
        "{} recipes{objects}: {errors} errors, {warnings} warnings{allowed}",
        project.recipes.len()
    ));
    ui.note("`gabion explain LINT` tells more; what may be is said in `[lints]`, with the reason");
}
