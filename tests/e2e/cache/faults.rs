//! Caches whose server misbehaves: of files, of S3, and a registry of images.

use super::double::{Double, Fault, Seen};
use super::peers::open;
use gabion_cache::{CacheError, Key, Manners, Posted, Remote, Signer, Slot, Source, fetch};
use gabion_digest::{Digest, RequestId, Sha256, hash_bytes};
use gabion_store::{Output, Store};
use std::sync::Arc;
use std::time::Duration;

/// What a server is asked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    S3,
    Oci,
}

const KINDS: [Kind; 3] = [Kind::Http, Kind::S3, Kind::Oci];

/// A misbehaving server with one blob, and an empty store.
struct Trial {
    double: Double,
    remote: Arc<dyn Remote>,
    blob: Output,
    _folder: tempfile::TempDir,
    store: Store,
}

fn content() -> Vec<u8> {
    (0..400_000_u32).map(|it| (it % 253) as u8).collect()
}

fn remote(kind: Kind, double: &Double) -> Arc<dyn Remote> {
    let url = double.url();
    match kind {
        Kind::Http => open(&url, (None, "s3cret")),
        Kind::S3 => open(&format!("s3+{url}/bucket"), (Some("KEY"), "s3cret")),
        Kind::Oci => open(&format!("oci+{url}/cache"), (Some("me"), "s3cret")),
    }
}

async fn trial(kind: Kind) -> Trial {
    let double = Double::start();
    let remote = remote(kind, &double);
    let blob: Output = hash_bytes(&content()).into();
    remote.put(&Source::of_bytes(content(), &blob)).await.unwrap();
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

    async fn put_again(&self) -> Result<(), CacheError> {
        self.remote.put(&Source::of_bytes(content(), &self.blob)).await
    }

    /// The ranges that were asked for.
    fn ranges(&self) -> Vec<Option<String>> {
        self.double.seen().into_iter().map(|it| it.range).collect()
    }
}

fn methods(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|it| it.method.as_str()).collect()
}

#[tokio::test]
async fn a_flipped_bit_is_a_lie_and_nothing_of_it_stays() {
    for kind in KINDS {
        let it = trial(kind).await;
        it.double.fail(1, Fault::Flip);
        let error = it.fetch().await.unwrap_err();
        assert_eq!(error.code(), "E2003", "{kind:?}: {error}");
        assert!(!it.store.has(it.blob.blob));
        assert!(it.fetch().await.unwrap() && it.store.check_output(&it.blob).unwrap());
        assert_eq!(it.ranges(), [None, None], "{kind:?}: nothing of a lie is gone on with");
    }
}

#[tokio::test]
async fn what_was_cut_goes_on_where_it_was() {
    for (kind, fault) in KINDS.into_iter().flat_map(|kind| [(kind, Fault::Cut), (kind, Fault::Stall)]) {
        let it = trial(kind).await;
        it.double.fail(1, fault.clone());
        let error = it.fetch().await.unwrap_err();
        assert!(error.is_passing(), "{kind:?} {fault:?}: {error}");
        assert!(it.fetch().await.unwrap() && it.store.check_output(&it.blob).unwrap());
        assert_eq!(it.ranges(), [None, Some("bytes=200000-".to_owned())], "{kind:?} {fault:?}");
    }
}

