//! `[project]`, `[resolve]`, `[secrets]` and `[lints]`.

use super::address::{Address, Kind};
use super::diagnostic::{Diagnostics, Span};
use super::lints::Lints;
use super::local::inside;
use super::reader::{Reader, Spanned};
use super::shape::Shape;
use super::table::Table;
use super::value::{Node, Value};

/// The only edition of the recipe language so far.
const EDITION: &str = "2026";

/// What `[project]`, `[resolve]`, `[secrets]`, `[lints]` and the command line say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project's name.
    pub name: String,
    /// The target of a bare `gabion build`.
    pub default: Option<String>,
    /// The overlay in force.
    pub env: Option<String>,
    /// The lock file, relative to the project.
    pub lock: String,
    /// Who can open the sidecars of secrets, `age1…`.
    pub recipients: Vec<String>,
    /// What it says of findings.
    pub lints: Lints,
    /// Debian's name of the architecture, `amd64`.
    pub arch: String,
}

/// Reads the settings of a project under overlay `env`.
pub(super) fn read(merged: &Table, env: Option<String>, diagnostics: &mut Diagnostics) -> Settings {
    let (project, span) = section(merged, "project");
    let mut reader = Reader::new(&"project", &project, &span, diagnostics);
    let name = reader.required("name");
    if Address::new(Kind::Bundle, &name.value).is_none() && reader.has("name") {
        reader.bad_value("name", &name.span, "takes lowercase letters, digits and `-`");
    }
    let edition = reader.required("edition");
    if edition.value != EDITION && reader.has("edition") {
        reader.bad_value("edition", &edition.span, format_args!("is `{EDITION}` for this version of gabion"));
    }
    let _included = reader.strings("include");
    let _env = reader.string("env");
    let default = reader.string("default").map(|it| it.value);
    let lock = reader.string("lock");
    let lock = lock.map_or("gabion.lock".to_owned(), |lock| {
        if let Err(mistake) = inside(&lock.value, &lock.span) {
            reader.report(mistake);
        }
        lock.value
    });
    reader.finish();
    let (resolve, span) = section(merged, "resolve");
    let mut reader = Reader::new(&"resolve", &resolve, &span, diagnostics);
    let arch = reader.string("arch").map_or(Spanned { value: "amd64".to_owned(), span }, |arch| arch);
    if !["amd64", "arm64"].contains(&arch.value.as_str()) {
        reader.bad_value("arch", &arch.span, "is `amd64` or `arm64`");
    }
    reader.finish();
    let (secrets, span) = section(merged, "secrets");
    let mut reader = Reader::new(&"secrets", &secrets, &span, diagnostics);
    let recipients = reader.parsed_list("recipients", recipient);
    reader.finish();
    let (table, span) = section(merged, "lints");
    let mut reader = Reader::new(&"lints", &table, &span, diagnostics);
    let lints = Lints::read(&mut reader);
    reader.finish();
    Settings { name: name.value, default, env, lock, recipients, lints, arch: arch.value }
}

/// Refuses what is clearly no recipient; what it is by mistake, an identity perhaps, is not repeated.
fn recipient(text: &str) -> Result<String, &'static str> {
    let good = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is = text.starts_with("age1") && text.len() == 62 && text.bytes().all(good);
    if is { Ok(text.to_owned()) } else { Err("takes recipients of age, `age1…`") }
}

/// What the tables of settings may hold, by their names.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    let project = |reader: &mut Reader<'_>| {
        for key in ["name", "edition", "env", "default", "lock"] {
            let _text = reader.string(key);
        }
        let _list = reader.strings("include");
    };
    vec![
        ("project", Reader::shape_of(project)),
        ("resolve", Reader::shape_of(|reader| _ = reader.string("arch"))),
        ("secrets", Reader::shape_of(|reader| _ = reader.strings("recipients"))),
        ("lints", Reader::shape_of(|reader| _ = Lints::read(reader))),
    ]
}

/// The table `name` and its place; an empty one where it is missing.
fn section(merged: &Table, name: &str) -> (Table, Span) {
    match merged.get(name) {
        Some((_, Node { value: Value::Table(table), span })) => (table.clone(), span.clone()),
        _ => (Table::default(), Span::default()),
    }
}
