//! Images and charts: from a registry or repository to what K3s finds on the host.

use crate::world::World;
use gabion_testkit::{Gpg, has, program, text};
use gabion_upstream::{Content, Fault, chart};
use std::path::PathBuf;

const IMAGE: &str =
    "[image.api]\nref = 'up.invalid/acme/api'\ntag = { semver = '^1' }\n[bundle.b]\nbase = ['image.api']\n";
/// Registries lie at the root of the test's upstream.
const REGISTRY: &str = "";

fn content() -> Content {
    let mut content = Content::default();
    for tag in ["1.0.0", "v1.2.0", "1.10.0", "2.0.0", "1", "latest"] {
        content.image(REGISTRY, "acme/api", tag, &["linux/amd64", "linux/arm64"]);
    }
    content.image(REGISTRY, "acme/other", "1.0.0", &["linux/amd64"]);
    let config = "application/vnd.oci.image.config.v1+json";
    for arch in ["amd64", "arm64"] {
        let text = format!(
            "{{\"os\":\"linux\",\"architecture\":\"{arch}\",\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[]}}}}"
        );
        content.artifact(REGISTRY, &format!("acme/{arch}"), "1", (config, text.as_bytes()), &[]);
    }
    let packed = chart("demo", "1.2.3");
    content.oci_chart(REGISTRY, "charts/demo", "1.2.3", &packed);
    content.oci_chart(REGISTRY, "charts/demo", "2.0.0", &chart("demo", "2.0.0"));
    content
        .helm_repository("/charts", &[("demo", "1.2.3", packed), ("demo", "0.9.0", chart("demo", "0.9.0"))]);
    content
}

fn files(world: &World, folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs_err::read_dir(world.path(folder)).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

fn installed(world: &World) {
    world.ok("build");
    if !world.path("root.json").exists() {
        world.ok("key new release --trust root.json --no-passphrase");
        fs_err::create_dir(world.path("host")).unwrap();
    }
    world.ok("bundle sign out/b.gabion --key release --trust root.json");
    world.ok("host install out/b.gabion --root host --trust root.json --host any");
}

#[test]
fn an_image_is_locked_by_range_and_digest_and_reaches_the_host_under_all_its_names() {
    let world = World::serving(IMAGE, content());
    installed(&world);
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    // The newest version in the range, not the longest text and not a tag that moves.
    assert!(lock.contains("reference = \"up.invalid/acme/api:1.10.0\""), "{lock}");
    assert!(lock.contains("platform = \"linux/amd64\"") && lock.contains("index = \"sha256:"), "{lock}");
    let archives = files(&world, "host/var/lib/rancher/k3s/agent/images");
    assert_eq!(archives.len(), 1, "{archives:?}");
    let name = archives[0].file_name().unwrap().to_str().unwrap();
    let hash = name.strip_prefix("50-api-").and_then(|it| it.strip_suffix(".tar")).unwrap();
    assert_eq!(hash.len(), 16, "{name}");
    let index = text(program("tar").arg("-xOf").arg(&archives[0]).arg("index.json"));
    for named in ["\"up.invalid/acme/api:1.10.0\"", "\"up.invalid/acme/api@sha256:"] {
        assert!(index.contains(named), "no {named}: {index}");
    }
    // Nothing more is asked for when it is built again from an empty store but for the pinned bytes.
    let seen = world.upstream.seen().len();
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    fs_err::remove_file(world.path("out/b.gabion")).unwrap();
    world.ok("build --locked");
    let again = &world.upstream.seen()[seen..];
    assert!(again.iter().all(|it| !it.path.contains("/tags/")), "{again:?}");
    assert!(again.iter().all(|it| !it.path.contains("manifests/1.10.0")), "{again:?}");
}

#[test]
fn layers_that_two_images_share_stand_once_and_a_changed_image_is_the_only_one_to_be_written() {
    let both = "[image.api]\nref = 'up.invalid/acme/api'\ntag = '1.0.0'\n[image.other]\nref = 'up.invalid/acme/other'\ntag = '1.0.0'\n\
                [bundle.b]\nbase = ['image.api', 'image.other']\n";
    let world = World::serving(both, content());
    installed(&world);
    let list = world.ok("bundle ls out/b.gabion");
    // Two indexes, two manifests, two configurations, the shared layer, and two of their own.
    assert_eq!(list.lines().filter(|it| it.contains("content/blobs/sha256/")).count(), 9, "{list}");
    let before = files(&world, "host/var/lib/rancher/k3s/agent/images");
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replacen("tag = '1.0.0'", "tag = 'v1.2.0'", 1)).unwrap();
    installed(&world);
    let after = files(&world, "host/var/lib/rancher/k3s/agent/images");
    assert_eq!(after.len(), 2);
    assert_eq!(after.iter().filter(|it| before.contains(it)).count(), 1, "{before:?} {after:?}");
}

