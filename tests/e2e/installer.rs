//! What a bundle carries for an empty machine: the installer and the disk.

use crate::archive::{actions, archive_with, is_possible};
use crate::trust::{key, refused};
use crate::world::World;
use fs_err as fs;
use gabion_bundle::{DiskPackage, DiskPackages, Manifest, Object, PACKAGES, read_table};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The static installer, built as releases build it.
pub(crate) fn built() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("host/installer/build");
    let out = Command::new(script).env("CARGO", env!("CARGO")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim_end().into()
}

/// The segments of a program (ELF-64, "Program Header"): their types.
fn segments(elf: &[u8]) -> Vec<u32> {
    let number = |at: usize, size: usize| {
        elf[at..at + size].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    assert_eq!(&elf[..5], b"\x7fELF\x02");
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).map(|at| u32::try_from(number(start + at * size, 4)).unwrap()).collect()
}

#[test]
fn the_installer_is_one_small_program_that_needs_nothing_of_the_machine() {
    let path = built();
    let bytes = fs::read(&path).unwrap();
    // PT_INTERP names the loader of a program that is linked on the machine.
    let segments = segments(&bytes);
    assert!(segments.contains(&1) && !segments.contains(&3), "{segments:?}");
    assert!(bytes.len() < 15_000_000, "{} bytes", bytes.len());
    let said = Command::new(&path).env_clear().arg("--version").output().unwrap();
    assert!(said.status.success());
    assert_eq!(
        String::from_utf8(said.stdout).unwrap(),
        format!("gabion-host {}\n", env!("CARGO_PKG_VERSION"))
    );
}

fn table(world: &World) -> Manifest {
    read_table(&mut fs::File::open(world.path("out/b.gabion")).unwrap()).unwrap().2
}

fn content(manifest: &Manifest) -> Vec<&str> {
    manifest.members.iter().map(|it| it.path.as_str()).filter(|it| it.starts_with("content/")).collect()
}

const FETCHES: &str = "[fetch.extra]\nurl = 'https://up.invalid/extra'\n\
    [fetch.gabion-host]\nurl = 'https://up.invalid/gabion-host'\n";
const FILES: [(&str, &[u8]); 2] = [("/extra", b"stones"), ("/gabion-host", b"#!/bin/sh\necho installed\n")];

