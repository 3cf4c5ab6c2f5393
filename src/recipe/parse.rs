//! One file of recipes: text in, tables out.
//!
//! A file is read twice where it is not plain: [`quick`] builds the tables while the parser runs, and gives up at
//! the first mistake and at what is rarely written; then [`careful`] reads the whole file through the tree of
//! `toml`, which words every mistake. A file that both take is the same to both.

use super::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use super::table::{Entry, Table};
use super::value::{Node, Value};
use std::borrow::Cow;
use toml::de::{DeTable, DeValue};
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{EventReceiver, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source};

/// Reads one file; what is wrong goes to `diagnostics`, what is right is returned all the same.
pub(super) fn parse(text: &str, file: usize, diagnostics: &mut Diagnostics) -> Table {
    quick(text, file).unwrap_or_else(|| careful(text, file, diagnostics))
}

/// Reads a plain file: no mistake, no dotted key before `=`, no `[[table]]`, no float and no date.
fn quick(text: &str, file: usize) -> Option<Table> {
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut builder = Builder { text, file, plain: true, ..Builder::default() };
    let mut error: Option<ParseError> = None;
    parse_document(&tokens, &mut ValidateWhitespace::new(&mut builder, source), &mut error);
    builder.close_section();
    let plain = builder.plain && error.is_none();
    plain.then(|| seal(builder.root)).flatten()
}

/// The table of `entries`, with every table below in order, unless a key stands twice.
fn seal(mut entries: Vec<Entry>) -> Option<Table> {
    for (_, (_, node)) in &mut entries {
        if let Value::Table(table) = &mut node.value {
            *table = seal(std::mem::take(table).into_entries())?;
        }
    }
    let (table, twice) = Table::gather(entries);
    twice.is_empty().then_some(table)
}

/// Tables and arrays within arrays and tables that [`quick`] follows.
const DEPTH: usize = 40;
/// How far back [`quick`] looks for the table that a header continues.
const NEAR: usize = 16;

/// A value that is being read: where it starts, and the number of its first entry or item.
enum Open {
    Table { start: usize, key: Option<(String, Span)>, first: usize },
    Array { start: usize, first: usize },
}

/// Builds the tables of a plain file from the parser's events.
#[derive(Default)]
struct Builder<'t> {
    text: &'t str,
    file: usize,
    /// Whether the file was plain so far; what is built after that is worth nothing.
    plain: bool,
    /// What the headers before named.
    root: Vec<Entry>,
    /// The header of this section and the table that it names.
    header: Option<Span>,
    path: Vec<(Cow<'t, str>, Span)>,
    in_header: bool,
    /// A key of the section that has no value yet.
    key: Option<(String, Span)>,
    open: Vec<Open>,
    /// Entries of the section, then of the open tables.
    entries: Vec<Entry>,
    /// Items of the open arrays.
    items: Vec<Node>,
}

impl<'t> Builder<'t> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start, end }
    }

    fn raw(&self, span: toml_parser::Span, encoding: Option<Encoding>) -> Raw<'t> {
        Raw::new_unchecked(self.text.get(span.start()..span.end()).unwrap_or_default(), encoding, span)
    }

    fn take(&mut self, node: Node) {
        let key = match self.open.last_mut() {
            Some(Open::Array { .. }) => return self.items.push(node),
            Some(Open::Table { key, .. }) => key,
            None => &mut self.key,
        };
        match key.take() {
            Some((key, span)) => self.entries.push((key, (span, node))),
            None => self.plain = false,
        }
    }

    /// The table of the entries from number `first` on.
    fn table(&mut self, first: usize) -> Table {
        let (table, twice) = Table::gather(self.entries.drain(first..).collect());
        self.plain &= twice.is_empty();
        table
    }

    fn enter(&mut self, open: Open) -> bool {
        self.open.push(open);
        self.plain &= self.open.len() <= DEPTH;
        self.plain
    }

    fn close(&mut self, end: usize) {
        let (start, value) = match self.open.pop() {
            Some(Open::Array { start, first }) => (start, Value::Array(self.items.drain(first..).collect())),
            Some(Open::Table { start, first, .. }) => (start, Value::Table(self.table(first))),
            None => return self.plain = false,
        };
        let span = self.span(start, end);
        self.take(Node { span, value });
    }

    /// Puts the section that ends here where its header says.
    fn close_section(&mut self) {
        let table = self.table(0);
        self.plain &= self.open.is_empty();
        let Some(span) = self.header.take() else {
            self.root = table.into_entries();
            return;
        };
        self.plain &= self.path.len() <= DEPTH;
        let (true, Some((name, name_span))) = (self.plain, self.path.pop()) else {
            return self.plain = false;
        };
        let mut entries = &mut self.root;
        for (key, span) in self.path.drain(..) {
            match below(entries, key, span, self.text) {
                Some(found) => entries = found,
                None => return self.plain = false,
            }
        }
        entries.push((name.into_owned(), (name_span, Node { span, value: Value::Table(table) })));
    }
}