#[test]
fn images_that_are_not_what_they_should_be_are_refused() {
    let lock = |recipe: &str| {
        World::serving(&format!("{recipe}\n[bundle.b]\nbase = ['image.api']\n"), content()).run("lock")
    };
    let named = "[image.api]\nref = 'up.invalid/acme/api'\n";
    let run = lock(&format!("{named}tag = '9.9.9'"));
    assert!(run.code == 1 && run.stderr.contains("image.api"), "{}", run.stderr);
    let run = lock(&format!("{named}tag = {{ semver = '^7' }}"));
    assert!(run.code == 1 && run.stderr.contains("none of the 6 tags"), "{}", run.stderr);
    let run = lock(&format!("{named}tag = '1.0.0'\ndigest = 'sha256:{}'", "ab".repeat(32)));
    assert!(run.code != 0, "{}", run.stderr);
    let run = World::serving(
        &format!("{IMAGE}[resolve]\narch = 'arm64'\n").replace("acme/api", "acme/other"),
        content(),
    )
    .run("lock");
    assert!(run.code == 1 && run.stderr.contains("linux/amd64"), "{}", run.stderr);
    let alone = |repository: &str| format!("[image.api]\nref = 'up.invalid/acme/{repository}'\ntag = '1'");
    assert_eq!(lock(&alone("amd64")).code, 0);
    let run = lock(&alone("arm64"));
    assert!(
        run.code == 1 && run.stderr.contains("is for `linux/arm64`, not for `linux/amd64`"),
        "{}",
        run.stderr
    );
    let run = lock("[image.api]\nref = 'up.invalid/charts/demo'\ntag = '1.2.3'");
    assert!(run.code == 1 && run.stderr.contains("no configuration of an image"), "{}", run.stderr);
    let mistakes = "[image.a]\nref = 'up.invalid/A:v1'\n[image.b]\nref = 'x.invalid/b'\n[image.c]\nref = 'x.invalid/c'\ntag = '-x'\n\
                    [image.d]\nref = 'x.invalid/d'\ntag = { semver = 'newest' }\n[image.e]\ntag = { regex = 'x' }\n[bundle.b]\n";
    let run = World::serving(mistakes, content()).run("check");
    for told in [
        "without a tag",
        "one of them says which image",
        "cannot be `-x`",
        "no range of versions",
        "`regex`",
        "needs `ref`",
    ] {
        assert!(run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    }
}

#[test]
fn a_layer_with_other_bytes_is_refused_and_named() {
    let world = World::serving(IMAGE, content());
    world.ok("lock");
    world.ok("build");
    let layer =
        world.upstream.seen().iter().rev().find(|it| it.path.contains("/blobs/")).unwrap().path.clone();
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    world.upstream.fail(&layer, [Fault::Body(b"something else")]);
    let run = world.run("build");
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("image.api"), "{}", run.stderr);
    world.ok("build");
    let missing = World::serving(IMAGE, content());
    missing.ok("lock");
    let run = missing.run("build --offline");
    assert!(run.code == 4 && run.stderr.contains("up.invalid/acme/api:1.10.0"), "{}", run.stderr);
}

