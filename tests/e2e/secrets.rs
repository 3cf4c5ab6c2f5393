//! Secrets: recipes name them, a sidecar has their values, and nothing else does.

use crate::installer;
use crate::sshd::sshd;
use crate::trust::{json, key, refused};
use crate::world::{Run, World, gabion};
use gabion_testkit::{has, program, text};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const RECIPES: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[host.prod]\n\
    [secret.admin]\nkubernetes = { namespace = 'apps', name = 'grafana', keys = ['user', 'password'] }\n\
    [secret.wg]\nfile = { path = '/etc/wireguard/wg0.key' }\n\
    [secret.made]\nkubernetes = { namespace = 'apps', name = 'made', key = 'x' }\ngenerate = { bytes = 32 }\n\
    [secret.spare]\nfile = { path = '/etc/spare' }\noptional = true\n\
    [bundle.b]\nbase = ['fetch.a']\nhost = 'host.prod'\n\
    secrets = ['secret.wg', 'secret.admin', 'secret.made', 'secret.spare']\n";

const FILE: &str = "b.secrets.age --identity ops";
/// What must be nowhere but in a sidecar.
pub(crate) const VALUE: &str = "correct-horse-battery-staple";
pub(crate) const VALUE_IN_BASE64: &str = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==";

fn world(recipes: &str) -> World {
    World::new(recipes, &[("/a.txt", b"stones")])
}

/// Runs with `value` on stdin.
pub(crate) fn with_stdin(world: &World, arguments: &str, value: &str) -> Run {
    let mut command = gabion(world.folder.path());
    command.args(arguments.split_whitespace());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

fn set(world: &World, name: &str, value: &str) {
    let run = with_stdin(world, &format!("secrets set b --file {FILE} {name}"), value);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains(value) && !run.stdout.contains(value));
}

/// Every file below `folder` that has these bytes in it.
pub(crate) fn holding(folder: &Path, needle: &str, out: &mut Vec<String>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding(&path, needle, out);
        } else if path.is_file() {
            let bytes = fs_err::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|it| it == needle.as_bytes()) {
                out.push(path.display().to_string());
            }
        }
    }
}

#[test]
fn a_bundle_says_where_secrets_go_and_nothing_holds_a_value() {
    let world = world(RECIPES);
    let recipient = world.ok("secrets key new -o ops");
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    let settings = format!("[secrets]\nrecipients = ['{}']\n", recipient.trim());
    fs_err::write(world.path("gabion.toml"), toml + &settings).unwrap();
    set(&world, "wg", VALUE);
    set(&world, "admin#user", "ops");
    let check = format!("secrets check b --file {FILE}");
    refused(&world.run(&check), 1, &["E1207", "no value for: admin#password"]);
    set(&world, "admin#password", &format!("{VALUE}-2"));
    world.ok(&check);
    key(&world, "rel");
    world.ok("build --key rel");
    world.ok("bundle extract out/b.gabion --trust rel.json -o x deploy/secrets.json");
    let targets = json(&fs_err::read_to_string(world.path("x/deploy/secrets.json")).unwrap());
    assert_eq!((&targets["format"], &targets["bundle"]), (&1.into(), &"b".into()));
    let names: Vec<&str> =
        targets["secrets"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "made", "spare", "wg"]);
    assert_eq!(targets["secrets"][3]["file"]["mode"], "0600");
    let listed = world.ok(&format!("secrets list b --file {FILE}"));
    assert!(listed.contains("  admin#user\n") && listed.lines().count() == 3, "{listed}");
    assert_eq!(world.ok(&format!("secrets list b --file {FILE}")), listed, "fingerprints stay");
    let mut found = Vec::new();
    for form in [VALUE, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ"] {
        holding(world.folder.path(), form, &mut found);
    }
    assert_eq!(found, [""; 0], "a value is where none may be");
}

