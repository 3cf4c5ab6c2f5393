//! A host in a folder, and small signed bundles for it.

use super::super::*;
use crate::disk::facts::architecture;
use crate::spool;
use gabion_bundle::{
    DiskPackage, DiskPackages, Mode, Object, PACKAGES, Policy, SigningKey, Source, Spec, Stage, Time,
    TrustRoot, assemble, sign_bundle,
};
use gabion_digest::Sha256;
use serde_json::{Value, json};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const NOW: u64 = 1_795_000_000;
const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/testkit/stand-ins");

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], "test")
}

fn trust() -> TrustRoot {
    TrustRoot::single(&key().public_line().unwrap()).unwrap()
}

/// What a bundle is made of.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    pub(super) k3s: &'static str,
    pub(super) config: &'static str,
    pub(super) image: &'static str,
    pub(super) disk: Option<&'static str>,
    /// Another architecture than this machine's.
    pub(super) arch: Option<&'static str>,
    /// What kind of host it is, and its registries.
    pub(super) mode: Option<(Mode, &'static [&'static str])>,
    /// Packages of the disk: name, architecture and version.
    pub(super) packages: &'static [[&'static str; 3]],
    /// Waves: what is waited for, and objects.
    pub(super) waves: Vec<(&'static str, Vec<Value>)>,
}

/// The objects of every first bundle: a definition, a namespace, a program, a resource of the definition's kind.
pub(super) fn contents() -> Contents {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.a.example"},
        "spec": {"group": "a.example", "names": {"kind": "Thing", "plural": "things"}, "scope": "Namespaced"}});
    Contents {
        k3s: "v1.34.9+k3s1",
        config: "cluster-init: true\n",
        image: "one",
        disk: None,
        arch: None,
        mode: None,
        packages: &[],
        waves: vec![
            ("established", vec![crd]),
            ("active", vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}})]),
            ("nothing", vec![config_map("settings", "1")]),
            ("available", vec![deployment("api", 1), thing("first")]),
        ],
    }
}

pub(super) fn deployment(name: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "app"}, "spec": {"replicas": replicas}})
}

pub(super) fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "app"}, "data": {"value": value}})
}

pub(super) fn thing(name: &str) -> Value {
    json!({"apiVersion": "a.example/v1", "kind": "Thing", "metadata": {"name": name, "namespace": "app"}})
}

impl Contents {
    fn spec(&self) -> Spec {
        let mut spec = Spec {
            name: "platform".to_owned(),
            platform: format!("linux/{}", self.arch.unwrap_or(&architecture())),
            members: Vec::new(),
            objects: Vec::new(),
        };
        let mut add = |path: &str, bytes: Vec<u8>| {
            spec.members.push((path.to_owned(), Source::Bytes(bytes)));
            path.to_owned()
        };
        let (waves, lines) = self.waves();
        add("deploy/waves.json", waves.into_bytes());
        add("deploy/objects.jsonl", lines.into_bytes());
        let script = fs_err::read_to_string(Path::new(STAND_INS).join("k3s")).unwrap();
        let script = script.replace("v1.34.9+k3s1", self.k3s);
        let binary = add("content/k3s.main/k3s", script.into_bytes());
        let config = add("content/k3s.main/config.yaml", self.config.as_bytes().to_vec());
        // The smallest image: a configuration and one layer.
        let layer = self.image.as_bytes().to_vec();
        let config_blob =
            br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#.to_vec();
        let described = |media: &str, bytes: &[u8]| json!({"mediaType": media, "size": bytes.len(), "digest": Sha256::of(bytes).to_string()});
        let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described("application/vnd.oci.image.config.v1+json", &config_blob),
            "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)]});
        let manifest = manifest.to_string().into_bytes();
        let documents = vec![Sha256::of(&manifest)];
        for blob in [manifest, config_blob, layer] {
            add(&Object::blob_member(&Sha256::of(&blob)), blob);
        }
        spec.objects = vec![
            Object::K3sBinary { member: binary, version: self.k3s.to_owned() },
            Object::K3sConfig { member: config },
            Object::Image {
                name: "api".to_owned(),
                reference: "ghcr.invalid/acme/api:1".to_owned(),
                documents,
            },
        ];
        if let Some((mode, registries)) = self.mode {
            let registries = registries.iter().map(|it| (*it).to_owned()).collect();
            spec.objects.push(Object::Registries { mode, registries });
        }
        if let Some(disk) = self.disk {
            let member = "content/disk.vps/vps.img.zst".to_owned();
            spec.members.push((member.clone(), Source::Bytes(disk.as_bytes().to_vec())));
            if !self.packages.is_empty() {
                let package = |[name, arch, version]: &[&str; 3]| DiskPackage {
                    name: (*name).to_owned(),
                    arch: (*arch).to_owned(),
                    version: (*version).to_owned(),
                };
                let packages = self.packages.iter().map(package).collect();
                let disks = [("disk.vps".to_owned(), packages)].into();
                let text = DiskPackages { format: 1, disks }.to_text();
                spec.members.push((PACKAGES.to_owned(), Source::Bytes(text.into_bytes())));
            }
            spec.objects.push(Object::Disk { node: "disk.vps".to_owned(), member, size: 1 << 20 });
        }
        spec
    }