fn with_chart(source: &str) -> String {
    format!(
        "[chart.demo]\n{source}\nnamespace = 'demo'\nvalues = ['v.yaml']\nsubst = true\ndeploy = 'helmchart'\n\
         [vars]\nnote = 'from here'\n[bundle.b]\ndeploy = ['chart.demo']\n"
    )
}

fn chart_world(source: &str) -> World {
    let world = World::serving(&with_chart(source), content());
    fs_err::write(world.path("v.yaml"), "note: ${note}\nlist:\n  - a\n\n").unwrap();
    world
}

#[test]
fn a_chart_lies_among_the_static_files_of_k3s_and_its_object_names_it_by_content() {
    for source in [
        "oci = 'up.invalid/charts/demo'\nversion = '~1.2'",
        "repo = 'https://up.invalid/charts'\nversion = '>=1'",
    ] {
        let world = chart_world(source);
        installed(&world);
        let charts = files(&world, "host/var/lib/rancher/k3s/server/static/charts");
        assert_eq!(charts.len(), 1);
        assert_eq!(fs_err::read(&charts[0]).unwrap(), chart("demo", "1.2.3"), "{source}");
        // Its object is what the host applies, and not what K3s' controller makes of the chart.
        world.ok("bundle extract out/b.gabion --trust root.json -o taken");
        let text = fs_err::read_to_string(world.path("taken/content/chart.demo/demo.yaml")).unwrap();
        let objects = fs_err::read_to_string(world.path("taken/deploy/objects.jsonl")).unwrap();
        let object: serde_json::Value = serde_json::from_str(&objects).unwrap();
        assert_eq!(
            (&object["kind"], &object["spec"]["failurePolicy"]),
            (&"HelmChart".into(), &"abort".into())
        );
        let file = charts[0].file_name().unwrap().to_str().unwrap();
        assert_eq!(
            text,
            format!(
                "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata:\n  name: \"demo\"\n  namespace: kube-system\nspec:\n  \
                 chart: https://%{{KUBERNETES_API}}%/static/charts/{file}\n  targetNamespace: \"demo\"\n  createNamespace: true\n  \
                 failurePolicy: abort\n  valuesContent: |2\n    note: from here\n    list:\n      - a\n"
            )
        );
        world.ok("lock --check");
        world.ok("build --frozen");
    }
}

#[test]
fn a_variable_that_a_chart_uses_is_part_of_what_is_asked() {
    let world = chart_world("oci = 'up.invalid/charts/demo'\nversion = '~1.2'");
    let first = world.ok("build");
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replace("from here", "from there")).unwrap();
    assert!(world.ok("plan").contains("build    chart.demo"));
    assert_ne!(world.ok("build"), first);
}

