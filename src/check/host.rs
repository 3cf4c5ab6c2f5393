//! The host below K3s: firewall, network, kernel, and the configuration of K3s itself.

use super::finding::Finding;
use crate::recipe::kinds::{Facts, K3s, Rootfs};
use crate::recipe::lints::RecipeLint;
use crate::recipe::{Body, Project, Recipe, Span, Value};
use gabion_harden::{Cidr, Settings};
use std::collections::BTreeMap;

/// Where K3s' pods and services are unless it is told otherwise (k3s-io/k3s, `--cluster-cidr`, `--service-cidr`).
const NETWORKS: [(&str, &str, &str); 2] =
    [("cluster-cidr", "10.42.0.0/16", "pods"), ("service-cidr", "10.43.0.0/16", "services")];
/// Ports of the cluster's own programs: the API, etcd, the kubelet.
const PORTS: [u16; 4] = [6443, 2379, 2380, 10250];
const MANIFESTS: &str = "/var/lib/rancher/k3s/server/manifests/";
const IMAGES: &str = "/var/lib/rancher/k3s/agent/images/";
/// What K3s brings itself, also where it is switched off (k3s-io/k3s, `manifests/`).
const ADDONS: [&str; 7] =
    ["ccm", "coredns", "local-storage", "metrics-server", "rolebindings", "runtimes", "traefik"];

struct Look<'p> {
    project: &'p Project,
    found: Vec<Finding>,
}

pub(super) fn look(project: &Project) -> Vec<Finding> {
    let mut look = Look { project, found: Vec::new() };
    let k3s = project.recipes.values().find_map(|it| match &it.body {
        Body::K3s(k3s) => Some((it, k3s)),
        _ => None,
    });
    let mut settled = false;
    for recipe in project.recipes.values() {
        let Body::Rootfs(rootfs) = &recipe.body else { continue };
        look.files(recipe, rootfs);
        let Some(settings) = rootfs.settings(&recipe.files, &Facts::default()) else { continue };
        if settings.k3s.is_none() {
            continue;
        }
        settled = true;
        look.firewall(recipe, rootfs, &settings, k3s.map(|it| it.1));
        look.network(recipe, rootfs, &settings);
        look.kernel(recipe, rootfs, &settings);
    }
    for recipe in project.recipes.values() {
        if let Body::K3s(it) = &recipe.body {
            look.k3s(recipe, it, settled);
        }
    }
    look.found
}

