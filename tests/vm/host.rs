//! A host's life: installed from a rescue system, brought to another bundle, cut off in the middle, given another system, sent
//! back, and installed anew with its data. The system is real and so is the network to it; K3s is the stand-in.

use crate::bundles::{Contents, trust};
use crate::clock::phase;
use crate::image::{self, Project};
use crate::remote::{DEADLINE, Remote};
use gabion_testkit::{Firmware, Vm, has, program, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The serial number of the disk that is installed onto.
const SERIAL: &str = "gabion-target";
/// The small program there.
const HOST: &str = "sudo /var/lib/gabion/bin/gabion-host";
/// A text of the system that tells one disk image from the other.
const BEFORE: &[u8] = b"Debian GNU/Linux 12 \\n \\l";
const AFTER: &[u8] = b"Gabion GNU/Linux 12 \\n \\l";

/// Files that the machines and the operator need.
struct Kit<'p> {
    project: &'p Project,
    /// The disk that a host is rescued with: its partitions are no host's.
    rescue: PathBuf,
    folder: &'p Path,
}

fn installer() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut build = Command::new(root.join("host/installer/build"));
    let out = build.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().into()
}

/// The image of the host's disk, compressed; a second one in which one word of the system differs.
fn disks(project: &Project, folder: &Path) -> [(PathBuf, u64); 2] {
    let raw = folder.join("host.img");
    project.gabion(&["build", "disk.host", "--locked", "-o", raw.to_str().unwrap()]);
    let size = raw.metadata().unwrap().len();
    // At the lowest level: how Gabion itself does it is tried elsewhere, and takes minutes.
    let compress = |name: &str| {
        let path = folder.join(name);
        let mut to = zstd::Encoder::new(fs_err::File::create(&path).unwrap(), 1).unwrap();
        to.include_checksum(true).unwrap();
        to.set_pledged_src_size(Some(size)).unwrap();
        std::io::copy(&mut fs_err::File::open(&raw).unwrap(), &mut to).unwrap();
        to.finish().unwrap();
        (path, size)
    };
    let first = compress("first.img.zst");
    // Both slots are one image: `/etc/issue` lies in the first of them.
    let mut replace = program("python3");
    replace.args(["-c", "import mmap, sys\nwith open(sys.argv[1], 'r+b') as f:\n m = mmap.mmap(f.fileno(), 0)\n \
        at = m.find(sys.argv[2].encode())\n assert at > 0\n m[at:at + len(sys.argv[3])] = sys.argv[3].encode()\n m.flush()"]);
    let text = |it: &[u8]| String::from_utf8(it.to_vec()).unwrap();
    run(replace.arg(&raw).args([text(BEFORE), text(AFTER)]));
    let second = compress("second.img.zst");
    fs_err::remove_file(&raw).unwrap();
    [first, second]
}

impl Kit<'_> {
    /// The file of a bundle.
    fn bundle(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.gabion"))
    }

    /// A disk with the installer, a bundle and whom to trust.
    fn medium(&self, installer: &Path, name: &str) -> PathBuf {
        let (files, disk) = (self.folder.join("files"), self.folder.join("medium"));
        let _old = fs_err::remove_dir_all(&files);
        fs_err::create_dir(&files).unwrap();
        fs_err::copy(installer, files.join("gabion-host")).unwrap();
        fs_err::copy(self.bundle(name), files.join("platform.gabion")).unwrap();
        fs_err::write(files.join("root.json"), trust().to_text()).unwrap();
        let _old = fs_err::remove_file(&disk);
        run(program("mke2fs")
            .args(["-q", "-t", "ext4", "-L", "medium", "-d"])
            .arg(&files)
            .arg(&disk)
            .arg("2G"));
        disk
    }

    /// Starts the rescue system, and installs onto the disk from a second one; gives what the installer said.
    fn install(&self, target: &Path, medium: &Path) -> String {
        self.rescue(target, Some(medium), |rescue| {
            rescue.run("sudo mkdir -p /run/medium && sudo mount -o ro /dev/disk/by-label/medium /run/medium");
            rescue.run(&format!(
                "cd /run/medium && sudo ./gabion-host install platform.gabion --disk serial:{SERIAL} --trust root.json 2>&1"
            ))
        })
    }

    /// The same from the operator's machine: nothing of the bundle is laid down in the rescue system.
    fn install_from_here(&self, target: &Path, name: &str) -> String {
        self.rescue(target, None, |rescue| {
            let (bundle, disk) = (self.bundle(name), format!("serial:{SERIAL}"));
            let words = ["install", bundle.to_str().unwrap(), "--disk", &disk, "--trust", "root.json"];
            let used = || -> u64 {
                let listed = rescue.run("df -B1 --output=used | tail -n +2");
                listed.lines().map(|it| it.trim().parse::<u64>().unwrap()).sum()
            };
            let before = used();
            let (code, said) = self.operate(rescue, &words);
            assert_eq!(code, Some(0), "{said}");
            // The installer itself, and what a system writes that runs.
            let grown = used().saturating_sub(before);
            assert!(grown < 48 << 20 && bundle.metadata().unwrap().len() > 96 << 20, "{grown}");
            said
        })
    }

    fn rescue(
        &self,
        target: &Path,
        medium: Option<&Path>,
        install: impl FnOnce(&Remote) -> String,
    ) -> String {
        let own = tempfile::tempdir_in(self.folder).unwrap();
        let disk = image::overlay(&self.rescue, own.path());
        let rescue = Remote::new(self.project, Firmware::Bios, &disk, own.path());
        let rescue = rescue.with(|vm| {
            let vm = vm.kept_disk(target, SERIAL);
            medium.map_or_else(|| vm.clone(), |it| vm.clone().second_disk(it))
        });
        let machine = phase("start the rescue system", || rescue.start());
        let said = phase("install", || install(&rescue));
        assert_eq!(rescue.run("findmnt -rno SOURCE | grep -c '^/dev/vdb' || true"), "0\n");
        rescue.run("sudo systemctl --no-block poweroff");
        machine.wait_until_off(DEADLINE);
        said
    }

    /// `gabion host …` from the operator's machine; gives how it ended and what it said.
    fn operate(&self, host: &Remote, arguments: &[&str]) -> (Option<i32>, String) {
        let mut gabion = program(env!("CARGO_BIN_EXE_gabion"));
        self.project.tell(&mut gabion).current_dir(self.folder).arg("host").args(arguments);
        for option in host.options() {
            gabion.args(["--ssh-option", &option]);
        }
        let out = gabion.args(["--target", &host.target()]).output().unwrap();
        let said = [out.stdout, out.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
        (out.status.code(), said)
    }

    #[track_caller]
    fn apply(&self, host: &Remote, name: &str) -> String {
        let bundle = self.bundle(name);
        let bundle = bundle.to_str().unwrap();
        let (code, said) = phase(&format!("apply `{name}`"), || {
            self.operate(host, &["apply", bundle, "--trust", "root.json"])
        });
        assert_eq!(code, Some(0), "{said}");
        said
    }
}

