//! Packages that dpkg packs, and a signed archive of them on loopback.

use crate::world::World;
use fs_err as fs;
use gabion_testkit::{has, program, run, skip};
use gabion_upstream::Content;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

pub(crate) const KEYS: &str = include_str!("../../recipes/trust/demo-archive.asc");
const DATE: &str = "Mon, 16 Nov 2026 00:00:00 UTC";

/// A package under way.
pub(crate) struct Deb {
    folder: tempfile::TempDir,
    control: String,
}

impl Deb {
    pub(crate) fn new(name: &str, fields: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = format!(
            "Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@b.c>\n{fields}Description: x\n"
        );
        let it = Self { folder, control: control.clone() };
        it.file("DEBIAN/control", &control, 0o644)
    }

    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>, mode: u32) -> Self {
        let at = self.path(path);
        fs::write(&at, text).unwrap();
        fs::set_permissions(at, PermissionsExt::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        symlink(target, self.path(path)).unwrap();
        self
    }

    pub(crate) fn packed(self) -> (String, Vec<u8>) {
        fs::set_permissions(self.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let out = tempfile::tempdir().unwrap();
        let deb = out.path().join("it.deb");
        let mut build = program("dpkg-deb");
        build.env("SOURCE_DATE_EPOCH", "1700000000").args(["--root-owner-group", "-Zgzip", "-b"]);
        run(build.arg(self.folder.path()).arg(&deb));
        (self.control, fs::read(deb).unwrap())
    }
}

/// A project whose `https://up.invalid/deb` has these packages, with the archive's keyring in `keys.asc`.
pub(crate) fn archive(recipe: &str, debs: &[(String, Vec<u8>)]) -> World {
    archive_with(recipe, debs, &[])
}

/// The same with files of an upstream beside it.
pub(crate) fn archive_with(recipe: &str, debs: &[(String, Vec<u8>)], files: &[(&str, &[u8])]) -> World {
    let mut content = Content::default();
    content.suite_of("/deb", "jammy", DATE, debs);
    content.files.extend(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())));
    let world = World::serving(recipe, content);
    fs::write(world.path("keys.asc"), KEYS).unwrap();
    world
}

/// Whether this machine can make systems at all: owners are root's to give, or a range's.
#[track_caller]
pub(crate) fn is_possible() -> bool {
    if !has(&["dpkg-deb"]) {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let asked = crate::world::gabion(folder.path()).args(["doctor", "sandbox"]).output().unwrap();
    if !asked.status.success() {
        skip("this machine denies what systems are made in: `gabion doctor sandbox` says why");
    }
    asked.status.success()
}

/// The records of actions that gave `output`: file and text.
pub(crate) fn actions(world: &World, output: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![world.path(".store/act")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path)
                && text.contains(&format!("\noutput {output} "))
            {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}
