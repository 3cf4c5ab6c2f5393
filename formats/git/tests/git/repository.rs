//! Repositories that the real git makes.

use fs_err as fs;
use gabion_testkit::{git, has, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// Whether git is here; without it a test is skipped visibly, and fails where nothing may be missing.
pub(crate) fn has_git() -> bool {
    has(&["git"])
}

/// A repository in a folder of its own.
#[derive(Debug)]
pub(crate) struct Repository(tempfile::TempDir);

impl Repository {
    pub(crate) fn new(format: &str) -> Self {
        let it = Self(tempfile::tempdir().unwrap());
        it.git(&["init", "--quiet", "--initial-branch=main", &format!("--object-format={format}"), "."]);
        it
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> Vec<u8> {
        self.git_with(arguments, b"")
    }

    /// The same with something on stdin.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut stdin = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut stdin, input).unwrap();
        std::io::Seek::rewind(&mut stdin).unwrap();
        run(git(self.folder()).args(arguments).stdin(stdin))
    }

    /// What git prints, as one line.
    pub(crate) fn line(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.git(arguments)).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all", "."]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.line(&["rev-parse", "HEAD"])
    }

    /// With everything that trees can hold, deltas in its pack, a merge and tags.
    pub(crate) fn full() -> Self {
        let it = Self::new("sha1");
        let long = (0..40).map(|it| format!("folder-{it:02}")).collect::<Vec<_>>().join("/");
        it.write("README", "stones\n");
        it.write("empty", "");
        it.write("bin/run", "#!/bin/sh\n");
        it.write("a.b", "before the folder\n");
        it.write("a/b", "in the folder\n");
        it.write("a0", "after the folder\n");
        it.write("größe/Ünï cödé", "odd\n");
        it.write("tab\there", "odd\n");
        it.write("line\nfeed", "odd\n");
        it.write("back\\slash", "odd\n");
        it.write("-dash", "odd\n");
        it.write(&"x".repeat(100), "exactly as long as ustar has room\n");
        it.write(&"y".repeat(101), "one longer\n");
        it.write(&format!("{long}/deep"), "deep\n");
        it.write("export-ignored", "kept\n");
        it.write("crlf.txt", "a\r\nb\r\n");
        it.write(".gitattributes", "export-ignored export-ignore\n*.txt text eol=crlf\n");
        it.special();
        it.write("versions.txt", versions(0));
        it.commit("first");
        for number in 1..10 {
            it.write("versions.txt", versions(number));
            it.write("twin.txt", versions(number / 2));
            it.commit(&format!("version {number}"));
        }
        it.git(&["tag", "light"]);
        it.git(&["tag", "-a", "-m", "annotated", "v1", "HEAD~3"]);
        it.git(&["tag", "-a", "-m", "of a tag", "v1-again", "v1"]);
        it.git(&["checkout", "--quiet", "-b", "side", "HEAD~5"]);
        it.write("side", "side\n");
        it.commit("side");
        it.git(&["checkout", "--quiet", "main"]);
        it.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
        it.git(&["gc", "--quiet", "--aggressive", "--prune=now"]);
        it
    }

    /// What a file system has besides plain files.
    fn special(&self) {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::{PermissionsExt, symlink};
        let at = |path: &str| self.folder().join(path);
        fs::set_permissions(at("bin/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../README", at("bin/link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("/etc/passwd", at("absolute")).unwrap();
        symlink("t/".repeat(80), at("long-link")).unwrap();
        symlink("a", at("link-to-folder")).unwrap();
        // A name in Latin-1, short and long.
        for name in [&b"caf\xe9"[..], &[b"\xe9".repeat(120)].concat()] {
            fs::write(self.folder().join(std::ffi::OsStr::from_bytes(name)), "odd\n").unwrap();
        }
    }

    /// `git archive` of a commit without what attributes change.
    pub(crate) fn archive(&self, commit: &str) -> Vec<u8> {
        // Attributes come from the tree; `info/attributes` wins over them.
        self.write(".git/info/attributes", "* -export-ignore -export-subst -text -eol\n");
        self.git(&["-c", "tar.umask=0022", "archive", "--format=tar", commit])
    }
}

/// A large text that differs a little from version to version.
fn versions(number: usize) -> String {
    (0..3000).fold(String::new(), |mut text, line| {
        let changed = if line % 97 == number { number } else { 0 };
        writeln!(text, "line {line} has not changed {changed}, and neither has {}", line * 7919).unwrap();
        text
    })
}

/// A member of a tar: type, mode, link, bytes.
pub(crate) type Member = (u8, u32, Option<Vec<u8>>, Vec<u8>);

/// Members by path, and the paths in their order.
pub(crate) fn members(tar: &[u8]) -> (BTreeMap<Vec<u8>, Member>, Vec<Vec<u8>>) {
    let (mut members, mut order) = (BTreeMap::new(), Vec::new());
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let (path, link) = (entry.path_bytes().to_vec(), entry.link_name_bytes().map(|it| it.to_vec()));
        let mode = entry.header().mode().unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        order.push(path.clone());
        assert!(members.insert(path, (kind.as_byte(), mode, link, bytes)).is_none());
    }
    (members, order)
}
