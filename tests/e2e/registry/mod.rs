//! Images from registries on loopback: the miniature one with every fault, and Debian's real one.

mod lies;
mod login;
mod peers;
mod program;
pub(crate) mod real;
mod signed;

use crate::world::World;
use futures_util::future::join_all;
use gabion::config::Config;
use gabion::event::{Event, Events};
use gabion::net::{Client, NetError};
use gabion_digest::Sha256;
use gabion_oci::{Descriptor, Document, Index, Manifest, MediaType, Name, Reference};
use gabion_store::{Expect, Output, Store, StoreError};
use gabion_upstream::{Content, Fault, Seen, Upstream};
use std::sync::mpsc::Receiver;

const APP: &str = "ghcr.demo.gabion.invalid/a/app:1.0";
const API: &str = "/ghcr/v2/a/app";

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A configuration that reaches the origins of the demo there.
fn through(upstream: &Upstream) -> Config {
    let mirrors = upstream.mirrors().into_iter().map(|(origin, to)| (origin, vec![to])).collect();
    Config { mirrors, ..Config::default() }
}

/// A store and a client of one's own.
struct Puller {
    _folder: tempfile::TempDir,
    store: Store,
    client: Client,
    events: Receiver<Event>,
}

impl Puller {
    fn new(config: &Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let (sender, events) = Events::channel();
        let client = Client::new(config, false, &sender).unwrap();
        Self { _folder: folder, store, client, events }
    }

    fn of(upstream: &Upstream) -> Self {
        Self::new(&through(upstream))
    }

    fn document(&self, reference: &str) -> Result<Document, NetError> {
        let raw = wait(self.client.registry().manifest(&reference.parse().unwrap()))?;
        Ok(Document::parse(raw.bytes, Some(&raw.media_type)).unwrap())
    }

    fn index(&self, reference: &str) -> Index {
        match self.document(reference).unwrap() {
            Document::Index(index) => index,
            Document::Manifest(_) => panic!("no index"),
        }
    }

    /// The manifest behind a descriptor of an index of `name`.
    fn open(&self, name: &str, descriptor: &Descriptor) -> Manifest {
        let reference: Reference = name.parse().unwrap();
        let pinned = reference.pinned(descriptor.digest);
        let raw = wait(self.client.registry().manifest(&pinned)).unwrap();
        match descriptor.open(raw.bytes).unwrap() {
            Document::Manifest(manifest) => manifest,
            Document::Index(_) => panic!("no manifest"),
        }
    }

    fn blob(&self, name: &str, blob: &Descriptor) -> Result<Output, NetError> {
        let name: Name = name.parse::<Reference>().unwrap().name().clone();
        wait(self.client.registry().blob(&self.store, &name, (blob.digest, blob.size), "image.app"))
    }

    fn bytes(&self, output: &Output) -> Vec<u8> {
        self.store.read_blob(output.blob, 1 << 30).unwrap().unwrap()
    }

    /// The manifest of `APP` for amd64.
    fn app(&self) -> Manifest {
        let index = self.index(APP);
        self.open(APP, index.choose(&"linux/amd64".parse().unwrap()).unwrap())
    }
}

/// An image behind tokens.
fn app() -> Content {
    let mut content = Content::default();
    content.image("/ghcr", "a/app", "1.0", &["linux/amd64", "linux/arm64"]);
    content.registries.get_mut("/ghcr").unwrap().tokens = true;
    content
}

fn path_of(blob: &Descriptor) -> String {
    format!("{API}/blobs/{}", blob.digest)
}

fn tokens(seen: &[Seen]) -> usize {
    seen.iter().filter(|it| it.path.starts_with("/ghcr/token?")).count()
}

/// The attempts that a failure lists.
#[track_caller]
fn failed<T: std::fmt::Debug>(result: Result<T, NetError>, says: &str) {
    let error = result.unwrap_err();
    let help = error.help().unwrap_or_default();
    assert!(help.contains(says), "no `{says}` in {error:?}");
}

