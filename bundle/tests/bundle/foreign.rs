//! Tools that know nothing of gabion, as readers and as writers.

use crate::kit::{
    check, key, keygen_verifies, looking, promote, promoted, promoters, promotion, release_of, root, run,
    signed, spec, statement, trust, with_slot,
};
use gabion_bundle::{
    BY_HAND, EXTRACTOR, KeyInfo, Role, Secret, SignedPromotion, SigningKey, TrustRoot, public_path,
    sign_bundle, verify,
};
use gabion_testkit::has;
use std::io::Cursor;

/// Runs every command of the text that travels in the bundle.
#[test]
fn the_commands_that_travel_in_a_bundle_are_enough_to_check_it() {
    if !has(&["tar", "sha256sum", "ssh-keygen", "sed"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let commands: String = BY_HAND
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .fold(String::from("set -e\n"), |all, line| {
            all + &line.replace("BUNDLE", "p.gabion").replace("FOLDER", "out") + "\n"
        });
    let commands = commands.replace("ALLOWED_SIGNERS", "../allowed");
    assert!(commands.matches("ssh-keygen").count() == 2, "{commands}");
    let by_hand = |bytes: &[u8], allowed: &TrustRoot| {
        let _gone = fs_err::remove_dir_all(at.join("out"));
        fs_err::create_dir(at.join("out")).unwrap();
        fs_err::write(at.join("p.gabion"), bytes).unwrap();
        fs_err::write(at.join("allowed"), allowed.allowed_signers()).unwrap();
        run(at, "sh", &["-c", &commands], None)
    };
    let good = promoted(&spec(), 1);
    let (passed, text) = by_hand(&good, &promoters());
    assert!(passed && text.matches("Good \"").count() == 2, "{text}");
    let digest = verify(Cursor::new(&good), &looking(&promoters())).unwrap().digest;
    assert!(text.contains(&digest.hex()), "{text}");
    assert!(fs_err::read_to_string(at.join("out/PROMOTION")).unwrap().contains(&digest.to_string()));
    let place = good.windows(7).position(|it| it == b"stones\n").unwrap();
    let mut damaged = good.clone();
    damaged[place] = b'S';
    assert!(!by_hand(&damaged, &promoters()).0);
    let others = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[7]), (Role::Promotion, 1, &[8])]);
    let (passed, text) = by_hand(&good, &others);
    assert!(!passed && text.matches("Good \"").count() == 1, "{text}");
}

#[test]
fn ssh_keygen_knows_when_a_key_counts_too() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let good = signed(&spec());
    fs_err::write(at.join("RELEASE"), release_of(&good)).unwrap();
    let slot = crate::kit::slot_at(&good);
    fs_err::write(at.join("RELEASE.sig"), &good[slot..slot + 65_536]).unwrap();
    let with = |not_before: Option<&str>, not_after: Option<&str>| {
        let mut root = trust(&key(7));
        let named = root.keys.get_mut(&key(7).fingerprint()).unwrap();
        (named.not_before, named.not_after) = (not_before.map(crate::kit::at), not_after.map(crate::kit::at));
        fs_err::write(at.join("allowed"), root.allowed_signers()).unwrap();
        keygen_verifies(at, Role::Release, "RELEASE.sig", "RELEASE")
    };
    // OpenSSH compares with the clock of this machine.
    let (passed, text) = with(Some("2020-01-01T00:00:00Z"), Some("2199-01-01T00:00:00Z"));
    assert!(passed, "{text}");
    assert!(!with(None, Some("2020-01-01T00:00:00Z")).0);
    assert!(!with(Some("2199-01-01T00:00:00Z"), None).0);
}

#[test]
fn releases_and_promotions_that_ssh_keygen_signed_are_accepted() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(run(at, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "key"], None).0);
    let mut root = TrustRoot::single(&fs_err::read_to_string(at.join("key.pub")).unwrap()).unwrap();
    root.roles.insert(Role::Promotion, root.roles[&Role::Release].clone());
    let sign = |namespace: &str, file: &str, bytes: &[u8]| {
        fs_err::write(at.join(file), bytes).unwrap();
        let (made, text) = run(at, "ssh-keygen", &["-Y", "sign", "-f", "key", "-n", namespace, file], None);
        assert!(made, "{text}");
        fs_err::read_to_string(at.join(format!("{file}.sig"))).unwrap()
    };
    let bytes = signed(&spec());
    let release = sign("gabion-release-v1", "RELEASE", release_of(&bytes));
    check(&with_slot(&bytes, release.as_bytes()), &root).unwrap();
    let text = statement(&bytes, 1).to_string();
    let promotion = text.clone() + &sign("gabion-promotion-v1", "PROMOTION", text.as_bytes());
    let both = with_slot(&bytes, (release.clone() + &promotion).as_bytes());
    let verified = verify(Cursor::new(&both), &looking(&root)).unwrap();
    assert_eq!(verified.promotion.unwrap().promotion.serial, 1);
    assert!(SignedPromotion::parse(&promotion).is_ok());
    // The same over another file, or for another purpose.
    let wrong = sign("gabion-release-v1", "OTHER", b"something else");
    assert!(check(&with_slot(&bytes, wrong.as_bytes()), &root).is_err());
    let wrong = sign("gabion-root-v1", "PURPOSE", release_of(&bytes));
    assert!(check(&with_slot(&bytes, wrong.as_bytes()), &root).is_err());
}