#[test]
fn an_installer_comes_first_and_leaves_the_bundle_checked_and_ready_to_run() {
    let recipe = format!("{FETCHES}[bundle.b]\nbase = ['fetch.extra']\ninstaller = 'fetch.gabion-host'\n");
    let world = World::new(&recipe, &FILES);
    key(&world, "rel");
    world.ok("build --key rel");
    let manifest = table(&world);
    assert_eq!(content(&manifest), ["content/fetch.gabion-host/gabion-host", "content/fetch.extra/extra"]);
    let member = "content/fetch.gabion-host/gabion-host".to_owned();
    assert_eq!(manifest.objects[0], Object::Installer { member });
    world.ok("bundle extract-installer out/b.gabion -o tool --trust rel.json");
    let mode = fs::metadata(world.path("tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    let said = Command::new(world.path("tool")).output().unwrap();
    assert_eq!(said.stdout, b"installed\n");
    // It lies on the host too, where it goes on with an interrupted change.
    fs::create_dir(world.path("host")).unwrap();
    let written = world.ok("host install out/b.gabion --root host --trust rel.json");
    assert!(
        written.contains("/files/fetch.extra/extra") && written.contains("+ /var/lib/gabion/bin/gabion-host"),
        "{written}"
    );

    // One byte of anything, and nothing leaves.
    let mut bytes = fs::read(world.path("out/b.gabion")).unwrap();
    let at = bytes.windows(6).position(|it| it == b"stones").unwrap();
    bytes[at] ^= 1;
    fs::write(world.path("bad.gabion"), bytes).unwrap();
    let run = world.run("bundle extract-installer bad.gabion -o other --trust rel.json");
    refused(&run, 5, &["E0503"]);
    assert!(!world.path("other").exists());
}

#[test]
fn a_bundle_without_an_installer_says_which_field_names_one() {
    let world = World::new(&format!("{FETCHES}[bundle.b]\nbase = ['fetch.extra']\n"), &FILES);
    key(&world, "rel");
    world.ok("build --key rel");
    let run = world.run("bundle extract-installer out/b.gabion -o tool --trust rel.json");
    refused(&run, 2, &["carries no installer", "`[bundle.b]`", "`installer = \"fetch.NAME\"`"]);
    let twice = "base = ['fetch.extra']\ninstaller = 'fetch.extra'\n";
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    fs::write(world.path("gabion.toml"), recipe.replace("base = ['fetch.extra']\n", twice)).unwrap();
    refused(&world.run("check"), 1, &["`fetch.extra` is listed twice"]);
}

#[test]
fn a_bundle_carries_the_compressed_disk_in_front_of_everything_else() {
    if !is_possible() {
        return;
    }
    let recipe = crate::rootfs::recipe("'host'", "slot = '512MiB'") + FETCHES;
    let parts = "base = ['fetch.extra', 'disk.vps']\ninstaller = 'fetch.gabion-host'\n";
    let recipe = recipe.replace("base = ['disk.vps']\n", parts);
    let world = archive_with(&recipe, &crate::rootfs::system(), &FILES);
    key(&world, "rel");
    // The first build of a system pins its accounts; the bundle carries that lock, and the next one has nothing to do.
    let first = world.ok("build --key rel");
    let lock = "locks/apt.os.lock";
    world.ok(&format!("bundle extract out/b.gabion lock/{lock} {PACKAGES} -o lists --trust rel.json"));
    let locked = fs::read_to_string(world.path(lock)).unwrap();
    assert!(locked.contains("sshd"), "{locked}");
    assert_eq!(fs::read_to_string(world.path("lists/lock").join(lock)).unwrap(), locked);
    assert_eq!(world.ok("build --frozen --key rel"), first);
    // What lies on the disk, for a host that is to compare it.
    let packages = fs::read_to_string(world.path("lists").join(PACKAGES)).unwrap();
    let packages = DiskPackages::parse(&packages).unwrap().disks.remove("disk.vps").unwrap();
    let pinned = |it: &DiskPackage| locked.contains(&format!("{} {} {} ", it.name, it.version, it.arch));
    assert!(packages.len() == 2 && packages.iter().all(pinned), "{packages:?}");
    let manifest = table(&world);
    let disk = "content/disk.vps/vps.img.zst";
    assert_eq!(
        content(&manifest),
        ["content/fetch.gabion-host/gabion-host", disk, "content/fetch.extra/extra"]
    );
    // It is the image that `build disk` writes in this form.
    world.ok("build disk.vps -o vps.img.zst");
    world.ok("build disk.vps -o vps.img");
    world.ok(&format!("bundle extract out/b.gabion {disk} -o taken --trust rel.json"));
    assert!(
        fs::read(world.path("vps.img.zst")).unwrap() == fs::read(world.path("taken").join(disk)).unwrap()
    );
    let size = fs::metadata(world.path("vps.img")).unwrap().len();
    let object = Object::Disk { node: "disk.vps".to_owned(), member: disk.to_owned(), size };
    assert_eq!(manifest.objects[1], object);

    // It was a step: what was made is in the store, kept for the bundle, and made again alike.
    assert_eq!(actions(&world, "zst").len(), 1);
    world.ok("store gc --keep-days 0 --wait 0");
    fs::remove_file(world.path("out/b.gabion")).unwrap();
    assert_eq!(world.ok("build --frozen --key rel"), first);
    world.ok("check --rebuild bundle.b");
    assert_eq!(actions(&world, "zst").len(), 1);
    // A machine that runs has its disk already.
    fs::create_dir(world.path("host")).unwrap();
    let written = world.ok("host install out/b.gabion --root host --trust rel.json");
    assert!(!written.contains("vps"), "{written}");
}

#[test]
fn a_compressed_disk_that_is_damaged_in_the_store_is_made_again() {
    if !is_possible() {
        return;
    }
    let world =
        archive_with(&crate::rootfs::recipe("'host'", "slot = '512MiB'"), &crate::rootfs::system(), &[]);
    world.ok("build disk.vps");
    let digest = world.ok("build");
    let [(_, text)] = &actions(&world, "zst")[..] else { panic!("there is one") };
    let hex = text.split("\noutput zst b3:").nth(1).unwrap()[..64].to_owned();
    let blob = world.path(&format!(".store/blob/b3/{}/{hex}", &hex[..2]));
    let mut bytes = fs::read(&blob).unwrap();
    bytes[100] ^= 1;
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, bytes).unwrap();
    fs::remove_file(world.path("out/b.gabion")).unwrap();
    assert_eq!(world.ok("build"), digest);
    world.ok("store verify");
}
