//! A newer `mke2fs` and `e2fsck` than the machine's: those of Debian 13, from the mirror that this machine's apt is
//! configured for, read when the test runs. Since 1.47.1 `mke2fs` takes its times from `SOURCE_DATE_EPOCH`, so what it
//! makes can be held against what is written here down to the inodes.
//!
//! apt verifies what it fetches. The programs run from where they are unpacked, by their own loader; the machine's stay.

use crate::Folder;
use crate::ext4::{content, image, options, tree};
use crate::sample::TIME;
use gabion_disk::ext4::{Entry, Kind};
use gabion_testkit::{has, program, run, skip, text};
use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const PACKAGES: [&str; 7] =
    ["e2fsprogs", "libblkid1", "libc6", "libcom-err2", "libext2fs2t64", "libss2", "libuuid1"];
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// The programs of Debian 13.
struct Newer(PathBuf);

impl Newer {
    /// Fetches them where they are not here yet; nothing where this machine has no mirror of Debian.
    fn get() -> Option<Self> {
        static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
        ROOT.get_or_init(Self::root).clone().map(Self)
    }

    fn root() -> Option<PathBuf> {
        if !has(&["apt-get", "dpkg-deb"]) {
            return None;
        }
        let there = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-13");
        if there.is_dir() {
            return Some(there);
        }
        let Some(mirror) = mirror().filter(|_| Path::new(KEYRING).exists()) else {
            skip("apt is not configured for Debian here");
            return None;
        };
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fetch(folder.path(), &mirror);
        for deb in debs(folder.path()) {
            run(program("dpkg-deb").arg("-x").arg(deb).arg(folder.path().join("root")));
        }
        // Who comes second has the same.
        let _there = fs_err::rename(folder.path().join("root"), &there);
        Some(there)
    }

    fn program(&self, name: &str) -> Command {
        let libraries = self.0.join(LIBRARIES);
        let mut command = program(libraries.join("ld-linux-x86-64.so.2").to_str().unwrap());
        command.arg("--library-path").arg(libraries).arg(self.0.join("usr/sbin").join(name));
        // Without the machine's configuration.
        command
            .env("MKE2FS_CONFIG", self.0.join("etc/mke2fs.conf"))
            .env("SOURCE_DATE_EPOCH", TIME.to_string());
        command
    }

    /// What `dumpe2fs` says of the whole file system: names and values.
    fn header(&self, image: &Path) -> Vec<(String, String)> {
        let seen = text(self.program("dumpe2fs").arg("-h").arg(image));
        let pair =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        seen.lines().filter_map(pair).collect()
    }
}

/// Where apt has Debian from.
fn mirror() -> Option<String> {
    let mut asked = program("apt-get");
    asked.args(["indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"]);
    let said = String::from_utf8(asked.output().ok()?.stdout).ok()?;
    said.lines().find_map(|line| line.strip_prefix("bookworm ")).map(str::to_owned)
}

