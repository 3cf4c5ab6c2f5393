//! `tree`, `why`, `diff`, `explain`: commands that only look.

use super::args::{ExplainArgs, TreeArgs, WhyArgs};
use super::check::level_name;
use super::failure::Failure;
use super::images;
use super::project::Session;
use super::ui::Ui;
use crate::exit::Exit;
use crate::graph;
use crate::lock::{self, Locks};
use crate::recipe::lints::lint_rows;
use crate::recipe::{Address, Code};
use gabion_lockfile::{AptLock, Lock};
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn tree(session: &Session<'_>, args: &TreeArgs) -> Result<Exit, Failure> {
    let (project, target) = images::grown(session.load()?, args.target.as_deref())?;
    let graph = graph::build(project, &target)?;
    let found =
        if args.images { images::by_node(session, session.load()?, &target)? } else { BTreeMap::new() };
    let none = Vec::new();
    let images = |address: &Address| found.get(address).unwrap_or(&none);
    if session.ui.json {
        let nodes = graph.order.iter().map(|recipe| {
            let needs: Vec<String> = graph.needs(&recipe.address).iter().map(ToString::to_string).collect();
            serde_json::json!({
                "node": recipe.address.to_string(), "needs": needs, "images": images(&recipe.address),
            })
        });
        session.ui.data(serde_json::json!({ "schema": 1, "nodes": nodes.collect::<Vec<_>>() }));
        return Ok(Exit::Ok);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut stack: Vec<(&Address, usize)> = vec![(&graph.target, 0)];
    while let Some((address, depth)) = stack.pop() {
        let again = !seen.insert(address);
        let needs = graph.needs(address);
        let mark = if again && !needs.is_empty() { " (*)" } else { "" };
        session.ui.data(format!("{:indent$}{address}{mark}", "", indent = depth * 2));
        for image in images(address).iter().filter(|_| !again) {
            session.ui.data(format!("{:indent$}{image}", "", indent = depth * 2 + 2));
        }
        if !again {
            stack.extend(needs.into_iter().rev().map(|need| (need, depth + 1)));
        }
    }
    Ok(Exit::Ok)
}

pub(super) fn why(session: &Session<'_>, args: &WhyArgs) -> Result<Exit, Failure> {
    if images::is_image(&args.node) {
        return images::why(session, &args.node, args.target.as_deref());
    }
    let (project, target) = images::grown(session.load()?, args.target.as_deref())?;
    let node = graph::target(project, Some(&args.node))?;
    let graph = graph::build(project, &target)?;
    let Some(path) = graph.why(&node) else {
        session.ui.note(format!("`{target}` does not need `{node}`"));
        return Ok(Exit::Failure);
    };
    if session.ui.json {
        let nodes: Vec<String> = path.iter().map(ToString::to_string).collect();
        session.ui.data(serde_json::json!({ "schema": 1, "path": nodes }));
        return Ok(Exit::Ok);
    }
    for (depth, address) in path.into_iter().enumerate() {
        session.ui.data(format!(
            "{:indent$}{address}{}",
            "",
            images::place(project, address),
            indent = depth * 2
        ));
    }
    Ok(Exit::Ok)
}

/// A `gabion.lock` with the closures beside it, or the closure of one `[apt.NAME]`.
pub(super) fn read_locks(path: &Path) -> Result<Locks, Failure> {
    let io = |source| lock::BindError::Io { operation: "read", path: path.to_owned(), source };
    let broken = |source| lock::BindError::Parse { path: path.to_owned(), source };
    let text = fs_err::read_to_string(path).map_err(io)?;
    let mut locks = Locks::default();
    if text.lines().take_while(|line| line.starts_with('#')).any(|line| line.starts_with("# id apt.")) {
        let closure = AptLock::parse(&text).map_err(broken)?;
        locks.apt.insert(closure.id().to_string(), closure);
    } else {
        locks.main = Lock::parse(&text).map_err(broken)?;
        locks.apt = lock::closures_beside(path)?;
    }
    Ok(locks)
}

pub(super) fn explain(ui: &Ui, args: &ExplainArgs) -> Result<Exit, Failure> {
    if let Some((_, code, text)) = Code::ALL.iter().find(|(_, code, _)| *code == args.code) {
        ui.data(format!("{code}:{text}"));
        return Ok(Exit::Ok);
    }
    if let Some((code, text)) = gabion_cache::EXPLAINED.iter().find(|(code, _)| *code == args.code) {
        ui.data(format!("{code}: {text}"));
        return Ok(Exit::Ok);
    }
    if let Some(row) = lint_rows().find(|it| it.code == args.code || it.name == args.code) {
        ui.data(format!("{} {} ({}):{}", row.code, row.name, level_name(row.level), row.text));
        ui.data("To accept one, say why in `gabion.toml`:");
        ui.data(format!(
            "[lints]\nallow = [{{ lint = \"{}\", node = \"…\", object = \"…\", reason = \"…\" }}]",
            row.name
        ));
        return Ok(Exit::Ok);
    }
    let number: Option<u8> = args.code.parse().ok();
    if let Some((_, code, text)) = Exit::ALL.iter().find(|(_, code, _)| Some(*code) == number) {
        ui.data(format!("exit code {code}:{text}"));
        return Ok(Exit::Ok);
    }
    let cache = gabion_cache::EXPLAINED.iter().map(|(code, _)| *code);
    let known: Vec<&str> = Code::ALL.iter().map(|(_, code, _)| *code).chain(cache).collect();
    let message = format!("`{}` has no longer text than its message", args.code);
    Err(Failure::usage(message).help(format!(
        "there are texts for {}, for lints (`L3001`, `missing-probes`) and for exit codes",
        known.join(", ")
    )))
}
