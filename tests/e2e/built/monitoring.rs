//! What is measured, kept, shown and told.

use super::{Built, CONNECTED, PRODUCTION, items, name_of, quantity, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Parts of the platform that are scraped and have alerts of their own.
const COMPONENTS: [&str; 6] = ["api", "cert-manager", "flux", "kafka", "logs", "traefik"];

#[test]
fn every_component_is_scraped_and_has_alerts() {
    let components = |kinds: &[&str]| {
        let all = kinds.iter().flat_map(|kind| PRODUCTION.of(kind));
        all.filter_map(|it| it["metadata"]["labels"]["component"].as_str()).collect::<BTreeSet<_>>()
    };
    let (scraped, watched) = (components(&["ServiceMonitor", "PodMonitor"]), components(&["PrometheusRule"]));
    for component in COMPONENTS {
        assert!(scraped.contains(component), "{component} is not scraped: {scraped:?}");
        assert!(watched.contains(component), "{component} has no alerts: {watched:?}");
    }
    assert!(watched.contains("host") && watched.contains("k3s"), "{watched:?}");
    // Objects of every namespace count.
    let spec = &PRODUCTION.one("Prometheus", "monitoring/monitoring-kube-prometheus-prometheus")["spec"];
    for kind in ["rule", "serviceMonitor", "podMonitor", "probe"] {
        assert_eq!(spec[format!("{kind}Selector")], json!({}), "{kind}");
    }
}

#[test]
fn who_is_scraped_lets_prometheus_in() {
    use super::network::{Network, strangers};
    let network = Network::of(&PRODUCTION, &strangers());
    let end =
        |name: &str| network.ends.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no {name}"));
    for (name, port) in [
        ("app/api-gateway", 9464),
        ("app/api-generation", 9464),
        ("kafka/main-kafka", 9404),
        ("kafka/main-kafka-exporter", 9404),
        ("kafka/main-entity-operator", 8081),
        ("kafka/strimzi-cluster-operator", 8080),
        ("cert-manager/cert-manager", 9402),
        ("kube-system/traefik", 9100),
        ("flux-system/source-controller", 8080),
        ("monitoring/loki", 3100),
        ("monitoring/fluent-bit", 2020),
        ("monitoring/alertmanager", 9093),
    ] {
        assert!(network.passes(end("monitoring/prometheus"), end(name), "TCP", port), "{name}");
        let lets_all_in = name.starts_with("flux-system/");
        assert_eq!(network.passes(end("elsewhere/somebody"), end(name), "TCP", port), lets_all_in, "{name}");
    }
}

fn rules(built: &Built) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for it in built
        .of("PrometheusRule")
        .into_iter()
        .filter(|it| it["metadata"]["labels"].get("component").is_some())
    {
        let rules = items(&it["spec"]["groups"]).iter().flat_map(|it| items(&it["rules"]));
        all.extend(rules.map(|rule| (name_of(it), rule.clone())));
    }
    all
}

#[test]
fn an_alert_says_what_is_wrong_how_bad_it_is_and_what_to_look_at() {
    let all = rules(&PRODUCTION);
    assert!(all.len() > 30, "only {}", all.len());
    let mut names = BTreeSet::new();
    for (file, rule) in &all {
        let name = text(&rule["alert"]);
        assert!(names.insert(name), "{name} stands twice");
        assert!(
            ["critical", "warning", "info"].contains(&text(&rule["labels"]["severity"])),
            "{file}: {name}"
        );
        assert_eq!(format!("monitoring/{}", text(&rule["labels"]["component"])), *file, "{name}");
        for key in ["summary", "description"] {
            assert!(text(&rule["annotations"][key]).len() > 15, "{file}: {name} has no {key}");
        }
    }
}

#[test]
fn prometheus_itself_takes_the_rules_and_the_queries_of_dashboards() {
    if !gabion_testkit::has(&["promtool"]) {
        return;
    }
    let mut list: Vec<Value> = rules(&PRODUCTION).into_iter().map(|(_, it)| it).collect();
    for (number, (_, query)) in queries("prometheus").into_iter().enumerate() {
        list.push(json!({"record": "a:query", "labels": {"number": number.to_string()}, "expr": query}));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    fs_err::write(file.path(), json!({"groups": [{"name": "all", "rules": list}]}).to_string()).unwrap();
    gabion_testkit::run(gabion_testkit::program("promtool").args(["check", "rules"]).arg(file.path()));
}

/// Every query of a dashboard to this source: `(dashboard, query)`.
fn queries(source: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in items(&dashboard["panels"]).iter().filter(|it| it["datasource"]["uid"] == source) {
            all.extend(
                items(&panel["targets"]).iter().map(|it| (name.clone(), text(&it["expr"]).to_owned())),
            );
        }
    }
    all
}

