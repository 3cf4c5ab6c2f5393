//! `diff`: two locks, or two bundles, side by side; of both, what changes in the cluster.

use super::args::{DiffArgs, TrustArgs};
use super::bundle::{io, open_verified};
use super::failure::Failure;
use super::look::read_locks;
use super::project::{Session, options};
use super::trust;
use crate::build;
use crate::closure::{ClosureError, Work};
use crate::exit::Exit;
use crate::lock::{self, Locks};
use crate::{graph, recipe};
use gabion_bundle::Stage;
use gabion_kube::{Diff, Document};
use gabion_lockfile::LockDiff;
use std::path::Path;

/// Larger than every set of documents known.
const DOCUMENT_LIMIT: u64 = 64 << 20;

pub(super) fn run(session: &Session<'_>, args: &DiffArgs) -> Result<Exit, Failure> {
    let is_bundle = |path: &Path| path.extension().is_some_and(|it| it == "gabion");
    let (locks, rendered) = match (&args.new, is_bundle(&args.old)) {
        (Some(new), true) if is_bundle(new) => {
            let documents = |path: &Path| documents(session, path, &args.trust);
            (LockDiff::default(), Some(gabion_kube::diff(&documents(&args.old)?, &documents(new)?)))
        }
        (_, true) => {
            return Err(Failure::usage("a bundle is compared with another bundle")
                .help("name two files that end in `.gabion`, or two locks"));
        }
        (_, false) => {
            let (old, new) = locks(session, args)?;
            let rendered = args.rendered.as_deref().map(|bundle| compare(session, bundle, &old, &new));
            (old.changes(&new), rendered.transpose()?)
        }
    };
    let same = locks.is_empty() && rendered.as_ref().is_none_or(Diff::is_empty);
    show(session, args, &locks, rendered.as_ref());
    Ok(if args.exit_code && !same { Exit::Changes } else { Exit::Ok })
}

fn show(session: &Session<'_>, args: &DiffArgs, locks: &LockDiff, rendered: Option<&Diff>) {
    let ui = session.ui;
    if session.ui.json || args.format == "json" {
        return ui.data(serde_json::json!({ "schema": 1, "diff": locks, "rendered": rendered }));
    }
    if args.format == "md" {
        if !locks.is_empty() {
            ui.data(locks.markdown().trim_end());
        }
        if let Some(rendered) = rendered.filter(|it| !it.is_empty()) {
            ui.data(format!("```\n{}\n```", rendered.lines(true).join("\n")));
        }
        return;
    }
    locks.lines().for_each(|line| ui.data(line));
    rendered.into_iter().flat_map(|it| it.lines(true)).for_each(|line| ui.data(line));
}

/// The two locks; the project's where no second one is named.
fn locks(session: &Session<'_>, args: &DiffArgs) -> Result<(Locks, Locks), Failure> {
    let (old, mut new) = (read_locks(&args.old)?, Locks::default());
    match &args.new {
        Some(path) => new = read_locks(path)?,
        None => {
            let all = lock::load(session.load()?)?;
            // What is compared with one closure is that closure.
            let alone = old.main.is_empty() && !old.apt.is_empty();
            new.apt = all.apt.into_iter().filter(|(id, _)| !alone || old.apt.contains_key(id)).collect();
            if !alone {
                new.main = all.main;
            }
        }
    }
    Ok((old, new))
}

/// What the documents of a bundle are with each of two locks, under the recipes as they are now.
fn compare(session: &Session<'_>, bundle: &str, old: &Locks, new: &Locks) -> Result<Diff, Failure> {
    let project = session.load()?;
    let target = graph::target(project, Some(bundle))?;
    let recipe = project.recipes.get(&target).ok_or_else(|| ClosureError::NoBundle(target.clone()))?;
    let store = session.store()?;
    let lease = store.lease()?;
    session.with_client(async |client, events| {
        let options = build::Options { offline: session.offline, ..options(session, false) };
        let mut sides = Vec::new();
        for locks in [old, new] {
            let work = Work { project, locks, store: &store, client, lease: &lease, options, events };
            let documents = work.of(recipe).await?.documents;
            sides.push(documents.into_iter().flat_map(|(_, list)| list).collect::<Vec<_>>());
        }
        Ok(gabion_kube::diff(&sides[0], &sides[1]))
    })
}

/// The documents that a bundle brings into a cluster; of a chart that K3s' controller installs, what it will make of it.
/// The bundle is verified first: what is shown is what was signed.
fn documents(session: &Session<'_>, path: &Path, trust: &TrustArgs) -> Result<Vec<Document>, Failure> {
    let root = trust::root(session, trust.trust.as_deref())?;
    let mut verified = open_verified(path, &trust::policy(&root, trust, Stage::Look)?)?;
    let texts = |member: &str| {
        let node = member.strip_prefix("content/").and_then(|it| it.split('/').next());
        let address: Option<recipe::Address> = node.and_then(|it| it.parse().ok());
        let kind =
            address.is_some_and(|it| matches!(it.kind(), recipe::Kind::Manifests | recipe::Kind::Chart));
        kind && Path::new(member).extension().is_some_and(|it| it == "yaml")
    };
    let members = verified.manifest().members.iter();
    let members: Vec<(String, u64)> =
        members.filter(|it| texts(&it.path)).map(|it| (it.path.clone(), it.size)).collect();
    let mut all = Vec::new();
    for (member, size) in &members {
        let rendered = member.replace(".yaml", ".rendered.yaml");
        if *size > DOCUMENT_LIMIT || members.iter().any(|(it, _)| *it == rendered) {
            continue;
        }
        let mut bytes = Vec::new();
        verified.copy_member(member, &mut bytes).map_err(|source| io("read", path, source))?;
        let node = member.split('/').nth(1).unwrap_or_default();
        let found = gabion_kube::documents(&String::from_utf8_lossy(&bytes), node);
        all.extend(found.map_err(|source| ClosureError::Foreign { member: member.clone(), source })?);
    }
    Ok(all)
}
