//! How programs of one's own are looked after.

use super::cursor::{Cursor, name, pod_spec};
use super::{Cluster, Lint, LintKind};
use crate::document::Document;
use std::collections::BTreeSet;

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    // A `LimitRange` gives requests and limits to whoever has none.
    let ranged: BTreeSet<_> = cluster.of("", "LimitRange").map(|it| &it.id.namespace).collect();
    for document in cluster.own() {
        let Some(spec) = pod_spec(document).filter(|_| document.id.kind != "PodTemplate") else { continue };
        for container in spec.each("containers") {
            if runs_on(document) {
                out.extend(probes(&container));
            }
            if !ranged.contains(&document.id.namespace) {
                out.extend(requests(&container));
                out.extend(limits(&container));
            }
        }
    }
}

/// Whether the pods of an object are to run until somebody ends them.
fn runs_on(document: &Document) -> bool {
    document.id.group == "apps"
}

fn probes(container: &Cursor<'_>) -> Option<Lint> {
    let mut missing = Vec::new();
    if container.key("livenessProbe").is_none() {
        missing.push("livenessProbe");
    }
    // Who has no ports is sent nothing.
    if container.key("readinessProbe").is_none() && !container.each("ports").is_empty() {
        missing.push("readinessProbe");
    }
    let first = missing.first()?;
    let why = format!("`{}` has no `{}`", name(container), missing.join("` and no `"));
    let help = format!(
        "write one that asks the program itself, `{first}: {{httpGet: {{path: /healthz, port: http}}}}`"
    );
    Some(container.lint(LintKind::Probes, why).help(help))
}

fn has(container: &Cursor<'_>, keys: [&str; 2]) -> bool {
    container.keys(&["resources", keys[0], keys[1]]).is_some()
}

fn requests(container: &Cursor<'_>) -> Option<Lint> {
    // A limit without a request is a request too.
    let lacks = |it: &&str| !has(container, ["requests", it]) && !has(container, ["limits", it]);
    let missing: Vec<&str> = ["cpu", "memory"].into_iter().filter(lacks).collect();
    if missing.is_empty() {
        return None;
    }
    let why = format!("`{}` requests no {}", name(container), missing.join(" and no "));
    Some(
        container
            .lint(LintKind::Requests, why)
            .help("write `resources: {requests: {cpu: 100m, memory: 128Mi}}`"),
    )
}

fn limits(container: &Cursor<'_>) -> Option<Lint> {
    if has(container, ["limits", "memory"]) {
        return None;
    }
    let why = format!("`{}` may take all of the node's memory", name(container));
    Some(container.lint(LintKind::Limits, why).help("write `resources: {limits: {memory: 256Mi}}`"))
}