#[test]
fn an_image_is_pulled_with_one_token_and_every_byte_is_right() {
    let upstream = Upstream::start(app()).unwrap();
    let puller = Puller::of(&upstream);
    let manifest = puller.app();
    for blob in manifest.blobs() {
        let output = puller.blob(APP, blob).unwrap();
        assert_eq!(Sha256::of(&puller.bytes(&output)), blob.digest);
    }
    assert_eq!(tokens(&upstream.seen()), 1);
    let scope = "/ghcr/token?service=gabion&scope=repository%3Aa%2Fapp%3Apull";
    assert!(upstream.seen().iter().any(|it| it.path == scope));
    // What is there is not asked for again.
    let before = upstream.seen().len();
    manifest.blobs().for_each(|blob| assert!(puller.blob(APP, blob).is_ok()));
    assert_eq!(upstream.seen().len(), before);
}

#[test]
fn a_token_that_expires_in_the_middle_of_a_layer_is_replaced_and_the_layer_goes_on() {
    let upstream = Upstream::start(app()).unwrap();
    let puller = Puller::of(&upstream);
    let layer = puller.app().layers()[1].clone();
    upstream.fail(&path_of(&layer), [Fault::Cut(700), Fault::Expire]);
    let output = puller.blob(APP, &layer).unwrap();
    assert_eq!(Sha256::of(&puller.bytes(&output)), layer.digest);
    let seen = upstream.seen();
    assert_eq!(tokens(&seen), 2);
    let of_layer: Vec<&Seen> = seen.iter().filter(|it| it.path == path_of(&layer)).collect();
    let statuses: Vec<u16> = of_layer.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [200, 401, 206]);
    assert_eq!(of_layer[2].range.as_deref(), Some("bytes=700-"));
    assert!(of_layer[2].if_range.as_ref().is_some_and(|it| it.starts_with('"')));
}

#[test]
fn blobs_that_wait_for_a_token_share_it() {
    let upstream = Upstream::start(app()).unwrap();
    let puller = Puller::of(&upstream);
    let manifest = puller.app();
    let first = manifest.blobs().next().unwrap();
    upstream.fail(&path_of(first), [Fault::Expire]);
    let name: Name = "ghcr.demo.gabion.invalid/a/app".parse().unwrap();
    let registry = puller.client.registry();
    let all = manifest.blobs().map(|blob| registry.blob(&puller.store, &name, (blob.digest, blob.size), ""));
    assert!(wait(join_all(all)).iter().all(Result::is_ok));
    assert_eq!(tokens(&upstream.seen()), 2);
}

#[test]
fn a_busy_registry_is_asked_again_and_a_refusal_is_not() {
    let upstream = Upstream::start(app()).unwrap();
    let puller = Puller::of(&upstream);
    let path = format!("{API}/manifests/1.0");
    upstream.fail(&path, [Fault::Status(429, "0"), Fault::Status(503, "")]);
    assert_eq!(puller.index(APP).manifests().len(), 2);
    let waits = puller.events.try_iter().filter(|it| matches!(it, Event::Retry { .. })).count();
    assert_eq!(waits, 2);
    let before = upstream.seen().len();
    failed(puller.document(&APP.replace("1.0", "2.0")), "404 Not Found: MANIFEST_UNKNOWN");
    assert_eq!(upstream.seen().len(), before + 1);
    failed(puller.document("ghcr.demo.gabion.invalid/a/other:1"), "NAME_UNKNOWN");
    failed(puller.document("quay.demo.gabion.invalid/a/app:1"), "404");
}

#[test]
fn other_bytes_than_the_digest_says_are_refused_and_not_kept() {
    let mut content = app();
    let other = content.artifact("/ghcr", "a/app", "other", ("application/json", b"{}"), &[]);
    let pinned = Sha256::of(b"what was reviewed");
    let path = |digest: Sha256| format!("{API}/manifests/{digest}");
    content.redirects.insert(path(pinned), path(other));
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let error = puller.document(&format!("ghcr.demo.gabion.invalid/a/app@{pinned}")).unwrap_err();
    assert!(matches!(&error, NetError::Digest { .. }), "{error:?}");
    let help = error.help().unwrap();
    assert!(help.contains(&pinned.to_string()) && help.contains(&other.to_string()), "{help}");
    // A registry that contradicts itself is not believed either.
    let lie =
        "Docker-Content-Digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    upstream.fail(&format!("{API}/manifests/1.0"), [Fault::Header(lie)]);
    assert!(matches!(puller.document(APP), Err(NetError::Digest { .. })));
    assert_eq!(puller.index(APP).manifests().len(), 2);
}

