//! A cache in a registry of images: the contract against Debian's.

use super::peers::open;
use crate::registry::real::Real;
use gabion_cache::contract::contract;
use gabion_cache::{Key, Posted, Signer, Slot, Source};
use gabion_digest::{Digest, RequestId, Sha256, hash_bytes};
use gabion_store::Output;
use gabion_testkit::has;

const NEEDS: [&str; 2] = ["docker-registry", "htpasswd"];

#[tokio::test]
async fn debians_registry_keeps_the_contract() {
    if !has(&NEEDS) {
        return;
    }
    let registry = Real::start();
    contract(&*open(&format!("oci+http://{}/team/cache", registry.host), (Some("me"), "secret"))).await;
}

#[tokio::test]
async fn a_registry_that_does_not_let_us_in_refuses() {
    if !has(&NEEDS) {
        return;
    }
    let registry = Real::start();
    let blob: Output = hash_bytes(b"x").into();
    let wrong = open(&format!("oci+http://{}/cache", registry.host), (Some("me"), "wr0ng"));
    for error in [
        wrong.put(&Source::of_bytes(&b"x"[..], &blob)).await.unwrap_err(),
        wrong.has(&[blob]).await.unwrap_err(),
    ] {
        assert!(error.code() == "E2002" && error.to_string().contains("401"), "{error}");
        assert!(!format!("{wrong:?} {error:?}").contains("wr0ng"), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_registry_keeps_what_a_record_names_and_removes_what_none_does() {
    if !has(&NEEDS) {
        return;
    }
    let registry = Real::start();
    let remote = open(&format!("oci+http://{}/cache", registry.host), (Some("me"), "secret"));
    let [named, orphan]: [Output; 2] = [b"named", b"alone"].map(|it| hash_bytes(it).into());
    for (bytes, blob) in [(b"named", named), (b"alone", orphan)] {
        remote.put(&Source::of_bytes(&bytes[..], &blob)).await.unwrap();
    }
    let key = Key::Request(RequestId::new(Digest::of(b"x")));
    let slot = Slot { namespace: "main".parse().unwrap(), key, signer: Signer(Sha256::of(b"me")) };
    let bytes = bytes::Bytes::from_static(b"a record");
    let record = Posted { slot: slot.clone(), bytes: bytes.clone(), blobs: vec![named] };
    remote.put_records(&[record]).await.unwrap();
    registry.collect_garbage();
    assert_eq!(remote.has(&[named, orphan]).await.unwrap(), [named.blob].into());
    assert_eq!(remote.records(&[slot]).await.unwrap(), [Some(bytes)]);
}
