//! Systems and disks of packages that dpkg packed and that need no configuring, from a signed archive on loopback.

use crate::archive::{Deb, KEYS, actions, archive, is_possible};
use crate::world::World;
use fs_err as fs;
use gabion_store::{Entry, Record, Store, Tree, TreePath};
use gabion_testkit::{has, program, run, text};
use gabion_upstream::Content;
use std::io::Read;

/// What every system has, with these tables of accounts.
fn base(accounts: &str, groups: &str) -> (String, Vec<u8>) {
    let base = Deb::new("base-files", "Essential: yes\nPriority: required\n")
        .file("etc/passwd", accounts, 0o644)
        .file("etc/group", groups, 0o644)
        .file("etc/shadow", "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n", 0o640)
        .file("etc/gshadow", "root:*::\nsudo:*::\nsystemd-journal:!::\nshadow:*::\n", 0o640)
        .file("etc/subuid", "", 0o644)
        .file("etc/subgid", "", 0o644)
        .file("usr/lib/os-release", "NAME=Ubuntu\nID=ubuntu\nVERSION_ID=\"22.04\"\n", 0o644)
        .file("etc/tool.conf", "answer = 42\n", 0o644)
        .file("DEBIAN/conffiles", "/etc/tool.conf\n", 0o644)
        .file("bin/bash", "#!", 0o755)
        .file("usr/bin/perl", "one file, two names", 0o755)
        .link("usr/bin/sh", "bash");
    fs::hard_link(base.path("usr/bin/perl"), base.path("usr/bin/perl5")).unwrap();
    base.packed()
}

/// A system with accounts, an SSH server, a kernel and the images of GRUB, as far as a disk needs them.
pub(crate) fn system() -> Vec<(String, Vec<u8>)> {
    system_with("vmlinuz")
}

