//! Small signed bundles for a real system: the stand-in of K3s, and what it is to hold.

use gabion_bundle::{Object, SigningKey, Source, Spec, TrustRoot, assemble_to_path};
use gabion_digest::{DualHasher, Sha256};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testkit/stand-ins/k3s");

/// What a bundle is made of.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    /// The static `gabion-host`.
    pub(crate) installer: PathBuf,
    /// The compressed image of the disk, and its bytes when it is not compressed.
    pub(crate) disk: (PathBuf, u64),
    /// Version of K3s.
    pub(crate) k3s: &'static str,
    /// Its configuration.
    pub(crate) config: &'static str,
    /// Programs, by name.
    pub(crate) programs: &'static [&'static str],
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32], "test")
}

/// Whom hosts trust.
pub(crate) fn trust() -> TrustRoot {
    TrustRoot::single(&key().public_line().unwrap()).unwrap()
}

fn file(path: &Path) -> Source {
    let mut hasher = DualHasher::new();
    let mut from = fs_err::File::open(path).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let count = from.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        size += count as u64;
        hasher.update(&buffer[..count]);
    }
    let done = hasher.finish();
    Source::File { path: path.to_owned(), size, blob: done.blob, sha256: done.sha256 }
}

impl Contents {
    /// Signs it into a file.
    pub(crate) fn write(&self, path: &Path) {
        let mut spec = Spec {
            name: "platform".to_owned(),
            platform: "linux/amd64".to_owned(),
            members: Vec::new(),
            objects: Vec::new(),
        };
        let mut add = |path: &str, source: Source| {
            spec.members.push((path.to_owned(), source));
            path.to_owned()
        };
        let bytes = |text: &[u8]| Source::Bytes(text.to_vec());
        let (waves, lines) = self.waves();
        add("deploy/waves.json", bytes(waves.as_bytes()));
        add("deploy/objects.jsonl", bytes(lines.as_bytes()));
        let installer = add("content/fetch.installer/gabion-host", file(&self.installer));
        let disk = add("content/disk.vps/vps.img.zst", file(&self.disk.0));
        let script = fs_err::read_to_string(STAND_IN).unwrap().replace("v1.34.9+k3s1", self.k3s);
        let binary = add("content/k3s.main/k3s", bytes(script.as_bytes()));
        let config = add("content/k3s.main/config.yaml", bytes(self.config.as_bytes()));
        let layer = self.config.as_bytes();
        let blob = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
        let described = |media: &str, bytes: &[u8]| json!({"mediaType": media, "size": bytes.len(), "digest": Sha256::of(bytes).to_string()});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described("application/vnd.oci.image.config.v1+json", blob),
            "layers": [described("application/vnd.oci.image.layer.v1.tar", layer)],
        });
        let manifest = manifest.to_string();
        for part in [manifest.as_bytes(), blob, layer] {
            add(&Object::blob_member(&Sha256::of(part)), bytes(part));
        }
        spec.objects = vec![
            Object::Installer { member: installer },
            Object::Disk { node: "disk.vps".to_owned(), member: disk, size: self.disk.1 },
            Object::K3sBinary { member: binary, version: self.k3s.to_owned() },
            Object::K3sConfig { member: config },
            Object::Image {
                name: "api".to_owned(),
                reference: "ghcr.invalid/acme/api:1".to_owned(),
                documents: vec![Sha256::of(manifest.as_bytes())],
            },
        ];
        assemble_to_path(&spec, path, Some(&key())).unwrap();
    }

    fn waves(&self) -> (String, String) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}});
        let program = |name: &&str| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "app"}, "spec": {"replicas": 1}});
        let programs: Vec<Value> = self.programs.iter().map(program).collect();
        let mut lines = String::new();
        let mut wave = |name: &str, wait: &str, objects: &[Value]| {
            let listed: Vec<Value> = objects
                .iter()
                .map(|object| {
                    lines.push_str(&object.to_string());
                    lines.push('\n');
                    let version = object["apiVersion"].as_str().unwrap();
                    let group = version.rsplit_once('/').map_or("", |it| it.0);
                    let metadata = &object["metadata"];
                    json!({
                        "object": {"group": group, "kind": object["kind"], "namespace": metadata["namespace"], "name": metadata["name"]},
                        "api_version": version,
                        "from": "manifests.app",
                    })
                })
                .collect();
            json!({"name": name, "phase": "users", "wait": wait, "objects": listed})
        };
        let waves = [wave("namespaces", "active", &[namespace]), wave("users", "available", &programs)];
        (json!({"waves": waves, "left_out": [], "circles": []}).to_string(), lines)
    }
}
