//! The way through one document.

use super::Candidate;
use super::grammar::{self, Found, Level};
use super::place::Text;
use super::scope::{Holds, Scope};
use super::split;
use crate::document::Document;
use crate::path::{Path, Step};
use crate::read;
use crate::rules::{Class, Rules};
use crate::walk::item;
use base64::Engine as _;
use gabion_oci::{Reference, ReferenceError};
use gabion_yaml::{Data, Node};
use std::borrow::Cow;
use std::ops::Range;

/// Documents within documents: deeper ones are texts.
const DEPTH: usize = 4;

pub(super) fn walk(document: &Document, rules: &Rules, out: &mut Vec<Candidate>) {
    let mut scope = Scope::new(document, rules, None, Vec::new());
    scope.text = Some(Text { text: &document.text, outer: None });
    Walker { scope: &scope, stack: Vec::new(), out }.value(&document.node, None, None);
}

struct Walker<'d, 'o> {
    scope: &'d Scope<'d>,
    /// The steps from the root of the scope's document.
    stack: Vec<Step<'d>>,
    out: &'o mut Vec<Candidate>,
}

/// A candidate before it is told where it stands.
pub(super) struct Hit<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) reference: Result<Reference, ReferenceError>,
    pub(super) class: Class,
    pub(super) key: Option<&'t str>,
    pub(super) at: Option<Range<u32>>,
}

