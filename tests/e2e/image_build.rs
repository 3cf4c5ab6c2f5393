//! Images that are made here: the same bytes every time, and what other programs make of them.

use crate::archive::{actions, archive_with, is_possible};
use crate::registry::real::{NEEDS, Real};
use crate::scripts::tools;
use crate::world::{Run, World};
use fs_err as fs;
use gabion_digest::Sha256;
use gabion_store::Store;
use gabion_testkit::{has, program, run, text};
use gabion_upstream::{Content, Upstream};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;

const FILES: [(&str, &[u8]); 2] = [("/tool", b"#!/bin/sh\necho tool\n"), ("/words", b"stone\nmortar\n")];

/// An image of files alone: of the recipe, of the project and of another node.
const PLAIN: &str = "[fetch.tool]\nurl = 'https://up.invalid/tool'\n[image-build.api]\nref = 'up.invalid/acme/api'\ntag = 'v1'\n\
    entrypoint = ['/usr/bin/tool']\ncmd = ['--serve']\nenv = { B = '2', A = 'one two' }\nuser = '1000:1000'\nworkdir = '/srv'\n\
    labels = { 'org.opencontainers.image.title' = 'api' }\nports = ['8080']\nstop-signal = 'SIGINT'\n\
    [[image-build.api.layers]]\nfiles = [\n  { path = '/usr/bin/tool', from = 'fetch.tool', mode = '0755' },\n\
    \x20 { path = '/etc/api/api.toml', file = 'api.toml' },\n]\n\
    [[image-build.api.layers]]\nfiles = [{ path = '/srv/note', content = 'made here', owner = '1000', mode = '0600' }]\n\
    [bundle.b]\nbase = ['image-build.api']\n";

fn plain() -> World {
    let world = World::new(PLAIN, &FILES);
    fs::write(world.path("api.toml"), "port = 8080\n").unwrap();
    world
}

/// The digest that `build -o` tells.
#[track_caller]
fn built(world: &World, node: &str) -> Sha256 {
    world.ok(&format!("build {node} -o api.tar")).split(' ').next().unwrap().parse().unwrap()
}

#[track_caller]
fn says(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "no `{word}`: {}", run.stderr);
    }
}

/// When this test fails, bytes moved: raise the version of the step and that of `formats/layer/FORMAT.md`.
#[test]
fn the_bytes_of_an_image_are_held() {
    let world = plain();
    assert_eq!(built(&world, "image-build.api").to_string(), GOLDEN);
    let digests = ["none", "zstd"].map(|packing| {
        let toml = fs::read_to_string(world.path("gabion.toml")).unwrap();
        let rest = toml.split("entrypoint").skip(1).collect::<Vec<_>>().join("entrypoint");
        let head = toml.split("tag = 'v1'\n").next().unwrap();
        let toml = format!("{head}tag = 'v1'\ncompression = '{packing}'\nentrypoint{rest}");
        fs::write(world.path("gabion.toml"), toml).unwrap();
        built(&world, "image-build.api").to_string()
    });
    assert_eq!(digests, GOLDEN_PACKED);
}

const GOLDEN: &str = "sha256:79d1e1dfb8d6cc94dcf07e6f84e6f125881ea04d4e9dc8cff1f4a628724f1520";
const GOLDEN_PACKED: [&str; 2] = [
    "sha256:69ebc797db08b2dbaf17556403325af1db1b433f123779824ffe4f74ea668f0a",
    "sha256:03757c4cccc6ad72eed820a99ac4aa349855286491d1a9d4f8b9cc9667f58d45",
];

