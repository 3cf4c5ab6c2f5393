//! What the miniature upstream serves: pure, deterministic, small.

use crate::pack::{tar, zstd_stored};
use crate::{Registry, Repository, charts, pack};
use gabion_digest::Sha256;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The version of K3s that the channel names.
const K3S: &str = "v1.34.9+k3s1";

/// The controllers of Flux that its release installs.
const FLUX: [&str; 6] =
    ["source", "kustomize", "helm", "notification", "image-reflector", "image-automation"];

/// The kinds of Flux, by group.
const FLUX_KINDS: [(&str, &str); 11] = [
    ("helm", "HelmRelease"),
    ("image", "ImagePolicy"),
    ("image", "ImageRepository"),
    ("image", "ImageUpdateAutomation"),
    ("kustomize", "Kustomization"),
    ("notification", "Alert"),
    ("notification", "Provider"),
    ("notification", "Receiver"),
    ("source", "GitRepository"),
    ("source", "HelmRepository"),
    ("source", "OCIRepository"),
];

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

/// A `Secret` as SOPS seals one. Nobody has the identity.
const SEALED: &str = "\
apiVersion: v1
kind: Secret
metadata:
    name: partner
    namespace: app
type: Opaque
stringData:
    token: ENC[AES256_GCM,data:q83vASNFZ4k=,iv:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,tag:ICEiIyQlJicoKSorLC0uLw==,type:str]
sops:
    age:
        - recipient: age1demo
          enc: |
            of the demo: there is no key for it
    encrypted_regex: ^(data|stringData)$
    mac: ENC[AES256_GCM,data:q83vASNFZ4k=,iv:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,tag:ICEiIyQlJicoKSorLC0uLw==,type:str]
    version: 3.11.0
";

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
        let list = [
            "klipper-helm:v0.10.0",
            "klipper-lb:v0.4.17",
            "local-path-provisioner:v0.0.34",
            "mirrored-coredns-coredns:1.14.1",
            "mirrored-library-busybox:1.37.0",
            "mirrored-library-traefik:3.7.4",
            "mirrored-metrics-server:v0.8.1",
            "mirrored-pause:3.6",
        ]
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

    /// The installation of Flux: its namespace, its kinds, and a controller for each part.
    fn flux(&mut self) {
        let mut flux = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: flux-system\n  labels:\n    \
             pod-security.kubernetes.io/warn: restricted\n"
            .to_owned();
        for (group, kind) in FLUX_KINDS {
            let (singular, y) = (kind.to_lowercase(), kind.strip_suffix('y'));
            let plural = y.map_or_else(|| format!("{singular}s"), |it| format!("{}ies", it.to_lowercase()));
            let _written = write!(
                flux,
                "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: \
                 {plural}.{group}.toolkit.fluxcd.io\nspec:\n  group: {group}.toolkit.fluxcd.io\n  names:\n    kind: {kind}\n    \
                 listKind: {kind}List\n    plural: {plural}\n    singular: {singular}\n  scope: Namespaced\n  versions:\n    - name: \
                 v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          type: object\n          \
                 x-kubernetes-preserve-unknown-fields: true\n"
            );
        }
        for name in FLUX {
            let _written = write!(
                flux,
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}-controller\n  namespace: flux-system\nspec:\n  \
                 selector:\n    matchLabels: {{app: {name}-controller}}\n  template:\n    metadata:\n      labels: {{app: \
                 {name}-controller}}\n    spec:\n      containers:\n        - name: manager\n          image: \
                 ghcr.demo.gabion.invalid/fluxcd/{name}-controller:v1.9.0\n          ports: [{{name: http-prom, containerPort: \
                 8080}}]\n          livenessProbe: {{httpGet: {{path: /healthz, port: healthz}}}}\n          readinessProbe: \
                 {{httpGet: {{path: /readyz, port: healthz}}}}\n          resources: {{requests: {{cpu: 100m, memory: 64Mi}}, \
                 limits: {{memory: 1Gi}}}}\n"
            );
        }
        self.asset("fluxcd/flux2", "v2.9.0", "install.yaml", flux.into_bytes());
        // As K3s is one here too: a word in the place of a program.
        self.asset("gabion-build/gabion", "v0.1.0", "gabion-host", b"#!/bin/sh\necho stand-in\n".to_vec());
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
        let cluster = |of: &str| {
            format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{of}]\n")
        };
        let mut repository = Repository::default();
        repository.commit(
            "main",
            &[
                ("100644", "clusters/prod/kustomization.yaml", cluster("../sealed").as_bytes()),
                ("100644", "clusters/sealed/kustomization.yaml", cluster("partner.sops.yaml").as_bytes()),
                ("100644", "clusters/sealed/partner.sops.yaml", SEALED.as_bytes()),
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
            ("ingress-nginx/kube-webhook-certgen", "v1.6.5"),
            ("thanos/thanos", "v0.40.1"),
            ("kiwigrid/k8s-sidecar", "2.7.1"),
        ] {
            self.image("/quay", name, tag, BOTH);
        }
        self.image("/k8s", "kube-state-metrics/kube-state-metrics", "v2.18.0", BOTH);
        self.image("/docker", "grafana/grafana", "13.1.0", BOTH);
        self.image("/docker", "grafana/loki", "3.7.7", BOTH);
        self.image("/ghcr", "fluent/fluent-bit", "5.1.3", BOTH);
        for name in FLUX {
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