    fn waves(&self) -> (String, String) {
        let mut lines = String::new();
        let waves: Vec<Value> = self.waves.iter().enumerate().map(|(at, (wait, objects))| {
            let objects: Vec<Value> = objects.iter().map(|object| {
                lines.push_str(&object.to_string());
                lines.push('\n');
                let version = object["apiVersion"].as_str().unwrap();
                let group = version.rsplit_once('/').map_or("", |it| it.0);
                let metadata = &object["metadata"];
                let mut listed = json!({"object": {"group": group, "kind": object["kind"], "namespace": metadata["namespace"], "name": metadata["name"]},
                    "api_version": version, "from": "manifests.app"});
                if let Some(hook) = metadata["annotations"]["helm.sh/hook"].as_str() {
                    listed["hook"] = json!({"events": [hook], "weight": 0, "delete": ["before-hook-creation", "hook-succeeded"]});
                }
                listed
            }).collect();
            json!({"name": format!("wave-{at}"), "phase": "users", "wait": wait, "objects": objects})
        }).collect();
        (json!({"waves": waves, "left_out": [], "circles": []}).to_string(), lines)
    }
}

/// A host.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("usr/bin")).unwrap();
        fs_err::copy(Path::new(STAND_INS).join("systemctl"), folder.path().join("usr/bin/systemctl"))
            .unwrap();
        Self { folder }
    }

    pub(super) fn host(&self) -> Host<'static> {
        self.host_at(NOW)
    }

    pub(super) fn host_at(&self, now: u64) -> Host<'static> {
        self.host_that_tells(now, &|_| {})
    }

    fn host_that_tells<'t>(&self, now: u64, tell: &'t Tell<'t>) -> Host<'t> {
        let patience = Patience { limit: Duration::from_millis(400), pause: Duration::from_millis(100) };
        // A program that another test starts holds the lock for a moment, until it is another program.
        loop {
            match Host::open(self.folder.path(), now, patience, tell) {
                Err(crate::HostError::Busy { .. }) => std::thread::yield_now(),
                other => break other.unwrap(),
            }
        }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A file that changes how the stand-in behaves.
    pub(super) fn knob(&self, name: &str, text: Option<&str>) {
        let path = self.path("var/lib/rancher/k3s/server/stand-in").join(name);
        match text {
            Some(text) => fs_err::write(path, text).unwrap(),
            None => fs_err::remove_file(path).unwrap(),
        }
    }

    /// What the stand-ins were asked to do, since the last time.
    pub(super) fn calls(&self) -> Vec<String> {
        let path = self.path("var/lib/rancher/k3s/server/stand-in/calls.log");
        let text = fs_err::read_to_string(&path).unwrap_or_default();
        let _gone = fs_err::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }

    /// The names of objects in the cluster that are `app`'s.
    pub(super) fn objects(&self) -> Vec<String> {
        let text = fs_err::read_to_string(self.path("var/lib/rancher/k3s/server/stand-in/objects"))
            .unwrap_or_default();
        let objects: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
        objects.keys().filter(|it| it.contains("|app|")).cloned().collect()
    }

    /// Applies a bundle as a command would: into the packs first.
    pub(super) fn apply(&self, contents: &Contents, wishes: Wishes) -> Result<Outcome, LiveError> {
        apply_at(&self.host(), contents, wishes)
    }

    pub(super) fn current(&self) -> Option<Generation> {
        Generation::current(&self.host().root).unwrap()
    }

    pub(super) fn events(&self) -> Vec<(String, u64)> {
        history(&self.host().root).unwrap().into_iter().map(|it| (it.event, it.generation)).collect()
    }
}

pub(super) fn verified(contents: &Contents) -> (Vec<u8>, TrustRoot) {
    let mut bundle = Cursor::new(Vec::new());
    assemble(&contents.spec(), &mut bundle).unwrap();
    sign_bundle(&mut bundle, &key()).unwrap();
    (bundle.into_inner(), trust())
}

pub(super) fn apply_at(host: &Host<'_>, contents: &Contents, wishes: Wishes) -> Result<Outcome, LiveError> {
    let (bytes, trust) = verified(contents);
    let policy = Policy::new(&trust, Time::from_unix(NOW).unwrap(), Stage::Install);
    let (_, mut bundle) = spool::take(&host.root, Cursor::new(bytes), &policy)?;
    host.apply(&mut bundle, Accepted { root: trust.to_text(), at: NOW, promotion: None }, wishes)
}

/// The same, with every line that was told meanwhile.
pub(super) fn apply_told(world: &World, contents: &Contents) -> (Result<Outcome, LiveError>, Vec<String>) {
    let said = std::cell::RefCell::new(Vec::new());
    let tell = |line: &str| said.borrow_mut().push(line.to_owned());
    let ended = apply_at(&world.host_that_tells(NOW, &tell), contents, Wishes::default());
    (ended, said.into_inner())
}
