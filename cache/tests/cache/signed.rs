//! Statements under signatures.

use crate::world::{key, posted, record, request, signer, trust};
use gabion_cache::{Judge, Key, SIGNED_AS, Slot, Statement, seal};
use gabion_digest::{ActionId, Digest, RequestId, TreeId, hash_bytes};
use gabion_store::Record;
use gabion_testkit::{has, program, text};
use std::collections::BTreeMap;

fn statement(name: &str) -> Statement {
    Statement::of(request(name), record(name.as_bytes()), []).unwrap()
}

#[test]
fn ten_thousand_records_stand_under_one_signature_and_each_alone() {
    let all: Vec<Statement> = (0..10_000).map(|it| statement(&it.to_string())).collect();
    let posted = seal(&key(1), &"main".parse().unwrap(), all.clone()).unwrap();
    let mut judge = Judge::default();
    for (posted, statement) in posted.iter().zip(&all) {
        assert_eq!(judge.open("c", &posted.slot, &posted.bytes).unwrap(), *statement);
    }
    let alone = Judge::default().open("c", &posted[7_777].slot, &posted[7_777].bytes);
    assert_eq!(alone.unwrap(), all[7_777]);
    assert!(posted.iter().all(|it| it.bytes.len() < 2_000), "a record is small, however many there are");
}

#[test]
fn a_record_counts_only_in_its_own_slot() {
    let posted = posted(1, "main", statement("a"));
    let slot = &posted.slot;
    let id = RequestId::new(Digest::of(b"a"));
    let others = [
        (Slot { namespace: "pr-1".parse().unwrap(), ..slot.clone() }, "the namespace `main`"),
        (Slot { key: request("b"), ..slot.clone() }, "it is about request b3:"),
        (Slot { key: Key::Closure(id), ..slot.clone() }, "it is about request b3:"),
        (Slot { key: Key::Action(ActionId::new(id.digest())), ..slot.clone() }, "it is about request b3:"),
        (Slot { signer: signer(2), ..slot.clone() }, "signed it"),
    ];
    let mut judge = Judge::default();
    judge.open("c", slot, &posted.bytes).unwrap();
    for (other, why) in others {
        let error = judge.open("the-cache", &other, &posted.bytes).unwrap_err();
        assert_eq!(error.code(), "E2007");
        assert!(error.to_string().contains(why) && error.to_string().contains("`the-cache`"), "{error}");
        assert!(error.help().unwrap().contains(&other.signer.to_string()), "whose record is wanted");
    }
}

#[test]
fn no_byte_of_a_record_can_be_changed() {
    let all = ["a", "b", "c"].map(statement).to_vec();
    let posted = seal(&key(1), &"main".parse().unwrap(), all).unwrap().remove(1);
    for at in 0..posted.bytes.len() {
        for flip in [1, 0x20, 0x80] {
            let mut bytes = posted.bytes.to_vec();
            bytes[at] ^= flip;
            let opened = Judge::default().open("c", &posted.slot, &bytes);
            assert!(opened.is_err(), "byte {at} is not covered");
        }
        assert!(Judge::default().open("c", &posted.slot, &posted.bytes[..at]).is_err(), "cut at {at}");
    }
    let mut longer = posted.bytes.to_vec();
    longer.push(b'\n');
    assert!(Judge::default().open("c", &posted.slot, &longer).is_err());
}

#[test]
fn what_was_checked_once_vouches_for_nothing_else() {
    let mine = posted(1, "main", statement("a"));
    let theirs = posted(2, "main", Statement::of(request("a"), record(b"poison"), []).unwrap());
    let mut judge = Judge::default();
    judge.open("c", &mine.slot, &mine.bytes).unwrap();
    assert!(judge.open("c", &mine.slot, &theirs.bytes).is_err(), "another key");
    judge.open("c", &theirs.slot, &theirs.bytes).unwrap();
    assert!(judge.open("c", &mine.slot, &theirs.bytes).is_err(), "another key, also when it is known");
    let text = String::from_utf8(mine.bytes.to_vec()).unwrap();
    let other = text.replace(&hash_bytes(b"a").blob.to_string(), &hash_bytes(b"x").blob.to_string());
    assert_ne!(other, text);
    assert!(
        judge.open("c", &mine.slot, other.as_bytes()).is_err(),
        "another result under the same signature"
    );
}

