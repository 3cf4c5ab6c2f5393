//! The APIs: what their pods may do, whom they reach, and who gets in.

use super::network::{End, Network, strangers};
use super::{PRODUCTION, items, name_of, quantity, text};
use serde_json::{Value, json};

const APIS: [&str; 3] = ["app/api-enrichment", "app/api-gateway", "app/api-generation"];

#[test]
fn the_graph_of_the_apis_is_exactly_this_one() {
    let network = Network::of(&PRODUCTION, &strangers());
    let ports = [
        (53, "UDP"),
        (53, "TCP"),
        (80, "TCP"),
        (443, "TCP"),
        (3000, "TCP"),
        (6443, "TCP"),
        (8000, "TCP"),
        (9090, "TCP"),
        (9091, "TCP"),
        (9092, "TCP"),
        (9093, "TCP"),
        (9404, "TCP"),
        (9464, "TCP"),
        (10250, "TCP"),
    ];
    let flows = network.flows(|it| it.namespace.as_deref() == Some("app"), &ports);
    insta::assert_snapshot!(flows.join("\n"), @r"
    app/api-enrichment -> kafka/main-kafka 9093/TCP
    app/api-enrichment -> kube-system/coredns 53/TCP
    app/api-enrichment -> kube-system/coredns 53/UDP
    app/api-gateway -> app/api-enrichment 8000/TCP
    app/api-gateway -> app/api-generation 8000/TCP
    app/api-gateway -> kafka/main-kafka 9093/TCP
    app/api-gateway -> kube-system/coredns 53/TCP
    app/api-gateway -> kube-system/coredns 53/UDP
    app/api-generation -> kafka/main-kafka 9093/TCP
    app/api-generation -> kube-system/coredns 53/TCP
    app/api-generation -> kube-system/coredns 53/UDP
    kube-system/traefik -> app/api-gateway 8000/TCP
    monitoring/prometheus -> app/api-enrichment 9464/TCP
    monitoring/prometheus -> app/api-gateway 9464/TCP
    monitoring/prometheus -> app/api-generation 9464/TCP
    ");
}

#[test]
fn the_gate_tries_what_the_policies_let_through_and_what_they_deny() {
    let job = PRODUCTION.one("Job", "app/network-probe");
    assert_eq!(job["metadata"]["annotations"]["gabion.dev/probe"], "true");
    let template = &job["spec"]["template"];
    let label = text(&template["metadata"]["labels"]["app.kubernetes.io/name"]);
    let probe = End::pod("app", "network-probe", &[("app.kubernetes.io/name", label)]);
    let network = Network::of(&PRODUCTION, &[strangers(), vec![probe.clone()]].concat());
    let end = |name: &str| network.ends.iter().find(|it| it.name == name).unwrap();
    // As its script says: CoreDNS, then the API server of the node, then a neighbour.
    assert!(network.passes(&probe, end("kube-system/coredns"), "TCP", 53));
    assert!(!network.passes(&probe, end("node"), "TCP", 6443));
    assert!(!network.passes(&probe, end("app/api-generation"), "TCP", 8000));
    let container = &template["spec"]["containers"][0];
    let script = text(&container["command"][2]);
    for said in [
        "opens kube-dns.kube-system.svc.cluster.local 53 &&",
        "! opens \"$KUBERNETES_SERVICE_HOST\" \"$KUBERNETES_SERVICE_PORT\" &&",
        "! opens api-generation.app.svc.cluster.local 8000;",
    ] {
        assert!(script.contains(said), "{script}");
    }
    // Its image is there on every host: K3s has it.
    let list = PRODUCTION.texts.iter().find(|(name, _)| name.ends_with("k3s-images.txt")).unwrap().1;
    assert!(list.lines().any(|it| it == text(&container["image"])), "{list}");
}

#[test]
fn pods_of_the_apis_may_do_nothing_that_they_need_not() {
    for name in APIS {
        let deployment = PRODUCTION.one("Deployment", name);
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(format!("app/{}", text(&pod["serviceAccountName"])), name);
        assert_eq!(PRODUCTION.one("ServiceAccount", name)["automountServiceAccountToken"], false);
        let pod_context = &pod["securityContext"];
        assert_eq!(pod_context["runAsNonRoot"], true, "{name}");
        assert_eq!(pod_context["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
        assert!(pod_context["runAsUser"].as_u64().is_some_and(|it| it > 0), "{name}");
        for container in items(&pod["containers"]) {
            let expected = json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            });
            assert_eq!(container["securityContext"], expected, "{name}");
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                assert_eq!(container[probe]["httpGet"]["port"], "http", "{name}: {probe}");
            }
            for resource in ["memory", "ephemeral-storage"] {
                let [request, limit] =
                    ["requests", "limits"].map(|it| quantity(&container["resources"][it][resource]));
                assert!(0 < request && request <= limit, "{name}: {resource}");
            }
            assert!(quantity(&container["resources"]["requests"]["cpu"]) > 0, "{name}");
        }
        for volume in items(&pod["volumes"]) {
            let kinds = ["emptyDir", "secret"].iter().filter(|it| volume.get(**it).is_some());
            assert_eq!(kinds.count(), 1, "{name} mounts {volume}");
            assert!(
                volume.get("emptyDir").is_none_or(|it| it.get("sizeLimit").is_some()),
                "{name}: {volume}"
            );
        }
    }
    assert_eq!(
        PRODUCTION.one("Namespace", "app")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
}

#[test]
fn nobody_gave_the_apis_a_right_in_kubernetes() {
    let bindings = PRODUCTION.of("RoleBinding").into_iter().chain(PRODUCTION.of("ClusterRoleBinding"));
    for binding in bindings {
        for subject in items(&binding["subjects"]) {
            let is_api = subject["namespace"] == "app" && text(&subject["name"]).starts_with("api-");
            assert!(!is_api, "{} binds {subject}", name_of(binding));
            // Neither one for all accounts, nor for those of a namespace.
            assert!(!text(&subject["name"]).starts_with("system:serviceaccounts"), "{}", name_of(binding));
        }
    }
}

#[test]
fn the_gateway_is_reached_with_tls_and_a_password_alone() {
    let ingresses = PRODUCTION.of("Ingress").into_iter().filter(|it| it["metadata"]["namespace"] == "app");
    let ingresses: Vec<&Value> = ingresses.collect();
    assert_eq!(ingresses.iter().map(|it| name_of(it)).collect::<Vec<_>>(), ["app/api"]);
    let annotation = |key: &str| text(&ingresses[0]["metadata"]["annotations"][key]);
    assert_eq!(annotation("traefik.ingress.kubernetes.io/router.entrypoints"), "websecure");
    let middlewares: Vec<&str> =
        annotation("traefik.ingress.kubernetes.io/router.middlewares").split(',').collect();
    for middleware in &middlewares {
        let name = middleware.strip_prefix("app-").and_then(|it| it.strip_suffix("@kubernetescrd")).unwrap();
        PRODUCTION.one("Middleware", &format!("app/{name}"));
    }
    assert!(middlewares.contains(&"app-authenticate@kubernetescrd"), "{middlewares:?}");
    let authenticate = &PRODUCTION.one("Middleware", "app/authenticate")["spec"]["basicAuth"];
    assert_eq!((&authenticate["secret"], &authenticate["removeHeader"]), (&json!("api-users"), &json!(true)));
    // The passwords come with the installation: the bundle says where they go, and holds none.
    let targets = PRODUCTION.texts.iter().find(|(name, _)| name.ends_with("secrets.json")).unwrap().1;
    assert!(targets.contains("\"api-users\""), "{targets}");
    let spec = &ingresses[0]["spec"];
    assert_eq!(spec["tls"][0]["hosts"][0], spec["rules"][0]["host"]);
    assert_eq!(spec["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"], "api-gateway");
}

#[test]
fn the_maxima_of_the_autoscalers_fit_the_quota_with_a_rollout() {
    let hard = &PRODUCTION.one("ResourceQuota", "app/app")["spec"]["hard"];
    let (mut pods, mut cpu, mut memory, mut limit) = (0, 0, 0, 0);
    for name in APIS {
        let spec = &PRODUCTION.one("HorizontalPodAutoscaler", name)["spec"];
        let (least, most) = (spec["minReplicas"].as_u64().unwrap(), spec["maxReplicas"].as_u64().unwrap());
        assert!(least < most, "{name}");
        assert_eq!(format!("app/{}", text(&spec["scaleTargetRef"]["name"])), name);
        let deployment = &PRODUCTION.one("Deployment", name)["spec"];
        assert!(deployment.get("replicas").is_none(), "{name}: the autoscaler owns the number of pods");
        let resources = &deployment["template"]["spec"]["containers"][0]["resources"];
        // One more while pods are replaced.
        let count = most + 1;
        pods += count;
        cpu += count * quantity(&resources["requests"]["cpu"]);
        memory += count * quantity(&resources["requests"]["memory"]);
        limit += count * quantity(&resources["limits"]["memory"]);
    }
    let quota = |key: &str| quantity(&hard[key]);
    assert!(pods * 1000 <= quota("pods") && cpu <= quota("requests.cpu"));
    assert!(memory <= quota("requests.memory") && limit <= quota("limits.memory"));
}

#[test]
fn a_disruption_budget_stands_only_where_it_can_be_kept() {
    let budgets = PRODUCTION.of("PodDisruptionBudget");
    let own: Vec<&&Value> = budgets.iter().filter(|it| it["metadata"]["namespace"] == "app").collect();
    assert_eq!(own.iter().map(|it| name_of(it)).collect::<Vec<_>>(), ["app/api-gateway"]);
    for budget in own {
        let least = &PRODUCTION.one("HorizontalPodAutoscaler", &name_of(budget))["spec"]["minReplicas"];
        assert!(least.as_u64().unwrap() > budget["spec"]["maxUnavailable"].as_u64().unwrap());
    }
}

#[test]
fn each_api_has_a_user_of_kafka_with_rights_on_topics_that_are_there() {
    let topics: Vec<&str> =
        PRODUCTION.of("KafkaTopic").iter().map(|it| text(&it["metadata"]["name"])).collect();
    for name in APIS {
        let user = PRODUCTION.one("KafkaUser", name);
        assert_eq!(user["spec"]["authentication"]["type"], "tls", "{name}");
        for acl in items(&user["spec"]["authorization"]["acls"]) {
            let resource = &acl["resource"];
            assert_eq!(resource["patternType"], "literal", "{name}");
            let is_right = match text(&resource["type"]) {
                "topic" => topics.contains(&text(&resource["name"])),
                "group" => format!("app/{}", text(&resource["name"])) == name,
                _ => false,
            };
            assert!(is_right, "{name}: {resource}");
            let known = ["Describe", "Read", "Write"];
            assert!(items(&acl["operations"]).iter().all(|it| known.contains(&text(it))), "{name}: {acl}");
        }
        // Its keys are mounted, and nobody else's.
        let pod = &PRODUCTION.one("Deployment", name)["spec"]["template"]["spec"];
        let secrets = items(&pod["volumes"]).iter().filter_map(|it| it["secret"]["secretName"].as_str());
        let own = name.replace("app/", "kafka-");
        assert_eq!(secrets.collect::<Vec<_>>(), [own.as_str(), "kafka-trust"]);
    }
}
