//! Whose signatures count.

use crate::kit::{
    NOW, at, check, key, looking, release_of, root, sign, signed, slot_at, spec, trust, unsigned, with_slot,
};
use gabion_bundle::{
    BundleError, Class, KeyError, Revoked, Role, Slot, Standing, TrustRoot, mend_slot, open_slot, read_table,
    sign_bundle, verify,
};
use std::io::Cursor;

fn untrusted(result: Result<(), BundleError>) -> (usize, usize, Vec<Standing>) {
    match result.unwrap_err() {
        BundleError::Untrusted { found, needed, others, .. } => {
            (found, needed, others.into_iter().map(|(_, standing)| standing).collect())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn who_signed_decides() {
    let bytes = unsigned(&spec());
    assert!(matches!(check(&bytes, &trust(&key(7))), Err(BundleError::Unsigned)));
    let bytes = sign(bytes, &[8]);
    let stranger = check(&bytes, &trust(&key(7))).unwrap_err();
    assert_eq!(stranger.class(), Class::Trust);
    assert!(stranger.help().unwrap().contains(&key(8).fingerprint()), "{stranger}");
    assert_eq!(untrusted(Err(stranger)), (0, 1, vec![Standing::Unknown]));
    let bytes = sign(bytes, &[7]);
    check(&bytes, &trust(&key(7))).unwrap();
    check(&bytes, &trust(&key(8))).unwrap();
}

#[test]
fn two_of_three_are_two_keys_and_not_two_signatures() {
    let root = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 2, &[6, 7, 8])]);
    let once = signed(&spec());
    assert_eq!(untrusted(check(&once, &root)), (1, 2, vec![]));
    assert_eq!(untrusted(check(&sign(once.clone(), &[7, 7]), &root)), (1, 2, vec![]));
    // The same key twice, by hand: over SHA-512 and over SHA-256, both good.
    let slot = |seed: u8, hash| {
        let key = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]));
        let signature = key.sign("gabion-release-v1", hash, release_of(&once)).unwrap();
        signature.to_pem(ssh_key::LineEnding::LF).unwrap()
    };
    let twice = slot(7, ssh_key::HashAlg::Sha512) + &slot(7, ssh_key::HashAlg::Sha256);
    assert_eq!(untrusted(check(&with_slot(&once, twice.as_bytes()), &root)), (1, 2, vec![]));
    let both = twice + &slot(6, ssh_key::HashAlg::Sha256);
    check(&with_slot(&once, both.as_bytes()), &root).unwrap();
    for pair in [[6, 7], [7, 8], [8, 6]] {
        let verified = verify(Cursor::new(sign(unsigned(&spec()), &pair)), &looking(&root)).unwrap();
        let mut names = pair.map(|seed| key(seed).fingerprint());
        names.sort();
        assert_eq!(verified.signers, names);
    }
}

#[test]
fn a_key_counts_only_for_its_role() {
    let root = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[7]), (Role::Promotion, 1, &[9])]);
    for seed in [1, 9] {
        assert_eq!(
            untrusted(check(&sign(unsigned(&spec()), &[seed]), &root)),
            (0, 1, vec![Standing::OtherRole])
        );
        let refused = root.may_sign(Role::Release, &key(seed).fingerprint(), at(NOW)).unwrap_err();
        assert!(refused.to_string().contains("not named for this role"), "{refused}");
    }
    root.may_sign(Role::Release, &key(7).fingerprint(), at(NOW)).unwrap();
}

#[test]
fn a_signature_for_another_purpose_is_refused_even_beside_a_good_one() {
    let good = signed(&spec());
    let slot = slot_at(&good);
    let mut text =
        String::from_utf8(good[slot..slot + 65_536].to_vec()).unwrap().trim_end().to_owned() + "\n";
    let foreign = key(8).sign(Role::Promotion.namespace(), release_of(&good)).unwrap();
    text.push_str(&foreign.to_pem(ssh_key::LineEnding::LF).unwrap());
    let error = check(&with_slot(&good, text.as_bytes()), &trust(&key(7))).unwrap_err();
    assert!(error.to_string().contains("is for another purpose"), "{error}");
}

#[test]
fn a_signature_over_another_release_is_refused_even_beside_a_good_one() {
    let good = signed(&spec());
    let mut other = spec();
    other.name = "other".to_owned();
    let foreign = sign(signed(&other), &[8]);
    let slot = slot_at(&foreign);
    let mixed = with_slot(&good, &foreign[slot..slot + 65_536]);
    assert!(matches!(check(&mixed, &trust(&key(7))), Err(BundleError::Keys(KeyError::Signature(_)))));
}

