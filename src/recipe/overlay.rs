//! Overlays: `env/NAME.toml` on top of the project.
//!
//! Tables merge, scalars and lists replace, arrays of tables merge by `label`, `name` or `path`.

use super::table::Table;
use super::value::{Node, Value};

/// Lays `over` on `base`.
pub(super) fn merge(base: &mut Table, over: Table) {
    let mut new = Vec::new();
    for (key, (span, node)) in over {
        match base.get_mut(&key) {
            Some((_, existing)) => merge_node(existing, node),
            None => new.push((key, (span, node))),
        }
    }
    base.add(new);
}

fn merge_node(base: &mut Node, over: Node) {
    match (&mut base.value, over.value) {
        (Value::Table(base), Value::Table(over)) => merge(base, over),
        (Value::Array(items), Value::Array(over)) if all_named(items) && all_named(&over) => {
            for item in over {
                match items.iter_mut().find(|old| item_name(old) == item_name(&item)) {
                    Some(old) => merge_node(old, item),
                    None => items.push(item),
                }
            }
        }
        (_, value) => *base = Node { span: over.span, value },
    }
}

fn all_named(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item_name(item).is_some())
}

/// The key that tells items of an array apart, and its value.
fn item_name(item: &Node) -> Option<(&'static str, &str)> {
    let Value::Table(table) = &item.value else { return None };
    ["label", "name", "path"].into_iter().find_map(|key| match table.get(key) {
        Some((_, Node { value: Value::String(name), .. })) => Some((key, name.as_str())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::Diagnostics;
    use super::super::parse::parse;
    use super::super::value::to_toml;
    use super::*;

    fn check(base: &str, over: &str, expected: &str) {
        let mut diagnostics = Diagnostics::default();
        let mut merged = parse(base, 0, &mut diagnostics);
        merge(&mut merged, parse(over, 1, &mut diagnostics));
        assert_eq!(diagnostics.list, []);
        assert_eq!(to_toml(&merged), to_toml(&parse(expected, 2, &mut diagnostics)));
    }

    #[test]
    fn tables_merge_and_scalars_replace() {
        check("a = 1\nt.x = 1\nt.y = 2", "a = 2\nt.y = 3", "a = 2\nt.x = 1\nt.y = 3");
    }

    #[test]
    fn lists_replace_unless_their_items_have_names() {
        check("l = [1, 2]", "l = [3]", "l = [3]");
        check(
            "l = [{ label = 'a', n = 1 }, { label = 'b', n = 2 }]",
            "l = [{ label = 'b', n = 3 }, { label = 'c' }]",
            "l = [{ label = 'a', n = 1 }, { label = 'b', n = 3 }, { label = 'c' }]",
        );
    }
}