/// Lets apt fetch the packages, with state and configuration of its own.
fn fetch(folder: &Path, mirror: &str) {
    for name in ["apt/lists/partial", "apt/archives/partial", "debs"] {
        fs_err::create_dir_all(folder.join(name)).unwrap();
    }
    let at = |name: &str| folder.join(name).display().to_string();
    fs_err::write(folder.join("sources.list"), format!("deb [signed-by={KEYRING}] {mirror} trixie main\n"))
        .unwrap();
    fs_err::write(folder.join("status"), "").unwrap();
    let apt = || {
        let mut apt = program("apt-get");
        for (name, value) in [
            ("Dir::Etc::SourceList", at("sources.list")),
            ("Dir::Etc::SourceParts", "-".to_owned()),
            ("Dir::State", at("apt")),
            ("Dir::State::Lists", at("apt/lists")),
            ("Dir::State::Status", at("status")),
            ("Dir::Cache", at("apt")),
            ("APT::Architecture", "amd64".to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
        ] {
            apt.args(["-o", &format!("{name}={value}")]);
        }
        apt.current_dir(folder.join("debs"));
        apt
    };
    run(apt().args(["-q", "update"]));
    run(apt().args(["-q", "download"]).args(PACKAGES));
}

fn debs(folder: &Path) -> Vec<PathBuf> {
    let found: Vec<PathBuf> =
        fs_err::read_dir(folder.join("debs")).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(found.len(), PACKAGES.len(), "{found:?}");
    found
}

/// The same entries as files.
fn lay_out(at: &Path, tree: &[Entry]) {
    for it in tree {
        let path = at.join(std::str::from_utf8(&it.path).unwrap());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match &it.kind {
            Kind::Directory => fs_err::create_dir_all(&path).unwrap(),
            Kind::File { size } => fs_err::write(&path, content(&it.path, *size)).unwrap(),
            Kind::Symlink { target } => symlink(text(target), &path).unwrap(),
            Kind::HardLink { target } => fs_err::hard_link(at.join(text(target)), &path).unwrap(),
        }
        if matches!(it.kind, Kind::Directory | Kind::File { .. }) {
            fs_err::set_permissions(&path, PermissionsExt::from_mode(it.mode.into())).unwrap();
        }
    }
}

/// What a newer `mke2fs` makes of the same files, and what is written here.
fn both(newer: &Newer, folder: &Folder, tree: &[Entry]) -> (PathBuf, PathBuf) {
    let ours = image(folder, &options(64), tree);
    let (source, theirs) = (folder.path("source"), folder.path("theirs.img"));
    fs_err::create_dir(&source).unwrap();
    lay_out(&source, tree);
    let extended = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
    // What it has by default and no file system here has (`FORMAT.md`).
    let features = "^64bit,^metadata_csum_seed,^orphan_file,^resize_inode";
    let mut mke2fs = newer.program("mke2fs");
    mke2fs.args(["-O", features]);
    mke2fs.args([
        "-q", "-t", "ext4", "-b", "4096", "-I", "256", "-m", "0", "-J", "size=4", "-E", extended, "-d",
    ]);
    run(mke2fs.arg(source).arg(&theirs).arg("64M"));
    (ours, theirs)
}

/// Entries that any user can make, none of them larger than a newer `mke2fs` fits in.
fn plain() -> Vec<Entry> {
    let plain = |it: Entry| Entry { uid: 0, gid: 0, mode: it.mode & 0o777 | 0o400, ..it };
    let tree = tree().into_iter().filter(|it| it.path != b"tmp/large" && it.xattrs.is_empty());
    tree.map(plain).collect()
}

#[test]
fn a_newer_fsck_finds_nothing() {
    let Some(newer) = Newer::get() else { return };
    let folder = Folder::new();
    let ours = image(&folder, &options(64), &tree());
    let said = text(newer.program("e2fsck").args(["-V"]).arg(&ours).env("LC_ALL", "C"));
    assert!(said.is_empty(), "it says its version on stderr: {said}");
    run(newer.program("e2fsck").arg("-fn").arg(&ours));
}

#[test]
fn a_newer_mke2fs_makes_the_same_file_system() {
    let Some(newer) = Newer::get() else { return };
    let (folder, tree) = (Folder::new(), plain());
    let (ours, theirs) = both(&newer, &folder, &tree);
    let (one, other) = (newer.header(&ours), newer.header(&theirs));
    let value = |header: &[(String, String)], name: &str| {
        let found = header.iter().find(|it| it.0 == name);
        found.unwrap_or_else(|| panic!("no `{name}`")).1.clone()
    };
    let features = |header| {
        let all = value(header, "Filesystem features");
        all.split(' ').map(str::to_owned).collect::<BTreeSet<String>>()
    };
    assert_eq!(features(&one), features(&other));
    for name in [
        "Filesystem magic number",
        "Filesystem revision #",
        "Default mount options",
        "Block count",
        "Block size",
        "Inode size",
        "Required extra isize",
        "Desired extra isize",
        "Filesystem created",
        "Default directory hash",
        "Journal inode",
        "Total journal size",
    ] {
        assert_eq!(value(&one, name), value(&other, name), "{name}");
    }
}

/// Inode by inode, as far as it does not say where something lies.
#[test]
fn a_newer_mke2fs_gives_every_file_the_same_mode_size_and_times() {
    let Some(newer) = Newer::get() else { return };
    let (folder, tree) = (Folder::new(), plain());
    let (ours, theirs) = both(&newer, &folder, &tree);
    let requests = folder.path("requests");
    let lines = tree.iter().filter(|it| !it.path.is_empty());
    let lines = lines.map(|it| format!("stat \"/{}\"\n", std::str::from_utf8(&it.path).unwrap()));
    fs_err::write(&requests, lines.collect::<String>()).unwrap();
    let stats = |image: &Path| {
        let said = text(newer.program("debugfs").arg("-f").arg(&requests).arg(image));
        let inodes: Vec<String> = said.split("debugfs: stat ").skip(1).map(inode).collect();
        assert_eq!(inodes.len(), tree.len() - 1);
        inodes
    };
    for (one, other) in stats(&ours).iter().zip(stats(&theirs)) {
        assert_eq!(*one, other);
    }
}

/// Path, type, mode, size, links and times. How large a directory is depends on how its names are spread.
fn inode(stat: &str) -> String {
    let mut lines = stat.lines();
    let mut said = vec![lines.next().unwrap_or_default().to_owned()];
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let folder = words.windows(2).any(|it| it == ["Type:", "directory"]);
    for pair in words.windows(2) {
        let wanted = matches!(pair[0], "Type:" | "Mode:" | "Links:" | "mtime:" | "crtime:");
        if wanted || pair[0] == "Size:" && !folder {
            said.push(pair.join(" "));
        }
    }
    said.join(", ")
}