#[test]
fn a_slot_has_one_form() {
    let good = signed(&spec());
    let slot = slot_at(&good);
    let text = String::from_utf8(good[slot..slot + 65_536].to_vec()).unwrap().trim_end().to_owned() + "\n";
    for bad in [
        format!("\n{text}"),
        format!("{text}\n{text}"),
        format!("{text}x\n"),
        format!("# a comment\n{text}"),
        text.replace('\n', "\r\n"),
        text.replacen("SIGNATURE-----\n", "SIGNATURE-----\n\n", 1),
        text.trim_end_matches("-----\n").to_owned(),
        format!("{text}# gabion-promotion v1\n"),
    ] {
        let error = check(&with_slot(&good, bad.as_bytes()), &trust(&key(7))).unwrap_err();
        assert!(matches!(error, BundleError::Slot(_)), "{bad}: {error}");
    }
    assert!(Slot::parse(text.as_bytes()).is_err(), "too short");
}

#[test]
fn time_and_revocation_decide_whether_a_key_counts() {
    let bytes = signed(&spec());
    let with = |not_before: Option<&str>, not_after: Option<&str>, revoked| {
        let mut root = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[7, 8])]);
        let named = root.keys.get_mut(&key(7).fingerprint()).unwrap();
        (named.not_before, named.not_after) = (not_before.map(at), not_after.map(at));
        named.revoked = revoked;
        let root = TrustRoot::parse(&root.to_text()).unwrap();
        let refused = root.may_sign(Role::Release, &key(7).fingerprint(), at(NOW));
        let result = check(&bytes, &root);
        assert_eq!(refused.is_ok(), result.is_ok(), "who may not sign does not count, and the reverse");
        result
    };
    let (before, after) = ("2026-11-25T21:59:59Z", "2026-11-25T22:00:01Z");
    let no = Revoked::Flag(false);
    with(Some(NOW), Some(NOW), no).unwrap();
    with(Some(before), Some(after), no).unwrap();
    assert_eq!(untrusted(with(Some(after), None, no)).2, [Standing::Early(at(after))]);
    assert_eq!(untrusted(with(None, Some(before), no)).2, [Standing::Expired(at(before))]);
    // Even a date that lies ahead does not help a revoked key.
    for revoked in [Revoked::Flag(true), Revoked::Since(at(before)), Revoked::Since(at(after))] {
        assert_eq!(untrusted(with(None, None, revoked)).2, [Standing::Revoked(revoked)]);
    }
}

#[test]
fn a_root_that_could_be_read_in_two_ways_or_never_fits_is_refused() {
    let good = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 2, &[7, 8])]).to_text();
    let seven = format!("\"{}\"", key(7).fingerprint());
    let refused = |text: String, expected: &str| {
        assert_ne!(text, good, "{expected}");
        let error = TrustRoot::parse(&text).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    };
    let eight = format!("\"{}\"", key(8).fingerprint());
    refused(good.replace("\"version\": 1", "\"version\": 0"), "versions begin with 1");
    refused(good.replace("\"threshold\": 2", "\"threshold\": 3"), "3 signatures of 2 keys");
    refused(good.replace("\"threshold\": 2", "\"threshold\": 0"), "0 signatures of 2 keys");
    refused(good.replace(&format!("{seven}: "), "\"SHA256:x\": "), "has the fingerprint");
    refused(good.replace(&eight, &seven), "stands twice");
    refused(good.replace("\"release\"", "\"root\""), "stands twice");
    refused(good.replace("\"root\"", "\"promotion\""), "role `root`: it is missing");
    refused(good.replace("\"root\"", "\"timestamp\""), "unknown variant");
    refused(good.replace("\"version\"", "\"extra\": 1, \"version\""), "unknown field");
    let revoked = good.replace(&format!("{seven}: {{"), &format!("{seven}: {{ \"revoked\": true,"));
    refused(revoked, "2 signatures of 1 keys");
    let never = "\"not_before\": \"2027-01-01T00:00:00Z\", \"not_after\": \"2026-01-01T00:00:00Z\",";
    refused(good.replace(&format!("{seven}: {{"), &format!("{seven}: {{ {never}")), "is never valid");
    let date = good.replace(&format!("{seven}: {{"), &format!("{seven}: {{ \"not_after\": \"2026-01-01\","));
    refused(date, "a time is written");
}

