//! Every parser of foreign bytes, as a function that takes any bytes and may only panic where we are wrong.
//!
//! What a parser accepts must be readable again from what it writes. Used by the fuzzer (`fuzz_targets/`)
//! and, with mutations of the seeds, by `tests/e2e/fuzz_smoke.rs`.

use gabion_apt::{Candidates, DebError, DebReader, EntryKind, Keyring, Signers, Wish};
use gabion_bundle::{
    Floor, Manifest, Policy, Promotion, Release, SignedPromotion, Slot, Stage, Time, TrustRoot,
};
use gabion_cache::{Judge, Key, Signer, Slot as CacheSlot, Statement};
use gabion_digest::{Digest, RequestId};
use gabion_git::{Capabilities, Kind, ObjectId, Objects, PackStream, RefName};
use gabion_helm::{Constraint, Provenance, RepositoryIndex, Version, read_chart};
use gabion_layer::Below;
use gabion_lockfile::{AptLock, Lock};
use gabion_oci::compose::{self, BaseImage, Settings};
use gabion_oci::{Document, Index, Manifest as ImageManifest, MediaType, Reference, challenges};
use gabion_store::Tree;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::LazyLock;

#[path = "targets/charts.rs"]
mod charts;
#[path = "targets/host.rs"]
mod host;
#[path = "targets/kube.rs"]
mod kube;

/// A target: its name, which is also the folder of its seeds, and the function.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: [Target; 42] = [
    ("lock", lock),
    ("apt_lock", apt_lock),
    ("apt_keyring", apt_keyring),
    ("apt_signed", apt_signed),
    ("apt_release", apt_release),
    ("apt_packages", apt_packages),
    ("apt_unpack", apt_unpack),
    ("deb", deb),
    ("bundle", bundle),
    ("bundle_release", bundle_release),
    ("bundle_manifest", bundle_manifest),
    ("bundle_promotion", bundle_promotion),
    ("trust_root", trust_root),
    ("helm_index", helm_index),
    ("helm_chart", helm_chart),
    ("helm_version", helm_version),
    ("helm_provenance", helm_provenance),
    ("oci_document", oci_document),
    ("oci_signature", oci_signature),
    ("layer", layer),
    ("oci_reference", oci_reference),
    ("oci_challenge", oci_challenge),
    ("git_capabilities", git_capabilities),
    ("git_refs", git_refs),
    ("git_fetch", git_fetch),
    ("store_tree", store_tree),
    ("recipe", recipe),
    ("oci_config", oci_config),
    ("yaml", charts::yaml),
    ("template", charts::template),
    ("chart", charts::chart),
    ("kube", kube::documents_of),
    ("kube_rules", kube::rules),
    ("kube_pattern", kube::pattern),
    ("kube_images", kube::lists),
    ("bundle_packages", host::packages),
    ("dpkg_status", host::dpkg_status),
    ("wire_reads", host::wire_reads),
    ("wire_serves", host::wire_serves),
    ("artifact_question", host::artifact_question),
    ("cache_statement", cache_statement),
    ("cache_record", cache_record),
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

/// What a package unpacks to stays below the root, whatever it says.
fn deb(bytes: &[u8]) {
    let inside = |path: &[u8]| {
        let parts = path.split(|it| *it == b'/');
        assert!(parts.into_iter().all(|it| !matches!(it, b"" | b"." | b"..")), "{}", path.escape_ascii());
    };
    // A few bytes can say that they are gigabytes.
    let mut left: u64 = 1 << 20;
    let Ok(reader) = DebReader::open(bytes) else { return };
    let _refused = reader.unpack(|entry, content| {
        inside(&entry.path);
        if let EntryKind::HardLink(target) = &entry.kind {
            inside(target);
        }
        let read = std::io::copy(&mut std::io::Read::take(content, left), &mut std::io::sink())?;
        left -= read;
        if left == 0 { Err(DebError::Format("too much".to_owned())) } else { Ok(()) }
    });
}

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

/// `NAME.promotion`, and the statement in it.
fn bundle_promotion(bytes: &[u8]) {
    if let Some(promotion) = Promotion::parse(text(bytes)) {
        assert_eq!(promotion.to_string(), text(bytes));
    }
    if let Ok(signed) = SignedPromotion::parse(text(bytes)) {
        assert_eq!(signed.to_text().ok().as_deref(), Some(text(bytes)));
    }
}

/// `trust/root.json`.
fn trust_root(bytes: &[u8]) {
    if let Ok(root) = TrustRoot::parse(text(bytes)) {
        assert_eq!(TrustRoot::parse(&root.to_text()).ok().as_ref(), Some(&root));
    }
}

