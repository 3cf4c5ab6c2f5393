//! Who reaches whom: an evaluator of network policies as the API describes them (`NetworkPolicySpec` of
//! `networking.k8s.io/v1`), over the policies and pods of a bundle.

use super::{Built, items, name_of, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Somebody with an address: a pod, or an address outside of the cluster's pods.
#[derive(Debug, Clone, Default)]
pub(crate) struct End {
    /// How tests call it.
    pub(crate) name: String,
    /// Its namespace; a stranger has none.
    pub(crate) namespace: Option<String>,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its named ports.
    pub(crate) ports: BTreeMap<String, u64>,
}

impl End {
    /// A pod that no document of the bundle holds: an operator or K3s makes it.
    pub(crate) fn pod(namespace: &str, name: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let name = format!("{namespace}/{name}");
        Self { name, namespace: Some(namespace.to_owned()), labels, ports: BTreeMap::new() }
    }

    /// An address that is no pod's.
    pub(crate) fn stranger(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// The policies of a bundle, and its pods.
pub(crate) struct Network<'b> {
    policies: Vec<&'b Value>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Every pod and stranger.
    pub(crate) ends: Vec<End>,
}

impl<'b> Network<'b> {
    /// Of everything in `built`; pods with the network of their host are strangers, as no policy selects them.
    pub(crate) fn of(built: &'b Built, more: &[End]) -> Self {
        let mut ends = Vec::new();
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            for it in built.of(kind) {
                let spec = &it["spec"]["template"]["spec"];
                if spec["hostNetwork"] == true {
                    continue;
                }
                let ports = items(&spec["containers"]).iter().flat_map(|it| items(&it["ports"]));
                let named = ports
                    .filter_map(|it| Some((it["name"].as_str()?.to_owned(), it["containerPort"].as_u64()?)));
                ends.push(End {
                    name: name_of(it),
                    namespace: it["metadata"]["namespace"].as_str().map(str::to_owned),
                    labels: strings(&it["spec"]["template"]["metadata"]["labels"]),
                    ports: named.collect(),
                });
            }
        }
        ends.extend_from_slice(more);
        let labels = |it: &&Value| (name_of(it), strings(&it["metadata"]["labels"]));
        let namespaces = built.of("Namespace").iter().map(labels).collect();
        Self { policies: built.of("NetworkPolicy"), namespaces, ends }
    }

    /// Whether a packet from one to the other passes both sides.
    pub(crate) fn passes(&self, from: &End, to: &End, protocol: &str, port: u64) -> bool {
        self.side("Egress", from, to, to, protocol, port)
            && self.side("Ingress", to, from, to, protocol, port)
    }

    /// `a -> b 8000/TCP` for all of `ports` between everybody of whom one is `about`.
    pub(crate) fn flows(&self, about: impl Fn(&End) -> bool, ports: &[(u64, &str)]) -> Vec<String> {
        let mut flows = Vec::new();
        let pairs = self.ends.iter().flat_map(|from| self.ends.iter().map(move |to| (from, to)));
        for (from, to) in pairs.filter(|(from, to)| from.name != to.name && (about(from) || about(to))) {
            let open = ports.iter().filter(|(port, protocol)| self.passes(from, to, protocol, *port));
            flows.extend(
                open.map(|(port, protocol)| format!("{} -> {} {port}/{protocol}", from.name, to.name)),
            );
        }
        flows.sort();
        flows
    }

    /// Whether the policies of `whose` let it be: none selects it in this direction, or a rule of one does.
    fn side(&self, way: &str, whose: &End, other: &End, target: &End, protocol: &str, port: u64) -> bool {
        let Some(namespace) = &whose.namespace else { return true };
        let selecting: Vec<&&Value> = self
            .policies
            .iter()
            .filter(|it| it["metadata"]["namespace"] == **namespace && is_about(it, way))
            .filter(|it| selects(&it["spec"]["podSelector"], &whose.labels))
            .collect();
        let (rules, peers) = if way == "Ingress" { ("ingress", "from") } else { ("egress", "to") };
        let mut all =
            selecting.iter().flat_map(|it| items(&it["spec"][rules]).iter().map(move |rule| (it, rule)));
        selecting.is_empty()
            || all.any(|(policy, rule)| {
                let home = text(&policy["metadata"]["namespace"]);
                is_port(&rule["ports"], target, protocol, port)
                    && (items(&rule[peers]).is_empty()
                        || items(&rule[peers]).iter().any(|it| self.is_peer(it, home, other)))
            })
    }

    fn is_peer(&self, peer: &Value, home: &str, other: &End) -> bool {
        if let Some(block) = peer.get("ipBlock") {
            // Addresses of pods are in no block that recipes name; the only block for strangers is everything.
            return other.namespace.is_none() && block["cidr"] == "0.0.0.0/0";
        }
        let Some(namespace) = &other.namespace else { return false };
        let at_home = match peer.get("namespaceSelector") {
            None => namespace == home,
            Some(selector) => {
                let mut labels = self.namespaces.get(namespace).cloned().unwrap_or_default();
                labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.clone());
                selects(selector, &labels)
            }
        };
        at_home && peer.get("podSelector").is_none_or(|it| selects(it, &other.labels))
    }
}