#[test]
fn user_umask_zone_locale_home_and_jobs_leave_no_trace() {
    let made = |prepare: &str, variables: &[(&str, &str)], user: Option<u32>| {
        let world = plain();
        let mut command = Command::new("sh");
        let script = format!(
            "{prepare} exec '{}' build image-build.api -o api.tar \"$@\"",
            env!("CARGO_BIN_EXE_gabion")
        );
        command.args(["-c", &script, "sh"]).env_clear().envs(variables.iter().copied());
        command.current_dir(world.folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("GABION_STORE", world.path(".store")).env("GABION_CONFIG", world.path("config.toml"));
        if let Some(user) = user {
            for path in [world.folder.path().to_owned(), world.path("gabion.toml"), world.path("api.toml")] {
                chown(path, Some(user), Some(user)).unwrap();
            }
            std::os::unix::process::CommandExt::uid(&mut command, user);
            std::os::unix::process::CommandExt::gid(&mut command, user);
        }
        let out = command.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        fs::read(world.path("api.tar")).unwrap()
    };
    let first = made("umask 022;", &[("TZ", "UTC")], None);
    let others: [(&str, &[(&str, &str)]); 2] = [
        (
            "umask 077; ulimit -n 256;",
            &[("TZ", "Asia/Tokyo"), ("LC_ALL", "tr_TR.UTF-8"), ("HOME", "/nowhere")],
        ),
        ("umask 000; set -- -j 1;", &[("SOURCE_DATE_EPOCH", "1"), ("LANG", "C")]),
    ];
    for (prepare, variables) in others {
        assert!(made(prepare, variables, None) == first, "{prepare}");
    }
    if rustix::process::getuid().is_root() {
        assert!(made("umask 027;", &[], Some(65_534)) == first, "another user");
    }
}

/// The layers of the manifest in a folder that skopeo wrote.
fn layers(folder: &Path) -> Vec<serde_json::Value> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    manifest["layers"].as_array().unwrap().clone()
}

fn skopeo(arguments: &[&str]) -> Vec<u8> {
    run(program("skopeo").args(arguments))
}

#[test]
fn a_registry_and_other_programs_take_the_image_as_it_is() {
    if !(has(&NEEDS) && has(&["skopeo", "umoci"])) {
        return;
    }
    let (world, real) = (plain(), Real::start());
    let digest = built(&world, "image-build.api");
    let archive = format!("oci-archive:{}:up.invalid/acme/api:v1", world.path("api.tar").display());
    let told: serde_json::Value = serde_json::from_slice(&skopeo(&["inspect", &archive])).unwrap();
    assert_eq!(told["Digest"], digest.to_string());
    // No package is in it, so the time is the first that every archive knows.
    assert_eq!((&told["Created"], &told["Os"]), (&"1980-01-01T00:00:00Z".into(), &"linux".into()));
    assert_eq!(told["Env"], serde_json::json!(["A=one two", "B=2"]));
    let config: serde_json::Value =
        serde_json::from_slice(&skopeo(&["inspect", "--config", &archive])).unwrap();
    let config = &config["config"];
    assert_eq!(config["Entrypoint"], serde_json::json!(["/usr/bin/tool"]));
    assert_eq!((&config["StopSignal"], &config["User"]), (&"SIGINT".into(), &"1000:1000".into()));
    assert_eq!(config["ExposedPorts"], serde_json::json!({ "8080/tcp": {} }));

    let to = format!("docker://{}/acme/api:v1", real.host);
    let copy = ["copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds=me:secret"];
    skopeo(&[&copy[..], &[&archive, &to]].concat());
    let reference = format!("{}/acme/api:v1", real.host);
    assert_eq!(crate::registry::real::digest(&reference), digest);

    let layout = format!("oci:{}:v1", world.path("layout").display());
    skopeo(&["copy", "--quiet", &archive, &layout]);
    let mut unpack = program("umoci");
    unpack.args(["unpack", "--rootless", "--image", &format!("{}:v1", world.path("layout").display())]);
    run(unpack.arg(world.path("bundle")));
    let rootfs = world.path("bundle/rootfs");
    let mut find = program("find");
    let found = text(find.arg(&rootfs).args(["-mindepth", "1", "-printf", "%P %y %m %T@\n"]));
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let time = "315532800.0000000000";
    let expected = [
        ("etc", "d 755"),
        ("etc/api", "d 755"),
        ("etc/api/api.toml", "f 644"),
        ("srv", "d 755"),
        ("srv/note", "f 600"),
        ("usr", "d 755"),
        ("usr/bin", "d 755"),
        ("usr/bin/tool", "f 755"),
    ];
    assert_eq!(found, expected.map(|(path, how)| format!("{path} {how} {time}")));
    assert_eq!(fs::read(rootfs.join("usr/bin/tool")).unwrap(), FILES[0].1);
    assert_eq!(fs::read(rootfs.join("etc/api/api.toml")).unwrap(), b"port = 8080\n");
    assert_eq!(fs::read(rootfs.join("srv/note")).unwrap(), b"made here");
}