fn dashboards() -> Vec<(String, Value)> {
    let maps = PRODUCTION.of("ConfigMap").into_iter();
    let maps = maps.filter(|it| it["metadata"]["labels"]["grafana_dashboard"] == "1");
    let files = maps.flat_map(|it| it["data"].as_object().unwrap());
    files.map(|(name, it)| (name.clone(), serde_json::from_str(text(it)).unwrap())).collect()
}

#[test]
fn dashboards_are_files_and_ask_sources_that_are_there() {
    let all = dashboards();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["node.json", "k3s.json", "traefik.json", "kafka.json", "api.json", "logs.json"]);
    let sources = text(
        &PRODUCTION.one("ConfigMap", "monitoring/monitoring-kube-prometheus-grafana-datasource")["data"]["datasource.yaml"],
    );
    let mut uids = BTreeSet::new();
    for (name, dashboard) in &all {
        assert!(uids.insert(text(&dashboard["uid"]).to_owned()), "{name}");
        for panel in items(&dashboard["panels"]) {
            assert!(
                sources.contains(&format!("uid: {}\n", text(&panel["datasource"]["uid"]))),
                "{name}: {panel}"
            );
            assert!(!items(&panel["targets"]).is_empty(), "{name}: {panel}");
        }
    }
    assert!(queries("prometheus").len() > 40 && queries("loki").len() > 6);
}

#[test]
fn grafana_fetches_nothing_and_lets_nobody_in_unasked() {
    let config = &PRODUCTION.one("ConfigMap", "monitoring/monitoring-grafana")["data"];
    let ini = text(&config["grafana.ini"]);
    for line in [
        "preinstall_disabled = true",
        "plugin_admin_enabled = false",
        "check_for_updates = false",
        "check_for_plugin_updates = false",
        "reporting_enabled = false",
        "news_feed_enabled = false",
        "allow_sign_up = false",
        "cookie_secure = true",
        "root_url = https://grafana.example.net/",
    ] {
        assert!(ini.contains(line), "no `{line}`: {ini}");
    }
    assert!(config.get("plugins").is_none(), "{config}");
    let anonymous = ini.split("[auth.anonymous]").nth(1).unwrap();
    assert!(anonymous.trim_start().starts_with("enabled = false"), "{ini}");
    let pod = &PRODUCTION.one("Deployment", "monitoring/monitoring-grafana")["spec"]["template"]["spec"];
    assert!(items(&pod["initContainers"]).is_empty(), "{pod}");
}

/// Alertmanager's configuration, out of the Secret that its operator reads.
fn alertmanager(built: &Built) -> Value {
    let secret = built.one("Secret", "monitoring/alertmanager-monitoring-kube-prometheus-alertmanager");
    let packed = text(&secret["data"]["alertmanager.yaml"]);
    let bytes = decode(packed);
    super::json(&gabion_yaml::documents(&String::from_utf8(bytes).unwrap()).unwrap()[0].node)
}

/// Base64 (RFC 4648 §4).
fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for byte in text.bytes().filter(|it| *it != b'=') {
        bits = (bits << 6) | u32::try_from(ALPHABET.iter().position(|it| *it == byte).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    out
}

/// The receivers that an alert reaches (Alertmanager, "Routing-related settings").
fn route<'c>(config: &'c Value, labels: &[(&str, &str)]) -> Vec<&'c str> {
    let is = |matcher: &Value| {
        let [name, operator, value] =
            <[&str; 3]>::try_from(text(matcher).splitn(3, ' ').collect::<Vec<_>>()).unwrap();
        let value = value.trim_matches('"');
        let found = labels.iter().find(|it| it.0 == name).map_or("", |it| it.1);
        match operator {
            "=" => found == value,
            "=~" if value == ".+" => !found.is_empty(),
            "=~" => value.split('|').any(|it| it == found),
            other => panic!("{other} is not read here"),
        }
    };
    let mut reached = Vec::new();
    for route in items(&config["route"]["routes"]) {
        if items(&route["matchers"]).iter().all(is) {
            reached.push(text(&route["receiver"]));
            if route["continue"] != true {
                return reached;
            }
        }
    }
    if reached.is_empty() { vec![text(&config["route"]["receiver"])] } else { reached }
}

#[test]
fn alerts_of_a_sealed_host_go_into_its_logs() {
    let config = alertmanager(&PRODUCTION);
    assert_eq!(route(&config, &[("alertname", "KafkaDown"), ("severity", "critical")]), ["log"]);
    assert_eq!(route(&config, &[("alertname", "Watchdog"), ("severity", "none")]), ["nobody"]);
    let log = items(&config["receivers"]).iter().find(|it| it["name"] == "log").unwrap();
    assert_eq!(log["webhook_configs"][0]["url"], "http://fluent-bit.monitoring.svc:9880/");
    assert!(items(&config["inhibit_rules"]).len() >= 3);
    // It is there, listens, and may be reached.
    let service = PRODUCTION.one("Service", "monitoring/fluent-bit");
    assert!(items(&service["spec"]["ports"]).iter().any(|it| it["port"] == 9880));
    let network = super::network::Network::of(&PRODUCTION, &super::network::strangers());
    let end = |name: &str| network.ends.iter().find(|it| it.name == name).unwrap();
    assert!(network.passes(end("monitoring/alertmanager"), end("monitoring/fluent-bit"), "TCP", 9880));
    assert!(!network.passes(end("app/api-gateway"), end("monitoring/fluent-bit"), "TCP", 9880));
    // No address outside of the cluster.
    assert!(!config.to_string().contains("https://"), "{config}");
}

