//! From what was built to what a bundle holds.

use crate::build::{ARTIFACT, Built, DOCUMENTS, MANIFEST, RENDERED, chart_file};
use crate::closure::Closure;
use crate::lock::{FilePin, Location, LockedGraph, identity};
use crate::recipe::kinds::{Manifests, OUT, targets};
use crate::recipe::{Address, Body, Kind, Node, Recipe, Reference, Span, Spanned, Table, Value, to_toml};
use gabion_apt::Version;
use gabion_bundle::{BY_HAND, DiskPackage, DiskPackages, EXTRACTOR, Object, PACKAGES, SECRETS, Source, Spec};
use gabion_digest::Sha256;
use gabion_store::{Output, Record, Store};
use std::collections::{BTreeMap, BTreeSet};

/// What the bundle `recipe` holds, in install order: the lock and recipes of its closure, what an empty machine
/// needs first, then K3s, files and documents as the recipe lists them.
pub fn spec(
    locked: &LockedGraph<'_>,
    recipe: &Recipe,
    built: &Built,
    closure: &Closure,
    store: &Store,
) -> Spec {
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
    let (waves, objects) = closure.waves();
    text("deploy/waves.json", waves.as_bytes());
    text("deploy/objects.jsonl", objects.as_bytes());
    let secrets = bundle.secrets.iter().filter_map(|it| project.recipes.get(&it.value.address));
    let secrets = targets(recipe.address.name(), secrets);
    if !secrets.secrets.is_empty() {
        text(SECRETS, secrets.to_text().as_bytes());
    }
    let packages = packages(locked, bundle.base.iter().map(|it| &it.value.address));
    if !packages.disks.is_empty() {
        text(PACKAGES, packages.to_text().as_bytes());
    }
    let file = |path: &str| recipe.files.iter().find(|it| it.path == path);
    if let Some(root) = bundle.trust.as_ref().and_then(|it| file(&it.value)) {
        text("trust/root.json", &root.bytes);
    }
    // The root that is for reading may be one of the chain too.
    for file in bundle.trust_chain.iter().filter_map(|it| file(&it.value)) {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        text(&format!("trust/{name}"), &file.bytes);
    }
    text("extract.py", EXTRACTOR.as_bytes());
    text("VERIFY.md", BY_HAND.as_bytes());
    let is_disk = |it: &&Spanned<Reference>| it.value.address.kind() == Kind::Disk;
    let installer = bundle.installer.as_ref().map(|it| &it.value.address);
    let parts = bundle.installer.iter().chain(bundle.base.iter().filter(is_disk)).chain(&bundle.host);
    let parts = parts.chain(bundle.base.iter().filter(|it| !is_disk(it))).chain(&bundle.deploy);
    let mut there = BTreeSet::new();
    for node in parts.filter_map(|it| project.recipes.get(&it.value.address)) {
        let found = match node.address.kind() {
            Kind::Disk => disk(&node.address, built.record(&recipe.address)).into_iter().collect(),
            _ => parts_of(locked, node, built),
        };
        for mut part in found {
            if Some(&node.address) == installer {
                part.object = Some(Object::Installer { member: part.member.clone() });
            }
            // Layers that two images share stand once.
            if there.insert(part.member.clone()) {
                spec.members.push((part.member, source(store, part.file)));
            }
            spec.objects.extend(part.object);
        }
        if let Body::Host(host) = &node.body {
            let says = host.registries();
            spec.objects.extend(says.map(|(mode, registries)| Object::Registries { mode, registries }));
        }
    }
    spec
}

