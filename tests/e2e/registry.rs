//! Images from registries on loopback: the miniature one with every fault, and Debian's real one.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use crate::world::World;
use futures_util::future::join_all;
use gabion::config::{Config, Credential};
use gabion::event::{Event, Events};
use gabion::net::{Client, NetError};
use gabion_digest::Sha256;
use gabion_oci::{Archive, Descriptor, Document, Image, Index, Manifest, MediaType, Name, Reference};
use gabion_store::{Expect, Output, Store, StoreError};
use gabion_upstream::{Content, Fault, Seen, Upstream};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

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
        wait(self.client.registry().blob(&self.store, &name, blob, "image.app"))
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
    let all = manifest.blobs().map(|blob| registry.blob(&puller.store, &name, blob, ""));
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
fn a_redirect_takes_no_credential_along_and_goes_on_after_a_cut() {
    let objects = Upstream::start(app()).unwrap();
    let mut content = app();
    content.registries.get_mut("/ghcr").unwrap().objects = Some(format!("{}/ghcr/objects/", objects.url()));
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let layer = puller.app().layers()[0].clone();
    objects.fail(&format!("/ghcr/objects/{}", layer.digest.hex()), [Fault::Cut(50)]);
    let output = puller.blob(APP, &layer).unwrap();
    assert_eq!(Sha256::of(&puller.bytes(&output)), layer.digest);
    let there = objects.seen();
    assert_eq!(there.iter().map(|it| it.status).collect::<Vec<_>>(), [200, 206]);
    assert!(there.iter().all(|it| it.authorization.is_none()), "{there:?}");
    assert!(upstream.seen().iter().any(|it| it.path == path_of(&layer) && it.authorization.is_some()));
}

#[test]
fn a_challenge_from_elsewhere_is_not_answered() {
    let elsewhere = Upstream::start(app()).unwrap();
    let mut content = app();
    // The registry sends us to another one, which asks who we are.
    content.registries.get_mut("/ghcr").unwrap().objects =
        Some(format!("{}{API}/blobs/sha256:", elsewhere.url()));
    let upstream = Upstream::start(content).unwrap();
    let puller = Puller::of(&upstream);
    let layer = puller.app().layers()[0].clone();
    failed(puller.blob(APP, &layer), "HTTP 401 from where the registry redirects to");
    assert_eq!(tokens(&elsewhere.seen()), 0);
}

/// `user` in base64 for the password, and the configuration that has it for the server.
fn login(upstream: &Upstream, password: &str) -> Config {
    let credential = Credential { username: Some("me".to_owned()), secret: password.to_owned() };
    let credentials = [(upstream.url().replace("http://", ""), credential)].into();
    Config { credentials, ..through(upstream) }
}

fn private() -> Upstream {
    let mut content = app();
    // `me:secret`
    content.registries.get_mut("/ghcr").unwrap().login = Some("bWU6c2VjcmV0".to_owned());
    Upstream::start(content).unwrap()
}

#[test]
fn the_password_goes_to_the_endpoint_of_tokens_and_nowhere_else() {
    let upstream = private();
    let puller = Puller::new(&login(&upstream, "secret"));
    let layer = puller.app().layers()[0].clone();
    assert!(puller.blob(APP, &layer).is_ok());
    for it in upstream.seen() {
        let basic = it.authorization.is_some_and(|text| text.starts_with("Basic "));
        assert_eq!(basic, it.path.starts_with("/ghcr/token?"), "{}", it.path);
    }
    failed(Puller::new(&login(&upstream, "wrong")).document(APP), "no token: HTTP 401");
    failed(Puller::of(&upstream).document(APP), "no token: HTTP 401");
    let said = format!("{:?}", Puller::new(&login(&upstream, "secret")).client);
    assert!(!said.contains("secret\"") && !said.contains("bWU6c2VjcmV0"), "{said}");
}

