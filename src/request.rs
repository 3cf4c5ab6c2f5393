//! What a recipe asks the lock for: one text per entry, compared letter by letter.
//!
//! The text says everything that a different answer could depend on, and nothing else. When it
//! changes, the entry is stale; when it does not, the pin stays.

use crate::recipe::kinds::{Apt, Chart, ChartSource, Fetch, Image, ImageTag, K3sVersion};
use crate::recipe::{Address, Body, Recipe, Settings, Spanned};
use std::collections::BTreeSet;

/// One question to the lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// The entry's id: the node's address, with `#output` where a node has several.
    pub id: String,
    /// The question.
    pub text: String,
}

/// Outputs of a `k3s` node, with the asset that each comes from; `{arch}` is the architecture.
pub const K3S_OUTPUTS: [(&str, &str); 3] =
    [("binary", "k3s{suffix}"), ("images", "k3s-airgap-images-{arch}.tar.zst"), ("list", "k3s-images.txt")];

/// The asset's file name on `arch`: the amd64 binary has no suffix.
pub fn k3s_asset(template: &str, arch: &str) -> String {
    let suffix = if arch == "amd64" { String::new() } else { format!("-{arch}") };
    template.replace("{suffix}", &suffix).replace("{arch}", arch)
}

/// The questions of one node, in the order of their ids; empty for a node that the lock says nothing
/// about.
pub fn requests(recipe: &Recipe, settings: &Settings) -> Vec<Request> {
    let id = || recipe.address.to_string();
    let arch = &settings.arch;
    match &recipe.body {
        Body::Fetch(Fetch::File { url, sha256 }) => {
            let pinned = sha256.map_or(String::new(), |sha256| format!(" {sha256}"));
            vec![Request { id: id(), text: format!("url:{url}{pinned}") }]
        }
        Body::Fetch(Fetch::Git { url, reference }) => {
            vec![Request { id: id(), text: format!("git:{url} ref={reference}") }]
        }
        Body::Apt(it) => {
            let keys: Vec<String> = recipe.files.iter().map(|file| file.blob.to_string()).collect();
            vec![Request { id: id(), text: apt(it, arch, &keys.join("")) }]
        }
        Body::K3s(it) => {
            let version = match &it.version {
                K3sVersion::Channel(channel) => format!("channel={} from {}", channel.value, it.channels),
                K3sVersion::Exact(version) => format!("version={}", version.value),
            };
            let id = id();
            let outputs = K3S_OUTPUTS.iter().map(|(output, asset)| Request {
                id: format!("{id}#{output}"),
                text: format!("k3s:{}/{} {version}", it.releases, k3s_asset(asset, arch)),
            });
            outputs.collect()
        }
        Body::Image(it) => {
            image(it, recipe, arch).map(|text| Request { id: id(), text }).into_iter().collect()
        }
        Body::Chart(it) => chart(it, recipe).map(|text| Request { id: id(), text }).into_iter().collect(),
        Body::Rootfs(_)
        | Body::Disk(_)
        | Body::Manifests(_)
        | Body::Run(_)
        | Body::ImageBuild(_)
        | Body::Secret(_)
        | Body::Host(_)
        | Body::Bundle(_) => Vec::new(),
    }
}

fn image(it: &Image, recipe: &Recipe, arch: &str) -> Option<String> {
    let name = it.name.as_ref()?;
    let which = match &it.tag {
        ImageTag::Exact(tag) => format!(":{tag}"),
        ImageTag::Newest(range) => format!(" semver={range}"),
        ImageTag::None => String::new(),
    };
    let digest = it.digest.map_or_else(String::new, |digest| format!(" digest={digest}"));
    let key = recipe.file(it.cosign_key.as_ref().map(|it| it.value.as_str()));
    let key = key.map_or_else(String::new, |file| format!(" cosign-key={}", file.blob));
    let found_by: Vec<String> = it.found_by.iter().map(|bundle| format!("{FOUND_BY}{bundle}")).collect();
    let found_by = found_by.concat();
    Some(format!("image:{name}{which}{digest} linux/{arch}{key}{found_by}"))
}

/// Before each bundle whose documents need an image that no recipe names.
const FOUND_BY: &str = " for ";

/// The bundles at the end of the request for such an image; empty for every other request.
pub fn found_by(request: &str) -> BTreeSet<Address> {
    let Some(text) = request.strip_prefix("image:") else { return BTreeSet::new() };
    let (_, bundles) = text.split_once(FOUND_BY).unwrap_or_default();
    bundles.split(FOUND_BY).filter_map(|it| it.parse().ok()).collect()
}

fn chart(it: &Chart, recipe: &Recipe) -> Option<String> {
    let source = match it.source.as_ref()? {
        ChartSource::Http { repository, name } => format!("{name} from {repository}"),
        ChartSource::Oci(name) => format!("oci {name}"),
    };
    let version = it.version.as_ref()?;
    let keyring = recipe.file(it.keyring.as_ref().map(|it| it.value.as_str()));
    let keys = keyring.map_or_else(String::new, |file| format!(" keys={}", file.blob));
    let mut text = format!("chart:{source} version={version}{keys}");
    if !it.fingerprints.is_empty() {
        text.extend([" fingerprints=", &list(&it.fingerprints)]);
    }
    Some(text)
}

fn list(items: &[Spanned<String>]) -> String {
    items.iter().map(|it| it.value.as_str()).collect::<Vec<_>>().join(",")
}

/// The question for a closure. Fields that are not given stand as they are, so that what an origin means by
/// default may grow.
fn apt(it: &Apt, arch: &str, keys: &str) -> String {
    let named = [it.origin.map(|it| it.name), it.archive.as_ref().map(|it| it.value.as_str())];
    let archive: Vec<&str> = named.into_iter().flatten().collect();
    let mut text = format!("apt:{} {arch}", archive.join(" at "));
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            text.extend([" ", name, "=", value]);
        }
    };
    add("suites", &list(&it.suites));
    add("components", &list(&it.components));
    add("keys", keys);
    add("fingerprints", &list(&it.fingerprints));
    add("snapshot", it.snapshot.as_ref().map_or("", |it| &it.value));
    add("base", if it.essential { "essential" } else { "none" });
    add("recommends", if it.recommends { "yes" } else { "" });
    add("install", &list(&it.install));
    add("exclude", &list(&it.exclude));
    text
}
