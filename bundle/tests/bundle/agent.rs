//! Keys that the real ssh-agent holds.

use crate::kit::{check, key, run, sign, spec, trust, unsigned};
use gabion_bundle::{KeyError, KeyInfo, Role, Secret, SigningKey, sign_bundle};
use gabion_testkit::{Agent, has};
use std::io::{Cursor, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

fn write_key(folder: &Path, seed: u8, name: &str) {
    fs_err::write(folder.join(name), key(seed).to_openssh(None).unwrap()).unwrap();
    run(folder, "chmod", &["600", name], None);
    fs_err::write(folder.join(format!("{name}.pub")), key(seed).public_line().unwrap() + "\n").unwrap();
}

#[test]
fn a_key_in_the_agent_signs_by_its_public_file_and_by_its_fingerprint() {
    if !has(&["ssh-agent", "ssh-add"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let agent = Agent::start(at);
    run(at, "ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", "other"], None);
    agent.ssh_add(at, &["other"]);
    write_key(at, 7, "seven");
    write_key(at, 8, "eight");
    agent.ssh_add(at, &["seven"]);
    let socket = Some(agent.socket());
    let by_name = PathBuf::from(format!("agent:{}", key(7).fingerprint()));
    for name in [at.join("seven.pub"), by_name] {
        let held = SigningKey::load(&name, socket, &mut || panic!("no passphrase is needed")).unwrap();
        assert_eq!(held.fingerprint(), key(7).fingerprint());
        let mut bundle = Cursor::new(unsigned(&spec()));
        sign_bundle(&mut bundle, &held).unwrap();
        check(bundle.get_ref(), &trust(&key(7))).unwrap();
        // Ed25519 is deterministic: the agent's signature is the one that the key itself makes.
        assert_eq!(bundle.into_inner(), sign(unsigned(&spec()), &[7]));
        assert!(held.to_openssh(None).is_err());
        assert_eq!(KeyInfo::load(&name, socket).unwrap().secret, Secret::Agent);
    }
    let refused = |name: PathBuf, socket: Option<&Path>, expected: &str| {
        let error = SigningKey::load(&name, socket, &mut || None).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(at.join("eight.pub"), socket, "does not hold it");
    refused(PathBuf::from(format!("agent:{}", key(8).fingerprint())), socket, "does not hold it");
    refused(at.join("other.pub"), socket, "unknown algorithm");
    refused(at.join("seven.pub"), None, "no ssh-agent is running");
    refused(at.join("seven.pub"), Some(&at.join("nobody")), "does not answer");
    for nobody in [None, socket] {
        assert_eq!(KeyInfo::load(&at.join("eight.pub"), nobody).unwrap().secret, Secret::Elsewhere);
    }
    // A key that was taken away in the meantime.
    let held = SigningKey::load(&at.join("seven.pub"), socket, &mut || None).unwrap();
    agent.ssh_add(at, &["-D"]);
    assert!(matches!(held.sign(Role::Release.namespace(), b"x"), Err(KeyError::Agent(_))));
}

/// An agent that answers one request with these bytes.
fn lying(folder: &Path, number: usize, answer: Vec<u8>) -> PathBuf {
    let socket = folder.join(format!("lying-{number}"));
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _request = stream.read(&mut [0; 512]);
        let _sent = stream.write_all(&answer);
    });
    socket
}

#[test]
fn an_agent_that_talks_nonsense_is_an_error_and_no_hang() {
    let folder = tempfile::tempdir().unwrap();
    write_key(folder.path(), 7, "seven");
    let answers = [
        vec![],
        vec![0, 0, 0, 0],
        vec![255, 255, 255, 255, 12],
        vec![0, 0, 0, 1, 5],
        vec![0, 0, 0, 1, 12, 0],
        vec![0, 0, 0, 9, 12, 0, 0, 0, 1, 255, 255, 255, 255],
        vec![0, 0, 0, 5, 12, 255, 255, 255, 255, 0, 0],
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let socket = lying(folder.path(), number, answer.clone());
        let error =
            SigningKey::load(&folder.path().join("seven.pub"), Some(&socket), &mut || None).unwrap_err();
        assert!(matches!(error, KeyError::Agent(_)), "{answer:?}: {error}");
    }
}
