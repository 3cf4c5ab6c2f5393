//! Ways through nodes.

use crate::path::Step;
use crate::pattern::Pattern;
use gabion_yaml::{Data, Node};
use std::borrow::Cow;

/// What the item of a list is called: the `name` of a mapping, the flag of an argument or of the one before it.
pub(crate) fn label(list: &[Node], index: usize) -> Option<&str> {
    match &list[index].data {
        Data::Map(map) => map.get("name").and_then(Node::as_str),
        Data::String(text) if text.starts_with('-') => {
            let flag = text.split_once('=').map_or(text.as_str(), |(flag, _)| flag);
            (!flag.contains(char::is_whitespace)).then_some(flag)
        }
        Data::String(_) => {
            let before = list[..index].last().and_then(Node::as_str)?;
            (before.starts_with('-') && !before.contains(['=', ' ', '\n'])).then_some(before)
        }
        _ => None,
    }
}

/// The step to an item of a list.
pub(crate) fn item(list: &[Node], index: usize) -> Step<'_> {
    Step::Item { index, label: label(list, index).map(Cow::Borrowed) }
}

/// The values at the places that `pattern` names, in the order of keys and items; `null` is none.
pub(crate) fn find<'n>(node: &'n Node, pattern: &Pattern) -> Vec<&'n Node> {
    fn below<'n>(node: &'n Node, stack: &mut Vec<Step<'n>>, pattern: &Pattern, out: &mut Vec<&'n Node>) {
        if node.data != Data::Null && pattern.is(stack) {
            out.push(node);
        }
        each(node, stack, |stack, node| below(node, stack, pattern, out));
    }
    let mut out = Vec::new();
    below(node, &mut Vec::new(), pattern, &mut out);
    out
}

/// Takes every step below a node.
pub(crate) fn each<'n>(
    node: &'n Node,
    stack: &mut Vec<Step<'n>>,
    mut take: impl FnMut(&mut Vec<Step<'n>>, &'n Node),
) {
    let mut step = |step: Step<'n>, node: &'n Node| {
        stack.push(step);
        take(stack, node);
        stack.pop();
    };
    match &node.data {
        Data::Map(map) => map.iter().for_each(|(key, node)| step(Step::Key(Cow::Borrowed(key)), node)),
        Data::List(list) => (0..list.len()).for_each(|index| step(item(list, index), &list[index])),
        _ => {}
    }
}
