//! Who signs, who promotes, and what a host remembers of it.

use crate::world::{Run, World, gabion};
use gabion_bundle::{Quorum, Role, TrustRoot};
use gabion_testkit::{Agent, has, program};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) const RECIPES: &str = "[fetch.a]\nurl = 'https://up.invalid/a.txt'\n[host.prod]\naddress = '192.0.2.1'\n\
    [bundle.b]\nbase = ['fetch.a']\nhost = 'host.prod'\n";

pub(crate) fn world(recipes: &str) -> World {
    World::new(recipes, &[("/a.txt", b"stones"), ("/b.txt", b"other stones")])
}

/// Makes a key and gives the root that names it alone.
pub(crate) fn key(world: &World, name: &str) -> TrustRoot {
    world.ok(&format!("key new {name} --no-passphrase --trust {name}.json"));
    TrustRoot::parse(&fs_err::read_to_string(world.path(&format!("{name}.json"))).unwrap()).unwrap()
}

fn quorum(threshold: usize, roots: &[&TrustRoot]) -> Quorum {
    Quorum { threshold, keys: roots.iter().flat_map(|root| root.keys.keys().cloned()).collect() }
}

/// Writes a root of these roles to `file`.
pub(crate) fn write_root(
    world: &World,
    file: &str,
    version: u32,
    roles: &[(Role, usize, &[&TrustRoot])],
) -> TrustRoot {
    let mut root = roles[0].2[0].clone();
    root.version = version;
    root.roles = roles.iter().map(|(role, threshold, of)| (*role, quorum(*threshold, of))).collect();
    for of in roles.iter().flat_map(|(_, _, of)| of.iter()) {
        root.keys.extend(of.keys.clone());
    }
    fs_err::write(world.path(file), root.to_text()).unwrap();
    root
}

/// A signed bundle, and a root `root.json` in which `pro` promotes what `rel` released.
pub(crate) fn promoters(world: &World) -> TrustRoot {
    let (rel, pro) = (key(world, "rel"), key(world, "pro"));
    world.ok("build --key rel");
    fs_err::create_dir(world.path("host")).unwrap();
    write_root(
        world,
        "root.json",
        1,
        &[(Role::Root, 1, &[&rel]), (Role::Release, 1, &[&rel]), (Role::Promotion, 1, &[&pro])],
    )
}

pub(crate) fn refused(run: &Run, exit: i32, parts: &[&str]) {
    assert_eq!(run.code, exit, "{}", run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

pub(crate) const INSTALL: &str = "host install out/b.gabion --root host --trust root.json";
pub(crate) const PROMOTE: &str =
    "bundle promote out/b.gabion --channel production --trust root.json --key pro";
pub(crate) const STATE: &str = "host/var/lib/gabion/trust/state.json";

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_host_takes_only_what_is_promoted_for_it_and_remembers_the_serial() {
    let world = world(RECIPES);
    promoters(&world);
    refused(&world.run(INSTALL), 6, &["E0516", "not promoted"]);
    let before = fs_err::read(world.path("out/b.gabion")).unwrap();
    world.ok(&format!("{PROMOTE} --serial 5 --host prod --host staging"));
    assert_eq!(fs_err::read(world.path("out/b.gabion")).unwrap().len(), before.len());
    let first = "bundle promote --channel production --serial 5 --trust root.json --key pro --host staging --host prod";
    world.ok(&format!("{first} out/b.gabion"));
    refused(&world.run(&format!("{PROMOTE} --serial 9 --host * --host prod")), 2, &["no names of hosts"]);
    refused(&world.run(&format!("{INSTALL} --host edge")), 6, &["E0519", "`prod staging`, not for `edge`"]);
    refused(&world.run(&format!("{INSTALL} --min-serial 6")), 6, &["E0520", "promotion 5 of `b`"]);
    assert_eq!(fs_err::read_dir(world.path("host")).unwrap().count(), 0, "a refusal writes nothing");
    assert!(
        world
            .ok(&format!("{INSTALL} --host prod --dry-run"))
            .contains("+ /var/lib/gabion/files/fetch.a/a.txt")
    );
    assert_eq!(fs_err::read_dir(world.path("host")).unwrap().count(), 0, "a dry run writes nothing");
    let report = json(&world.ok(&format!("{INSTALL} --host prod --json")));
    assert_eq!((&report["promotion"]["serial"], &report["root_version"]), (&5.into(), &1.into()));
    assert_eq!(report["promotion"]["hosts"], serde_json::json!(["prod", "staging"]));
    let state = json(&fs_err::read_to_string(world.path(STATE)).unwrap());
    assert_eq!(state["bundles"]["b"]["serial"], 5);
    assert_eq!((&state["bundles"]["b"]["digest"], &state["host"]), (&report["digest"], &"prod".into()));
    let mode = |path: &str| world.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(STATE), mode("host/var/lib/gabion/trust")), (0o600, 0o700));
    let written = world.path(STATE).metadata().unwrap().modified().unwrap();
    // It knows its name now, and takes no other one, though the bundle is promoted for that too.
    assert_eq!(world.ok(INSTALL), "");
    refused(&world.run(&format!("{INSTALL} --host staging")), 6, &["E0612", "`prod`, not `staging`"]);
    assert_eq!(world.path(STATE).metadata().unwrap().modified().unwrap(), written);
}