/// The entries of the table `key`, which a header continues or begins; nothing where a header cannot continue it.
fn below<'e>(
    entries: &'e mut Vec<Entry>,
    key: Cow<'_, str>,
    span: Span,
    text: &str,
) -> Option<&'e mut Vec<Entry>> {
    let near = entries.len().saturating_sub(NEAR);
    let at = match entries[near..].iter().rposition(|(it, _)| *it == key) {
        Some(at) => near + at,
        None => {
            let node = Node { span: span.clone(), value: Value::Table(Table::default()) };
            entries.push((key.into_owned(), (span, node)));
            entries.len() - 1
        }
    };
    let (_, Node { span, value }) = &mut entries[at].1;
    let is_inline = text.as_bytes().get(span.start) == Some(&b'{');
    match value {
        Value::Table(table) if !is_inline => Some(table.entries_mut()),
        _ => None,
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.close_section();
        self.header = Some(self.span(span.start(), span.end()));
        self.in_header = true;
    }

    fn std_table_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.in_header = false;
        if let Some(header) = &mut self.header {
            header.end = span.end();
        }
    }

    fn array_table_open(&mut self, _: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.plain = false;
    }

    fn inline_table_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) -> bool {
        self.enter(Open::Table { start: span.start(), key: None, first: self.entries.len() })
    }

    fn inline_table_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.close(span.end());
    }

    fn array_open(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) -> bool {
        self.enter(Open::Array { start: span.start(), first: self.items.len() })
    }

    fn array_close(&mut self, span: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.close(span.end());
    }

    fn simple_key(&mut self, span: toml_parser::Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let mut name = Cow::Borrowed("");
        self.raw(span, encoding).decode_key(&mut name, error);
        let place = self.span(span.start(), span.end());
        if self.in_header {
            return self.path.push((name, place));
        }
        let key = match self.open.last_mut() {
            Some(Open::Table { key, .. }) => key,
            Some(Open::Array { .. }) => return self.plain = false,
            None => &mut self.key,
        };
        // A second key before the value is a dotted one.
        self.plain &= key.replace((name.into_owned(), place)).is_none();
    }

    fn scalar(&mut self, span: toml_parser::Span, encoding: Option<Encoding>, error: &mut dyn ErrorSink) {
        let mut text = Cow::Borrowed("");
        let value = match self.raw(span, encoding).decode_scalar(&mut text, error) {
            ScalarKind::String => Some(Value::String(text.into_owned())),
            ScalarKind::Boolean(flag) => Some(Value::Bool(flag)),
            ScalarKind::Integer(radix) => i64::from_str_radix(&text, radix.value()).ok().map(Value::Integer),
            ScalarKind::Float | ScalarKind::DateTime => None,
        };
        let span = self.span(span.start(), span.end());
        match value {
            Some(value) => self.take(Node { span, value }),
            None => self.plain = false,
        }
    }

    fn error(&mut self, _: toml_parser::Span, _: &mut dyn ErrorSink) {
        self.plain = false;
    }
}

/// Reads any file, and reports what is wrong with it.
fn careful(text: &str, file: usize, diagnostics: &mut Diagnostics) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        let message = error.message().trim().replace('\n', ", ");
        diagnostics.push(Diagnostic::new(Code::Syntax, &Span::new(file, range), message));
    }
    convert_table(table.get_ref(), file, diagnostics)
}

fn convert_table(table: &DeTable<'_>, file: usize, diagnostics: &mut Diagnostics) -> Table {
    let mut out = Vec::with_capacity(table.len());
    for (key, value) in table {
        let key_span = Span::new(file, key.span());
        let span = Span::new(file, value.span());
        if let Some(value) = convert(value.get_ref(), &span, diagnostics) {
            out.push((key.get_ref().to_string(), (key_span, Node { span, value })));
        }
    }
    out.into_iter().collect()
}

