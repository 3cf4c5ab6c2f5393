//! Registries that lie, forget, send elsewhere or are slow, and one that is asked for everything once.

use super::real::{NEEDS, Real};
use crate::world::{World, gabion};
use gabion_digest::Sha256;
use gabion_testkit::has;
use gabion_upstream::{Content, Fault, Upstream};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const IMAGE: &str = "[image.api]\nref = 'up.invalid/acme/api'\ntag = '1'\n[bundle.b]\nbase = ['image.api']\n";
const API: &str = "/v2/acme/api";

fn content() -> (Content, Sha256) {
    let mut content = Content::default();
    let index = content.image("", "acme/api", "1", &["linux/amd64", "linux/arm64"]);
    content.artifact("", "acme/api", "other", ("application/json", b"{}"), &[]);
    (content, index)
}

/// The digests of index, manifest, configuration and layers for amd64.
fn digests(content: &Content) -> [Sha256; 5] {
    let read = |wanted: &str| -> serde_json::Value {
        serde_json::from_slice(content.document_of("", "acme/api", wanted).unwrap()).unwrap()
    };
    let digest = |it: &serde_json::Value| it["digest"].as_str().unwrap().parse::<Sha256>().unwrap();
    let index = Sha256::of(content.document_of("", "acme/api", "1").unwrap());
    let manifest = digest(&read("1")["manifests"][0]);
    let parts = read(&manifest.to_string());
    [index, manifest, digest(&parts["config"]), digest(&parts["layers"][0]), digest(&parts["layers"][1])]
}

#[test]
fn a_lie_at_any_level_is_an_integrity_error_and_nothing_of_it_stays() {
    let (mut content, _) = content();
    let [index, manifest, config, lower, upper] = digests(&content);
    let world = World::serving(IMAGE, content.clone());
    world.ok("lock");
    for digest in [config, lower, upper] {
        fs_err::remove_dir_all(world.path(".store")).unwrap();
        world.upstream.fail(&format!("{API}/blobs/{digest}"), [Fault::Body(b"{\"another\": 1}")]);
        let run = world.run("build");
        assert!(run.code == 5 && run.stderr.contains("image.api"), "{}", run.stderr);
        assert!(run.stderr.contains(&digest.to_string()), "{}", run.stderr);
    }
    world.ok("build");
    // A document of the right kind, and another one.
    let other = content.document_of("", "acme/api", "other").map(Sha256::of).unwrap();
    for digest in [index, manifest] {
        let path = |digest: Sha256| format!("{API}/manifests/{digest}");
        content.redirects = [(path(digest), path(other))].into();
        let liar = World::serving(IMAGE, content.clone());
        fs_err::copy(world.path("gabion.lock"), liar.path("gabion.lock")).unwrap();
        let run = liar.run("build");
        assert!(run.code == 5 && run.stderr.contains("E0304"), "{}", run.stderr);
        for told in [digest, other] {
            assert!(run.stderr.contains(&told.to_string()), "no {told}: {}", run.stderr);
        }
    }
}

/// An image whose manifest is `text`, at the tag `1`.
fn served(media_type: &str, text: &str) -> World {
    let (mut content, _) = content();
    content.raw_document("", "acme/api", "1", media_type, text);
    World::serving(IMAGE, content)
}