#[test]
fn an_image_that_is_made_here_lies_in_a_bundle_and_on_a_host_like_any_other() {
    let world = plain();
    let digest = built(&world, "image-build.api");
    world.ok("build");
    world.ok("key new release --trust root.json --no-passphrase");
    world.ok("bundle sign out/b.gabion --key release --trust root.json");
    fs::create_dir(world.path("host")).unwrap();
    world.ok("host install out/b.gabion --root host --trust root.json --host any");
    let images = world.path("host/var/lib/rancher/k3s/agent/images");
    let archives: Vec<_> = fs::read_dir(images).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
    let index = text(program("tar").arg("-xOf").arg(&archives[0]).arg("index.json"));
    for named in ["\"up.invalid/acme/api:v1\"".to_owned(), format!("\"up.invalid/acme/api@{digest}\"")] {
        assert!(index.contains(&named), "no {named}: {index}");
    }
    // The host writes what `build -o` wrote.
    assert!(fs::read(&archives[0]).unwrap() == fs::read(world.path("api.tar")).unwrap());
    assert!(world.run("check --rebuild image-build.api").code == 0);
}

/// A tar as a builder of others makes it: `tmp/`, a merged `/usr`, a file.
fn lower() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, kind: tar::EntryType, mode: u32, uid: u64, target: Option<&str>| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(0);
        header.set_size(0);
        if let Some(target) = target {
            header.set_link_name(target).unwrap();
        }
        builder.append_data(&mut header, path, std::io::empty()).unwrap();
    };
    add("tmp/", tar::EntryType::Directory, 0o1777, 0, None);
    add("usr/bin/", tar::EntryType::Directory, 0o755, 0, None);
    add("bin", tar::EntryType::Symlink, 0o777, 0, Some("usr/bin"));
    add("srv/", tar::EntryType::Directory, 0o750, 7, None);
    add("etc/passwd", tar::EntryType::Regular, 0o644, 0, None);
    builder.into_inner().unwrap()
}

/// A registry with an image of that tar, as Docker's builder says it.
fn with_base() -> Content {
    let (mut content, tar) = (Content::default(), lower());
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["sh"],"Env":["PATH=/usr/bin"]}},"history":[{{"created_by":"x"}}],"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Sha256::of(&tar)
    );
    let config = ("application/vnd.docker.container.image.v1+json", config.as_bytes());
    let layers = [("application/vnd.docker.image.rootfs.diff.tar", tar.as_slice())];
    content.artifact("", "acme/base", "1", config, &layers);
    content
}

fn over_base(more: &str) -> String {
    format!(
        "[image.base]\nref = 'up.invalid/acme/base'\ntag = '1'\n[image-build.api]\nref = 'up.invalid/acme/api'\ntag = 'v1'\n\
         base = 'image.base'\n{more}\n[bundle.b]\nbase = ['image-build.api']\n"
    )
}

