//! Claims of volumes: which class, and how much of them all.

use super::cursor::Cursor;
use super::{Cluster, Lint, LintKind, bytes};
use crate::document::Document;
use gabion_yaml::Data;
use std::collections::BTreeSet;

/// One claim, wherever it stands.
struct Claim<'d> {
    at: Cursor<'d>,
    class: Option<Cursor<'d>>,
    size: u64,
    /// How many of them there will be.
    times: u64,
}

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    let mut classes: BTreeSet<&str> =
        cluster.of("storage.k8s.io", "StorageClass").map(|it| it.id.name.as_str()).collect();
    if cluster.packaged.iter().any(|it| it == "local-storage") {
        classes.insert("local-path");
    }
    let (mut sum, mut largest) = (0_u64, None::<Claim<'_>>);
    for claim in cluster.documents().flat_map(claims) {
        match claim.class.as_ref().map(|it| (it, it.text().unwrap_or_default())) {
            None => {
                let why = "the claim names no class";
                let known: Vec<&str> = classes.iter().copied().collect();
                let help = format!("name one of those that are there: {}", known.join(", "));
                out.push(claim.at.lint(LintKind::ClaimClass, why).help(help));
            }
            // The empty name asks for a volume that is there already.
            Some((_, "")) => {}
            Some((at, class)) if !classes.contains(class) => {
                let known: Vec<&str> = classes.iter().copied().collect();
                let why = format!("nothing here brings the class `{class}`");
                out.push(
                    at.lint(LintKind::UnknownClass, why).help(format!("there are {}", known.join(", "))),
                );
            }
            Some(_) => {}
        }
        sum = sum.saturating_add(claim.size.saturating_mul(claim.times));
        if largest
            .as_ref()
            .is_none_or(|it| it.size.saturating_mul(it.times) < claim.size.saturating_mul(claim.times))
        {
            largest = Some(claim);
        }
    }
    if let (Some(has), Some(claim)) = (cluster.node.volumes.filter(|has| sum > *has), largest) {
        let why = format!(
            "all claims together are {} MiB, and the host has {} for them; this one is the largest",
            sum >> 20,
            has >> 20
        );
        let help = "make claims smaller, or say how much space there is (`volumes` of `[host.NAME]`)";
        out.push(claim.at.lint(LintKind::ClaimsFull, why).help(help));
    }
}

fn claims(document: &Document) -> Vec<Claim<'_>> {
    let root = Cursor::of(document);
    let Some(spec) = root.key("spec") else { return Vec::new() };
    let times = spec.key("replicas").and_then(|it| whole(&it)).unwrap_or(1);
    let id = &document.id;
    if id.is("", "PersistentVolumeClaim") {
        return vec![claim(&spec, 1)];
    }
    if id.is("apps", "StatefulSet") {
        let templates = spec.each("volumeClaimTemplates");
        return templates.iter().filter_map(|it| it.key("spec")).map(|it| claim(&it, times)).collect();
    }
    if id.group == "monitoring.coreos.com" {
        return spec
            .keys(&["storage", "volumeClaimTemplate", "spec"])
            .iter()
            .map(|it| claim(it, times))
            .collect();
    }
    if id.group == "kafka.strimzi.io" {
        let places: [(&[&str], u64); 3] = [
            (&["storage"], times),
            (&["kafka", "storage"], replicas(&spec, "kafka")),
            (&["zookeeper", "storage"], replicas(&spec, "zookeeper")),
        ];
        let found = places.iter().filter_map(|(keys, times)| Some((spec.keys(keys)?, *times)));
        return found.flat_map(|(it, times)| strimzi(&it, times)).collect();
    }
    Vec::new()
}

fn replicas(spec: &Cursor<'_>, key: &str) -> u64 {
    spec.keys(&[key, "replicas"]).and_then(|it| whole(&it)).unwrap_or(1)
}

fn whole(at: &Cursor<'_>) -> Option<u64> {
    match &at.node.data {
        Data::Int(it) => u64::try_from(*it).ok(),
        #[expect(clippy::cast_sign_loss, reason = "it is looked at")]
        Data::Float(it) if *it >= 0.0 => Some(*it as u64),
        _ => None,
    }
}

/// The `spec` of a claim of Kubernetes.
fn claim<'d>(spec: &Cursor<'d>, times: u64) -> Claim<'d> {
    let size = spec.keys(&["resources", "requests", "storage"]).and_then(|it| bytes(it.text()?)).unwrap_or(0);
    // `null` and nothing are the same; the empty text is not.
    Claim { class: spec.key("storageClassName"), size, times, at: spec.clone() }
}

/// Strimzi's `storage`: one claim, or several (`jbod`).
fn strimzi<'d>(storage: &Cursor<'d>, times: u64) -> Vec<Claim<'d>> {
    match storage.text_of("type") {
        Some("jbod") => storage.each("volumes").iter().flat_map(|it| strimzi(it, times)).collect(),
        Some("persistent-claim") => {
            let size = storage.text_of("size").and_then(bytes).unwrap_or(0);
            vec![Claim { class: storage.key("class"), size, times, at: storage.clone() }]
        }
        _ => Vec::new(),
    }
}
