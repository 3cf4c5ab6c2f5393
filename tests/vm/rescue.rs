//! An empty machine that gets its system from a rescue system: the image itself, started from another disk.

use crate::clock::phase;
use crate::image::{self, Project};
use crate::remote::{DEADLINE, Remote};
use gabion_testkit::{Firmware, Vm, has, program, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The serial number of the disk that is installed onto.
const SERIAL: &str = "gabion-target";
/// The program of `host/examples`.
const PROGRAM: &str = "install-disk";

/// The installer as a static program, built in a folder of its own, as `host/installer/build` does it.
fn installer() -> PathBuf {
    let (root, triple) = (Path::new(env!("CARGO_MANIFEST_DIR")), "x86_64-unknown-linux-gnu");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).env("RUSTFLAGS", "-C target-feature=+crt-static");
    cargo.args(["build", "--quiet", "--release", "--locked", "-p", "gabion-host", "--example", PROGRAM]);
    run(cargo.args(["--target", triple, "--target-dir"]).arg(&target));
    target.join(triple).join("release/examples").join(PROGRAM)
}

/// A disk with the installer and the compressed image; gives the bytes of the image.
fn medium(project: &Project, folder: &Path) -> (PathBuf, u64) {
    let (raw, files, disk) = (folder.join("raw"), folder.join("files"), folder.join("medium"));
    run(program("qemu-img").args(["convert", "-O", "raw"]).arg(project.disk_file()).arg(&raw));
    fs_err::create_dir(&files).unwrap();
    let size = raw.metadata().unwrap().len();
    let out = fs_err::File::create(files.join("image.zst")).unwrap();
    gabion_disk::compress(fs_err::File::open(&raw).unwrap(), size, out, 2).unwrap();
    fs_err::remove_file(&raw).unwrap();
    fs_err::copy(installer(), files.join(PROGRAM)).unwrap();
    run(program("mke2fs").args(["-q", "-t", "ext4", "-L", "medium", "-d"]).arg(&files).arg(&disk).arg("1G"));
    (disk, size)
}

/// Starts the rescue system and installs onto the disk; gives what the installer said.
fn install(project: &Project, folder: &Path, target: &Path, medium: &Path, arguments: &str) -> String {
    let own = tempfile::tempdir_in(folder).unwrap();
    let disk = image::overlay(&project.disk_file(), own.path());
    let rescue = Remote::new(project, Firmware::Bios, &disk, own.path());
    let rescue = rescue.with(|vm| vm.kept_disk(target, SERIAL).second_disk(medium));
    let machine = phase("start the rescue system", || rescue.start());
    rescue.run("sudo mkdir -p /run/medium && sudo mount -o ro /dev/disk/by-label/medium /run/medium");
    let command = format!("sudo /run/medium/{PROGRAM} --image /run/medium/image.zst {arguments} 2>&1");
    let said = phase("install", || rescue.run(&command));
    // Nothing of the new disk stays mounted.
    assert_eq!(rescue.run("findmnt -rno SOURCE | grep -c '^/dev/vdb' || true"), "0\n");
    rescue.run("sudo systemctl --no-block poweroff");
    machine.wait_until_off(DEADLINE);
    said
}

fn an_empty_machine_gets_its_system_and_later_another_one(project: &Project, firmware: Firmware) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    run(program("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&target).arg("16G"));
    let (medium, size) = phase("medium", || medium(project, folder.path()));

    let arguments = format!("--size {size} --disk serial:{SERIAL} --lay first");
    let said = install(project, folder.path(), &target, &medium, &arguments);
    assert!(
        said.contains("the disk is `/dev/vdb`, 17.1 GB, serial `gabion-target`; it has nothing"),
        "{said}"
    );
    assert!(said.contains(r#""how":"whole","slot":"a""#), "{said}");

    let host = Remote::new(project, firmware, &target, folder.path()).with(Vm::keeping_writes);
    let machine = phase(&format!("start the new system, {firmware:?}"), || host.start());
    assert_eq!(host.run("sudo /usr/lib/gabion/slot status"), "running=a\nslot=a\ntrial=\n");
    assert_eq!(
        host.run("findmnt -no SOURCE /; findmnt -no SOURCE /data; cat /etc/laid"),
        "/dev/vda3\n/dev/vda6\nfirst"
    );
    // `data` has what the image does not: 16 GiB but 7 of them, and what is before and behind.
    let blocks: u64 = host.run("findmnt -bno SIZE /data").trim().parse().unwrap();
    assert!(blocks > 5 << 30, "{blocks}");
    assert_eq!(host.run("sudo sfdisk --verify /dev/vda 2>&1 | grep -c 'No errors'"), "1\n");
    let network = "networkctl status 'e*' | grep -o '05-gabion-host.network'";
    assert_eq!(host.run(network), "05-gabion-host.network\n");
    assert_eq!(host.run("systemctl --failed --no-legend --plain | wc -l"), "0\n");
    host.run("echo kept | sudo tee /data/kept /state/kept >/dev/null && sudo systemctl --no-block poweroff");
    machine.wait_until_off(DEADLINE);

    // The same again is the other slot, tried at the next start; the host stays the same to others.
    let arguments = format!("--size {size} --disk serial:{SERIAL} --lay second");
    let said = install(project, folder.path(), &target, &medium, &arguments);
    assert!(said.contains(r#""how":"slot","slot":"b""#), "{said}");
    let machine = phase(&format!("start the other slot, {firmware:?}"), || host.start());
    assert_eq!(host.run("sudo /usr/lib/gabion/slot status"), "running=b\nslot=a\ntrial=\n");
    assert_eq!(host.run("cat /etc/laid; sudo cat /data/kept /state/kept"), "secondkept\nkept\n");
    drop(machine);
}

fn rescued(firmware: Firmware) {
    if !Vm::is_possible(firmware) || !has(&["ssh", "mke2fs", "qemu-img"]) {
        return;
    }
    let Some(project) = image::built() else { return };
    phase(&format!("rescue, {firmware:?}"), || {
        an_empty_machine_gets_its_system_and_later_another_one(project, firmware);
    });
}

#[test]
fn under_a_bios_an_empty_machine_gets_its_system_from_a_rescue_system() {
    rescued(Firmware::Bios);
}

#[test]
#[ignore = "the disk is the same; `tests/vm/run --ignored uefi` starts it under UEFI too"]
fn under_uefi_an_empty_machine_gets_its_system_from_a_rescue_system() {
    rescued(Firmware::Uefi);
}
