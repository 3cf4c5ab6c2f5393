//! What is another one each time: looked at for its shape and its taint. And what is seen from outside: maps that two
//! names share, origins of bytes.

use std::rc::Rc;

use gabion_template::{Data, Origin, Taint, Text, Value};
use gabion_testkit as testkit;
use serde_json::json;

use crate::calls::{read, run};
use crate::peer;

fn text(value: &Value) -> String {
    value.as_text().unwrap_or_else(|| panic!("{value:?}")).to_str().into_owned()
}

/// Whether a character may stand in a text.
type Sign = fn(char) -> bool;

fn field(value: &Value, name: &str) -> Value {
    let Data::Object(object) = &value.data else { panic!("{value:?}") };
    object.field(name).unwrap()
}

#[test]
fn random_texts_have_their_length_and_their_signs_and_are_tainted() {
    let signs: [(&str, Sign); 4] = [
        ("randAlpha", |it| it.is_ascii_alphabetic()),
        ("randAlphaNum", |it| it.is_ascii_alphanumeric()),
        ("randNumeric", |it| it.is_ascii_digit()),
        ("randAscii", |it| (' '..='~').contains(&it)),
    ];
    for (name, sign) in signs {
        let value = run(name, vec![Value::int(40)]).unwrap();
        let made = text(&value);
        assert!(made.len() == 40 && made.chars().all(sign), "{name}: {made}");
        assert!(value.taint.has(Taint::RANDOM), "{name}");
        assert_ne!(made, text(&run(name, vec![Value::int(40)]).unwrap()));
        assert_eq!(text(&run(name, vec![Value::int(-1)]).unwrap()), "");
    }
    let uuid = text(&run("uuidv4", vec![]).unwrap());
    assert!(
        uuid.len() == 36 && uuid.as_bytes()[14] == b'4' && "89ab".contains(char::from(uuid.as_bytes()[19])),
        "{uuid}"
    );
    let shuffled = run("shuffle", vec!["héllo".into()]).unwrap();
    let sorted = |text: &str| {
        let mut all: Vec<char> = text.chars().collect();
        all.sort_unstable();
        all
    };
    assert_eq!(sorted(&text(&shuffled)), sorted("héllo"));
    assert!(shuffled.taint.has(Taint::RANDOM));
    let number = run("randInt", vec![Value::int(5), Value::int(7)]).unwrap();
    assert!(
        matches!(number.data, Data::Int(int) if (5..7).contains(&int.bits))
            && number.taint.has(Taint::RANDOM)
    );
    assert_eq!(
        text(&run("b64dec", vec![run("randBytes", vec![Value::int(12)]).unwrap()]).unwrap())
            .chars()
            .count()
            .min(1),
        1
    );
}

#[test]
fn the_clock_taints_what_looks_at_it() {
    let now = run("now", vec![]).unwrap();
    let year = run("date", vec!["2006".into(), now.clone()]).unwrap();
    assert!(now.taint.has(Taint::CLOCK) && year.taint.has(Taint::CLOCK));
    assert!(text(&year).parse::<u32>().unwrap() >= 2024);
    for (name, args) in [
        ("ago", vec![Value::int(0)]),
        ("date", vec!["2006".into(), "no moment".into()]),
        ("htmlDate", vec![now]),
    ] {
        assert!(run(name, args).unwrap().taint.has(Taint::CLOCK), "{name}");
    }
    assert!(run("date", vec!["2006".into(), Value::int(0)]).unwrap().taint.is_none());
}

#[test]
fn a_hashed_password_is_one_that_go_accepts() {
    let hash = run("bcrypt", vec!["pässword".into()]).unwrap();
    assert!(hash.taint.has(Taint::RANDOM) && text(&hash).len() == 60);
    let line = text(&run("htpasswd", vec!["user".into(), "secret".into()]).unwrap());
    assert!(line.starts_with("user:$2a$10$"), "{line}");
    assert_eq!(text(&run("htpasswd", vec!["a:b".into(), "x".into()]).unwrap()), "invalid username: a:b");
    let asked = [json!(["checkHash", text(&hash), "pässword"]), json!(["checkHash", text(&hash), "other"])];
    let Some(answers) = peer::ask(&asked) else { return };
    assert_eq!(answers, [json!({ "out": true }), json!({ "out": false })]);
}

