//! Kinds and versions of APIs, and programs that talk to the API server.

use super::cursor::{containers, pod_spec};
use super::{Cluster, Lint, LintKind};
use crate::document::Document;
use crate::schema::{Served, served};
use crate::scope::{Scopes, is_builtin, is_definition};
use gabion_oci::Reference;
use gabion_yaml::{Data, Node};

/// What became of kinds whose group is gone (kubernetes.io, "Deprecated API Migration Guide").
const MOVED: [(&str, &str, &str); 8] = [
    ("extensions", "DaemonSet", "apps/v1"),
    ("extensions", "Deployment", "apps/v1"),
    ("extensions", "Ingress", "networking.k8s.io/v1"),
    ("extensions", "NetworkPolicy", "networking.k8s.io/v1"),
    ("extensions", "ReplicaSet", "apps/v1"),
    ("extensions", "PodSecurityPolicy", ""),
    ("policy", "PodSecurityPolicy", ""),
    ("auditregistration.k8s.io", "AuditSink", ""),
];

pub(super) fn look(cluster: &Cluster<'_>, scopes: &Scopes, out: &mut Vec<Lint>) {
    for document in cluster.documents() {
        if is_builtin(&document.id.group) || MOVED.iter().any(|it| it.0 == document.id.group) {
            out.extend(of_kubernetes(cluster, document));
        } else {
            out.extend(custom(cluster, scopes, document));
        }
        if let Some(spec) = pod_spec(document) {
            for container in containers(&spec) {
                let Some(image) = container.key("image") else { continue };
                if let Some(minor) =
                    image.text().and_then(kubectl).filter(|it| it.abs_diff(cluster.minor) > 1)
                {
                    let why = format!("its kubectl is of 1.{minor}, and the cluster is 1.{}", cluster.minor);
                    let help = format!("take an image with kubectl 1.{}", cluster.minor);
                    out.push(image.lint(LintKind::Skew, why).help(help));
                }
            }
        }
    }
}

fn of_kubernetes(cluster: &Cluster<'_>, document: &Document) -> Option<Lint> {
    let (api, kind) = (&document.api_version, &document.id.kind);
    let known = |it: &&String| it.rsplit_once('/').is_some_and(|(a, k)| a == api && k == kind);
    match served(cluster.minor, document) {
        Served::Yes => {
            let version = api.rsplit('/').next().unwrap_or_default();
            let off = (version.contains("alpha") || version.contains("beta")) && !cluster.runtime_config;
            let why = format!("`{api}` is not served unless the API server is told to");
            let help = format!(
                "use a stable version, or add `kube-apiserver-arg = [\"runtime-config={api}=true\"]` to the configuration of K3s"
            );
            off.then(|| Lint::about(LintKind::ApiOff, document, why).help(help))
        }
        _ if cluster.serves.iter().any(|it| known(&it)) => None,
        Served::Other(versions) => {
            let why = format!("Kubernetes 1.{} does not serve `{kind}` in `{api}`", cluster.minor);
            Some(Lint::about(LintKind::RemovedApi, document, why).help(instead(versions.last())))
        }
        Served::Never => {
            if let Some(moved) = MOVED.iter().find(|it| it.0 == document.id.group && it.1 == kind) {
                let why = format!("Kubernetes does not serve `{kind}` in `{api}` any more");
                let next = Some(&moved.2).filter(|it| !it.is_empty());
                return Some(Lint::about(LintKind::RemovedApi, document, why).help(instead(next)));
            }
            let why = format!("`{api}` has no kind `{kind}`");
            Some(
                Lint::about(LintKind::UnknownKind, document, why)
                    .help("check the spelling of `apiVersion` and `kind`"),
            )
        }
    }
}

fn instead(api: Option<&&str>) -> String {
    api.map_or_else(
        || "there is nothing in its place: take it out".to_owned(),
        |it| format!("write `apiVersion: {it}`"),
    )
}

fn custom(cluster: &Cluster<'_>, scopes: &Scopes, document: &Document) -> Option<Lint> {
    let (api, kind) = (&document.api_version, &document.id.kind);
    if scopes.get(&document.id).is_some() {
        let version = api.rsplit('/').next().unwrap_or_default();
        let there = versions(cluster, document);
        if there.iter().any(|it| it == version) {
            return None;
        }
        let why = format!("the definition of `{kind}` has no version `{version}`");
        let help = format!("it has {}", there.join(", "));
        return Some(Lint::about(LintKind::UnknownKind, document, why).help(help));
    }
    let name = format!("{api}/{kind}");
    if cluster.serves.contains(&name) {
        return None;
    }
    let why = format!("nothing here defines `{kind}` of `{api}`");
    let help = "deploy what brings its `CustomResourceDefinition` in the same bundle, before it";
    Some(Lint::about(LintKind::UnknownKind, document, why).help(help))
}

/// The versions that definitions serve of the kind of a document.
fn versions(cluster: &Cluster<'_>, document: &Document) -> Vec<String> {
    let is_it = |it: &&Document| {
        is_definition(&it.id)
            && it.text_of(&["spec", "group"]) == Some(&document.id.group)
            && it.text_of(&["spec", "names", "kind"]) == Some(&document.id.kind)
    };
    let served = |it: &&Node| it.get("served").is_none_or(|it| it.data != Data::Bool(false));
    let of = |it: &Document| match it.field(&["spec", "versions"]).map(|it| &it.data) {
        Some(Data::List(list)) => {
            list.iter().filter(served).filter_map(|it| it.get("name")?.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    cluster.documents().filter(is_it).flat_map(of).collect()
}

/// The minor version of the kubectl in an image that is called after it.
fn kubectl(image: &str) -> Option<u32> {
    let reference: Reference = image.parse().ok()?;
    let name = reference.name().to_string();
    let last = name.rsplit('/').next()?;
    if !matches!(last, "kubectl" | "hyperkube") {
        return None;
    }
    let mut numbers = reference.tag()?.trim_start_matches('v').split('.');
    (numbers.next()? == "1").then(|| numbers.next()?.parse().ok())?
}
