//! Which programs serve which kinds: told by what their accounts may watch, and by the services that the
//! API server is told to ask.

use crate::document::{Document, field};
use crate::id::ObjectId;
use crate::pods::{self, items, texts};
use crate::scope::{Scopes, is_definition};
use gabion_yaml::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Namespace and name.
pub(super) type Named = (String, String);

/// Groups of kinds, by the number of the document of the program that serves them.
#[derive(Debug, Default)]
pub(super) struct Providers {
    pub(super) groups: BTreeMap<usize, BTreeSet<String>>,
    /// The programs behind what the API server asks, by the number of the document that says so.
    pub(super) asked: BTreeMap<usize, BTreeSet<usize>>,
}

impl Providers {
    pub(super) fn of(documents: &[Document], scopes: &Scopes) -> Self {
        let known: BTreeSet<&str> = scopes.iter().map(|((group, _), _)| group.as_str()).collect();
        let accounts = accounts(documents, &known);
        let workloads: Vec<(usize, &Document)> =
            documents.iter().enumerate().filter(|(_, it)| pods::is_workload(&it.id)).collect();
        let mut out = Self::default();
        for (number, workload) in &workloads {
            if let Some(groups) = account(workload).and_then(|it| accounts.get(&it)) {
                out.groups.entry(*number).or_default().extend(groups.iter().cloned());
            }
        }
        let services: BTreeMap<Named, &Document> =
            documents.iter().filter(|it| it.id.is("", "Service")).map(|it| (named(&it.id), it)).collect();
        for (number, document) in documents.iter().enumerate() {
            for service in asked(document).iter().filter_map(|it| services.get(it)) {
                let behind =
                    workloads.iter().filter(|(_, it)| selects(service, it)).map(|(number, _)| *number);
                for workload in behind {
                    out.asked.entry(number).or_default().insert(workload);
                    let groups = out.groups.entry(workload).or_default();
                    groups.extend(is_definition(&document.id).then(|| group(document)).flatten());
                }
            }
        }
        out
    }
}

fn named(id: &ObjectId) -> Named {
    (id.namespace.clone().unwrap_or_default(), id.name.clone())
}

fn group(definition: &Document) -> Option<String> {
    definition.text_of(&["spec", "group"]).map(str::to_owned)
}

/// The account of a program's pods.
fn account(workload: &Document) -> Option<Named> {
    let spec = pods::pod(workload)?.get("spec")?;
    let name = spec.get("serviceAccountName").or_else(|| spec.get("serviceAccount")).and_then(Node::as_str);
    Some((workload.id.namespace.clone().unwrap_or_default(), name.unwrap_or("default").to_owned()))
}

/// What accounts may watch of the `known` groups.
fn accounts(documents: &[Document], known: &BTreeSet<&str>) -> BTreeMap<Named, BTreeSet<String>> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    let mut roles = Roles::new();
    for role in documents.iter().filter(|it| it.id.is(RBAC, "Role") || it.id.is(RBAC, "ClusterRole")) {
        let groups = items(role.node.get("rules")).iter().filter(|rule| may_watch(rule));
        let groups = groups.flat_map(|rule| texts(rule.get("apiGroups")).flat_map(|it| meant(it, known)));
        roles.insert((&role.id.kind, named(&role.id)), groups.map(str::to_owned).collect());
    }
    aggregate(documents, &mut roles);
    let mut out: BTreeMap<Named, BTreeSet<String>> = BTreeMap::new();
    for binding in documents.iter().filter(|it| it.id.group == RBAC && it.id.kind.ends_with("Binding")) {
        let kind = binding.text_of(&["roleRef", "kind"]).unwrap_or_default();
        let name = binding.text_of(&["roleRef", "name"]).unwrap_or_default();
        let own = binding.id.namespace.clone().unwrap_or_default();
        let home = if kind == "Role" { own.clone() } else { String::new() };
        let all = || known.iter().map(|it| (*it).to_owned()).collect();
        let groups = match roles.get(&(kind, (home, name.to_owned()))) {
            Some(groups) => groups.clone(),
            // The one role of Kubernetes' own that may watch every kind.
            None if name == "cluster-admin" => all(),
            None => continue,
        };
        for subject in items(binding.node.get("subjects")) {
            let text = |key: &str| subject.get(key).and_then(Node::as_str).unwrap_or_default();
            if text("kind") == "ServiceAccount" {
                let home = if text("namespace").is_empty() { own.as_str() } else { text("namespace") };
                out.entry((home.to_owned(), text("name").to_owned()))
                    .or_default()
                    .extend(groups.iter().cloned());
            }
        }
    }
    out.retain(|_, groups| !groups.is_empty());
    out
}

/// What roles may watch, by kind and name.
type Roles<'d> = BTreeMap<(&'d str, Named), BTreeSet<String>>;

/// Adds to roles that are made of others (`aggregationRule`) what those may watch.
fn aggregate<'d>(documents: &'d [Document], roles: &mut Roles<'d>) {
    let parts = roles.clone();
    let of = |role: &'d Document| (role.id.kind.as_str(), named(&role.id));
    for whole in documents.iter().filter(|it| it.field(&["aggregationRule"]).is_some()) {
        let selectors = items(whole.field(&["aggregationRule", "clusterRoleSelectors"]));
        let labels = selectors.iter().filter_map(|it| it.get("matchLabels"));
        for selector in labels {
            let chosen = |it: &&Document| {
                it.id.kind == "ClusterRole" && has_all(selector, it.field(&["metadata", "labels"]))
            };
            let groups = documents.iter().filter(chosen).filter_map(|it| parts.get(&of(it))).flatten();
            roles.entry(of(whole)).or_default().extend(groups.cloned());
        }
    }
}

fn may_watch(rule: &Node) -> bool {
    texts(rule.get("verbs")).any(|verb| verb == "watch" || verb == "*")
}

fn meant<'k>(group: &str, known: &BTreeSet<&'k str>) -> Vec<&'k str> {
    known.iter().filter(|it| group == "*" || group == **it).copied().collect()
}

/// The services that a document makes the API server ask.
fn asked(document: &Document) -> Vec<Named> {
    let service = |node: &Node, keys: &[&str]| {
        let service = field(node, keys)?;
        let text = |key: &str| service.get(key).and_then(Node::as_str).map(str::to_owned);
        Some((text("namespace").unwrap_or_default(), text("name")?))
    };
    let one = |keys: &[&str]| service(&document.node, keys).into_iter().collect();
    match document.id.kind.as_str() {
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
            let webhooks = items(document.node.get("webhooks")).iter();
            webhooks.filter_map(|it| service(it, &["clientConfig", "service"])).collect()
        }
        "CustomResourceDefinition" => one(&["spec", "conversion", "webhook", "clientConfig", "service"]),
        "APIService" => one(&["spec", "service"]),
        _ => Vec::new(),
    }
}

/// Whether a service leads to the pods of a program.
fn selects(service: &Document, workload: &Document) -> bool {
    let labels = pods::pod(workload).and_then(|pod| field(pod, &["metadata", "labels"]));
    let selector = service.field(&["spec", "selector"]);
    service.id.namespace == workload.id.namespace && selector.is_some_and(|it| has_all(it, labels))
}

/// Whether labels have all that a selector asks for, which is not nothing.
fn has_all(selector: &Node, labels: Option<&Node>) -> bool {
    let Data::Map(selector) = &selector.data else { return false };
    let has = |(key, value): (&String, &Node)| {
        labels.and_then(|it| it.get(key)).is_some_and(|it| it.data == value.data)
    };
    !selector.is_empty() && selector.iter().all(has)
}