#[test]
fn a_key_whose_signatures_fit_everything_is_no_key() {
    // The neutral point: with it a signature of zeros fits every message for a lenient verifier.
    let mut point = [0; 32];
    point[0] = 1;
    let weak = ssh_key::PublicKey::from(ssh_key::public::Ed25519PublicKey(point));
    let error = TrustRoot::single(&weak.to_openssh().unwrap()).unwrap_err();
    assert!(error.to_string().contains("not a key that can sign"), "{error}");
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let signature = ssh_key::Signature::new(ssh_key::Algorithm::Ed25519, bytes.to_vec()).unwrap();
    let lenient = ed25519_dalek::VerifyingKey::from_bytes(&point).unwrap();
    let foreign = ed25519_dalek::Signature::from_bytes(&bytes);
    assert!(ed25519_dalek::Verifier::verify(&lenient, b"anything", &foreign).is_ok());
    let forged = ssh_key::SshSig::new(
        weak.key_data().clone(),
        Role::Release.namespace(),
        ssh_key::HashAlg::Sha512,
        signature,
    );
    let good = signed(&spec());
    let text = forged.unwrap().to_pem(ssh_key::LineEnding::LF).unwrap();
    assert!(matches!(
        check(&with_slot(&good, text.as_bytes()), &trust(&key(7))),
        Err(BundleError::Keys(KeyError::Signature(_)))
    ));
}

/// The order of the group, little-endian (RFC 8032, 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_second_spelling_of_a_good_signature_is_none() {
    let good = signed(&spec());
    let key = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]));
    let signature = key.sign("gabion-release-v1", ssh_key::HashAlg::Sha512, release_of(&good)).unwrap();
    let with = |bytes: &[u8]| {
        let signature = ssh_key::Signature::new(ssh_key::Algorithm::Ed25519, bytes.to_vec()).unwrap();
        let namespace = Role::Release.namespace();
        let public = key.public_key().key_data().clone();
        let it = ssh_key::SshSig::new(public, namespace, ssh_key::HashAlg::Sha512, signature).unwrap();
        check(
            &with_slot(&good, it.to_pem(ssh_key::LineEnding::LF).unwrap().as_bytes()),
            &trust(&crate::kit::key(7)),
        )
    };
    let mut bytes = signature.signature_bytes().to_vec();
    with(&bytes).unwrap();
    // The same number modulo the order: whoever computes with it finds it good.
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(carry, 0);
    assert!(matches!(with(&bytes), Err(BundleError::Keys(KeyError::Signature(_)))));
}

#[test]
fn many_who_sign_one_file_at_once_all_have_signed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.gabion");
    for _round in 0..5 {
        fs_err::write(&path, unsigned(&spec())).unwrap();
        std::thread::scope(|scope| {
            for seed in 1..=8 {
                let path = &path;
                scope.spawn(move || sign_bundle(&mut open_slot(path).unwrap(), &key(seed)).unwrap());
            }
        });
        let (_, slot, _) = read_table(&mut fs_err::File::open(&path).unwrap()).unwrap();
        assert_eq!(slot.release.signers(), (1..=8).map(|seed| key(seed).fingerprint()).collect());
    }
}

#[test]
fn a_slot_whose_write_was_cut_is_refused_until_it_is_emptied_on_demand() {
    let (one, two) = (signed(&spec()), sign(unsigned(&spec()), &[7, 8]));
    let slot = slot_at(&one);
    let cut = |at: usize| [&two[..at], &one[at..]].concat();
    let either = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[7, 8])]);
    let good = |bytes: &[u8]| check(bytes, &either).is_ok();
    let torn = (0..700).map(|at| cut(slot + at)).filter(|bytes| !good(bytes));
    let torn: Vec<Vec<u8>> = torn.collect();
    assert!(torn.len() > 200, "{}", torn.len());
    for bytes in torn {
        let mut bundle = Cursor::new(bytes);
        assert_eq!(sign_bundle(&mut bundle, &key(7)).unwrap_err().class(), Class::Trust);
        mend_slot(&mut bundle).unwrap();
        assert_eq!(bundle.get_ref(), &unsigned(&spec()));
        sign_bundle(&mut bundle, &key(7)).unwrap();
        assert!(good(bundle.get_ref()));
    }
    // What can be used is not thrown away.
    let mut bundle = Cursor::new(two.clone());
    mend_slot(&mut bundle).unwrap();
    assert_eq!(bundle.into_inner(), two);
}
