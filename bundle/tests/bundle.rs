//! The bundle against damage, against wrong signers, and against foreign tools.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use gabion_bundle::{
    BundleError, Class, EXTRACTOR, Object, SigningKey, Source, Spec, TrustRoot, assemble, sign_bundle, verify,
};
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const SEED: [u8; 32] = [7; 32];

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32], "test")
}

fn trust(key: &SigningKey) -> TrustRoot {
    TrustRoot::single(&key.public_line().unwrap()).unwrap()
}

fn spec() -> Spec {
    let files = [
        ("content/fetch.a/a.txt", "stones\n"),
        ("content/manifests.m/m.yaml", "kind: Namespace\n"),
        ("lock/gabion.lock", ""),
    ];
    Spec {
        name: "platform".to_owned(),
        platform: "linux/amd64".to_owned(),
        members: files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Source::Bytes(text.as_bytes().to_vec())))
            .collect(),
        objects: vec![Object::Document {
            name: "m".to_owned(),
            member: "content/manifests.m/m.yaml".to_owned(),
        }],
    }
}

/// A signed bundle in memory.
fn signed(spec: &Spec) -> Vec<u8> {
    let mut bytes = Vec::new();
    assemble(spec, &mut bytes).unwrap();
    let mut bundle = Cursor::new(bytes);
    sign_bundle(&mut bundle, &SigningKey::from_seed(&SEED, "test")).unwrap();
    bundle.into_inner()
}

fn check(bytes: &[u8], trust: &TrustRoot) -> Result<(), BundleError> {
    verify(Cursor::new(bytes), trust, true).map(drop)
}

fn has(tool: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap().status.success();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tool} is missing");
        eprintln!("skipped: a check with {tool} (needs {tool})");
    }
    found
}

#[test]
fn the_same_content_is_the_same_file_and_the_digest_is_that_of_release() {
    let (first, second) = (signed(&spec()), signed(&spec()));
    assert_eq!(first, second);
    let verified = verify(Cursor::new(&first), &trust(&key(7)), true).unwrap();
    let release_size = first[512..].iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(verified.digest, gabion_digest::Sha256::of(&first[512..512 + release_size]));
    assert_eq!(verified.size, first.len() as u64);
}

#[test]
fn flipping_any_byte_is_noticed() {
    let good = signed(&spec());
    let trust = trust(&key(7));
    check(&good, &trust).unwrap();
    let mut bytes = good.clone();
    for at in 0..bytes.len() {
        // Inside the long run of newlines of the slot every byte is like its neighbours.
        if (8_000..60_000).contains(&at) && at % 97 != 0 {
            continue;
        }
        for flip in [1, 0x80] {
            bytes[at] ^= flip;
            let error = check(&bytes, &trust).expect_err(&format!("byte {at} flipped by {flip}"));
            assert_ne!(error.class(), Class::Other, "byte {at}: {error}");
            bytes[at] ^= flip;
        }
    }
    assert_eq!(bytes, good);
}

