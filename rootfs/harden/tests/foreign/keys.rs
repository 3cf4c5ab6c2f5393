//! Keys that OpenSSH makes.

use gabion_harden::PublicKey;
use gabion_testkit::{has, program, run};

fn made(kind: &str, bits: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let mut command = program("ssh-keygen");
    command.args(["-q", "-N", "", "-C", "ops at desk", "-t", kind]).arg("-f").arg(&key);
    if !bits.is_empty() {
        command.args(["-b", bits]);
    }
    run(&mut command);
    fs_err::read_to_string(folder.path().join("key.pub")).unwrap()
}

#[test]
fn keys_that_openssh_makes_are_taken_as_they_are() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    for (kind, bits) in
        [("ed25519", ""), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521")]
    {
        let text = made(kind, bits);
        let key: PublicKey = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(format!("{key}\n"), text);
    }
}

#[test]
fn short_keys_and_damaged_keys_are_refused() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let why = |text: &str| text.parse::<PublicKey>().unwrap_err().to_string();
    assert!(why(&made("rsa", "1024")).contains("shorter than 2048"));
    let good = made("ecdsa", "256");
    assert!(why(&good.replacen("nistp256", "nistp384", 1)).contains("another type"));
    let words: Vec<&str> = good.split(' ').collect();
    for cut in [4, 40, words[1].len() - 8] {
        assert!(why(&format!("{} {}", words[0], &words[1][..cut])).starts_with("takes public keys"), "{cut}");
    }
}
