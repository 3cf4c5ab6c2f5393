//! A cache over HTTP: the contract against real servers.

use super::peers::{Nginx, Served, client, open};
use gabion::net::remote;
use gabion_cache::contract::contract;
use gabion_cache::{Remote, Source};
use gabion_digest::hash_bytes;
use gabion_store::Output;
use gabion_testkit::has;
use std::sync::Arc;

/// The cache at `address`, whose server knows us by `token`.
fn at(address: &str) -> Arc<dyn Remote> {
    open(address, (None, "token"))
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
    let client = client("nobody", (None, "token"));
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

#[test]
fn an_address_is_judged_before_anybody_is_asked() {
    let client = client("nobody", (None, "token"));
    for (address, why) in [
        ("dir:here", "from `/` on"),
        ("ftp://cache.example", "nobody here speaks that"),
        ("https://me:secret@cache.example", "below `[credentials]`"),
        ("https://cache.example/?a=b", "ends with its path"),
        ("cache.example", "relative URL"),
        ("s3://me:secret@bucket", "below `[credentials]`"),
        ("s3+ftp://server/bucket", "nobody here speaks that"),
        ("oci://me:secret@registry.example/a", "below `[credentials]`"),
        ("oci://team/cache", "is no registry with a repository"),
    ] {
        let error = remote(&client, address).unwrap_err();
        assert!(error.code() == "E2000" && error.to_string().contains(why), "{error}");
        assert!(!format!("{error:?} {error}").contains("secret"), "{error}");
    }
}