#[test]
fn a_lower_serial_and_another_bundle_of_the_same_serial_are_refused() {
    let world = world(RECIPES);
    promoters(&world);
    fs_err::copy(world.path("out/b.gabion"), world.path("plain.gabion")).unwrap();
    world.ok(&format!("{PROMOTE} --serial 5 --host prod"));
    world.ok(&format!("{INSTALL} --host prod"));
    let first = json(&fs_err::read_to_string(world.path(STATE)).unwrap());
    // An older promotion of the very same bundle.
    fs_err::copy(world.path("plain.gabion"), world.path("out/b.gabion")).unwrap();
    world.ok(&format!("{PROMOTE} --serial 4 --host prod"));
    refused(&world.run(INSTALL), 6, &["E0520", "5 is the lowest"]);
    // Another bundle under the serial that was used.
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replace("a.txt", "b.txt")).unwrap();
    let built = world.ok("build --key rel");
    world.ok(&format!("{PROMOTE} --serial 5 --host prod"));
    let digest = first["bundles"]["b"]["digest"].as_str().unwrap();
    refused(&world.run(INSTALL), 6, &["E0521", digest, built.split(' ').next().unwrap()]);
    assert_eq!(json(&fs_err::read_to_string(world.path(STATE)).unwrap()), first, "a refusal moves no floor");
    // The bundle itself keeps its promotions in order too.
    refused(&world.run(&format!("{PROMOTE} --serial 5 --host other")), 6, &["E0520"]);
    world.ok(&format!("{PROMOTE} --serial 6 --host prod"));
    assert!(world.ok(INSTALL).contains("fetch.a/b.txt"));
    // A damaged floor is no floor to go on without.
    fs_err::write(world.path(STATE), "{").unwrap();
    refused(&world.run(INSTALL), 6, &["E0608", "--min-serial"]);
}

