//! Takes typed fields out of a table and remembers which keys it knows.

use super::address::{Kind, Reference};
use super::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use super::shape::{self, Shape};
use super::table::Table;
use super::value::{Node, Value};
use gabion_digest::Sha256;
use std::fmt;

/// Reads one table; every mistake goes to the diagnostics and the reading goes on.
///
/// Each getter names a key; [`Reader::finish`] reports the keys that nobody asked for.
pub(super) struct Reader<'a> {
    /// How the table is called in messages, `k3s.main`.
    what: &'a dyn fmt::Display,
    table: &'a Table,
    span: Span,
    known: Vec<&'a str>,
    diagnostics: &'a mut Diagnostics,
    /// What was asked for, where nothing is read and somebody only wants to know.
    shape: Option<Shape>,
}

/// A typed value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

impl<'a> Reader<'a> {
    /// Reads `table`, called `what`, declared at `span`.
    pub(super) fn new(
        what: &'a dyn fmt::Display,
        table: &'a Table,
        span: &Span,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self { what, table, span: span.clone(), known: Vec::with_capacity(16), diagnostics, shape: None }
    }

    /// What `read` asks for, with every table that it would look into.
    pub(super) fn shape_of(read: impl FnOnce(&mut Reader<'_>)) -> Shape {
        let (table, mut unheard) = (Table::default(), Diagnostics::default());
        let mut reader = Reader::new(&"", &table, &Span::default(), &mut unheard);
        reader.shape = Some(Shape::default());
        read(&mut reader);
        reader.shape.unwrap_or_default()
    }

    /// Notes what a key takes.
    fn note(&mut self, key: &'static str, takes: impl FnOnce() -> serde_json::Value) {
        if let Some(shape) = &mut self.shape {
            shape.key(key, takes());
        }
    }

    /// Reports a mistake.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Takes notice of a key without reading it.
    pub(super) fn known(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// Where the table is declared.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Whether `key` stands in the table.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.table.get(key).map(|(_, node)| node)
    }

    fn wrong_type(&mut self, key: &str, node: &Node, wanted: &str) {
        let message = format!("`{key}` takes {wanted}, not {}", node.value.type_name());
        self.report(Diagnostic::new(Code::WrongType, &node.span, message));
    }

    /// The error for a value that `key` cannot take.
    pub(super) fn bad_value(&mut self, key: &str, span: &Span, why: impl fmt::Display) {
        self.report(Diagnostic::new(Code::BadValue, span, format!("`{key}` {why}")));
    }

    /// An optional string.
    pub(super) fn string(&mut self, key: &'static str) -> Option<Spanned<String>> {
        self.note(key, shape::string);
        let node = self.get(key)?;
        match &node.value {
            Value::String(text) => Some(Spanned { value: text.clone(), span: node.span.clone() }),
            _ => {
                self.wrong_type(key, node, "a string");
                None
            }
        }
    }

    /// Reports the absence of a key.
    pub(super) fn must_have(&mut self, key: &'static str) {
        if !self.has(key) {
            let message = format!("`{}` needs `{key}`", self.what);
            self.report(Diagnostic::new(Code::MissingKey, &self.span.clone(), message));
        }
    }

    /// A string that must be there. Gives an empty one after reporting its absence.
    pub(super) fn required(&mut self, key: &'static str) -> Spanned<String> {
        self.must_have(key);
        self.string(key).unwrap_or(Spanned { value: String::new(), span: self.span.clone() })
    }

    /// A boolean with a default.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.note(key, shape::flag);
        match self.get(key) {
            None => default,
            Some(Node { value: Value::Bool(flag), .. }) => *flag,
            Some(node) => {
                self.wrong_type(key, node, "true or false");
                default
            }
        }
    }

    /// An array of strings; empty where the key is absent.
    pub(super) fn strings(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        self.each(key, |_, text, span| Some(Spanned { value: text.to_owned(), span: span.clone() }))
    }