#[test]
fn a_cut_or_longer_file_is_refused() {
    let good = signed(&spec());
    let trust = trust(&key(7));
    for size in (0..good.len()).step_by(512) {
        assert_eq!(check(&good[..size], &trust).unwrap_err().class(), Class::Integrity, "{size} bytes");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(check(&longer, &trust).unwrap_err().class(), Class::Integrity);
}

#[test]
fn who_signed_decides() {
    let mut bytes = Vec::new();
    assemble(&spec(), &mut bytes).unwrap();
    assert!(matches!(check(&bytes, &trust(&key(7))), Err(BundleError::Unsigned)));
    let mut bundle = Cursor::new(bytes);
    sign_bundle(&mut bundle, &key(8)).unwrap();
    let stranger = check(bundle.get_ref(), &trust(&key(7))).unwrap_err();
    assert!(matches!(&stranger, BundleError::Untrusted { found: 0, needed: 1, .. }), "{stranger}");
    assert!(stranger.help().unwrap().contains(&key(8).fingerprint()));
    sign_bundle(&mut bundle, &key(7)).unwrap();
    check(bundle.get_ref(), &trust(&key(7))).unwrap();
    check(bundle.get_ref(), &trust(&key(8))).unwrap();
}

#[test]
fn a_threshold_counts_keys_not_signatures_and_a_revoked_key_counts_for_nothing() {
    let mut root = trust(&key(7));
    root.keys.extend(trust(&key(8)).keys);
    root.threshold = 2;
    let root = TrustRoot::parse(&root.to_text()).unwrap();
    let mut bundle = Cursor::new(signed(&spec()));
    sign_bundle(&mut bundle, &key(7)).unwrap();
    assert!(matches!(
        check(bundle.get_ref(), &root),
        Err(BundleError::Untrusted { found: 1, needed: 2, .. })
    ));
    sign_bundle(&mut bundle, &key(8)).unwrap();
    check(bundle.get_ref(), &root).unwrap();
    let mut revoked = root.clone();
    revoked.threshold = 1;
    revoked.keys.get_mut(&key(8).fingerprint()).unwrap().revoked = true;
    check(bundle.get_ref(), &revoked).unwrap();
    revoked.keys.remove(&key(7).fingerprint());
    assert!(TrustRoot::parse(&revoked.to_text()).is_err(), "one signature of no usable key");
}

#[test]
fn a_signature_over_another_release_is_refused_even_beside_a_good_one() {
    let good = signed(&spec());
    let mut other = spec();
    other.name = "other".to_owned();
    let mut foreign = Cursor::new(signed(&other));
    sign_bundle(&mut foreign, &key(8)).unwrap();
    // `RELEASE` of both has the same size, so the slots lie at the same place.
    let release = good[512..].iter().position(|byte| *byte == 0).unwrap();
    let slot = 512 + release.div_ceil(512) * 512 + 512;
    let mut mixed = good;
    let foreign = foreign.into_inner();
    let foreign_release = foreign[512..].iter().position(|byte| *byte == 0).unwrap();
    let foreign_slot = 512 + foreign_release.div_ceil(512) * 512 + 512;
    mixed[slot..slot + 65_536].copy_from_slice(&foreign[foreign_slot..foreign_slot + 65_536]);
    assert!(matches!(check(&mixed, &trust(&key(7))), Err(BundleError::Signature(_))));
}

#[test]
fn a_medium_that_changes_after_verification_is_noticed_at_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.gabion");
    let bytes = signed(&spec());
    fs_err::write(&path, &bytes).unwrap();
    let file = fs_err::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut verified = verify(&file, &trust(&key(7)), false).unwrap();
    let mut out = Vec::new();
    verified.copy_member("content/fetch.a/a.txt", &mut out).unwrap();
    assert_eq!(out, b"stones\n");
    let at = bytes.windows(7).position(|it| it == b"stones\n").unwrap();
    let mut changed = bytes;
    changed[at] = b'S';
    fs_err::write(&path, &changed).unwrap();
    out.clear();
    let error = verified.copy_member("content/fetch.a/a.txt", &mut out).unwrap_err();
    assert_eq!((error.kind(), out.len()), (std::io::ErrorKind::InvalidData, 0));
}

#[test]
fn paths_that_a_tool_could_misread_cannot_go_in() {
    for path in ["../x", "/x", "-x", "a//b", "a/./b", "a b", "a\nb", "RELEASE", "bundle.json"] {
        let mut spec = spec();
        spec.members.push((path.to_owned(), Source::Bytes(Vec::new())));
        assert!(matches!(assemble(&spec, &mut Vec::new()), Err(BundleError::Content { .. })), "{path}");
    }
}

fn run(folder: &Path, program: &str, args: &[&str], stdin: Option<&Path>) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    if let Some(stdin) = stdin {
        command.stdin(Stdio::from(fs_err::File::open(stdin).unwrap().into_file()));
    }
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn tar_sha256sum_and_ssh_keygen_are_enough_to_check_a_bundle() {
    if !(has("tar") && has("sha256sum") && has("ssh-keygen")) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs_err::write(at.join("p.gabion"), signed(&spec())).unwrap();
    fs_err::write(at.join("allowed"), trust(&key(7)).allowed_signers()).unwrap();
    assert_eq!(run(at, "tar", &["-xf", "p.gabion"], None), (true, String::new()));
    let (good, text) = run(at, "sha256sum", &["--strict", "-c", "RELEASE"], None);
    assert!(good, "{text}");
    let verify =
        ["-Y", "verify", "-f", "allowed", "-I", "release", "-n", "gabion-release-v1", "-s", "RELEASE.sig"];
    let (good, text) = run(at, "ssh-keygen", &verify, Some(&at.join("RELEASE")));
    assert!(good, "{text}");
    let (good, _) = run(at, "ssh-keygen", &verify, Some(&at.join("bundle.json")));
    assert!(!good);
}