#[test]
fn with_a_network_people_are_told_and_silence_is_noticed() {
    let config = alertmanager(&CONNECTED);
    assert_eq!(route(&config, &[("alertname", "KafkaDown"), ("severity", "critical")]), ["log", "people"]);
    assert_eq!(route(&config, &[("alertname", "X"), ("severity", "info")]), ["log", "nobody"]);
    assert_eq!(route(&config, &[("alertname", "Watchdog"), ("severity", "none")]), ["dead-man"]);
    let spec = &CONNECTED.one("Alertmanager", "monitoring/monitoring-kube-prometheus-alertmanager")["spec"];
    assert_eq!(spec["secrets"], json!(["alert-receivers"]));
    // Addresses are read from that secret, and none stands in the bundle.
    for receiver in items(&config["receivers"]) {
        for webhook in items(&receiver["webhook_configs"]) {
            let local = webhook["url"] == "http://fluent-bit.monitoring.svc:9880/";
            let file = webhook["url_file"]
                .as_str()
                .is_some_and(|it| it.starts_with("/etc/alertmanager/secrets/alert-receivers/"));
            assert!(local || file, "{webhook}");
        }
    }
}

#[test]
fn logs_of_pods_host_and_audits_are_collected_without_a_token() {
    let pod = &PRODUCTION.one("DaemonSet", "monitoring/fluent-bit")["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["capabilities"], json!({"drop": ["ALL"]}));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    for mount in items(&container["volumeMounts"]) {
        let volume = items(&pod["volumes"]).iter().find(|it| it["name"] == mount["name"]).unwrap();
        assert!(volume.get("hostPath").is_none() || mount["readOnly"] == true, "{mount}");
    }
    let config = text(&PRODUCTION.one("ConfigMap", "monitoring/fluent-bit")["data"]["fluent-bit.yaml"]);
    let config = super::json(&gabion_yaml::documents(config).unwrap()[0].node);
    let inputs = items(&config["pipeline"]["inputs"]);
    let tags: Vec<&str> = inputs.iter().map(|it| text(&it["tag"])).collect();
    assert_eq!(tags, ["pods", "host", "audit", "kube-audit", "alerts"]);
    // Everything that is read is sent, and what waits is bounded by less than the volume that it waits in.
    let mut waiting = 0;
    for tag in tags {
        let outputs = items(&config["pipeline"]["outputs"]).iter();
        let outputs: Vec<_> =
            outputs.filter(|it| it["match"] == tag && it["host"] == "loki.monitoring.svc").collect();
        assert_eq!(outputs.len(), 1, "{tag}");
        waiting += quantity(&text(&outputs[0]["storage.total_limit_size"]).replace('M', "Mi").into());
    }
    let state = items(&pod["volumes"]).iter().find(|it| it["name"] == "state").unwrap();
    assert!(waiting < quantity(&state["emptyDir"]["sizeLimit"]));
}

#[test]
fn loki_keeps_a_week_in_one_volume() {
    let config = text(&PRODUCTION.one("ConfigMap", "monitoring/loki")["data"]["loki.yaml"]);
    let config = super::json(&gabion_yaml::documents(config).unwrap()[0].node);
    assert_eq!(config["limits_config"]["retention_period"], "168h");
    assert_eq!(config["compactor"]["retention_enabled"], true);
    assert!(config["limits_config"]["ingestion_rate_mb"].as_f64().is_some_and(|it| it <= 1.0));
    let ruler = &config["ruler"];
    let alertmanager = PRODUCTION.one("Alertmanager", "monitoring/monitoring-kube-prometheus-alertmanager");
    let service = text(&alertmanager["metadata"]["name"]);
    assert_eq!(ruler["alertmanager_url"], format!("http://{service}.monitoring.svc:9093"));
    // Its rules lie where it looks for them.
    let pod = &PRODUCTION.one("StatefulSet", "monitoring/loki")["spec"]["template"]["spec"];
    let mount = items(&pod["containers"][0]["volumeMounts"]).iter().find(|it| it["name"] == "rules").unwrap();
    assert_eq!(mount["mountPath"], format!("{}/fake", text(&ruler["storage"]["local"]["directory"])));
    let alerts = text(&PRODUCTION.one("ConfigMap", "monitoring/loki-rules")["data"]["rules.yaml"]);
    assert!(alerts.contains("HostIdentityChanged") && alerts.contains("KubernetesExec"));
}
