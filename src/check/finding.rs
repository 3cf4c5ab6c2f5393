//! One thing that is wrong.

use crate::recipe::lints::{LintRow, RecipeLint};
use crate::recipe::{Address, Project, Span};
use gabion_kube::{Level, Lint};

/// One thing that is wrong: what, where, how much it weighs, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// Stable name, by which `[lints]` speaks of it.
    pub lint: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// The node, where it is about one.
    #[serde(serialize_with = "as_text")]
    pub node: Option<Address>,
    /// The object, `Deployment app/api`, where it is about one.
    pub object: Option<String>,
    /// Where in the object.
    pub path: Option<String>,
    /// The lines that wrote it: of recipes, files, templates and values.
    pub places: Vec<String>,
    /// What is wrong.
    pub why: String,
    /// What to do next.
    pub help: Option<String>,
}

#[expect(clippy::ref_option, reason = "serde gives a field as it is")]
fn as_text<S: serde::Serializer>(address: &Option<Address>, to: S) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) => to.collect_str(address),
        None => to.serialize_none(),
    }
}

impl Finding {
    /// A finding about recipes, at `span`.
    pub fn of_recipe(
        lint: RecipeLint,
        node: Option<&Address>,
        span: Option<&Span>,
        project: &Project,
        why: String,
    ) -> Self {
        let row = lint.row();
        let place = |span: &Span| {
            let (row, column) = project.files.position(span);
            format!("{}:{row}:{column}", project.files.get(span).0)
        };
        let places = span.map(place).into_iter().collect();
        Self { places, node: node.cloned(), ..Self::new(row, why) }
    }

    /// A finding about a document of `node`.
    pub fn of_document(node: &Address, lint: &Lint, places: Vec<String>) -> Self {
        let (code, name, level) = (lint.kind.code(), lint.kind.name(), lint.kind.level());
        let row = LintRow { code, name, level, text: "" };
        let path = lint.path.to_string();
        Self {
            node: Some(node.clone()),
            object: Some(lint.object.to_string()),
            path: Some(path).filter(|it| !it.is_empty()),
            places,
            help: Some(lint.help.clone()).filter(|it| !it.is_empty()),
            ..Self::new(row, lint.why.clone())
        }
    }

    fn new(row: LintRow, why: String) -> Self {
        Self {
            code: row.code,
            lint: row.name,
            level: row.level,
            node: None,
            object: None,
            path: None,
            places: Vec::new(),
            why,
            help: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Says which object it is about.
    #[must_use]
    pub fn object(self, object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..self }
    }
}