#[test]
fn a_signature_made_by_ssh_keygen_is_accepted_and_its_key_can_be_loaded() {
    if !has("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (made, text) =
        run(at, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "open sesame", "-f", "key"], None);
    assert!(made, "{text}");
    let wrong = SigningKey::load(&at.join("key"), &mut || Some("no".to_owned())).unwrap_err();
    assert!(wrong.to_string().contains("passphrase is wrong"), "{wrong}");
    let theirs = SigningKey::load(&at.join("key"), &mut || Some("open sesame".to_owned())).unwrap();
    let root = TrustRoot::single(&fs_err::read_to_string(at.join("key.pub")).unwrap()).unwrap();
    let mut bundle = Cursor::new(signed(&spec()));
    sign_bundle(&mut bundle, &theirs).unwrap();
    check(bundle.get_ref(), &root).unwrap();
    run(at, "chmod", &["644", "key"], None);
    let open = SigningKey::load(&at.join("key"), &mut || None).unwrap_err();
    assert!(open.to_string().contains("others can read it"), "{open}");

    // And one that ssh-keygen itself made over RELEASE.
    run(at, "chmod", &["600", "key"], None);
    run(at, "ssh-keygen", &["-p", "-q", "-P", "open sesame", "-N", "", "-f", "key"], None);
    let bytes = signed(&spec());
    let size = bytes[512..].iter().position(|byte| *byte == 0).unwrap();
    fs_err::write(at.join("RELEASE"), &bytes[512..512 + size]).unwrap();
    let (made, text) =
        run(at, "ssh-keygen", &["-Y", "sign", "-f", "key", "-n", "gabion-release-v1", "RELEASE"], None);
    assert!(made, "{text}");
    let armored = fs_err::read(at.join("RELEASE.sig")).unwrap();
    let slot = 512 + size.div_ceil(512) * 512 + 512;
    let mut bytes = bytes;
    bytes[slot..slot + 65_536].fill(b'\n');
    (&mut bytes[slot..]).write_all(&armored).unwrap();
    check(&bytes, &root).unwrap();
}

#[test]
fn the_reference_extractor_unpacks_a_good_bundle_and_refuses_a_damaged_one() {
    if !has("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let good = signed(&spec());
    fs_err::write(at.join("p.gabion"), &good).unwrap();
    fs_err::write(at.join("extract.py"), EXTRACTOR).unwrap();
    let (unpacked, text) = run(at, "python3", &["extract.py", "p.gabion", "out"], None);
    let digest = verify(Cursor::new(&good), &trust(&key(7)), false).unwrap().digest;
    assert_eq!((unpacked, text.trim_end()), (true, format!("bundle {digest}").as_str()));
    assert_eq!(fs_err::read(at.join("out/content/fetch.a/a.txt")).unwrap(), b"stones\n");
    let mut bad = good.clone();
    let place = bad.windows(7).position(|it| it == b"stones\n").unwrap();
    bad[place] = b'S';
    fs_err::write(at.join("p.gabion"), &bad).unwrap();
    let (unpacked, text) = run(at, "python3", &["extract.py", "p.gabion", "bad"], None);
    assert!(!unpacked && text.contains("damaged: content/fetch.a/a.txt"), "{text}");
}

#[test]
fn members_of_several_pieces_are_checked_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big");
    let bytes: Vec<u8> = (0..40_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs_err::write(&path, &bytes).unwrap();
    let hashed = gabion_digest::hash_bytes(&bytes);
    let source =
        Source::File { path: path.clone(), size: hashed.size, blob: hashed.blob, sha256: hashed.sha256 };
    let mut spec = spec();
    spec.members.push(("content/fetch.big/big".to_owned(), source));
    let good = signed(&spec);
    let mut verified = verify(Cursor::new(&good), &trust(&key(7)), true).unwrap();
    assert_eq!(verified.manifest().member("content/fetch.big/big").unwrap().pieces.len(), 3);
    let mut out = Vec::new();
    verified.copy_member("content/fetch.big/big", &mut out).unwrap();
    assert!(out == bytes);
    let mut bad = good.clone();
    let last = bad.len() - 2_000;
    bad[last] ^= 1;
    assert_eq!(check(&bad, &trust(&key(7))).unwrap_err().class(), Class::Integrity);
    // The file changes while the bundle is being made.
    fs_err::write(&path, &bytes[1..]).unwrap();
    assert!(matches!(assemble(&spec, &mut Vec::new()), Err(BundleError::Content { .. })));
}