#[test]
fn a_page_instead_of_a_manifest_or_a_layer_is_named() {
    let upstream = Upstream::start(app()).unwrap();
    let puller = Puller::of(&upstream);
    let layer = puller.app().layers()[0].clone();
    upstream.fail(&format!("{API}/manifests/1.0"), [Fault::Body(b"<html>Sign in</html>")]);
    failed(puller.document(APP), "the reply is `text/html`, not a manifest");
    upstream.fail(&path_of(&layer), [Fault::Body(b"<html>Sign in</html>")]);
    let error = puller.blob(APP, &layer).unwrap_err();
    assert!(matches!(error, NetError::Store(StoreError::Mismatch { .. })), "{error:?}");
    assert!(error.help().unwrap().contains("HTML"));
    assert!(puller.blob(APP, &layer).is_ok());
    for (header, says) in [
        ("Content-Type: application/json", "the reply is `application/json`"),
        ("Docker-Content-Digest: sha512:00", "`sha512:00` is not a SHA-256 one"),
    ] {
        upstream.fail(&format!("{API}/manifests/1.0"), [Fault::Header(header)]);
        failed(puller.document(APP), says);
    }
}

#[test]
fn tags_are_listed_over_all_pages() {
    let mut content = Content::default();
    for tag in ["1.10", "1.2", "latest", "a", "Z"] {
        content.image("/quay", "x/y", tag, &["linux/amd64"]);
    }
    content.registries.get_mut("/quay").unwrap().page = 2;
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let tags = wait(puller.client.registry().tags(&"quay.demo.gabion.invalid/x/y".parse().unwrap())).unwrap();
    assert_eq!(tags, ["1.10", "1.2", "Z", "a", "latest"]);
    assert_eq!(upstream.seen().len(), 3);
    let none = wait(puller.client.registry().tags(&"quay.demo.gabion.invalid/x/z".parse().unwrap()));
    failed(none, "NAME_UNKNOWN");
}

#[test]
fn a_chart_is_an_artifact_with_its_signature() {
    let mut content = Content::default();
    let layers: [(&str, &[u8]); 2] =
        [(MediaType::HELM_CHART, b"an archive"), (MediaType::HELM_PROVENANCE, b"a signature")];
    let config = (MediaType::HELM_CONFIG, b"{\"name\":\"strimzi\"}".as_slice());
    content.artifact("/quay", "charts/strimzi", "1.0.0", config, &layers);
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let name = "quay.demo.gabion.invalid/charts/strimzi:1.0.0";
    let Document::Manifest(manifest) = puller.document(name).unwrap() else {
        panic!("a chart has one manifest")
    };
    let chart = manifest.chart().unwrap();
    let bytes = |blob: &Descriptor| puller.bytes(&puller.blob(name, blob).unwrap());
    assert_eq!(bytes(chart.chart), b"an archive");
    assert_eq!(bytes(chart.provenance.unwrap()), b"a signature");
    assert_eq!(bytes(chart.config), config.1);
}

#[test]
fn offline_nothing_is_asked_for() {
    let upstream = Upstream::start(app()).unwrap();
    let client = Client::new(&through(&upstream), true, &Events::silent()).unwrap();
    let error = wait(client.registry().manifest(&APP.parse().unwrap())).unwrap_err();
    assert!(
        matches!(error, NetError::Offline { ref url } if url == "https://ghcr.demo.gabion.invalid/v2/a/app/manifests/1.0")
    );
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_file_that_nobody_pinned_never_goes_on_after_bytes_of_unknown_origin() {
    let recipe = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[bundle.b]\nbase = ['fetch.a']\n";
    let world = World::new(recipe, &[("/a.txt", b"stones of today")]);
    let store = Store::open(&world.path(".store")).unwrap();
    let key = Sha256::of(b"https://up.invalid/a.txt");
    let mut old = store.partial(key, Expect::default()).unwrap().unwrap();
    old.append(b"STONES of").unwrap();
    drop(old);
    world.upstream.fail("/a.txt", [Fault::Cut(6)]);
    world.ok("lock");
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    assert!(lock.contains(&Sha256::of(b"stones of today").hex()), "{lock}");
    let seen = world.upstream.seen();
    // Nothing of yesterday is asked to go on; what this run began is, if the server says that it is the same.
    assert_eq!(seen[0].range, None);
    assert!(seen[1].range.as_deref() == Some("bytes=6-") && seen[1].if_range.is_some(), "{seen:?}");
}
