//! Every parser of foreign bytes, as a function that takes any bytes and may only panic where we are wrong.
//!
//! What a parser accepts must be readable again from what it writes. Used by the fuzzer (`fuzz_targets/`)
//! and, with mutations of the seeds, by `tests/e2e/fuzz_smoke.rs`.

use gabion_apt::{Candidates, Keyring, Signers, Wish};
use gabion_bundle::{Floor, Manifest, Policy, Release, Slot, Stage, Time, TrustRoot};
use gabion_lockfile::{AptLock, Lock};
use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::LazyLock;

/// A target: its name, which is also the folder of its seeds, and the function.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 12] = [
    ("lock", lock),
    ("apt_lock", apt_lock),
    ("apt_keyring", apt_keyring),
    ("apt_signed", apt_signed),
    ("apt_release", apt_release),
    ("apt_packages", apt_packages),
    ("apt_unpack", apt_unpack),
    ("bundle", bundle),
    ("bundle_release", bundle_release),
    ("bundle_manifest", bundle_manifest),
    ("trust_root", trust_root),
    ("recipe", recipe),
];

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// `gabion.lock`, also with the markers of a merge.
fn lock(bytes: &[u8]) {
    if let Ok(lock) = Lock::parse(text(bytes)) {
        assert_eq!(Lock::parse(&lock.to_text()).as_ref(), Ok(&lock));
    }
    if let Ok(merged) = Lock::parse_merging(text(bytes)) {
        assert_eq!(Lock::parse(&merged.lock.to_text()), Ok(merged.lock));
    }
}

/// `locks/apt.NAME.lock`.
fn apt_lock(bytes: &[u8]) {
    if let Ok(lock) = AptLock::parse(text(bytes)) {
        assert_eq!(AptLock::parse(&lock.to_text()), Ok(lock));
    }
}

static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
    Keyring::parse(include_bytes!("../recipes/trust/demo-archive.asc"))
        .unwrap_or_else(|error| panic!("{error}"))
});

/// A keyring, binary or armored.
fn apt_keyring(bytes: &[u8]) {
    if let Ok(keys) = Keyring::parse(bytes) {
        assert!(keys.fingerprints().iter().all(|it| it.bytes().all(|it| it.is_ascii_hexdigit())));
    }
}

/// `InRelease`: only what stands in the signed text may come out.
fn apt_signed(bytes: &[u8]) {
    let pinned = KEYS.fingerprints();
    let by = Signers { pinned: &pinned, needed: 1, now: 2_000_000_000 };
    if let Ok(signed) = gabion_apt::verify_clearsigned(bytes, &KEYS, &by) {
        assert_eq!(
            signed.text.trim_end(),
            signed_text().trim_end(),
            "other words under the demo archive's signature"
        );
    }
}

/// The one text that the demo's archive signed among the seeds.
fn signed_text() -> String {
    let whole = include_str!("seeds/apt_signed/InRelease");
    let body = whole.split_once("\n\n").map_or("", |(_, body)| body);
    let body = body.split_once("-----BEGIN PGP SIGNATURE-----").map_or("", |(body, _)| body);
    body.lines().map(|line| line.strip_prefix("- ").unwrap_or(line).to_owned() + "\n").collect()
}

/// The text of a `Release`.
fn apt_release(bytes: &[u8]) {
    if let Ok(release) = gabion_apt::Release::parse(text(bytes)) {
        let _there = release.packages("main", "amd64");
    }
}

/// `Packages`, and a closure of the first package in it.
fn apt_packages(bytes: &[u8]) {
    let packages: Vec<_> = gabion_apt::packages(text(bytes)).filter_map(Result::ok).collect();
    let Some(first) = packages.first() else { return };
    let mut candidates = Candidates::default();
    for package in &packages {
        candidates.add(package.clone(), 0);
    }
    if candidates.seal().is_ok() {
        let install = vec![first.name];
        let wish = Wish { install, exclude: BTreeSet::new(), essential: true, recommends: true };
        if let Ok(closure) = candidates.closure(&wish) {
            assert!(closure.0.contains_key(first.name));
        }
    }
}

/// The most that an index may become here.
const UNPACKED: u64 = 1 << 20;

/// A compressed index.
fn apt_unpack(bytes: &[u8]) {
    for path in ["Packages.xz", "Packages.gz", "Packages"] {
        if let Ok(text) = gabion_apt::unpack(path, bytes, UNPACKED) {
            assert!(text.len() as u64 <= UNPACKED);
        }
    }
}

/// A whole bundle: nothing that nobody signed is verified.
fn bundle(bytes: &[u8]) {
    let _tables = gabion_bundle::read_table(&mut Cursor::new(bytes));
    let root = TrustRoot::parse(include_str!("../recipes/trust/demo.json"));
    let root = root.unwrap_or_else(|error| panic!("{error}"));
    let now = Time::from_unix(0).unwrap_or_else(|| panic!("1970 is a moment"));
    let policy =
        Policy { root: &root, now, stage: Stage::Look, promotion: None, floor: Floor::default(), full: true };
    assert!(gabion_bundle::verify(Cursor::new(bytes), &policy).is_err());
}

/// `RELEASE` and the signature slot.
fn bundle_release(bytes: &[u8]) {
    if let Some(release) = Release::parse(text(bytes)) {
        assert_eq!(release.to_string(), text(bytes));
    }
    if let Ok(slot) = Slot::parse(bytes) {
        assert_eq!(slot.to_bytes().ok().as_deref(), Some(bytes));
        let _checked = slot.check(b"another message");
    }
}

/// `bundle.json`.
fn bundle_manifest(bytes: &[u8]) {
    if let Some(manifest) = Manifest::parse(text(bytes)) {
        assert_eq!(Manifest::parse(&manifest.to_text()).as_ref(), Some(&manifest));
    }
}

/// `trust/root.json`.
fn trust_root(bytes: &[u8]) {
    if let Ok(root) = TrustRoot::parse(text(bytes)) {
        assert_eq!(TrustRoot::parse(&root.to_text()).ok().as_ref(), Some(&root));
    }
}

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));

/// A project of one file: read, checked for circles, and every mistake put into words with its place.
fn recipe(bytes: &[u8]) {
    let root = FOLDER.path();
    fs_err::write(root.join("gabion.toml"), bytes).unwrap_or_else(|error| panic!("{error}"));
    match gabion::recipe::load(root, None) {
        Ok(project) => drop(gabion::graph::check(&project).map_err(|it| it.to_string())),
        Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
    }
}
