//! Against the programs of the field: skopeo, umoci and Debian's registry.

use super::real::{NEEDS, Real, digest};
use super::{APP, Puller, app, failed, wait};
use gabion::config::Config;
use gabion_digest::Sha256;
use gabion_oci::{Archive, Document, Image, Reference};
use gabion_store::Expect;
use gabion_testkit::{has, program};
use gabion_upstream::{Content, Upstream};
use std::io::{self, Write};

fn run(name: &str, arguments: &[&str]) -> Vec<u8> {
    gabion_testkit::run(program(name).args(arguments))
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

#[test]
fn an_image_of_a_real_package_comes_back_byte_for_byte_from_a_real_registry() {
    if !has(&NEEDS) {
        return;
    }
    let real = Real::start();
    let reference = real.push("coreutils");
    let puller = Puller::new(&real.config("secret"));
    let Document::Manifest(manifest) = puller.document(&reference).unwrap() else { panic!("one machine") };
    assert_eq!(digest(&reference), manifest.digest());
    let layer = &manifest.layers()[0];
    assert!(layer.size > 1 << 20, "{} bytes", layer.size);
    let layout = real.path("layout/blobs/sha256");
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
