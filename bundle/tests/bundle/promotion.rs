//! Where a bundle may go, and that nothing older comes back.

use crate::kit::{
    NOW, at, check, key, looking, promote, promoted, promoters, promotion, root, sign, signed, spec,
    statement, trust, unsigned,
};
use gabion_bundle::{
    BundleError, Floor, Hosts, Policy, Promotion, Revoked, Role, SignedPromotion, SigningKey, Stage,
    TrustRoot, verify,
};
use std::io::Cursor;

fn installing(root: &TrustRoot) -> Policy<'_> {
    Policy { stage: Stage::Install, ..looking(root) }
}

fn judge(bytes: &[u8], policy: &Policy<'_>) -> Result<(), BundleError> {
    verify(Cursor::new(bytes), policy).map(drop)
}

#[test]
fn a_root_that_names_promoters_asks_for_a_promotion_to_install_and_another_does_not() {
    let bytes = signed(&spec());
    check(&bytes, &promoters()).unwrap();
    assert!(matches!(judge(&bytes, &installing(&promoters())), Err(BundleError::Unpromoted(_))));
    judge(&bytes, &installing(&trust(&key(7)))).unwrap();
    let bytes = promoted(&spec(), 7);
    let verified = verify(Cursor::new(&bytes), &installing(&promoters())).unwrap();
    let promotion = verified.promotion.unwrap();
    assert_eq!((promotion.promotion.serial, promotion.signers.clone()), (7, vec![key(9).fingerprint()]));
    promotion.admit("prod").unwrap();
    let error = promotion.admit("staging").unwrap_err();
    assert_eq!(error.to_string(), "the bundle is promoted for `prod`, not for `staging`");
    // A root without promoters judges no promotion.
    assert_eq!(verify(Cursor::new(&bytes), &installing(&trust(&key(7)))).unwrap().promotion, None);
}

#[test]
fn promoting_changes_only_the_slot_and_a_new_promotion_takes_the_place_of_the_old() {
    let bytes = signed(&spec());
    let digest = |bytes: &[u8]| verify(Cursor::new(bytes), &looking(&promoters())).unwrap().digest;
    let canary = promoted(&spec(), 1);
    assert_eq!(digest(&bytes), digest(&canary));
    let production = promote(canary, &promotion(statement(&bytes, 2), &[9]));
    assert_eq!(digest(&bytes), digest(&production));
    let verified = verify(Cursor::new(&production), &looking(&promoters())).unwrap();
    assert_eq!(verified.promotion.unwrap().promotion.serial, 2);
}

#[test]
fn who_promotes_decides() {
    let root = root(1, &[(Role::Root, 1, &[1]), (Role::Release, 1, &[7]), (Role::Promotion, 2, &[7, 8, 9])]);
    let bytes = signed(&spec());
    let by = |seeds: &[u8]| check(&promote(bytes.clone(), &promotion(statement(&bytes, 1), seeds)), &root);
    for few in [&[7][..], &[7, 7], &[7, 1], &[7, 5]] {
        let error = by(few).unwrap_err();
        assert!(
            matches!(error, BundleError::Untrusted { role: Role::Promotion, found: 1, needed: 2, .. }),
            "{few:?}: {error}"
        );
    }
    by(&[7, 8]).unwrap();
    by(&[9, 8, 5]).unwrap();
    // Whoever is about to add a signature does not need the others' first.
    let policy = Policy::new(&root, at(NOW), Stage::Release);
    judge(&promote(bytes.clone(), &promotion(statement(&bytes, 1), &[7])), &policy).unwrap();
}

#[test]
fn a_promotion_of_another_bundle_or_for_another_name_is_refused() {
    let bytes = signed(&spec());
    let mut other = spec();
    other.members.pop();
    let foreign = promotion(statement(&signed(&other), 1), &[9]);
    let refused = gabion_bundle::promote_bundle(&mut Cursor::new(bytes.clone()), &foreign).unwrap_err();
    assert!(matches!(refused, BundleError::OtherBundle { .. }), "{refused}");
    let root = promoters();
    let policy = Policy { promotion: Some(&foreign), ..installing(&root) };
    assert!(matches!(judge(&bytes, &policy), Err(BundleError::OtherBundle { .. })));
    let renamed = promotion(Promotion { name: "other".to_owned(), ..statement(&bytes, 1) }, &[9]);
    let policy = Policy { promotion: Some(&renamed), ..installing(&root) };
    assert!(matches!(judge(&bytes, &policy), Err(BundleError::Promotion(_))));
}