#[tokio::test]
async fn a_wrong_length_is_noticed() {
    for kind in KINDS {
        let it = trial(kind).await;
        it.double.fail(1, Fault::Longer);
        assert!(it.fetch().await.is_err());
        assert!(it.fetch().await.unwrap() && it.store.check_output(&it.blob).unwrap());
        let longer = Output { size: it.blob.size + 1, ..it.blob };
        assert!(it.remote.has(&[longer]).await.unwrap().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_status_says_whether_to_come_back_and_when() {
    for kind in KINDS {
        let it = trial(kind).await;
        it.double.fail(1, Fault::Status(429, "Retry-After: 7\r\n"));
        let error = it.fetch().await.unwrap_err();
        let wait = Some(Duration::from_secs(7));
        assert!(matches!(&error, CacheError::Unreachable { wait: it, .. } if *it == wait), "{error:?}");
        for status in [500, 503, 408] {
            it.double.fail(1, Fault::Status(status, ""));
            assert!(it.fetch().await.unwrap_err().is_passing(), "{kind:?} {status}");
        }
        for status in [400, 401, 403, 413, 507] {
            it.double.fail(1, Fault::Status(status, ""));
            let error = it.fetch().await.unwrap_err();
            assert!(status == 507 || !error.is_passing(), "{kind:?} {status}");
        }
        for status in [404, 410] {
            it.double.fail(1, Fault::Status(status, ""));
            assert!(!it.fetch().await.unwrap(), "{kind:?} {status}");
        }
        for status in [403, 404, 507] {
            it.double.fail(9, Fault::Status(status, ""));
            assert!(it.put_again().await.is_err(), "{kind:?} {status}: nobody took it");
        }
    }
}

#[tokio::test]
async fn no_credential_follows_a_redirect_and_nothing_is_put_elsewhere() {
    for kind in KINDS {
        let it = trial(kind).await;
        let elsewhere = trial(kind).await;
        it.double.fail(9, Fault::Redirect(elsewhere.double.url()));
        let fetched = it.fetch().await;
        let asked = it.double.seen().remove(0).authorization;
        let seen = elsewhere.double.seen();
        match kind {
            Kind::Http => {
                assert_eq!(asked.as_deref(), Some("Bearer s3cret"), "the configured server knows us");
            }
            Kind::S3 => {
                let asked = asked.unwrap();
                assert!(asked.starts_with("AWS4-HMAC-SHA256 Credential=KEY/") && !asked.contains("s3cret"));
            }
            Kind::Oci => assert_eq!(asked, None, "nobody asked who we are"),
        }
        if kind == Kind::S3 {
            let error = fetched.unwrap_err();
            assert!(error.code() == "E2002" && error.to_string().contains("307"), "{error}");
            assert!(seen.is_empty(), "what is signed is for one server: {seen:?}");
        } else {
            assert!(fetched.unwrap(), "bytes are judged wherever they come from");
            assert!(seen.len() == 1 && seen[0].authorization.is_none(), "{seen:?}");
        }
        let error = it.put_again().await.unwrap_err();
        assert!(!error.is_passing() && !format!("{error:?}").contains("s3cret"), "{error:?}");
        let seen = elsewhere.double.seen();
        assert!(seen.iter().all(|it| it.method != "PUT"), "{kind:?}: nothing is put elsewhere: {seen:?}");
    }
}

#[tokio::test]
async fn a_bucket_is_told_to_keep_what_it_has_and_what_is_not_right_there_is_replaced() {
    let it = trial(Kind::S3).await;
    // It says that something is there, and not which checksum that has.
    it.double.fail(1, Fault::Status(412, ""));
    it.put_again().await.unwrap();
    let seen = it.double.seen();
    assert_eq!(methods(&seen), ["PUT", "HEAD", "PUT"]);
    assert_eq!(seen.iter().map(|it| it.only_new).collect::<Vec<_>>(), [true, false, false]);
    // Another writer is in the way for a moment.
    it.double.fail(1, Fault::Status(409, ""));
    assert!(it.put_again().await.unwrap_err().is_passing());
    it.double.seen();
    // A server that does not know the condition is not asked for it again.
    it.double.fail(1, Fault::Status(501, ""));
    for expected in [vec![true, false], vec![false]] {
        it.put_again().await.unwrap();
        assert_eq!(it.double.seen().iter().map(|it| it.only_new).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_token_to_pull_becomes_one_to_push_and_the_password_is_for_its_endpoint_alone() {
    let it = trial(Kind::Oci).await;
    it.double.ask_for_tokens();
    assert!(it.fetch().await.unwrap());
    it.put_again().await.unwrap();
    let seen = it.double.seen();
    assert_eq!(methods(&seen), ["GET", "GET", "GET", "POST", "GET", "POST", "PUT"], "{seen:?}");
    for it in &seen {
        let basic = it.authorization.as_ref().is_some_and(|text| text.starts_with("Basic "));
        assert_eq!(basic, it.path == "/token", "{it:?}");
    }
    assert!(it.remote.has(&[it.blob]).await.unwrap().contains(&it.blob.blob), "who may push may pull");
}

#[tokio::test]
async fn a_record_is_the_first_layer_of_an_artifact_and_a_damaged_artifact_is_none() {
    let it = trial(Kind::Oci).await;
    let slot = Slot {
        namespace: "main".parse().unwrap(),
        key: Key::Request(RequestId::new(Digest::of(b"x"))),
        signer: Signer(Sha256::of(b"me")),
    };
    let bytes = bytes::Bytes::from_static(b"a record");
    let record = Posted { slot: slot.clone(), bytes, blobs: vec![it.blob] };
    it.remote.put_records(std::slice::from_ref(&record)).await.unwrap();
    assert_eq!(it.remote.records(std::slice::from_ref(&slot)).await.unwrap(), [Some(record.bytes.clone())]);
    it.double.fail(1, Fault::Flip);
    assert_ne!(it.remote.records(&[slot]).await.unwrap(), [Some(record.bytes)]);
}
