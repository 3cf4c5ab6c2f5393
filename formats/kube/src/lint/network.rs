//! Who may reach whom.

use super::{Cluster, Lint, LintKind};
use crate::document::Document;
use crate::pods;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    let guarded: BTreeSet<&str> = cluster
        .of("networking.k8s.io", "NetworkPolicy")
        .filter_map(|it| it.id.namespace.as_deref())
        .collect();
    let running: BTreeSet<&str> = cluster
        .documents()
        .filter(|it| pods::is_workload(&it.id))
        .filter_map(|it| it.id.namespace.as_deref())
        .collect();
    // A namespace is one's own if one declares it, or runs something in it.
    let mut own: BTreeMap<&str, &Document> = BTreeMap::new();
    for document in cluster.own() {
        if pods::is_workload(&document.id)
            && let Some(namespace) = document.id.namespace.as_deref()
        {
            own.entry(namespace).or_insert(document);
        }
    }
    for document in
        cluster.own().filter(|it| it.id.is("", "Namespace") && running.contains(it.id.name.as_str()))
    {
        own.insert(&document.id.name, document);
    }
    for (namespace, document) in own.into_iter().filter(|(it, _)| !guarded.contains(it)) {
        let why = format!(
            "every pod of the cluster reaches the programs in `{namespace}`: it has no `NetworkPolicy`"
        );
        let help =
            "write one that denies everything (`podSelector: {}`), and one for each way that is needed";
        out.push(Lint::about(LintKind::NetworkPolicy, document, why).help(help));
    }
}