#[test]
fn a_promotion_of_its_own_file_stands_in_the_place_of_the_bundles() {
    let bytes = promoted(&spec(), 1);
    let root = promoters();
    let text = promotion(statement(&bytes, 5), &[9]).to_text().unwrap();
    let given = SignedPromotion::parse(&text).unwrap();
    let policy = Policy { promotion: Some(&given), ..installing(&root) };
    assert_eq!(verify(Cursor::new(&bytes), &policy).unwrap().promotion.unwrap().promotion.serial, 5);
    for at in 0..text.len() {
        let mut bad = text.clone().into_bytes();
        bad[at] ^= 1;
        let Ok(bad) = String::from_utf8(bad) else { continue };
        let result = SignedPromotion::parse(&bad)
            .and_then(|it| judge(&bytes, &Policy { promotion: Some(&it), ..installing(&root) }));
        assert!(result.is_err(), "byte {at}");
    }
    for bad in [format!("{text}\n"), text.replace('\n', "\r\n"), format!("\n{text}"), String::new()] {
        assert!(matches!(SignedPromotion::parse(&bad), Err(BundleError::Promotion(_))), "{bad}");
    }
    // Where nobody may promote, a promotion that was given is not silently passed over.
    let single = trust(&key(7));
    let policy = Policy { promotion: Some(&given), ..installing(&single) };
    assert!(matches!(judge(&bytes, &policy), Err(BundleError::Unpromoted(_))));
}

#[test]
fn nothing_older_than_the_floor_passes_and_a_serial_means_one_bundle() {
    let bytes = promoted(&spec(), 5);
    let root = promoters();
    let mine = statement(&bytes, 5).bundle;
    let seen = |serial, digest| Floor {
        seen: [("platform".to_owned(), (serial, digest))].into(),
        ..Floor::default()
    };
    let with = |floor| judge(&bytes, &Policy { floor, ..installing(&root) });
    with(seen(4, gabion_digest::Sha256::of(b"x"))).unwrap();
    with(seen(5, mine)).unwrap();
    let error = with(seen(6, mine)).unwrap_err();
    assert!(matches!(error, BundleError::Rollback { serial: 5, floor: 6, .. }), "{error}");
    let other = gabion_digest::Sha256::of(b"x");
    let error = with(seen(5, other)).unwrap_err();
    assert!(matches!(error, BundleError::Equivocation { serial: 5, .. }), "{error}");
    assert!(error.to_string().contains(&mine.to_string()) && error.to_string().contains(&other.to_string()));
    // Another name has another floor.
    with(Floor { seen: [("other".to_owned(), (9, other))].into(), ..Floor::default() }).unwrap();
    with(Floor { min_serial: 5, ..Floor::default() }).unwrap();
    assert!(matches!(
        with(Floor { min_serial: 6, ..Floor::default() }),
        Err(BundleError::Rollback { serial: 5, floor: 6, .. })
    ));
    // An operator who names a floor wants a promotion, whatever the command.
    let unpromoted = signed(&spec());
    let floor = Floor { min_serial: 1, ..Floor::default() };
    let policy = Policy { floor: floor.clone(), ..looking(&root) };
    assert!(matches!(judge(&unpromoted, &policy), Err(BundleError::Unpromoted(_))));
    let single = trust(&key(7));
    assert!(matches!(judge(&bytes, &Policy { floor, ..looking(&single) }), Err(BundleError::Unpromoted(_))));
}

#[test]
fn a_root_older_than_the_promoters_or_the_hosts_is_refused() {
    let bytes = signed(&spec());
    let newer = promotion(Promotion { root_version: 2, ..statement(&bytes, 1) }, &[9]);
    let error = check(&promote(bytes.clone(), &newer), &promoters()).unwrap_err();
    assert!(matches!(error, BundleError::OldRoot { version: 1, floor: 2 }), "{error}");
    let root = promoters();
    let floor = Floor { root_version: 2, ..Floor::default() };
    assert!(matches!(
        judge(&bytes, &Policy { floor, ..looking(&root) }),
        Err(BundleError::OldRoot { version: 1, floor: 2 })
    ));
}

