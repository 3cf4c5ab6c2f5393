//! Nodes to text.

use crate::emit::{DumpError, Emitter, Style, entries};
use crate::node::{Data, Node};

/// The text that `sigs.k8s.io/yaml.Marshal` gives, with the line break at its end that Helm's `toYaml` cuts off.
///
/// An error is what `toYaml` answers with an empty text.
pub fn dump(node: &Node) -> Result<String, DumpError> {
    written(node, Style::Helm)
}

/// The text of Helm's `toYamlPretty`, with the line break at its end that it cuts off.
pub fn dump_pretty(node: &Node) -> Result<String, DumpError> {
    written(node, Style::Pretty)
}

fn written(node: &Node, style: Style) -> Result<String, DumpError> {
    let mut emitter = Emitter::new(style);
    write(node, &mut emitter, style)?;
    Ok(emitter.finish())
}

fn write(node: &Node, to: &mut Emitter, style: Style) -> Result<(), DumpError> {
    match &node.data {
        Data::Null => to.null(),
        Data::Bool(it) => to.bool(*it),
        Data::Int(it) => to.int(*it),
        Data::Uint(it) => to.uint(*it),
        Data::Float(it) => to.float(*it)?,
        Data::String(it) => to.string(it)?,
        Data::List(items) => {
            to.begin_list(items.is_empty())?;
            for item in items {
                write(item, to, style)?;
            }
            to.end_list();
        }
        Data::Map(map) => {
            to.begin_map(map.is_empty())?;
            for (key, value) in entries(map.iter().map(|(key, value)| (key.as_bytes(), value)), style)? {
                to.key(&key);
                write(value, to, style)?;
            }
            to.end_map();
        }
    }
    Ok(())
}