#[test]
fn an_image_over_a_base_has_its_layers_its_configuration_and_its_folders() {
    if !has(&["skopeo", "tar"]) {
        return;
    }
    let files = "layers = [{ files = [{ path = '/tmp/note', content = 'a' }, { path = '/srv/deep/note', content = 'b' }] }]\n\
        env = { PATH = '/usr/bin:/bin', MORE = '1' }\n[image-build.more]\nref = 'up.invalid/acme/more'\ntag = 'v1'\nbase = 'image-build.api'\n\
        entrypoint = ['/bin/true']\nlayers = [{ files = [{ path = '/srv/deep/again', content = 'c' }] }]";
    let world = World::serving(&over_base(files), with_base());
    let digest = built(&world, "image-build.more");
    let from = format!("oci-archive:{}:up.invalid/acme/more:v1", world.path("api.tar").display());
    let folder = world.path("copied");
    skopeo(&["copy", "--quiet", &from, &format!("dir:{}", folder.display())]);
    assert_eq!(Sha256::of(&fs::read(folder.join("manifest.json")).unwrap()), digest);
    let layers = layers(&folder);
    assert_eq!(layers[0]["digest"], Sha256::of(&lower()).to_string());
    assert_eq!(layers[0]["mediaType"], "application/vnd.oci.image.layer.v1.tar");
    assert_eq!(layers.len(), 3);
    let listed = |number: usize| {
        let digest = layers[number]["digest"].as_str().unwrap().trim_start_matches("sha256:");
        let mut tar = program("tar");
        let text = text(tar.args(["--numeric-owner", "-tvzf"]).arg(folder.join(digest)));
        let short = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            format!("{} {} {}", words[0], words[1], words[5])
        };
        text.lines().map(short).collect::<Vec<_>>()
    };
    assert_eq!(
        listed(1),
        [
            "drwxr-x--- 7/0 srv/",
            "drwxr-xr-x 0/0 srv/deep/",
            "-rw-r--r-- 0/0 srv/deep/note",
            "drwxrwxrwt 0/0 tmp/",
            "-rw-r--r-- 0/0 tmp/note"
        ]
    );
    assert_eq!(
        listed(2),
        ["drwxr-x--- 7/0 srv/", "drwxr-xr-x 0/0 srv/deep/", "-rw-r--r-- 0/0 srv/deep/again"]
    );
    let config: serde_json::Value = serde_json::from_slice(&skopeo(&["inspect", "--config", &from])).unwrap();
    assert_eq!(config["config"]["Env"], serde_json::json!(["PATH=/usr/bin:/bin", "MORE=1"]));
    assert!(config["config"].get("Cmd").is_none() && config.get("history").is_none(), "{config}");
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
}

#[test]
fn what_would_replace_something_of_another_sort_is_refused() {
    let refused = |path: &str, words: &[&str]| {
        let layers = format!("layers = [{{ files = [{{ path = '{path}', content = 'x' }}] }}]");
        let run = World::serving(&over_base(&layers), with_base()).run("build image-build.api");
        says(&run, 8, &[&["image-build.api"], words].concat());
    };
    refused("/bin/tool", &["`/bin` is a link to `usr/bin` in a lower layer"]);
    refused("/tmp", &["`/tmp` is a folder in a lower layer"]);
    refused("/etc/passwd/x", &["`/etc/passwd` is a file in a lower layer"]);
    let other = World::serving(
        &format!("{}[resolve]\narch = 'arm64'\n", PLAIN.replace("ports", "base = 'image.base'\nports"))
            .replace("[fetch.tool]", "[image.base]\nref = 'up.invalid/acme/base'\ntag = '1'\n[fetch.tool]"),
        with_base(),
    );
    fs::write(other.path("api.toml"), "").unwrap();
    says(&other.run("lock"), 1, &["is for `linux/amd64`, not for `linux/arm64`"]);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let recipe = "[image-build.a]\nref = 'up.invalid/a:v1'\ntag = '-x'\nlayers = []\n\
        [image-build.b]\nref = 'up.invalid/b'\ntag = 'v1'\ncompression = 'brotli'\nports = ['http']\nuser = ''\nworkdir = 'srv'\n\
        stop-signal = 'term'\nenv = { 'A=B' = '1', C = 2 }\nlayers = [{ from = 'rootfs.x', files = [] }, { to = '/x' },\n\
        { files = [{ path = 'a', content = '' }, { path = '/b' }, { path = '/c', content = '', file = 'd' },\n\
        { path = '/e', content = '', mode = 'rwx', owner = 'root' }, { path = '/f', content = '' }, { path = '/f', content = '' }] }]\n\
        [rootfs.x]\npackages = []\n[bundle.c]\nbase = ['image-build.a']\n";
    let run = World::new(recipe, &[]).run("check");
    says(
        &run,
        1,
        &[
            "without a tag",
            "`tag` cannot be `-x`",
            "there is nothing in it",
            "`gzip`, `zstd` or `none`, not `brotli`",
            "takes `8080/tcp`, not `http`",
            "`user` takes a user",
            "`workdir` takes an absolute path",
            "not `term`",
            "cannot set `A=B`",
            "takes strings, not",
            "exclude each other",
            "needs one of `from`, `files`",
            "takes an absolute path of plain names",
            "needs one of `content`, `file`, `from`",
            "takes octal digits",
            "takes numbers, `1000:1000`, not `root`",
            "has `/f` twice",
        ],
    );
}