/// When this test fails, bytes moved: raise the version in the text and only then change it.
#[test]
fn the_bytes_of_a_statement_are_held() {
    let tree = hash_bytes(b"manifest");
    let with_tree = Record {
        outputs: [("system".to_owned(), hash_bytes(b"content").into())].into(),
        trees: [("system".to_owned(), TreeId::new(tree.blob.digest()))].into(),
        facts: [("accounts".to_owned(), "a b".to_owned())].into(),
    };
    let action = Key::Action(ActionId::new(Digest::of(b"action")));
    let records: BTreeMap<Key, Record> = [(action, with_tree.clone()), (request("a"), record(b"a"))].into();
    let closure = Key::Closure(RequestId::new(Digest::of(b"top")));
    let it = Statement::of_closure(closure, records.clone(), [tree.into()]).unwrap();
    let text = it.to_text().unwrap();
    assert_eq!(Statement::parse(&text), Some(it.clone()));
    assert_eq!(text, include_str!("../../../fuzz/seeds/cache_statement/closure"));
    // Signatures of Ed25519 have no randomness.
    let signed = seal(&key(1), &"main".parse().unwrap(), vec![it.clone()]).unwrap().remove(0).bytes;
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/cache_record/closure");
    assert_eq!(String::from_utf8(signed.to_vec()).unwrap(), fs_err::read_to_string(seed).unwrap());
    assert_eq!(it.blobs().len(), 3, "outputs and manifests, each once");
    assert!(Statement::of_closure(closure, records.clone(), []).is_none(), "a tree needs its manifest");
    let odd = Statement::of_closure(closure, records, [tree.into(), hash_bytes(b"odd").into()]);
    assert!(odd.is_none(), "and nothing else");
    assert!(Statement::of(closure, record(b"a"), []).is_none(), "a closure is no result");
    for (from, to) in
        [("about", "About"), ("statement 1", "statement 2"), ("fact accounts", "fact  accounts")]
    {
        assert_eq!(Statement::parse(&text.replace(from, to)), None, "{to}");
    }
}

/// The signature is one of OpenSSH, over a text that anybody can write down.
#[test]
fn ssh_keygen_checks_the_signature_of_a_batch() {
    if !has(&["ssh-keygen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let statement = statement("a");
    let bytes = String::from_utf8(posted(1, "main", statement.clone()).bytes.to_vec()).unwrap();
    let leaf = blake3::derive_key("gabion cache leaf v1", statement.to_text().unwrap().as_bytes());
    let message = format!("gabion-batch 1\nnamespace main\ncount 1\nroot {}\n", Digest::from_bytes(leaf));
    let signature = &bytes[bytes.find("-----BEGIN").unwrap()..];
    let path = |name: &str| folder.path().join(name);
    fs_err::write(path("batch"), &message).unwrap();
    fs_err::write(path("batch.sig"), signature).unwrap();
    fs_err::write(path("signers"), format!("ci {}\n", key(1).public_line().unwrap())).unwrap();
    let check = |namespace: &str| {
        let mut command = program("ssh-keygen");
        command.args(["-Y", "verify", "-I", "ci", "-n", namespace, "-f"]).arg(path("signers"));
        command
            .arg("-s")
            .arg(path("batch.sig"))
            .stdin(fs_err::File::open(path("batch")).unwrap().into_file());
        command
    };
    assert!(text(&mut check(SIGNED_AS)).contains("Good"), "ssh-keygen -Y verify");
    assert!(!check("gabion-release-v1").output().unwrap().status.success(), "it is for nothing else");
}

#[test]
fn a_quorum_counts_keys_and_not_records() {
    let (a, b) = (statement("a"), Statement::of(request("a"), record(b"other"), []).unwrap());
    let accepted = |quorum, said: &[(u8, &Statement)]| {
        let said = said.iter().map(|(seed, it)| (signer(*seed), *it));
        trust(&[1, 2, 3], quorum).judge(said).accepted.contains_key(&request("a"))
    };
    assert!(accepted(1, &[(1, &a)]) && accepted(0, &[(1, &a)]) && !accepted(1, &[]));
    assert!(!accepted(2, &[(1, &a)]) && !accepted(2, &[(1, &a), (1, &a)]), "one key is one voice");
    assert!(accepted(2, &[(1, &a), (2, &a)]));
    assert!(!accepted(1, &[(1, &a), (2, &b)]), "who is contradicted is not believed");
    assert!(!accepted(2, &[(1, &a), (2, &a), (3, &b)]));
    let disagree = trust(&[1, 2], 1).judge([(signer(1), &a), (signer(2), &b)]).disagree;
    assert_eq!(disagree[&request("a")], [signer(1), signer(2)].into());
}
