//! The scripts of the host, run by `dash` against the programs that they call. Their fixed paths are replaced by
//! those of a folder.

use crate::{DATA, is_installed, layer, settings, text};
use gabion_testkit::{program, run};
use std::path::Path;
use std::process::Output;

/// A script of the layer, with paths of its host replaced.
fn script(name: &str, folder: &Path, replace: &[(&str, &str)]) -> std::path::PathBuf {
    let mut text = text(&layer(&settings()), &format!("/usr/lib/gabion/{name}"));
    for (from, to) in replace {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, &format!("{}/{to}", folder.display()));
    }
    let path = folder.join(name);
    fs_err::write(&path, text).unwrap();
    run(program("dash").arg("-n").arg(&path));
    path
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_trial_is_confirmed_or_forgotten() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join("grubenv");
    run(program("grub-editenv").arg(&env).arg("create"));
    run(program("grub-editenv").arg(&env).args(["set", "slot=a"]));
    let cmdline = |slot: &str| {
        fs_err::write(folder.path().join("cmdline"), format!("root=PARTUUID=x {slot} quiet\n")).unwrap();
    };
    let path =
        script("slot", folder.path(), &[("/boot/efi/grub/grubenv", "grubenv"), ("/proc/cmdline", "cmdline")]);
    let slot = |words: &[&str]| program("dash").arg(&path).args(words).output().unwrap();
    cmdline("gabion.slot=a");
    assert_eq!(said(&slot(&["status"])), "running=a\nslot=a\ntrial=\n");
    assert!(slot(&["try", "b"]).status.success());
    assert_eq!(said(&slot(&["status"])), "running=a\nslot=a\ntrial=b\n");
    assert_eq!(said(&slot(&["try", "a"])), "slot: a is running\n");
    cmdline("gabion.slot=b");
    assert!(slot(&["confirm"]).status.success());
    assert_eq!(said(&slot(&["status"])), "running=b\nslot=b\ntrial=\n");
    assert_eq!(fs_err::metadata(&env).unwrap().len(), 1024);
    cmdline("gabion.slot=c");
    for words in [&["status"][..], &["confirm"], &["try", "a"]] {
        let output = slot(words);
        assert!(!output.status.success(), "{words:?}");
        assert!(said(&output).contains("was not told which slot"), "{words:?}: {}", said(&output));
    }
    for words in [&[][..], &["try"], &["try", "c"], &["confirm", "a"]] {
        assert!(!slot(words).status.success(), "{words:?}");
    }
    fs_err::remove_file(&env).unwrap();
    assert!(said(&slot(&["status"])).contains("there is no"));
}

/// A host with or without its partition of state.
struct Host {
    folder: tempfile::TempDir,
    script: std::path::PathBuf,
}

impl Host {
    fn new(mounted: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ssh", "state"] {
            fs_err::create_dir(folder.path().join(name)).unwrap();
        }
        fs_err::write(folder.path().join("machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
        let replace = [("/etc/ssh/", "ssh/"), ("/etc/machine-id", "machine-id"), ("/state", "state")];
        let script = script("identity", folder.path(), &replace);
        let asked = format!("mountpoint -q {}/state", folder.path().display());
        let text = fs_err::read_to_string(&script).unwrap();
        assert!(text.contains(&asked));
        fs_err::write(&script, text.replace(&asked, if mounted { "true" } else { "false" })).unwrap();
        Self { folder, script }
    }

    fn start(&self) {
        run(program("dash").arg(&self.script));
    }

    fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.folder.path().join(path)).unwrap()
    }
}

