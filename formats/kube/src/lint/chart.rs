//! Charts that K3s' controller installs, and sizes.

use super::cursor::Cursor;
use super::{Cluster, Lint, LintKind};
use crate::document::Document;
use crate::json;
use gabion_yaml::{Data, Node};

/// Of the data of a `Secret` or a `ConfigMap` (`pkg/apis/core/types.go`, `MaxSecretSize`).
const DATA: usize = 1 << 20;
/// Of one request of etcd (`--max-request-bytes`).
const REQUEST: usize = 3 << 19;

pub(super) fn look(cluster: &Cluster<'_>, out: &mut Vec<Lint>) {
    for document in cluster.of("helm.cattle.io", "HelmChart") {
        let root = Cursor::of(document);
        let policy = root.keys(&["spec", "failurePolicy"]);
        if !matches!(policy.as_ref().and_then(Cursor::text), Some("abort" | "retry")) {
            let at = policy.or_else(|| root.key("spec")).unwrap_or(root);
            let why = "when an installation fails, the release is removed with what its volumes hold";
            out.push(at.lint(LintKind::FailurePolicy, why).help("write `failurePolicy: abort`"));
        }
    }
    for document in cluster.documents() {
        out.extend(size(document));
    }
}

fn size(document: &Document) -> Option<Lint> {
    let is_data = document.id.is("", "Secret") || document.id.is("", "ConfigMap");
    if is_data {
        let fields = ["data", "stringData", "binaryData"];
        let bytes: usize = fields
            .iter()
            .filter_map(|it| document.field(&[it]))
            .map(|it| values(it, &document.id.kind))
            .sum();
        if bytes > DATA {
            let why = format!("its data is {} KiB, and the API server takes 1024", bytes.div_ceil(1024));
            let help = "split it, or carry it as an image or a file of the host";
            return Some(Lint::about(LintKind::TooLarge, document, why).help(help));
        }
    }
    let mut text = String::new();
    json::write(&document.node, document.id.namespace.as_deref(), &mut text);
    (text.len() > REQUEST).then(|| {
        let why = format!("it is {} KiB, and etcd takes 1536", text.len().div_ceil(1024));
        Lint::about(LintKind::TooLarge, document, why)
            .help("make it smaller: no request beyond that is taken")
    })
}

/// The bytes of all values; those of a `Secret` and `binaryData` are in base64.
fn values(node: &Node, kind: &str) -> usize {
    let Data::Map(map) = &node.data else { return 0 };
    let length = |it: &Node| it.as_str().map_or(0, str::len);
    let all: usize = map.values().map(length).sum();
    if kind == "Secret" { all / 4 * 3 } else { all }
}
