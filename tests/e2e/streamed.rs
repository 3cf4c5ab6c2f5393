//! A bundle installed over a real sshd on loopback as it is read: values of secrets and the host's identity come over the same
//! connection, and nowhere else does anything of them lie.

use crate::installer;
use crate::push::{came, cut_when, noise};
use crate::secrets::{VALUE, VALUE_IN_BASE64, holding, with_stdin};
use crate::sshd::{Sshd, sshd};
use crate::trust::{json, key, refused};
use crate::world::{Run, World, gabion};
use fs_err as fs;

/// A project with a signed bundle of a large file for `host.prod`, and a sidecar for it that the operator can open.
fn world() -> World {
    let recipe = "[fetch.large]\nurl = 'https://up.invalid/large'\n[fetch.gabion-host]\nurl = 'https://up.invalid/gabion-host'\n\
        [host.prod]\n[secret.wg]\nfile = { path = '/etc/wireguard/wg0.key' }\n\
        [bundle.b]\nbase = ['fetch.large']\nhost = 'host.prod'\nsecrets = ['secret.wg']\ninstaller = 'fetch.gabion-host'\n";
    let installer = fs::read(installer::built()).unwrap();
    let world = World::new(recipe, &[("/large", &noise(3, 60_000_000)), ("/gabion-host", &installer)]);
    key(&world, "rel");
    fs::create_dir(world.path("host")).unwrap();
    let ops = world.ok("secrets key new -o ops");
    world.ok("secrets key new -o hosts");
    let set = format!("secrets set b --file b.secrets.age --identity ops wg --recipient {}", ops.trim());
    assert_eq!(with_stdin(&world, &set, VALUE).code, 0);
    world.ok("build --key rel");
    world
}

fn words(world: &World, sshd: &Sshd, more: &str) -> String {
    format!(
        "host install out/b.gabion {} --root {} --remote-path {} --trust rel.json {more}",
        sshd.options,
        world.path("host").display(),
        world.path("bin/gabion-host").display()
    )
}

fn run(world: &World, sshd: &Sshd, more: &str) -> Run {
    let mut command = gabion(world.folder.path());
    command.env("GABION_SECRETS_IDENTITY", world.path("ops"));
    command.args(words(world, sshd, more).split_whitespace()).output().unwrap().into()
}

const ALL: &str = "--host prod --secrets b.secrets.age --host-identity hosts";

#[test]
fn a_machine_is_installed_over_one_connection_with_its_secrets_and_its_identity() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    sshd.came();
    // What cannot be read here is told before anybody is called.
    refused(&run(&world, &sshd, "--secrets nowhere.age"), 1, &["nowhere.age"]);
    // A dry run tells what it would do, and leaves nothing.
    let shown = run(&world, &sshd, &format!("{ALL} --dry-run"));
    assert!(shown.code == 0 && shown.stdout.contains("/large"), "{} {}", shown.stdout, shown.stderr);
    assert_eq!(fs::read_dir(world.path("host")).unwrap().count(), 0);
    sshd.came();
    let done = run(&world, &sshd, &format!("{ALL} --json"));
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(sshd.came(), 1, "looking for the installer, and the bundle");
    assert!(!done.stderr.contains(VALUE) && !done.stdout.contains(VALUE));
    let said = json(&done.stdout);
    let hex = said["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let pack = world.path(&format!("host/var/lib/gabion/packs/{hex}.gabion"));
    assert!(fs::read(pack).unwrap() == fs::read(world.path("out/b.gabion")).unwrap());
    let mut kept = Vec::new();
    holding(&world.path("host"), VALUE_IN_BASE64, &mut kept);
    assert!(kept.len() == 1 && kept[0].contains("/var/lib/gabion/secrets/values/"), "{kept:?}");
    // What is sealed for the chosen identity opens there.
    let own = world.ok("host secrets recipient --root host");
    assert!(fs::read_to_string(world.path("hosts")).unwrap().contains(own.trim()));
    // The same again has nothing to write; another identity would open nothing of what is sealed for this host.
    let again = run(&world, &sshd, &format!("{ALL} --json"));
    assert_eq!(json(&again.stdout)["written"], serde_json::json!([]), "{}", again.stderr);
    let other = run(&world, &sshd, "--host prod --host-identity ops");
    refused(&other, 6, &["the machine says", "E0684", "--host-identity"]);
    assert!(!other.stderr.contains("AGE-SECRET-KEY"));
}

#[test]
fn an_install_over_a_connection_that_is_cut_is_finished_by_the_same_command() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    let mut command = gabion(world.folder.path());
    command.env("GABION_SECRETS_IDENTITY", world.path("ops"));
    command.args(words(&world, &sshd, ALL).split_whitespace());
    let cut = cut_when(command, || came(&world) > 36_000_000);
    refused(&cut, 1, &["E0670", "run the same command again"]);
    assert!(!world.path("host/etc").exists(), "nothing is in its place before all of it came");
    let whole = fs::metadata(world.path("out/b.gabion")).unwrap().len();
    let done = run(&world, &sshd, ALL);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let sent = done.stderr.lines().find_map(|it| it.split("sent ").nth(1)).unwrap();
    let mebibytes: u64 = sent.split('.').next().unwrap().parse().unwrap();
    assert!(sent.contains(" MiB") && mebibytes < (whole >> 20) - 30, "what came is not sent again: {sent}");
}
