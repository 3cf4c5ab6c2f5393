//! A static shell as the only program: in a root of declared inputs, and in a tree.

use crate::harness::mode;
use gabion_sandbox::{Bind, Identity, Outcome, Root, Spec, run};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder for one claim, which other users may enter.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().permissions(mode(0o755)).tempdir_in("/tmp").unwrap()
}

/// The static shell and the names of its tools, in a folder.
pub(crate) fn tools(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    fs_err::create_dir(&bin).unwrap();
    fs_err::copy("/usr/bin/busybox", bin.join("busybox")).unwrap();
    let list = Command::new("/usr/bin/busybox").arg("--list").output().unwrap();
    for name in String::from_utf8(list.stdout).unwrap().lines().filter(|name| *name != "busybox") {
        symlink("busybox", bin.join(name)).unwrap();
    }
    bin
}

/// Everything that one run in a root of inputs needs.
pub(crate) struct Inputs {
    pub(crate) folder: TempDir,
    pub(crate) spec: Spec,
}

/// A script in a root of the shell, one input `/in/file`, and the output `/out`.
pub(crate) fn inputs(script: &str) -> Inputs {
    let folder = folder();
    let (bin, input, out) = (tools(folder.path()), folder.path().join("in"), folder.path().join("out"));
    fs_err::create_dir(&input).unwrap();
    fs_err::write(input.join("file"), "declared").unwrap();
    fs_err::create_dir(&out).unwrap();
    let binds = vec![Bind::new(bin, "/usr/bin"), Bind::new(input, "/in")];
    let links = BTreeMap::from([("/bin".into(), "usr/bin".into())]);
    let root = Root::Inputs { binds, out: Bind::new(out, "/out"), links };
    Inputs { folder, spec: shell(root, Identity::Single, script) }
}

/// A script in `root`.
pub(crate) fn shell(root: Root, identity: Identity, script: &str) -> Spec {
    let mut spec = Spec::new(root, identity, "/bin/sh");
    spec.args = vec!["-c".into(), script.into()];
    spec.env.insert("PATH".into(), "/bin".into());
    spec
}

/// A tree that can be a root.
pub(crate) fn tree(path: &Path) {
    tools(path);
    for name in ["proc", "dev", "run", "tmp", "etc"] {
        fs_err::create_dir(path.join(name)).unwrap();
    }
}

/// Puts a program of this machine and what it loads into a tree, under the same paths.
pub(crate) fn install(tree: &Path, program: &Path) {
    let loaded = gabion_testkit::text(gabion_testkit::program("/usr/bin/ldd").arg(program));
    let libraries = loaded.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
    for file in libraries.chain([program]) {
        let inside = tree.join(file.strip_prefix("/").unwrap());
        fs_err::create_dir_all(inside.parent().unwrap()).unwrap();
        fs_err::copy(file, inside).unwrap();
    }
}

/// How a script ends, and what it says.
pub(crate) fn said(script: &str) -> (Outcome, String) {
    let inputs = inputs(script);
    let outcome = run(&inputs.spec).unwrap();
    let log = String::from_utf8(outcome.log.clone()).unwrap();
    (outcome, log)
}