/// The index of a repository of charts, and every address in it.
fn helm_index(bytes: &[u8]) {
    let Ok(index) = RepositoryIndex::parse(bytes) else { return };
    let any = Constraint::any();
    for (name, versions) in index.entries() {
        if let Ok(chosen) = index.choose(name, &any) {
            assert!(versions.contains(chosen));
        }
        for version in versions {
            let _digest = version.sha256();
            let urls = version.urls("https://up.example/charts?token=x").unwrap_or_default();
            assert!(urls.iter().all(|it| ["http:", "https:", "oci:"].iter().any(|to| it.starts_with(to))));
        }
    }
}

/// A packed chart; also from plain members, as one stored block, so that changes reach what lies behind gzip.
fn helm_chart(bytes: &[u8]) {
    let limits = gabion_helm::Limits { unpacked: UNPACKED, file: UNPACKED / 4, members: 100 };
    for packed in [bytes.to_vec(), stored(bytes)] {
        if let Ok(chart) = read_chart(packed.as_slice(), &limits) {
            assert!(chart.values.as_ref().is_none_or(|it| it.len() as u64 <= limits.file));
            assert!(chart.missing().all(|it| !chart.vendors(it)));
        }
        if let Ok(tree) = gabion_helm::load_chart(packed.as_slice(), &limits) {
            assert!(tree.templates.keys().all(|it| it.starts_with("templates/")));
        }
    }
}

/// `bytes` as gzip without compression (RFC 1952, RFC 1951 §3.2.4).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    let length = bytes.len() as u16;
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    [&head[..], &lengths, bytes, &crc32(bytes).to_le_bytes(), &u32::from(length).to_le_bytes()].concat()
}

/// The checksum of gzip (RFC 1952 §8).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A range of versions in the first line, and versions in the others.
fn helm_version(bytes: &[u8]) {
    let mut lines = text(bytes).lines();
    let wanted = lines.next().unwrap_or_default().parse::<Constraint>();
    for version in lines.filter_map(|line| line.parse::<Version>().ok()) {
        let again = version.normal().parse::<Version>();
        assert_eq!(again.ok().as_ref(), Some(&version), "`{}`", version.as_str());
        if let Ok(wanted) = &wanted {
            let _either = wanted.allows(&version);
        }
    }
}

/// A `.prov`: it covers nothing but what the demo's archive signed.
fn helm_provenance(bytes: &[u8]) {
    let pinned = KEYS.fingerprints();
    let by = Signers { pinned: &pinned, needed: 1, now: 2_000_000_000 };
    if let Ok(provenance) = Provenance::verify(bytes, &KEYS, &by) {
        assert_eq!(provenance.signers(), pinned);
        let packed = include_bytes!("seeds/helm_chart/pax.tgz");
        let chart = read_chart(&packed[..], &gabion_helm::Limits::default());
        let chart = chart.unwrap_or_else(|error| panic!("{error}"));
        let file = chart.meta.file_name();
        let covers = |bytes: &[u8]| provenance.covers(&file, gabion_digest::Sha256::of(bytes), &chart.meta);
        assert!(covers(packed).is_ok() && covers(bytes).is_err());
    }
}

/// An index or a manifest, with what a reply says that it is and without.
fn oci_document(bytes: &[u8]) {
    let kinds = MediaType::DOCUMENTS.map(MediaType::from_content_type);
    let all = kinds.iter().map(Option::as_ref).chain([None]);
    let parsed = all.map(|kind| Document::parse(bytes.to_vec(), kind));
    for document in parsed.chain([Document::reopen(bytes.to_vec())]).filter_map(Result::ok) {
        assert_eq!(document.digest(), gabion_digest::Sha256::of(bytes));
        match document {
            Document::Index(index) => oci_index(&index, bytes),
            Document::Manifest(manifest) => oci_manifest(&manifest, bytes),
        }
    }
}

fn oci_index(index: &Index, bytes: &[u8]) {
    assert_eq!(index.bytes(), bytes);
    if let Ok(chosen) = "linux/amd64".parse().map(|wanted| index.choose(&wanted).cloned()) {
        // Only other bytes have this digest.
        assert!(chosen.is_err() || chosen.is_ok_and(|it| it.open(bytes.to_vec()).is_err()));
    }
}

fn oci_manifest(manifest: &ImageManifest, bytes: &[u8]) {
    assert_eq!(manifest.bytes(), bytes);
    assert_eq!(manifest.blobs().count(), 1 + manifest.layers().len());
    assert!(manifest.chart().is_none_or(|it| manifest.layers().contains(it.chart)));
}

