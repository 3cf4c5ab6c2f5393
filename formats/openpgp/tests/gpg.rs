//! Against the program that most people sign with: `gpg`.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use fs_err as fs;
use gabion_openpgp::{Keyring, SignatureError, Signers, verify_clearsigned};
use std::process::{Command, Stdio};

/// Whether `program` is here; without it the test is skipped visibly, and fails where nothing may be.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "`{program}` is missing");
    eprintln!("skipped: `{program}` is not installed");
    false
}

fn run(command: &mut Command) -> Vec<u8> {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// A home of gpg with keys of its own.
struct Gpg(tempfile::TempDir);

impl Gpg {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]);
        command.env("GNUPGHOME", self.0.path());
        command
    }

    /// A key that certifies, and its fingerprint.
    fn key(&self, name: &str, kind: &str, usage: &str, life: &str) -> String {
        run(self.command().args(["--faked-system-time", "1700000000!"]).args([
            "--quick-gen-key",
            name,
            kind,
            usage,
            life,
        ]));
        let keys = run(self.command().args(["--list-keys", "--with-colons", name]));
        let keys = String::from_utf8(keys).unwrap();
        let found = keys.lines().find(|row| row.starts_with("fpr:")).unwrap();
        found.trim_end_matches(':').rsplit(':').next().unwrap().to_owned()
    }

    fn keyring(&self, armored: bool) -> Keyring {
        let mut command = self.command();
        if armored {
            command.arg("--armor");
        }
        Keyring::parse(&run(command.arg("--export"))).unwrap()
    }

    fn sign(&self, key: &str, text: &str, more: &[&str]) -> Vec<u8> {
        let file = self.0.path().join("text");
        fs::write(&file, text).unwrap();
        run(self
            .command()
            .args(["--faked-system-time", "1700000100!"])
            .args(more)
            .args(["--local-user", key, "--output", "-", "--clear-sign"])
            .arg(file))
    }
}

const NOW: u64 = 1_700_000_200;
const TEXT: &str = "Suite: test\nDate: Tue, 14 Nov 2023 22:13:20 UTC\n- dash\nSHA256:\n";

fn by(pinned: &[String]) -> Signers<'_> {
    Signers { pinned, needed: 1, now: NOW }
}

#[test]
fn what_gpg_signs_is_believed_and_nothing_else_is() {
    if !has("gpg") {
        return;
    }
    let gpg = Gpg::new();
    let ed = gpg.key("ed", "ed25519", "default", "1y");
    let rsa = gpg.key("rsa", "rsa2048", "default", "never");
    let other = gpg.key("other", "ed25519", "default", "never");
    for armored in [true, false] {
        let keys = gpg.keyring(armored);
        for key in [&ed, &rsa] {
            let file = gpg.sign(key, TEXT, &[]);
            let pins = [key.clone()];
            let signed = verify_clearsigned(&file, &keys, &by(&pins)).unwrap();
            assert_eq!(signed.text.trim_end(), TEXT.trim_end());
            assert_eq!(signed.signers, pins);
        }
    }
    let keys = gpg.keyring(true);
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
    if !has("gpg") {
        return;
    }
    let gpg = Gpg::new();
    let key = gpg.key("main", "ed25519", "cert", "never");
    let add = |usage: &str, life: &str| {
        run(gpg.command().args(["--faked-system-time", "1700000000!", "--quick-add-key"]).args([
            key.as_str(),
            "ed25519",
            usage,
            life,
        ]));
    };
    add("sign", "seconds=300");
    let pins = [key.clone()];
    let file = gpg.sign(&key, TEXT, &[]);
    // Its subkey is expired by now, and was alive when it signed.
    let later = Signers { now: NOW + 1_000_000, ..by(&pins) };
    assert_eq!(verify_clearsigned(&file, &gpg.keyring(true), &later).unwrap().signers, pins);
    let revocation = gpg.0.path().join("openpgp-revocs.d").join(format!("{key}.rev"));
    let revocation = fs::read_to_string(revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    let path = gpg.0.path().join("revoke");
    fs::write(&path, revocation).unwrap();
    run(gpg.command().arg("--import").arg(path));
    let error = verify_clearsigned(&file, &gpg.keyring(true), &by(&pins)).unwrap_err();
    assert!(error.help().unwrap().contains("revoked"), "{:?}", error.help());
}

#[test]
fn a_subkey_that_its_primary_does_not_let_sign_is_refused() {
    if !has("gpg") {
        return;
    }
    let gpg = Gpg::new();
    let key = gpg.key("main", "ed25519", "cert,sign", "never");
    let stranger = Gpg::new();
    let theirs = stranger.key("main", "ed25519", "cert,sign", "never");
    let file = stranger.sign(&theirs, TEXT, &[]);
    // The stranger's key in the ring does not help it: it is not pinned.
    let both = [
        run(gpg.command().args(["--armor", "--export"])),
        run(stranger.command().args(["--armor", "--export"])),
    ];
    let keys = Keyring::parse(&both.concat()).unwrap();
    assert_eq!(keys.fingerprints().len(), 2);
    assert_eq!(verify_clearsigned(&file, &keys, &by(&[key])).unwrap_err().code(), "E0703");
    assert!(matches!(Keyring::parse(b"nonsense"), Err(SignatureError::Keyring { .. })));
}
