//! Answers as people and programs read them.

use super::install::Installed;
use super::run::Answer;
use crate::apply::Report;
use crate::disk;
use crate::live::{Outcome, Plan, Status};
use gabion_bundle::{Mode, Promoted, Time};
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn outcome(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Nothing(number) => Answer::new(
            format!("generation {number} is in force already"),
            json!({"schema": 1, "outcome": "nothing", "generation": number}),
        ),
        Outcome::Settled(number) => Answer::new(
            format!("generation {number} is in force"),
            json!({"schema": 1, "outcome": "settled", "generation": number}),
        ),
        Outcome::Waits { generation, until } => {
            let moment = Time::from_unix(*until).map_or_else(|| until.to_string(), |it| it.to_string());
            Answer::new(
                format!(
                    "generation {generation} is in force until {moment}, unless `gabion host confirm` keeps it"
                ),
                json!({"schema": 1, "outcome": "waits", "generation": generation, "until": moment}),
            )
        }
        Outcome::Restarts(number) => Answer::new(
            format!("the host starts again, into generation {number}"),
            json!({"schema": 1, "outcome": "restarts", "generation": number}),
        ),
    }
}

/// Lines under a heading, where there are any.
fn section(out: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{heading}");
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

pub(super) fn plan(plan: &Plan) -> String {
    let report = &plan.report;
    let mut out = String::new();
    let from = report
        .from
        .as_ref()
        .map_or("nothing".to_owned(), |(number, digest)| format!("generation {number} ({digest})"));
    let _ = writeln!(out, "from   {from}\nto     {} {}", report.name, report.to);
    if let Some((before, after)) = &report.k3s {
        let shown = |it: &Option<String>| it.clone().unwrap_or_else(|| "none".to_owned());
        let _ = writeln!(out, "K3s    {} -> {}", shown(before), shown(after));
    }
    if let Some((before, after)) = report.mode {
        let shown = |it: Option<Mode>| it.map_or("pulls from anywhere", Mode::name);
        let _ = writeln!(out, "mode   {} -> {}", shown(before), shown(after));
    }
    if let Some(slot) = &report.system.slot {
        let _ = writeln!(out, "system another one, on the slot `{slot}`");
        match &report.system.packages {
            Some(packages) => {
                let lines: Vec<String> = packages.iter().map(ToString::to_string).collect();
                section(&mut out, "packages of the system", &lines);
            }
            None => out.push_str("  nobody says which packages it has\n"),
        }
    }
    let objects =
        |sign: &str, names: &[String]| names.iter().map(|it| format!("{sign} {it}")).collect::<Vec<_>>();
    section(&mut out, &format!("files ({} bytes)", report.bytes), &report.files);
    section(
        &mut out,
        "images",
        &[objects("+", &report.new_images), objects("-", &report.old_images)].concat(),
    );
    let all = [
        objects("+", &report.new_objects),
        objects("~", &report.changed_objects),
        objects("-", &report.gone_objects),
    ];
    section(&mut out, "objects", &all.concat());
    section(&mut out, "drift, which is put right", &report.drift);
    section(&mut out, "stands still meanwhile", &report.downtime);
    section(&mut out, "ONE WAY: going back does not bring back", &report.one_way);
    if report.is_empty() {
        out.push_str("nothing to do\n");
    }
    let _ = write!(out, "plan   {}", plan.id);
    out
}

pub(super) fn status(status: &Status) -> Answer {
    let mut out = String::new();
    match &status.generation {
        Some(it) => {
            let serial = it.serial.map(|it| format!(", serial {it}")).unwrap_or_default();
            let _ = writeln!(out, "generation {}: {} {}{serial}", it.number, it.name, it.bundle);
            let _ = writeln!(
                out,
                "K3s {}, {} images, {} objects",
                it.k3s.as_deref().unwrap_or("none"),
                it.images.len(),
                it.objects.len()
            );
            if let Some(mode) = it.mode {
                let _ = writeln!(out, "{}", mode.name());
            }
        }
        None => out.push_str("no generation is in force\n"),
    }
    if let Some(slot) = &status.slot {
        let _ = writeln!(out, "slot {slot}");
    }
    if let Some(change) = &status.change {
        let back = if change.back.is_some() { " (the way back)" } else { "" };
        let _ = writeln!(out, "on the way to generation {}{back}: {}", change.to, change.step);
    }
    let drift: Vec<String> = status.drift.iter().map(|it| format!("/{it}")).collect();
    section(&mut out, "drift", &drift);
    section(&mut out, "not healthy", &status.wrong);
    let good = status.drift.is_empty() && status.wrong.is_empty() && status.change.is_none();
    let _ = write!(out, "{}", if good { "healthy" } else { "look at what is named above" });
    Answer::new(out, json!({"schema": 1, "status": status, "good": good}))
}

/// How much was written, in a line.
pub(super) fn wrote(report: &Report, dry: bool) -> String {
    let verb = if dry { "would write" } else { "wrote" };
    let (files, removed) = (report.changed(), report.removed.len());
    format!(
        "{verb} {files} files ({} bytes), removed {removed}, {} were right already",
        report.bytes, report.unchanged
    )
}

fn promoted(promoted: &Promoted) -> serde_json::Value {
    let it = &promoted.promotion;
    json!({
        "bundle": it.bundle.to_string(),
        "name": it.name,
        "channel": it.channel,
        "serial": it.serial,
        "hosts": it.hosts.to_string().split(' ').collect::<Vec<_>>(),
        "root_version": it.root_version,
        "date": it.date.to_string(),
        "signers": promoted.signers,
    })
}

/// What an install into a root did.
pub(super) fn installed(installed: &Installed, dry: bool) -> Answer {
    let report = &installed.report;
    let mut lines: Vec<String> = report.written.iter().map(|path| format!("+ /{path}")).collect();
    let kept = |path: &String, words: &str| {
        report.kept.get(path).map_or(String::new(), |kept| format!(" ({words} as /{kept})"))
    };
    lines.extend(report.replaced.iter().map(|path| format!("~ /{path}{}", kept(path, "kept"))));
    lines.extend(report.folders.iter().map(|path| format!("~ /{path}/ (owner)")));
    lines.extend(report.removed.iter().map(|path| format!("- /{path}{}", kept(path, "older file kept"))));
    let json = json!({
        "schema": 1,
        "digest": installed.digest.to_string(),
        "promotion": installed.promotion.as_ref().map(promoted),
        "root_version": installed.root_version,
        "dry_run": dry,
        "written": report.written,
        "replaced": report.replaced,
        "kept": report.kept,
        "folders": report.folders,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "bytes": report.bytes,
    });
    Answer::new(lines.join("\n"), json)
}

/// What an install onto a disk did.
pub(super) fn disk(report: &disk::Report, dry: bool) -> Answer {
    let verb = if dry { "would install" } else { "installed" };
    let text = format!("{verb} onto {}, slot {}", report.disk.path, report.slot);
    Answer::new(text, json!({"schema": 1, "dry_run": dry, "disk": report}))
}