/// The configuration of a base: what is made of it is one again.
fn oci_config(bytes: &[u8]) {
    let Ok(Document::Manifest(manifest)) = Document::reopen(compose::manifest(bytes, &[])) else {
        panic!("our own manifest is none");
    };
    let platform = "linux/amd64".parse().unwrap_or_else(|error| panic!("{error}"));
    let Ok(base) = BaseImage::read(&manifest, bytes, &platform) else { return };
    let own = compose::config(Some(&base), &platform, &[], &Settings::default(), 0);
    let again = Document::reopen(compose::manifest(&own, &[]));
    let Ok(Document::Manifest(again)) = again else { panic!("our own manifest is none") };
    assert!(BaseImage::read(&again, &own, &platform).is_ok());
}

/// The name of an image.
fn oci_reference(bytes: &[u8]) {
    if let Ok(reference) = text(bytes).trim_end().parse::<Reference>() {
        assert_eq!(reference.to_string().parse().as_ref(), Ok(&reference));
    }
}

/// `WWW-Authenticate`.
fn oci_challenge(bytes: &[u8]) {
    for challenge in challenges(text(bytes)).unwrap_or_default() {
        assert!(!challenge.scheme.is_empty());
        assert_eq!(challenge.scheme, challenge.scheme.to_ascii_lowercase());
    }
}

/// What a git server says that it can do.
fn git_capabilities(bytes: &[u8]) {
    let (Ok(server), Ok(name)) = (Capabilities::read(bytes), RefName::new("v1")) else { return };
    assert!(name.request(&server).ends_with(b"0000"));
    assert!(gabion_git::fetch_request(&server, ObjectId::from_bytes([1; 20])).ends_with(b"0000"));
}

/// The references of a git server.
fn git_refs(bytes: &[u8]) {
    for name in ["HEAD", "main", "v1", "refs/tags/light"] {
        let name = RefName::new(name).unwrap_or_else(|error| panic!("{error}"));
        let _commit = name.choose(bytes);
    }
}

/// A reply with a pack, and the archive of each commit in it.
fn git_fetch(bytes: &[u8]) {
    let limits = gabion_git::Limits { count: 100, object: UNPACKED / 4, total: UNPACKED };
    let Ok(stream) = PackStream::open(bytes) else { return };
    let Ok(mut objects) = Objects::read(stream, Cursor::new(Vec::new()), limits) else { return };
    let ids: Vec<ObjectId> = objects.ids().copied().collect();
    for id in ids {
        let (kind, size) = objects.get(&id).unwrap_or_else(|| panic!("{id} is listed"));
        assert!(size <= limits.object);
        let written = objects.write_archive(id, std::io::sink());
        assert!(written.is_err() || kind == Kind::Commit);
    }
}

/// The manifest of a tree in the store.
fn store_tree(bytes: &[u8]) {
    if let Some(tree) = Tree::parse(text(bytes)) {
        assert_eq!(tree.to_text(), text(bytes));
    }
}

/// What a record of a cache says.
fn cache_statement(bytes: &[u8]) {
    if let Some(statement) = Statement::parse(text(bytes)) {
        assert_eq!(statement.to_text().as_deref(), Some(text(bytes)));
        assert!(statement.blobs().len() <= bytes.len());
    }
    if let Some(slot) = CacheSlot::of_path(text(bytes)) {
        assert_eq!(slot.path(), text(bytes));
    }
}

/// A signed record in the slot of the key of the seed: only what that key signed may come out.
fn cache_record(bytes: &[u8]) {
    let signed = include_str!("seeds/cache_statement/closure");
    let key = gabion_keys::SigningKey::from_seed(&[1; 32], "seed");
    let slot = CacheSlot {
        namespace: gabion_cache::Namespace::default(),
        key: Key::Closure(RequestId::new(Digest::of(b"top"))),
        signer: key.id().map_or_else(|| panic!("an Ed25519 key"), Signer::from),
    };
    if let Ok(statement) = Judge::default().open("seed", &slot, bytes) {
        assert_eq!(statement.to_text().as_deref(), Some(signed), "other words under the same signature");
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

/// What cosign signs, and the key that it is checked with.
fn oci_signature(bytes: &[u8]) {
    if let Ok(digest) = gabion_oci::cosign::signed_digest(bytes) {
        assert!(text(bytes).contains(&digest.to_string()), "a digest that nobody signed");
    }
    if let Ok(key) = gabion_oci::cosign::PublicKey::parse(bytes) {
        assert_eq!((key.point().len(), key.point()[0]), (65, 4));
    }
}

/// A layer of a base, whose folders and links are read.
fn layer(bytes: &[u8]) {
    // A few bytes can say that they are gigabytes.
    let Ok(tar) = gabion_layer::unpacked(bytes) else { return };
    let mut below = Below::default();
    if below.add(std::io::Read::take(tar, 1 << 20)).is_ok() {
        assert!([&b""[..], b"..", b"/", b"."].into_iter().all(|path| below.get(path).is_none()));
    }
}
