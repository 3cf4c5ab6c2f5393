//! What every remote is held to. A test makes an empty remote and calls [`contract`], which panics with the claim that
//! does not hold.

use crate::{Body, CacheError, Key, Manners, Posted, Remote, Signer, Slot, Source, fetch};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use gabion_digest::{ActionId, Digest, DualHasher, RequestId, Sha256, hash_bytes};
use gabion_store::{Expect, Output, Store};
use std::io::{Read, Write};
use std::path::Path;

/// Larger than what anybody may hold in memory at once.
const LARGE: u64 = 96 << 20;
/// How much more memory may be in use while a large blob passes.
const MEMORY: u64 = 64 << 20;

/// Holds `remote`, which is empty and can be written, to everything that the trait promises.
///
/// # Panics
/// Where a claim does not hold.
pub async fn contract(remote: &dyn Remote) {
    assert!(!remote.name().is_empty(), "a remote has a name");
    assert!(remote.capabilities().await.unwrap().write, "this suite puts things");
    missing_is_missing(remote).await;
    what_was_put_is_there(remote).await;
    a_put_is_idempotent(remote).await;
    a_lie_is_refused(remote).await;
    a_part_is_gone_on_with(remote).await;
    writers_do_not_disturb_each_other(remote).await;
    records_stand_in_their_slots(remote).await;
    a_large_blob_passes_in_bounded_memory(remote).await;
}

/// A blob of `size` bytes that no other `seed` has.
fn bytes(seed: u32, size: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..size).map(next).collect::<Vec<u8>>().into()
}

fn named(bytes: &[u8]) -> Output {
    hash_bytes(bytes).into()
}

async fn put(remote: &dyn Remote, bytes: &Bytes) -> Output {
    let blob = named(bytes);
    remote.put(&Source::of_bytes(bytes.clone(), &blob)).await.unwrap();
    blob
}