#[test]
fn what_cannot_be_bundled_is_refused_by_name_when_it_is_pinned() {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let digest = Sha256::of(b"a layer").to_string();
    let part =
        |kind: &str, more: &str| format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":7{more}}}"#);
    let config = part("application/vnd.oci.image.config.v1+json", "");
    let manifest = |layer: &str| {
        format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layer}]}}"#)
    };
    let foreign = part("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "");
    let elsewhere = part("application/vnd.oci.image.layer.v1.tar", r#","urls":["https://up.invalid/layer"]"#);
    let both = manifest("").replacen("\"config\"", "\"manifests\":[],\"config\"", 1);
    let first = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for (kind, text, says) in [
        (MANIFEST, manifest(&foreign), &["E0905", &digest, "foreign"][..]),
        (MANIFEST, manifest(&elsewhere), &["E0905", &digest, "outside of the registry"]),
        (MANIFEST, both, &["E0903", "an index and a manifest at once"]),
        (MANIFEST, manifest("").replace(":2,", ":1,"), &["E0904", "schema 1"]),
        (first, r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(), &["404"]),
    ] {
        let run = served(kind, &text).run("lock");
        assert!([1, 5].contains(&run.code) && run.stderr.contains("image.api"), "{}", run.stderr);
        for says in says {
            assert!(run.stderr.contains(says), "no `{says}`: {}", run.stderr);
        }
    }
}

#[test]
fn a_size_that_is_a_lie_is_an_integrity_error() {
    let (content, _) = content();
    let [_, manifest, ..] = digests(&content);
    let text =
        String::from_utf8(content.document_of("", "acme/api", &manifest.to_string()).unwrap().to_vec());
    let text = text.unwrap();
    let (before, layer) = text.split_once("\"layers\"").unwrap();
    let (_, rest) = layer.split_once("\"size\":").unwrap();
    let size: u64 = rest.split('}').next().unwrap().parse().unwrap();
    for lie in [size - 1, size + 1] {
        let layer = layer.replacen(&format!("\"size\":{size}"), &format!("\"size\":{lie}"), 1);
        let (mut content, _) = self::content();
        content.raw_document(
            "",
            "acme/api",
            "1",
            "application/vnd.oci.image.manifest.v1+json",
            &format!("{before}\"layers\"{layer}"),
        );
        let world = World::serving(IMAGE, content);
        world.ok("lock");
        let run = world.run("build");
        assert!(run.code == 5 && run.stderr.contains("image.api"), "{lie}: {}", run.stderr);
        assert!(run.stderr.contains(&lie.to_string()), "{}", run.stderr);
    }
}

#[test]
fn a_tag_that_moved_is_told_and_the_pinned_image_is_still_what_is_built() {
    let (mut moved, old) = content();
    let world = World::serving(IMAGE, moved.clone());
    world.ok("lock");
    assert_eq!(world.run("update --dry-run --exit-code").code, 0);
    let built = world.ok("build");
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();

    let new = moved.image("", "acme/api", "next", &["linux/amd64"]);
    moved.retag("", "acme/api", "1", new);
    let after = Upstream::start(moved).unwrap();
    let config = format!("[mirror]\n\"https://up.invalid\" = \"{}\"\n", after.url());
    fs_err::write(world.path("config.toml"), config).unwrap();
    let run = world.run("update --dry-run --exit-code");
    assert_eq!(run.code, 9, "{}", run.stderr);
    assert!(run.stdout.contains("~ image.api") && run.stdout.contains("(index, manifest)"), "{}", run.stdout);
    let told = world.run("update --dry-run --json").stdout;
    assert!(told.contains(&old.to_string()) && told.contains(&new.to_string()), "{told}");
    assert_eq!(fs_err::read_to_string(world.path("gabion.lock")).unwrap(), lock);
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    assert_eq!(world.ok("build --locked").split(' ').next(), built.split(' ').next());
    // Taking the change says so as well.
    assert_eq!(world.run("update --exit-code").code, 9);
    assert_ne!(fs_err::read_to_string(world.path("gabion.lock")).unwrap(), lock);
    assert_eq!(world.run("update --exit-code").code, 0);
}

#[test]
fn whatever_images_share_is_asked_for_once_by_all_who_pull() {
    let mut content = Content::default();
    let names: Vec<String> = (0..12).map(|it| format!("app{it}")).collect();
    let mut recipe = String::new();
    for name in &names {
        content.image("", &format!("acme/{name}"), "1", &["linux/amd64"]);
        recipe.extend(["[image.", name, "]\nref = 'up.invalid/acme/", name, "'\ntag = '1'\n"]);
    }
    let base: Vec<String> = names.iter().map(|it| format!("'image.{it}'")).collect();
    let world = World::serving(&format!("{recipe}[bundle.b]\nbase = [{}]\n", base.join(",")), content);
    world.ok("lock");
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    let before = world.upstream.seen().len();
    // Two processes with one store, each with several downloads.
    let build = |name: &str| {
        let mut command = gabion(world.folder.path());
        command.args(["build", "--jobs", "8", "-o", name]).spawn().unwrap()
    };
    let both = [build("one.gabion"), build("two.gabion")];
    for mut it in both {
        assert!(it.wait().unwrap().success());
    }
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for it in &world.upstream.seen()[before..] {
        if let Some((_, digest)) = it.path.split_once("/blobs/") {
            *asked.entry(digest.to_owned()).or_default() += 1;
        }
    }
    // A configuration and a layer of each, and the layer of all.
    assert_eq!(asked.len(), 2 * names.len() + 1);
    assert!(asked.values().all(|it| *it == 1), "{asked:?}");
    let read = |name: &str| fs_err::read(world.path(name)).unwrap();
    assert!(read("one.gabion") == read("two.gabion"));
}

#[test]
fn mirrors_are_asked_in_their_order_and_the_registry_says_how_long_to_wait() {
    let (content, _) = content();
    let world = World::serving(IMAGE, content.clone());
    let (busy, empty) = (Upstream::start(content).unwrap(), Upstream::start(Content::default()).unwrap());
    let gone = gabion_testkit::free_address();
    let urls = [format!("http://{gone}"), empty.url(), busy.url(), world.upstream.url()];
    fs_err::write(world.path("config.toml"), format!("[mirror]\n\"https://up.invalid\" = {urls:?}\n"))
        .unwrap();
    busy.fail(&format!("{API}/manifests/1"), [Fault::Status(429, "1"), Fault::Status(503, "1")]);
    let begin = Instant::now();
    world.ok("lock");
    assert!(begin.elapsed() > Duration::from_secs(2), "{:?}", begin.elapsed());
    let of = |upstream: &Upstream| -> Vec<u16> {
        let seen = upstream.seen();
        seen.iter().filter(|it| it.path.ends_with("/manifests/1")).map(|it| it.status).collect()
    };
    assert_eq!((of(&empty), of(&busy)), (vec![404], vec![429, 503, 200]));
    assert!(of(&world.upstream).is_empty());
    world.ok("build");
}

#[test]
fn dockers_credential_helper_lets_us_into_a_real_registry() {
    if !has(&NEEDS) {
        return;
    }
    let real = Real::start();
    let reference = real.push("hostname");
    let name = reference.rsplit_once(':').unwrap().0;
    let recipe = format!("[image.api]\nref = '{name}'\ntag = '1'\n[bundle.b]\nbase = ['image.api']\n");
    let world = World::new(&recipe, &[]);
    let host = &real.host;
    fs_err::write(world.path("config.toml"), format!("[mirror]\n'https://{host}' = 'http://{host}'\n"))
        .unwrap();
    let helper = |said: &str| {
        let path = world.path("docker-credential-stones");
        fs_err::write(&path, format!("#!/bin/sh\n[ \"$1 $(cat)\" = 'get {host}' ] || exit 9\n{said}\n"))
            .unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let lock = |config: &str| {
        fs_err::write(world.path("config.json"), config).unwrap();
        let mut command = gabion(world.folder.path());
        let path = format!("{}:/usr/bin:/bin", world.folder.path().display());
        let out = command
            .arg("update")
            .env("PATH", path)
            .env("DOCKER_CONFIG", world.folder.path())
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let answer = r#"echo '{"ServerURL":"x","Username":"me","Secret":"secret"}'"#;
    helper(answer);
    let of_host = format!(r#"{{"credHelpers":{{"{host}":"stones"}},"credsStore":"not-there"}}"#);
    assert_eq!(lock(&of_host).0, Some(0));
    assert_eq!(lock(r#"{"credsStore":"stones"}"#).0, Some(0));
    helper("echo 'credentials not found in native keychain'; exit 1");
    let (code, said) = lock(&of_host);
    assert!(code == Some(1) && said.contains("wants a user and a password"), "{said}");
    helper("echo secret >&2; exit 3");
    let (code, said) = lock(&of_host);
    assert!(code == Some(1) && said.contains("`stones` fails with exit status: 3"), "{said}");
    assert!(said.contains("as nobody") && !said.contains("secret"), "{said}");
    helper(&answer.replace("secret\"", "wrong\""));
    let (code, said) = lock(&of_host);
    assert!(
        code == Some(1) && said.contains("does not let this user in") && !said.contains("wrong"),
        "{said}"
    );
}
