//! What K3s brings, as it is configured here.

use super::{CONNECTED, PRODUCTION, edit, items, json, read, recipes, text};
use serde_json::Value;

fn traefik(built: &super::Built) -> Value {
    let config = built.one("HelmChartConfig", "kube-system/traefik");
    // The default would uninstall what failed.
    assert_eq!(config["spec"]["failurePolicy"], "abort");
    json(&gabion_yaml::documents(text(&config["spec"]["valuesContent"])).unwrap()[0].node)
}

#[test]
fn port_80_only_redirects_and_tls_is_modern() {
    let values = traefik(&PRODUCTION);
    let redirect = &values["ports"]["web"]["http"]["redirections"]["entryPoint"];
    assert_eq!((&redirect["to"], &redirect["scheme"]), (&"websecure".into(), &"https".into()));
    let options = &PRODUCTION.one("TLSOption", "kube-system/default")["spec"];
    assert_eq!(options["minVersion"], "VersionTLS12");
    for suite in items(&options["cipherSuites"]) {
        let name = text(suite);
        assert!(
            name.starts_with("TLS_ECDHE_") && (name.contains("GCM") || name.contains("POLY1305")),
            "{name}"
        );
    }
    // Every ingress is on 443, and none of them without a certificate.
    for ingress in PRODUCTION.of("Ingress") {
        let annotations = &ingress["metadata"]["annotations"];
        assert_eq!(annotations["traefik.ingress.kubernetes.io/router.entrypoints"], "websecure", "{ingress}");
        assert!(!items(&ingress["spec"]["tls"]).is_empty(), "{ingress}");
    }
}

#[test]
fn access_logs_hold_no_password_and_nobody_is_asked_for_versions() {
    let values = traefik(&PRODUCTION);
    assert_eq!(values["logs"]["access"]["fields"]["headers"]["defaultMode"], "drop");
    assert_eq!(values["global"]["checkNewVersion"], false);
    assert_eq!(values["global"]["sendAnonymousUsage"], false);
    assert_eq!(values["providers"]["kubernetesCRD"]["allowCrossNamespace"], false);
}

#[test]
fn there_is_no_dashboard() {
    for built in [&*PRODUCTION, &*CONNECTED] {
        let values = traefik(built);
        assert_eq!((&values["api"]["dashboard"], &values["api"]["insecure"]), (&false.into(), &false.into()));
        assert_eq!(values["ports"]["traefik"]["expose"]["default"], false);
        assert_eq!(values["ingressRoute"]["dashboard"]["enabled"], false);
        assert!(built.of("IngressRoute").is_empty());
    }
}

#[test]
fn an_enabled_dashboard_asks_for_a_password_and_is_on_no_public_port() {
    let world = recipes();
    edit(
        &world,
        "platform.toml",
        "[manifests.traefik-dashboard]\nenabled = false",
        "[manifests.traefik-dashboard]\nenabled = true",
    );
    edit(&world, "gabion.toml", "traefik-dashboard = \"false\"", "traefik-dashboard = \"true\"");
    world.ok("build bundle.platform -o out/platform.gabion");
    let built = read(&world.path("out/platform.gabion"));
    let values = traefik(&built);
    assert_eq!((&values["api"]["dashboard"], &values["api"]["insecure"]), (&true.into(), &false.into()));
    assert_eq!(values["ports"]["traefik"]["expose"]["default"], false);
    let route = &built.one("IngressRoute", "kube-system/dashboard")["spec"];
    assert_eq!(route["entryPoints"], serde_json::json!(["traefik"]));
    for rule in items(&route["routes"]) {
        let users = text(&rule["middlewares"][0]["name"]);
        let middleware = built.one("Middleware", &format!("kube-system/{users}"));
        assert_eq!(middleware["spec"]["basicAuth"]["secret"], "traefik-users");
    }
}

#[test]
fn nothing_that_k3s_brings_and_the_platform_needs_is_disabled() {
    let config = super::k3s_config(&PRODUCTION);
    assert!(config.get("disable").is_none() && config.get("disable-kube-proxy").is_none(), "{config}");
    // Metrics for autoscalers, names, volumes, the way in.
    let list = PRODUCTION.texts.values().find(|it| it.contains("docker.io/rancher/mirrored-pause")).unwrap();
    for part in [
        "mirrored-metrics-server",
        "mirrored-coredns-coredns",
        "local-path-provisioner",
        "mirrored-library-traefik",
    ] {
        assert!(list.contains(part), "{part} is not in {list}");
    }
    let class = PRODUCTION.one("StorageClass", "local-path-retain");
    assert_eq!(
        (&class["provisioner"], &class["reclaimPolicy"]),
        (&"rancher.io/local-path".into(), &"Retain".into())
    );
}