#[test]
fn a_promotion_can_travel_in_a_file_of_its_own() {
    let world = world(RECIPES);
    promoters(&world);
    let before = fs_err::read(world.path("out/b.gabion")).unwrap();
    world.ok(&format!("{PROMOTE} --serial 1 --host * --output b.promotion"));
    assert!(fs_err::read(world.path("out/b.gabion")).unwrap() == before);
    refused(&world.run(INSTALL), 6, &["E0516"]);
    let verified = json(&world.ok(
        "bundle verify out/b.gabion --trust root.json --promotion b.promotion --host x --min-serial 1 --json",
    ));
    assert_eq!((&verified["promotion"]["serial"], &verified["name"]), (&1.into(), &"b".into()));
    world.ok(&format!("{INSTALL} --promotion b.promotion"));
    let text = fs_err::read_to_string(world.path("b.promotion")).unwrap();
    fs_err::write(world.path("b.promotion"), text.replace("serial: 1", "serial: 2")).unwrap();
    refused(&world.run(&format!("{INSTALL} --promotion b.promotion")), 6, &["E0506"]);
    fs_err::write(world.path("b.promotion"), text + "\n").unwrap();
    refused(&world.run(&format!("{INSTALL} --promotion b.promotion")), 6, &["E0517"]);
    // Whoever names a host wants to know whether it would be taken.
    world.ok("bundle verify out/b.gabion --trust root.json");
    refused(&world.run("bundle verify out/b.gabion --trust root.json --host prod"), 6, &["E0516"]);
    // And where the root names no promoters, a given promotion is not passed over.
    world.ok("bundle verify out/b.gabion --trust rel.json --host prod");
    refused(&world.run("bundle verify out/b.gabion --trust rel.json --min-serial 1"), 6, &["E0516"]);
}

#[test]
fn a_bundle_does_not_say_which_host_this_is() {
    // What the recipes know as a host is nobody's name.
    let world = world(&RECIPES.replace("host.prod", "host.staging"));
    promoters(&world);
    world.ok(&format!("{PROMOTE} --serial 1 --host staging"));
    refused(&world.run(INSTALL), 2, &["promoted for `staging`", "`--host`"]);
    refused(&world.run(&format!("{INSTALL} --host prod")), 6, &["E0519", "not for `prod`"]);
    refused(&world.run(&format!("{INSTALL} --host *")), 2, &["one word"]);
    assert_eq!(fs_err::read_dir(world.path("host")).unwrap().count(), 0, "a refusal writes nothing");
    world.ok(&format!("{PROMOTE} --serial 2 --host *"));
    world.ok(INSTALL);
    assert_eq!(json(&fs_err::read_to_string(world.path(STATE)).unwrap()).get("host"), None);
    world.ok(&format!("{PROMOTE} --serial 3 --host prod"));
    refused(&world.run(INSTALL), 2, &["`--host`"]);
    world.ok(&format!("{INSTALL} --host prod"));
    world.ok(&format!("{PROMOTE} --serial 4 --host staging"));
    refused(&world.run(INSTALL), 6, &["E0519", "not for `prod`"]);
    refused(&world.run(&format!("{INSTALL} --host staging")), 6, &["E0612"]);
    world.ok(&format!("{PROMOTE} --serial 5 --host *"));
    refused(&world.run(&format!("{INSTALL} --host staging")), 6, &["E0612"]);
    world.ok(INSTALL);
}

#[test]
fn two_of_three_promoters_sign_one_after_the_other() {
    let world = world(RECIPES);
    let keys = ["rel", "p1", "p2", "p3"].map(|name| key(&world, name));
    let [rel, p1, p2, p3] = &keys;
    world.ok("build --key rel");
    fs_err::create_dir(world.path("host")).unwrap();
    write_root(
        &world,
        "root.json",
        1,
        &[(Role::Root, 1, &[rel]), (Role::Release, 1, &[rel]), (Role::Promotion, 2, &[p1, p2, p3])],
    );
    let promote = |key: &str| {
        let arguments =
            "bundle promote out/b.gabion --channel production --serial 1 --host prod --trust root.json";
        world.run(&format!("{arguments} --key {key}"))
    };
    for _twice in 0..2 {
        assert_eq!(promote("p1").code, 0);
        refused(&world.run(INSTALL), 6, &["E0508", "1 of 2 trusted signatures for the role `promotion`"]);
    }
    refused(&promote("rel"), 6, &["E0512", "not named for this role"]);
    assert_eq!(promote("p3").code, 0);
    world.ok(&format!("{INSTALL} --host prod"));
    let seen = json(&world.ok("bundle inspect out/b.gabion --json"));
    assert_eq!(seen["promotion"]["signers"].as_array().unwrap().len(), 2);
    assert_eq!(seen["checked"], false);
}

