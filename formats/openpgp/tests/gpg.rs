//! Against the program that most people sign with: `gpg`.

use fs_err as fs;
use gabion_openpgp::{Keyring, SignatureError, Signers, verify_clearsigned};
use gabion_testkit::{Gpg, has, run};

const NOW: u64 = 1_700_000_200;
const TEXT: &str = "Suite: test\nDate: Tue, 14 Nov 2023 22:13:20 UTC\n- dash\nSHA256:\n";

fn keyring(gpg: &Gpg, armored: bool) -> Keyring {
    Keyring::parse(&gpg.export(armored)).unwrap()
}

fn by(pinned: &[String]) -> Signers<'_> {
    Signers { pinned, needed: 1, now: NOW }
}

#[test]
fn what_gpg_signs_is_believed_and_nothing_else_is() {
    if !has(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let ed = gpg.key("ed", "ed25519", "default", "1y");
    let rsa = gpg.key("rsa", "rsa2048", "default", "never");
    let other = gpg.key("other", "ed25519", "default", "never");
    for armored in [true, false] {
        let keys = keyring(&gpg, armored);
        for key in [&ed, &rsa] {
            let file = gpg.sign(key, TEXT, &[]);
            let pins = [key.clone()];
            let signed = verify_clearsigned(&file, &keys, &by(&pins)).unwrap();
            assert_eq!(signed.text.trim_end(), TEXT.trim_end());
            assert_eq!(signed.signers, pins);
        }
    }
    let keys = keyring(&gpg, true);
    let pins = [ed.clone()];
    let good = gpg.sign(&ed, TEXT, &[]);
    let refuse = |file: &[u8], pins: &[String], code: &str| {
        let error = verify_clearsigned(file, &keys, &by(pins)).unwrap_err();
        assert_eq!(error.code(), code, "{error}: {:?}", error.help());
        error
    };
    let text = String::from_utf8(good.clone()).unwrap();
    refuse(text.replace("Suite: test", "Suite: evil").as_bytes(), &pins, "E0703");
    refuse(format!("Suite: evil\n\n{text}").as_bytes(), &pins, "E0702");
    refuse(format!("{text}Suite: evil\n").as_bytes(), &pins, "E0702");
    refuse(format!("{text}{text}").as_bytes(), &pins, "E0702");
    refuse(text.replace('\n', "\r\n").as_bytes(), &pins, "E0702");
    refuse(text.replace("Suite: test", "Suite: test ").as_bytes(), &pins, "E0702");
    refuse(&good[..good.len() - 40], &pins, "E0702");
    refuse(text.replacen("Hash:", "Comment: x\nHash:", 1).as_bytes(), &pins, "E0702");
    refuse(TEXT.as_bytes(), &pins, "E0702");
    refuse(&gpg.sign(&other, TEXT, &[]), &pins, "E0703");
    let weak = refuse(
        &gpg.sign(&rsa, TEXT, &["--digest-algo", "SHA1", "--allow-weak-digest-algos"]),
        std::slice::from_ref(&rsa),
        "E0703",
    );
    assert!(weak.help().unwrap().contains("too weak"), "{:?}", weak.help());
    // Two are needed, one signed, and one that signs twice is one.
    let two = Signers { needed: 2, ..by(&pins) };
    assert_eq!(verify_clearsigned(&good, &keys, &two).unwrap_err().code(), "E0703");
    let twice = gpg.sign(&ed, TEXT, &["--local-user", &other]);
    let both = [ed.clone(), other.clone()];
    let signed = verify_clearsigned(&twice, &keys, &Signers { needed: 2, ..by(&both) }).unwrap();
    assert_eq!(signed.signers.len(), 2);
    // A signature from tomorrow's tomorrow.
    let early = Signers { now: 1_600_000_000, ..by(&pins) };
    assert_eq!(verify_clearsigned(&good, &keys, &early).unwrap_err().code(), "E0703");
}

#[test]
fn a_key_counts_as_it_was_when_it_signed_and_never_once_it_is_revoked() {
    if !has(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let key = gpg.key("main", "ed25519", "cert", "never");
    gpg.add_subkey(&key, "ed25519", "sign", "seconds=300");
    let pins = [key.clone()];
    let file = gpg.sign(&key, TEXT, &[]);
    // Its subkey is expired by now, and was alive when it signed.
    let later = Signers { now: NOW + 1_000_000, ..by(&pins) };
    assert_eq!(verify_clearsigned(&file, &keyring(&gpg, true), &later).unwrap().signers, pins);
    let revocation = gpg.home().join("openpgp-revocs.d").join(format!("{key}.rev"));
    let revocation = fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let path = gpg.home().join("revoke");
    fs::write(&path, revocation).unwrap();
    run(gpg.command().arg("--import").arg(path));
    let error = verify_clearsigned(&file, &keyring(&gpg, true), &by(&pins)).unwrap_err();
    assert!(error.help().unwrap().contains("revoked"), "{:?}", error.help());
}

#[test]
fn a_subkey_that_its_primary_does_not_let_sign_is_refused() {
    if !has(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let key = gpg.key("main", "ed25519", "cert,sign", "never");
    let stranger = Gpg::new();
    let theirs = stranger.key("main", "ed25519", "cert,sign", "never");
    let file = stranger.sign(&theirs, TEXT, &[]);
    // The stranger's key in the ring does not help it: it is not pinned.
    let keys = Keyring::parse(&[gpg.export(true), stranger.export(true)].concat()).unwrap();
    assert_eq!(keys.fingerprints().len(), 2);
    assert_eq!(verify_clearsigned(&file, &keys, &by(&[key])).unwrap_err().code(), "E0703");
    assert!(matches!(Keyring::parse(b"nonsense"), Err(SignatureError::Keyring { .. })));
}
