//! Which line of which file of values, written by which line of which template.

use gabion_template::{Options, Value};

use crate::world::{parts, render, render_with, values};

fn check(files: &[&str], expected: &[&str]) {
    let data = values(&[("name", "nginx"), ("tag", "1.2"), ("text", "one\ntwo")]);
    assert_eq!(parts(&render(files, &data)), expected, "{files:?}");
}

#[test]
fn each_line_of_a_template_is_a_place() {
    check(&["a\nb\n\nc"], &["a¶ @1:1", "b¶ @1:2", "¶ @1:3", "c @1:4"]);
    check(
        &["a: {{ .name }}\nb: {{ 1 }}{{ \"x\" }}"],
        &["a:  @1:1", "nginx @1:1 <7:1", "¶ @1:1", "b: 1x @1:2"],
    );
}

#[test]
fn an_included_text_keeps_the_line_that_wrote_it() {
    let helper = "{{ define \"image\" }}\n{{- .name }}:{{ .tag -}}\n{{ end }}";
    let parts = ["image:  @1:1", "nginx @2:2 <7:1", ": @2:2", "1.2 @2:2 <7:2"];
    check(&["image: {{ include \"image\" . }}", helper], &parts);
    check(&["image: {{ template \"image\" . }}", helper], &parts);
}

#[test]
fn what_is_made_of_a_text_has_its_origin() {
    check(&["\n{{ upper .name }}"], &["¶ @1:1", "NGINX @1:2 <7:1"]);
    check(&["{{ $x := .name }}\n{{ $x | upper | upper }}"], &["¶ @1:1", "NGINX @1:2 <7:1"]);
    check(&["{{ slice .name 1 3 }}{{ .name | len }}"], &["gi @1:1 <7:1", "5 @1:1"]);
    check(&["{{ (dict \"k\" .name).k }}{{ index (list .tag) 0 }}"], &["nginx @1:1 <7:1", "1.2 @1:1 <7:2"]);
}

#[test]
fn a_format_weaves_the_origins_of_its_arguments() {
    check(&["{{ printf \"%s:%s!\" .name .tag }}"], &["nginx @1:1 <7:1", ": @1:1", "1.2 @1:1 <7:2", "! @1:1"]);
    check(&["{{ printf \"%q %d\" .name 1 }}"], &["\"nginx\" @1:1 <7:1", " 1 @1:1"]);
    check(&["{{ printf \"%s\" 1 }}"], &["%!s(int=1) @1:1"]);
}

#[test]
fn without_trace_the_bytes_are_the_same_and_there_are_no_spans() {
    let data = values(&[("name", "nginx")]);
    let files = ["a {{ .name }}\n{{ include \"2\" . }}", "{{ printf \"%s\" .name | upper }}"];
    let plain = render_with(&files, &data, Options { trace: false, ..Options::default() }).unwrap();
    assert_eq!(plain.bytes(), render(&files, &data).bytes());
    assert!(plain.spans().is_empty());
}

#[test]
fn no_value_can_be_taken_out() {
    let options = Options { strip_no_value: true, ..Options::default() };
    let text =
        render_with(&["a{{ .x }}b\n<no value>{{ .name }}"], &values(&[("name", "n")]), options).unwrap();
    assert_eq!(parts(&text), ["ab¶ @1:1", "n @1:2 <7:1"]);
    let nothing = Options { strip_no_value: true, ..Options::default() };
    assert_eq!(render_with(&["{{ .x }}"], &Value::NIL, nothing).unwrap().bytes(), b"");
}