#[test]
fn what_a_bundle_has_no_secret_for_is_not_set_and_is_told() {
    let world = world(RECIPES);
    let recipient = world.ok("secrets key new -o ops");
    let recipient = recipient.trim();
    let run = with_stdin(&world, &format!("secrets set b --file {FILE} wgg --recipient {recipient}"), "x");
    refused(&run, 2, &["no secret `wgg`", "wg"]);
    let run = with_stdin(&world, &format!("secrets set b --file {FILE} wg"), "x");
    refused(&run, 1, &["E0680", "no recipients"]);
    let run = with_stdin(&world, &format!("secrets set b --file {FILE} wg --recipient {recipient}"), "x");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown = json(&world.ok(&format!("secrets list b --file {FILE} --json")));
    assert_eq!((&shown["serial"], &shown["host"]), (&1.into(), &"prod".into()));
    assert_eq!(shown["recipients"], serde_json::json!([recipient]));
    set(&world, "spare", "y");
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replace(", 'secret.spare'", "")).unwrap();
    refused(&world.run(&format!("secrets check b --file {FILE}")), 1, &["no secret for: spare"]);
    world.ok(&format!("secrets remove b --file {FILE} spare"));
    let other = world.ok("secrets key new -o other");
    world.ok(&format!("secrets rotate-recipients b --file {FILE} --recipient {}", other.trim()));
    refused(&world.run(&format!("secrets list b --file {FILE}")), 6, &["E0681"]);
    let shown = json(&world.ok("secrets list b --file b.secrets.age --identity other --json"));
    assert_eq!(shown["serial"], 3, "who can open it is no change of what is in it");
    refused(&world.run("secrets key new -o other"), 1, &["E0501"]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs_err::set_permissions(world.path("other"), open).unwrap();
    refused(&world.run("secrets list b --file b.secrets.age --identity other"), 2, &["chmod 600"]);
}

#[test]
fn the_real_age_opens_a_sidecar() {
    if !has(&["age", "age-keygen"]) {
        return;
    }
    let world = world(RECIPES);
    let at = world.folder.path();
    text(program("age-keygen").args(["-o", "ops"]).current_dir(at));
    let recipient = text(program("age-keygen").args(["-y", "ops"]).current_dir(at));
    let recipient = recipient.trim();
    let run =
        with_stdin(&world, &format!("secrets set b --file {FILE} wg --recipient {recipient}"), "stones");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let opened = text(program("age").args(["-d", "-i", "ops", "b.secrets.age"]).current_dir(at));
    assert_eq!(json(&opened)["values"]["wg"], "c3RvbmVz");
}

#[test]
fn a_recipe_that_says_something_wrong_of_a_secret_is_told_where() {
    let bad = |fields: &str, told: &[&str]| {
        let world = world(&format!("[secret.a]\n{fields}\n[bundle.b]\nsecrets = ['secret.a']\n"));
        let run = world.run("check");
        refused(&run, 1, told);
        run.stderr
    };
    bad("optional = true", &["needs one of `kubernetes`, `file`"]);
    bad("file = { path = '/var/lib/gabion/x' }", &["keeps what the bundle says"]);
    bad("file = { path = '/var/lib/rancher/k3s/server/manifests/a.yaml' }", &["keeps what the bundle says"]);
    bad("file = { path = '/etc/../x' }", &["no plain path"]);
    bad("file = { path = '/etc/x', mode = '0666' }", &["lets others write"]);
    bad("kubernetes = { namespace = 'a', name = 'b' }", &["`key`, `keys`"]);
    bad("kubernetes = { namespace = 'A', name = 'b', key = 'c' }", &["cannot name a namespace"]);
    bad("file = { path = '/etc/x' }\ngenerate = { bytes = 2 }", &["from 16 to"]);
    let shown = bad("file = { path = '/etc/x' }\nvalue = 'hunter2'", &["cannot hold its value"]);
    assert!(!shown.contains("hunter2"), "{shown}");
    let two = "[secret.a]\nfile = { path = '/etc/x' }\n[secret.c]\nfile = { path = '/etc/x' }\n\
        [bundle.b]\nsecrets = ['secret.a', 'secret.c']\n";
    refused(&world(two).run("check"), 1, &["both want `/etc/x`"]);
}

/// What begins a private key, in two halves: this file is none.
fn planted() -> String {
    format!("-----BEGIN PRIVATE {}-----\n{}\n", "KEY", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(2))
}