/// `policyTypes`, or what the API server sets where there are none.
fn is_about(policy: &Value, way: &str) -> bool {
    match policy["spec"].get("policyTypes") {
        Some(types) => items(types).iter().any(|it| it == way),
        None => way == "Ingress" || policy["spec"].get("egress").is_some(),
    }
}

fn is_port(ports: &Value, target: &End, protocol: &str, port: u64) -> bool {
    let is = |it: &Value| {
        let at = match &it["port"] {
            Value::String(name) => target.ports.get(name).copied(),
            number => number.as_u64(),
        };
        let (first, last) = (at, it["endPort"].as_u64().or(at));
        let right = it.get("port").is_none()
            || (first.is_some_and(|it| it <= port) && last.is_some_and(|it| port <= it));
        right && it["protocol"].as_str().unwrap_or("TCP") == protocol
    };
    items(ports).is_empty() || items(ports).iter().any(is)
}

/// Whether a label selector selects what has these labels; an empty one selects everything.
fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let expression = |it: &Value| {
        let (has, values) = (labels.get(text(&it["key"])), items(&it["values"]));
        let is_in = has.is_some_and(|label| values.iter().any(|it| it == label));
        match text(&it["operator"]) {
            "In" => is_in,
            "NotIn" => !is_in,
            "Exists" => has.is_some(),
            "DoesNotExist" => has.is_none(),
            other => panic!("no operator: {other}"),
        }
    };
    strings(&selector["matchLabels"]).iter().all(|(key, value)| labels.get(key) == Some(value))
        && items(&selector["matchExpressions"]).iter().all(expression)
}

fn strings(it: &Value) -> BTreeMap<String, String> {
    let entries = it.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), text(value).to_owned())).collect()
}

/// What K3s and operators start, as they label it.
pub(crate) fn strangers() -> Vec<End> {
    let of_kafka = |name: &str| {
        let labels =
            [("strimzi.io/cluster", "main"), ("strimzi.io/kind", "Kafka"), ("strimzi.io/name", name)];
        End::pod("kafka", name, &labels)
    };
    vec![
        End::pod("kube-system", "traefik", &[("app.kubernetes.io/name", "traefik")]),
        End::pod("kube-system", "coredns", &[("k8s-app", "kube-dns")]),
        of_kafka("main-kafka"),
        of_kafka("main-entity-operator"),
        of_kafka("main-kafka-exporter"),
        End::pod("monitoring", "prometheus", &[("app.kubernetes.io/name", "prometheus")]),
        End::pod("monitoring", "alertmanager", &[("app.kubernetes.io/name", "alertmanager")]),
        End::pod("elsewhere", "somebody", &[]),
        End::stranger("internet"),
        End::stranger("node"),
    ]
}

/// A graph that is known by heart: what selects, what adds, what is closed.
#[test]
fn the_evaluator_reads_policies_as_kubernetes_does() {
    let policy = |name: &str, spec: &str| {
        format!("---\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: a}}\nspec: {spec}\n")
    };
    let texts = [
        "kind: Namespace\nmetadata: {name: b, labels: {team: x}}\n".to_owned(),
        "---\nkind: Deployment\nmetadata: {name: web, namespace: a}\nspec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{ports: [{name: http, containerPort: 80}]}]}}}\n".to_owned(),
        policy("deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
        policy("in", "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchLabels: {app: x}}}], ports: [{port: http}]}]}"),
        policy("out", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 440, endPort: 443}]}]}"),
    ];
    let documents = gabion_yaml::documents(&texts.concat()).unwrap();
    let documents = documents.iter().map(|it| (String::new(), super::json(&it.node))).collect();
    let built = Built { documents, texts: BTreeMap::new(), members: Vec::new(), blobs: BTreeMap::new() };
    let ends = [
        End::pod("b", "x", &[("app", "x")]),
        End::pod("b", "y", &[("app", "y")]),
        End::pod("c", "x", &[("app", "x")]),
        End::pod("a", "other", &[]),
        End::stranger("world"),
    ];
    let network = Network::of(&built, &ends);
    let flows =
        network.flows(|it| it.name == "a/web", &[(80, "TCP"), (80, "UDP"), (443, "TCP"), (444, "TCP")]);
    assert_eq!(flows, ["a/web -> world 443/TCP", "b/x -> a/web 80/TCP"]);
}
