//! Fields that differ: mappings by key, lists by what their items are called.

use super::list::{self, Pair};
use crate::document::Document;
use crate::path::{Path, Step};
use gabion_yaml::{Data, Node};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its place; an item of a list by its name, or by its number in the new list (the old one if it is gone).
    pub path: Path,
    /// What it was, in one line of JSON, or as it was if it is a text.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
    /// Whether it says nothing that another change does not say: checksums, versions of charts.
    pub quiet: bool,
    /// Whether its values are kept back, because it is a secret.
    pub secret: bool,
}

/// The fields that differ, apart from the schemas of definitions.
pub(super) fn changes(old: &Document, new: &Document) -> Vec<FieldChange> {
    let mut walk = Walk { stack: Vec::new(), out: Vec::new(), secrets: new.id.is("", "Secret") };
    walk.values(&old.node, &new.node);
    walk.out
}

/// What stands for the value of a secret.
const HIDDEN: &str = "(secret)";

struct Walk<'n> {
    stack: Vec<Step<'n>>,
    out: Vec<FieldChange>,
    secrets: bool,
}

impl<'n> Walk<'n> {
    fn values(&mut self, old: &'n Node, new: &'n Node) {
        match (&old.data, &new.data) {
            (old, new) if same(old, new) => {}
            (Data::Map(a), Data::Map(b)) => {
                let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for key in keys {
                    self.step(Step::Key(Cow::Borrowed(key)), a.get(key), b.get(key));
                }
            }
            (Data::List(a), Data::List(b)) => self.lists(a, b),
            _ => self.tell(Some(old), Some(new)),
        }
    }

    fn step(&mut self, step: Step<'n>, old: Option<&'n Node>, new: Option<&'n Node>) {
        self.stack.push(step);
        if !self.is_schema() {
            match (old, new) {
                (Some(old), Some(new)) => self.values(old, new),
                (old, new) => self.tell(old, new),
            }
        }
        self.stack.pop();
    }

    fn lists(&mut self, old: &'n [Node], new: &'n [Node]) {
        let field = match self.stack.last() {
            Some(Step::Key(key)) => key.to_string(),
            _ => String::new(),
        };
        for Pair { step, old, new } in list::pairs(&field, old, new) {
            self.step(step, old, new);
        }
        if list::moved(&field, old, new) {
            self.tell_order(old, new);
        }
    }

    /// The schemas of a definition (`spec.versions[*].schema`), which are told in words.
    fn is_schema(&self) -> bool {
        matches!(self.stack.as_slice(), [Step::Key(spec), Step::Key(versions), Step::Item { .. }, Step::Key(schema)]
            if spec == "spec" && versions == "versions" && schema == "schema")
    }

    fn tell(&mut self, old: Option<&Node>, new: Option<&Node>) {
        let secret = self.is_secret();
        let text = |node: &Node| if secret { HIDDEN.to_owned() } else { one_line(node) };
        self.push(old.map(text), new.map(text), secret);
    }

    fn tell_order(&mut self, old: &[Node], new: &[Node]) {
        let secret = self.is_secret();
        let text = |list: &[Node]| if secret { HIDDEN.to_owned() } else { one_line_of(list) };
        self.push(Some(text(old)), Some(text(new)), secret);
    }

    fn push(&mut self, old: Option<String>, new: Option<String>, secret: bool) {
        let (path, quiet) = (Path::from(&self.stack[..]), self.is_quiet());
        self.out.push(FieldChange { path, old, new, quiet, secret });
    }

    /// Everything of a secret but its type and what it is called; annotations may repeat it.
    fn is_secret(&self) -> bool {
        let key = |at: usize| match self.stack.get(at) {
            Some(Step::Key(key)) => key.as_ref(),
            _ => "",
        };
        let repeats = "kubectl.kubernetes.io/last-applied-configuration";
        self.secrets
            && (matches!(key(0), "data" | "stringData")
                || (key(0) == "metadata"
                    && matches!(key(1), "annotations")
                    && (key(2).is_empty() || key(2) == repeats)))
    }

    fn is_quiet(&self) -> bool {
        match self.stack.as_slice() {
            [.., Step::Key(under), Step::Key(key)] => match under.as_ref() {
                "annotations" => key.starts_with("checksum/"),
                "labels" => matches!(key.as_ref(), "helm.sh/chart" | "chart" | "app.kubernetes.io/version"),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether two values are the same to the API server: `1` and `1.0` are.
#[expect(clippy::cast_precision_loss, reason = "numbers of documents are read as floats by Helm itself")]
pub(super) fn same(a: &Data, b: &Data) -> bool {
    let float = |data: &Data| match data {
        Data::Int(it) => Some(*it as f64),
        Data::Uint(it) => Some(*it as f64),
        Data::Float(it) => Some(*it),
        _ => None,
    };
    match (a, b) {
        (Data::Map(a), Data::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(&a.1.data, &b.1.data))
        }
        (Data::List(a), Data::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.data, &b.data))
        }
        (Data::Int(a), Data::Int(b)) => a == b,
        (Data::Uint(a), Data::Uint(b)) => a == b,
        _ => match (float(a), float(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
            _ => a == b,
        },
    }
}

/// A text as it is, anything else as JSON in one line.
pub(super) fn one_line(node: &Node) -> String {
    match &node.data {
        Data::String(text) => text.clone(),
        _ => {
            let mut out = String::new();
            write(node, &mut out);
            out
        }
    }
}

fn one_line_of(list: &[Node]) -> String {
    one_line(&Data::List(list.to_vec()).into())
}

fn write(node: &Node, out: &mut String) {
    let _ = match &node.data {
        Data::Null => write!(out, "null"),
        Data::Bool(it) => write!(out, "{it}"),
        Data::Int(it) => write!(out, "{it}"),
        Data::Uint(it) => write!(out, "{it}"),
        Data::Float(it) => write!(out, "{it}"),
        Data::String(it) => write!(out, "{it:?}"),
        Data::List(items) => {
            joined(out, ['[', ']'], items, write);
            Ok(())
        }
        Data::Map(map) => {
            joined(out, ['{', '}'], map, |(key, value), out| {
                let _ = write!(out, "{key:?}: ");
                write(value, out);
            });
            Ok(())
        }
    };
}

fn joined<T>(
    out: &mut String,
    ends: [char; 2],
    items: impl IntoIterator<Item = T>,
    one: impl Fn(T, &mut String),
) {
    out.push(ends[0]);
    for (index, item) in items.into_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        one(item, out);
    }
    out.push(ends[1]);
}
