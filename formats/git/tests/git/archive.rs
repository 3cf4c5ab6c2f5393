//! Other programs read our archive.

use crate::fetch::fetch;
use crate::repository::{Repository, has_git, members};
use crate::server::Server;
use fs_err as fs;
use gabion_testkit::{has, program, run};

#[test]
fn tar_and_python_unpack_what_git_checks_out() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let server = Server::start(repository.folder());
    let commit = repository.line(&["rev-parse", "main"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("commit.tar");
    let mut objects = fetch(&server, &commit).unwrap();
    objects.write_archive(commit.parse().unwrap(), fs::File::create(&path).unwrap()).unwrap();
    // Before 3.11.4 nothing was filtered, and there was no word for it.
    let python = "import sys, tarfile\nmore = {'filter': 'fully_trusted'} if hasattr(tarfile, 'fully_trusted_filter') else {}\n\
                  tarfile.open(sys.argv[1]).extractall(sys.argv[2], **more)\n";
    for (name, arguments) in [
        ("tar", ["--extract", "--no-same-owner", "--file", "commit.tar", "--directory", "out-tar"]),
        ("python3", ["-c", python, "commit.tar", "out-python3", "", ""]),
    ] {
        let out = folder.path().join(format!("out-{name}"));
        fs::create_dir(&out).unwrap();
        if !has(&[name]) {
            continue;
        }
        run(program(name).args(arguments.iter().filter(|it| !it.is_empty())).current_dir(folder.path()));
        // git sees no difference between the commit and what was unpacked.
        let git = |arguments: &[&str]| {
            let tree = out.to_str().unwrap();
            let all = [&["--work-tree", tree, "-c", "core.attributesFile=/dev/null"], arguments].concat();
            String::from_utf8(repository.git(&all)).unwrap()
        };
        repository.write(".git/info/attributes", "* -text -eol\n");
        git(&["read-tree", &commit]);
        assert_eq!(git(&["status", "--porcelain"]), "", "{name}");
    }
}

/// Changes only with `FORMAT.md`.
#[test]
fn the_bytes_of_an_archive_stay() {
    if !has_git() {
        return;
    }
    let repository = Repository::new("sha1");
    repository.write("a/run", "#!/bin/sh\n");
    repository.write(&format!("{}/f", "n".repeat(120)), "long\n");
    std::os::unix::fs::symlink("run", repository.folder().join("a/link")).unwrap();
    repository.git(&["add", "--all", "."]);
    repository.git(&["update-index", "--chmod=+x", "a/run"]);
    repository.git(&["commit", "--quiet", "-m", "m"]);
    let commit = repository.line(&["rev-parse", "HEAD"]);
    let mut out = Vec::new();
    let server = Server::start(repository.folder());
    fetch(&server, &commit).unwrap().write_archive(commit.parse().unwrap(), &mut out).unwrap();
    assert_eq!(members(&out).1.len(), 5);
    repository.write(".git/archive.tar", &out);
    let name = repository.line(&["hash-object", "--no-filters", ".git/archive.tar"]);
    assert_eq!((out.len(), name.as_str()), (6656, "1fd90a7d09f773ac26224950ebae7ba22156f01b"));
}
