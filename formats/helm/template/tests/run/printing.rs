//! `fmt` for other crates.

use gabion_template::{Value, fmt};

#[test]
fn floats_are_written_as_strconv_does() {
    let check = |value: f64, verb: u8, precision: Option<usize>, expected: &str| {
        let mut out = Vec::new();
        fmt::float(&mut out, value, verb, precision);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{value} {}", char::from(verb));
    };
    check(1_048_576.0, b'g', None, "1.048576e+06");
    check(1_048_576.0, b'f', None, "1048576");
    check(1e21, b'f', None, "1000000000000000000000");
    check(1e21, b'e', None, "1e+21");
    check(0.1 + 0.2, b'g', None, "0.30000000000000004");
    check(-0.0, b'g', None, "-0");
    check(2.5, b'f', Some(0), "2");
    check(5e-324, b'g', None, "5e-324");
    check(f64::MAX, b'e', Some(3), "1.798e+308");
}

#[test]
fn values_are_printed_as_fmt_does() {
    let mut out = Vec::new();
    fmt::printf(&mut out, b"%5.1f|%v|", &[2.25.into(), Value::list(vec![Value::NIL, 1.0.into()])]).unwrap();
    fmt::print(&mut out, &[Value::int(1), Value::int(2), "a".into()]).unwrap();
    fmt::println(&mut out, &["|".into(), Value::NIL]).unwrap();
    fmt::quote(&mut out, b"a\"\xff");
    assert_eq!(String::from_utf8(out).unwrap(), "  2.2|[<nil> 1]|1 2a| <nil>\n\"a\\\"\\xff\"");
    assert!(fmt::printf(&mut Vec::new(), b"%p", &[Value::list(Vec::new())]).is_err());
}
