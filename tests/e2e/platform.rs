//! The platform of `recipes/` from its miniature upstream: charts are rendered, and the images that documents need are
//! found, decided, pinned and explained.

use crate::world::World;
use gabion_upstream::{Content, Upstream};
use std::fmt::Write as _;
use std::path::Path;

/// What the documents of the platform need, wherever it stands in them.
const NEEDED: [&str; 24] = [
    "docker.demo.gabion.invalid/grafana/grafana:13.1.0",
    "docker.demo.gabion.invalid/grafana/loki:3.7.7",
    "ghcr.demo.gabion.invalid/acme/api-enrichment:v1.1.0",
    "ghcr.demo.gabion.invalid/acme/api-gateway:v1.1.0",
    "ghcr.demo.gabion.invalid/acme/api-generation:v1.1.0",
    "ghcr.demo.gabion.invalid/fluent/fluent-bit:5.1.3",
    "ghcr.demo.gabion.invalid/fluxcd/helm-controller:v1.9.0",
    "ghcr.demo.gabion.invalid/fluxcd/image-automation-controller:v1.9.0",
    "ghcr.demo.gabion.invalid/fluxcd/image-reflector-controller:v1.9.0",
    "ghcr.demo.gabion.invalid/fluxcd/kustomize-controller:v1.9.0",
    "ghcr.demo.gabion.invalid/fluxcd/notification-controller:v1.9.0",
    "ghcr.demo.gabion.invalid/fluxcd/source-controller:v1.9.0",
    "k8s.demo.gabion.invalid/kube-state-metrics/kube-state-metrics:v2.18.0",
    "quay.demo.gabion.invalid/jetstack/cert-manager-cainjector:v1.21.1",
    "quay.demo.gabion.invalid/jetstack/cert-manager-controller:v1.21.1",
    "quay.demo.gabion.invalid/jetstack/cert-manager-webhook:v1.21.1",
    "quay.demo.gabion.invalid/kiwigrid/k8s-sidecar:2.7.1",
    "quay.demo.gabion.invalid/prometheus-operator/prometheus-config-reloader:v0.88.0",
    "quay.demo.gabion.invalid/prometheus-operator/prometheus-operator:v0.88.0",
    // In custom resources.
    "quay.demo.gabion.invalid/prometheus/alertmanager:v0.31.0",
    "quay.demo.gabion.invalid/prometheus/node-exporter:v1.10.2",
    "quay.demo.gabion.invalid/prometheus/prometheus:v3.9.0",
    // One line of an environment variable: the version that the cluster of Kafka uses, and no other.
    "quay.demo.gabion.invalid/strimzi/kafka:1.2.0-kafka-4.3.1",
    "quay.demo.gabion.invalid/strimzi/operator:1.2.0",
];

/// What the gate's probe runs in: K3s brings it, so nothing pins it.
const OF_K3S: &str = "docker.io/rancher/mirrored-library-busybox:1.37.0";

/// Every image that documents name, in order.
fn found() -> Vec<&'static str> {
    let mut all = [NEEDED.as_slice(), &[OF_K3S]].concat();
    all.sort_unstable();
    all
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), to).unwrap();
        }
    }
}

/// The recipes of this repository, the overlay of the demo in force, and an upstream with `more` in it.
pub(crate) fn platform(more: impl FnOnce(&mut Content)) -> World {
    let mut content = Content::platform();
    more(&mut content);
    let upstream = Upstream::start(content).unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes"), folder.path());
    let mut config = "[mirror]\n".to_owned();
    for (origin, mirror) in upstream.mirrors() {
        writeln!(config, "\"{origin}\" = \"{mirror}\"").unwrap();
    }
    fs_err::write(folder.path().join("config.toml"), config).unwrap();
    let world = World { folder, upstream };
    // The configuration lies beside the recipes here, and is none.
    edit(&world, "gabion.toml", "[\"*.toml\"]", "[\"node.toml\", \"platform.toml\"]");
    edit(&world, "gabion.toml", "edition = ", "env = \"demo\"\nedition = ");
    world
}

pub(crate) fn edit(world: &World, file: &str, from: &str, to: &str) {
    let text = fs_err::read_to_string(world.path(file)).unwrap();
    assert!(text.contains(from), "`{file}` has no `{from}`");
    fs_err::write(world.path(file), text.replacen(from, to, 1)).unwrap();
}

