//! Texts that are templates themselves.

use gabion_template::{Class, Options, Value};

use crate::world::{parts, render, render_with, values};

#[test]
fn a_text_of_a_file_of_values_answers_both_places() {
    let data = values(&[("name", "nginx"), ("t", "image: {{ .name }}{{ 1 }}")]);
    let text = render(&["\n{{ tpl .t . }}"], &data);
    assert_eq!(parts(&text), ["¶ @1:1", "image:  @1:2 <7:2", "nginx @1:2 <7:1", "1 @1:2"]);
}

#[test]
fn what_it_defines_is_gone_afterwards() {
    let define =
        "{{ define \"a\" }}inner{{ end }}{{ include \"a\" . }}{{ include \"b\" . }}{{ template \"a\" . }}";
    let data = values(&[("t", define)]);
    let file = "{{ define \"a\" }}outer{{ end }}{{ define \"b\" }}{{ template \"a\" }}{{ end }}";
    let text = render(&[&(file.to_owned() + "{{ tpl .t . }} {{ include \"a\" . }}")], &data);
    assert_eq!(text.to_str(), "innerinnerinner outer");
}

#[test]
fn an_empty_definition_replaces_nothing() {
    let data = values(&[("t", "{{ define \"a\" }} {{ end }}{{ template \"a\" }}")]);
    assert_eq!(render(&["{{ define \"a\" }}outer{{ end }}{{ tpl .t . }}"], &data).to_str(), "outer");
}

#[test]
fn it_may_be_as_often_and_as_deep_as_it_likes() {
    let data = values(&[("t", "<{{ tpl .u . }}>"), ("u", "{{ .v }}"), ("v", "x")]);
    assert_eq!(render(&["{{ range 3 }}{{ tpl $.t $ }}{{ end }}"], &data).to_str(), "<x><x><x>");
}

#[test]
fn no_value_is_taken_out_of_it_if_that_is_asked_for() {
    let data = values(&[("t", "a{{ .none }}b")]);
    assert_eq!(render(&["{{ tpl .t . | len }}"], &data).to_str(), "12");
    let options = Options { strip_no_value: true, ..Options::default() };
    assert_eq!(render_with(&["{{ tpl .t . | len }}"], &data, options).unwrap().to_str(), "2");
}

#[test]
fn a_text_that_is_no_template_is_another_class_of_error() {
    let fails = |text: &str| {
        let data = Value::map([(b"t"[..].into(), text.into())].into());
        render_with(&["{{ tpl .t . }}"], &data, Options::default()).unwrap_err()
    };
    let error = fails("{{ nope }}");
    assert_eq!(error.class, Class::Parse);
    assert_eq!(
        error.message,
        "template: 1:1:3: executing \"1\" at <tpl .t .>: error calling tpl: cannot parse template \"{{ nope }}\": template: \
         gotpl:1: function \"nope\" not defined"
    );
    let error = fails("{{ .a.b }}");
    assert_eq!(error.class, Class::Exec);
    assert!(
        error.message.ends_with(
            "error calling tpl: error during tpl function execution for \"{{ .a.b }}\": template: gotpl:1:5: executing \"gotpl\" at \
             <.a.b>: nil pointer evaluating interface {}.b"
        ),
        "{error}"
    );
    assert!(render_with(&["{{ tpl 1 . }}"], &Value::NIL, Options::default()).is_err());
}
