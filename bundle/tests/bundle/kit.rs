//! Keys, roots and small bundles.

use gabion_bundle::{
    BundleError, Hosts, Object, Policy, Promotion, Role, SignedPromotion, SigningKey, Source, Spec, Stage,
    Time, TrustRoot, assemble, promote_bundle, read_table, sign_bundle, verify,
};
use gabion_testkit::program;
use std::io::Cursor;
use std::path::Path;
use std::process::Stdio;

/// The present of every test.
pub(crate) const NOW: &str = "2026-11-25T22:00:00Z";

pub(crate) fn at(text: &str) -> Time {
    text.parse().unwrap()
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32], "test")
}

/// A root that knows only `key`, and no promotions.
pub(crate) fn trust(key: &SigningKey) -> TrustRoot {
    TrustRoot::single(&key.public_line().unwrap()).unwrap()
}

/// A root of this version: for each role how many of which keys.
pub(crate) fn root(version: u32, roles: &[(Role, usize, &[u8])]) -> TrustRoot {
    let mut root = trust(&key(roles[0].2[0]));
    root.version = version;
    root.roles.clear();
    for (role, threshold, seeds) in roles {
        for seed in *seeds {
            root.keys.extend(trust(&key(*seed)).keys);
        }
        let keys = seeds.iter().map(|seed| key(*seed).fingerprint()).collect();
        root.roles.insert(*role, gabion_bundle::Quorum { threshold: *threshold, keys });
    }
    TrustRoot::parse(&root.to_text()).unwrap()
}

/// 1 makes roots, 7 releases, 9 promotions.
pub(crate) fn promoters() -> TrustRoot {
    root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[7]), (Role::Promotion, 1, &[9])])
}

pub(crate) fn spec() -> Spec {
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

pub(crate) fn unsigned(spec: &Spec) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    assemble(spec, &mut bytes).unwrap();
    bytes.into_inner()
}

/// A bundle in memory that key 7 signed.
pub(crate) fn signed(spec: &Spec) -> Vec<u8> {
    sign(unsigned(spec), &[7])
}

pub(crate) fn sign(bytes: Vec<u8>, seeds: &[u8]) -> Vec<u8> {
    let mut bundle = Cursor::new(bytes);
    for seed in seeds {
        sign_bundle(&mut bundle, &key(*seed)).unwrap();
    }
    bundle.into_inner()
}

/// What a promoter would say of this bundle: the serial, for the host `prod`.
pub(crate) fn statement(bytes: &[u8], serial: u64) -> Promotion {
    let (release, ..) = read_table(&mut Cursor::new(bytes)).unwrap();
    Promotion {
        bundle: release.digest(),
        name: release.name,
        channel: "production".to_owned(),
        serial,
        hosts: Hosts::parse(["prod"]).unwrap(),
        root_version: 1,
        date: at(NOW),
    }
}

pub(crate) fn promotion(statement: Promotion, seeds: &[u8]) -> SignedPromotion {
    let mut signed = SignedPromotion::new(statement).unwrap();
    for seed in seeds {
        signed.sign(&key(*seed)).unwrap();
    }
    signed
}

pub(crate) fn promote(bytes: Vec<u8>, promotion: &SignedPromotion) -> Vec<u8> {
    let mut bundle = Cursor::new(bytes);
    promote_bundle(&mut bundle, promotion).unwrap();
    bundle.into_inner()
}

/// A bundle that 7 signed and 9 promoted.
pub(crate) fn promoted(spec: &Spec, serial: u64) -> Vec<u8> {
    let bytes = signed(spec);
    let promotion = promotion(statement(&bytes, serial), &[9]);
    promote(bytes, &promotion)
}

/// What `bundle verify --full` asks.
pub(crate) fn looking(root: &TrustRoot) -> Policy<'_> {
    Policy { full: true, ..Policy::new(root, at(NOW), Stage::Look) }
}

pub(crate) fn check(bytes: &[u8], root: &TrustRoot) -> Result<(), BundleError> {
    verify(Cursor::new(bytes), &looking(root)).map(drop)
}

/// Where the content of the slot begins.
pub(crate) fn slot_at(bytes: &[u8]) -> usize {
    512 + release_of(bytes).len().div_ceil(512) * 512 + 512
}

/// The bytes of `RELEASE`.
pub(crate) fn release_of(bytes: &[u8]) -> &[u8] {
    &bytes[512..512 + bytes[512..].iter().position(|byte| *byte == 0).unwrap()]
}

/// The same bundle with this text in its slot.
pub(crate) fn with_slot(bytes: &[u8], text: &[u8]) -> Vec<u8> {
    let (mut bytes, slot) = (bytes.to_vec(), slot_at(bytes));
    bytes[slot..slot + 65_536].fill(b'\n');
    bytes[slot..slot + text.len()].copy_from_slice(text);
    bytes
}

/// The same bundle with this change of `bundle.json`, which keeps its size, in both tables; 7 signs again.
pub(crate) fn with_table(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (mut release, _, manifest) = read_table(&mut Cursor::new(bytes)).unwrap();
    let (old, at) = (manifest.to_text(), slot_at(bytes) + 65_536 + 512);
    let new = old.replacen(from, to, 1);
    assert!(new != old && new.len() == old.len(), "{from} {to}");
    release.manifest = gabion_digest::Digest::of(new.as_bytes());
    release.members.insert("bundle.json".to_owned(), gabion_digest::Sha256::of(new.as_bytes()));
    let mut bytes = with_slot(bytes, b"");
    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    let text = release.to_string();
    bytes[512..512 + text.len()].copy_from_slice(text.as_bytes());
    sign(bytes, &[7])
}

/// Whether a program does what it is asked, and all that it says.
pub(crate) fn run(folder: &Path, name: &str, args: &[&str], stdin: Option<&Path>) -> (bool, String) {
    let mut command = program(name);
    command.args(args).current_dir(folder);
    if let Some(stdin) = stdin {
        command.stdin(Stdio::from(fs_err::File::open(stdin).unwrap().into_file()));
    }
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// `ssh-keygen -Y verify` of `file` as `role`.
pub(crate) fn keygen_verifies(folder: &Path, role: Role, signature: &str, file: &str) -> (bool, String) {
    let args = ["-Y", "verify", "-f", "allowed", "-I", role.name(), "-n", role.namespace(), "-s", signature];
    run(folder, "ssh-keygen", &args, Some(&folder.join(file)))
}
