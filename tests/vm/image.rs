//! The system that everything here is about: locked against this machine's own mirror, and built.

use crate::clock::phase;
use gabion_apt::Origin;
use gabion_store::{Output, Record, Store};
use gabion_testkit::{has, program, run, skip, text};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the recipe names, beside it.
const FILES: [&str; 4] = ["gabion.toml", "check", "check.service", "check.conf"];
/// The private key of `ops`.
const KEY: &str = "ops";

/// A project with a store of its own.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
}

impl Project {
    /// The recipes, a new key, and the mirrors of this machine; nothing where apt has none for Debian 12.
    fn new(folder: PathBuf) -> Option<Self> {
        let config = mirrors()?;
        let _old = fs_err::remove_dir_all(&folder);
        fs_err::create_dir_all(&folder).unwrap();
        let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/guest");
        for name in FILES {
            fs_err::copy(guest.join(name), folder.join(name)).unwrap();
        }
        fs_err::write(folder.join("config.toml"), config).unwrap();
        let it = Self { folder };
        run(program("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f"]).arg(it.key()));
        Some(it)
    }

    /// The same recipes and locks elsewhere, with an empty store.
    pub(crate) fn copy(&self, folder: PathBuf) -> Self {
        fs_err::create_dir_all(folder.join("locks")).unwrap();
        let more = ["config.toml", "ops.pub", "gabion.lock", "locks/apt.vps.lock"];
        for name in FILES.into_iter().chain(more) {
            fs_err::copy(self.folder.join(name), folder.join(name)).unwrap();
        }
        Self { folder }
    }

    /// The same, with what this one has built.
    pub(crate) fn with_store(&self, folder: PathBuf) -> Self {
        let it = self.copy(folder);
        run(program("cp").arg("-a").arg(self.store_folder()).arg(it.store_folder()));
        it
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join(KEY)
    }

    fn store_folder(&self) -> PathBuf {
        self.folder.join("store")
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.store_folder()).unwrap()
    }

    /// Tells `command`, which runs the program, where everything is.
    pub(crate) fn tell<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("GABION_STORE", self.store_folder())
            .env("GABION_CONFIG", self.folder.join("config.toml"));
        command.current_dir(&self.folder)
    }

    pub(crate) fn gabion(&self, arguments: &[&str]) -> String {
        let mut command = program(env!("CARGO_BIN_EXE_gabion"));
        text(self.tell(&mut command).args(arguments))
    }

    /// What the one node of the project gave that `is_it`.
    fn record(&self, is_it: impl Fn(&Record) -> bool) -> Record {
        let store = self.store();
        let folders = fs_err::read_dir(self.store_folder().join("request")).unwrap();
        let files = folders.flat_map(|it| fs_err::read_dir(it.unwrap().path()).unwrap());
        let names = files.map(|it| it.unwrap().file_name().into_string().unwrap());
        let records = names.filter_map(|name| store.record(format!("b3:{name}").parse().unwrap()).unwrap());
        let found: Vec<Record> = records.filter(is_it).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    /// The disk.
    pub(crate) fn disk(&self) -> Output {
        self.record(|it| it.outputs.contains_key("qcow2")).outputs["qcow2"]
    }

    /// The system on it, without what is laid over it.
    pub(crate) fn system(&self) -> gabion_store::Tree {
        let record = self.record(|it| it.trees.contains_key("system") && it.facts.contains_key("epoch"));
        self.store().tree(record.trees["system"]).unwrap().unwrap()
    }

    /// The disk as a file that machines read.
    pub(crate) fn disk_file(&self) -> PathBuf {
        self.store().path_of(self.disk().blob)
    }
}

/// The project, built once for all tests of a run. What the last run left is thrown away.
pub(crate) fn built() -> Option<&'static Project> {
    static BUILT: OnceLock<Option<Project>> = OnceLock::new();
    let build = || {
        if !has(&["ssh-keygen", "qemu-img"]) {
            return None;
        }
        let project = Project::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm"));
        let Some(project) = project else {
            skip("apt is not configured for Debian 12 here");
            return None;
        };
        phase("lock", || project.gabion(&["lock"]));
        phase("build", || project.gabion(&["build", "disk.vps", "--locked"]));
        Some(project)
    };
    BUILT.get_or_init(build).as_ref()
}

/// The mirrors of the origin `debian:bookworm` in apt's own configuration.
fn mirrors() -> Option<String> {
    let targets = ["indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"];
    let asked = program("apt-get").args(targets).output().ok()?;
    let asked = String::from_utf8(asked.stdout).unwrap();
    let of = |codename: &str| {
        let mut lines = asked.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == codename).map(|(_, url)| url.trim_end_matches('/').to_owned())
    };
    let mut config = "[mirror]\n".to_owned();
    for archive in Origin::named("debian:bookworm").unwrap().archives {
        let mirror = of(archive.suites[0])?;
        config.extend(["\"", archive.url, "\" = \"", &mirror, "\"\n"]);
    }
    Some(config)
}

/// A disk that begins as `base`, and is larger: only what is written to it takes room.
pub(crate) fn overlay(base: &Path, folder: &Path) -> PathBuf {
    let disk = folder.join("disk.qcow2");
    let mut create = program("qemu-img");
    create.args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"]).arg(base).arg(&disk).arg("16G");
    run(&mut create);
    disk
}