#[test]
fn what_was_encrypted_is_decrypted() {
    for plain in ["a", "sixteen bytes ..", "a longer text, with é"] {
        let sealed = run("encryptAES", vec!["key".into(), plain.into()]).unwrap();
        assert!(sealed.taint.has(Taint::RANDOM));
        assert_eq!(text(&run("decryptAES", vec!["key".into(), sealed.clone()]).unwrap()), plain);
        let Some(answers) = peer::ask(&[json!(["decryptAES", "key", text(&sealed)])]) else { return };
        assert_eq!(answers, [json!({ "out": plain })]);
    }
}

/// Runs `openssl` on a text.
fn openssl(args: &[&str], input: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in.pem");
    fs_err::write(&file, input).unwrap();
    testkit::text(testkit::program("openssl").args(args).arg("-in").arg(&file))
}

#[test]
fn certificates_are_signed_by_their_authority() {
    let authority = run("genCA", vec!["my-ca".into(), Value::int(365)]).unwrap();
    let names = read(&json!(["a.example", "*.b.example"]));
    let args =
        vec!["leaf".into(), read(&json!(["10.0.0.1", "::1"])), names, Value::int(30), authority.clone()];
    let leaf = run("genSignedCert", args).unwrap();
    let made = |value: &Value, name: &str| text(&field(value, name));
    assert!(leaf.taint.has(Taint::CERTIFICATE) && field(&leaf, "Key").taint.has(Taint::CERTIFICATE));
    assert!(made(&leaf, "Key").starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    if !testkit::has(&["openssl"]) {
        return;
    }
    let shown = openssl(&["x509", "-noout", "-text"], &made(&leaf, "Cert"));
    for part in [
        "Issuer: CN = my-ca",
        "Subject: CN = leaf",
        "DNS:a.example, DNS:*.b.example",
        "IP Address:10.0.0.1",
        "CA:FALSE",
    ] {
        assert!(shown.replace("CN=", "CN = ").contains(part), "{part}: {shown}");
    }
    let shown = openssl(&["x509", "-noout", "-text"], &made(&authority, "Cert"));
    assert!(
        shown.contains("CA:TRUE") && shown.contains("Certificate Sign") && shown.contains("(2048 bit)"),
        "{shown}"
    );
    let folder = tempfile::tempdir().unwrap();
    let (ca, file) = (folder.path().join("ca.pem"), folder.path().join("leaf.pem"));
    fs_err::write(&ca, made(&authority, "Cert")).unwrap();
    fs_err::write(&file, made(&leaf, "Cert")).unwrap();
    let verified =
        testkit::text(testkit::program("openssl").arg("verify").arg("-CAfile").arg(&ca).arg(&file));
    assert!(verified.ends_with(": OK\n"), "{verified}");
}

#[test]
fn keys_of_every_kind_are_made_and_read_again() {
    for (kind, head) in [("ecdsa", "EC PRIVATE KEY"), ("ed25519", "PRIVATE KEY")] {
        let key = run("genPrivateKey", vec![kind.into()]).unwrap();
        assert!(key.taint.has(Taint::CERTIFICATE));
        assert!(text(&key).starts_with(&format!("-----BEGIN {head}-----\n")));
        let made = run("genCAWithKey", vec!["ca".into(), Value::int(9), key.clone()]).unwrap();
        assert_eq!(text(&field(&made, "Key")), text(&key));
        let own = run(
            "genSelfSignedCertWithKey",
            vec!["x".into(), Value::NIL, Value::NIL, Value::int(9), key.clone()],
        );
        let encoded = |value: Value| run("b64enc", vec![value]).unwrap();
        let custom = vec![encoded(field(&own.unwrap(), "Cert")), encoded(key)];
        assert_eq!(text(&field(&run("buildCustomCert", custom).unwrap(), "Key")), text(&field(&made, "Key")));
        if testkit::has(&["openssl"]) {
            assert!(openssl(&["x509", "-noout", "-subject"], &text(&field(&made, "Cert"))).contains("ca"));
            assert!(openssl(&["pkey", "-noout", "-text"], &text(&field(&made, "Key"))).contains("rivate"));
        }
    }
    let group = run("genPrivateKey", vec!["dsa".into()]).unwrap();
    assert!(text(&group).starts_with("-----BEGIN DSA PRIVATE KEY-----\n"));
    // As in Go, it is read, and signs no certificate.
    assert!(run("genCAWithKey", vec!["ca".into(), Value::int(9), group]).unwrap_err().contains("x509"));
    assert_eq!(text(&run("genPrivateKey", vec!["x".into()]).unwrap()), "Unknown type x");
    assert!(
        run("genCAWithKey", vec!["ca".into(), Value::int(9), "no key".into()])
            .unwrap_err()
            .contains("no PEM data")
    );
}

#[test]
fn set_and_merge_change_the_map_that_all_see() {
    let target = read(&json!({ "a": { "x": 1 } }));
    let source = read(&json!({ "a": { "y": 2 }, "b": { "z": 3 } }));
    let merged = run("merge", vec![target.clone(), source.clone()]).unwrap();
    assert!(Rc::ptr_eq(merged.as_map().unwrap(), target.as_map().unwrap()));
    // What the target lacked is the source's own map.
    let inner = |value: &Value| Rc::clone(value.as_map().unwrap().get(b"b").unwrap().as_map().unwrap());
    assert!(Rc::ptr_eq(&inner(&target), &inner(&source)));
    run("set", vec![Data::Map(inner(&source)).into(), "new".into(), true.into()]).unwrap();
    assert!(inner(&target).get(b"new").is_some());
    run("unset", vec![target.clone(), "b".into()]).unwrap();
    assert!(target.as_map().unwrap().get(b"b").is_none());
    let copy = run("deepCopy", vec![source.clone()]).unwrap();
    assert!(!Rc::ptr_eq(&inner(&copy), &inner(&source)));
}

#[test]
fn a_map_that_holds_itself_is_an_error() {
    let knot = read(&json!({}));
    run("set", vec![knot.clone(), "self".into(), knot.clone()]).unwrap();
    let other = read(&json!({}));
    run("set", vec![other.clone(), "self".into(), other.clone()]).unwrap();
    for (name, args) in [
        ("deepCopy", vec![knot.clone()]),
        ("mustToJson", vec![knot.clone()]),
        ("toString", vec![knot.clone()]),
        ("deepEqual", vec![knot.clone(), other.clone()]),
    ] {
        assert!(run(name, args).is_err(), "{name}");
    }
    for map in [knot, other] {
        map.as_map().unwrap().entries.borrow_mut().clear();
    }
}

#[test]
fn what_would_fill_the_memory_is_an_error() {
    let huge = || Value::int(1 << 40);
    for (name, args) in [
        ("until", vec![huge()]),
        ("repeat", vec![huge(), "x".into()]),
        ("indent", vec![huge(), "x".into()]),
        ("randAlpha", vec![huge()]),
        ("untilStep", vec![Value::int(0), huge(), Value::int(1)]),
    ] {
        assert!(run(name, args).is_err(), "{name}");
    }
}

#[test]
fn texts_that_are_cut_or_indented_keep_the_origin_of_every_byte() {
    let origin = |line| Origin { template: 1, line, file: 2, file_line: 3 };
    let mut parts = gabion_template::TextBuilder::default();
    parts.push(b"  image: ", origin(1), Taint::NONE);
    parts.push("é\"x\"\n".as_bytes(), origin(2), Taint::RANDOM);
    let given: Text = parts.finish();
    for (name, args) in [
        ("indent", vec![Value::int(2)]),
        ("nindent", vec![Value::int(2)]),
        ("trim", vec![]),
        ("trimSuffix", vec!["\n".into()]),
        ("quote", vec![]),
        ("squote", vec![]),
        ("replace", vec!["image".into(), "i".into()]),
        ("toJson", vec![]),
        ("trunc", vec![Value::int(14)]),
        ("upper", vec![]),
    ] {
        let mut args = args;
        args.push(given.clone().into());
        let made = run(name, args).unwrap();
        let made = made.as_text().unwrap();
        let place = made.to_str().find(['x', 'X']).unwrap_or_else(|| panic!("{name}: {made:?}"));
        let span = made.origin(place);
        // Letters beyond ASCII may change their length with their case: then the whole is of one origin.
        if name != "upper" {
            assert_eq!(span.map(|span| (span.origin.line, span.taint)), Some((2, Taint::RANDOM)), "{name}");
        }
        assert!(made.taint().has(Taint::RANDOM), "{name}");
    }
}