impl Look<'_> {
    fn tell(&mut self, lint: RecipeLint, recipe: &Recipe, span: &Span, why: impl Into<String>, help: &str) {
        let it = Finding::of_recipe(lint, Some(&recipe.address), Some(span), self.project, why.into());
        self.found.push(it.help(help));
    }

    fn firewall(&mut self, recipe: &Recipe, rootfs: &Rootfs, settings: &Settings, k3s: Option<&K3s>) {
        let Some(firewall) = &settings.firewall else { return };
        let span = rootfs.span_of("firewall");
        if !firewall.is_open(PORTS[0]) {
            let why = "nobody outside of the host reaches the API server on 6443";
            let help = "add `\"6443/tcp from NETWORK\"` to `allow`, with the operator's network";
            self.tell(RecipeLint::ApiUnreachable, recipe, span, why, help);
        }
        for port in PORTS.into_iter().filter(|port| firewall.is_open_to_all(*port)) {
            let help = format!("say from where: `\"{port}/tcp from NETWORK\"` in `allow`");
            self.tell(RecipeLint::Exposed, recipe, span, format!("everybody reaches port {port}"), &help);
        }
        for (key, usual, who) in NETWORKS {
            for network in networks(k3s, key, usual) {
                if !firewall.admits(&network) {
                    let why = format!("what {who} of K3s send to the host does not reach it ({network})");
                    self.tell(
                        RecipeLint::PodsBlocked,
                        recipe,
                        span,
                        why,
                        &format!("add `\"from {network}\"` to `allow`"),
                    );
                }
            }
        }
    }

    fn network(&mut self, recipe: &Recipe, rootfs: &Rootfs, settings: &Settings) {
        let network = &settings.network;
        if !network.dhcp && !network.addresses.is_empty() && network.gateways.is_empty() {
            let why = "the host has no default route, without which K3s does not start";
            let help = "add `gateways = [\"…\"]`; without any network, one of a dummy interface will do";
            self.tell(RecipeLint::NoRoute, recipe, rootfs.span_of("network"), why, help);
        }
    }

    fn kernel(&mut self, recipe: &Recipe, rootfs: &Rootfs, settings: &Settings) {
        for (key, wanted, set) in gabion_harden::against_k3s(settings) {
            let why = format!("`{key}` is {set} here, and K3s needs {wanted}");
            self.tell(RecipeLint::Kernel, recipe, rootfs.span_of("sysctl"), why, "take it out of `sysctl`");
        }
    }

    fn files(&mut self, recipe: &Recipe, rootfs: &Rootfs) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let span = rootfs.span_of("files");
        for path in rootfs.file_paths() {
            let path = format!("/{}", path.trim_start_matches('/'));
            if let Some(rest) = path.strip_prefix(MANIFESTS) {
                let file = rest.rsplit('/').next().unwrap_or_default();
                let taken =
                    [".yaml", ".yml", ".json"].iter().any(|it| file.ends_with(it)) && !file.starts_with('.');
                let name = file.split('.').next().unwrap_or_default().to_owned();
                let why = if !taken {
                    Some("K3s takes only files that end in `.yaml`, `.yml` or `.json`".to_owned())
                } else if !is_label(&name) {
                    Some(format!("`{name}` is no name of an object: lowercase letters, digits and `-`"))
                } else if ADDONS.contains(&name.as_str()) {
                    Some(format!("K3s brings a `{name}` itself, and would write over it"))
                } else {
                    seen.get(&name).map(|other| format!("`{other}` has the same name up to the first dot"))
                };
                if let Some(why) = why {
                    self.tell(
                        RecipeLint::AddonName,
                        recipe,
                        span,
                        format!("`{path}`: {why}"),
                        "give the file another name",
                    );
                }
                seen.insert(name, path.clone());
            }
            if path.strip_prefix(IMAGES).and_then(|it| it.rsplit_once('.')).is_some_and(|it| it.1 == "txt") {
                let why = format!("`{path}` is a list of images that K3s pulls when it starts");
                self.tell(
                    RecipeLint::ImageList,
                    recipe,
                    span,
                    why,
                    "take it out: images travel in the bundle",
                );
            }
        }
    }

    fn k3s(&mut self, recipe: &Recipe, it: &K3s, settled: bool) {
        let value = |key: &str| it.config.get(key).map(|(span, node)| (span, &node.value));
        let is_true = |key: &str| match value(key) {
            Some((_, Value::Bool(it))) => *it,
            Some((_, Value::String(it))) => it == "true",
            _ => false,
        };
        if !is_true("secrets-encryption") {
            let span = value("secrets-encryption").map_or(&recipe.span, |it| it.0);
            let help = "add `secrets-encryption = true` to its `config`, before the first start";
            self.tell(RecipeLint::EtcdInClear, recipe, span, "Secrets lie in etcd as they are", help);
        }
        if let Some((span, Value::String(mode))) = value("write-kubeconfig-mode")
            && u32::from_str_radix(mode, 8).is_ok_and(|it| it & 0o077 != 0)
        {
            let why = format!("with mode {mode} others than root can read the administrator's key");
            self.tell(RecipeLint::Kubeconfig, recipe, span, why, "write `write-kubeconfig-mode = \"0600\"`");
        }
        let hosts =
            self.project.recipes.values().any(|it| matches!(&it.body, Body::Rootfs(it) if it.is_host));
        if let Some((span, _)) = value("protect-kernel-defaults").filter(|_| hosts && !settled)
            && is_true("protect-kernel-defaults")
        {
            let why = "no `[rootfs.NAME]` sets what the kubelet will ask the kernel for";
            self.tell(
                RecipeLint::KernelUnset,
                recipe,
                span,
                why,
                "add `k3s = {}` to the `[rootfs.NAME]` of the host",
            );
        }
    }
}

/// The networks that the configuration of K3s names, or the usual one.
fn networks(k3s: Option<&K3s>, key: &str, usual: &str) -> Vec<Cidr> {
    let said = k3s.and_then(|it| it.config.get(key)).map(|(_, node)| &node.value);
    let texts: Vec<&str> = match said {
        Some(Value::String(text)) => text.split(',').collect(),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|it| if let Value::String(text) = &it.value { Some(text.as_str()) } else { None })
            .collect(),
        _ => vec![usual],
    };
    texts.into_iter().filter_map(|it| it.trim().parse().ok()).collect()
}

/// RFC 1123.
fn is_label(text: &str) -> bool {
    let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