impl<'d> Walker<'d, '_> {
    /// `pod`: the number of steps to the pod that this is in; `beside`: the mapping that this is a value of.
    fn value(&mut self, node: &'d Node, pod: Option<usize>, beside: Option<&'d Node>) {
        match &node.data {
            Data::Map(map) => {
                let here = self.scope.pods.iter().any(|pattern| pattern.is(&self.stack));
                let pod = if here { Some(self.stack.len()) } else { pod };
                for split in &self.scope.splits {
                    if let Some((field, hit)) = split::read(split, node, &self.stack) {
                        self.stack.push(Step::Key(Cow::Borrowed(field)));
                        self.hit(hit, Some(node));
                        self.stack.pop();
                    }
                }
                for (key, value) in map {
                    self.stack.push(Step::Key(Cow::Borrowed(key)));
                    self.value(value, pod, Some(node));
                    self.stack.pop();
                }
            }
            Data::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    self.stack.push(item(list, index));
                    self.value(value, pod, None);
                    self.stack.pop();
                }
            }
            Data::String(text) => self.text(node, text, pod, beside),
            _ => {}
        }
    }

    fn text(&mut self, node: &'d Node, text: &'d str, pod: Option<usize>, beside: Option<&'d Node>) {
        let class = || self.scope.class(&self.stack, pod);
        let packed = match self.scope.holds {
            Holds::Secrets => self.is_below("data"),
            Holds::Files => self.is_below("binaryData"),
            Holds::Schemas | Holds::Fields => false,
        };
        if packed {
            if let Some(text) = decoded(text) {
                self.string(None, &text, Class::C, beside);
            }
        } else if self.is_image_alone(pod) {
            self.alone(node, text, class(), beside);
        } else if text.len() > 3 {
            self.string(Some(node), text, class(), beside);
        }
    }

    /// A string that may hold documents, and otherwise words.
    fn string(&mut self, node: Option<&Node>, text: &str, class: Class, beside: Option<&Node>) {
        if self.documents(node, text) {
            return;
        }
        self.settings(text);
        let level =
            if self.name().is_some_and(grammar::is_called_image) { Level::Named } else { Level::Text };
        for Found { at, reference, key } in grammar::scan(text, level) {
            let hit = Hit {
                text: Cow::Borrowed(&text[at.clone()]),
                reference: Ok(reference),
                class,
                key: key.map(|key| &text[key]),
                at: node.and_then(|node| self.scope.text?.locate(node.at, text, at)),
            };
            self.hit(hit, beside);
        }
    }

    /// Whether the value is one image and nothing else.
    fn is_image_alone(&self, pod: Option<usize>) -> bool {
        match self.stack.last() {
            Some(Step::Key(key)) if pod.is_some() && matches!(key.as_ref(), "image" | "reference") => {
                self.scope.class(&self.stack, pod) == Class::A
            }
            _ => self.scope.names(&self.stack),
        }
    }

    fn alone(&mut self, node: &Node, text: &str, class: Class, beside: Option<&Node>) {
        let image = text.trim();
        if image.is_empty() {
            return;
        }
        let start = text.find(image).unwrap_or_default();
        let at = self.scope.text.and_then(|it| it.locate(node.at, text, start..start + image.len()));
        self.hit(Hit { text: Cow::Borrowed(image), reference: image.parse(), class, key: None, at }, beside);
    }

    /// What a value is called: its key, the name of its variable, its flag.
    fn name(&self) -> Option<&str> {
        match self.stack.as_slice() {
            [.., Step::Item { label: Some(label), .. }, Step::Key(key)] if key == "value" => Some(label),
            [.., Step::Key(key)] | [.., Step::Key(key), Step::Item { label: None, .. }] => Some(key),
            [.., Step::Item { label: Some(label), .. }] => Some(label),
            _ => None,
        }
    }

    fn is_below(&self, field: &str) -> bool {
        matches!(self.stack.first(), Some(Step::Key(key)) if key == field)
    }

    /// Reads the documents that a string is, if it is nothing else.
    fn documents(&mut self, node: Option<&Node>, text: &str) -> bool {
        let may = text.contains("kind") && text.contains("apiVersion") && !self.is_below("metadata");
        if !may || self.scope.holds == Holds::Schemas || self.scope.depth() == DEPTH {
            return false;
        }
        let path = self.steps();
        let from = Path::from(&path[..]).to_string();
        let Some(documents) = read::nodes(text).ok().and_then(|nodes| {
            let text = text.into();
            let read = nodes.into_iter().map(|node| Document::open(node, &from, &text));
            read.collect::<Result<Vec<_>, _>>().ok()
        }) else {
            return false;
        };
        let documents: Vec<Document> = documents.into_iter().flatten().collect();
        for (number, document) in documents.iter().enumerate() {
            let mut root = path.clone();
            root.push(Step::Inside(number));
            let mut scope = Scope::new(document, self.scope.rules, Some(self.scope), root);
            let outer = node.and_then(|node| Some((self.scope.text.as_ref()?, node.at)));
            scope.text = outer.map(|outer| Text { text, outer: Some(outer) });
            Walker { scope: &scope, stack: Vec::new(), out: &mut *self.out }.value(
                &document.node,
                None,
                None,
            );
        }
        !documents.is_empty()
    }

    /// Reads images in several fields of a string that is YAML: settings of a program, values of a chart.
    fn settings(&mut self, text: &str) {
        if !split::may_hold(text) || self.scope.holds == Holds::Schemas {
            return;
        }
        for (number, node) in read::nodes(text).unwrap_or_default().iter().enumerate() {
            let mut found = Vec::new();
            split::below(&self.scope.splits, node, &mut Vec::new(), &mut found);
            for (path, hit) in found {
                let depth = self.stack.len();
                self.stack.push(Step::Inside(number));
                self.stack.extend(path.steps().iter().cloned());
                self.hit(hit, None);
                self.stack.truncate(depth);
            }
        }
    }

    /// The steps from the root of the cluster's document.
    fn steps(&self) -> Vec<Step<'static>> {
        let own = Path::from(&self.stack[..]);
        self.scope.root.iter().chain(own.steps()).cloned().collect()
    }

    fn hit(&mut self, hit: Hit<'_>, beside: Option<&Node>) {
        let path = self.steps();
        let rule = self.scope.rule(&path, &hit.text).cloned();
        let (document, inside) = self.scope.ids();
        let policy = beside.and_then(|it| it.get("imagePullPolicy").or_else(|| it.get("pullPolicy")));
        self.out.push(Candidate {
            object: document.id.clone(),
            from: document.from.clone(),
            inside,
            path: Path::from(&path[..]),
            at: hit.at,
            class: rule.as_ref().and_then(|rule| rule.class).unwrap_or(hit.class),
            text: hit.text.into_owned(),
            key: hit.key.map(str::to_owned),
            reference: hit.reference,
            pull_policy: policy.and_then(Node::as_str).map(str::to_owned),
            rule,
        });
    }
}

/// The text that a value of `Secret.data` is.
fn decoded(text: &str) -> Option<String> {
    let text: String = text.split_ascii_whitespace().collect();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).ok()?).ok()
}
