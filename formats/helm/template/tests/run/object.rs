//! Objects: fields, methods, entries, and how they are printed.

use gabion_template::{Data, Error, Kind, Object, Options, Taint, Text, Value};
use std::rc::Rc;

use crate::world::render_with;

/// A set of versions, as Helm has one: a list with a method, or a map with methods.
#[derive(Debug)]
struct Thing {
    kind: Kind,
}

impl Object for Thing {
    fn type_name(&self) -> &'static str {
        "*pkg.Thing"
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn field(&self, name: &str) -> Option<Value> {
        (name == "Name").then(|| "thing".into())
    }

    fn call(&self, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
        match (method, args) {
            ("Has", [arg]) => Some(Ok((arg.as_text().is_some_and(|text| text.bytes() == b"v1")).into())),
            ("Has", _) => Some(Err("wrong number of args".into())),
            ("Get", [arg]) => Some(Ok(arg.clone())),
            ("Now", []) => Some(Ok(Value::from("9").tainted(Taint::CLOCK))),
            ("", args) if self.kind == Kind::Func => Some(Ok(Value::count(args.len()))),
            _ => None,
        }
    }

    fn entries(&self) -> Option<Vec<(Text, Value)>> {
        (self.kind == Kind::Map).then(|| vec![("a".into(), Value::int(1)), ("b".into(), Value::int(2))])
    }

    fn print(&self) -> String {
        "v1.2".to_owned()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn answer(template: &str) -> String {
    let thing = |kind| Data::Object(Rc::new(Thing { kind })).into();
    let entries = [("s", Kind::Ptr), ("m", Kind::Map), ("f", Kind::Func)];
    let data = Value::map(entries.map(|(name, kind)| (name.as_bytes().into(), thing(kind))).into());
    match render_with(&[template], &data, Options::default()) {
        Ok(text) => text.to_str().into_owned(),
        Err(error) => error.reason,
    }
}

#[test]
fn fields_and_methods_are_found() {
    for (template, expected) in [
        (
            "{{ .s.Name }} {{ .s.Has \"v1\" }} {{ \"v2\" | .s.Has }} {{ (.s.Get 5) }} {{ .s.Now }}",
            "thing true false 5 9",
        ),
        ("{{ $s := .s }}{{ $s.Name }}{{ $s.Has \"v1\" }}{{ if .s.Has \"v1\" }}y{{ end }}", "thingtruey"),
        ("{{ .s.Has }}", "error calling Has: wrong number of args"),
        ("{{ .s.None }}", "can't evaluate field None in type interface {}"),
        ("{{ $s := .s }}{{ $s.None }}", "can't evaluate field None in type *pkg.Thing"),
        ("{{ .s.Name 1 }}", "Name has arguments but cannot be invoked as function"),
        ("{{ .m.Name 1 }}", "Name is not a method but has arguments"),
        ("{{ .m.None }}|{{ .m.Name }}", "<no value>|thing"),
        ("{{ .m.None.x }}", "nil pointer evaluating interface {}.x"),
    ] {
        assert_eq!(answer(template), expected, "{template}");
    }
}

#[test]
fn a_map_with_methods_is_a_map() {
    assert_eq!(
        answer("{{ range $k, $v := .m }}{{ $k }}{{ $v }}{{ end }}{{ len .m }}{{ if .m }}y{{ end }}"),
        "a1b22y"
    );
    assert_eq!(answer("{{ range .s }}{{ end }}"), "range can't iterate over v1.2");
    assert_eq!(answer("{{ len .s }}"), "error calling len: len of type *pkg.Thing");
    assert_eq!(answer("{{ index .m \"Name\" }}{{ index .m \"x\" }}"), "thing<no value>");
}

#[test]
fn an_object_prints_itself() {
    assert_eq!(
        answer("{{ .s }} {{ print .s 1 }} {{ printf \"%v %s %q %6s %T\" .s .s .s .s .s }}"),
        "v1.2 v1.2 1 v1.2 v1.2 \"v1.2\"   v1.2 *pkg.Thing"
    );
    assert_eq!(answer("{{ printf \"%d\" .s }}"), "%!d(*pkg.Thing=v1.2)");
}

#[test]
fn a_function_is_called_and_not_printed() {
    assert_eq!(answer("{{ call .f 1 2 }}"), "2");
    assert_eq!(answer("{{ call .s 1 }}"), "error calling call: non-function .s of type *pkg.Thing");
    assert_eq!(answer("{{ .f }}"), "can't print {{.f}} of type *pkg.Thing");
}

#[test]
fn the_same_object_is_equal_to_itself_alone() {
    assert_eq!(answer("{{ eq .s .s }} {{ eq .s nil }} {{ ne .s nil }}"), "true false true");
    assert_eq!(
        answer("{{ eq .s 1 }}"),
        "error calling eq: incompatible types for comparison: *pkg.Thing and int"
    );
}
