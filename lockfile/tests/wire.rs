//! Golden bytes and ids of what enters request ids. They change only with the version of the format.

mod common;

use common::sample;
use gabion_digest::{Canonical, Digest, Sha256, id_of};
use gabion_lockfile::{AptLock, Attached, AttachedKind, Lock, Pin};

const CONTEXT: &str = "gabion test 1";

/// Digest of bytes that are written out by hand.
fn by_hand(pieces: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for piece in pieces {
        hasher.update(piece);
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

fn id(lock: &Lock, entry: &str) -> Digest {
    id_of(CONTEXT, lock.get(entry).unwrap())
}

#[test]
fn the_bytes_of_entries_are_frozen() {
    let url = "https://upstream.example/k3s.main/binary/v1.34.9+k3s1";
    let file = by_hand(&[
        &text("k3s.main#binary"),
        &text("release ~1"),
        b"\x01",
        &text("v1.34.9+k3s1"),
        b"\x00",
        &text(url),
        &1012_u64.to_le_bytes(),
        Sha256::of(url.as_bytes()).as_bytes(),
        b"\x01",
        &text("linux/amd64"),
        &text("checksum-file:sha256sum-amd64.txt"),
        &0_u64.to_le_bytes(),
    ]);
    assert_eq!(id(&sample(), "k3s.main#binary"), file);
    let git = by_hand(&[
        &text("fetch.site"),
        &text("git \"main\" \\ größer"),
        b"\x00\x03",
        &text("ssh://git@git.example/repo.git"),
        &text(&"0af1".repeat(10)),
        &10_240_u64.to_le_bytes(),
        Sha256::of(b"tree").as_bytes(),
        b"\x00",
        &text("recipe"),
        &0_u64.to_le_bytes(),
    ]);
    assert_eq!(id(&sample(), "fetch.site"), git);
    let image = by_hand(&[
        &text("image.api"),
        &text("release ~1"),
        b"\x01",
        &text("v1"),
        b"\x01",
        &text("ghcr.io/acme/api:v1"),
        b"\x01",
        Sha256::of(b"index").as_bytes(),
        Sha256::of(b"manifest").as_bytes(),
        &15_310_022_u64.to_le_bytes(),
        b"\x01",
        &text("linux/amd64"),
        &text("upstream-digest"),
        &2_u64.to_le_bytes(),
        &text("production"),
        &text("staging"),
    ]);
    assert_eq!(id(&sample(), "image.api"), image);
}

#[test]
fn the_ids_are_frozen() {
    let closure = AptLock::parse(include_str!("apt.os.lock")).unwrap();
    let ids = [
        id(&sample(), "k3s.main#binary"),
        id(&sample(), "chart.cert-manager"),
        id(&sample(), "chart.monitoring"),
        id_of(CONTEXT, &closure),
    ];
    let golden = [
        "b3:f84cd720c35c9d3f079ac0602cefa700fdd3b34ca9505a3a98722e4800b767de",
        "b3:b046ff1917b005dda3cefa4bc6af447fb682b46fd20af6bd8622eb90184d1eb5",
        "b3:0a3c31e81b8ba15e48612631c42321f47f6c7f5e1184658414af03e215f1cb85",
        "b3:87dfb82724af6f18915672d381a5218bf0bea1794638b505f8e134cc173cb532",
    ];
    assert_eq!(ids.map(|id| id.to_string()), golden);
}

/// Every line of a lock counts: a request id that missed one would find another artifact's result.
#[test]
fn every_line_of_a_lock_moves_an_id() {
    fn ids<T: Canonical>(all: impl Iterator<Item = T>) -> Vec<Digest> {
        all.map(|it| id_of(CONTEXT, &it)).collect()
    }
    let text = sample().to_text();
    let before = ids(sample().entries());
    let table = [
        ("v1.34.9+k3s1\"\nurl", "v1.34.8+k3s1\"\nurl"),
        ("release ~1", "release ~2"),
        ("https://charts", "http://charts"),
        ("size = 91432", "size = 91433"),
        ("controller:v1", "controller:v2"),
        ("amd64\"\ntrust = \"up", "arm64\"\ntrust = \"up"),
        ("\"recipe\"", "\"tofu\""),
        ("  \"staging\",\n", ""),
        ("commit = \"0", "commit = \"1"),
        ("charts/cert-manager:", "chart/cert-manager:"),
    ];
    for (from, to) in table {
        assert!(text.contains(from), "no `{from}`");
        let moved = ids(Lock::parse(&text.replacen(from, to, 1)).unwrap().entries());
        assert_eq!(before.iter().zip(&moved).filter(|(a, b)| a != b).count(), 1, "{from}");
    }
    let text = include_str!("apt.os.lock");
    let closure = |text: &str| id_of(CONTEXT, &AptLock::parse(text).unwrap());
    for (from, to) in
        [("amd64 openssh", "arm64 openssh"), ("11-16T", "11-15T"), ("F6EC", "F6ED"), ("162336", "162337")]
    {
        assert_ne!(closure(text), closure(&text.replacen(from, to, 1)), "{from}");
    }
}

/// An image without anything attached keeps the bytes that it had before there was such a field.
#[test]
fn what_hangs_on_an_image_moves_its_id_alone() {
    let mut lock = sample();
    let mut image = lock.get("image.api").unwrap().clone();
    let subject = Sha256::of(b"index");
    let signature = Attached { subject, kind: AttachedKind::Signature, manifest: Sha256::of(b"signature") };
    if let Pin::Image { attached, .. } = &mut image.pin {
        attached.insert(signature);
    }
    lock.insert(image);
    let expected = by_hand(&[
        &text("image.api"),
        &text("release ~1"),
        b"\x01",
        &text("v1"),
        b"\x04",
        &text("ghcr.io/acme/api:v1"),
        b"\x01",
        Sha256::of(b"index").as_bytes(),
        Sha256::of(b"manifest").as_bytes(),
        &15_310_022_u64.to_le_bytes(),
        &1_u64.to_le_bytes(),
        &text(&format!("sha256-{}.sig@{}", subject.hex(), Sha256::of(b"signature"))),
        b"\x01",
        &text("linux/amd64"),
        &text("upstream-digest"),
        &2_u64.to_le_bytes(),
        &text("production"),
        &text("staging"),
    ]);
    assert_eq!(id(&lock, "image.api"), expected);
    let written = lock.to_text();
    assert!(written.contains(&format!("attached = [\n  \"{signature}\",\n]\n")), "{written}");
    assert_eq!(Lock::parse(&written).unwrap(), lock);
}
