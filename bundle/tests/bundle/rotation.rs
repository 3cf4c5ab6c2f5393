//! From one trust root to the next.

use crate::kit::{check, key, keygen_verifies, looking, root, run, sign, spec, unsigned};
use gabion_bundle::{BundleError, Revoked, Role, Source, Spec, TrustRoot, sign_root, verify};
use gabion_testkit::has;
use std::io::Cursor;

/// Root 1 is of keys 1 and 2 of three, root 2 of 4 and 5 of three, root 3 again of others; releases are
/// of 10 + the version.
fn roots() -> [TrustRoot; 3] {
    let root = |version, keys: &[u8], release: u8| {
        root(version, &[(Role::Root, 2, keys), (Role::Release, 1, &[release])])
    };
    [root(1, &[1, 2, 3], 11), root(2, &[3, 4, 5], 12), root(3, &[5, 6, 7], 13)]
}

fn signatures(root: &TrustRoot, seeds: &[u8]) -> String {
    seeds.iter().fold(String::new(), |before, seed| sign_root(&root.to_text(), &before, &key(*seed)).unwrap())
}

/// A bundle with this chain, signed by the release key of root 3.
fn bundle(chain: &[(u32, &TrustRoot, &[u8])]) -> Vec<u8> {
    let mut spec = spec();
    let mut add = |path: String, text: String| spec.members.push((path, Source::Bytes(text.into_bytes())));
    for (version, root, seeds) in chain {
        add(format!("trust/root.{version}.json"), root.to_text());
        add(format!("trust/root.{version}.json.sig"), signatures(root, seeds));
    }
    sign(unsigned(&spec), &[13])
}

