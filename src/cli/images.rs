//! `images`, and what `why` and `tree` say of images.

use super::args::ImagesArgs;
use super::failure::Failure;
use super::locking::{adopted, bind};
use super::project::{Session, options};
use crate::build;
use crate::closure::{Closure, Why, Work};
use crate::exit::Exit;
use crate::graph;
use crate::lock::LockedGraph;
use crate::recipe::{Address, Body, Diagnostic, Diagnostics, Kind, Project, Recipe};
use gabion_lockfile::human_size;
use gabion_oci::Reference;
use std::collections::BTreeMap;

/// A bundle, bound, with what its documents need.
pub(super) struct Seen {
    pub(super) locked: LockedGraph<'static>,
    pub(super) closure: Closure,
}

impl Seen {
    /// Renders the documents of the bundle `target`; locks what is not locked unless that is forbidden.
    pub(super) fn of(
        session: &Session<'_>,
        project: &'static Project,
        target: Option<&str>,
    ) -> Result<Self, Failure> {
        let locked = bind(session, project, target)?;
        let bundle = bundle(&locked)?;
        let store = session.store()?;
        let lease = store.lease()?;
        let closure = session.with_client(async |client, events| {
            let options = build::Options { offline: session.offline, ..options(session, false) };
            let (project, locks) = (locked.graph.project, &crate::lock::load(locked.graph.project)?);
            let work = Work { project, locks, store: &store, client, lease: &lease, options, events };
            Ok(work.of(bundle).await?)
        })?;
        Ok(Self { locked, closure })
    }

    /// The nodes that give images, by what these are called.
    fn pinned(&self) -> BTreeMap<String, &Recipe> {
        let images = self.locked.graph.order.iter().filter(|it| matches!(it.body, Body::Image(_)));
        images.filter_map(|it| Some((self.locked.image(it)?.reference.to_string(), *it))).collect()
    }
}

fn bundle<'p>(locked: &LockedGraph<'p>) -> Result<&'p Recipe, Failure> {
    let target = &locked.graph.target;
    let recipe = locked.graph.project.recipes.get(target).filter(|_| target.kind() == Kind::Bundle);
    recipe.ok_or_else(|| {
        Failure::usage(format!("`{target}` is no bundle: images are those of a bundle's documents"))
    })
}

pub(super) fn list(session: &Session<'_>, args: &ImagesArgs) -> Result<Exit, Failure> {
    let seen = Seen::of(session, session.load()?, args.target.as_deref())?;
    let pinned = seen.pinned();
    let closure = &seen.closure;
    if session.ui.json {
        let images = closure.images.iter().map(|(reference, whys)| {
            let pin = pinned.get(&reference.to_string()).and_then(|it| seen.locked.image(it));
            serde_json::json!({
                "reference": reference.to_string(),
                "digest": pin.as_ref().and_then(|it| it.documents.first()).map(ToString::to_string),
                "size": pin.as_ref().map(|it| it.size),
                "why": whys,
            })
        });
        let images: Vec<_> = images.collect();
        session.ui.data(serde_json::json!({
            "schema": 1, "images": images, "k3s": closure.from_k3s, "ignored": closure.ignored,
        }));
        return Ok(Exit::Ok);
    }
    for (reference, whys) in &closure.images {
        let pin = pinned.get(&reference.to_string()).and_then(|it| seen.locked.image(it));
        let size = pin.map_or_else(|| "in K3s' archive".to_owned(), |it| human_size(it.size));
        session.ui.data(format!("{reference}  {size}  {}", nodes(whys)));
    }
    if args.ignored {
        for it in &closure.ignored {
            session
                .ui
                .data(format!("not taken: {}  {}: {}  ({})", it.text, it.why.object, it.why.path, it.reason));
        }
    }
    for lint in &closure.lints {
        session.ui.warning(lint);
    }
    let ignored = closure.ignored.len();
    session
        .ui
        .note(format!("{} images; {ignored} texts that look like one are not taken", closure.images.len()));
    Ok(Exit::Ok)
}

