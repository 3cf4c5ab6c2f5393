//! Provenance that `gpg` signed, as the plugins of Helm do it.

use gabion_digest::Sha256;
use gabion_helm::{ChartMeta, Keyring, Provenance, ProvenanceError, Signers};
use gabion_testkit::{Gpg, has};

const NOW: u64 = 1_700_000_200;
const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.2.3\n";

/// A new key: all public keys and the fingerprint of this one.
fn key(gpg: &Gpg, name: &str) -> (Keyring, String) {
    let print = gpg.key(name, "ed25519", "sign", "never");
    (Keyring::parse(&gpg.export(true)).unwrap(), print)
}

fn meta(text: &str) -> ChartMeta {
    ChartMeta::parse(text.as_bytes(), None).unwrap()
}

#[test]
fn a_signed_chart_is_covered_and_nothing_else_is() {
    if !has(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let (keys, key) = key(&gpg, "packer");
    let packed = Sha256::of(b"the packed chart");
    let pinned = [key.clone()];
    let by = Signers { pinned: &pinned, needed: 1, now: NOW };
    let text = format!("{CHART}\n...\nfiles:\n  web-1.2.3.tgz: {packed}\n");
    let signed = gpg.sign(&key, &text, &[]);
    // Helm writes no line end behind the last line, gpg does.
    for file in [&signed[..], signed.strip_suffix(b"\n").unwrap()] {
        let provenance = Provenance::verify(file, &keys, &by).unwrap();
        assert_eq!(provenance.signers(), pinned);
        provenance.covers("web-1.2.3.tgz", packed, &meta(CHART)).unwrap();
    }
    let provenance = Provenance::verify(&signed, &keys, &by).unwrap();
    let code = |file: &str, bytes: &[u8], chart: &str| {
        let error = provenance.covers(file, Sha256::of(bytes), &meta(chart)).unwrap_err();
        assert!(error.help().is_some());
        error.code()
    };
    assert_eq!(code("web-1.2.4.tgz", b"the packed chart", CHART), "E0817");
    assert_eq!(code("web-1.2.3.tgz", b"another chart", CHART), "E0818");
    assert_eq!(code("web-1.2.3.tgz", b"the packed chart", &CHART.replace("web", "other")), "E0819");
    assert_eq!(code("web-1.2.3.tgz", b"the packed chart", &CHART.replace("1.2.3", "1.2.2")), "E0819");
}

#[test]
fn only_the_pinned_key_counts_and_only_for_what_it_signed() {
    if !has(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let (_, stranger) = key(&gpg, "stranger");
    let (keys, key) = key(&gpg, "packer");
    let pinned = [key.clone()];
    let by = Signers { pinned: &pinned, needed: 1, now: NOW };
    let digest = Sha256::of(b"x");
    let text = format!("{CHART}\n...\nfiles:\n  web-1.2.3.tgz: {digest}\n");
    let code = |file: &[u8]| Provenance::verify(file, &keys, &by).unwrap_err().code();
    assert_eq!(code(&gpg.sign(&stranger, &text, &[])), "E0703");
    let good = String::from_utf8(gpg.sign(&key, &text, &[])).unwrap();
    let other = Sha256::of(b"y").to_string();
    assert_eq!(code(good.replace(&digest.to_string(), &other).as_bytes()), "E0703");
    assert_eq!(code(good.replace("Hash: ", "NotDashEscaped: ").as_bytes()), "E0702");
    assert_eq!(code(format!("files: {{}}\n{good}").as_bytes()), "E0702");
    assert_eq!(code(text.as_bytes()), "E0702");
    assert_eq!(code(b""), "E0702");
}

#[test]
fn what_is_signed_but_no_provenance_is_refused() {
    if !has(&["gpg"]) {
        return;
    }
    let gpg = Gpg::new();
    let (keys, key) = key(&gpg, "packer");
    let pinned = [key.clone()];
    let by = Signers { pinned: &pinned, needed: 1, now: NOW };
    let verify = |text: &str| Provenance::verify(&gpg.sign(&key, text, &[]), &keys, &by);
    let code = |text: &str| verify(text).unwrap_err().code();
    assert_eq!(code("hello\n"), "E0816");
    assert_eq!(code(&format!("{CHART}\n...\nfiles: {{}}\n...\nfiles: {{}}\n")), "E0816");
    assert_eq!(code(&format!("{CHART}\n...\nfiles: [a]\n")), "E0816");
    assert_eq!(code(&format!("{CHART}\n...\nfiles: {{a: b}}\nfiles: {{}}\n")), "E0816");
    assert_eq!(code("apiVersion: v2\nname: ../web\nversion: 1.2.3\n\n...\nfiles: {}\n"), "E0810");
    // A list without the chart, and a digest that is none, cover nothing.
    let meta = meta(CHART);
    let covers =
        |text: &str| verify(text).unwrap().covers("web-1.2.3.tgz", Sha256::of(b"x"), &meta).unwrap_err();
    assert!(
        matches!(covers(&format!("{CHART}\n...\nimages: {{}}\n")), ProvenanceError::NotNamed { named, .. } if named.is_empty())
    );
    let bare = Sha256::of(b"x").hex();
    assert!(matches!(
        covers(&format!("{CHART}\n...\nfiles: {{web-1.2.3.tgz: '{bare}'}}\n")),
        ProvenanceError::Digest { .. }
    ));
}
