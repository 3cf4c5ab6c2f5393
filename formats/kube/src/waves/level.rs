//! Rounds: a provider that needs what another one makes waits for that one and for the objects that ask for it.
//!
//! The one such need that documents tell is a secret (a certificate): a program mounts it, no document is it,
//! and a custom resource says that it will make it.

use super::place::{self, Place};
use super::provide::Providers;
use crate::document::{Document, field};
use crate::id::ObjectId;
use crate::pods::{self, items};
use crate::scope::{Scopes, is_builtin};
use gabion_yaml::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// The round of every document.
#[derive(Debug, Default)]
pub(super) struct Levels {
    rounds: BTreeMap<usize, i64>,
    providers: BTreeSet<usize>,
    pub(super) circles: Vec<ObjectId>,
}

impl Levels {
    pub(super) fn of(documents: &[Document], scopes: &Scopes) -> Self {
        let providers = Providers::of(documents, scopes);
        let order = in_order(documents);
        let mut graph = Graph {
            documents,
            needs: needs(documents, &providers, &order),
            serves: serves(documents, &providers),
            done: BTreeMap::new(),
            open: BTreeSet::new(),
            circles: BTreeSet::new(),
        };
        for number in &order {
            graph.round(*number);
        }
        let mut rounds = graph.done;
        let circles = graph.circles.into_iter().collect();
        let last = rounds.values().copied().max().unwrap_or_default();
        for (number, document) in documents.iter().enumerate() {
            let served = graph.serves.contains_key(document.id.group.as_str());
            match place::of(&document.id) {
                Place::Webhook => {
                    let behind = providers.asked.get(&number).into_iter().flatten();
                    rounds.insert(number, behind.map(|it| rounds[it]).max().unwrap_or(last));
                }
                Place::Workload if !providers.groups.contains_key(&number) => {
                    rounds.insert(number, last);
                }
                Place::Other if !served => {
                    rounds.insert(number, last);
                }
                _ => {}
            }
        }
        Self { rounds, providers: providers.groups.into_keys().collect(), circles }
    }

    pub(super) fn get(&self, number: usize) -> i64 {
        self.rounds.get(&number).copied().unwrap_or_default()
    }

    pub(super) fn is_provider(&self, number: usize) -> bool {
        self.providers.contains(&number)
    }
}

/// The numbers of documents, in the order of their objects: circles are cut alike in any order of documents.
fn in_order(documents: &[Document]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|number| (&documents[*number].id, &documents[*number].from));
    order
}

fn serves<'d>(documents: &[Document], providers: &'d Providers) -> BTreeMap<&'d str, Vec<usize>> {
    let mut out: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for number in in_order(documents) {
        for group in providers.groups.get(&number).into_iter().flatten() {
            out.entry(group).or_default().push(number);
        }
    }
    out
}

/// The custom resources that make the secrets of each provider.
fn needs(documents: &[Document], providers: &Providers, order: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let named = |document: &Document, name: &str| (document.id.namespace.clone(), name.to_owned());
    let mut makers: BTreeMap<(Option<String>, String), usize> = BTreeMap::new();
    for number in order {
        let document = &documents[*number];
        for name in makes(document) {
            makers.entry(named(document, name)).or_insert(*number);
        }
    }
    for secret in documents.iter().filter(|it| it.id.is("", "Secret")) {
        makers.remove(&named(secret, &secret.id.name));
    }
    let of = |number: &usize| {
        let document = &documents[*number];
        let wanted = secrets(document).into_iter();
        (*number, wanted.filter_map(|it| makers.get(&named(document, it)).copied()).collect())
    };
    providers.groups.keys().map(of).collect()
}

/// The secrets that a custom resource makes: cert-manager's certificates, External Secrets, sealed secrets,
/// users of Strimzi.
fn makes(document: &Document) -> Vec<&str> {
    if is_builtin(&document.id.group) {
        return Vec::new();
    }
    let fields = [&["spec", "secretName"], &["spec", "target"]];
    let told = fields.iter().find_map(|keys| {
        let node = document.field(*keys)?;
        node.as_str().or_else(|| node.get("name").and_then(Node::as_str))
    });
    let own = matches!(document.id.kind.as_str(), "SealedSecret" | "ExternalSecret" | "KafkaUser");
    told.or(own.then_some(document.id.name.as_str())).into_iter().collect()
}

/// The secrets without which pods do not start.
fn secrets(document: &Document) -> Vec<&str> {
    let Some(spec) = pods::pod(document).and_then(|it| it.get("spec")) else { return Vec::new() };
    let mut out = Vec::new();
    for volume in items(spec.get("volumes")) {
        out.extend(named(volume.get("secret"), "secretName"));
        for source in items(field(volume, &["projected", "sources"])) {
            out.extend(named(source.get("secret"), "name"));
        }
    }
    for container in ["containers", "initContainers"].iter().flat_map(|it| items(spec.get(it))) {
        for env in items(container.get("env")) {
            out.extend(named(field(env, &["valueFrom", "secretKeyRef"]), "name"));
        }
        for from in items(container.get("envFrom")) {
            out.extend(named(from.get("secretRef"), "name"));
        }
    }
    out
}

/// The name in a reference to a secret that must be there.
fn named<'n>(node: Option<&'n Node>, key: &str) -> Option<&'n str> {
    let node = node.filter(|it| it.get("optional").map(|it| &it.data) != Some(&Data::Bool(true)))?;
    node.get(key).and_then(Node::as_str)
}

struct Graph<'d> {
    documents: &'d [Document],
    needs: BTreeMap<usize, Vec<usize>>,
    serves: BTreeMap<&'d str, Vec<usize>>,
    done: BTreeMap<usize, i64>,
    open: BTreeSet<usize>,
    circles: BTreeSet<ObjectId>,
}

impl Graph<'_> {
    /// The round of a provider or a custom resource; an edge that closes a circle does not count.
    fn round(&mut self, number: usize) -> i64 {
        if let Some(round) = self.done.get(&number) {
            return *round;
        }
        if !self.open.insert(number) {
            self.circles.insert(self.documents[number].id.clone());
            return 0;
        }
        let group = self.documents[number].id.group.as_str();
        let makers = self.needs.get(&number).cloned().unwrap_or_default();
        let after = makers.into_iter().map(|it| self.round(it) + 1).max().unwrap_or_default();
        let servers =
            if is_builtin(group) { Vec::new() } else { self.serves.get(group).cloned().unwrap_or_default() };
        let served = servers.into_iter().map(|it| self.round(it)).max().unwrap_or_default();
        self.open.remove(&number);
        let round = after.max(served);
        self.done.insert(number, round);
        round
    }
}
