//! Against the programs of the field: skopeo, umoci and Debian's registry.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use super::{APP, Puller, app, failed, wait};
use gabion::config::{Config, Credential};
use gabion_digest::Sha256;
use gabion_oci::{Archive, Document, Image, Reference};
use gabion_store::Expect;
use gabion_upstream::{Content, Upstream};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
