//! What the real server says.

use crate::repository::{Repository, has_git, members};
use crate::server::Server;
use gabion_git::{
    ArchiveError, Capabilities, Limits, Objects, PackStream, ProtocolError, RefName, fetch_request,
};
use std::fs::File;
use std::io::Read;

pub(crate) fn fetch(server: &Server, commit: &str) -> Result<Objects<File>, Box<dyn std::error::Error>> {
    let capabilities = Capabilities::read(server.capabilities())?;
    let reply = server.post(&fetch_request(&capabilities, commit.parse()?));
    Ok(Objects::read(PackStream::open(reply)?, tempfile::tempfile()?, Limits::default())?)
}

fn archive(server: &Server, commit: &str) -> Vec<u8> {
    let mut out = Vec::new();
    fetch(server, commit).unwrap().write_archive(commit.parse().unwrap(), &mut out).unwrap();
    out
}

#[test]
fn one_commit_of_a_real_server_is_the_archive_that_git_makes() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let server = Server::start(repository.folder());
    for name in ["main", "v1^{commit}", "side", "main~7"] {
        let commit = repository.line(&["rev-parse", name]);
        let (ours, order) = members(&archive(&server, &commit));
        let (theirs, _) = members(&repository.archive(&commit));
        assert_eq!(ours, theirs, "{name}");
        // `git ls-tree` has the paths in git's own order.
        let listed = repository.git(&["ls-tree", "-r", "-t", "-z", "--name-only", &commit]);
        let listed: Vec<&[u8]> = listed.strip_suffix(b"\0").unwrap().split(|it| *it == 0).collect();
        let order: Vec<&[u8]> = order.iter().map(|path| path.strip_suffix(b"/").unwrap_or(path)).collect();
        assert_eq!(order, listed, "{name}");
    }
}

#[test]
fn only_one_commit_travels() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let server = Server::start(repository.folder());
    let commit = repository.line(&["rev-parse", "main"]);
    let objects = fetch(&server, &commit).unwrap();
    let commits = objects.ids().filter(|id| objects.get(id).unwrap().0 == gabion_git::Kind::Commit);
    assert_eq!(commits.map(ToString::to_string).collect::<Vec<_>>(), [commit]);
}

#[test]
fn names_lead_where_git_says() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    repository.git(&["branch", "both", "main~1"]);
    repository.git(&["tag", "both", "main~2"]);
    let server = Server::start(repository.folder());
    let capabilities = Capabilities::read(server.capabilities()).unwrap();
    let choose = |name: &str| {
        let name = RefName::new(name).unwrap();
        name.choose(server.post(&name.request(&capabilities))).map(|it| it.to_string())
    };
    for name in [
        "HEAD",
        "main",
        "side",
        "light",
        "v1",
        "v1-again",
        "refs/heads/main",
        "refs/tags/v1",
        "refs/tags/both",
    ] {
        let expected = repository.line(&["rev-parse", &format!("{name}^{{commit}}")]);
        assert_eq!(choose(name).unwrap(), expected, "{name}");
    }
    for (name, code) in [("v", "E1011"), ("v2", "E1011"), ("refs/heads/v1", "E1011"), ("both", "E1011")] {
        assert_eq!(choose(name).unwrap_err().code(), code, "{name}");
    }
    assert!(choose("both").unwrap_err().help().unwrap().contains("refs/heads/both"));
}

#[test]
fn a_commit_that_the_server_does_not_give_is_a_clear_error() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let server = Server::start(repository.folder());
    let error = fetch(&server, &"1".repeat(40)).unwrap_err();
    let error = error.downcast::<ProtocolError>().unwrap();
    assert_eq!(error.code(), "E1005");
    assert!(error.help().unwrap().contains("allowReachableSHA1InWant"), "{error}");
    assert!(error.to_string().contains("not our ref"), "{error}");
}

#[test]
fn an_id_of_something_else_is_no_commit() {
    if !has_git() {
        return;
    }
    let repository = Repository::full();
    let server = Server::start(repository.folder());
    for name in ["v1", "main^{tree}", "main:README"] {
        let id = repository.line(&["rev-parse", name]);
        // git refuses to cut the history of what has none.
        let Ok(mut objects) = fetch(&server, &id) else { continue };
        let error = objects.write_archive(id.parse().unwrap(), std::io::sink()).unwrap_err();
        assert!(matches!(error, ArchiveError::NotACommit { .. }), "{name}: {error}");
    }
}

#[test]
fn repositories_of_sha256_are_refused() {
    if !has_git() {
        return;
    }
    let repository = Repository::new("sha256");
    let commit = repository.commit("first");
    let server = Server::start(repository.folder());
    let error = Capabilities::read(server.capabilities()).unwrap_err();
    assert_eq!((error.code(), error.help().is_some()), ("E1003", true));
    assert_eq!(commit.parse::<gabion_git::ObjectId>().unwrap_err().code(), "E1003");
}

#[test]
fn a_submodule_is_refused_with_what_to_do() {
    if !has_git() {
        return;
    }
    let repository = Repository::new("sha1");
    repository.write("file", "x");
    let inner = repository.commit("inner");
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{inner},vendor/lib")]);
    repository.git(&["commit", "--quiet", "-m", "outer"]);
    let commit = repository.line(&["rev-parse", "HEAD"]);
    let server = Server::start(repository.folder());
    let mut objects = fetch(&server, &commit).unwrap();
    let error = objects.write_archive(commit.parse().unwrap(), std::io::sink()).unwrap_err();
    assert_eq!(error.to_string(), format!("`vendor/lib` is a submodule, at commit `{inner}`"));
    assert!(error.help().unwrap().contains(&inner));
}

#[test]
fn a_reply_that_ends_anywhere_is_an_error() {
    if !has_git() {
        return;
    }
    let repository = Repository::new("sha1");
    repository.write("file", "x");
    let commit = repository.commit("small");
    let server = Server::start(repository.folder());
    let mut said = Vec::new();
    server.capabilities().read_to_end(&mut said).unwrap();
    for end in 0..said.len() {
        assert_eq!(Capabilities::read(&said[..end]).unwrap_err().code(), "E1002", "{end} bytes");
    }
    let capabilities = Capabilities::read(&said[..]).unwrap();
    let mut reply = Vec::new();
    server.post(&fetch_request(&capabilities, commit.parse().unwrap())).read_to_end(&mut reply).unwrap();
    let read = |bytes: &[u8]| -> Result<(), &'static str> {
        let pack = PackStream::open(bytes).map_err(|error| error.code())?;
        let objects = Objects::read(pack, std::io::Cursor::new(Vec::new()), Limits::default());
        objects.map(drop).map_err(|error| error.code())
    };
    assert_eq!(read(&reply), Ok(()));
    for end in 0..reply.len() {
        assert_eq!(read(&reply[..end]), Err("E1002"), "{end} bytes");
    }
}
