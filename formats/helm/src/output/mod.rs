//! What a chart gives: documents in the order of installation, hooks, definitions, notes, and where each byte came from.

mod apis;
mod guard;
mod order;
mod split;
mod taint;

pub use apis::DEFAULT_APIS;
pub use taint::{Lookup, Tainted};

use crate::depend::Work;
use crate::document;
use crate::engine::{Executed, Sources, is_partial};
use crate::render::RenderError;
use crate::tree::fields::{self, Fields};
use crate::values::Table;
use gabion_template::{Span, Text};
use gabion_yaml::Node;
use std::collections::BTreeMap;

/// All that a chart gives.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The documents in Helm's order of installation.
    pub documents: Vec<Document>,
    /// The hooks in the order in which Helm records them.
    pub hooks: Vec<Hook>,
    /// The files in `crds/`, which no template makes and which are installed before everything else.
    pub crds: Vec<Definition>,
    /// What `NOTES.txt` gave, if the chart has one.
    pub notes: Option<Written>,
    /// What Helm would have warned of, and what it should have.
    pub warnings: Vec<String>,
    /// What templates looked for in a cluster. Here there is none, and nothing was found.
    pub lookups: Vec<Lookup>,
    /// The files that bytes come from, by the numbers in origins; 0 is "not known".
    pub sources: Vec<String>,
    taints: Vec<Tainted>,
    files: BTreeMap<String, Written>,
}

/// Bytes, and where they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their parts in order. Empty where nothing is known; else the last part ends where the bytes do.
    pub spans: Vec<Span>,
}

/// A document that Helm would install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The full path of the template that it comes from.
    pub path: String,
    /// Its text, as Helm records it.
    pub text: Written,
    /// `apiVersion`, empty where it says nothing.
    pub api_version: String,
    /// `kind`, empty where it says nothing: a document of comments alone is recorded too.
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`, where it is said.
    pub namespace: Option<String>,
}

/// A document that Helm would install at a moment of its own, and not with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub document: Document,
    /// When: `pre-install`, `post-upgrade`, `test` and so on, as they are written.
    pub events: Vec<String>,
    /// Its place among the hooks of one moment: the smallest first.
    pub weight: i64,
    /// When it is deleted; as it is written, in small letters. Helm takes `before-hook-creation` where nothing is said.
    pub delete_policies: Vec<String>,
    /// When its log is shown.
    pub log_policies: Vec<String>,
}

/// A file of `crds/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its full path.
    pub path: String,
    /// Its text, as it is in the chart.
    pub bytes: Vec<u8>,
}

impl Written {
    pub(crate) fn of(text: &Text) -> Self {
        Self { bytes: text.bytes().to_vec(), spans: text.spans().to_vec() }
    }

    /// The part that has the byte at `at`.
    pub fn origin(&self, at: usize) -> Option<&Span> {
        self.spans.get(self.spans.partition_point(|it| it.end as usize <= at))
    }

    /// The text. Where Helm's own bytes are no UTF-8, U+FFFD stands for them.
    pub fn to_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl Rendered {
    /// The manifest as `helm template` prints it, with hooks at its end, and before everything the definitions if they are
    /// asked for (`--include-crds`).
    pub fn manifest(&self, with_crds: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if with_crds {
            for it in &self.crds {
                add(&mut out, &it.path, &it.bytes);
            }
        }
        for it in &self.documents {
            add(&mut out, &it.path, &it.text.bytes);
        }
        let mut out = split::trimmed(&out).to_vec();
        out.push(b'\n');
        for it in &self.hooks {
            add(&mut out, &it.document.path, &it.document.text.bytes);
        }
        out
    }

    /// The hooks of one moment, in the order in which Helm runs them: by weight, then by name.
    pub fn hooks_at(&self, event: &str) -> Vec<&Hook> {
        let mut hooks: Vec<&Hook> =
            self.hooks.iter().filter(|it| it.events.iter().any(|it| it == event)).collect();
        hooks.sort_by_key(|it| (it.weight, &it.document.name));
        hooks
    }

    /// What would be another one next time, and how it is held still. Empty: the same inputs give the same bytes.
    pub fn taints(&self) -> &[Tainted] {
        &self.taints
    }

    /// The text that each file of templates gave, by its full path; partials give none.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Written)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text))
    }

    /// The name of a file by its number in an origin.
    pub fn source(&self, number: u32) -> Option<&str> {
        self.sources.get(number as usize).map(String::as_str).filter(|it| !it.is_empty())
    }
}