#[test]
fn promotions_of_ours_are_good_for_ssh_keygen() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let text = promotion(statement(&signed(&spec()), 3), &[9, 8]).to_text().unwrap();
    let (statement, blocks) = text.split_at(text.find("-----BEGIN").unwrap());
    fs_err::write(at.join("p"), statement).unwrap();
    fs_err::write(at.join("p.sig"), blocks).unwrap();
    fs_err::write(at.join("allowed"), promoters().allowed_signers()).unwrap();
    // It reads the first block; that of key 8 or 9, by fingerprint.
    let mut names = [(key(8).fingerprint(), false), (key(9).fingerprint(), true)];
    names.sort();
    let (passed, out) = keygen_verifies(at, Role::Promotion, "p.sig", "p");
    assert_eq!(passed, names[0].1, "{out}");
    assert!(!keygen_verifies(at, Role::Release, "p.sig", "p").0);
}

#[test]
fn a_key_of_ssh_keygen_can_be_loaded_and_one_of_ours_is_a_key_for_ssh_keygen() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let path = at.join("key");
    let (made, text) =
        run(at, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "open sesame", "-f", "key"], None);
    assert!(made, "{text}");
    let load =
        |passphrase: Option<&str>| SigningKey::load(&path, None, &mut || passphrase.map(str::to_owned));
    let refused = |passphrase, expected: &str| {
        let error = load(passphrase).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(Some("no"), "passphrase is wrong");
    refused(None, "needs a passphrase");
    assert_eq!(KeyInfo::load(&path, None).unwrap().secret, Secret::Encrypted);
    let root = TrustRoot::single(&fs_err::read_to_string(at.join("key.pub")).unwrap()).unwrap();
    let mut bundle = Cursor::new(signed(&spec()));
    sign_bundle(&mut bundle, &load(Some("open sesame")).unwrap()).unwrap();
    check(bundle.get_ref(), &root).unwrap();
    for mode in ["640", "604", "620"] {
        run(at, "chmod", &[mode, "key"], None);
        refused(Some("open sesame"), "others can read it");
    }
    run(at, "ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", "other"], None);
    let error = SigningKey::load(&at.join("other"), None, &mut || None).unwrap_err();
    assert!(error.to_string().contains("unknown algorithm"), "{error}");

    let ours = key(5).to_openssh(Some(("open sesame", [3; 16]))).unwrap();
    fs_err::write(at.join("ours"), &ours).unwrap();
    run(at, "chmod", &["600", "ours"], None);
    let print = |passphrase| run(at, "ssh-keygen", &["-y", "-P", passphrase, "-f", "ours"], None);
    let (passed, text) = print("open sesame");
    assert!(passed && text.trim() == key(5).public_line().unwrap(), "{text}");
    assert!(!print("no").0);
    assert_eq!(public_path(&path), at.join("key.pub"));
}

#[test]
fn a_promotion_leaves_the_documented_command_for_the_release_as_it_stands() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let plain = signed(&spec());
    fs_err::write(at.join("allowed"), promoters().allowed_signers()).unwrap();
    for bytes in [plain.clone(), promote(plain.clone(), &promotion(statement(&plain, 1), &[9]))] {
        let slot = crate::kit::slot_at(&bytes);
        fs_err::write(at.join("RELEASE"), release_of(&bytes)).unwrap();
        fs_err::write(at.join("RELEASE.sig"), &bytes[slot..slot + 65_536]).unwrap();
        let (passed, text) = keygen_verifies(at, Role::Release, "RELEASE.sig", "RELEASE");
        assert!(passed, "{text}");
    }
}

#[test]
fn the_reference_extractor_unpacks_a_good_bundle_and_refuses_a_damaged_one() {
    if !has(&["python3"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let good = promoted(&spec(), 1);
    fs_err::write(at.join("p.gabion"), &good).unwrap();
    fs_err::write(at.join("extract.py"), EXTRACTOR).unwrap();
    let (unpacked, text) = run(at, "python3", &["extract.py", "p.gabion", "out"], None);
    let digest = verify(Cursor::new(&good), &looking(&promoters())).unwrap().digest;
    assert_eq!((unpacked, text.trim_end()), (true, format!("bundle {digest}").as_str()));
    assert_eq!(fs_err::read(at.join("out/content/fetch.a/a.txt")).unwrap(), b"stones\n");
    let mut bad = good.clone();
    let place = bad.windows(7).position(|it| it == b"stones\n").unwrap();
    bad[place] = b'S';
    fs_err::write(at.join("p.gabion"), &bad).unwrap();
    let (unpacked, text) = run(at, "python3", &["extract.py", "p.gabion", "bad"], None);
    assert!(!unpacked && text.contains("damaged: content/fetch.a/a.txt"), "{text}");
}
