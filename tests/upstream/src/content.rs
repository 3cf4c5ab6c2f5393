//! What the miniature upstream serves: pure, deterministic, small.

use crate::pack::{tar, zstd_stored};
use crate::{Registry, Repository, charts, pack};
use gabion_digest::Sha256;
use std::collections::BTreeMap;

/// The version of K3s that the channel names.
const K3S: &str = "v1.34.9+k3s1";

/// Bytes by path, redirects by path, and registries by the path that they lie under.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// Files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Redirects to other paths.
    pub redirects: BTreeMap<String, String>,
    /// Registries of images.
    pub registries: BTreeMap<String, Registry>,
    /// Git repositories, by the path that they lie under.
    pub repositories: BTreeMap<String, Repository>,
}

impl Content {
    /// Everything that the platform's recipes ask for.
    pub fn platform() -> Self {
        let mut content = Self::default();
        content.k3s();
        content.flux();
        content.ubuntu();
        content.charts();
        content.images();
        content.gitops();
        content
    }

    fn k3s(&mut self) {
        let channels = format!(
            "{{\"data\":[{{\"id\":\"stable\",\"latest\":\"v1.33.13+k3s1\"}},{{\"id\":\"v1.34\",\"latest\":\"{K3S}\"}}]}}\n"
        );
        self.files.insert("/update.k3s/v1-release/channels".to_owned(), channels.into_bytes());
        let binary =
            b"#!/bin/sh\n# A stand-in for the K3s binary: it only says what it is.\necho 'k3s of the demo'\n"
                .to_vec();
        let images = zstd_stored(&tar(&[
            ("oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}"),
            (
                "index.json",
                b"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}",
            ),
        ]));
        // What K3s itself may start, with what its controllers of charts and of services start on demand.
        let list = ["klipper-helm:v0.10.0", "klipper-lb:v0.4.17", "mirrored-pause:3.6"]
            .map(|image| format!("docker.io/rancher/{image}\n"));
        let list = list.concat().into_bytes();
        let sums = format!(
            "{}  k3s\n{}  k3s-airgap-images-amd64.tar.zst\n",
            Sha256::of(&binary).hex(),
            Sha256::of(&images).hex()
        );
        for (name, bytes) in [
            ("k3s", binary),
            ("k3s-airgap-images-amd64.tar.zst", images),
            ("k3s-images.txt", list),
            ("sha256sum-amd64.txt", sums.into_bytes()),
        ] {
            self.asset("k3s-io/k3s", &K3S.replace('+', "%2B"), name, bytes);
        }
    }

    fn flux(&mut self) {
        let deployment = |name: &str| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels: {{app: {name}}}\n  \
                 template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n        - name: main\n          \
                 image: ghcr.demo.gabion.invalid/fluxcd/{name}-controller:v1.9.0\n"
            )
        };
        let flux = ["source", "kustomize", "helm", "notification"].map(deployment).join("---\n");
        self.asset("fluxcd/flux2", "v2.9.0", "install.yaml", flux.into_bytes());
    }

    fn charts(&mut self) {
        let cert_manager = pack("cert-manager", "1.21.1", "v1.21.1", charts::CERT_MANAGER);
        let strimzi = pack("strimzi-kafka-operator", "1.2.0", "1.2.0", charts::STRIMZI_KAFKA_OPERATOR);
        for (repository, version, bytes) in [
            ("jetstack/charts/cert-manager", "1.21.1", cert_manager),
            ("strimzi-helm/strimzi-kafka-operator", "1.2.0", strimzi),
        ] {
            self.oci_chart("/quay", repository, version, &bytes);
        }
        let monitoring = ["88.5.3", "88.4.0", "89.0.0"].map(|version| {
            let name = "kube-prometheus-stack";
            (name, version, pack(name, version, "v0.88.0", charts::KUBE_PROMETHEUS_STACK))
        });
        self.helm_repository("/charts", &monitoring);
    }

    fn gitops(&mut self) {
        let cluster: &[u8] =
            b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n";
        let mut repository = Repository::default();
        repository.commit(
            "main",
            &[
                ("100644", "clusters/prod/kustomization.yaml", cluster),
                ("100644", "README.md", b"What the cluster runs.\n"),
                ("100755", "check", b"#!/bin/sh\nexec kustomize build clusters/prod\n"),
            ],
        );
        self.repositories.insert("/github/acme/k3s-gitops".to_owned(), repository);
    }

    /// Images for two machines, behind tokens and with blobs that lie elsewhere, as in the large registries.
    fn images(&mut self) {
        const BOTH: &[&str] = &["linux/amd64", "linux/arm64"];
        for name in ["controller", "webhook", "cainjector", "acmesolver"] {
            self.image("/quay", &format!("jetstack/cert-manager-{name}"), "v1.21.1", BOTH);
        }
        self.image("/quay", "strimzi/operator", "1.2.0", BOTH);
        self.image("/quay", "strimzi/kafka", "1.2.0-kafka-4.3.1", BOTH);
        for (name, tag) in [
            ("prometheus/prometheus", "v3.9.0"),
            ("prometheus/alertmanager", "v0.31.0"),
            ("prometheus/node-exporter", "v1.10.2"),
            ("prometheus-operator/prometheus-operator", "v0.88.0"),
            ("prometheus-operator/prometheus-config-reloader", "v0.88.0"),
            ("kube-state-metrics/kube-state-metrics", "v2.18.0"),
            ("ingress-nginx/kube-webhook-certgen", "v1.6.5"),
            ("thanos/thanos", "v0.40.1"),
            ("kiwigrid/k8s-sidecar", "2.7.1"),
        ] {
            self.image("/quay", name, tag, BOTH);
        }
        self.image("/ghcr", "grafana/grafana", "13.1.0", BOTH);
        for name in ["source", "kustomize", "helm", "notification"] {
            self.image("/ghcr", &format!("fluxcd/{name}-controller"), "v1.9.0", BOTH);
        }
        for name in ["gateway", "generation", "enrichment"] {
            self.image("/ghcr", &format!("acme/api-{name}"), "v1.1.0", BOTH);
        }
        for (path, registry) in &mut self.registries {
            registry.tokens = true;
            registry.objects = Some(format!("{path}/objects/"));
        }
    }

    /// A release asset as GitHub serves it: the public location redirects to an object store.
    fn asset(&mut self, repository: &str, tag: &str, name: &str, bytes: Vec<u8>) {
        let object = format!("/github/objects/{}", Sha256::of(&bytes).hex());
        self.redirects.insert(format!("/github/{repository}/releases/download/{tag}/{name}"), object.clone());
        self.files.insert(object, bytes);
    }
}
