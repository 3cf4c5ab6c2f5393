//! The platform of `recipes/` as a bundle has it: each test reads what was built and asserts a property of it.
//!
//! The recipes are those of this repository, with their real origins; these lead to the miniature upstream, as a mirror does.
//! Only the key of the Debian archive is another one: nobody here can sign for Ubuntu.

mod app;
mod certificates;
mod gitops;
mod k3s;
mod kafka;
mod kube_system;
mod monitoring;
mod network;
mod node;
mod storage;
mod table;

use crate::platform::{copy, edit};
use crate::world::World;
use gabion_upstream::{Content, ORIGINS, Upstream};
use gabion_yaml::{Data, Node};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

/// A built bundle.
pub(crate) struct Built {
    /// Its documents, and the member that each was read from.
    pub(crate) documents: Vec<(String, Value)>,
    /// Every small member that is text.
    pub(crate) texts: BTreeMap<String, String>,
    /// Every member.
    pub(crate) members: Vec<String>,
    /// Small blobs of images and artifacts, by their digests.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
}

/// Production: sealed.
pub(crate) static PRODUCTION: LazyLock<Built> = LazyLock::new(|| build(None));
/// Production with a network.
pub(crate) static CONNECTED: LazyLock<Built> = LazyLock::new(|| build(Some("connected")));
/// A second machine, with a network and certificates that prove nothing.
pub(crate) static STAGING: LazyLock<Built> = LazyLock::new(|| build(Some("staging")));

/// Real origins, and the path of the miniature upstream that stands for each.
const REAL: [(&str, &str); 10] = [
    ("https://prometheus-community.github.io/helm-charts", "/charts"),
    ("https://docker.io", "/docker"),
    ("https://registry-1.docker.io", "/docker"),
    ("https://ghcr.io", "/ghcr"),
    ("https://github.com", "/github"),
    ("https://quay.io", "/quay"),
    ("http://archive.ubuntu.com/ubuntu", "/ubuntu"),
    ("https://update.k3s.io", "/update.k3s"),
    ("https://deb.debian.org/debian", "/debian"),
    ("https://deb.debian.org/debian-security", "/debian-security"),
];

/// The recipes of this repository in a folder of their own.
pub(crate) fn recipes() -> World {
    let mut content = Content::platform();
    content.debian();
    let upstream = Upstream::start(content).unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes"), folder.path());
    let mut config = "[mirror]\n".to_owned();
    let origins: BTreeMap<&str, &str> = REAL.into_iter().chain(ORIGINS).collect();
    for (origin, path) in origins {
        writeln!(config, "\"{origin}\" = \"{}{path}\"", upstream.url()).unwrap();
    }
    fs_err::write(folder.path().join("config.toml"), config).unwrap();
    let world = World { folder, upstream };
    edit(&world, "gabion.toml", "[\"*.toml\"]", "[\"node.toml\", \"platform.toml\"]");
    let keyring = "origin = \"ubuntu:jammy\"\nkeyring = \"trust/demo-archive.asc\"\n";
    edit(&world, "node.toml", "origin = \"ubuntu:jammy\"\n", keyring);
    let keyring = "origin = \"debian:bookworm\"\nkeyring = \"trust/demo-archive.asc\"\n";
    edit(&world, "env/debian.toml", "origin = \"debian:bookworm\"\n", keyring);
    // The demo has a lock of its own.
    fs_err::remove_file(world.path("env/demo.toml")).unwrap();
    world
}

fn build(env: Option<&str>) -> Built {
    let world = recipes();
    let env = env.map(|it| format!(" --env {it}")).unwrap_or_default();
    world.ok(&format!("build bundle.platform{env} -o out/platform.gabion"));
    read(&world.path("out/platform.gabion"))
}

/// What is text in the bundle at `path`.
fn read(path: &Path) -> Built {
    let (documents, members) = (Vec::new(), Vec::new());
    let mut built = Built { documents, texts: BTreeMap::new(), members, blobs: BTreeMap::new() };
    let mut archive = tar::Archive::new(fs_err::File::open(path).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        built.members.push(name.clone());
        let mut bytes = Vec::new();
        entry.by_ref().take(1 << 20).read_to_end(&mut bytes).unwrap();
        if let Some(hex) = name.strip_prefix("content/blobs/sha256/") {
            built.blobs.insert(format!("sha256:{hex}"), bytes.clone());
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let is_object = name.contains("/manifests.") || name.contains("/chart.");
        if is_object && Path::new(&name).extension().is_some_and(|it| it == "yaml") {
            let documents = gabion_yaml::documents(&text).unwrap();
            built.documents.extend(documents.iter().map(|it| (name.clone(), json(&it.node))));
        }
        built.texts.insert(name, text);
    }
    assert!(!built.documents.is_empty(), "{:?}", built.texts.keys());
    built
}

fn json(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(it) => (*it).into(),
        Data::Int(it) => (*it).into(),
        Data::Uint(it) => (*it).into(),
        Data::Float(it) => (*it).into(),
        Data::String(it) => it.as_str().into(),
        Data::List(items) => items.iter().map(json).collect(),
        Data::Map(map) => map.iter().map(|(key, it)| (key.clone(), json(it))).collect(),
    }
}

impl Built {
    /// Every object of a kind, in the order of the bundle.
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.documents.iter().map(|(_, it)| it).filter(|it| it["kind"] == kind).collect()
    }

    /// The object `KIND [NAMESPACE/]NAME`; there is exactly one.
    pub(crate) fn one(&self, kind: &str, name: &str) -> &Value {
        let is = |it: &&Value| name_of(it) == name;
        let found: Vec<_> = self.of(kind).into_iter().filter(is).collect();
        let all: Vec<_> = self.of(kind).into_iter().map(name_of).collect();
        assert_eq!(found.len(), 1, "{kind} {name} is not among {all:?}");
        found[0]
    }
}

/// K3s' configuration.
pub(crate) fn k3s_config(built: &Built) -> Value {
    let is = |(name, text): &(&String, &String)| name.contains("k3s") && text.contains("cluster-init");
    let (_, text) = built.texts.iter().find(is).unwrap_or_else(|| panic!("{:?}", built.members));
    json(&gabion_yaml::documents(text).unwrap()[0].node)
}

/// `NAMESPACE/NAME`, or the name of what has no namespace.
pub(crate) fn name_of(it: &Value) -> String {
    let meta = |key: &str| it["metadata"][key].as_str();
    let name = meta("name").unwrap_or_default();
    meta("namespace").map_or(name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// The items of a list; none where there is no list.
pub(crate) fn items(it: &Value) -> &[Value] {
    it.as_array().map_or(&[], Vec::as_slice)
}

/// A text that must be there.
pub(crate) fn text(it: &Value) -> &str {
    it.as_str().unwrap_or_else(|| panic!("no text: {it}"))
}

/// Bytes of a quantity of Kubernetes, or thousandths of a CPU.
pub(crate) fn quantity(it: &Value) -> u64 {
    let text = it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    let units = [("Ki", 1_u64 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("m", 1)];
    let unit = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (number, factor) = unit.unwrap_or((&text, 1000));
    number.parse::<u64>().unwrap_or_else(|_| panic!("no quantity: {text}")) * factor
}