const SYSTEM: &str = "[apt.tools]\norigin = 'ubuntu:jammy'\narchive = 'https://up.invalid/deb'\nsuites = ['jammy']\n\
    keyring = 'keys.asc'\nessential = false\ninstall = ['busybox']\n[rootfs.tools]\npackages = ['apt.tools']\n\
    [run.app]\nroot = 'rootfs.tools'\nscript = 'mkdir -p $out/bin $out/tmp; echo one > $out/bin/app; chmod 755 $out/bin/app; ln -s app $out/bin/again'\n\
    [run.file]\nroot = 'rootfs.tools'\noutput = 'words'\nscript = 'echo words > $out/words'\n\
    [image-build.api]\nref = 'up.invalid/acme/api'\ntag = 'v1'\nlayers = [\n{ from = 'rootfs.tools' },\n{ from = 'run.app', to = '/opt/app' },\n\
    { files = [{ path = '/opt/words', from = 'run.file' }, { path = '/etc/note', content = 'NOTE' }] },\n]\n\
    [bundle.b]\nbase = ['image-build.api']\n";

/// Every entry below a folder: path, sort, mode, links, time, owner, and the digest of a file's bytes.
fn listed(folder: &Path, owners: bool) -> Vec<String> {
    let format = if owners { "%P %y %m %l %T@ %U:%G\n" } else { "%P %y %m %l %T@\n" };
    let mut find = program("find");
    let found = text(find.arg(folder).args(["-mindepth", "1", "-printf", format]));
    let with_bytes = |line: &str| {
        let path = folder.join(line.split(' ').next().unwrap());
        let bytes = path.symlink_metadata().unwrap().is_file().then(|| Sha256::of(&fs::read(&path).unwrap()));
        format!("{line} {bytes:?}")
    };
    let mut all: Vec<String> = found.lines().map(with_bytes).collect();
    all.sort_unstable();
    all
}