#[test]
fn a_host_follows_the_chain_of_roots_and_never_goes_back() {
    let chain = "trust-chain = ['keys/root.2.json', 'keys/root.2.json.sig']\n";
    let world = world(&format!("{RECIPES}{chain}"));
    let (old, new) = (key(&world, "old"), key(&world, "new"));
    fs_err::create_dir(world.path("keys")).unwrap();
    fs_err::create_dir(world.path("host")).unwrap();
    write_root(&world, "root.json", 1, &[(Role::Root, 1, &[&old]), (Role::Release, 1, &[&old])]);
    write_root(&world, "keys/root.2.json", 2, &[(Role::Root, 1, &[&new]), (Role::Release, 1, &[&new])]);
    world.ok("key sign-root keys/root.2.json --key new");
    world.ok("build --key new");
    refused(&world.run(INSTALL), 6, &["E0514", "trust root 2", "by the rules of root 1, 0 of 1"]);
    world.ok("key sign-root keys/root.2.json --key old");
    world.ok("build --key new");
    world.ok("bundle verify out/b.gabion --trust keys/root.2.json");
    let verified = json(&world.ok("bundle verify out/b.gabion --trust root.json --json"));
    assert_eq!(verified["root_version"], 2);
    world.ok(INSTALL);
    // Signed by the old key and without the chain: good by root 1, which this host has left behind.
    let toml = fs_err::read_to_string(world.path("gabion.toml")).unwrap();
    fs_err::write(world.path("gabion.toml"), toml.replace(chain, "")).unwrap();
    world.ok("build --key old");
    world.ok("bundle verify out/b.gabion --trust root.json");
    refused(&world.run(INSTALL), 6, &["E0515", "trust root 1 is too old: 2 is known"]);
    fs_err::write(world.path("gabion.toml"), toml.replace("root.2.json'", "old.json'")).unwrap();
    refused(&world.run("check"), 1, &["trust-chain", "root.N.json"]);
}