/// The nodes that reasons come from, each once.
fn nodes(whys: &[Why]) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in whys.iter().map(|it| it.node.to_string()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// Whether `name` means an image and no node.
pub(super) fn is_image(name: &str) -> bool {
    name.contains('/')
}

/// The chain from the bundle to the line that names an image.
pub(super) fn why(session: &Session<'_>, name: &str, target: Option<&str>) -> Result<Exit, Failure> {
    let seen = Seen::of(session, session.load()?, target)?;
    let closure = &seen.closure;
    let means = |reference: &Reference| {
        let text = reference.to_string();
        text == name || text.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', '@']))
    };
    let found: Vec<_> = closure.images.iter().filter(|(reference, _)| means(reference)).collect();
    if found.is_empty() {
        session.ui.note(format!("no document of `{}` needs `{name}`", seen.locked.graph.target));
        for it in closure.ignored.iter().filter(|it| it.text.starts_with(name)) {
            session.ui.note(format!(
                "{} names it at {}, and it is not taken: {}",
                it.why.object, it.why.path, it.reason
            ));
        }
        return Ok(Exit::Failure);
    }
    let store = session.store()?;
    let project = seen.locked.graph.project;
    let mut shown = Vec::new();
    for (reference, whys) in found {
        for why in whys {
            let origins = closure.origins(&seen.locked, &store, why)?;
            shown.push(serde_json::json!({
                "image": reference.to_string(), "bundle": seen.locked.graph.target.to_string(), "why": why, "origins": origins,
            }));
            if session.ui.json {
                continue;
            }
            let ui = session.ui;
            ui.data(format!("{reference}"));
            ui.data(format!("  {}{}", seen.locked.graph.target, place(project, &seen.locked.graph.target)));
            ui.data(format!(
                "    {}{}{}",
                why.node,
                version(&seen.locked, &why.node),
                place(project, &why.node)
            ));
            for origin in origins {
                ui.data(format!("      {origin}"));
            }
            ui.data(format!("        {}: {}", why.object, why.path));
            ui.data(format!("          {}", why.by));
        }
    }
    if session.ui.json {
        session.ui.data(serde_json::json!({ "schema": 1, "images": shown }));
    }
    Ok(Exit::Ok)
}

/// Where a node is declared.
pub(super) fn place(project: &Project, address: &Address) -> String {
    let recipe = project.recipes.get(address);
    recipe.map_or_else(String::new, |recipe| {
        let (line, _) = project.files.position(&recipe.span);
        format!("  {}:{line}", project.files.get(&recipe.span).0)
    })
}

/// Version and digest of what a node is pinned to.
fn version(locked: &LockedGraph<'_>, address: &Address) -> String {
    let recipe = locked.graph.project.recipes.get(address);
    let pins = recipe.map(|it| locked.pins(it)).unwrap_or_default();
    pins.first()
        .map_or_else(String::new, |(_, pin)| format!(" {}@{}", pin.version.unwrap_or_default(), pin.sha256))
}

/// The images that documents of each node need.
pub(super) fn by_node(
    session: &Session<'_>,
    project: &'static Project,
    target: &Address,
) -> Result<BTreeMap<Address, Vec<String>>, Failure> {
    if target.kind() != Kind::Bundle {
        let what = format!("`{target}` is no bundle: images are those of a bundle's documents");
        let mistake = Diagnostic::nowhere(crate::recipe::Code::UnknownTarget, what);
        return Err(Diagnostics { files: project.files.clone(), list: vec![mistake] }.into());
    }
    let seen = Seen::of(session, project, Some(&target.to_string()))?;
    let mut all: BTreeMap<Address, Vec<String>> = BTreeMap::new();
    for (reference, whys) in &seen.closure.images {
        for why in whys {
            let list = all.entry(why.node.clone()).or_default();
            if list.last() != Some(&reference.to_string()) {
                list.push(reference.to_string());
            }
        }
    }
    Ok(all)
}

/// The graph of a target, with the images that its lock says its documents need.
pub(super) fn grown(
    project: &'static Project,
    target: Option<&str>,
) -> Result<(&'static Project, Address), Failure> {
    let locks = crate::lock::load(project).unwrap_or_default();
    let project = adopted(project, &locks);
    Ok((project, graph::target(project, target)?))
}
