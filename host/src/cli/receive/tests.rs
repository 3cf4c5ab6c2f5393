use super::*;
use crate::trust::Accepted;
use crate::wire::serve;
use gabion_bundle::{
    Hosts, Promotion, Quorum, Role, SigningKey, Source, Spec, assemble, promote_bundle, read_table,
    sign_bundle,
};
use std::io::Cursor;
use std::os::unix::net::UnixStream;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32], "test")
}

fn now() -> Time {
    "2026-11-26T00:00:00Z".parse().unwrap()
}

/// 7 releases, 9 promotes.
fn trust() -> TrustRoot {
    let mut root = TrustRoot::single(&key(7).public_line().unwrap()).unwrap();
    root.keys.extend(TrustRoot::single(&key(9).public_line().unwrap()).unwrap().keys);
    root.roles.insert(Role::Promotion, Quorum { threshold: 1, keys: [key(9).fingerprint()].into() });
    TrustRoot::parse(&root.to_text()).unwrap()
}

/// A bundle that is promoted under serial 7.
fn bundle(hosts: &str) -> Vec<u8> {
    let spec = Spec {
        name: "platform".to_owned(),
        platform: "linux/amd64".to_owned(),
        members: vec![("content/a".to_owned(), Source::Bytes(vec![7; 5000]))],
        objects: Vec::new(),
    };
    let mut bytes = Cursor::new(Vec::new());
    assemble(&spec, &mut bytes).unwrap();
    sign_bundle(&mut bytes, &key(7)).unwrap();
    let mut promotion = SignedPromotion::new(Promotion {
        bundle: read_table(&mut bytes).unwrap().0.digest(),
        name: spec.name,
        channel: "production".to_owned(),
        serial: 7,
        hosts: Hosts::parse([hosts]).unwrap(),
        root_version: 1,
        date: now(),
    })
    .unwrap();
    promotion.sign(&key(9)).unwrap();
    promote_bundle(&mut bytes, &promotion).unwrap();
    bytes.into_inner()
}

/// What is said on the machine itself.
struct Said {
    root: std::path::PathBuf,
    judge: JudgeArgs,
    _file: tempfile::TempDir,
}

impl Said {
    fn new(root: &Path, trust: Option<&TrustRoot>, host: Option<&str>) -> Self {
        let file = tempfile::tempdir().unwrap();
        let trust = trust.map(|it| {
            let path = file.path().join("root.json");
            fs_err::write(&path, it.to_text()).unwrap();
            path
        });
        let host = host.map(str::to_owned);
        let judge = JudgeArgs { trust, at: None, promotion: None, host, min_serial: 0 };
        Self { root: root.to_owned(), judge, _file: file }
    }

    fn at_least(mut self, serial: u64) -> Self {
        self.judge.min_serial = serial;
        self
    }
}

/// What both sides say when `bundle` comes to `args`.
fn both(args: &Said, bundle: &[u8], greeting: &str) -> (Result<Taken, HostError>, Ended) {
    let (here, there) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let input = there.try_clone().unwrap();
            serde_json::from_str(&serve(Cursor::new(bundle), greeting, input, there).unwrap().result).unwrap()
        });
        let result = receive(&args.root, &args.judge, now(), here.try_clone().unwrap(), here);
        (result, serving.join().unwrap())
    })
}

#[track_caller]
fn refused(args: &Said, hosts: &str, expected: &str) {
    let (result, told) = both(args, &bundle(hosts), "{}");
    let error = result.unwrap_err();
    let Ended::Failed { code, help, trust, .. } = told else { panic!("{told:?}") };
    assert_eq!((error.code(), code.as_str()), (expected, expected), "{error}");
    assert_eq!((trust, help), (error.is_trust(), error.help()));
}

#[test]
fn a_machine_takes_what_is_promoted_for_it_and_nothing_older_than_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let args = |host: Option<&str>| Said::new(folder.path(), Some(&trust()), host);
    refused(&args(None), "prod", "E0613");
    refused(&args(Some("staging")), "prod", "E0519");
    refused(&args(Some("prod")).at_least(8), "prod", "E0520");
    refused(&Said::new(folder.path(), None, Some("prod")), "prod", "E0509");
    assert!(!folder.path().join("var").exists(), "what is refused is not spooled");
    let (taken, told) = both(&args(None), &bundle("*"), "{}");
    let taken = taken.unwrap();
    let Ended::Taken { digest, total, .. } = told else { panic!("{told:?}") };
    assert_eq!((digest, total), (taken.digest.to_string(), taken.total));
    assert!(both(&args(Some("prod")), &bundle("prod"), "{}").0.is_ok());

    // What it is called, and the floor, are what it remembers. Neither is changed by what only comes here.
    let root = Root::open(folder.path()).unwrap();
    assert_eq!(TrustState::load(&root).unwrap(), TrustState::default());
    let accepted = Accepted { serial: 9, digest: taken.digest.to_string() };
    let state = TrustState {
        root_version: 1,
        host: Some("prod".to_owned()),
        bundles: [("platform".to_owned(), accepted)].into(),
    };
    state.save(&root).unwrap();
    refused(&args(None), "prod", "E0520");
    let held = root.lock().unwrap().unwrap();
    refused(&args(None), "prod", "E0609");
    drop(held);
}

#[test]
fn whom_to_trust_may_come_with_the_greeting_and_never_over_what_is_named_here() {
    let folder = tempfile::tempdir().unwrap();
    let greeting = |root: &TrustRoot| {
        Greeting { trust: Some(root.to_text()), ..Greeting::default() }.to_text().to_string()
    };
    let args = Said::new(folder.path(), None, None);
    let stranger = TrustRoot::single(&key(5).public_line().unwrap()).unwrap();
    let named = Said::new(folder.path(), Some(&stranger), None);
    let error = both(&named, &bundle("*"), &greeting(&trust())).0.unwrap_err();
    assert!(error.is_trust(), "{error}");
    both(&args, &bundle("*"), &greeting(&trust())).0.unwrap();
    assert_eq!(both(&args, &bundle("*"), "nothing").0.unwrap_err().code(), "E0675");
}