fn images(world: &World) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&world.ok("images --json")).unwrap();
    let list = json["images"].as_array().unwrap().iter();
    list.map(|it| it["reference"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_image_that_documents_need_is_found_and_pinned() {
    let world = platform(|_| ());
    world.ok("lock");
    assert_eq!(images(&world), found());
    let lock = fs_err::read_to_string(world.path("env/demo.lock")).unwrap();
    for image in NEEDED {
        assert!(lock.contains(&format!("reference = \"{image}\"")), "{image} is not pinned");
    }
    assert!(!lock.contains(OF_K3S));
    world.ok("build --locked");
    let members = world.ok("bundle ls out/platform.gabion");
    assert!(members.contains("deploy/waves.json"), "{members}");
}

#[test]
fn an_image_in_an_environment_must_be_decided() {
    let world = platform(|content| _ = content.image("/ghcr", "acme/worker", "v1", &["linux/amd64"]));
    let worker = "          env:\n            - name: JOBS\n              value: ghcr.demo.gabion.invalid/acme/worker:v1\n";
    edit(&world, "k8s/app/gateway.yaml", "          env:\n", worker);
    let run = world.run("build");
    assert_eq!(run.code, 8, "{}", run.stderr);
    for told in [
        "Deployment app/api-gateway",
        "ghcr.demo.gabion.invalid/acme/worker:v1",
        "[manifests.apis.images]",
        "k8s/app/gateway.yaml",
    ] {
        assert!(run.stderr.contains(told), "no {told}: {}", run.stderr);
    }
    let decided = "[manifests.apis]\nimages = { include = [\"*/acme/worker:*\"] }\n";
    edit(&world, "platform.toml", "[manifests.apis]\n", decided);
    world.ok("lock");
    assert!(images(&world).contains(&"ghcr.demo.gabion.invalid/acme/worker:v1".to_owned()));
    // Without the decision it is the same sentence again.
    edit(&world, "platform.toml", "images = { include = [\"*/acme/worker:*\"] }\n", "");
    assert!(world.run("lock").stderr.contains("[manifests.apis.images]"));
    let excluded = "[manifests.apis]\nimages = { exclude = { \"*/acme/worker:*\" = \"started by hand\" } }\n";
    edit(&world, "platform.toml", "[manifests.apis]\n", excluded);
    world.ok("lock");
    assert_eq!(images(&world), found());
    let ignored = world.ok("images --ignored");
    assert!(ignored.contains("acme/worker:v1") && ignored.contains("started by hand"), "{ignored}");
}

#[test]
fn a_password_that_would_be_another_one_next_time_fails_the_build_and_names_the_value_to_set() {
    let world = platform(|_| ());
    edit(
        &world,
        "values/monitoring.yaml",
        "    existingSecret: grafana-admin\n",
        "    existingSecret: \"\"\n",
    );
    let run = world.run("build");
    assert_eq!(run.code, 8, "{}", run.stderr);
    for told in ["chart.monitoring", "random", "adminPassword", "charts/grafana/templates/grafana.yaml"] {
        assert!(run.stderr.contains(told), "no {told}: {}", run.stderr);
    }
}

#[test]
fn why_answers_down_to_the_line_of_the_template_and_of_the_value() {
    let world = platform(|_| ());
    // An argument of a controller, which starts it on demand: where somebody asks Let's Encrypt.
    edit(&world, "platform.toml", "[manifests.acme]\nenabled = false", "[manifests.acme]\nenabled = true");
    let why = world.ok("why quay.demo.gabion.invalid/jetstack/cert-manager-acmesolver");
    for told in [
        "bundle.platform",
        "chart.cert-manager",
        "Deployment cert-manager/cert-manager",
        "args",
        "cert-manager/templates/_helpers.tpl:6",
        "cert-manager/values.yaml:24",
    ] {
        assert!(why.contains(told), "no {told}: {why}");
    }
    let why = world.ok("why ghcr.demo.gabion.invalid/acme/api-gateway:v1.1.0");
    assert!(why.contains("k8s/app/gateway.yaml:37"), "{why}");
    assert_eq!(world.run("why ghcr.demo.gabion.invalid/acme/nobody:v1").code, 1);
    let tree = world.ok("tree --images");
    assert!(tree.contains("quay.demo.gabion.invalid/strimzi/kafka:1.2.0-kafka-4.3.1"), "{tree}");
}

#[test]
fn a_chart_sees_the_custom_resources_of_what_it_comes_after() {
    let world = platform(|_| ());
    world.ok("build");
    let rendered = |world: &World| -> String {
        let run = std::process::Command::new("tar")
            .args(["-xOf", "out/platform.gabion", "content/chart.cert-manager/cert-manager.yaml"])
            .current_dir(world.folder.path())
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap()
    };
    assert!(!rendered(&world).contains("kind: ServiceMonitor"));
    // The other way round than the platform has it.
    edit(
        &world,
        "platform.toml",
        "\"manifests.local-path\", \"manifests.issuers\"]",
        "\"manifests.local-path\"]",
    );
    edit(
        &world,
        "platform.toml",
        "namespace = \"cert-manager\"\nvalues = [\"values/cert-manager.yaml\"]\nafter = [\"manifests.namespaces\"]",
        "namespace = \"cert-manager\"\nvalues = [\"values/cert-manager.yaml\"]\nafter = [\"manifests.namespaces\", \"chart.monitoring\"]",
    );
    world.ok("build");
    assert!(rendered(&world).contains("kind: ServiceMonitor"));
}

#[test]
fn two_bundles_differ_by_documents_and_a_lock_that_lacks_an_image_is_stale() {
    let world = platform(|_| ());
    world.ok("build -o out/old.gabion");
    world.ok("key new release --trust root.json --no-passphrase");
    edit(&world, "values/monitoring.yaml", "retention: 15d", "retention: 30d");
    edit(&world, "values/cert-manager.yaml", "webhook:\n", "webhook:\n  image:\n    tag: v1.21.0\n");
    let run = world.run("lock --check");
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("cert-manager-webhook:v1.21.0"), "{}", run.stderr);
    assert_eq!(world.run("build --locked").code, 3);
    edit(&world, "values/cert-manager.yaml", "  image:\n    tag: v1.21.0\n", "");
    world.ok("build -o out/new.gabion");
    for bundle in ["old", "new"] {
        world.ok(&format!("bundle sign out/{bundle}.gabion --key release --trust root.json"));
    }
    let run = world.run("diff out/old.gabion out/new.gabion --trust root.json --exit-code");
    assert_eq!(run.code, 9, "{}", run.stderr);
    assert!(
        run.stdout.contains("Prometheus monitoring/monitoring-kube-prometheus-prometheus"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("15d") && run.stdout.contains("30d"), "{}", run.stdout);
}