/// What an operator sees: `docs/reinstall.md` shows these.
fn screen(of: &str, said: &str) {
    eprintln!("screen: {of}\n{said}");
}

/// Waits until the host says that it is in this generation, healthy, and on no way to another.
#[track_caller]
fn rests(host: &Remote, generation: u64) {
    let status = phase(&format!("rest in generation {generation}"), || {
        host.run(&format!(
            "timeout 400 sh -c 'until {HOST} status --json 2>&1 | grep -q \"\\\"good\\\":true\"; do sleep 1; done'; {HOST} status"
        ))
    });
    assert!(status.starts_with(&format!("generation {generation}: platform ")), "{status}");
    assert!(status.ends_with("healthy\n"), "{status}");
}

/// Keeps what came into force while nobody was connected.
#[track_caller]
fn confirm(host: &Remote) {
    phase("confirm", || {
        host.run(&format!("timeout 400 sh -c 'until {HOST} confirm; do sleep 1; done' 2>/dev/null"))
    });
}

/// Lets the next call of K3s with these words never end.
fn hang(host: &Remote, words: &str) {
    host.run(&format!(
        "echo '{words}' | sudo tee /var/lib/rancher/k3s/server/stand-in/hang >/dev/null; sync"
    ));
}

fn a_host_lives(project: &Project) {
    let folder = tempfile::tempdir().unwrap();
    let own = project.with_store(folder.path().join("own"));
    let [first, second] = phase("build the host's disks", || disks(&own, folder.path()));
    let kit = Kit { project, rescue: project.disk_file(), folder: folder.path() };
    let installer = phase("build the installer", installer);
    let one = Contents {
        installer: installer.clone(),
        disk: first,
        k3s: "v1.34.9+k3s1",
        config: "cluster-init: true\n",
        programs: &["api"],
    };
    let two = Contents {
        config: "cluster-init: true\nsecrets-encryption: true\n",
        programs: &["api", "web"],
        ..one.clone()
    };
    let three = Contents { k3s: "v1.34.10+k3s1", programs: &["web", "worker"], ..two.clone() };
    let four = Contents { disk: second, ..three.clone() };
    for (name, contents) in [("one", &one), ("two", &two), ("three", &three), ("four", &four)] {
        contents.write(&kit.bundle(name));
    }
    fs_err::write(folder.path().join("root.json"), trust().to_text()).unwrap();
    let target = folder.path().join("target");
    run(program("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&target).arg("16G"));

    // An empty machine becomes a host.
    let said = kit.install_from_here(&target, "one");
    screen("install over ssh", &said);
    assert!(
        said.contains("the disk is `/dev/vdb`") && said.contains("installed onto /dev/vdb, slot a"),
        "{said}"
    );
    let host = Remote::new(project, Firmware::Bios, &target, folder.path()).with(Vm::keeping_writes);
    let rebooting = host.clone().with(Vm::rebooting);
    let machine = phase("start the host", || rebooting.start());
    rests(&host, 1);
    // In one go: the firewall refuses whoever comes too often.
    let said = host.run(
        "findmnt -no SOURCE /; findmnt -no SOURCE /data; systemctl --failed --no-legend --plain | wc -l; \
         systemctl is-active k3s fail2ban ufw; sudo ufw status | head -1; \
         sudo sshd -T | grep -c '^passwordauthentication no'; \
         networkctl status 'e*' | grep -o '05-gabion-host.network'; echo kept | sudo tee /data/kept /state/kept",
    );
    let wanted = [
        "/dev/vda3",
        "/dev/vda6",
        "0",
        "active",
        "active",
        "active",
        "Status: active",
        "1",
        "05-gabion-host.network",
        "kept",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);

    // Another bundle, over the network, confirmed over a connection of its own; the same again does nothing.
    let (code, plan) =
        kit.operate(&host, &["plan", kit.bundle("two").to_str().unwrap(), "--trust", "root.json"]);
    assert!(
        code == Some(0) && plan.contains("+ Deployment app/web") && plan.contains("K3s starts anew"),
        "{plan}"
    );
    let said = kit.apply(&host, "two");
    screen("apply", &said);
    assert!(said.contains("generation 2 is in force"), "{said}");
    rests(&host, 2);
    let said = kit.apply(&host, "two");
    assert!(said.contains("generation 2 is in force already"), "{said}");
    // A bundle that nobody signed whom the host trusts.
    let (code, said) =
        kit.operate(&host, &["plan", kit.bundle("damaged").to_str().unwrap(), "--trust", "root.json"]);
    assert!(code != Some(0), "{said}");

    // The power fails: while the snapshot is made, and while objects are applied.
    let mut machine = machine;
    for words in ["etcd-snapshot save", "kubectl apply"] {
        hang(&host, words);
        let said = std::thread::scope(|scope| {
            let applying = scope.spawn(|| {
                let three = kit.bundle("three");
                kit.operate(&host, &["apply", three.to_str().unwrap(), "--trust", "root.json"])
            });
            machine.wait_for("stand-in hangs", DEADLINE);
            machine.cut_power();
            applying.join().unwrap().1
        });
        assert!(!said.contains("is in force"), "{said}");
        machine = phase("start after the cut", || rebooting.start());
        confirm(&host);
        if words.starts_with("etcd") {
            rests(&host, 3);
            let (code, said) = phase("roll back", || kit.operate(&host, &["rollback"]));
            assert_eq!(code, Some(0), "{said}");
            rests(&host, 2);
        }
    }
    rests(&host, 4);
    let objects = host.run("sudo cat /var/lib/rancher/k3s/server/stand-in/objects");
    assert!(objects.contains("worker") && !objects.contains("\"api\""), "{objects}");
    let history = host.run(&format!("{HOST} generations --history"));
    screen("generations --history", &history);
    assert!(history.contains("returned generation 2: somebody asked for it"), "{history}");

    // Another system: the other slot, tried, and confirmed because it is healthy.
    let said = kit.apply(&host, "four");
    screen("apply with another system", &said);
    assert!(said.contains("the host starts again, into generation 5"), "{said}");
    machine.wait_for("gabion.slot=b gabion.trial=1", DEADLINE);
    phase("start from the other slot", || host.wait(&machine));
    confirm(&host);
    rests(&host, 5);
    assert_eq!(
        host.run(
            "head -c 6 /etc/issue; sudo /usr/lib/gabion/slot status; sudo cat /data/kept /state/kept; \
            sudo systemctl --no-block poweroff"
        ),
        "Gabionrunning=b\nslot=b\ntrial=\nkept\nkept\n"
    );
    machine.wait_until_off(DEADLINE);

    // Installed anew: the slot that does not run; what it holds and what it is called stay.
    let key = host.host_key();
    let said = kit.install(&target, &kit.medium(&installer, "two"));
    assert!(said.contains("slot a"), "{said}");
    let uefi = host.clone().with(|vm| vm.under(Firmware::Uefi));
    let machine = phase("start what was installed anew, under the other firmware", || uefi.start());
    rests(&host, 6);
    assert_eq!(
        host.run("sudo /usr/lib/gabion/slot status; sudo cat /data/kept /state/kept"),
        "running=a\nslot=a\ntrial=\nkept\nkept\n"
    );
    assert_eq!(host.host_key(), key);
    drop(machine);
}

#[test]
fn a_host_is_installed_and_changed_and_cut_off_and_comes_back_and_keeps_its_data() {
    let firmwares = [Firmware::Bios, Firmware::Uefi];
    if !firmwares.into_iter().all(Vm::is_possible) || !has(&["ssh", "mke2fs", "qemu-img", "python3"]) {
        return;
    }
    let Some(project) = image::built() else { return };
    phase("the life of a host", || a_host_lives(project));
}
