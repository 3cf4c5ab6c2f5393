//! Strings that are no UTF-8, and texts that are nothing.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gabion_yaml::{Data, Emitter, Node, Style, documents, load, load_bytes, locate};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::loading::{texts, try_all};
use crate::peer::Peer;

/// A mapping of one key and a sequence with a string of any bytes.
fn written(bytes: &[u8], style: Style) -> Option<String> {
    let mut emitter = Emitter::new(style);
    emitter.begin_map(false).unwrap();
    emitter.key("a");
    emitter.begin_list(false).unwrap();
    emitter.string_bytes(bytes).ok()?;
    emitter.end_list();
    emitter.key("b");
    emitter.string_bytes(bytes).ok()?;
    emitter.end_map();
    Some(emitter.finish())
}

#[test]
fn strings_of_any_bytes_are_written_as_go_writes_them() {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..90),
        proptest::collection::vec(proptest::sample::select(b"a \n\xc3\xa9\xff\xe2\x82\xac".to_vec()), 0..90),
    ];
    try_all(&bytes, |peer: &RefCell<Peer>, bytes| {
        let string = json!({"\u{0}bytes": STANDARD.encode(&bytes)});
        let value: Value = json!({"a": [string], "b": string});
        for (op, style) in [("dump", Style::Helm), ("pretty", Style::Pretty)] {
            let go = peer.borrow_mut().dump(op, &value);
            prop_assert_eq!(written(&bytes, style), go.clone().ok(), "{} {:?} {:?}", op, bytes, go);
        }
        Ok(())
    });
}

#[test]
fn keys_of_any_bytes_are_text_for_helm_and_binary_for_the_pretty_style() {
    let written = |key: &[u8], style| {
        let mut emitter = Emitter::new(style);
        emitter.begin_map(false).unwrap();
        emitter.key_bytes(key);
        emitter.int(1);
        emitter.end_map();
        emitter.finish()
    };
    assert_eq!(written(b"\xffa", Style::Helm), "\u{fffd}a: 1\n");
    assert_eq!(written(b"\xffa", Style::Pretty), "!!binary /2E=: 1\n");
    assert_eq!(written(b"a", Style::Pretty), "a: 1\n");
    let long = written(&[0xff; 100], Style::Pretty);
    assert!(long.starts_with("? !!binary |\n  ////") && long.ends_with("=\n: 1\n"), "{long}");
}

/// Every node stands in the text, in its parent, and a word of a string that is found is that word.
fn check_places(text: &str, node: &Node) {
    let (start, end) = (node.at.start as usize, node.at.end as usize);
    assert!(text.get(start..end).is_some(), "{node:?} of {text:?}");
    assert!(node.at.line > 0 && node.at.column > 0);
    match &node.data {
        Data::List(items) => items.iter().for_each(|it| check_places(text, it)),
        Data::Map(map) => map.values().for_each(|it| check_places(text, it)),
        Data::String(value) => {
            for word in value.split_whitespace() {
                let from = word.as_ptr() as usize - value.as_ptr() as usize;
                if let Some(found) = locate(text, node, from..from + word.len()) {
                    assert_eq!(&text[found], word, "of {value:?} in {text:?}");
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = load_bytes(&bytes);
    }

    #[test]
    fn every_value_stands_in_the_text(text in texts()) {
        if let Ok(node) = load(&text) {
            check_places(&text, &node);
        }
    }

    #[test]
    fn every_value_of_a_stream_stands_in_the_stream(parts in proptest::collection::vec(texts(), 0..4)) {
        let stream = parts.join("\n---\n");
        for document in documents(&stream).unwrap_or_default() {
            check_places(&stream, &document.node);
            // A tag without a value has its empty text behind it, where the document ends.
        prop_assert!((document.range.start..=document.range.end).contains(&(document.node.at.start as usize)));
        }
    }
}