/// Key 7 signs releases until `release_ends`, 9 promotes from `promoter_begins` to `promoter_ends`.
fn aging(release_ends: &str, promoter_begins: &str, promoter_ends: &str) -> TrustRoot {
    let mut root = promoters();
    root.keys.get_mut(&key(7).fingerprint()).unwrap().not_after = Some(at(release_ends));
    let promoter = root.keys.get_mut(&key(9).fingerprint()).unwrap();
    (promoter.not_before, promoter.not_after) = (Some(at(promoter_begins)), Some(at(promoter_ends)));
    TrustRoot::parse(&root.to_text()).unwrap()
}

#[test]
fn an_expired_key_counts_only_where_a_present_promoter_vouches_for_its_time() {
    let bytes = signed(&spec());
    let dated = |date: &str| {
        promote(bytes.clone(), &promotion(Promotion { date: at(date), ..statement(&bytes, 1) }, &[9]))
    };
    let root = aging("2025-12-31T00:00:00Z", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    // Promoted in time, installed later.
    judge(&dated("2025-06-01T00:00:00Z"), &installing(&root)).unwrap();
    // Promoted after the key ended.
    let error = judge(&dated("2026-01-01T00:00:00Z"), &installing(&root)).unwrap_err();
    assert!(matches!(error, BundleError::Untrusted { role: Role::Release, .. }), "{error}");
    assert!(error.help().unwrap().contains("expired after 2025-12-31"), "{error}");
    // Not promoted at all, or looked at by somebody who is only about to promote.
    assert!(matches!(check(&bytes, &root), Err(BundleError::Untrusted { role: Role::Release, .. })));
    let policy = Policy::new(&root, at(NOW), Stage::Release);
    assert!(judge(&dated("2025-06-01T00:00:00Z"), &policy).is_err());
    // A promoter cannot speak for times before its own.
    let error = judge(&dated("2024-06-01T00:00:00Z"), &installing(&root)).unwrap_err();
    assert!(matches!(error, BundleError::Untrusted { role: Role::Promotion, .. }), "{error}");
    // Nor for anything once it has ended itself.
    let later = Policy { now: at("2027-01-02T00:00:00Z"), ..installing(&root) };
    let error = judge(&dated("2025-06-01T00:00:00Z"), &later).unwrap_err();
    assert!(matches!(error, BundleError::Untrusted { role: Role::Promotion, .. }), "{error}");
    // And nobody speaks for a revoked key.
    let mut revoked = root.clone();
    revoked.keys.get_mut(&key(7).fingerprint()).unwrap().revoked = Revoked::Since(at(NOW));
    revoked.roles.get_mut(&Role::Release).unwrap().keys.insert(key(9).fingerprint());
    assert!(judge(&dated("2025-06-01T00:00:00Z"), &installing(&revoked)).is_err());
}

#[test]
fn a_second_promoter_signs_the_same_statement_and_a_lower_serial_never_replaces_a_higher() {
    let bytes = signed(&spec());
    let first = promotion(statement(&bytes, 3), &[8]);
    let later = Promotion { date: at("2026-12-01T00:00:00Z"), ..statement(&bytes, 3) };
    let same = SignedPromotion::after(Some(first.clone()), later.clone()).unwrap();
    assert_eq!(same, first, "the date of the first one stays");
    let wider = Promotion { hosts: Hosts::parse(["*"]).unwrap(), ..later.clone() };
    assert!(matches!(SignedPromotion::after(Some(first.clone()), wider), Err(BundleError::Rollback { .. })));
    let lower = Promotion { serial: 2, ..later.clone() };
    assert!(matches!(
        SignedPromotion::after(Some(first.clone()), lower),
        Err(BundleError::Rollback { serial: 2, floor: 4, .. })
    ));
    let higher = SignedPromotion::after(Some(first), Promotion { serial: 4, ..later }).unwrap();
    assert!(higher.signatures().is_empty());
    assert!(SignedPromotion::new(Promotion { channel: "a b".to_owned(), ..statement(&bytes, 1) }).is_err());
    let many: Vec<SigningKey> = (100..103).map(key).collect();
    let mut signed = SignedPromotion::new(statement(&sign(unsigned(&spec()), &[7]), 1)).unwrap();
    for key in &many {
        signed.sign(key).unwrap();
    }
    assert_eq!(signed.signatures().signers().len(), 3);
    assert_eq!(SignedPromotion::parse(&signed.to_text().unwrap()).unwrap(), signed);
}
