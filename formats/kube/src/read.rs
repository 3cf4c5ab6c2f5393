//! Text to nodes.

use gabion_yaml::{LoadError, Node};

/// The documents of a text.
pub(crate) fn nodes(text: &str) -> Result<Vec<Node>, LoadError> {
    Ok(gabion_yaml::documents(text)?.into_iter().map(|it| it.node).collect())
}
