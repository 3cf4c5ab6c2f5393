//! What would be another one next time: which leaf of which document, where it was written, and what holds it still.

use super::{Document, Written, guard};
use crate::depend::Work;
use crate::document;
use crate::engine::Sources;
use crate::values::{self, Item, Table};
use gabion_template::{Note, Span, Taint};
use gabion_yaml::{Data, Node};

/// A part of a document that would be another one next time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tainted {
    /// The full path of the template whose document it is.
    pub document: String,
    /// The document's `kind`; empty for notes.
    pub kind: String,
    /// The document's name; empty for notes.
    pub name: String,
    /// The leaf, as a JSON pointer; empty if it is no leaf but a key, a comment, or notes.
    pub pointer: String,
    /// The template in which it was written, perhaps a helper.
    pub template: String,
    /// The line there, from 1; 0 if it is not known.
    pub line: u32,
    /// Why it would be another one: `random`, `the clock` and so on.
    pub reasons: Vec<&'static str>,
    /// Values that are empty and that the action, or a condition around it, reads; those of the action itself first. With one
    /// of them set the chart may not have to make one up. Empty where none can be told.
    pub keys: Vec<String>,
}

/// Something that a template looked for in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// What, in the words of the call: `lookup v1 Secret default web`.
    pub what: String,
    /// The template that asked.
    pub template: String,
    /// The line there, from 1.
    pub line: u32,
}

impl std::fmt::Display for Tainted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reasons = self.reasons.join(" and ");
        write!(f, "{} `{}` at `{}` is made of {reasons}", self.kind, self.name, self.pointer)?;
        write!(f, " (`{}` line {})", self.template, self.line)?;
        match self.keys.first() {
            Some(key) => write!(f, ": set `{key}` in values"),
            None => Ok(()),
        }
    }
}

/// What was looked for, each once.
pub(super) fn lookups(notes: &[Note], sources: &Sources) -> Vec<Lookup> {
    let mut out: Vec<Lookup> = notes
        .iter()
        .filter(|it| it.taint.has(Taint::LOOKUP))
        .map(|it| Lookup {
            what: it.what.clone(),
            template: sources.name(it.origin.template).to_owned(),
            line: it.origin.line,
        })
        .collect();
    out.sort();
    out.dedup();
    out
}

/// Everything tainted that reached a document or the notes.
pub(super) fn tainted<'d>(
    chart: &Work<'_>,
    values: &Table,
    documents: impl Iterator<Item = &'d Document>,
    notes: Option<(&str, &Written)>,
    asked: &[Note],
    sources: &Sources,
) -> Vec<Tainted> {
    let judge = Judge { chart, values, asked, sources };
    let mut out = Vec::new();
    for document in documents {
        judge.spans(&document.text, &document.path, &document.kind, &document.name, &mut out);
    }
    if let Some((path, text)) = notes {
        judge.spans(text, path, "", "", &mut out);
    }
    out.sort();
    out.dedup();
    out
}

struct Judge<'a, 'c> {
    chart: &'a Work<'c>,
    values: &'a Table,
    asked: &'a [Note],
    sources: &'a Sources,
}

impl Judge<'_, '_> {
    fn spans(&self, text: &Written, path: &str, kind: &str, name: &str, out: &mut Vec<Tainted>) {
        if text.spans.iter().all(|it| it.taint.is_none()) {
            return;
        }
        let node = if kind.is_empty() { None } else { document::read(&text.bytes).ok() };
        let mut start = 0;
        for span in &text.spans {
            let (from, to) = (start as usize, span.end as usize);
            start = span.end;
            if span.taint.is_none() {
                continue;
            }
            let mut pointers = Vec::new();
            if let Some(node) = &node {
                reached(node, from, to, &mut String::new(), &mut pointers);
            }
            if pointers.is_empty() {
                pointers.push(String::new());
            }
            out.extend(pointers.into_iter().map(|pointer| Tainted {
                document: path.to_owned(),
                kind: kind.to_owned(),
                name: name.to_owned(),
                pointer,
                template: self.sources.name(span.origin.template).to_owned(),
                line: span.origin.line,
                reasons: span.taint.reasons().collect(),
                keys: self.keys(span, path),
            }));
        }
    }