/// The packages of the systems on these disks, as the lock has them. Of a package that two closures have, a system has the
/// newer version.
fn packages<'a>(locked: &LockedGraph<'_>, nodes: impl Iterator<Item = &'a Address>) -> DiskPackages {
    let body = |address: &Address| locked.graph.project.recipes.get(address).map(|it| &it.body);
    let mut disks = BTreeMap::new();
    for address in nodes {
        let Some(Body::Disk(disk)) = body(address) else { continue };
        let rootfs = disk.rootfs.as_ref().and_then(|it| body(&it.value.address));
        let Some(Body::Rootfs(rootfs)) = rootfs else { continue };
        let closures =
            rootfs.packages.iter().filter_map(|it| locked.locks.apt.get(&it.value.address.to_string()));
        let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
        for deb in closures.flat_map(gabion_lockfile::AptLock::debs) {
            let key = (deb.key.name.to_string(), deb.key.arch.to_string());
            let version = deb.version.to_string();
            let newer = |there: &String| Version::parse(there) >= Version::parse(&version);
            if !found.get(&key).is_some_and(newer) {
                found.insert(key, version);
            }
        }
        let package = |((name, arch), version)| DiskPackage { name, arch, version };
        disks.insert(address.to_string(), found.into_iter().map(package).collect());
    }
    DiskPackages { format: 1, disks }
}

fn source(store: &Store, file: &Output) -> Source {
    Source::File { path: store.path_of(file.blob), size: file.size, blob: file.blob, sha256: file.sha256 }
}

/// A file of a node: where it lies in the bundle, and what it is for.
struct Part<'b> {
    member: String,
    file: &'b Output,
    object: Option<Object>,
}

/// The compressed form of a disk, which was made for the bundle.
fn disk<'b>(address: &Address, made: Option<&'b Record>) -> Option<Part<'b>> {
    let (node, made) = (address.to_string(), made?);
    let (file, size) = (made.outputs.get(&node)?, made.facts.get(&node)?.parse().ok()?);
    let member = format!("content/{node}/{}.img.zst", address.name());
    let object = Some(Object::Disk { node, member: member.clone(), size });
    Some(Part { member, file, object })
}

fn parts_of<'b>(locked: &LockedGraph<'_>, recipe: &Recipe, built: &'b Built) -> Vec<Part<'b>> {
    let address = &recipe.address;
    if let Some((reference, documents)) = image(locked, recipe, built.record(address)) {
        let mut parts: Vec<Part<'b>> = built
            .outputs(address)
            .map(|(_, file)| Part { member: Object::blob_member(&file.sha256), file, object: None })
            .collect();
        if let Some(last) = parts.last_mut() {
            last.object = Some(Object::Image { name: object_name(address), reference, documents });
        }
        return parts;
    }
    if let Body::Manifests(Manifests { artifact: Some(from), .. }) = &recipe.body {
        return with_artifact(address, from.value.address.name(), built);
    }
    let pins = locked.pins(recipe);
    let part = |(output, file): (&String, &'b Output)| {
        let pin = pins.iter().find(|(name, _)| name == output).map(|(_, pin)| pin);
        let name = file_name(address, output, pin);
        let member = format!("content/{address}/{name}");
        let object = object(address, output, pin, file, member.clone());
        Part { member, file, object }
    };
    built.outputs(address).map(part).collect()
}

/// Documents, and what they name that Flux reads: first its blobs, then what says what they are.
fn with_artifact<'b>(address: &Address, name: &str, built: &'b Built) -> Vec<Part<'b>> {
    let (documents, blobs): (Vec<_>, Vec<_>) =
        built.outputs(address).partition(|(output, _)| output.as_str() == DOCUMENTS);
    let blob = |(output, file): (&String, &'b Output)| {
        let manifest = Some(file.sha256).filter(|_| output == ARTIFACT);
        let object = manifest.map(|manifest| Object::Artifact { name: name.to_owned(), manifest });
        Part { member: Object::blob_member(&file.sha256), file, object }
    };
    let document = |(output, file): (&String, &'b Output)| {
        let member = format!("content/{address}/{}", file_name(address, output, None));
        let object = object(address, output, None, file, member.clone());
        Part { member, file, object }
    };
    blobs.into_iter().map(blob).chain(documents.into_iter().map(document)).collect()
}