#[test]
fn a_system_and_what_scripts_left_come_out_of_umoci_as_they_went_in() {
    if !is_possible() || !has(&["busybox", "skopeo", "umoci", "tar"]) {
        return;
    }
    let world = archive_with(SYSTEM, &tools(), &[]);
    let first = built(&world, "image-build.api");
    let archive = format!("oci-archive:{}:up.invalid/acme/api:v1", world.path("api.tar").display());
    skopeo(&["copy", "--quiet", &archive, &format!("oci:{}:v1", world.path("layout").display())]);
    let root = rustix::process::getuid().is_root();
    let mut unpack = program("umoci");
    unpack.arg("unpack").args((!root).then_some("--rootless"));
    unpack.args(["--image", &format!("{}:v1", world.path("layout").display())]);
    run(unpack.arg(world.path("bundle")));

    // The system's own tree, with what the other layers put over it.
    let expected = world.path("expected");
    fs::create_dir(&expected).unwrap();
    let store = Store::open(&world.path(".store")).unwrap();
    let id = actions(&world, "system")
        .into_iter()
        .find_map(|(_, text)| text.lines().find_map(|it| it.strip_prefix("tree system ").map(str::to_owned)));
    let tree = store.tree(id.unwrap().parse().unwrap()).unwrap().unwrap();
    let mut tar = Vec::new();
    assert!(store.export_tree(&tree, &mut tar).unwrap());
    fs::write(world.path("system.tar"), tar).unwrap();
    let mut extract = program("tar");
    extract.args(["--numeric-owner", "-xpf"]).arg(world.path("system.tar")).arg("-C").arg(&expected);
    run(&mut extract);
    fs::create_dir_all(expected.join("opt/app/bin")).unwrap();
    fs::create_dir(expected.join("opt/app/tmp")).unwrap();
    fs::write(expected.join("opt/app/bin/app"), "one\n").unwrap();
    run(program("chmod").arg("755").arg(expected.join("opt/app/bin/app")));
    std::os::unix::fs::symlink("app", expected.join("opt/app/bin/again")).unwrap();
    fs::write(expected.join("opt/words"), "words\n").unwrap();
    fs::write(expected.join("etc/note"), "NOTE").unwrap();
    run(program("find").arg(&expected).args(["-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"]));
    assert_eq!(listed(&world.path("bundle/rootfs"), root), listed(&expected, root));

    // Another note packs its layer again, and no other one.
    let layers = || actions(&world, "layer").len();
    assert_eq!(layers(), 3);
    let toml = fs::read_to_string(world.path("gabion.toml")).unwrap();
    fs::write(world.path("gabion.toml"), toml.replace("'NOTE'", "'OTHER'")).unwrap();
    assert_ne!(built(&world, "image-build.api"), first);
    assert_eq!(layers(), 4);
    assert!(world.path(".store").metadata().unwrap().size() > 0);
    says(&world.run("check --rebuild image-build.api"), 0, &[]);
}

#[test]
fn a_host_a_tree_for_a_file_and_a_file_for_a_tree_are_refused() {
    if !is_possible() || !has(&["busybox"]) {
        return;
    }
    let refused = |from: &str, to: &str, words: &[&str]| {
        assert!(SYSTEM.contains(from));
        let world = archive_with(&SYSTEM.replace(from, to), &tools(), &[]);
        says(&world.run("build image-build.api"), 8, words);
    };
    refused(
        "path = '/opt/words', from = 'run.file'",
        "path = '/opt/words', from = 'run.app'",
        &["`run.app` is not one file"],
    );
    refused("from = 'run.app', to", "from = 'run.file', to", &["`run.file` is no tree"]);
    refused("path = '/etc/note'", "path = '/usr/bin/sh/x'", &["`/usr/bin/sh` is a link to `busybox`"]);
    refused("to = '/opt/app'", "to = '/usr/share/story'", &["`/usr/share/story` is a file in a lower layer"]);
}

#[test]
fn a_base_that_lies_about_its_layers_is_refused() {
    let mut content = with_base();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{0}","{0}"]}}}}"#,
        Sha256::of(b"x")
    );
    let config = ("application/vnd.oci.image.config.v1+json", config.as_bytes());
    content.artifact("", "acme/base", "1", config, &[("application/vnd.oci.image.layer.v1.tar", b"no tar")]);
    let world = World::serving(&over_base("cmd = ['x']"), content.clone());
    says(&world.run("build image-build.api"), 8, &["has 1 layers, and its configuration names 2"]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Sha256::of(b"x")
    );
    let config = ("application/vnd.oci.image.config.v1+json", config.as_bytes());
    let broken: &[u8] = &[&[0x1f, 0x8b, 8, 0][..], &[7; 40]].concat();
    content.artifact(
        "",
        "acme/base",
        "1",
        config,
        &[("application/vnd.oci.image.layer.v1.tar+gzip", broken)],
    );
    let upstream = Upstream::start(content).unwrap();
    fs::write(
        world.path("config.toml"),
        format!("[mirror]\n\"https://up.invalid\" = \"{}\"\n", upstream.url()),
    )
    .unwrap();
    world.ok("update");
    says(&world.run("build image-build.api"), 8, &["of its base cannot be read"]);
}
