//! What would be other bytes next time is known to be so, wherever it goes.

use gabion_template::{Options, Run, Taint, Value};

use crate::world::{parts, render_with, set, values};

fn check(template: &str, expected: &[&str]) {
    let data = values(&[("name", "n")]);
    let traced = render_with(&[template], &data, Options::default()).unwrap();
    assert_eq!(parts(&traced), expected, "{template}");
    let plain = render_with(&[template], &data, Options { trace: false, ..Options::default() }).unwrap();
    assert_eq!((plain.bytes(), plain.taint()), (traced.bytes(), traced.taint()), "{template}");
}

#[test]
fn what_is_made_of_a_random_text_is_random() {
    check("a{{ random }}b", &["a @1:1", "4 @1:1 !random", "b @1:1"]);
    check("{{ random | upper }}{{ print random 1 }}", &["441 @1:1 !random"]);
}

#[test]
fn a_format_is_random_where_its_argument_is() {
    check("{{ printf \"%s-%s\" .name random }}", &["n @1:1 <7:1", "- @1:1", "4 @1:1 !random"]);
}

#[test]
fn numbers_and_truths_carry_it_too() {
    check("{{ now }}{{ len random }}{{ eq random \"4\" }}", &["9 @1:1 !the clock", "1true @1:1 !random"]);
}

#[test]
fn elements_have_their_own() {
    check(
        "{{ $l := list random .name }}{{ index $l 0 }}{{ index $l 1 }}",
        &["4 @1:1 !random", "n @1:1 <7:1"],
    );
    check("{{ $d := dict \"a\" random \"b\" 1 }}{{ $d.a }}{{ $d.b }}", &["4 @1:1 !random", "1 @1:1"]);
}

#[test]
fn what_is_made_of_a_whole_list_or_map_has_all_of_it() {
    check("{{ yaml (dict \"a\" (list 1 random)) }}", &["map[a:[1 4]] @1:1 !random"]);
    check("{{ list 1 random }}", &["[1 4] @1:1 !random"]);
    check("{{ printf \"%v\" (list random) }}", &["[4] @1:1 !random"]);
}

#[test]
fn a_list_that_was_split_off_a_random_text_is_random() {
    check("{{ range splitList \"-\" (print random \"-x\") }}{{ . }}{{ end }}", &["4x @1:1 !random"]);
}

#[test]
fn a_map_that_was_changed_shows_it_later() {
    let data = Value::map([(b"m"[..].into(), Value::map([].into()))].into());
    let set = set(&["{{ $_ := set .m \"a\" random }}", "{{ .m.a }}{{ yaml .m }}"]);
    let mut run = Run::new(&set, Options::default());
    assert!(run.render("1", &data).unwrap().taint().is_none());
    assert_eq!(parts(&run.render("2", &data).unwrap()), ["4map[a:4] @2:1 !random"]);
    assert!(run.is_tainted());
    let mut later = Run::new(&set, Options { tainted: true, ..Options::default() });
    assert_eq!(later.render("2", &data).unwrap().taint(), Taint::RANDOM);
}

#[test]
fn an_included_text_is_random_only_where_it_was() {
    check(
        "{{ define \"a\" }}x{{ random }}y{{ end }}{{ include \"a\" . }}",
        &["x @1:1", "4 @1:1 !random", "y @1:1"],
    );
    check("{{ define \"a\" }}x{{ random }}{{ end }}{{ include \"a\" . | upper }}", &["X4 @1:1 !random"]);
}

#[test]
fn a_cycle_of_maps_is_searched_once() {
    check(
        "{{ $d := dict \"r\" random }}{{ $_ := set $d \"d\" $d }}{{ len $d }}{{ len (list $d) }}",
        &["21 @1:1"],
    );
}

#[test]
fn whoever_asked_is_noted() {
    let set = set(&["a\n{{ random }}{{ include \"2\" . }}", "\n\n{{ if now }}{{ end }}"]);
    let mut run = Run::new(&set, Options::default());
    run.render("1", &Value::NIL).unwrap();
    let notes: Vec<_> =
        run.notes().iter().map(|note| (note.what.as_str(), note.origin.template, note.origin.line)).collect();
    assert_eq!(notes, [("random", 1, 2), ("now", 2, 3)]);
}