fn chain_error(bytes: &[u8], root: &TrustRoot) -> String {
    match check(bytes, root).unwrap_err() {
        error @ BundleError::Chain { .. } => error.to_string(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_chain_leads_from_the_given_root_to_the_newest() {
    let [one, two, three] = roots();
    let bytes = bundle(&[(2, &two, &[1, 3, 4]), (3, &three, &[3, 5, 6])]);
    for root in [&one, &two, &three] {
        let verified = verify(Cursor::new(&bytes), &looking(root)).unwrap();
        assert_eq!((verified.root, verified.signers), (three.clone(), vec![key(13).fingerprint()]));
    }
    // The keys of an older root no longer count.
    let old = sign(bytes, &[11]);
    let verified = verify(Cursor::new(&old), &looking(&one)).unwrap();
    assert_eq!(verified.signers, [key(13).fingerprint()]);
}

#[test]
fn a_root_needs_enough_keys_of_the_old_and_of_the_new() {
    let [one, two, _] = roots();
    let check = |seeds: &[u8]| chain_error(&bundle(&[(2, &two, seeds)]), &one);
    assert!(check(&[4, 5]).contains("by the rules of root 1, 0 of 2"), "{}", check(&[4, 5]));
    assert!(check(&[3, 4, 5]).contains("by the rules of root 1, 1 of 2"));
    assert!(check(&[1, 2]).contains("by the rules of root 2, 0 of 2"));
    assert!(check(&[1, 2, 3]).contains("by the rules of root 2, 1 of 2"));
    assert!(check(&[3, 3, 4]).contains("by the rules of root 1, 1 of 2"));
    // Release keys make no roots.
    assert!(check(&[11, 12]).contains("by the rules of root 1, 0 of 2"));
}

#[test]
fn a_gap_a_rollback_a_missing_signature_and_a_foreign_chain_are_refused() {
    let [one, two, three] = roots();
    assert!(chain_error(&bundle(&[(3, &three, &[3, 5, 6])]), &one).contains("trust root 2"), "a gap");
    // A root that calls itself older than its name.
    let error = chain_error(&bundle(&[(2, &two, &[1, 3, 4]), (3, &two, &[3, 4])]), &one);
    assert!(error.contains("calls itself 2"), "{error}");
    let unsigned_root = |path: &str, text: String| {
        let mut spec = spec();
        spec.members.push((path.to_owned(), Source::Bytes(text.into_bytes())));
        sign(unsigned(&spec), &[12])
    };
    let error = chain_error(&unsigned_root("trust/root.2.json", two.to_text()), &one);
    assert!(error.contains("it is not signed"), "{error}");
    let stranger = root(1, &[(Role::Root, 1, &[50]), (Role::Release, 1, &[12])]);
    let error = chain_error(&bundle(&[(2, &two, &[1, 3, 4])]), &stranger);
    assert!(error.contains("by the rules of root 1"), "{error}");
    // Names that only look like the chain are ordinary files.
    for path in ["trust/root.02.json", "trust/root.json", "trust/root.x.json", "trust/a/root.2.json"] {
        let error = check(&unsigned_root(path, two.to_text()), &one).unwrap_err();
        assert!(matches!(error, BundleError::Untrusted { .. }), "{path}: {error}");
    }
}

#[test]
fn a_changed_root_and_a_signature_over_another_one_are_refused() {
    let [one, two, three] = roots();
    let with = |text: String, signatures: String| {
        let mut spec: Spec = spec();
        spec.members.push(("trust/root.2.json".to_owned(), Source::Bytes(text.into_bytes())));
        spec.members.push(("trust/root.2.json.sig".to_owned(), Source::Bytes(signatures.into_bytes())));
        chain_error(&sign(unsigned(&spec), &[12]), &one)
    };
    let good = signatures(&two, &[1, 3, 4]);
    assert!(with(two.to_text() + "\n", good.clone()).contains("is over other bytes"));
    assert!(with(two.to_text(), signatures(&three, &[1, 3, 4])).contains("is over other bytes"));
    assert!(with(two.to_text(), format!("{good}\n")).contains("behind its signatures"));
    let release = key(1).sign(Role::Release.namespace(), two.to_text().as_bytes()).unwrap();
    let release = release.to_pem(ssh_key::LineEnding::LF).unwrap();
    assert!(with(two.to_text(), good + &release).contains("for another purpose"));
    assert!(
        sign_root(&two.to_text(), &signatures(&three, &[1]), &key(3)).is_err(),
        "signs beside nothing wrong"
    );
}

#[test]
fn a_lost_key_signs_its_own_end_and_counts_no_more() {
    let old = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[1])]);
    let mut new = root(2, &[(Role::Root, 1, &[1, 2]), (Role::Release, 1, &[1, 13])]);
    new.keys.get_mut(&key(1).fingerprint()).unwrap().revoked = Revoked::Flag(true);
    let new = TrustRoot::parse(&new.to_text()).unwrap();
    let bytes = bundle(&[(2, &new, &[1, 2])]);
    check(&bytes, &old).unwrap();
    // Only its own word: by the rules of the new root it is nobody's.
    assert!(chain_error(&bundle(&[(2, &new, &[1])]), &old).contains("by the rules of root 2"));
    let mut spec = spec();
    spec.members.push(("trust/root.2.json".to_owned(), Source::Bytes(new.to_text().into_bytes())));
    let both = signatures(&new, &[1, 2]);
    spec.members.push(("trust/root.2.json.sig".to_owned(), Source::Bytes(both.into_bytes())));
    let stolen = sign(unsigned(&spec), &[1]);
    assert!(matches!(check(&stolen, &old), Err(BundleError::Untrusted { role: Role::Release, .. })));
}

#[test]
fn ssh_keygen_signs_and_verifies_roots() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(run(at, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "theirs"], None).0);
    let theirs = fs_err::read_to_string(at.join("theirs.pub")).unwrap();
    let one = TrustRoot::single(&theirs).unwrap();
    let mut two = root(2, &[(Role::Root, 1, &[2]), (Role::Release, 1, &[13])]);
    two.keys.extend(one.keys.clone());
    fs_err::write(at.join("root.2.json"), two.to_text()).unwrap();
    let (made, text) =
        run(at, "ssh-keygen", &["-Y", "sign", "-f", "theirs", "-n", "gabion-root-v1", "root.2.json"], None);
    assert!(made, "{text}");
    let foreign = fs_err::read_to_string(at.join("root.2.json.sig")).unwrap();
    let both = sign_root(&two.to_text(), &foreign, &key(2)).unwrap();
    let next =
        gabion_bundle::next_root(&one, &two.to_text(), &both, crate::kit::at(crate::kit::NOW)).unwrap();
    assert_eq!(next, two);
    // The other way round: ours, read by ssh-keygen, and only for this purpose.
    fs_err::write(at.join("ours.sig"), signatures(&two, &[2])).unwrap();
    fs_err::write(at.join("allowed"), two.allowed_signers()).unwrap();
    let (good, text) = keygen_verifies(at, Role::Root, "ours.sig", "root.2.json");
    assert!(good, "{text}");
    assert!(!keygen_verifies(at, Role::Release, "ours.sig", "root.2.json").0);
}
