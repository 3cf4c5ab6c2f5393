//! Where bytes come from.

use crate::chart::rendered;
use gabion_helm::{Document, Rendered};

/// `template:line` and, behind `<`, `file:line` of the value that filled the place where `part` stands.
fn origin(of: &Rendered, document: &Document, part: &str) -> String {
    let text = document.text.to_str();
    let at = text.find(part).unwrap_or_else(|| panic!("no `{part}` in {text}"));
    let origin = document.text.origin(at).unwrap().origin;
    let name = |number: u32| of.source(number).unwrap_or("?").to_owned();
    let value = match origin.file {
        0 => String::new(),
        file => format!(" < {}:{}", name(file), origin.file_line),
    };
    format!("{}:{}{value}", name(origin.template), origin.line)
}

#[test]
fn every_leaf_knows_its_template_and_its_value() {
    let found = rendered(
        &[
            ("values.yaml", "image:\n  name: nginx\n  tag: one\nlist:\n- first\n"),
            (
                "templates/_h.tpl",
                "{{ define \"h\" }}\n{{ .Values.image.name }}:{{ .Values.image.tag }}{{ end }}",
            ),
            (
                "templates/a.yaml",
                "a: {{ include \"h\" . | trim | quote }}\nb:\n{{ toYaml .Values.list | indent 2 }}\nc: {{ .Values.db.host }}\n",
            ),
            ("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n"),
            ("charts/db/values.yaml", "# empty\nhost: local\n"),
            ("charts/db/templates/b.yaml", "kind: Z\nd: {{ .Values.host }}\ne: {{ .Values.global.g }}\n"),
        ],
        "\nimage: {tag: two}\nglobal:\n  g: all\n",
    );
    let [own, below] = &found.documents[..] else { panic!("{:?}", found.documents) };
    assert_eq!(own.text.to_str(), "a: \"nginx:two\"\nb:\n  - first\nc: local\n");
    assert_eq!(origin(&found, own, "nginx"), "web/templates/_h.tpl:2 < web/values.yaml:2");
    assert_eq!(origin(&found, own, "two"), "web/templates/_h.tpl:2 < mine.yaml:2");
    assert_eq!(origin(&found, own, "first"), "web/templates/a.yaml:3 < web/values.yaml:5");
    assert_eq!(origin(&found, own, "local"), "web/templates/a.yaml:4 < web/charts/db/values.yaml:2");
    assert_eq!(origin(&found, own, "b:"), "web/templates/a.yaml:2");
    assert_eq!(
        origin(&found, below, "local"),
        "web/charts/db/templates/b.yaml:2 < web/charts/db/values.yaml:2"
    );
    assert_eq!(origin(&found, below, "all"), "web/charts/db/templates/b.yaml:3 < mine.yaml:4");
}

#[test]
fn files_and_texts_that_are_read_again_keep_their_origin() {
    let found = rendered(
        &[
            ("values.yaml", "text: |\n  image: busybox\n"),
            ("files/c.txt", "content"),
            (
                "templates/a.yaml",
                "a: {{ .Files.Get \"files/c.txt\" }}\nb: {{ (fromYaml .Values.text).image }}\n",
            ),
        ],
        "",
    );
    let document = &found.documents[0];
    assert_eq!(origin(&found, document, "content"), "web/templates/a.yaml:1 < web/files/c.txt:1");
    assert_eq!(origin(&found, document, "busybox"), "web/templates/a.yaml:2 < web/values.yaml:1");
}