/// The same with another name for the kernel's link, or none.
fn system_with(kernel: &str) -> Vec<(String, Vec<u8>)> {
    let accounts = "root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n";
    let groups = "root:x:0:\nsudo:x:27:\nsystemd-journal:x:101:\nshadow:x:42:\n";
    let base = base(accounts, groups);
    let (mut boot, mut core) = (vec![0; 512], vec![7; 3000]);
    boot[510..].copy_from_slice(&[0x55, 0xaa]);
    // Where the first sector of GRUB's core says into which segment the rest is loaded.
    core[510..512].copy_from_slice(&0x0820_u16.to_le_bytes());
    let host = Deb::new("host", "Depends: base-files\n")
        .file("usr/lib/systemd/systemd", "", 0o755)
        .file("usr/lib/systemd/system/ssh.service", "[Install]\nWantedBy=multi-user.target\n", 0o644)
        .file(
            "usr/lib/systemd/system/systemd-networkd.service",
            "[Install]\nWantedBy=multi-user.target\n",
            0o644,
        )
        .file("usr/lib/systemd/systemd-networkd", "", 0o755)
        .file("usr/lib/systemd/systemd-resolved", "", 0o755)
        .file(
            "usr/lib/systemd/system/systemd-resolved.service",
            "[Install]\nWantedBy=multi-user.target\n",
            0o644,
        )
        .file("usr/lib/systemd/system/chrony.service", "[Install]\nWantedBy=multi-user.target\n", 0o644)
        .file("usr/sbin/chronyd", "", 0o755)
        .file("usr/sbin/sshd", "", 0o755)
        .file("usr/bin/ssh-keygen", "", 0o755)
        .file("usr/bin/sudo", "", 0o4755)
        .file("usr/sbin/sfdisk", "", 0o755)
        .file("usr/bin/partx", "", 0o755)
        .file("usr/sbin/e2fsck", "", 0o755)
        .file("usr/bin/grub-editenv", "", 0o755)
        .file("boot/vmlinuz-5.15", "a kernel", 0o600)
        .file("usr/lib/gabion/grub/boot.img", &boot, 0o644)
        .file("usr/lib/gabion/grub/core.img", &core, 0o644)
        .file("usr/lib/gabion/grub/BOOTX64.EFI", "MZ", 0o644);
    let host = if kernel.is_empty() { host } else { host.link(kernel, "boot/vmlinuz-5.15") };
    vec![base, host.packed()]
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJk1dR1BvK7tZ5Zt0yZ3x0gkq3cQZ8o3yKQ2F6hQ2t9v ops";

/// A system, a disk of it, and a bundle of that; its table comes last.
pub(crate) fn recipe(install: &str, disk: &str) -> String {
    format!(
        "[apt.os]\norigin = 'ubuntu:jammy'\narchive = 'https://up.invalid/deb'\nsuites = ['jammy']\nkeyring = 'keys.asc'\n\
         install = [{install}]\n[rootfs.vps]\npackages = ['apt.os']\nusers.ops = {{ sudo = true, ssh-keys = ['{KEY}'] }}\n\
         ssh = {{}}\nfiles = [{{ path = '/etc/motd', content = \"welcome\\n\" }}]\n\
         [disk.vps]\nrootfs = 'rootfs.vps'\nstate = '256MiB'\ndata = '256MiB'\n{disk}\n[bundle.b]\nbase = ['disk.vps']\n"
    )
}

fn world(install: &str, disk: &str, debs: &[(String, Vec<u8>)]) -> World {
    archive(&recipe(install, disk), debs)
}

/// The trees of all stages, the smaller one first.
fn trees(world: &World) -> Vec<Tree> {
    let store = Store::open(&world.path(".store")).unwrap();
    let id =
        |text: &str| text.lines().find_map(|it| it.strip_prefix("tree system ")).unwrap().parse().unwrap();
    let mut trees: Vec<Tree> =
        actions(world, "system").iter().map(|(_, text)| store.tree(id(text)).unwrap().unwrap()).collect();
    trees.sort_by_key(|it| it.entries().count());
    trees
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn content(world: &World, tree: &Tree, name: &str) -> String {
    let store = Store::open(&world.path(".store")).unwrap();
    let mut text = String::new();
    store.open_tree_file(tree, &path(name)).unwrap().unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_disk_is_made_of_packages_and_written_in_every_form() {
    if !is_possible() {
        return;
    }
    let world = world("'host'", "slot = '512MiB'", &system());
    world.ok("build disk.vps -o disk.img");
    let [first, last] = &trees(&world)[..] else { panic!("there are two stages") };

    // What dpkg-deb packed lies where a merged system has it, with owners, modes and links.
    assert!(matches!(last.get(&path("bin")), Some(Entry::Symlink { target, .. }) if target == b"usr/bin"));
    assert!(matches!(last.get(&path("usr/bin/bash")), Some(Entry::File { meta, .. }) if meta.mode == 0o755));
    assert!(matches!(last.get(&path("usr/bin/sudo")), Some(Entry::File { meta, .. }) if meta.mode == 0o4755));
    assert!(
        matches!(last.get(&path("usr/bin/perl5")), Some(Entry::HardLink { target }) if *target == path("usr/bin/perl"))
    );
    assert!(first.get(&path("usr/bin/sudo")).is_none(), "the first stage has what is essential only");
    // dpkg's own reader takes the database: nothing is left to configure, and conffiles are known by their digests.
    let folder = tempfile::tempdir().unwrap();
    let status = content(&world, last, "var/lib/dpkg/status");
    fs::create_dir_all(folder.path().join("info")).unwrap();
    fs::create_dir_all(folder.path().join("updates")).unwrap();
    fs::write(folder.path().join("status"), &status).unwrap();
    let mut query = program("dpkg-query");
    query.arg("--admindir").arg(folder.path()).args(["-W", "-f", "${Package} ${Status}${Conffiles}\n"]);
    fs::write(world.path("answer"), "answer = 42\n").unwrap();
    let md5 = text(program("md5sum").arg(world.path("answer")));
    assert_eq!(
        text(&mut query),
        format!("base-files install ok installed /etc/tool.conf {}\nhost install ok installed\n", &md5[..32])
    );
    assert_eq!(content(&world, last, "var/lib/dpkg/info/base-files.list").lines().next(), Some("/."));
    assert!(content(&world, last, "var/lib/dpkg/info/base-files.list").contains("\n/bin/bash\n"));
    assert!(!content(&world, last, "var/lib/apt/extended_states").contains("Package: host\n"));

    // Forms of the same disk.
    if has(&["qemu-img", "sgdisk", "debugfs", "zstd"]) {
        world.ok("build disk.vps -o disk.qcow2");
        world.ok("build disk.vps -o disk.img.zst");
        let at = |name: &str| world.path(name);
        run(program("qemu-img").arg("compare").arg(at("disk.img")).arg(at("disk.qcow2")));
        run(program("zstd").args(["-q", "-d", "-o"]).arg(at("again.img")).arg(at("disk.img.zst")));
        run(program("cmp").arg(at("disk.img")).arg(at("again.img")));
        assert!(text(program("sgdisk").arg("-v").arg(at("disk.img"))).contains("No problems found"));
        // The slot has the packages, and what the recipe lays over them.
        let offset = "?offset=113246208";
        let show = |command: &str| {
            let image = format!("{}{offset}", at("disk.img").display());
            text(program("debugfs").args(["-R", command]).arg(image))
        };
        assert_eq!(show("cat /etc/motd"), "welcome\n");
        assert!(show("cat /home/ops/.ssh/authorized_keys").contains(KEY.split(' ').nth(1).unwrap()));
        assert!(show("cat /etc/passwd").contains("\nops:x:1000:1000:"));
        assert!(show("stat /usr/bin/sudo").contains("Mode:  04755"));
    }
    // Nothing is left to do, and done again it is the same.
    assert_eq!(world.run("check --rebuild disk.vps").code, 0);
    let wrong = world.run("build disk.vps -o disk.vmdk");
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    assert_eq!(world.run("build apt.os -o x").code, 2);
}

#[test]
fn a_setting_changes_the_disk_and_no_stage() {
    if !is_possible() {
        return;
    }
    let world = world("'host'", "", &system());
    world.ok("build disk.vps");
    let before = (actions(&world, "system"), actions(&world, "qcow2"));
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    fs::write(world.path("gabion.toml"), recipe.replace("welcome", "farewell")).unwrap();
    world.ok("build disk.vps");
    assert_eq!(actions(&world, "system"), before.0);
    assert_eq!(actions(&world, "qcow2").len(), before.1.len() + 1);
}

/// The build ends with this exit code and says these words.
#[track_caller]
fn fails(world: &World, exit: i32, words: &[&str]) {
    let run = world.run("build disk.vps");
    assert_eq!(run.code, exit, "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "no `{word}`: {}", run.stderr);
    }
}

#[test]
fn what_cannot_be_a_system_is_told_by_name() {
    if !is_possible() {
        return;
    }
    let with = |deb: Deb| system().into_iter().chain([deb.packed()]).collect::<Vec<_>>();
    let other = |path: &str| Deb::new("other", "").file(path, "mine", 0o644);
    let twice = world("'host', 'other'", "", &with(other("usr/sbin/sshd")));
    fails(&twice, 8, &["E0714", "`usr/sbin/sshd` is in `host` and in `other`"]);
    // The same file under the two names of a merged directory, and of an earlier stage.
    let merged = world("'host', 'other'", "", &with(other("bin/bash")));
    fails(&merged, 8, &["E0714", "`usr/bin/bash` is in `base-files` and in `other`"]);
    // A package whose bytes the lock pins and that is none.
    let mut debs = system();
    debs.push((
        "Package: other\nVersion: 1\nArchitecture: amd64\n".to_owned(),
        b"!<arch>\nnonsense".to_vec(),
    ));
    fails(&world("'host', 'other'", "", &debs), 8, &["the package `other` cannot be read"]);

    // What the recipe wants of packages that are not there: all of it at once.
    let bare = world("", "", &system());
    fails(&bare, 8, &["openssh-server", "sudo"]);
    // A system that nothing can start.
    let none = world("'host'", "", &system_with(""));
    fails(&none, 8, &["E1106", "the system has no `/vmlinuz`", "linux-image"]);
}

#[test]
fn a_slot_that_is_too_small_says_by_how_many_bytes() {
    if !is_possible() {
        return;
    }
    let large = Deb::new("large", "").file("usr/share/large", noise(600 << 20), 0o644);
    let debs: Vec<_> = system().into_iter().chain([large.packed()]).collect();
    let world = world("'host', 'large'", "slot = '512MiB'", &debs);
    let run = world.run("build disk.vps");
    assert_eq!(run.code, 8, "{}", run.stderr);
    let missing = run.stderr.split("the files need ").nth(1).and_then(|it| it.split(' ').next()).unwrap();
    let missing: u64 = missing.parse().unwrap();
    assert!((90 << 20..400 << 20).contains(&missing), "{}", run.stderr);
    // With that much more it fits.
    let size = (512_u64 << 20) + missing;
    let recipe = fs::read_to_string(world.path("gabion.toml")).unwrap();
    let mib = size.div_ceil(1 << 20);
    fs::write(world.path("gabion.toml"), recipe.replace("512MiB", &format!("{mib}MiB"))).unwrap();
    world.ok("build disk.vps");
}

/// Bytes that no zeros are left out of.
fn noise(length: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..4096_u32).map(|it| (it % 251) as u8 + 1).collect();
    block.iter().copied().cycle().take(length).collect()
}

#[test]
fn a_planted_difference_is_named_by_file_and_bytes() {
    if !is_possible() {
        return;
    }
    let world = world("'host'", "", &system());
    world.ok("build disk.vps");
    let store = Store::open(&world.path(".store")).unwrap();
    // Somebody's last stage had another byte in one file, and another mode on a second.
    let honest = trees(&world).pop().unwrap();
    let mut forged = store.build_tree().unwrap();
    for (path, entry) in honest.entries() {
        let name = path.to_string();
        match entry {
            Entry::Directory(meta) => forged.directory(path.clone(), *meta).unwrap(),
            Entry::Symlink { meta, target } => forged.symlink(path.clone(), *meta, target).unwrap(),
            Entry::HardLink { target } => forged.hard_link(path.clone(), target.clone()).unwrap(),
            Entry::File { meta, .. } => {
                let mut bytes = Vec::new();
                store.open_tree_file(&honest, path).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
                let mut meta = *meta;
                match name.as_str() {
                    "etc/tool.conf" => bytes[9..11].copy_from_slice(b"13"),
                    "usr/sbin/sshd" => meta.mode = 0o4755,
                    _ => {}
                }
                forged.file(path.clone(), meta, bytes.len() as u64, &bytes[..]).unwrap();
            }
        }
    }
    let (id, forged) = forged.finish().unwrap();
    let (file, text) =
        actions(&world, "system").into_iter().find(|(_, it)| it.contains(&honest.id().to_string())).unwrap();
    let action = file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    drop(text);
    let record = Record {
        outputs: [("system".to_owned(), forged.content())].into(),
        trees: [("system".to_owned(), id)].into(),
        ..Record::default()
    };
    fs::remove_file(&file).unwrap();
    store.put_action(format!("b3:{action}").parse().unwrap(), &record).unwrap();

    let run = world.run("check --rebuild disk.vps");
    assert_eq!(run.code, 7, "{}{}", run.stdout, run.stderr);
    let told: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        told[..3],
        [
            "rootfs.vps#system is not what it was",
            "  `/etc/tool.conf`: bytes 9 to 11",
            "  `/usr/sbin/sshd`: a file of mode 4755, 0:0 became a file of mode 0755, 0:0",
        ]
    );
}

#[test]
fn the_platforms_own_host_is_a_disk_of_the_demos_packages() {
    if !is_possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), "").unwrap();
    let gabion = |at: &std::path::Path, arguments: &str| {
        let mut command = crate::world::gabion(folder.path());
        let run: crate::world::Run =
            command.current_dir(at).args(arguments.split(' ')).output().unwrap().into();
        assert_eq!(run.code, 0, "gabion {arguments}: {}", run.stderr);
        run
    };
    gabion(folder.path(), "demo demo");
    let demo = folder.path().join("demo");
    // Ubuntu's recipe, unpacked, hardened and written to a disk with nothing but what the demo left.
    gabion(&demo, "build disk.vps --frozen -o vps.qcow2");
    if !has(&["qemu-img", "debugfs"]) {
        return;
    }
    run(program("qemu-img")
        .args(["convert", "-O", "raw"])
        .arg(demo.join("vps.qcow2"))
        .arg(demo.join("vps.img")));
    let show = |path: &str| {
        let image = format!("{}?offset=113246208", demo.join("vps.img").display());
        text(program("debugfs").args(["-R", &format!("cat {path}")]).arg(image))
    };
    assert!(show("/etc/ufw/ufw.conf").contains("ENABLED=yes"));
    assert!(show("/etc/ufw/user.rules").contains("### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in"));
    assert!(show("/etc/ssh/sshd_config.d/10-gabion.conf").contains("PasswordAuthentication no"));
    assert!(show("/etc/fstab").contains("/state ext4"));
    assert!(show("/etc/passwd").contains("ops:x:1000:1000:"));
    assert_eq!(show("/etc/hostname"), "vps-prod\n");
}