#[test]
fn dockers_login_is_used_where_gabion_has_none() {
    let upstream = private();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let host = upstream.url().replace("http://", "");
    fs_err::write(&file, format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6c2VjcmV0"}}}}}}"#)).unwrap();
    let docker = Config { docker: Some(file.clone()), ..through(&upstream) };
    assert_eq!(Puller::new(&docker).index(APP).manifests().len(), 2);
    // Gabion's own comes first.
    let wrong = Config { docker: Some(file.clone()), ..login(&upstream, "wrong") };
    failed(Puller::new(&wrong).document(APP), "no token: HTTP 401");
    // A helper that is not there is said, and nobody is asked for a password.
    fs_err::write(&file, r#"{"credsStore":"not-there"}"#).unwrap();
    let puller = Puller::new(&docker);
    failed(puller.document(APP), "no token: HTTP 401");
    let warned =
        puller.events.try_iter().any(|it| matches!(it, Event::Warning(text) if text.contains("`not-there`")));
    assert!(warned);
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

/// Whether `programs` are here; without them the test is skipped visibly, and fails where nothing may be.
fn has(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|it| {
        Command::new(it).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
    });
    let Some(missing) = missing else { return true };
    assert!(std::env::var_os("CI").is_none(), "`{missing}` is missing");
    eprintln!("skipped: `{missing}` is not installed");
    false
}

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let out = Command::new(program).args(arguments).output().unwrap();
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

#[test]
fn skopeo_pulls_from_the_miniature_registry_and_finds_what_the_configuration_says() {
    if !has(&["skopeo"]) {
        return;
    }
    let mut content = Content::default();
    let digest = content.image("", "a/app", "1.0", &["linux/amd64", "linux/arm64"]);
    let registry = content.registries.get_mut("").unwrap();
    (registry.tokens, registry.page) = (true, 1);
    let upstream = Upstream::start(content).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = format!("dir:{}", folder.path().display());
    let from = format!("{}/a/app:1.0", upstream.url().replace("http:", "docker:"));
    let raw = run("skopeo", &["inspect", "--tls-verify=false", "--raw", &from]);
    assert_eq!(Sha256::of(&raw), digest);
    // Layers are named by their plain bytes: Go's own gzip and zstd read ours.
    let plain = ["copy", "--quiet", "--override-arch=amd64", "--src-tls-verify=false", "--dest-decompress"];
    run("skopeo", &[&plain[..], &[&from, &to]].concat());
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(folder.path().join("manifest.json")).unwrap()).unwrap();
    let read = |digest: &serde_json::Value| {
        let hex = digest.as_str().unwrap().trim_start_matches("sha256:").to_owned();
        fs_err::read(folder.path().join(hex)).unwrap()
    };
    let config: serde_json::Value = serde_json::from_slice(&read(&manifest["config"]["digest"])).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    let ids: Vec<String> = layers.iter().map(|it| Sha256::of(&read(&it["digest"])).to_string()).collect();
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(ids));
}

#[test]
fn an_archive_of_pulled_images_holds_what_the_registry_has() {
    if !has(&["skopeo"]) {
        return;
    }
    let upstream = Upstream::start(app()).unwrap();
    let puller = Puller::of(&upstream);
    let (index, manifest) = (puller.index(APP), puller.app());
    manifest.blobs().for_each(|blob| assert!(puller.blob(APP, blob).is_ok()));
    let image = Image::new(APP.parse().unwrap(), Some(index.clone()), manifest.clone()).unwrap();
    let archive = Archive::new([&image]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("gabion-images-{}.tar", &archive.id().hex()[..16]));
    let mut file = fs_err::File::create(&path).unwrap();
    let mut blob = |digest: &Sha256, out: &mut dyn Write| {
        let (blob, _) = puller.store.by_sha256(*digest).map_err(io::Error::other)?.unwrap();
        let (mut file, _) = puller.store.open_blob(blob).map_err(io::Error::other)?.unwrap();
        io::copy(&mut file, out).map(drop)
    };
    archive.write(&mut file, &mut blob).unwrap();
    assert_eq!(fs_err::metadata(&path).unwrap().len(), archive.size());
    let from = format!("oci-archive:{}:{APP}", path.display());
    assert_eq!(run("skopeo", &["inspect", "--raw", &from]), index.bytes());
    let to = format!("dir:{}/out", folder.path().display());
    run("skopeo", &["copy", "--quiet", "--override-arch=amd64", &from, &to]);
    assert_eq!(fs_err::read(folder.path().join("out/manifest.json")).unwrap(), manifest.bytes());
}

