//! Bundles to a machine over a real sshd on loopback: what is there is not sent, and a cut costs what was under way.

use crate::installer;
use crate::sshd::{Sshd, sshd};
use crate::trust::{key, refused};
use crate::world::{Run, World, gabion};
use fs_err as fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn noise(seed: u32, size: u32) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_add(seed << 27).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

const LARGE: u32 = 100_000_000;

/// A world with a signed bundle of a large file, a small one, and the installer.
fn world() -> World {
    let installer = fs::read(installer::built()).unwrap();
    let recipe = "[fetch.large]\nurl = 'https://up.invalid/large'\n[fetch.small]\nurl = 'https://up.invalid/small'\n\
        [fetch.gabion-host]\nurl = 'https://up.invalid/gabion-host'\n\
        [bundle.b]\nbase = ['fetch.large', 'fetch.small']\ninstaller = 'fetch.gabion-host'\n";
    let (large, small, other) = (noise(0, LARGE), noise(1, 500_000), noise(2, 500_000));
    let files =
        [("/large", large.as_slice()), ("/small", &small), ("/other", &other), ("/gabion-host", &installer)];
    let world = World::new(recipe, &files);
    key(&world, "rel");
    fs::create_dir(world.path("host")).unwrap();
    world.ok("build --key rel");
    world
}

fn push(world: &World, sshd: &Sshd) -> String {
    format!(
        "host push out/b.gabion {} --root {} --remote-path {} --trust rel.json --json",
        sshd.options,
        world.path("host").display(),
        world.path("bin/gabion-host").display()
    )
}

fn pushed(world: &World, sshd: &Sshd) -> serde_json::Value {
    serde_json::from_str(&world.ok(&push(world, sshd))).unwrap()
}

fn number(said: &serde_json::Value, field: &str) -> u64 {
    said[field].as_u64().unwrap()
}

/// What lies on the host, by name.
fn packs(world: &World) -> Vec<PathBuf> {
    let listed = fs::read_dir(world.path("host/var/lib/gabion/packs"));
    let mut packs: Vec<PathBuf> =
        listed.map(|it| it.map(|it| it.unwrap().path()).collect()).unwrap_or_default();
    packs.sort();
    packs
}

/// The `ssh` that a process started.
fn ssh_of(parent: u32) -> Option<rustix::process::Pid> {
    for entry in fs::read_dir("/proc").unwrap() {
        let stat = entry.unwrap().path().join("stat");
        let Ok(stat) = fs::read_to_string(stat) else { continue };
        let words: Vec<&str> = stat.split(' ').collect();
        if words[1] == "(ssh)" && words[3] == parent.to_string() {
            return rustix::process::Pid::from_raw(words[0].parse().unwrap());
        }
    }
    None
}

/// How long the longest file is among those that came, or come.
pub(crate) fn came(world: &World) -> u64 {
    packs(world).iter().map(|path| fs::metadata(path).map_or(0, |it| it.len())).max().unwrap_or_default()
}

/// Runs a command, and kills its `ssh` once it is time.
pub(crate) fn cut_when(mut command: Command, is_time: impl Fn() -> bool) -> Run {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    while !is_time() {
        assert!(Instant::now() < until, "nothing comes");
        std::thread::sleep(Duration::from_millis(1));
    }
    rustix::process::kill_process(ssh_of(child.id()).unwrap(), rustix::process::Signal::KILL).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_push_that_is_cut_goes_on_and_what_is_there_is_not_sent() {
    let Some(sshd) = sshd() else { return };
    let world = world();
    let mut command = gabion(world.folder.path());
    command.args(push(&world, &sshd).split_whitespace());
    let run = cut_when(command, || came(&world) > 36_000_000);
    refused(&run, 1, &["E0670", "run the same command again"]);
    assert!(packs(&world).iter().all(|it| it.extension().is_some_and(|it| it == "part")));

    let again = pushed(&world, &sshd);
    let (sent, reused, size) = (number(&again, "sent"), number(&again, "reused"), number(&again, "size"));
    assert!(reused >= 32 << 20 && sent + reused < size + (6 << 20), "{again}");
    assert_eq!(again["installer"], false, "it lies there since the first time");
    let [pack] = &packs(&world)[..] else { panic!("{:?}", packs(&world)) };
    assert!(fs::read(pack).unwrap() == fs::read(world.path("out/b.gabion")).unwrap());
    let hex = pack.file_stem().unwrap().to_str().unwrap();
    assert_eq!(again["digest"], format!("sha256:{hex}"));

    sshd.came();
    let third = pushed(&world, &sshd);
    assert_eq!(sshd.came(), 1, "looking for the installer, and the bundle");
    assert!(number(&third, "sent") < 250_000, "{third}");

    // A small change of the platform.
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    fs::write(world.path("gabion.toml"), recipe.replace("invalid/small", "invalid/other")).unwrap();
    world.ok("build --key rel");
    let changed = pushed(&world, &sshd);
    assert!(number(&changed, "sent") < 1_000_000, "{changed}");
    assert!(number(&changed, "reused") > u64::from(LARGE), "{changed}");
    assert_eq!(packs(&world).len(), 2);
}

#[test]
fn a_machine_judges_for_itself_and_says_why_it_refuses() {
    let Some(sshd) = sshd() else { return };
    let recipe = "[fetch.a]\nurl = 'https://up.invalid/a'\n[bundle.b]\nbase = ['fetch.a']\n";
    let world = World::new(recipe, &[("/a", b"stones")]);
    key(&world, "rel");
    key(&world, "other");
    world.ok("build --key rel");
    fs::create_dir_all(world.path("host/var/lib/gabion/trust")).unwrap();
    // Nobody brought an installer, and none is there.
    let push = push(&world, &sshd);
    refused(&world.run(&push), 1, &["E0679", "--installer"]);
    let push = format!("{push} --installer {}", installer::built().display());
    let said: serde_json::Value = serde_json::from_str(&world.ok(&push)).unwrap();
    assert_eq!(said["installer"], true);
    // Whom nobody here trusts does not leave this machine.
    refused(&world.run(&push.replace("rel.json", "other.json")), 6, &["E0508"]);
    // A newer trust root judged there before.
    let state = r#"{"root_version": 5, "bundles": {}}"#;
    fs::write(world.path("host/var/lib/gabion/trust/state.json"), state).unwrap();
    refused(&world.run(&push), 6, &["the machine says", "E0515"]);
    let nowhere = push.replace(&world.path("host").display().to_string(), "/nowhere/at/all");
    refused(&world.run(&nowhere), 1, &["E0601"]);
    refused(&world.run(&push.replace("IdentityFile=", "IdentityFile=/none")), 1, &["E0679", "BatchMode"]);
}