#[test]
fn a_planted_secret_keeps_a_bundle_from_being_written() {
    let document =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: apps}\nstringData: {pin: hunter2}\n";
    let recipes = "[manifests.m]\nfiles = ['m.yaml']\n[bundle.b]\ndeploy = ['manifests.m']\n";
    let world = world(recipes);
    fs_err::write(world.path("m.yaml"), document).unwrap();
    let run = world.run("build");
    refused(&run, 1, &["E1901", "`manifests.m`: Secret apps/a", "public-secrets"]);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert!(!world.path("out/b.gabion").exists());
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    let known = |object: &str, reason: &str| {
        let say = format!(
            "[[bundle.b.public-secrets]]\nnode = 'manifests.m'\nobject = '{object}'\nreason = '{reason}'\n"
        );
        fs_err::write(world.path("gabion.toml"), format!("{toml}{say}")).unwrap();
    };
    known("Secret apps/other", "everybody knows it");
    refused(&world.run("build"), 1, &["E1901"]);
    known("Secret apps/a", "");
    refused(&world.run("build"), 1, &["say why"]);
    known("Secret apps/a", "everybody knows it");
    world.ok("build");
    assert!(world.path("out/b.gabion").exists());
}

#[test]
fn a_planted_key_is_found_in_a_file_and_in_what_is_packed_in_it() {
    let recipes = "[fetch.a]\nurl = 'https://up.invalid/a'\n[bundle.b]\nbase = ['fetch.a']\n";
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(planted().len() as u64);
    tar.append_data(&mut header, "etc/key", planted().as_bytes()).unwrap();
    let tar = tar.into_inner().unwrap();
    for (bytes, told) in [(planted().into_bytes(), "a private key"), (tar, "`etc/key`")] {
        let world = World::new(recipes, &[("/a", &bytes)]);
        refused(&world.run("build"), 1, &["E1901", "content/fetch.a/a", told]);
        assert!(!world.path("out/b.gabion").exists());
        let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
        let say = "[[bundle.b.public-secrets]]\nnode = 'fetch.a'\nobject = 'content/fetch.a/a'\nreason = 'a test'\n";
        fs_err::write(world.path("gabion.toml"), toml + say).unwrap();
        world.ok("build");
    }
}

#[test]
fn a_sidecar_reaches_a_host_over_ssh_and_is_opened_there_alone() {
    let Some(sshd) = sshd() else { return };
    let world = world(RECIPES);
    fs_err::create_dir(world.path("host")).unwrap();
    let there = |words: &str| {
        world.run(&format!(
            "host secrets {words} {} --root {} --remote-path {}",
            sshd.options,
            world.path("host").display(),
            installer::built().display()
        ))
    };
    let said = there("recipient");
    let host = said.stdout.trim();
    assert!(said.code == 0 && host.starts_with("age1"), "{}", said.stderr);
    let ops = world.ok("secrets key new -o ops");
    let ops = ops.trim();
    let set = format!("secrets set b --file {FILE} wg --host prod --recipient {ops} --recipient {host}");
    assert_eq!(with_stdin(&world, &set, VALUE).code, 0);
    // For somebody else only.
    let other = format!("secrets set b --file other.age --identity ops wg --host prod --recipient {ops}");
    assert_eq!(with_stdin(&world, &other, VALUE).code, 0);
    let run = there("inject --bundle b --host prod --sidecar other.age");
    assert!(run.code != 0 && run.stderr.contains("error[E06"), "{}", run.stderr);
    refused(&there("inject --bundle b --host prod --sidecar nowhere.age"), 1, &["nowhere.age"]);
    let run = there("inject --bundle b --host prod --sidecar b.secrets.age");
    assert_eq!((run.code, run.stdout.as_str()), (0, "1 values are kept\n"), "{}", run.stderr);
    assert!(!run.stderr.contains(VALUE));
    // The host keeps it in base64, in its own folder and nowhere else.
    let mut kept = Vec::new();
    holding(&world.path("host"), VALUE_IN_BASE64, &mut kept);
    assert!(kept.len() == 1 && kept[0].contains("/var/lib/gabion/secrets/"), "{kept:?}");
}
