//! `doctor sandbox`: what this machine lets a build step do, tried out.

use super::args::DoctorCommand;
use super::ui::Ui;
use crate::exit::Exit;
use gabion_sandbox::{Finding, Ids, Report, Tier};
use serde_json::{Value, json};

/// Ends well where every step of a build can run here.
pub(super) fn run(ui: &Ui, command: &DoctorCommand) -> Exit {
    let DoctorCommand::Sandbox = command;
    let report = gabion_sandbox::probe();
    if ui.json {
        ui.data(as_json(&report));
    } else {
        as_text(ui, &report);
    }
    if report.is_enough() { Exit::Ok } else { Exit::Failure }
}

fn as_text(ui: &Ui, report: &Report) {
    ui.data(format!("walls {}: {}", report.tier, walls(report.tier)));
    ui.data(format!("ids {}", report.ids.map_or("none: no root file system can be made".into(), ids)));
    for Finding { what, code, message, help } in &report.findings {
        ui.data(format!("{what}: {message} ({code})"));
        for line in help.iter().flat_map(|help| help.lines()) {
            ui.data(format!("  help: {line}"));
        }
    }
}

const fn walls(tier: Tier) -> &'static str {
    match tier {
        Tier::S0 => "none; steps that run programs are refused",
        Tier::S1 => {
            "Landlock and a filter of system calls, no namespaces; steps that run programs are refused"
        }
        Tier::S2 => "namespaces, a root of its own, a filter of system calls",
        Tier::S3 => "namespaces, a root of its own, a filter of system calls, Landlock",
    }
}

fn ids(ids: Ids) -> String {
    match ids {
        Ids::Root => "of root itself".into(),
        Ids::Same => "of root itself, in a user namespace".into(),
        Ids::Subordinate { uids, gids } => format!("subordinate, users from {uids}, groups from {gids}"),
    }
}

fn as_json(report: &Report) -> Value {
    let ids = report.ids.map(|ids| match ids {
        Ids::Root => json!({ "way": "root" }),
        Ids::Same => json!({ "way": "same" }),
        Ids::Subordinate { uids, gids } => json!({ "way": "subordinate", "uids": uids, "gids": gids }),
    });
    let findings = report.findings.iter().map(
        |it| json!({ "what": it.what.to_string(), "code": it.code, "message": it.message, "help": it.help }),
    );
    json!({
        "schema": 1,
        "tier": report.tier.to_string(),
        "ids": ids,
        "findings": findings.collect::<Vec<_>>(),
        "enough": report.is_enough(),
    })
}