fn add(out: &mut Vec<u8>, path: &str, text: &[u8]) {
    out.extend_from_slice(b"---\n# Source: ");
    out.extend_from_slice(path.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// Takes the rendered files apart (`renderResources` of `pkg/action`, `SortManifests` of `pkg/release/v1/util`).
pub(crate) fn rendered(
    chart: &Work<'_>,
    values: &Table,
    executed: Executed,
    sources: Sources,
    mut warnings: Vec<String>,
) -> Result<Rendered, RenderError> {
    let Executed { mut files, notes: asked } = executed;
    let all_files = files.iter().map(|(path, text)| (path.clone(), Written::of(text))).collect();
    let own_notes = format!("{}/templates/NOTES.txt", chart.name());
    let notes = files.get(&own_notes).map(Written::of);
    files.retain(|path, _| !path.ends_with("NOTES.txt"));
    let (mut documents, mut hooks) = (Vec::new(), Vec::new());
    for (path, text) in &files {
        if is_partial(path) {
            continue;
        }
        for part in split::documents(text) {
            let found = Found::read(path, &part)?;
            match found.hook() {
                None => documents.push(found.document),
                Some(Ok(hook)) => hooks.push(hook),
                Some(Err(unknown)) => warnings.push(format!(
                    "`{path}`: {} `{}` is left out: `{unknown}` is no moment of Helm",
                    found.document.kind, found.document.name
                )),
            }
        }
    }
    documents.sort_by(|a, b| order::by_kind(&a.kind, &b.kind));
    hooks.sort_by(|a, b| order::by_kind(&a.document.kind, &b.document.kind));
    let all = documents.iter().chain(hooks.iter().map(|it| &it.document));
    let taints = taint::tainted(
        chart,
        values,
        all,
        notes.as_ref().map(|it| (own_notes.as_str(), it)),
        &asked,
        &sources,
    );
    let lookups = taint::lookups(&asked, &sources);
    let mut crds = Vec::new();
    definitions(chart, &chart.name(), &mut crds);
    Ok(Rendered {
        documents,
        hooks,
        crds,
        notes,
        warnings,
        lookups,
        taints,
        files: all_files,
        sources: sources.into_names(),
    })
}

fn definitions(chart: &Work<'_>, path: &str, out: &mut Vec<Definition>) {
    let manifest = |name: &str| {
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        matches!(end.as_deref(), Some("yaml" | "yml" | "json"))
    };
    let mut own: Vec<_> =
        chart.source.files.iter().filter(|(name, _)| name.starts_with("crds/") && manifest(name)).collect();
    own.sort_by_key(|(name, _)| name.split('/').collect::<Vec<_>>());
    out.extend(
        own.into_iter()
            .map(|(name, bytes)| Definition { path: format!("{path}/{name}"), bytes: bytes.clone() }),
    );
    for child in &chart.children {
        definitions(child, &format!("{path}/charts/{}", child.name()), out);
    }
}

const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE: &str = "helm.sh/hook-delete-policy";
const LOG: &str = "helm.sh/hook-output-log-policy";
const EVENTS: [&str; 9] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
];

/// A document and the annotations that make a hook of it.
struct Found {
    document: Document,
    annotations: BTreeMap<String, String>,
}

impl Found {
    /// Reads the head of a document, as far as Helm does (`SimpleHead`).
    fn read(path: &str, text: &Text) -> Result<Self, RenderError> {
        let broken = |why: String| RenderError::Document { file: path.to_owned(), why };
        let node = document::read(text.bytes()).map_err(|error| broken(error.below(0)))?;
        let mut document = Document {
            path: path.to_owned(),
            text: Written::of(text),
            api_version: String::new(),
            kind: String::new(),
            name: String::new(),
            namespace: None,
        };
        let mut annotations = BTreeMap::new();
        Self::head(&node, &mut document, &mut annotations).map_err(|error| broken(error.to_string()))?;
        Ok(Self { document, annotations })
    }

    fn head(
        node: &Node,
        document: &mut Document,
        annotations: &mut BTreeMap<String, String>,
    ) -> Result<(), crate::tree::LoadError> {
        let head: Fields<'_> = fields::of("it", node)?;
        head.text("apiVersion", &mut document.api_version)?;
        head.text("kind", &mut document.kind)?;
        if let Some(metadata) = head.get("metadata") {
            let metadata = fields::of("metadata", metadata)?;
            metadata.text("name", &mut document.name)?;
            metadata.map("annotations", annotations)?;
            document.namespace = metadata.get("namespace").and_then(fields::scalar);
        }
        Ok(())
    }

    /// The hook that it is, or the moment that no hook has.
    fn hook(&self) -> Option<Result<Hook, String>> {
        let words = |text: &str| text.split(',').map(|it| it.trim().to_lowercase()).collect::<Vec<_>>();
        let listed = |key: &str| self.annotations.get(key).map(|it| words(it)).unwrap_or_default();
        let mut events = Vec::new();
        for event in words(self.annotations.get(HOOK)?) {
            match event.as_str() {
                "test-success" => events.push("test".to_owned()),
                it if EVENTS.contains(&it) => events.push(event),
                _ => return Some(Err(event)),
            }
        }
        let weight = self.annotations.get(WEIGHT).and_then(|it| it.parse().ok()).unwrap_or_default();
        let (delete_policies, log_policies) = (listed(DELETE), listed(LOG));
        Some(Ok(Hook { document: self.document.clone(), events, weight, delete_policies, log_policies }))
    }
}