/// What an image is called, and its documents, where `recipe` is one: pulled or made here.
pub fn image(
    locked: &LockedGraph<'_>,
    recipe: &Recipe,
    record: Option<&Record>,
) -> Option<(String, Vec<Sha256>)> {
    if let Some(pin) = locked.image(recipe) {
        return Some((pin.reference.to_string(), pin.documents));
    }
    let Body::ImageBuild(it) = &recipe.body else { return None };
    let manifest = record?.outputs.get(MANIFEST)?;
    Some((format!("{}:{}", it.name.as_ref()?, it.tag), vec![manifest.sha256]))
}

/// What the archive of an image is called on the host. One that is made here may have the name of one that is pulled.
fn object_name(address: &Address) -> String {
    match address.kind() {
        Kind::ImageBuild => format!("built-{}", address.name()),
        _ => address.name().to_owned(),
    }
}

/// What a file of a node is called: as its author calls it, where that is a plain name.
fn file_name(address: &Address, output: &str, pin: Option<&FilePin<'_>>) -> String {
    let plain = |name: &&str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte);
        !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(good)
    };
    match (address.kind(), output) {
        (Kind::K3s | Kind::Host, "config") => "config.yaml".to_owned(),
        (Kind::Manifests | Kind::Chart, DOCUMENTS) => format!("{}.yaml", address.name()),
        (Kind::Chart, RENDERED) => format!("{}.rendered.yaml", address.name()),
        (Kind::Chart, _) => format!("{}.tgz", address.name()),
        (Kind::Run, OUT) => format!("{}.tar", address.name()),
        _ if matches!(pin.map(|pin| &pin.location), Some(Location::Git { .. })) => {
            format!("{}.tar", address.name())
        }
        _ => {
            let authors = pin.and_then(|pin| match &pin.location {
                Location::Url(url) => url.rsplit('/').next(),
                Location::Registry(_) | Location::Git { .. } => None,
            });
            authors.filter(plain).unwrap_or(output).to_owned()
        }
    }
}

fn object(
    address: &Address,
    output: &str,
    pin: Option<&FilePin<'_>>,
    file: &Output,
    member: String,
) -> Option<Object> {
    let name = address.name().to_owned();
    match (address.kind(), output) {
        (Kind::K3s, "binary") => {
            let version = pin.and_then(|pin| pin.version).unwrap_or_default().to_owned();
            Some(Object::K3sBinary { member, version })
        }
        (Kind::K3s, "images") => Some(Object::K3sImages { member }),
        (Kind::K3s, "config") => Some(Object::K3sConfig { member }),
        // The list of images is for people; a host that finds one would try to pull.
        // What K3s' controller will make of a chart is for people too.
        (Kind::K3s, _) | (Kind::Chart, RENDERED) => None,
        (Kind::Host, _) => Some(Object::NodeConfig { member }),
        (Kind::Manifests | Kind::Chart, DOCUMENTS) => Some(Object::Document { name, member }),
        (Kind::Chart, _) => Some(Object::Chart { file: chart_file(address.name(), file.sha256), member }),
        _ => Some(Object::File { node: address.to_string(), member }),
    }
}

/// The recipes of the closure as one text: overlays and variables applied, comments gone.
fn effective(locked: &LockedGraph<'_>) -> String {
    let mut kinds: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    let mut order = locked.graph.order.clone();
    order.sort_by_key(|recipe| &recipe.address);
    let table =
        |fields: Table, span: &Span| (span.clone(), Node { span: span.clone(), value: Value::Table(fields) });
    for recipe in order {
        let fields = identity(recipe).into_iter();
        let fields = fields.map(|(key, node)| (key.to_owned(), (node.span.clone(), node.clone())));
        let node = table(fields.collect(), &recipe.span);
        let nodes = kinds.entry(recipe.address.kind().name()).or_default();
        nodes.push((recipe.address.name().to_owned(), node));
    }
    let kinds = kinds.into_iter();
    let kinds =
        kinds.map(|(kind, nodes)| (kind.to_owned(), table(nodes.into_iter().collect(), &Span::default())));
    to_toml(&kinds.collect())
}