#[test]
fn another_system_of_one_host_has_its_key_and_its_id() {
    if !is_installed() {
        return;
    }
    let first = Host::new(true);
    first.start();
    let (key, public) = (first.read("ssh/ssh_host_ed25519_key"), first.read("ssh/ssh_host_ed25519_key.pub"));
    assert!(public.starts_with("ssh-ed25519 "), "{public}");
    first.start();
    assert_eq!(first.read("ssh/ssh_host_ed25519_key"), key);
    let second = Host::new(true);
    fs_err::write(second.folder.path().join("machine-id"), "ffffffffffffffffffffffffffffffff\n").unwrap();
    run(program("cp")
        .arg("-r")
        .arg(first.folder.path().join("state/identity"))
        .arg(second.folder.path().join("state")));
    second.start();
    assert_eq!(second.read("ssh/ssh_host_ed25519_key"), key);
    assert_eq!(second.read("ssh/ssh_host_ed25519_key.pub"), public);
    assert_eq!(second.read("machine-id"), "0123456789abcdef0123456789abcdef\n");
    let mode = |path| {
        use std::os::unix::fs::PermissionsExt;
        fs_err::metadata(second.folder.path().join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        [mode("ssh/ssh_host_ed25519_key"), mode("ssh/ssh_host_ed25519_key.pub"), mode("machine-id")],
        [0o600, 0o644, 0o444]
    );
}

#[test]
fn a_host_without_its_state_can_still_be_reached() {
    if !is_installed() {
        return;
    }
    let host = Host::new(false);
    host.start();
    let key = host.read("ssh/ssh_host_ed25519_key");
    host.start();
    assert_eq!(host.read("ssh/ssh_host_ed25519_key"), key);
    assert!(!host.folder.path().join("state/identity").exists());
    // Half a key of a power cut is none.
    fs_err::write(host.folder.path().join("ssh/ssh_host_ed25519_key"), "").unwrap();
    host.start();
    assert!(host.read("ssh/ssh_host_ed25519_key").starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
}

#[test]
fn two_hosts_have_two_keys() {
    if !is_installed() {
        return;
    }
    let keys = [Host::new(true), Host::new(true)].map(|it| {
        it.start();
        it.read("ssh/ssh_host_ed25519_key.pub")
    });
    assert_ne!(keys[0], keys[1]);
}

const MIB: u64 = 1 << 20;

/// A disk with a partition of 8 MiB and one of `DATA` behind it, and what the kernel would tell of it.
struct Disk {
    folder: tempfile::TempDir,
    script: std::path::PathBuf,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let image = root.join("dev/vda");
        for path in ["dev/disk/by-partuuid", "sys/vda/vda1", "sys/vda/vda2", "class", "bin"] {
            fs_err::create_dir_all(root.join(path)).unwrap();
        }
        fs_err::File::create(&image).unwrap().set_len(24 * MIB).unwrap();
        let table = root.join("table");
        let text = format!(
            "label: gpt\nfirst-lba: 2048\nstart=2048, size=16384\nstart=18432, size=28672, uuid={DATA}\n"
        );
        fs_err::write(&table, text).unwrap();
        run(program("sfdisk")
            .arg("--quiet")
            .arg(&image)
            .stdin(fs_err::File::open(&table).unwrap().into_parts().0));
        fs_err::write(root.join("dev/vda2"), "").unwrap();
        fs_err::os::unix::fs::symlink("../../vda2", root.join("dev/disk/by-partuuid").join(DATA)).unwrap();
        fs_err::os::unix::fs::symlink("../sys/vda/vda2", root.join("class/vda2")).unwrap();
        // A file is no device, and the kernel is not to be told of it.
        // Both say whether somebody else could lock the disk now.
        let told = format!(
            "#!/bin/sh\nflock --nonblock {0}/dev/vda true && lock=free || lock=held\n\
             echo \"$lock ${{0##*/}} $*\" >> {0}/told\n",
            root.display()
        );
        for name in ["bin/partx", "bin/udevadm"] {
            fs_err::write(root.join(name), &told).unwrap();
            run(program("chmod").arg("+x").arg(root.join(name)));
        }
        let script = script("grow", root, &[("/sys/class/block", "class"), ("/dev/", "dev/")]);
        let disk = Self { folder, script };
        disk.tell();
        disk
    }

    /// Writes what the kernel would tell.
    fn tell(&self) {
        let root = self.folder.path();
        let size = fs_err::metadata(root.join("dev/vda")).unwrap().len() / 512;
        fs_err::write(root.join("sys/vda/size"), size.to_string()).unwrap();
        for (number, (start, size)) in (1..).zip(self.partitions()) {
            let part = root.join(format!("sys/vda/vda{number}"));
            for (name, value) in [("start", start), ("size", size), ("partition", number)] {
                fs_err::write(part.join(name), value.to_string()).unwrap();
            }
        }
    }

    fn partitions(&self) -> Vec<(u64, u64)> {
        let text =
            gabion_testkit::text(program("sfdisk").arg("--dump").arg(self.folder.path().join("dev/vda")));
        let number = |line: &str, key: &str| -> u64 {
            let value = line.split(key).nth(1).unwrap().split(',').next().unwrap();
            value.trim().parse().unwrap()
        };
        let lines = text.lines().filter(|it| it.contains("start="));
        lines.map(|it| (number(it, "start="), number(it, "size="))).collect()
    }

    fn grow(&self) -> Output {
        let path = format!("{}/bin:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let output = program("dash").arg(&self.script).arg(DATA).env("PATH", path).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        self.tell();
        output
    }

    fn told(&self) -> String {
        fs_err::read_to_string(self.folder.path().join("told")).unwrap_or_default()
    }
}

#[test]
fn the_last_partition_grows_with_its_disk_once() {
    if !is_installed() {
        return;
    }
    let disk = Disk::new();
    let before = disk.partitions();
    disk.grow();
    assert_eq!(
        (disk.partitions(), disk.told()),
        (before.clone(), String::new()),
        "there was less than 1 MiB"
    );
    let image = disk.folder.path().join("dev/vda");
    fs_err::OpenOptions::new().write(true).open(&image).unwrap().set_len(64 * MIB).unwrap();
    disk.tell();
    disk.grow();
    let after = disk.partitions();
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1].0, before[1].0);
    let end = 64 * MIB / 512 - 33;
    assert!(end - (after[1].0 + after[1].1) < 2048, "{after:?}");
    // The kernel is told before udev may look, and udev has looked before anybody goes on.
    let told = disk.told();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("held partx --update --nr 2 ") && lines.len() == 2, "{told}");
    assert_eq!(lines[1], "free udevadm settle --timeout=30");
    assert!(gabion_testkit::text(program("sfdisk").arg("--verify").arg(&image)).contains("No errors"));
    let dump = gabion_testkit::text(program("sfdisk").arg("--dump").arg(&image));
    assert!(dump.contains(&format!("uuid={}", DATA.to_uppercase())), "{dump}");
    disk.grow();
    assert_eq!((disk.partitions(), disk.told()), (after, told));
}

#[test]
fn a_partition_with_another_behind_it_stays() {
    if !is_installed() {
        return;
    }
    let disk = Disk::new();
    let image = disk.folder.path().join("dev/vda");
    fs_err::OpenOptions::new().write(true).open(image).unwrap().set_len(64 * MIB).unwrap();
    disk.tell();
    fs_err::create_dir_all(disk.folder.path().join("sys/vda/vda3")).unwrap();
    fs_err::write(disk.folder.path().join("sys/vda/vda3/start"), "60000").unwrap();
    let before = disk.partitions();
    disk.grow();
    assert_eq!((disk.partitions(), disk.told()), (before, String::new()));
}
