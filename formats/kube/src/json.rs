//! Documents as JSON (RFC 8259), for programs that read no YAML.

use gabion_yaml::{Data, Node};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Writes an object; `namespace` stands in its `metadata` unless that has one.
pub(crate) fn write(object: &Node, namespace: Option<&str>, out: &mut String) {
    let (Data::Map(map), Some(namespace)) = (&object.data, namespace) else { return node(object, out) };
    let inner = map.get("metadata").map(|it| &it.data);
    let said = inner.and_then(|it| if let Data::Map(it) = it { it.get("namespace") } else { None });
    if said.and_then(Node::as_str).is_some_and(|it| !it.is_empty()) {
        return node(object, out);
    }
    let mut metadata = match inner {
        Some(Data::Map(it)) => it.clone(),
        _ => BTreeMap::new(),
    };
    metadata.insert("namespace".to_owned(), Data::String(namespace.to_owned()).into());
    let mut map = map.clone();
    map.insert("metadata".to_owned(), Data::Map(metadata).into());
    node(&Data::Map(map).into(), out);
}

fn node(it: &Node, out: &mut String) {
    let _infallible = match &it.data {
        Data::Null => out.write_str("null"),
        Data::Bool(it) => write!(out, "{it}"),
        Data::Int(it) => write!(out, "{it}"),
        Data::Uint(it) => write!(out, "{it}"),
        // The shortest digits that give the same number; a whole one has no point, as Go writes it.
        Data::Float(it) => write!(out, "{it}"),
        Data::String(it) => {
            text(it, out);
            Ok(())
        }
        Data::List(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                node(item, out);
            }
            out.write_str("]")
        }
        Data::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                text(key, out);
                out.push(':');
                node(value, out);
            }
            out.write_str("}")
        }
    };
}

/// Strings escape what RFC 8259, section 7, asks for, and nothing else.
fn text(it: &str, out: &mut String) {
    out.push('"');
    for letter in it.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use crate::{Scopes, documents, in_namespace};

    fn json(text: &str) -> String {
        documents(text, "a.yaml").unwrap()[0].to_json()
    }

    #[test]
    fn a_document_is_the_same_value_in_json() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx: [1, 1.5, -3, 1e3, true, null, 18446744073709551615]\n\
                    z: \"a\\\"b\\\\c\\n\\u0001\u{fc}\"\n";
        assert_eq!(
            json(text),
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"x":[1,1.5,-3,1000,true,null,18446744073709551615],"z":"a\"b\\c\n\u0001ü"}"#
        );
    }

    #[test]
    fn the_namespace_of_its_release_is_written_into_it() {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n---\n\
                    apiVersion: v1\nkind: Secret\nmetadata: {name: c, namespace: d}\n";
        let mut read = documents(text, "a.yaml").unwrap();
        let scopes = Scopes::of(&read);
        in_namespace(&mut read, "ns", &scopes);
        let found: Vec<String> = read.iter().map(crate::Document::to_json).collect();
        assert!(found[0].contains(r#""metadata":{"name":"a","namespace":"ns"}"#), "{found:?}");
        assert!(!found[1].contains("ns\""), "{found:?}");
        assert!(found[2].contains(r#""namespace":"d""#), "{found:?}");
    }
}