#[test]
fn keys_that_do_not_count_do_not_sign_and_what_they_signed_does_not_count() {
    let world = world(RECIPES);
    let mut root = promoters(&world);
    let mut with = |line: &str| {
        let rel = TrustRoot::parse(&fs_err::read_to_string(world.path("rel.json")).unwrap()).unwrap();
        let name = rel.keys.keys().next().unwrap();
        let named: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut key = serde_json::to_value(&rel.keys[name]).unwrap();
        key.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
        root.keys.insert(name.clone(), serde_json::from_value(key).unwrap());
        // Somebody must be left who could sign.
        for role in [Role::Root, Role::Release] {
            let pro = root.roles[&Role::Promotion].keys.clone();
            root.roles.get_mut(&role).unwrap().keys.extend(pro);
        }
        fs_err::write(world.path("root.json"), root.to_text()).unwrap();
    };
    for (line, why) in [
        (r#"{"revoked": true}"#, "revoked"),
        (r#"{"revoked": "2025-01-01T00:00:00Z"}"#, "revoked since 2025-01-01T00:00:00Z"),
        (r#"{"not_after": "2025-01-01T00:00:00Z"}"#, "expired after 2025-01-01T00:00:00Z"),
        (r#"{"not_before": "2199-01-01T00:00:00Z"}"#, "not valid before 2199-01-01T00:00:00Z"),
    ] {
        with(line);
        let before = fs_err::read(world.path("out/b.gabion")).unwrap();
        refused(&world.run("bundle sign out/b.gabion --key rel --trust root.json"), 6, &["E0512", why]);
        assert!(fs_err::read(world.path("out/b.gabion")).unwrap() == before);
        refused(&world.run("bundle verify out/b.gabion --trust root.json"), 6, &["E0508", why]);
    }
    // `build --key` asks the configured root.
    let config = fs_err::read_to_string(world.path("config.toml")).unwrap();
    fs_err::write(world.path("config.toml"), format!("trust = 'root.json'\n{config}")).unwrap();
    refused(&world.run("build --key rel"), 6, &["E0512", "not valid before"]);
    // A key that ends later is good until then, and afterwards by the promotion that was made in time.
    with(r#"{"not_after": "2199-01-01T00:00:00Z"}"#);
    world.ok("bundle verify out/b.gabion");
    let late = "bundle verify out/b.gabion --at 2200-01-01T00:00:00Z";
    refused(&world.run(late), 6, &["E0508", "expired after 2199"]);
    world.ok(&format!("{PROMOTE} --serial 1 --host prod"));
    assert!(world.ok(late).contains("promotion 1 to production for prod"));
    with(r#"{"revoked": true}"#);
    refused(&world.run(late), 6, &["E0508", "revoked"]);
}

#[test]
fn a_new_key_is_encrypted_private_and_never_written_over() {
    let world = world(RECIPES);
    // No terminal, no file, no word: no key.
    refused(&world.run("key new release"), 2, &["--no-passphrase"]);
    assert!(!world.path("release").exists());
    fs_err::write(world.path("words"), "open sesame\n").unwrap();
    let with = |file: &str, arguments: &str| -> Run {
        let mut command = gabion(world.folder.path());
        let command = command.env("GABION_PASSPHRASE_FILE", world.path(file)).args(arguments.split(' '));
        command.output().unwrap().into()
    };
    let made = with("words", "key new release --trust root.json --json");
    assert_eq!((made.code, &json(&made.stdout)["encrypted"]), (0, &true.into()), "{}", made.stderr);
    assert_eq!(world.path("release").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let shown = json(&world.ok("key show release --json"));
    assert_eq!(shown["fingerprint"], json(&made.stdout)["fingerprint"]);
    assert_eq!(shown["secret"], "encrypted");
    let before = fs_err::read(world.path("release")).unwrap();
    for arguments in ["key new release --no-passphrase", "key new other --trust root.json --no-passphrase"] {
        refused(&world.run(arguments), 1, &["never writes over"]);
    }
    assert_eq!(fs_err::read(world.path("release")).unwrap(), before);
    assert!(!world.path("other").exists(), "a key without its root");
    fs_err::write(world.path("empty"), "\n").unwrap();
    refused(&with("empty", "key new empty-key"), 2, &["no passphrase"]);
    world.ok("build");
    refused(&world.run("bundle sign out/b.gabion --key release"), 1, &["E0510", "needs a passphrase"]);
    refused(&with("empty", "bundle sign out/b.gabion --key release"), 1, &["E0510", "passphrase is wrong"]);
    let signed = with("words", "bundle sign out/b.gabion --key release --json");
    assert_eq!(json(&signed.stdout)["signer"], shown["fingerprint"]);
    world.ok("bundle verify out/b.gabion --trust root.json");
    fs_err::set_permissions(world.path("release"), std::fs::Permissions::from_mode(0o640)).unwrap();
    refused(&with("words", "bundle sign out/b.gabion --key release"), 1, &["E0510", "others can read it"]);
    refused(&with("words", "key show release"), 1, &["E0510", "others can read it"]);
}

/// Runs the program on a terminal of its own (`script` of util-linux) and types these lines.
fn typing(folder: &Path, arguments: &str, lines: &str) -> Run {
    use std::io::{Read, Write};
    let command = format!("'{}' {arguments}", env!("CARGO_BIN_EXE_gabion"));
    let mut child = program("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(folder)
        .env("GABION_CONFIG", folder.join("config.toml"))
        .env("GABION_STORE", folder.join(".store"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut buffer) = (Vec::new(), [0; 256]);
    for line in lines.split_inclusive(['\n', '\x03']) {
        // What is typed before the question is flushed away with the echo, as it should be.
        let start = shown.len();
        while !shown[start..].ends_with(b": ") {
            let count = stdout.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "no question: {}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&buffer[..count]);
        }
        stdin.write_all(line.as_bytes()).unwrap();
    }
    stdout.read_to_end(&mut shown).unwrap();
    let code = child.wait().unwrap().code().unwrap_or(-1);
    Run { code, stdout: String::from_utf8(shown).unwrap(), stderr: String::new() }
}

#[test]
fn a_passphrase_is_asked_twice_on_a_terminal_and_never_shown() {
    if !has(&["script"]) {
        return;
    }
    let world = world(RECIPES);
    let folder = world.folder.path();
    let made = typing(folder, "key new typed --trust root.json", "open sesame\nopen sesame\n");
    assert_eq!(made.code, 0, "{}", made.stdout);
    assert!(made.stdout.contains("the same again") && !made.stdout.contains("sesame"), "{}", made.stdout);
    assert_eq!(json(&world.ok("key show typed --json"))["secret"], "encrypted");
    world.ok("build");
    let signed = typing(folder, "bundle sign out/b.gabion --key typed", "open sesame\n");
    assert_eq!(signed.code, 0, "{}", signed.stdout);
    world.ok("bundle verify out/b.gabion --trust root.json");
    for lines in ["one\ntwo\n", "one\n\x03", "\x03", "\n"] {
        let refused = typing(folder, "key new other", lines);
        assert_eq!(refused.code, 2, "{lines:?}: {}", refused.stdout);
        assert!(!world.path("other").exists());
    }
}

#[test]
fn a_key_in_the_agent_releases_and_promotes() {
    if !has(&["ssh-agent", "ssh-add"]) {
        return;
    }
    let world = world(RECIPES);
    promoters(&world);
    let agent = Agent::start(world.folder.path());
    agent.ssh_add(world.folder.path(), &["rel", "pro"]);
    let socket = agent.socket().to_owned();
    for name in ["rel", "pro"] {
        fs_err::remove_file(world.path(name)).unwrap();
    }
    let with = |arguments: &str| -> Run {
        let mut command = gabion(world.folder.path());
        command.env("SSH_AUTH_SOCK", &socket).args(arguments.split(' ')).output().unwrap().into()
    };
    fs_err::remove_dir_all(world.path("out")).unwrap();
    let built = with("build --key rel.pub");
    let fingerprint =
        json(&with("key show pro.pub --json").stdout)["fingerprint"].as_str().unwrap().to_owned();
    let promote = PROMOTE.replace("--key pro", &format!("--key agent:{fingerprint}"));
    let promoted = with(&format!("{promote} --serial 1 --host prod"));
    drop(agent);
    assert_eq!((built.code, promoted.code), (0, 0), "{}{}", built.stderr, promoted.stderr);
    world.ok(&format!("{INSTALL} --host prod"));
    refused(&with("bundle sign out/b.gabion --key rel.pub"), 1, &["E0513", "ssh-add -l"]);
    refused(&world.run("bundle sign out/b.gabion --key rel.pub"), 1, &["E0510", "no ssh-agent"]);
}

#[test]
fn ssh_keygen_signs_what_gabion_installs() {
    if !has(&["ssh-keygen", "tar"]) {
        return;
    }
    let world = world(RECIPES);
    let at = world.folder.path();
    let run = |name: &str, arguments: &str| {
        gabion_testkit::run(program(name).args(arguments.split(' ')).current_dir(at));
    };
    run("ssh-keygen", "-q -t ed25519 -N  -f theirs");
    let theirs = fs_err::read_to_string(world.path("theirs.pub")).unwrap();
    fs_err::write(world.path("root.json"), TrustRoot::single(&theirs).unwrap().to_text()).unwrap();
    world.ok("build");
    run("tar", "-xf out/b.gabion RELEASE");
    run("ssh-keygen", "-Y sign -f theirs -n gabion-release-v1 RELEASE");
    let signature = fs_err::read(world.path("RELEASE.sig")).unwrap();
    let mut bytes = fs_err::read(world.path("out/b.gabion")).unwrap();
    let slot = 512 + fs_err::read(world.path("RELEASE")).unwrap().len().div_ceil(512) * 512 + 512;
    bytes[slot..slot + signature.len()].copy_from_slice(&signature);
    fs_err::write(world.path("out/b.gabion"), bytes).unwrap();
    fs_err::create_dir(world.path("host")).unwrap();
    world.ok(INSTALL);
    // A key of ssh-keygen's own making signs as well.
    world.ok("build");
    world.ok("bundle sign out/b.gabion --key theirs --trust root.json");
    world.ok("bundle verify out/b.gabion --trust root.json");
}

#[test]
fn what_is_extracted_is_whole_or_not_there() {
    let world = world(RECIPES);
    promoters(&world);
    let listed = json(&world.ok("bundle ls out/b.gabion --json"));
    let paths: Vec<&str> =
        listed["members"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"content/fetch.a/a.txt"), "{paths:?}");
    let extract = "bundle extract out/b.gabion --trust root.json --full";
    let taken = json(&world.ok(&format!("{extract} -o some content/fetch.a/a.txt --json")));
    assert_eq!(taken["members"], serde_json::json!(["content/fetch.a/a.txt"]));
    assert_eq!(fs_err::read(world.path("some/content/fetch.a/a.txt")).unwrap(), b"stones");
    refused(&world.run(&format!("{extract} -o some")), 1, &["E0501", "could not create"]);
    refused(&world.run(&format!("{extract} -o none content/nothing")), 2, &["bundle ls"]);
    let mut bytes = fs_err::read(world.path("out/b.gabion")).unwrap();
    let at = bytes.windows(6).position(|it| it == b"stones").unwrap();
    bytes[at] ^= 1;
    fs_err::write(world.path("out/b.gabion"), bytes).unwrap();
    refused(&world.run(&format!("{extract} -o none")), 5, &["E0503"]);
    let names = fs_err::read_dir(world.folder.path()).unwrap().map(|it| it.unwrap().file_name());
    assert!(!names.into_iter().any(|it| it.to_string_lossy().starts_with("none")), "a rest was left");
}

#[test]
fn the_root_for_reading_may_be_the_newest_of_the_chain() {
    let trust = "trust = 'keys/root.2.json'\ntrust-chain = ['keys/root.2.json', 'keys/root.2.json.sig']\n";
    let world = world(&format!("{RECIPES}{trust}"));
    let (old, new) = (key(&world, "old"), key(&world, "new"));
    fs_err::create_dir(world.path("keys")).unwrap();
    write_root(&world, "root.json", 1, &[(Role::Root, 1, &[&old]), (Role::Release, 1, &[&old])]);
    write_root(&world, "keys/root.2.json", 2, &[(Role::Root, 1, &[&new]), (Role::Release, 1, &[&new])]);
    world.ok("key sign-root keys/root.2.json --key new");
    world.ok("key sign-root keys/root.2.json --key old");
    world.ok("build --key new");
    let verified = json(&world.ok("bundle verify out/b.gabion --trust root.json --json"));
    assert_eq!(verified["root_version"], 2);
    let listed = world.ok("bundle ls out/b.gabion");
    let names: Vec<&str> = listed.lines().filter_map(|it| it.split("trust/").nth(1)).collect();
    assert_eq!(names, ["root.json", "root.2.json", "root.2.json.sig"]);
}
