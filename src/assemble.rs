//! From what was built to what a bundle holds.

use crate::build::Built;
use crate::lock::{FilePin, LockedGraph, identity};
use crate::recipe::{Address, Body, Kind, Node, Recipe, Table, Value, to_toml};
use gabion_bundle::{BY_HAND, EXTRACTOR, Object, Source, Spec};
use gabion_store::{Output, Store};

/// What the bundle `recipe` holds, in install order: the lock and recipes of its closure, then K3s,
/// files and documents as the recipe lists them.
pub fn spec(locked: &LockedGraph<'_>, recipe: &Recipe, built: &Built, store: &Store) -> Spec {
    let Body::Bundle(bundle) = &recipe.body else {
        return Spec {
            name: String::new(),
            platform: String::new(),
            members: Vec::new(),
            objects: Vec::new(),
        };
    };
    let project = locked.graph.project;
    let mut spec = Spec {
        name: recipe.address.name().to_owned(),
        platform: format!("linux/{}", project.settings.arch),
        members: Vec::new(),
        objects: Vec::new(),
    };
    let mut text =
        |path: &str, bytes: &[u8]| spec.members.push((path.to_owned(), Source::Bytes(bytes.to_vec())));
    text("lock/gabion.lock", locked.locks.main.to_text().as_bytes());
    for (id, closure) in &locked.locks.apt {
        text(&format!("lock/locks/{id}.lock"), closure.to_text().as_bytes());
    }
    text("recipes/recipes.toml", effective(locked).as_bytes());
    let is_trust = |path: &str| bundle.trust.as_ref().is_some_and(|trust| trust.value == path);
    for file in &recipe.files {
        let name = file.path.rsplit('/').next().filter(|_| !is_trust(&file.path)).unwrap_or("root.json");
        text(&format!("trust/{name}"), &file.bytes);
    }
    text("extract.py", EXTRACTOR.as_bytes());
    text("VERIFY.md", BY_HAND.as_bytes());
    let node_name = bundle.host.as_ref().and_then(|host| host_name(locked, &host.value.address));
    for address in bundle.base.iter().chain(&bundle.deploy).map(|it| &it.value.address) {
        let pins = project.recipes.get(address).map(|recipe| locked.pins(recipe)).unwrap_or_default();
        for (output, file) in built.outputs(address) {
            let (name, object) = describe(&pins, address, output);
            let member = format!("content/{address}/{name}");
            if output == "config"
                && let Some(node_name) = &node_name
            {
                let bytes = store.read_blob(file.blob, 1 << 20).ok().flatten().unwrap_or_default();
                let line = format!("\"node-name\": {}\n", serde_json::Value::from(node_name.as_str()));
                spec.members.push((member.clone(), Source::Bytes([bytes, line.into_bytes()].concat())));
            } else {
                spec.members.push((member.clone(), source(store, file)));
            }
            spec.objects.extend(object(member));
        }
    }
    spec
}

fn source(store: &Store, file: &Output) -> Source {
    Source::File { path: store.path_of(file.blob), size: file.size, blob: file.blob, sha256: file.sha256 }
}

fn host_name(locked: &LockedGraph<'_>, address: &Address) -> Option<String> {
    match &locked.graph.project.recipes.get(address)?.body {
        Body::Host(host) => Some(host.node_name.clone()),
        _ => None,
    }
}

type MakeObject = Box<dyn FnOnce(String) -> Option<Object>>;

/// File name of an output in the bundle, and what it is for.
fn describe(pins: &[(String, FilePin<'_>)], address: &Address, output: &str) -> (String, MakeObject) {
    let pin = pins.iter().find(|(name, _)| name == output).map(|(_, pin)| pin);
    let plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._+~-".contains(&it))
    };
    let name =
        pin.and_then(|pin| pin.url.rsplit('/').next()).filter(plain).filter(|it| !it.starts_with(['.', '-']));
    let name = name.unwrap_or(output).to_owned();
    match (address.kind(), output) {
        (Kind::K3s, "binary") => {
            let version = pin.and_then(|pin| pin.version).unwrap_or_default().to_owned();
            (name, Box::new(move |member| Some(Object::K3sBinary { member, version })))
        }
        (Kind::K3s, "images") => (name, Box::new(|member| Some(Object::K3sImages { member }))),
        (Kind::K3s, "config") => {
            ("config.yaml".to_owned(), Box::new(|member| Some(Object::K3sConfig { member })))
        }
        // The list of images is for people; a host that finds one would try to pull.
        (Kind::K3s, _) => (name, Box::new(|_| None)),
        (Kind::Manifests, _) => {
            let node = address.name().to_owned();
            let file = format!("{node}.yaml");
            (file, Box::new(move |member| Some(Object::Document { name: node, member })))
        }
        _ => {
            let node = address.to_string();
            (name, Box::new(move |member| Some(Object::File { node, member })))
        }
    }
}

/// The recipes of the closure as one text: overlays and variables applied, comments gone.
fn effective(locked: &LockedGraph<'_>) -> String {
    let mut kinds = Table::new();
    let mut order = locked.graph.order.clone();
    order.sort_by_key(|recipe| &recipe.address);
    for recipe in order {
        let place =
            || (recipe.span.clone(), Node { span: recipe.span.clone(), value: Value::Table(Table::new()) });
        let (_, kind) = kinds.entry(recipe.address.kind().name().to_owned()).or_insert_with(place);
        if let Value::Table(nodes) = &mut kind.value {
            let fields = identity(recipe).into_iter();
            let fields = fields.map(|(key, node)| (key.to_owned(), (node.span.clone(), node.clone())));
            let node = Node { span: recipe.span.clone(), value: Value::Table(fields.collect()) };
            nodes.insert(recipe.address.name().to_owned(), (recipe.span.clone(), node));
        }
    }
    to_toml(&kinds)
}
