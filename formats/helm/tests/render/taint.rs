//! What would be another one next time, and which value holds it still.

use crate::chart::rendered;

fn told(files: &[(&str, &str)], values: &str) -> Vec<String> {
    rendered(files, values).taints().iter().map(ToString::to_string).collect()
}

const SECRET: &str = "kind: Secret\nmetadata:\n  name: s\n  annotations:\n    checksum: {{ include \"pw\" . | sha256sum }}\n\
    stringData:\n  password: {{ include \"pw\" . | quote }}\n  plain: x\n";

#[test]
fn a_random_password_names_the_value_that_holds_it_still() {
    let helper = "{{- define \"pw\" -}}\n{{- if .Values.auth.password -}}{{ .Values.auth.password }}{{- else -}}\n{{ randAlphaNum 8 }}\n{{- end -}}{{- end -}}";
    let files = [
        ("templates/_p.tpl", helper),
        ("templates/s.yaml", SECRET),
        ("values.yaml", "auth: {password: ''}\n"),
    ];
    assert_eq!(
        told(&files, ""),
        [
            "Secret `s` at `/metadata/annotations/checksum` is made of random (`web/templates/_p.tpl` line 3): set `auth.password` in values",
            "Secret `s` at `/stringData/password` is made of random (`web/templates/_p.tpl` line 3): set `auth.password` in values",
        ]
    );
    assert_eq!(told(&files, "auth: {password: known}\n"), Vec::<String>::new());
}

#[test]
fn a_default_in_the_same_action_comes_first() {
    let text = "kind: Secret\nmetadata: {name: s}\n{{ if not .Values.existing }}\na: {{ .Values.password | default (randAlphaNum 5) | b64enc }}\n{{ end }}\n";
    let found = rendered(&[("templates/s.yaml", text)], "");
    assert_eq!(found.taints()[0].keys, ["password", "existing"]);
    assert_eq!(found.taints()[0].pointer, "/a");
}

#[test]
fn values_of_subcharts_are_named_from_the_top() {
    let text = "kind: Secret\nmetadata: {name: s}\na: {{ .Values.key | default (genPrivateKey \"ed25519\") | b64enc }}\n\
        b: {{ .Values.global.id | default uuidv4 }}\n";
    let files = [
        ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
        ("charts/db/templates/s.yaml", text),
    ];
    let found = rendered(&files, "");
    let keys: Vec<_> =
        found.taints().iter().map(|it| (&*it.pointer, it.keys.join(" "), it.reasons.join(" "))).collect();
    assert_eq!(
        keys,
        [
            ("/a", "db.key".to_owned(), "a generated key or certificate".to_owned()),
            ("/b", "global.id".to_owned(), "random".to_owned())
        ]
    );
}

#[test]
fn what_a_cluster_is_asked_for_is_noted_and_tainted_where_it_shows() {
    let text = "kind: Secret\nmetadata: {name: s}\n{{ $old := lookup \"v1\" \"Secret\" .Release.Namespace \"s\" }}\n\
        a: {{ toJson $old | quote }}\nb: plain\nc: {{ now | date \"2006\" | quote }}\n";
    let found = rendered(&[("templates/s.yaml", text)], "");
    assert_eq!(found.lookups.len(), 1);
    assert_eq!((&*found.lookups[0].what, found.lookups[0].line), ("lookup v1 Secret space s", 3));
    let taints: Vec<_> = found.taints().iter().map(|it| (&*it.pointer, it.reasons.join(" "))).collect();
    assert_eq!(taints, [("/a", "a look-up in a cluster".to_owned()), ("/c", "the clock".to_owned())]);
}

#[test]
fn what_is_made_up_and_thrown_away_is_nothing() {
    let text = "kind: A\n{{ $x := randAlphaNum 5 }}\n{{ $y := genCA \"a\" 1 }}\nb: {{ len $x }}\n";
    let taints = told(&[("templates/s.yaml", text)], "");
    assert!(taints.iter().all(|it| it.contains("at `/b`")), "{taints:?}");
}

#[test]
fn texts_that_are_read_and_written_again_stay_tainted_leaf_by_leaf() {
    let text = "kind: A\nmetadata: {name: a}\n{{ $m := dict \"x\" (randAlphaNum 5) \"y\" \"still\" }}\n\
        {{ toYaml (fromYaml (toYaml $m)) }}\nz: {{ $m | toYaml | sha256sum }}\n";
    let found = rendered(&[("templates/s.yaml", text)], "");
    let pointers: Vec<_> = found.taints().iter().map(|it| &*it.pointer).collect();
    assert_eq!(pointers, ["/x", "/z"]);
}