#[test]
fn charts_that_are_not_what_they_should_be_are_refused() {
    let refused = |source: &str, told: &str| {
        let run = chart_world(source).run("lock");
        assert!(run.code != 0 && run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    };
    refused("oci = 'up.invalid/charts/demo'\nversion = '^3'", "chart.demo");
    refused("repo = 'https://up.invalid/charts'\nversion = '^3'", "chart.demo");
    refused("repo = 'https://up.invalid/charts'\nname = 'nothing'\nversion = '*'", "nothing");
    refused("repo = 'https://up.invalid/nowhere'\nversion = '*'", "404");
    let swapped = chart_world("repo = 'https://up.invalid/charts'\nversion = '1.2.3'");
    let other: &'static [u8] = Box::leak(chart("demo", "0.9.0").into_boxed_slice());
    swapped.upstream.fail("/charts/charts/demo-1.2.3.tgz", [Fault::Body(other)]);
    let run = swapped.run("lock");
    assert_eq!(run.code, 5, "{}", run.stderr);
    let mistakes = "[chart.a]\noci = 'x.invalid/a'\nrepo = 'https://x.invalid'\nversion = '1'\ndeploy = 'helmchart'\n\
                    [chart.b]\nrepo = 'https://x.invalid'\nversion = 'new'\n[chart.traefik]\nrepo = 'https://x.invalid'\nversion = '1'\ndeploy = 'helm'\n\
                    [chart.c]\nrepo = 'https://x.invalid'\nname = '..'\nversion = '1'\ndeploy = 'helmchart'\nvalues = ['v.yaml', 'w.yaml']\n[bundle.b]\n";
    let world = World::serving(mistakes, content());
    fs_err::write(world.path("v.yaml"), "").unwrap();
    fs_err::write(world.path("w.yaml"), "").unwrap();
    let run = world.run("check");
    for told in [
        "exclude each other",
        "no range of versions",
        "is `rendered`",
        "cannot be `..`",
        "one file",
        "K3s installs",
    ] {
        assert!(run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    }
}

/// A home of gpg with the key of a packer of charts.
fn packer() -> Gpg {
    let gpg = Gpg::new();
    gpg.key("packer <packer@up.invalid>", "rsa2048", "sign", "never");
    gpg
}

fn provenance(gpg: &Gpg, name: &str, version: &str, packed: &[u8]) -> Vec<u8> {
    let sha256 = gabion_digest::Sha256::of(packed);
    let text = format!(
        "apiVersion: v2\nname: {name}\nversion: {version}\n\n...\nfiles:\n  {name}-{version}.tgz: {sha256}\n"
    );
    gpg.sign("packer@up.invalid", &text, &[])
}

#[test]
fn a_chart_must_be_signed_where_the_recipe_names_keys() {
    const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
    if !has(&["gpg"]) {
        return;
    }
    let gpg = packer();
    let packed = chart("demo", "1.2.3");
    let good = provenance(&gpg, "demo", "1.2.3", &packed);
    let signed = |prov: Option<&[u8]>| {
        let mut content = content();
        let config = r#"{"name":"demo","version":"1.2.3","apiVersion":"v2"}"#;
        let kind = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
        let mut layers = vec![(kind, packed.as_slice())];
        layers.extend(prov.map(|prov| (PROVENANCE, prov)));
        let config = ("application/vnd.cncf.helm.config.v1+json", config.as_bytes());
        content.artifact(REGISTRY, "charts/demo", "1.2.3", config, &layers);
        if let Some(prov) = prov {
            content.files.insert("/charts/charts/demo-1.2.3.tgz.prov".to_owned(), prov.to_vec());
        }
        content
    };
    for source in ["oci = 'up.invalid/charts/demo'", "repo = 'https://up.invalid/charts'"] {
        let lock = |content: Content, keys: &[u8]| {
            let recipe = with_chart(&format!("{source}\nversion = '1.2.3'\nkeyring = 'keys.asc'"));
            let world = World::serving(&recipe, content);
            fs_err::write(world.path("v.yaml"), "").unwrap();
            fs_err::write(world.path("keys.asc"), keys).unwrap();
            (world.run("lock"), fs_err::read_to_string(world.path("gabion.lock")).unwrap_or_default())
        };
        let (run, text) = lock(signed(Some(&good)), &gpg.export(true));
        assert!(run.code == 0 && text.contains("trust = \"openpgp:"), "{source}: {}{text}", run.stderr);
        let (run, text) = lock(signed(None), &gpg.export(true));
        assert!(run.code != 0 && text.is_empty(), "{source}: no signature passed: {}", run.stderr);
        let stranger = packer();
        let (run, text) = lock(signed(Some(&good)), &stranger.export(true));
        assert!(run.code == 6 && text.is_empty(), "{source}: a stranger's signature passed: {}", run.stderr);
        let other = provenance(&gpg, "demo", "1.2.3", b"another chart");
        let (run, text) = lock(signed(Some(&other)), &gpg.export(true));
        assert!(
            run.code == 6 && text.is_empty(),
            "{source}: another chart's signature passed: {}",
            run.stderr
        );
    }
}
