//! Where values stand: in a document, and in a stream of them.

use gabion_yaml::{At, Data, Document, LoadError, Node, documents, load, locate};

const STREAM: &str = "---
# Source: chart/templates/a.yaml
apiVersion: v1
kind: ConfigMap
data:
  plain: registry.example/app:1.0
  single: 'quoted text'
  literal: |
    image: registry.example/tool:2.1

      # é indented
    end
  folded: >-
    one two
    three
---
--- # nothing

---
# only a comment
---
apiVersion: apps/v1
spec: {replicas: 3, args: [\"--image=x:1\", plain  words], big: 18446744073709551615, part: 1.5, whole: 2.0}
";

fn only(stream: &str) -> Node {
    let mut all = documents(stream).unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).node
}

fn follow<'a>(node: &'a Node, path: &str) -> &'a Node {
    path.split('/').fold(node, |node, key| match &node.data {
        Data::List(items) => &items[key.parse::<usize>().unwrap()],
        _ => node.get(key).unwrap_or_else(|| panic!("no `{key}` in {node:?}")),
    })
}

fn slice(text: &str, at: At) -> &str {
    &text[at.start as usize..at.end as usize]
}

/// The text of a part of a value, found by what it says.
fn found<'a>(text: &'a str, node: &Node, part: &str) -> Option<&'a str> {
    let from = node.as_str().unwrap().find(part).unwrap();
    locate(text, node, from..from + part.len()).map(|it| &text[it])
}

#[test]
fn a_document_without_a_value_is_none() {
    let all = documents(STREAM).unwrap();
    let kinds: Vec<_> =
        all.iter().map(|it| it.node.get("apiVersion").and_then(Node::as_str).unwrap()).collect();
    assert_eq!(kinds, ["v1", "apps/v1"]);
    assert!(documents("").unwrap().is_empty() && documents("---\n---\nnull\n--- #\n~\n").unwrap().is_empty());
}

#[test]
fn places_are_those_of_the_whole_stream() {
    let all = documents(STREAM).unwrap();
    let Document { node, line, range } = &all[1];
    assert_eq!((*line, &STREAM[range.clone()].lines().next()), (22, &Some("apiVersion: apps/v1")));
    let replicas = follow(node, "spec/replicas");
    assert_eq!((slice(STREAM, replicas.at), replicas.at.line, replicas.at.column), ("3", 23, 18));
    assert_eq!(slice(STREAM, follow(node, "spec/args/0").at), "\"--image=x:1\"");
    assert_eq!(slice(STREAM, follow(node, "spec/args").at), "[\"--image=x:1\", plain  words]");
    let plain = follow(&all[0].node, "data/plain");
    assert_eq!((slice(STREAM, plain.at), plain.at.line), ("registry.example/app:1.0", 6));
    let data = &all[0].node.get("data").unwrap().at;
    assert!(slice(STREAM, *data).starts_with("plain: ") && slice(STREAM, *data).ends_with("three\n"));
}

#[test]
fn integers_of_documents_are_integers() {
    let all = documents(STREAM).unwrap();
    let spec = all[1].node.get("spec").unwrap();
    assert_eq!(spec.get("replicas").unwrap().data, Data::Int(3));
    assert_eq!(spec.get("big").unwrap().data, Data::Uint(u64::MAX));
    assert_eq!(spec.get("part").unwrap().data, Data::Float(1.5));
    assert_eq!(spec.get("whole").unwrap().data, Data::Int(2), "JSON writes no point");
}

#[test]
fn a_part_of_a_value_is_found_in_the_text() {
    let all = documents(STREAM).unwrap();
    let data = |key: &str| follow(&all[0].node, &format!("data/{key}")).clone();
    assert_eq!(found(STREAM, &data("plain"), "example/app"), Some("example/app"));
    assert_eq!(found(STREAM, &data("single"), "quoted text"), Some("quoted text"));
    for part in ["image: registry", "tool:2.1", "# é indented", "end"] {
        assert_eq!(found(STREAM, &data("literal"), part), Some(part));
    }
    assert_eq!(found(STREAM, &data("literal"), "2.1\n\n  # é"), Some("2.1\n\n      # é"));
    assert_eq!(found(STREAM, &data("folded"), "two three"), Some("two\n    three"));
    assert_eq!(found(STREAM, &data("folded"), "three"), Some("three"));
    let word = follow(&all[1].node, "spec/args/1");
    assert_eq!(found(STREAM, word, "words"), Some("words"));
}

#[test]
fn what_is_escaped_is_not_found() {
    for text in
        ["a: 'it''s here'", r#"a: "b\tc here""#, "a: \"b\\n\"", r#"a: "\\ here""#, "a: !!binary aGVyZQ=="]
    {
        let node = only(text);
        let value = node.get("a").unwrap();
        assert_eq!(locate(text, value, 0..1), None, "{text}");
    }
    let node = only("a: [1]");
    assert_eq!(locate("a: [1]", node.get("a").unwrap(), 0..1), None);
    let value = only("a: plain").get("a").unwrap().clone();
    assert_eq!(locate("a: p", &value, 0..1), None, "another text");
    assert_eq!(locate("a: plain", &value, 3..9), None, "more than the value");
    assert_eq!(locate("a: other", &value, 0..1), None);
}

#[test]
fn an_anchor_and_a_tag_are_no_part_of_a_value_and_an_alias_stands_where_its_anchor_does() {
    let text = "a: &x !!str word\nb: *x\nc: &y\n  - 1\nd: &z\n";
    let node = load(text).unwrap();
    for key in ["a", "b"] {
        assert_eq!(slice(text, node.get(key).unwrap().at), "word");
    }
    assert_eq!(slice(text, node.get("c").unwrap().at), "- 1");
    assert_eq!(node.get("d").unwrap().data, Data::Null);
}

#[test]
fn columns_count_characters_and_offsets_bytes() {
    let text = "\u{feff}é: [ü, x]\r\nb: c\r\n";
    let node = load(text).unwrap();
    let x = follow(&node, "é/1");
    assert_eq!((slice(text, x.at), x.at.line, x.at.column), ("x", 1, 8));
    let c = node.get("b").unwrap();
    assert_eq!((slice(text, c.at), c.at.line, c.at.column), ("c", 2, 4));
}

#[test]
fn a_mistake_is_placed_in_the_whole_stream() {
    let error = documents("a: 1\n---\nb: 2\n c: 3\n").unwrap_err();
    assert_eq!((error.at().line, error.at().column), (4, 3));
    assert_eq!(
        error.to_string(),
        "error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"
    );
    let error = documents("a: 1\n---apiVersion: v1\n").unwrap_err();
    assert_eq!(error.to_string(), "invalid Yaml document separator: apiVersion: v1");
    assert!(matches!(error, LoadError::Separator { at: At { start: 5, end: 22, line: 2, column: 1 }, .. }));
}
