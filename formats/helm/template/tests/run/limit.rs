//! Hostile templates end with an error, and soon.

use gabion_template::{Class, ExecError, Limits, Options, Run, Set, Value};

use crate::world::{Table, render_with, set};

fn limited(template: &str, limits: Limits) -> ExecError {
    render_with(&[template], &Value::NIL, Options { limits, ..Options::default() }).unwrap_err()
}

fn check(template: &str, limits: Limits, reason: &str) {
    let error = limited(template, limits);
    assert_eq!(error.class, Class::Budget, "{error}");
    assert!(error.message.contains(reason), "{error}");
}

#[test]
fn an_endless_loop_ends() {
    let limits = Limits { steps: 10_000, ..Limits::default() };
    check("{{ range 9223372036854775807 }}{{ end }}", limits, "more than 10000 steps");
    check("{{ range 1000000000 }}{{ range 1000000000 }}{{ end }}{{ end }}", limits, "steps");
}

#[test]
fn a_text_that_doubles_ends() {
    let limits = Limits { text: 1 << 20, ..Limits::default() };
    check(
        "{{ $x := \"ab\" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}",
        limits,
        "longer than 1048576 bytes",
    );
    check("{{ repeat 2000000 \"x\" }}", limits, "longer than 1048576 bytes");
    check("{{ range 2000000 }}x{{ end }}", limits, "longer than 1048576 bytes");
    check("{{ $l := list }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ print $l }}", limits, "too large");
}

#[test]
fn templates_inside_themselves_end() {
    for template in [
        "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
        "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
        "{{ define \"a\" }}{{ if true }}{{ with 1 }}{{ (include \"a\" (list (list .))) }}{{ end }}{{ end }}{{ end }}{{ include \"a\" . }}",
        "{{ tpl .t . }}",
    ] {
        let again = Value::map([(b"t"[..].into(), "{{ tpl .t . }}".into())].into());
        let error = render_with(&[template], &again, Options::default()).unwrap_err();
        assert_eq!(error.class, Class::Budget, "{error}");
    }
}

#[test]
fn a_name_is_included_inside_itself_so_often_and_no_more() {
    let limits = Limits { include: 10, ..Limits::default() };
    let error = limited("{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}", limits);
    assert!(error.reason.starts_with("rendering template has a nested reference name: a"), "{error}");
    assert_eq!(error.frames.len(), 12);
    let fine = "{{ define \"a\" }}.{{ end }}{{ range 50 }}{{ include \"a\" . }}{{ end }}";
    assert!(render_with(&[fine], &Value::NIL, Options { limits, ..Options::default() }).is_ok());
}

#[test]
fn a_map_that_holds_itself_is_not_printed() {
    let template = "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ print $d }}";
    let error = limited(template, Limits::default());
    assert!(error.message.contains("nested too deeply"), "{error}");
}

#[test]
fn texts_and_lists_of_calls_are_paid_for() {
    let limits = Limits { steps: 20_000, ..Limits::default() };
    let one = "{{ $x := repeat 100000 \"x\" }}";
    let many = format!("{one}{{{{ range 100 }}}}{{{{ $_ := upper $x }}}}{{{{ end }}}}");
    check(&many, limits, "more than 20000 steps");
    assert!(render_with(&[one], &Value::NIL, Options { limits, ..Options::default() }).is_ok());
    check("{{ range 500 }}{{ $_ := repeat 5000 \"x\" }}{{ end }}", limits, "more than 20000 steps");
}

#[test]
fn a_list_as_deep_as_a_loop_makes_it_is_dropped_without_a_stack() {
    let template = "{{ $l := list }}{{ range 300000 }}{{ $l = list $l }}{{ end }}{{ len $l }}";
    assert_eq!(render_with(&[template], &Value::NIL, Options::default()).unwrap().bytes(), b"1");
    let template = "{{ $l := dict }}{{ range 300000 }}{{ $l = dict \"k\" (list $l) }}{{ end }}{{ len $l }}";
    assert_eq!(render_with(&[template], &Value::NIL, Options::default()).unwrap().bytes(), b"1");
}

#[test]
fn what_is_nested_too_deeply_is_no_template() {
    for (open, close) in [
        ("(", ")"),
        ("{{if 1}}", "{{end}}"),
        ("{{if 1}}{{else if 1}}", "{{end}}"),
        ("{{block \"x\" .}}", "{{end}}"),
    ] {
        let nest = |depth: usize| {
            let chained = open.contains("else");
            let text = open.repeat(depth) + "1" + &close.repeat(depth);
            let text = if open == "(" { format!("{{{{{text}}}}}") } else { text };
            let text = if chained {
                "{{if 1}}".to_owned() + &"{{else if 1}}".repeat(depth) + "{{end}}"
            } else {
                text
            };
            Set::new(&Table).parse("a", 1, text.as_bytes())
        };
        assert!(nest(100_000).is_err_and(|error| error.message == "max expression depth exceeded"), "{open}");
        assert!(open.contains("block") || nest(200).is_ok(), "{open}");
    }
}

#[test]
fn the_deepest_template_that_is_parsed_can_be_run() {
    let depth = 240;
    let text = "{{if 1}}{{with 1}}".repeat(depth / 2) + "x" + &"{{end}}{{end}}".repeat(depth / 2);
    assert_eq!(render_with(&[&text], &Value::NIL, Options::default()).unwrap().bytes(), b"x");
    let text = "{{".to_owned() + &"(print ".repeat(depth) + "1" + &")".repeat(depth) + "}}";
    assert_eq!(render_with(&[&text], &Value::NIL, Options::default()).unwrap().bytes(), b"1");
}

#[test]
fn a_run_goes_on_after_an_error() {
    let set = set(&[
        "{{ $x := 1 }}{{ range 3 }}{{ upper (print $x (fail \"no\")) }}{{ end }}",
        "{{ $y := 2 }}{{ $y }}",
    ]);
    let mut run = Run::new(&set, Options::default());
    assert!(run.render("1", &Value::NIL).is_err());
    assert_eq!(run.render("2", &Value::NIL).unwrap().bytes(), b"2");
}
