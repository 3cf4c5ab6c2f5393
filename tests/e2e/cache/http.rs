//! A cache over HTTP: the contract against real servers, and one that misbehaves.

use super::double::{Double, Fault};
use super::peers::{Nginx, Served};
use gabion::config::{Config, Credential};
use gabion::event::Events;
use gabion::net::{Client, remote};
use gabion_cache::contract::contract;
use gabion_cache::{CacheError, Manners, Remote, Source, fetch};
use gabion_digest::hash_bytes;
use gabion_store::{Output, Store};
use gabion_testkit::has;
use std::sync::Arc;
use std::time::Duration;

fn client(host: &str, secret: &str) -> Client {
    let credential = Credential { username: None, secret: secret.to_owned() };
    let credentials = [(host.to_owned(), credential)].into();
    Client::new(&Config { credentials, ..Config::default() }, false, &Events::silent()).unwrap()
}

/// The cache at `address`, whose server knows us by `token`.
fn at(address: &str) -> Arc<dyn Remote> {
    let host = address.rsplit_once("//").unwrap().1.split('/').next().unwrap();
    remote(&client(host, "token"), address).unwrap()
}

#[tokio::test]
async fn nginx_keeps_the_contract_in_both_layouts() {
    if !has(&["nginx"]) {
        return;
    }
    let nginx = Nginx::start();
    contract(&*at(&nginx.url)).await;
    contract(&*at(&format!("bazel+{}/deep/", nginx.url))).await;
    assert!(nginx.folder.join("blob").is_dir() && nginx.folder.join("deep/cas").is_dir());
}

#[tokio::test]
async fn our_own_server_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs_err::write(&token, "token\n").unwrap();
    let served = Served::start(&folder.path().join("cache"), Some(&token));
    contract(&*at(&served.url)).await;
}

#[tokio::test]
async fn our_own_server_takes_nothing_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs_err::write(&token, "another").unwrap();
    let blob: Output = hash_bytes(b"x").into();
    let source = Source::of_bytes(&b"x"[..], &blob);
    for file in [None, Some(token.as_path())] {
        let cache = folder.path().join("cache");
        let served = Served::start(&cache, file);
        let error = at(&served.url).put(&source).await.unwrap_err();
        assert!(error.code() == "E2002" && error.to_string().contains("403"), "{error}");
        assert!(!cache.join("blob").exists());
        assert!(at(&served.url).has(&[blob]).await.unwrap().is_empty(), "anybody can ask");
    }
}

#[tokio::test]
async fn our_own_server_knows_no_path_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("secret"), "secret").unwrap();
    let served = Served::start(&folder.path().join("cache"), None);
    let client = client("nobody", "token");
    let hex = "0".repeat(64);
    for path in [
        "/",
        "/../secret",
        "/blob/../../secret",
        "/blob/%2e%2e/secret",
        "/blob/ab/..",
        &format!("/blob/11/{hex}"),
    ] {
        let error = client.get(&format!("{}{path}", served.url), 100).await.unwrap_err();
        assert!(error.help().unwrap().contains("404"), "{path}: {error}");
    }
}

/// A misbehaving server with one blob, and an empty store.
struct Trial {
    double: Double,
    remote: Arc<dyn Remote>,
    blob: Output,
    _folder: tempfile::TempDir,
    store: Store,
}

async fn trial() -> Trial {
    let double = Double::start();
    let remote = at(&double.url());
    let content: Vec<u8> = (0..400_000_u32).map(|it| (it % 253) as u8).collect();
    let blob: Output = hash_bytes(&content).into();
    remote.put(&Source::of_bytes(content, &blob)).await.unwrap();
    double.seen();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    Trial { double, remote, blob, _folder: folder, store }
}

impl Trial {
    async fn fetch(&self) -> Result<bool, CacheError> {
        let manners = Manners { stall: Duration::from_millis(300), ..Manners::default() };
        fetch(&*self.remote, &self.store, &self.blob, &manners).await
    }

    /// The ranges that were asked for.
    fn ranges(&self) -> Vec<Option<String>> {
        self.double.seen().into_iter().map(|it| it.range).collect()
    }
}

