//! Errors know every action that was being done.

use gabion_template::{Class, ExecError, Options, Run, Set, Value};

use crate::world::{Table, render_with, set};

fn frames(error: &ExecError) -> Vec<String> {
    let frame = |frame: &gabion_template::Frame| {
        format!("{} {}:{}:{} {}", frame.template, frame.file, frame.line, frame.column, frame.action)
    };
    error.frames.iter().map(frame).collect()
}

#[test]
fn the_innermost_action_comes_first() {
    let files =
        ["\n {{ include \"2\" . | upper }}", "{{ define \"a\" }}\n{{ .x.y }}{{ end }}{{ template \"a\" . }}"];
    let error = render_with(&files, &Value::map([].into()), Options::default()).unwrap_err();
    assert_eq!(frames(&error), ["a 2:2:5 .x.y", "2 2:2:31 {{template \"a\" .}}", "1 1:2:4 include \"2\" ."]);
    assert_eq!(error.reason, "nil pointer evaluating interface {}.y");
    assert_eq!(error.class, Class::Exec);
}

#[test]
fn what_a_function_says_is_the_reason() {
    let error = render_with(&["{{ fail \"100%\" }}"], &Value::NIL, Options::default()).unwrap_err();
    assert_eq!(error.reason, "error calling fail: 100%");
    assert_eq!(
        error.message,
        "template: 1:1:3: executing \"1\" at <fail \"100%\">: error calling fail: 100%"
    );
}

#[test]
fn a_template_that_is_not_there_is_named() {
    let set = set(&["x"]);
    let error = Run::new(&set, Options::default()).render("nope", &Value::NIL).unwrap_err();
    assert_eq!(error.message, "template: no template \"nope\" associated with template \"gotpl\"");
}

#[test]
fn a_mistake_has_its_line_and_adds_nothing() {
    let mut set = Set::new(&Table);
    let error = set.parse("a.yaml", 1, b"{{ define \"x\" }}{{ end }}\n\n{{ nope }}").unwrap_err();
    assert_eq!(error.to_string(), "template: a.yaml:3: function \"nope\" not defined");
    assert!(!set.contains("x") && set.names().next().is_none());
}

#[test]
fn a_copy_of_a_set_shares_and_does_not_change_it() {
    let first = set(&["{{ template \"a\" }}", "{{ define \"a\" }}1{{ end }}"]);
    let mut second = first.clone();
    second.parse("3", 3, b"{{ define \"a\" }}2{{ end }}").unwrap();
    let render = |set: &Set<'_>| {
        Run::new(set, Options::default()).render("1", &Value::NIL).unwrap().to_str().into_owned()
    };
    assert_eq!((render(&first), render(&second)), ("1".to_owned(), "2".to_owned()));
}
