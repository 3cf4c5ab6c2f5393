//! Programs that grow, and whether the node is large enough for them.

use super::cursor::{Cursor, pod_spec};
use super::{Cluster, Lint, LintKind, bytes, milli};
use crate::document::Document;
use crate::id::ObjectId;
use gabion_yaml::Data;
use std::collections::BTreeMap;

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    let served = cluster.packaged.iter().any(|it| it == "metrics-server")
        || cluster
            .of("apiregistration.k8s.io", "APIService")
            .any(|it| it.id.name.ends_with(".metrics.k8s.io"));
    let mut most: BTreeMap<&ObjectId, u64> = BTreeMap::new();
    for scaler in cluster.documents().filter(|it| it.id.is("autoscaling", "HorizontalPodAutoscaler")) {
        let root = Cursor::of(scaler);
        let Some(spec) = root.key("spec") else { continue };
        let target = target(cluster, scaler, &spec, out);
        if let (Some(target), Some(max)) = (target, spec.key("maxReplicas").and_then(|it| whole(&it))) {
            most.insert(&target.id, max);
        }
        let asked = asked(&spec);
        if let Some((at, name, _)) = asked.first().filter(|_| !served) {
            let why = format!("nothing here tells how much {name} a pod uses");
            let help =
                "take `metrics-server` out of `disable` of K3s, or deploy what serves `metrics.k8s.io`";
            out.push(at.lint(LintKind::ScaleMetrics, why).help(help));
        }
        let Some(pod) = target.and_then(pod_spec) else { continue };
        for (at, name, _) in asked.iter().filter(|it| it.2) {
            let lacks = |it: &&Cursor<'_>| {
                ["requests", "limits"].iter().all(|kind| it.keys(&["resources", kind, name]).is_none())
            };
            if let Some(container) = pod.each("containers").iter().find(lacks) {
                let who = super::cursor::name(container);
                let why =
                    format!("it aims at a share of the {name} that `{who}` requests, and that requests none");
                let help = format!("write `resources: {{requests: {{{name}: …}}}}` for `{who}`");
                out.push(at.lint(LintKind::ScaleRequests, why).help(help));
            }
        }
    }
    fits(cluster, &most, out);
}

fn whole(at: &Cursor<'_>) -> Option<u64> {
    match &at.node.data {
        Data::Int(it) => u64::try_from(*it).ok(),
        Data::Uint(it) => Some(*it),
        #[expect(clippy::cast_sign_loss, reason = "it is looked at")]
        Data::Float(it) if *it >= 0.0 => Some(*it as u64),
        _ => None,
    }
}

/// The program that is to grow.
fn target<'d>(
    cluster: &Cluster<'d>,
    scaler: &Document,
    spec: &Cursor<'_>,
    out: &mut Vec<Lint>,
) -> Option<&'d Document> {
    let at = spec.key("scaleTargetRef")?;
    let (kind, name) = (at.text_of("kind")?, at.text_of("name")?);
    let group = at.text_of("apiVersion").and_then(|it| it.rsplit_once('/')).map_or("", |it| it.0);
    let is_it = |it: &&Document| {
        it.id.is(group, kind) && it.id.name == name && it.id.namespace == scaler.id.namespace
    };
    let found = cluster.documents().find(is_it);
    if found.is_none() {
        let why = format!("there is no {kind} `{name}` in its namespace");
        out.push(
            at.lint(LintKind::ScaleTarget, why).help("name what the bundle deploys, with its `apiVersion`"),
        );
    }
    found
}

/// The figures of CPU and memory that are asked for; whether as a share of what is requested.
fn asked<'d>(spec: &Cursor<'d>) -> Vec<(Cursor<'d>, &'d str, bool)> {
    let mut out = Vec::new();
    // autoscaling/v1 knows one figure, and 80 percent where nothing is said.
    if spec.key("metrics").is_none() {
        let at = spec.key("targetCPUUtilizationPercentage").unwrap_or_else(|| spec.clone());
        out.push((at, "cpu", true));
    }
    for metric in spec.each("metrics") {
        for key in ["resource", "containerResource"] {
            let Some(resource) = metric.key(key) else { continue };
            let share = resource.keys(&["target", "averageUtilization"]).is_some();
            out.extend(resource.text_of("name").map(|name| (metric.clone(), name, share)));
        }
    }
    out
}

/// What the containers of a pod request.
fn requested(spec: &Cursor<'_>) -> (u64, u64) {
    let mut all = (0_u64, 0_u64);
    for container in spec.each("containers") {
        let of = |name: &str| {
            let at =
                ["requests", "limits"].iter().find_map(|kind| container.keys(&["resources", kind, name]))?;
            match &at.node.data {
                Data::String(text) => Some(text.clone()),
                _ => whole(&at).map(|it| it.to_string()),
            }
        };
        all.0 = all.0.saturating_add(of("cpu").and_then(|it| milli(&it)).unwrap_or(0));
        all.1 = all.1.saturating_add(of("memory").and_then(|it| bytes(&it)).unwrap_or(0));
    }
    all
}

fn fits(cluster: &Cluster<'_>, most: &BTreeMap<&ObjectId, u64>, out: &mut Vec<Lint>) {
    let (mut cpu, mut memory, mut largest) = (0_u64, 0_u64, (0_u64, None));
    let runs = |it: &&Document| it.id.group == "apps" || it.id.is("", "Pod");
    for document in cluster.documents().filter(runs) {
        let Some(spec) = pod_spec(document) else { continue };
        let replicas =
            Cursor::of(document).keys(&["spec", "replicas"]).and_then(|it| whole(&it)).unwrap_or(1);
        let replicas = most.get(&document.id).copied().unwrap_or(replicas);
        let (one_cpu, one_memory) = requested(&spec);
        cpu = cpu.saturating_add(one_cpu.saturating_mul(replicas));
        memory = memory.saturating_add(one_memory.saturating_mul(replicas));
        let weight = one_memory.saturating_mul(replicas).max(one_cpu.saturating_mul(replicas) << 20);
        if weight >= largest.0 {
            largest = (weight, Some(document));
        }
    }
    let Some(document) = largest.1 else { return };
    let mut tell = |what: String| {
        let why = format!("all programs together, each at its largest, request {what}; this one the most");
        let help = "lower `maxReplicas` or requests, or say the node's real size in `[host.NAME]`";
        out.push(Lint::about(LintKind::NodeFull, document, why).help(help));
    };
    if let Some(has) = cluster.node.milli_cpu.filter(|has| cpu > *has) {
        tell(format!("{cpu}m of CPU, and the node has {has}m"));
    }
    if let Some(has) = cluster.node.memory.filter(|has| memory > *has) {
        tell(format!("{} MiB of memory, and the node has {}", memory >> 20, has >> 20));
    }
}
