//! `store verify|du|gc|ls|forget`.

use super::args::{GcArgs, StoreCommand};
use super::failure::Failure;
use super::project::Session;
use super::ui::Ui;
use crate::exit::Exit;
use gabion_digest::BlobId;
use gabion_lockfile::human_size;
use gabion_store::{Count, Health, Policy, Referrer, Report, Store, Usage};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn run(session: &Session<'_>, command: &StoreCommand) -> Result<Exit, Failure> {
    let (store, ui) = (session.store()?, session.ui);
    match command {
        StoreCommand::Verify(args) => {
            let health = if args.repair { store.repair()? } else { store.verify()? };
            show_health(ui, &health, args.repair);
            Ok(if health.is_clean() { Exit::Ok } else { Exit::Integrity })
        }
        StoreCommand::Du => {
            show_usage(ui, &store.usage()?);
            Ok(Exit::Ok)
        }
        StoreCommand::Gc(args) => {
            show_report(ui, &store.gc(&policy(args))?);
            Ok(Exit::Ok)
        }
        StoreCommand::Ls(args) => match args.blob {
            Some(id) => referrers(ui, &store, id),
            None => list(ui, &store),
        },
        StoreCommand::Forget(args) => {
            let was_there = store.remove_root(&args.root)?;
            if !was_there {
                ui.note(format!("there is no root `{}`", args.root));
            }
            Ok(if was_there { Exit::Ok } else { Exit::Failure })
        }
    }
}

fn policy(args: &GcArgs) -> Policy {
    Policy {
        keep: Duration::from_secs(args.keep_days.saturating_mul(24 * 3600)),
        max_size: args.max_size,
        wait: Duration::from_secs(args.wait),
        dry_run: args.dry_run,
        ..Policy::default()
    }
}

fn list(ui: &Ui, store: &Store) -> Result<Exit, Failure> {
    let blobs = store.list()?;
    if ui.json {
        let blobs = blobs.iter().map(|it| json!({ "blob": it.id.to_string(), "size": it.size }));
        ui.data(json!({ "schema": 1, "blobs": blobs.collect::<Vec<_>>() }));
    } else {
        for it in &blobs {
            ui.data(format!("{:>12} {}", it.size, it.id));
        }
    }
    Ok(Exit::Ok)
}

fn referrers(ui: &Ui, store: &Store, id: BlobId) -> Result<Exit, Failure> {
    let found = store.referrers(id)?;
    let lines: Vec<String> = found
        .iter()
        .map(|it| match it {
            Referrer::Root(name) => format!("root {name}"),
            Referrer::Request(id) => format!("request {id}"),
            Referrer::Action(id) => format!("action {id}"),
        })
        .collect();
    if ui.json {
        ui.data(json!({ "schema": 1, "blob": id.to_string(), "here": store.has(id), "referrers": lines }));
    } else {
        for line in &lines {
            ui.data(line);
        }
        if !store.has(id) {
            ui.note(format!("`{id}` is not here"));
        } else if lines.is_empty() {
            ui.note(format!("nothing names `{id}`"));
        }
    }
    Ok(if store.has(id) { Exit::Ok } else { Exit::Failure })
}

fn show_health(ui: &Ui, health: &Health, repaired: bool) {
    let damaged: Vec<String> = health.damaged.iter().map(ToString::to_string).collect();
    let kinds = [
        ("blob", &damaged),
        ("record", &health.records),
        ("alias", &health.aliases),
        ("root", &health.roots),
    ];
    if ui.json {
        let [blobs, records, aliases, roots] = kinds.map(|(_, list)| list);
        ui.data(json!({
            "schema": 1, "good": health.good, "bytes": health.bytes, "repaired": repaired,
            "damaged": { "blobs": blobs, "records": records, "aliases": aliases, "roots": roots },
        }));
        return;
    }
    for (kind, list) in kinds {
        for it in list {
            ui.data(format!("{kind} {it}"));
        }
    }
    ui.note(format!("{} blobs are good ({})", health.good, human_size(health.bytes)));
    if !health.is_clean() && !repaired {
        ui.note("what is damaged counts as absent; `gabion store verify --repair` moves it to quarantine");
    }
}

fn count(count: Count) -> Value {
    json!({ "files": count.files, "bytes": count.bytes })
}

fn show_usage(ui: &Ui, usage: &Usage) {
    let others = [
        ("unreached", usage.unreached),
        ("downloads", usage.partial),
        ("quarantine", usage.quarantine),
        ("blobs", usage.blobs),
    ];
    if ui.json {
        let roots = usage.roots.iter().map(|it| {
            json!({
                "name": it.name, "reason": it.reason,
                "total": count(it.total), "exclusive": count(it.exclusive),
            })
        });
        let mut value = json!({ "schema": 1, "roots": roots.collect::<Vec<_>>() });
        for (name, it) in others {
            value[name] = count(it);
        }
        ui.data(value);
        return;
    }
    ui.data(format!("{:>11} {:>11}  root", "total", "exclusive"));
    for it in &usage.roots {
        let (total, exclusive) = (human_size(it.total.bytes), human_size(it.exclusive.bytes));
        ui.data(format!("{total:>11} {exclusive:>11}  {}  {}", it.name, it.reason));
    }
    for (name, it) in others {
        ui.data(format!("{:>11} {:>11}  ({name})", human_size(it.bytes), ""));
    }
}

fn show_report(ui: &Ui, report: &Report) {
    if ui.json {
        ui.data(json!({
            "schema": 1, "dry_run": report.dry_run, "alone": report.alone,
            "removed": report.removed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "blobs": count(report.blobs), "records": report.records, "aliases": report.aliases,
            "left_over": count(report.left_over), "kept": count(report.kept),
        }));
        return;
    }
    if report.dry_run {
        for id in &report.removed {
            ui.data(id);
        }
    }
    if !report.alone {
        ui.warning("builds went on all the time: only what nobody used within the last day was removed");
    }
    let verb = if report.dry_run { "would remove" } else { "removed" };
    ui.note(format!(
        "{verb} {} blobs ({}), {} records, {} aliases, {} left-over files ({}); {} blobs stay ({})",
        report.blobs.files,
        human_size(report.blobs.bytes),
        report.records,
        report.aliases,
        report.left_over.files,
        human_size(report.left_over.bytes),
        report.kept.files,
        human_size(report.kept.bytes),
    ));
}