fn convert(value: &DeValue<'_>, span: &Span, diagnostics: &mut Diagnostics) -> Option<Value> {
    let refuse = |diagnostics: &mut Diagnostics, what: &str| {
        let message = format!("{what} cannot stand in a recipe");
        diagnostics.push(Diagnostic::new(Code::WrongType, span, message).help("write it as a string"));
        None
    };
    match value {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(Value::Integer(number)),
            Err(_) => refuse(diagnostics, "an integer beyond 64 bits"),
        },
        DeValue::Float(_) => refuse(diagnostics, "a float"),
        DeValue::Datetime(_) => refuse(diagnostics, "a date"),
        DeValue::Array(items) => {
            let convert_item = |item: &toml::Spanned<DeValue<'_>>| {
                let span = Span::new(span.file, item.span());
                convert(item.get_ref(), &span, diagnostics).map(|value| Node { span, value })
            };
            Some(Value::Array(items.iter().filter_map(convert_item).collect()))
        }
        DeValue::Table(table) => Some(Value::Table(convert_table(table, span.file, diagnostics))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "\u{feff}# note\nname = \"a\\tb\"\r\n[x]\nn = 0x1F\nl = [ 'one', [true], { k = 1, 'q r' = [] }, ]\n\
                         [manifests.\"n0\"]\ntext = '''\nlong'''\nt = { inner = { deep = \"é\" } }\n[k3s.main]\nversion = '1'\n\
                         [fetch.a] # after\nurl='u'\n[k3s.main.config.b]\nc = 1\n[k3s.main.other]\n[manifests.n1]\nfiles = []\n";

    /// What the careful reading makes of `text`: its table and its mistakes.
    fn read_carefully(text: &str) -> (Table, Vec<Diagnostic>) {
        let mut diagnostics = Diagnostics::default();
        (careful(text, 3, &mut diagnostics), diagnostics.list)
    }

    /// Whether the quick reading takes `text`; if so, both readings must give the same.
    fn is_quick(text: &str) -> bool {
        let Some(table) = quick(text, 3) else { return false };
        assert_eq!((table, Vec::new()), read_carefully(text), "{text}");
        true
    }

    #[test]
    fn a_plain_file_is_read_quickly() {
        assert!(is_quick(PLAIN));
        assert!(is_quick(""));
        let many =
            (0..100).map(|number| format!("[manifests.n{number}]\nfiles = ['a']\n[fetch.f{number}.x]\n"));
        assert!(is_quick(&many.collect::<String>()));
    }

    #[test]
    fn what_is_not_plain_is_read_carefully() {
        for text in [
            "a = 1\na = 2",
            "[a]\n[a]",
            "[a.b]\n[a]",
            "[a]\nb = 1\n[a.b]",
            "[a]\nb = {}\n[a.b.c]",
            "a = { b = 1, b = 2 }",
            "a.b = 1",
            "a = { b.c = 1 }",
            "[[a]]",
            "a = 1.5",
            "a = 1979-05-27",
            "a = 9223372036854775808",
            "a = ",
            "= 1",
            "a",
            "[a",
            "[]",
            "[a.]",
            "a = [1",
            "a = [1 2]",
            "a = \"\\q\"",
            "a = 'b",
            "a = 1 b = 2",
            "# \u{1}",
        ] {
            assert!(!is_quick(text), "{text}");
        }
        for deep in ["[", "{ a = "] {
            assert!(!is_quick(&format!("a = {}", deep.repeat(10_000))));
        }
        assert!(!is_quick(&format!("[a{}]", ".a".repeat(10_000))));
    }

    #[test]
    fn both_readings_agree_on_every_small_change() {
        let (mut quickly, mut all) = (0, 0);
        for (at, old) in PLAIN.char_indices() {
            let (before, after) = (&PLAIN[..at], &PLAIN[at + old.len_utf8()..]);
            for new in [
                "", "[", "]", "{", "}", "'", "\"", "=", ".", ",", "\n", "\r", " ", "#", "n", "0", "\\",
                "[a.x]\n",
            ] {
                quickly += usize::from(is_quick(&format!("{before}{new}{after}")));
                all += 1;
            }
        }
        assert!(quickly > 100 && quickly < all, "{quickly} of {all}");
    }
}
