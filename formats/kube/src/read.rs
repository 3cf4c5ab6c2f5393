//! Text to nodes.

use gabion_yaml::Node;

/// The documents of a text.
pub(crate) fn nodes(text: &str) -> Result<Vec<Node>, String> {
    gabion_yaml::documents(text).map_err(|it| format!("line {}: {it}", it.at().line))
}
