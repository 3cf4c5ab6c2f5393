//! `${name}`: substitution of strings from `[vars]`, and nothing else.

use super::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use super::table::Table;
use super::value::{Node, Value};
use std::collections::BTreeMap;

/// The strings of `[vars]`.
#[derive(Debug, Clone, Default)]
pub struct Vars(pub BTreeMap<String, String>);

impl Vars {
    /// Takes `[vars]` out of a project.
    pub(super) fn take(merged: &mut Table, diagnostics: &mut Diagnostics) -> Self {
        let mut vars = Self::default();
        if let Some((_, node)) = merged.remove("vars") {
            let Value::Table(table) = node.value else {
                diagnostics.push(Diagnostic::new(
                    Code::WrongType,
                    &node.span,
                    "`vars` is a table of strings",
                ));
                return vars;
            };
            for (name, (_, node)) in table {
                match node.value {
                    Value::String(text) if text.contains("${") => {
                        let message =
                            format!("`vars.{name}` names a variable, and variables are not replaced in it");
                        let mistake = Diagnostic::new(Code::BadValue, &node.span, message);
                        diagnostics.push(mistake.help("write the value out"));
                    }
                    Value::String(text) => {
                        vars.0.insert(name, text);
                    }
                    other => {
                        let message = format!("`vars.{name}` takes a string, not {}", other.type_name());
                        diagnostics.push(Diagnostic::new(Code::WrongType, &node.span, message));
                    }
                }
            }
        }
        vars
    }

    /// Replaces every `${name}` of `text`; `$${` stands for a plain `${`.
    ///
    /// The error is the name that `[vars]` does not have, or the rest of the text where a brace is
    /// never closed.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                out.push_str(&rest[..at - 1]);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let inner = &rest[at + 2..];
            let end = inner.find('}').ok_or_else(|| inner.lines().next().unwrap_or("").to_owned())?;
            let value = self.0.get(&inner[..end]).ok_or_else(|| inner[..end].to_owned())?;
            out.push_str(value);
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Expands every string below `node`.
    pub(super) fn expand_node(&self, node: &mut Node, diagnostics: &mut Diagnostics) {
        match &mut node.value {
            Value::String(text) if text.contains("${") => match self.expand(text) {
                Ok(expanded) => *text = expanded,
                Err(name) => diagnostics.push(self.unknown(&name, &node.span)),
            },
            Value::Array(items) => items.iter_mut().for_each(|item| self.expand_node(item, diagnostics)),
            Value::Table(table) => {
                table.values_mut().for_each(|value| self.expand_node(value, diagnostics));
            }
            _ => {}
        }
    }

    /// The mistake for a name that `[vars]` does not have.
    pub fn unknown(&self, name: &str, span: &Span) -> Diagnostic {
        Diagnostic::new(Code::UnknownVariable, span, format!("`${{{name}}}` names no variable"))
            .suggest(name, self.0.keys().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_the_only_thing_that_is_replaced() {
        let vars = Vars([("domain".to_owned(), "example.net".to_owned())].into());
        let check = |text: &str, expected: Result<&str, &str>| {
            assert_eq!(vars.expand(text).as_deref().map_err(String::as_str), expected, "{text}");
        };
        check("api.${domain}", Ok("api.example.net"));
        check("${domain}${domain}", Ok("example.netexample.net"));
        check("$${domain} $domain $(x)", Ok("${domain} $domain $(x)"));
        check("${HOME}", Err("HOME"));
        check("${open", Err("open"));
    }
}