#[test]
fn an_account_keeps_its_number_when_packages_come_and_go() {
    if !is_possible() {
        return;
    }
    let allocated = |order: &[(&str, u32)]| {
        let mut debs = system();
        let line =
            |(name, id): &(&str, u32)| format!("{name}:x:{id}:{id}::/var/lib/{name}:/usr/sbin/nologin\n");
        let group = |(name, id): &(&str, u32)| format!("{name}:x:{id}:\n");
        let passwd =
            format!("root:x:0:0:root:/root:/bin/bash\n{}", order.iter().map(line).collect::<String>());
        let groups = "root:x:0:\nsudo:x:27:\nshadow:x:42:\n";
        let group =
            format!("{groups}{}systemd-journal:x:900:\n", order.iter().map(group).collect::<String>());
        debs[0] = base(&passwd, &group);
        debs
    };
    let world = world("'host'", "", &allocated(&[("kafka", 100), ("sshd", 101)]));
    let system = |world: &World| {
        world.ok("build rootfs.vps");
        trees(world).pop().unwrap()
    };
    let first = system(&world);
    assert!(content(&world, &first, "etc/passwd").contains("kafka:x:100:100:"));
    let lock = fs::read_to_string(world.path("locks/apt.os.lock")).unwrap();
    assert!(lock.contains("\n# user kafka 100\n# user sshd 101\n# group kafka 100\n"), "{lock}");
    // What was built is what the lock asks for now: nothing is left to do.
    let again = world.run("build rootfs.vps --frozen");
    assert!(again.code == 0 && again.stderr.contains("nothing to do"), "{}", again.stderr);

    // Another package was configured first, and everybody moved.
    let mut content_now = Content::default();
    content_now.suite_of(
        "/deb",
        "jammy",
        "Tue, 17 Nov 2026 00:00:00 UTC",
        &allocated(&[("aaa", 100), ("kafka", 101), ("sshd", 102)]),
    );
    let later = World::serving(&recipe("'host'", ""), content_now);
    fs::write(later.path("keys.asc"), KEYS).unwrap();
    fs::create_dir(later.path("locks")).unwrap();
    fs::write(later.path("locks/apt.os.lock"), &lock).unwrap();
    fs::copy(world.path("gabion.lock"), later.path("gabion.lock")).unwrap();
    later.ok("update");
    later.ok("build rootfs.vps");
    let pinned = fs::read_to_string(later.path("locks/apt.os.lock")).unwrap();
    assert!(pinned.contains("\n# user aaa 102\n# user kafka 100\n# user sshd 101\n"), "{pinned}");
    let renumbered = trees(&later);
    let passwd: Vec<String> = renumbered.iter().map(|tree| content(&later, tree, "etc/passwd")).collect();
    let right = |it: &&String| {
        it.contains("kafka:x:100:100:") && it.contains("sshd:x:101:101:") && it.contains("aaa:x:102:102:")
    };
    assert!(passwd.iter().any(|it| right(&it)), "{passwd:?}");
}