async fn all(body: Option<Body>) -> Vec<u8> {
    let (mut pieces, mut out) = (body.expect("it is there").pieces, Vec::new());
    while let Some(piece) = pieces.next().await {
        out.extend_from_slice(&piece.unwrap());
    }
    out
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

async fn missing_is_missing(remote: &dyn Remote) {
    let blob = named(b"nobody put this");
    assert!(remote.has(&[blob]).await.unwrap().is_empty(), "what nobody put is not there");
    assert!(remote.has(&[]).await.unwrap().is_empty(), "nothing asked, nothing told");
    assert!(remote.get(&blob, 0).await.unwrap().is_none(), "what nobody put has no bytes");
    let (_folder, store) = store();
    assert!(
        !fetch(remote, &store, &blob, &Manners::default()).await.unwrap(),
        "what nobody put cannot be fetched"
    );
    assert_eq!(remote.records(&[slot(b"nobody")]).await.unwrap(), [None], "an empty slot is empty");
    assert!(remote.records(&[]).await.unwrap().is_empty());
}

async fn what_was_put_is_there(remote: &dyn Remote) {
    for content in [Bytes::new(), Bytes::from_static(b"x"), bytes(1, 300_001)] {
        let blob = put(remote, &content).await;
        let other = Output { size: blob.size + 1, ..blob };
        assert!(remote.has(&[blob]).await.unwrap().contains(&blob.blob), "{} bytes that were put", blob.size);
        assert!(remote.has(&[other]).await.unwrap().is_empty(), "another size is another blob");
        assert!(all(remote.get(&blob, 0).await.unwrap()).await == content, "the bytes that were put");
        let (_folder, store) = store();
        assert!(fetch(remote, &store, &blob, &Manners::default()).await.unwrap());
        assert!(store.check_output(&blob).unwrap(), "what was fetched is in the store");
    }
}

async fn a_put_is_idempotent(remote: &dyn Remote) {
    let content = bytes(2, 70_000);
    let blob = put(remote, &content).await;
    assert_eq!(put(remote, &content).await, blob, "what is there can be put again");
    assert!(all(remote.get(&blob, 0).await.unwrap()).await == content);
}

/// Whether the storage checks or not: bytes with a wrong name never become a blob that it shows.
async fn a_lie_is_refused(remote: &dyn Remote) {
    for size in [0, 10, 600_000] {
        let truth = named(&bytes(3, 600_000));
        let lie = Source::of_bytes(bytes(4, size), &truth);
        let error = remote.put(&lie).await.expect_err("other bytes are no blob");
        assert!(matches!(error, CacheError::Damaged { .. }), "{error}");
        assert!(remote.has(&[truth]).await.unwrap().is_empty(), "a lie is not there");
        assert!(remote.get(&truth, 0).await.unwrap().is_none(), "a lie has no bytes");
    }
    let content = bytes(3, 600_000);
    let blob = put(remote, &content).await;
    assert!(all(remote.get(&blob, 0).await.unwrap()).await == content, "the truth can be put after a lie");
}

async fn a_part_is_gone_on_with(remote: &dyn Remote) {
    let content = bytes(5, 900_000);
    let blob = put(remote, &content).await;
    let resume = remote.capabilities().await.unwrap().resume;
    for from in [1, 400_000, 899_999] {
        let body = remote.get(&blob, from).await.unwrap().unwrap();
        assert!(body.from == from || (!resume && body.from == 0), "a range begins where it was asked to");
        let begin = body.from as usize;
        assert!(all(Some(body)).await == content[begin..], "the rest from {begin}");
    }
    let expect = Expect { sha256: Some(blob.sha256), ..Expect::default() };
    for begun in [&content[..400_000], b"poison from an earlier run"] {
        let (_folder, store) = store();
        let mut partial = store.partial(blob.sha256, expect).unwrap().unwrap();
        partial.append(begun).unwrap();
        drop(partial);
        assert!(fetch(remote, &store, &blob, &Manners::default()).await.unwrap());
        assert!(store.check_output(&blob).unwrap(), "a download that was begun ends with the right bytes");
    }
}

async fn writers_do_not_disturb_each_other(remote: &dyn Remote) {
    let same = bytes(6, 500_000);
    let own: Vec<Bytes> = (0..8).map(|it| bytes(100 + it, 50_000)).collect();
    let blobs = join_all(own.iter().chain(std::iter::repeat_n(&same, 8)).map(|it| put(remote, it))).await;
    let there = remote.has(&blobs).await.unwrap();
    assert!(blobs.iter().all(|it| there.contains(&it.blob)), "everything that several writers put");
    for (blob, content) in blobs.iter().zip(own.iter().chain([&same])) {
        assert!(all(remote.get(blob, 0).await.unwrap()).await == *content);
    }
    let slot = slot(b"contended");
    let texts: Vec<Bytes> = (0..8).map(|it| bytes(200 + it, 5_000)).collect();
    let posted: Vec<[Posted; 1]> = texts.iter().map(|it| [posted(&slot, it)]).collect();
    for done in join_all(posted.iter().map(|it| remote.put_records(it))).await {
        done.unwrap();
    }
    let found = remote.records(&[slot]).await.unwrap().remove(0).unwrap();
    assert!(texts.contains(&found), "of several records in one slot one is there, whole");
}

fn slot(seed: &[u8]) -> Slot {
    let key = Key::Request(RequestId::new(Digest::of(seed)));
    Slot { namespace: "contract".parse().unwrap(), key, signer: Signer(Sha256::of(seed)) }
}

fn posted(slot: &Slot, bytes: &Bytes) -> Posted {
    Posted { slot: slot.clone(), bytes: bytes.clone(), blobs: Vec::new() }
}

async fn records_stand_in_their_slots(remote: &dyn Remote) {
    let (one, id) = (slot(b"one"), Digest::of(b"one"));
    let slots = [
        Slot { key: Key::Action(ActionId::new(id)), ..one.clone() },
        Slot { key: Key::Closure(RequestId::new(id)), ..one.clone() },
        Slot { namespace: "fork".parse().unwrap(), ..one.clone() },
        Slot { signer: Signer(Sha256::of(b"another")), ..one.clone() },
        one,
    ];
    let records: Vec<Posted> =
        slots.iter().zip(0..).map(|(slot, seed)| posted(slot, &bytes(300 + seed, 2_000))).collect();
    remote.put_records(&records).await.unwrap();
    let mut asked = slots.to_vec();
    asked.insert(2, slot(b"nobody"));
    let mut expected: Vec<Option<Bytes>> = records.iter().map(|it| Some(it.bytes.clone())).collect();
    expected.insert(2, None);
    assert!(remote.records(&asked).await.unwrap() == expected, "records come in the order of their slots");
    let newer = posted(&slots[0], &Bytes::from_static(b"newer"));
    remote.put_records(std::slice::from_ref(&newer)).await.unwrap();
    let found = remote.records(&slots[..1]).await.unwrap();
    assert!(found == [Some(newer.bytes)], "a newer record takes the place of an older one");
    let large = posted(&slot(b"large"), &bytes(9, 3 << 20));
    remote.put_records(std::slice::from_ref(&large)).await.unwrap();
    assert!(remote.records(&[large.slot]).await.unwrap() == [Some(large.bytes)], "a closure has megabytes");
}

async fn a_large_blob_passes_in_bounded_memory(remote: &dyn Remote) {
    let (folder, store) = store();
    let path = folder.path().join("tmp/large");
    let blob = write_large(&path);
    let before = peak_memory();
    remote.put(&Source::of_file(path, &blob).unwrap()).await.unwrap();
    assert!(fetch(remote, &store, &blob, &Manners::default()).await.unwrap());
    assert!(store.check_output(&blob).unwrap(), "a large blob");
    let more = peak_memory().saturating_sub(before);
    assert!(more < MEMORY, "{more} bytes of memory for a blob of {LARGE}");
}

fn write_large(path: &Path) -> Output {
    let mut file = fs_err::File::create(path).unwrap();
    let mut hasher = DualHasher::new();
    for seed in 0..(LARGE >> 20) {
        let piece = bytes(1000 + seed as u32, 1 << 20);
        file.write_all(&piece).unwrap();
        hasher.update(&piece);
    }
    hasher.finish().into()
}

/// The most memory that this process ever had, in bytes (proc(5), `VmHWM`).
fn peak_memory() -> u64 {
    let mut text = String::new();
    fs_err::File::open("/proc/self/status").unwrap().read_to_string(&mut text).unwrap();
    let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}
