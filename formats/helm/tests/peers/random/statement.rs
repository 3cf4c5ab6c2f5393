//! Statements, and the templates that they call.

use super::choices::Choices;
use super::expression::{Type, expression};

/// What every random template may include.
pub(crate) const HELPERS: &str = r#"
{{- define "h.name" -}}
{{- default .Chart.Name .Values.s0 | trunc 20 | trimSuffix "-" -}}
{{- end -}}
{{- define "h.show" -}}
[{{ . }}|{{ kindOf . }}]
{{- end -}}
{{- define "h.list" -}}
{{- $sep := .sep }}
{{- range $i, $item := .items }}{{ if $i }}{{ $sep }}{{ end }}{{ $item }}{{ end }}
{{- end -}}
"#;

/// How deep statements and expressions nest.
const DEPTH: usize = 3;

/// A template.
pub(crate) fn template(choices: &mut Choices) -> String {
    let mut out = String::from("kind: Random\n");
    while !choices.are_over() && out.len() < 4000 {
        out.push_str(&statement(choices, DEPTH));
    }
    out
}

/// An action with or without trimming.
fn action(choices: &mut Choices, inner: &str) -> String {
    let (left, right) = [("", ""), ("- ", ""), ("", " -"), ("- ", " -")][choices.below(4)];
    format!("{{{{{left}{}{inner} {right}}}}}", if left.is_empty() { " " } else { "" })
}

fn end(choices: &mut Choices) -> String {
    action(choices, "end")
}

fn block(choices: &mut Choices, depth: usize) -> String {
    let count = 1 + choices.below(3);
    (0..count).map(|_| statement(choices, depth - 1)).collect()
}

fn statement(choices: &mut Choices, depth: usize) -> String {
    let kinds = if depth == 0 { 5 } else { 13 };
    match choices.below(kinds) {
        0 => choices.of(&["\n", "key: ", "  - ", "text ", "\n  \n", "a: {b: c}\n", "# note\n"]).to_owned(),
        1 => show(choices, Type::Text),
        2 => show(choices, Type::Any),
        3 => format!("{}\n", show(choices, Type::Text)),
        4 => {
            let value = expression(choices, Type::Any, DEPTH - 1);
            let inner = format!("toYaml {value} | nindent {}", choices.below(7));
            action(choices, &inner)
        }
        5 => condition(choices, depth),
        6 => range(choices, Type::List, depth),
        7 => range(choices, Type::Map, depth),
        8 => with(choices, depth),
        9 => variable(choices, depth),
        10 => definition(choices, depth),
        11 => {
            // A text, because a map that holds itself is the end of the real Helm.
            let (map, value) = (expression(choices, Type::Map, 1), expression(choices, Type::Text, 2));
            action(choices, &format!("$_ := set {map} \"k2\" {value}"))
        }
        _ => {
            let name = choices.of(&["h.show", "h.show", "h.list"]);
            let data = expression(choices, Type::Any, 2);
            let data = if name == "h.list" { format!("dict \"items\" {data} \"sep\" \"+\"") } else { data };
            action(choices, &format!("template \"{name}\" ({data})"))
        }
    }
}

fn show(choices: &mut Choices, what: Type) -> String {
    let inner = expression(choices, what, DEPTH);
    action(choices, &inner)
}

fn condition(choices: &mut Choices, depth: usize) -> String {
    let inner = format!("if {}", expression(choices, Type::Any, 2));
    let mut out = action(choices, &inner) + &block(choices, depth);
    if choices.below(2) == 1 {
        let inner = format!("else if {}", expression(choices, Type::Bool, 2));
        out += &(action(choices, &inner) + &block(choices, depth));
    }
    if choices.below(2) == 1 {
        out += &(action(choices, "else") + &block(choices, depth));
    }
    out + &end(choices)
}

fn range(choices: &mut Choices, what: Type, depth: usize) -> String {
    let over = expression(choices, what, 2);
    let (key, item) = (choices.name(), choices.name());
    let (head, shown) = match choices.below(3) {
        0 => (format!("range {over}"), ".".to_owned()),
        1 => (format!("range ${item} := {over}"), format!("${item} | quote")),
        _ => (format!("range ${key}, ${item} := {over}"), format!("print ${key} \"=\" (toJson ${item})")),
    };
    let mut out = action(choices, &head) + &action(choices, &shown);
    match choices.below(5) {
        1 => out += "{{ if eq (kindOf .) \"string\" }}{{ continue }}{{ end }}",
        2 => out += "{{ if empty . }}{{ break }}{{ end }}",
        _ => {}
    }
    out += choices.of(&["\n", ",", ""]);
    if choices.below(3) == 1 {
        out += &(action(choices, "else") + &block(choices, depth));
    }
    out + &end(choices)
}

fn with(choices: &mut Choices, depth: usize) -> String {
    let inner = format!("with {}", expression(choices, Type::Any, 2));
    let mut out = action(choices, &inner);
    out += choices.of(&[
        "{{ . }}",
        "{{ toJson . }}",
        "{{ $.Values.s0 }}",
        "{{ kindOf . }} {{ len $.Values.words }}",
    ]);
    if choices.below(2) == 1 {
        out += &(action(choices, "else") + &block(choices, depth));
    }
    out + &end(choices)
}

fn variable(choices: &mut Choices, depth: usize) -> String {
    let name = choices.name();
    let first = expression(choices, Type::Any, 2);
    let mut out = action(choices, &format!("${name} := {first}"));
    if choices.below(2) == 1 {
        let next = expression(choices, Type::Any, 2);
        let sign = choices.of(&["=", ":="]);
        out += &action(choices, "if .Values.flag");
        out += &action(choices, &format!("${name} {sign} {next}"));
        out += &block(choices, depth);
        out += &end(choices);
    }
    out + &action(choices, &format!("toJson ${name}"))
}

/// Not inside of another one: a definition stands alone.
fn definition(choices: &mut Choices, depth: usize) -> String {
    if depth < DEPTH {
        return show(choices, Type::Text);
    }
    let name = choices.name();
    let body = choices.of(&[
        "{{ . }}",
        "{{- . | toJson -}}",
        "<{{ template \"h.show\" . }}>",
        "{{ $x := . }}{{ $x }}",
    ]);
    let data = expression(choices, Type::Any, 2);
    let call = action(choices, &format!("include \"{name}\" {data} | quote"));
    format!("{{{{ define \"{name}\" }}}}{body}{{{{ end }}}}{call}")
}