#[tokio::test]
async fn a_server_without_faults_keeps_the_contract() {
    contract(&*at(&Double::start().url())).await;
}

#[tokio::test]
async fn a_flipped_bit_is_a_lie_and_nothing_of_it_stays() {
    let it = trial().await;
    it.double.fail(1, Fault::Flip);
    let error = it.fetch().await.unwrap_err();
    assert_eq!(error.code(), "E2003", "{error}");
    assert!(!it.store.has(it.blob.blob));
    assert!(it.fetch().await.unwrap() && it.store.check_output(&it.blob).unwrap());
    assert_eq!(it.ranges(), [None, None], "nothing of a lie is gone on with");
}

#[tokio::test]
async fn what_was_cut_goes_on_where_it_was() {
    for fault in [Fault::Cut, Fault::Stall] {
        let it = trial().await;
        it.double.fail(1, fault.clone());
        let error = it.fetch().await.unwrap_err();
        assert!(error.is_passing(), "{fault:?}: {error}");
        assert!(it.fetch().await.unwrap() && it.store.check_output(&it.blob).unwrap());
        assert_eq!(it.ranges(), [None, Some("bytes=200000-".to_owned())], "{fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_length_is_noticed() {
    let it = trial().await;
    it.double.fail(1, Fault::Longer);
    assert!(it.fetch().await.is_err());
    assert!(it.fetch().await.unwrap() && it.store.check_output(&it.blob).unwrap());
    let longer = Output { size: it.blob.size + 1, ..it.blob };
    assert!(it.remote.has(&[longer]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_status_says_whether_to_come_back_and_when() {
    let it = trial().await;
    it.double.fail(1, Fault::Status(429, "Retry-After: 7\r\n"));
    let error = it.fetch().await.unwrap_err();
    let wait = Some(Duration::from_secs(7));
    assert!(matches!(&error, CacheError::Unreachable { wait: it, .. } if *it == wait), "{error:?}");
    for status in [500, 503, 408] {
        it.double.fail(1, Fault::Status(status, ""));
        assert!(it.fetch().await.unwrap_err().is_passing(), "{status}");
    }
    for status in [400, 401, 403, 413, 507] {
        it.double.fail(1, Fault::Status(status, ""));
        let error = it.fetch().await.unwrap_err();
        assert!(status == 507 || !error.is_passing(), "{status}");
    }
    for status in [404, 410] {
        it.double.fail(1, Fault::Status(status, ""));
        assert!(!it.fetch().await.unwrap(), "{status}");
    }
}

#[tokio::test]
async fn no_credential_follows_a_redirect() {
    let it = trial().await;
    let elsewhere = trial().await;
    it.double.fail(9, Fault::Redirect(elsewhere.double.url()));
    assert!(it.fetch().await.unwrap(), "bytes are judged wherever they come from");
    let first = it.double.seen().remove(0);
    assert_eq!(first.authorization.as_deref(), Some("Bearer token"), "the configured server knows us");
    let seen = elsewhere.double.seen();
    assert!(seen.len() == 1 && seen[0].authorization.is_none(), "{seen:?}");
    let blob: Output = hash_bytes(b"new").into();
    let error = it.remote.put(&Source::of_bytes(&b"new"[..], &blob)).await.unwrap_err();
    assert!(error.to_string().contains("redirect"), "{error}");
    assert!(elsewhere.double.seen().iter().all(|it| it.method != "PUT"), "nothing is put elsewhere");
}

#[test]
fn an_address_is_judged_before_anybody_is_asked() {
    let client = client("nobody", "token");
    for (address, why) in [
        ("dir:here", "from `/` on"),
        ("ftp://cache.example", "nobody here speaks that"),
        ("https://me:secret@cache.example", "below `[credentials]`"),
        ("https://cache.example/?a=b", "ends with its path"),
        ("cache.example", "relative URL"),
    ] {
        let error = remote(&client, address).unwrap_err();
        assert!(error.code() == "E2000" && error.to_string().contains(why), "{error}");
        assert!(!format!("{error:?} {error}").contains("secret"), "{error}");
    }
}
