//! Git repositories: the miniature upstream under the real git, and our client against the upstream.

use crate::world::World;
use gabion::config::{Config, Credential};
use gabion::event::Events;
use gabion::net::{Client, GitError, NetError};
use gabion_lockfile::CommitId;
use gabion_store::{Expect, Output, Store, StoreError};
use gabion_testkit::{git, has, text};
use gabion_upstream::{Content, Fault, File, Repository, Upstream};
use std::io::Read;

const URL: &str = "https://github.demo.gabion.invalid/a/deploy.git";
const PATH: &str = "/github/a/deploy.git";
const FIRST: [File<'_>; 2] = [("100644", "README", b"first\n"), ("100755", "bin/run", b"#!/bin/sh\n")];
const SECOND: [File<'_>; 4] = [
    ("100644", "README", b"second\n"),
    ("100755", "bin/run", b"#!/bin/sh\n"),
    ("120000", "bin/link", b"../README"),
    ("100644", "clusters/prod/app.yaml", b"kind: List\n"),
];

/// A repository with two commits, and their ids.
fn deploy() -> (Repository, [String; 2]) {
    let mut repository = Repository::default();
    let first = repository.commit("main", &FIRST);
    repository.tag("v1", "main");
    let second = repository.commit("main", &SECOND);
    (repository, [first, second])
}

fn serve(repository: Repository) -> Upstream {
    let mut content = Content::default();
    content.repositories.insert(PATH.to_owned(), repository);
    content
        .redirects
        .insert("/github/old/info/refs".to_owned(), format!("{PATH}/info/refs?service=git-upload-pack"));
    Upstream::start(content).unwrap()
}

/// A store and a client of one's own.
struct Puller {
    folder: tempfile::TempDir,
    store: Store,
    client: Client,
}

impl Puller {
    fn new(config: &Config, offline: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        Self { store, client: Client::new(config, offline, &Events::silent()).unwrap(), folder }
    }

    fn of(upstreams: &[&Upstream]) -> Self {
        let to = upstreams.iter().map(|it| format!("{}/github", it.url())).collect();
        let mirrors = vec![("https://github.demo.gabion.invalid".to_owned(), to)];
        Self::new(&Config { mirrors, ..Config::default() }, false)
    }

    fn resolve(&self, name: &str) -> Result<String, GitError> {
        wait(self.client.repository(URL).resolve_ref(name)).map(|id| id.as_str().to_owned())
    }

    fn fetch(&self, commit: &str) -> Result<Output, GitError> {
        self.expecting(commit, Expect::default())
    }

    fn expecting(&self, commit: &str, expect: Expect) -> Result<Output, GitError> {
        let commit = CommitId::new(commit).unwrap();
        wait(self.client.repository(URL).fetch_commit(&self.store, &commit, expect, "git.deploy"))
    }

    /// Paths and bytes of an archive in the store.
    fn files(&self, output: &Output) -> Vec<(String, Vec<u8>)> {
        let (file, _) = self.store.open_blob(output.blob).unwrap().unwrap();
        let mut archive = tar::Archive::new(file);
        let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            bytes.extend(entry.link_name_bytes().unwrap_or_default().iter());
            (String::from_utf8(entry.path_bytes().to_vec()).unwrap(), bytes)
        };
        archive.entries().unwrap().map(read).collect()
    }

    /// Nothing is left of what failed.
    fn is_empty(&self) -> bool {
        let left = fs_err::read_dir(self.folder.path().join("store/tmp")).unwrap().count();
        left == 0 && self.store.list().unwrap().is_empty()
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn expected(files: &[File<'_>]) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = files.iter().map(|(_, path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    let folders =
        files.iter().flat_map(|(_, path, _)| path.match_indices('/').map(|(at, _)| path[..=at].to_owned()));
    all.extend(folders.map(|path| (path, Vec::new())));
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_commit_is_resolved_and_fetched_by_its_id() {
    let (repository, [first, second]) = deploy();
    let upstream = serve(repository);
    let puller = Puller::of(&[&upstream]);
    for (name, commit) in
        [("main", &second), ("HEAD", &second), ("v1", &first), ("refs/tags/v1", &first), (&first, &first)]
    {
        assert_eq!(puller.resolve(name).unwrap(), *commit, "{name}");
    }
    assert_eq!(puller.resolve("v2").unwrap_err().code(), "E1011");
    for (commit, files) in [(&first, &FIRST[..]), (&second, &SECOND)] {
        let output = puller.fetch(commit).unwrap();
        assert_eq!(puller.files(&output), expected(files));
        // The same bytes in another store, and the lock's word is what counts.
        let other = Puller::of(&[&upstream]);
        let expect = Expect { sha256: Some(output.sha256), size: Some(output.size), blob: None };
        assert_eq!(other.expecting(commit, expect).unwrap(), output);
    }
}

#[test]
fn an_archive_that_the_lock_does_not_pin_is_refused() {
    let (repository, [first, second]) = deploy();
    let upstream = serve(repository);
    let pinned = Puller::of(&[&upstream]).fetch(&second).unwrap();
    let puller = Puller::of(&[&upstream]);
    let expect = Expect { sha256: Some(pinned.sha256), ..Expect::default() };
    let error = puller.expecting(&first, expect).unwrap_err();
    assert!(matches!(error, GitError::Store(StoreError::Mismatch { .. })), "{error}");
    assert!(puller.is_empty());
}

#[test]
fn a_reply_that_breaks_off_is_asked_for_again() {
    let (repository, [_, second]) = deploy();
    let upstream = serve(repository);
    let puller = Puller::of(&[&upstream]);
    let post = format!("{PATH}/git-upload-pack");
    upstream.fail(&post, [Fault::Cut(0), Fault::Status(503, "0"), Fault::Cut(150), Fault::Cut(400)]);
    puller.fetch(&second).unwrap();
    upstream.fail(&format!("{PATH}/info/refs"), [Fault::Cut(9)]);
    upstream.fail(&post, [Fault::Cut(20)]);
    assert_eq!(puller.resolve("main").unwrap(), second);
    // An answer that will not change is not asked for again.
    let before = upstream.seen().len();
    assert_eq!(puller.fetch(&"1".repeat(40)).unwrap_err().code(), "E1005");
    assert_eq!(upstream.seen().len() - before, 2);
}

#[test]
fn a_mirror_that_lies_costs_a_request_and_not_correctness() {
    let (mut lying, [first, second]) = deploy();
    lying.instead = Some(first);
    let (liar, honest) = (serve(lying), serve(deploy().0));
    let puller = Puller::of(&[&liar, &honest]);
    let output = puller.fetch(&second).unwrap();
    assert_eq!(puller.files(&output), expected(&SECOND));
    assert_eq!(honest.seen().len(), 2);
    let alone = Puller::of(&[&liar]);
    let error = alone.fetch(&second).unwrap_err();
    assert_eq!(error.code(), "E1012");
    assert!(gabion::error::chain(&error).contains("something else than the commit"), "{error}");
    assert!(alone.is_empty());
}

#[test]
fn a_server_that_gives_no_commit_by_its_id_is_a_clear_error() {
    let (mut repository, [first, second]) = deploy();
    repository.only_tips = true;
    let upstream = serve(repository);
    let puller = Puller::of(&[&upstream]);
    puller.fetch(&second).unwrap();
    let error = puller.fetch(&first).unwrap_err();
    assert_eq!(error.code(), "E1005");
    assert!(error.help().unwrap().contains("uploadpack.allowReachableSHA1InWant"), "{error}");
}

#[test]
fn what_is_no_repository_is_a_clear_error() {
    let (repository, [first, _]) = deploy();
    let refs = format!("{PATH}/info/refs");
    for (body, code) in [
        (&b"<html>a page for people</html>"[..], "E1002"),
        (b"", "E1002"),
        (b"001e# service=git-upload-pack\n0000003eca82a6dff817ec66f44342007202690a93763949 HEAD\0version 1\n0000", "E1004"),
        (b"000eversion 2\n0015agent=git/2.40.1\n0000", "E1004"),
        (b"000eversion 2\n000cls-refs\n0012fetch=shallow\n0019object-format=sha256\n0000", "E1003"),
    ] {
        let upstream = serve(repository.clone());
        // A reply that ends too early is asked for five times.
        upstream.fail(&refs, [(); 5].map(|()| Fault::Body(body)));
        let error = Puller::of(&[&upstream]).fetch(&first).unwrap_err();
        assert_eq!(error.code(), code, "{}", String::from_utf8_lossy(body));
    }
    let upstream = serve(repository);
    let puller = Puller::of(&[&upstream]);
    let absent = wait(puller.client.repository("https://github.demo.gabion.invalid/a/b").resolve_ref("main"));
    assert!(matches!(absent, Err(GitError::Net(NetError::Failed { .. }))), "{absent:?}");
    let error =
        wait(puller.client.repository("ssh://git@example.invalid/a.git").resolve_ref("main")).unwrap_err();
    assert_eq!((error.code(), error.help().is_some()), ("E1015", true));
    assert_eq!(puller.resolve(&"a".repeat(64)).unwrap_err().code(), "E1003");
    assert_eq!(puller.fetch(&"a".repeat(64)).unwrap_err().code(), "E1003");
}

#[test]
fn a_repository_that_moved_is_followed_with_what_it_needs() {
    let (repository, [_, second]) = deploy();
    let upstream = serve(repository);
    let old = format!("{}/github/old", upstream.url());
    let host = Credential { username: Some("me".to_owned()), secret: "hidden".to_owned() };
    let config = Config { credentials: [("127.0.0.1".to_owned(), host)].into(), ..Config::default() };
    let puller = Puller::new(&config, false);
    let commit = wait(puller.client.repository(&old).resolve_ref("main")).unwrap();
    assert_eq!(commit.as_str(), second);
    let seen = upstream.seen();
    let paths: Vec<&str> = seen.iter().map(|it| it.path.split('?').next().unwrap()).collect();
    assert_eq!(
        paths,
        ["/github/old/info/refs", &format!("{PATH}/info/refs"), &format!("{PATH}/git-upload-pack")]
    );
    assert!(seen.iter().all(|it| it.authorization.as_deref() == Some("Basic bWU6aGlkZGVu")), "{seen:?}");
}

#[test]
fn without_network_nothing_is_asked() {
    let upstream = serve(deploy().0);
    let mirrors =
        vec![("https://github.demo.gabion.invalid".to_owned(), vec![format!("{}/github", upstream.url())])];
    let puller = Puller::new(&Config { mirrors, ..Config::default() }, true);
    assert_eq!(puller.resolve("main").unwrap_err().code(), "E0301");
    assert_eq!(puller.fetch(&"1".repeat(40)).unwrap_err().code(), "E0301");
    assert!(upstream.seen().is_empty());
}

#[test]
fn the_real_git_clones_from_the_miniature_upstream() {
    if !has(&["git"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| text(git(folder.path()).args(arguments));
    let (repository, [first, second]) = deploy();
    let upstream = serve(repository);
    let url = format!("{}{PATH}", upstream.url());
    let listed = git(&["ls-remote", "--symref", &url]);
    for line in [
        "ref: refs/heads/main\tHEAD",
        &format!("{second}\trefs/heads/main"),
        &format!("{first}\trefs/tags/v1^{{}}"),
    ] {
        assert!(listed.lines().any(|it| it == line), "{line}: {listed}");
    }
    git(&["clone", "--quiet", &url, "whole"]);
    git(&["-C", "whole", "fsck", "--strict"]);
    assert_eq!(git(&["-C", "whole", "rev-list", "HEAD"]), format!("{second}\n{first}\n"));
    assert_eq!(git(&["-C", "whole", "rev-parse", "v1^{commit}"]).trim(), first);
    git(&["clone", "--quiet", "--depth=1", &url, "shallow"]);
    assert_eq!(git(&["-C", "shallow", "rev-list", "HEAD"]), format!("{second}\n"));
    let files = "README\nbin/link\nbin/run\nclusters/prod/app.yaml\n";
    assert_eq!(git(&["-C", "shallow", "ls-files"]), files);
    git(&["init", "--quiet", "one"]);
    git(&["-C", "one", "fetch", "--quiet", "--depth=1", &url, &first]);
    assert_eq!(git(&["-C", "one", "show", "FETCH_HEAD:README"]), "first\n");
}

const NODE: &str =
    "[fetch.state]\ngit = 'https://up.invalid/state'\nref = 'main'\n[bundle.b]\nbase = ['fetch.state']\n";

fn project(repository: Repository) -> World {
    let mut content = Content::default();
    content.repositories.insert("/state".to_owned(), repository);
    World::serving(NODE, content)
}

#[test]
fn a_branch_is_locked_to_a_commit_and_its_tree_reaches_the_host() {
    let mut repository = Repository::default();
    let commit =
        repository.commit("main", &[("100755", "bin/x", b"#!/bin/sh\n"), ("120000", "link", b"bin/x")]);
    let world = project(repository);
    world.ok("build");
    let lock = fs_err::read_to_string(world.path("gabion.lock")).unwrap();
    assert!(lock.contains(&format!("commit = \"{commit}\"")), "{lock}");
    assert!(world.ok("bundle ls out/b.gabion").contains("content/fetch.state/state.tar"));
    // From an empty store: the commit is asked for, and no branch.
    fs_err::remove_dir_all(world.path(".store")).unwrap();
    fs_err::remove_file(world.path("out/b.gabion")).unwrap();
    let run = world.run("build --offline");
    assert!(run.code == 4 && run.stderr.contains(&commit), "{}", run.stderr);
    world.ok("build --locked");
    world.ok("update");
    assert_eq!(fs_err::read_to_string(world.path("gabion.lock")).unwrap(), lock);
}

#[test]
fn a_repository_that_is_not_what_it_was_is_refused() {
    let mut repository = Repository::default();
    repository.commit("main", &[("100644", "a", b"1")]);
    let other = repository.commit("other", &[("100644", "a", b"2")]);
    let good = project(repository.clone());
    good.ok("lock");
    let mut lies = repository.clone();
    lies.instead = Some(other);
    let lying = project(lies);
    fs_err::copy(good.path("gabion.lock"), lying.path("gabion.lock")).unwrap();
    let run = lying.run("build --locked");
    assert!(run.code != 0 && run.stderr.contains("fetch.state"), "{}", run.stderr);
    assert!(!lying.path("out/b.gabion").exists());
    let run = project(Repository::default()).run("lock");
    assert!(run.code == 1 && run.stderr.contains("main"), "{}", run.stderr);
    let mistakes = "[fetch.a]\ngit = 'https://x.invalid'\nurl = 'https://x.invalid/a'\n[fetch.b]\nurl = 'https://x.invalid/b'\nref = 'x'\n\
                    [fetch.c]\ngit = 'git@x.invalid:c'\n[fetch.d]\n[bundle.b]\n";
    let run = World::serving(mistakes, Content::default()).run("check");
    for told in ["exclude each other", "goes with `git`", "https:// location", "needs one of"] {
        assert!(run.stderr.contains(told), "no `{told}`: {}", run.stderr);
    }
}