    /// The empty values that are asked for where the bytes were written, or where the one thing that they can be made of was
    /// asked for.
    fn keys(&self, span: &Span, document: &str) -> Vec<String> {
        let here = self.keys_at(span.origin.template, span.origin.line, document);
        if !here.is_empty() {
            return here;
        }
        let mut made = self
            .asked
            .iter()
            .filter(|it| span.taint.reasons().any(|why| it.taint.reasons().any(|it| it == why)));
        match (made.next(), made.next()) {
            (Some(note), None) => self.keys_at(note.origin.template, note.origin.line, document),
            _ => Vec::new(),
        }
    }

    fn keys_at(&self, template: u32, line: u32, document: &str) -> Vec<String> {
        let path = self.sources.name(template);
        let Some(found) = find(self.chart, path) else { return Vec::new() };
        // A library is given the values of whoever uses it.
        let user = if found.library { find(self.chart, document) } else { None };
        let names = user.as_ref().unwrap_or(&found).names.join(".");
        let own =
            if names.is_empty() { Some(self.values.clone()) } else { values::table(self.values, &names) };
        let Some(own) = own else { return Vec::new() };
        let text = String::from_utf8_lossy(found.text.unwrap_or_default());
        let empty = guard::keys(&text, line).into_iter().filter(|key| is_empty(&own, key));
        let full = |key: String| {
            if names.is_empty() || key.starts_with("global.") { key } else { format!("{names}.{key}") }
        };
        empty.map(full).collect()
    }
}

/// A template and the chart that it lies in.
struct Place<'c> {
    /// The names of the subcharts down to it.
    names: Vec<String>,
    library: bool,
    text: Option<&'c [u8]>,
}

fn find<'c>(chart: &Work<'c>, path: &str) -> Option<Place<'c>> {
    let rest = path.strip_prefix(&format!("{}/", chart.name()))?;
    if let Some(below) = rest.strip_prefix("charts/") {
        return chart.children.iter().find_map(|child| {
            let mut found = find(child, below)?;
            found.names.insert(0, child.name());
            Some(found)
        });
    }
    let text = chart.source.templates.get(rest).map(Vec::as_slice);
    Some(Place { names: Vec::new(), library: chart.source.metadata.is_library(), text })
}

/// Whether a value is not there, or is what `default` takes for nothing.
fn is_empty(values: &Table, key: &str) -> bool {
    let (above, name) = key
        .rsplit_once('.')
        .map_or((Some(values.clone()), key), |(above, name)| (values::table(values, above), name));
    match above.and_then(|it| it.get(name)).map(|it| it.item) {
        None | Some(Item::Null | Item::Bool(false) | Item::Int(0) | Item::Uint(0)) => true,
        Some(Item::Float(it)) => it == 0.0,
        Some(Item::Text(it)) => it.is_empty(),
        Some(Item::List(it)) => it.is_empty(),
        Some(Item::Table(it)) => it.entries().is_empty(),
        Some(Item::Bool(true) | Item::Int(_) | Item::Uint(_)) => false,
    }
}

/// The leaves that have bytes of a part of the text.
fn reached(node: &Node, from: usize, to: usize, at: &mut String, out: &mut Vec<String>) {
    let length = at.len();
    let mut below = |name: &str, node: &Node, at: &mut String| {
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        reached(node, from, to, at, out);
        at.truncate(length);
    };
    match &node.data {
        Data::Map(map) => map.iter().for_each(|(name, it)| below(name, it, at)),
        Data::List(items) => {
            for (number, it) in items.iter().enumerate() {
                below(&number.to_string(), it, at);
            }
        }
        _ => {
            if (node.at.start as usize) < to && (node.at.end as usize) > from {
                out.push(at.clone());
            }
        }
    }
}