    /// What `read` makes of every string of an array.
    fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Self, &str, &Span) -> Option<T>,
    ) -> Vec<T> {
        self.note(key, || shape::list(&shape::string()));
        let Some(node) = self.get(key) else { return Vec::new() };
        let Value::Array(items) = &node.value else {
            self.wrong_type(key, node, "an array of strings");
            return Vec::new();
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::String(text) => out.extend(read(self, text, &item.span)),
                _ => self.wrong_type(key, item, "strings"),
            }
        }
        out
    }

    /// Whole OpenPGP fingerprints: a short one can be forged.
    pub(super) fn fingerprints(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        let all = self.strings(key);
        for fingerprint in &all {
            let hex = fingerprint.value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
            if !hex || !matches!(fingerprint.value.len(), 40 | 64) {
                self.bad_value(key, &fingerprint.span, "takes whole fingerprints, 40 hex digits in capitals");
            }
        }
        all
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is a key beside these.
    pub(super) fn has_other_than(&self, keys: &[&str]) -> bool {
        self.table.iter().any(|(key, _)| !keys.contains(&key.as_str()))
    }

    /// Whether `key` is absent, or an array without anything in it.
    pub(super) fn is_empty(&self, key: &str) -> bool {
        match self.table.get(key) {
            None => true,
            Some((_, Node { value: Value::Array(items), .. })) => items.is_empty(),
            Some(_) => false,
        }
    }

    /// Whether `key` is a string here.
    pub(super) fn is_string(&self, key: &str) -> bool {
        matches!(self.table.get(key), Some((_, Node { value: Value::String(_), .. })))
    }

    /// Whether `key` is a table here.
    pub(super) fn is_table(&self, key: &str) -> bool {
        matches!(self.table.get(key), Some((_, Node { value: Value::Table(_), .. })))
    }

    /// What `read` makes of the table `key`, and of nothing else in it.
    pub(super) fn within<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> Option<T> {
        if self.shape.is_some() {
            let inner = Reader::shape_of(|reader| _ = read(reader));
            self.note(key, || inner.into_json());
            self.known.push(key);
            return None;
        }
        let (table, span) = self.table(key)?;
        Some(self.inner(key, table, &span, read))
    }

    /// What `read` makes of the tables that nobody asked for by name: here keys are names of their own.
    pub(super) fn named<T>(
        &mut self,
        mut read: impl FnMut(&Spanned<String>, &mut Reader<'_>) -> Option<T>,
    ) -> Vec<T> {
        if let Some(shape) = &mut self.shape {
            let name = Spanned { value: "name".to_owned(), span: Span::default() };
            let inner = Reader::shape_of(|reader| _ = read(&name, reader));
            shape.others(inner.into_json());
        }
        let mut out = Vec::new();
        for (key, (span, node)) in self.table {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            self.known.push(key);
            let name = Spanned { value: key.clone(), span: span.clone() };
            match &node.value {
                Value::Table(table) => out.extend(self.inner(key, table, span, |it| read(&name, it))),
                _ => self.wrong_type(key, node, "a table"),
            }
        }
        out
    }

    /// The keys that nobody asked for by name, which are names of their own here, with whatever they hold.
    pub(super) fn others(&mut self) -> Vec<(Spanned<String>, &'a Node)> {
        if let Some(shape) = &mut self.shape {
            shape.others(serde_json::json!({}));
        }
        let mut out = Vec::new();
        for (key, (span, node)) in self.table {
            if !self.known.contains(&key.as_str()) {
                self.known.push(key);
                out.push((Spanned { value: key.clone(), span: span.clone() }, node));
            }
        }
        out
    }

    /// What `read` makes of every table of an array.
    pub(super) fn items<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Reader<'_>) -> Option<T>,
    ) -> Vec<T> {
        if self.shape.is_some() {
            let inner = Reader::shape_of(|reader| _ = read(reader));
            self.note(key, || shape::list(&inner.into_json()));
        }
        let Some(node) = self.get(key) else { return Vec::new() };
        let Value::Array(items) = &node.value else {
            self.wrong_type(key, node, "an array of tables");
            return Vec::new();
        };
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Table(table) => out.extend(self.inner(key, table, &item.span, &mut read)),
                _ => self.wrong_type(key, item, "tables"),
            }
        }
        out
    }

    fn inner<T>(
        &mut self,
        key: &str,
        table: &Table,
        span: &Span,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> T {
        let what = format!("{}.{key}", self.what);
        let mut reader = Reader::new(&what, table, span, self.diagnostics);
        let value = read(&mut reader);
        reader.finish();
        value
    }

    /// What `parse` makes of an optional string; its error goes on behind the key.
    pub(super) fn parsed<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.string(key)?;
        parse(&text.value).map_err(|error| self.bad_value(key, &text.span, error)).ok()
    }

    /// What `parse` makes of every string of an array; errors go on behind the key.
    pub(super) fn parsed_list<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str) -> Result<T, E>,
    ) -> Vec<T> {
        self.each(key, |reader, text, span| {
            parse(text).map_err(|error| reader.bad_value(key, span, error)).ok()
        })
    }

    /// An optional integer.
    pub(super) fn integer(&mut self, key: &'static str) -> Option<Spanned<i64>> {
        self.note(key, shape::integer);
        let node = self.get(key)?;
        match &node.value {
            Value::Integer(number) => Some(Spanned { value: *number, span: node.span.clone() }),
            _ => {
                self.wrong_type(key, node, "an integer");
                None
            }
        }
    }

    /// Where `key` is written; where it is not, where the table is declared.
    pub(super) fn span_of(&self, key: &str) -> Span {
        self.table.get(key).map_or(&self.span, |(span, _)| span).clone()
    }

    /// The string `inner` of the table `key`, which has nothing else.
    pub(super) fn inner_string(&mut self, key: &'static str, inner: &'static str) -> Option<Spanned<String>> {
        self.within(key, |reader| {
            let text = reader.required(inner);
            reader.has(inner).then_some(text)
        })?
    }

    /// A table of its own, read with the same care.
    pub(super) fn table(&mut self, key: &'static str) -> Option<(&'a Table, Span)> {
        self.note(key, shape::table);
        let node = self.get(key)?;
        match &node.value {
            Value::Table(table) => Some((table, node.span.clone())),
            _ => {
                self.wrong_type(key, node, "a table");
                None
            }
        }
    }

    /// A table whose keys are names of their own and whose values are strings.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<(Spanned<String>, String)> {
        self.note(key, || shape::map(&shape::string()));
        let Some((table, _)) = self.table(key) else { return Vec::new() };
        let mut out = Vec::with_capacity(table.len());
        for (name, (span, node)) in table {
            match &node.value {
                Value::String(text) => {
                    out.push((Spanned { value: name.clone(), span: span.clone() }, text.clone()));
                }
                _ => self.wrong_type(name, node, "a string"),
            }
        }
        out
    }

    /// A reference to a node of one of `kinds`.
    pub(super) fn reference(&mut self, key: &'static str, kinds: &[Kind]) -> Option<Spanned<Reference>> {
        self.note(key, || shape::reference(kinds));
        let text = self.string(key)?;
        self.read_reference(key, &text.value, &text.span, kinds)
    }

    /// References to nodes of `kinds`.
    pub(super) fn references(&mut self, key: &'static str, kinds: &[Kind]) -> Vec<Spanned<Reference>> {
        self.note(key, || shape::list(&shape::reference(kinds)));
        self.each(key, |reader, text, span| reader.read_reference(key, text, span, kinds))
    }

    fn read_reference(
        &mut self,
        key: &str,
        text: &str,
        span: &Span,
        kinds: &[Kind],
    ) -> Option<Spanned<Reference>> {
        let Ok(reference) = text.parse::<Reference>() else {
            self.bad_value(key, span, format_args!("names nodes as `kind.name`, not `{text}`"));
            return None;
        };
        if !kinds.contains(&reference.address.kind()) {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let message = format!("`{key}` takes {}, not `{}`", kinds.join(" or "), text);
            self.report(Diagnostic::new(Code::WrongReference, span, message));
            return None;
        }
        Some(Spanned { value: reference, span: span.clone() })
    }

    /// A `sha256` in hex, with or without the prefix.
    pub(super) fn sha256(&mut self, key: &'static str) -> Option<Sha256> {
        let text = self.string(key)?;
        let hex = text.value.strip_prefix("sha256:").unwrap_or(&text.value);
        match Sha256::from_hex(hex) {
            Ok(digest) => Some(digest),
            Err(error) => {
                self.bad_value(key, &text.span, format_args!("is no SHA-256: {error}"));
                None
            }
        }
    }

    /// An `https://` (or, for tests on loopback, `http://`) origin without a trailing slash.
    pub(super) fn url(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let mut url = self.string(key)?;
        if !(url.value.starts_with("https://") || url.value.starts_with("http://")) {
            self.bad_value(key, &url.span, format_args!("takes an https:// location, not `{}`", url.value));
            return None;
        }
        let authority = url.value.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
        if authority.is_some_and(|it| it.contains('@')) {
            // The value is not repeated: it would put the password on the terminal.
            self.bad_value(
                key,
                &url.span,
                "carries credentials, which would travel in the lock and the bundle",
            );
            return None;
        }
        url.value.truncate(url.value.trim_end_matches('/').len());
        Some(url)
    }

    /// Reports that exactly one of `keys` must stand in the table.
    pub(super) fn one_of(&mut self, keys: &[&str]) -> bool {
        // Whoever only wants to know what is asked for hears of all of them.
        if self.shape.is_some() {
            return true;
        }
        let present: Vec<&str> = keys.iter().copied().filter(|key| self.has(key)).collect();
        if present.len() == 1 {
            return true;
        }
        let list = keys.join("`, `");
        let message = match present.as_slice() {
            [] => format!("`{}` needs one of `{list}`", self.what),
            [first, second, ..] => format!("`{first}` and `{second}` exclude each other"),
            [_] => return true,
        };
        let span = present.get(1).and_then(|key| self.table.get(key)).map_or(&self.span, |(span, _)| span);
        self.report(Diagnostic::new(Code::Conflict, &span.clone(), message));
        false
    }

    /// Reports every key that no getter named.
    pub(super) fn finish(mut self) {
        for (key, (span, _)) in self.table {
            if !self.known.contains(&key.as_str()) {
                let message = format!("`{}` has no key `{key}`", self.what);
                let known = self.known.clone();
                self.report(Diagnostic::new(Code::UnknownKey, span, message).suggest(key, known));
            }
        }
    }
}