/// Debian's registry with one user, `me` with `secret`.
struct Real {
    child: Child,
    folder: tempfile::TempDir,
    host: String,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Real {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = free.local_addr().unwrap().to_string();
        drop(free);
        let path = |name: &str| folder.path().join(name);
        fs_err::write(path("users"), run("htpasswd", &["-Bbn", "me", "secret"])).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: '{}'}}\n\
             http: {{addr: '{host}'}}\nauth:\n  htpasswd: {{realm: gabion, path: '{}'}}\n",
            path("data").display(),
            path("users").display()
        );
        fs_err::write(path("config.yml"), config).unwrap();
        let log = fs_err::File::create(path("log")).unwrap().into_file();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(path("config.yml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while std::net::TcpStream::connect(&host).is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "{}",
                fs_err::read_to_string(path("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, folder, host }
    }

    /// Pushes an image of the files of a package; gives its reference.
    fn push(&self, package: &str) -> String {
        let text = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (layout, image, root) = (text("layout"), text("layout:1"), text("root"));
        copy_package(package, Path::new(&root));
        run("umoci", &["init", "--layout", &layout]);
        run("umoci", &["new", "--image", &image]);
        run("umoci", &["insert", "--rootless", "--image", &image, &format!("{root}/usr"), "/usr"]);
        let reference = format!("{}/debian/{package}:1", self.host);
        let to = format!("docker://{reference}");
        let push =
            ["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds=me:secret"];
        run("skopeo", &[&push[..], &[&format!("oci:{image}"), &to]].concat());
        reference
    }

    fn config(&self, password: &str) -> Config {
        let credential = Credential { username: Some("me".to_owned()), secret: password.to_owned() };
        Config {
            mirrors: vec![(format!("https://{}", self.host), vec![format!("http://{}", self.host)])],
            credentials: [(self.host.clone(), credential)].into(),
            ..Config::default()
        }
    }
}

/// Copies the files of an installed package.
fn copy_package(package: &str, to: &Path) {
    let list = String::from_utf8(run("dpkg", &["-L", package])).unwrap();
    for from in list.lines().map(Path::new).filter(|it| it.starts_with("/usr") && it.is_file()) {
        let to = to.join(from.strip_prefix("/").unwrap());
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::copy(from, to).unwrap();
    }
}

#[test]
fn an_image_of_a_real_package_comes_back_byte_for_byte_from_a_real_registry() {
    if !has(&["docker-registry", "htpasswd", "skopeo", "umoci", "dpkg"]) {
        return;
    }
    let real = Real::start();
    let reference = real.push("coreutils");
    let puller = Puller::new(&real.config("secret"));
    let Document::Manifest(manifest) = puller.document(&reference).unwrap() else { panic!("one machine") };
    let inspect = ["inspect", "--tls-verify=false", "--creds=me:secret", "--format={{.Digest}}"];
    let told = run("skopeo", &[&inspect[..], &[&format!("docker://{reference}")]].concat());
    assert_eq!(String::from_utf8(told).unwrap().trim(), manifest.digest().to_string());
    let layer = &manifest.layers()[0];
    assert!(layer.size > 1 << 20, "{} bytes", layer.size);
    let layout = real.folder.path().join("layout/blobs/sha256");
    let pushed = |digest: Sha256| fs_err::read(layout.join(digest.hex())).unwrap();
    // An earlier run got as far as a part of the layer.
    let expect = Expect { sha256: Some(layer.digest), size: Some(layer.size), blob: None };
    let mut begun = puller.store.partial(layer.digest, expect).unwrap().unwrap();
    begun.append(&pushed(layer.digest)[..500_000]).unwrap();
    drop(begun);
    for blob in manifest.blobs() {
        let output = puller.blob(&reference, blob).unwrap();
        assert_eq!(puller.bytes(&output), pushed(blob.digest));
    }
    let name = reference.parse::<Reference>().unwrap().name().clone();
    assert_eq!(wait(puller.client.registry().tags(&name)).unwrap(), ["1"]);
    failed(Puller::new(&real.config("wrong")).document(&reference), "does not let this user in");
    let nobody = Config { credentials: [].into(), ..real.config("") };
    failed(Puller::new(&nobody).document(&reference), "wants a user and a password");
}
