//! Changes that the API server refuses, and removals that lose data.
//!
//! Sources: pkg/apis/*/validation of Kubernetes 1.33 (`ValidateImmutableField`), apiextensions' validation.

use super::Danger;
use super::structure::same;
use crate::document::Document;
use crate::id::ObjectId;
use crate::path::Path;
use gabion_yaml::{Data, Node};
use std::collections::BTreeSet;

/// A field that cannot change once it is set; `*` at the end is every field but those that are listed.
struct Fixed {
    group: &'static str,
    kinds: &'static [&'static str],
    paths: &'static [&'static [&'static str]],
    /// Fields of the last path that may change, if all others may not.
    but: &'static [&'static str],
}

const fn fixed(
    group: &'static str,
    kinds: &'static [&'static str],
    paths: &'static [&'static [&'static str]],
) -> Fixed {
    Fixed { group, kinds, paths, but: &[] }
}

const FIXED: [Fixed; 16] = [
    fixed("apps", &["Deployment", "DaemonSet", "ReplicaSet"], &[&["spec", "selector"]]),
    Fixed {
        group: "apps",
        kinds: &["StatefulSet"],
        paths: &[&["spec"]],
        but: &[
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ],
    },
    fixed("batch", &["Job"], &[&["spec", "selector"], &["spec", "template"], &["spec", "completionMode"]]),
    fixed("", &["Service"], &[&["spec", "clusterIP"], &["spec", "clusterIPs"]]),
    Fixed {
        group: "",
        kinds: &["PersistentVolumeClaim"],
        paths: &[&["spec"]],
        but: &["resources", "volumeAttributesClassName", "volumeName"],
    },
    Fixed {
        group: "storage.k8s.io",
        kinds: &["StorageClass"],
        paths: &[&["parameters"], &["provisioner"], &["reclaimPolicy"], &["volumeBindingMode"]],
        but: &[],
    },
    fixed("rbac.authorization.k8s.io", &["RoleBinding", "ClusterRoleBinding"], &[&["roleRef"]]),
    fixed("", &["Secret"], &[&["type"]]),
    fixed("scheduling.k8s.io", &["PriorityClass"], &[&["value"], &["preemptionPolicy"]]),
    fixed("networking.k8s.io", &["IngressClass"], &[&["spec", "controller"]]),
    fixed("node.k8s.io", &["RuntimeClass"], &[&["handler"]]),
    fixed(
        "storage.k8s.io",
        &["CSIDriver"],
        &[&["spec", "attachRequired"], &["spec", "volumeLifecycleModes"]],
    ),
    fixed("storage.k8s.io", &["VolumeAttributesClass"], &[&["driverName"], &["parameters"]]),
    fixed("apiextensions.k8s.io", &["CustomResourceDefinition"], &[&["spec", "scope"], &["spec", "group"]]),
    fixed("apiextensions.k8s.io", &["CustomResourceDefinition"], &[&["spec", "names", "kind"]]),
    Fixed {
        group: "",
        kinds: &["Pod"],
        paths: &[&["spec"]],
        but: &[
            "containers",
            "initContainers",
            "ephemeralContainers",
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
        ],
    },
];

/// What is refused, or lost, where an object changes.
pub(super) fn of_change(old: &Document, new: &Document) -> Vec<Danger> {
    let mut out = BTreeSet::new();
    let rules =
        FIXED.iter().filter(|it| new.id.group == it.group && it.kinds.contains(&new.id.kind.as_str()));
    for fixed in rules {
        for keys in fixed.paths {
            let (before, after) = (old.field(keys), new.field(keys));
            if fixed.but.is_empty() {
                out.extend(
                    refused(before, after)
                        .then(|| keys.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()),
                );
            } else {
                out.extend(
                    children(before, after, fixed.but)
                        .into_iter()
                        .map(|key| keys.iter().map(|it| (*it).to_owned()).chain([key]).collect::<Vec<_>>()),
                );
            }
        }
    }
    out.extend(sealed(old, new));
    let why = "the API server refuses this change: the object must be removed and made anew";
    let danger = |keys: Vec<String>| {
        let path = keys.iter().fold(Path::default(), |path, key| path.key(key));
        Danger { object: new.id.clone(), path, why: why.to_owned() }
    };
    out.into_iter().map(danger).chain(shrinks(old, new)).collect()
}

/// Values that the cluster itself fills in are no change where the documents leave them out.
fn refused(old: Option<&Node>, new: Option<&Node>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => !same(&old.data, &new.data),
        _ => false,
    }
}

fn children(old: Option<&Node>, new: Option<&Node>, but: &[&str]) -> Vec<String> {
    let keys = |node: Option<&Node>| match node.map(|it| &it.data) {
        Some(Data::Map(map)) => map.keys().cloned().collect::<BTreeSet<String>>(),
        _ => BTreeSet::new(),
    };
    let all = keys(old).into_iter().chain(keys(new)).collect::<BTreeSet<String>>();
    let get = |node: Option<&Node>, key: &str| node.and_then(|it| it.get(key)).map(|it| it.data.clone());
    let differs = |key: &String| match (get(old, key), get(new, key)) {
        (Some(old), Some(new)) => !same(&old, &new),
        (None, None) => false,
        _ => true,
    };
    all.into_iter().filter(|key| !but.contains(&key.as_str()) && differs(key)).collect()
}

/// The fields of a `ConfigMap` or `Secret` that was closed.
fn sealed(old: &Document, new: &Document) -> Vec<Vec<String>> {
    let closed = old.field(&["immutable"]).map(|it| &it.data) == Some(&Data::Bool(true));
    if !closed || !new.id.group.is_empty() || !matches!(new.id.kind.as_str(), "ConfigMap" | "Secret") {
        return Vec::new();
    }
    let differs = |key: &&str| {
        let data = |document: &Document| document.field(&[key]).map_or(Data::Null, |it| it.data.clone());
        !same(&data(old), &data(new))
    };
    let fields = ["data", "binaryData", "stringData", "immutable"].into_iter().filter(differs);
    fields.map(|key| vec![key.to_owned()]).collect()
}

/// A claim that asks for less than before.
fn shrinks(old: &Document, new: &Document) -> Option<Danger> {
    let keys = ["spec", "resources", "requests", "storage"];
    let size = |document: &Document| quantity(document.text_of(&keys)?);
    if !new.id.is("", "PersistentVolumeClaim") || size(new)? >= size(old)? {
        return None;
    }
    let path = keys.iter().fold(Path::default(), |path, key| path.key(key));
    Some(Danger { object: new.id.clone(), path, why: "a volume cannot become smaller".to_owned() })
}

/// A quantity in bytes (k8s.io/apimachinery, `resource.Quantity`), as far as sizes of volumes go.
fn quantity(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 10] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    number.parse::<f64>().ok().map(|it| it * factor)
}

/// What is lost with an object.
pub(super) fn of_removal(id: &ObjectId) -> Option<Danger> {
    let why = match (id.group.as_str(), id.kind.as_str()) {
        ("", "Namespace") => "everything in the namespace goes with it",
        ("", "PersistentVolumeClaim" | "PersistentVolume") => "its data may go with it",
        ("apiextensions.k8s.io", "CustomResourceDefinition") => "every object of the kind goes with it",
        _ => return None,
    };
    Some(Danger { object: id.clone(), path: Path::default(), why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_compared_by_value() {
        assert!(quantity("1Gi") > quantity("1000Mi"));
        assert_eq!(quantity("1G"), quantity("1000M"));
        assert_eq!(quantity("x"), None);
    }
}
