//! `Chart.yaml` with all that templates see of it (`pkg/chart/v2/metadata.go`, `dependency.go`).
//!
//! [`ChartMeta`](crate::ChartMeta) holds what a lock needs, and is stricter; this is what a chart says, as Helm hands it on.

use super::{LoadError, fields};
use crate::{Constraint, Version};
use gabion_yaml::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// What a chart says of itself. Each field is the one of its name in `Chart.yaml`, empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub struct Metadata {
    pub name: String,
    pub home: String,
    pub sources: Vec<String>,
    pub version: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub maintainers: Vec<Maintainer>,
    pub icon: String,
    pub api_version: String,
    pub condition: String,
    pub tags: String,
    pub app_version: String,
    pub deprecated: bool,
    pub annotations: BTreeMap<String, String>,
    pub kube_version: String,
    /// `None` where there is no such list, which Helm tells apart from an empty one.
    pub dependencies: Option<Vec<Requirement>>,
    /// `type`.
    pub kind: String,
}

/// Who maintains a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub struct Maintainer {
    pub name: String,
    pub email: String,
    pub url: String,
}

/// A chart that another one needs, as it is written.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub struct Requirement {
    pub name: String,
    pub version: String,
    pub repository: String,
    pub condition: String,
    pub tags: Vec<String>,
    pub enabled: bool,
    pub import_values: Vec<Import>,
    pub alias: String,
}

/// Values of a subchart that its parent takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The path in the subchart.
    pub child: String,
    /// The path in the parent; `.` is all of it.
    pub parent: String,
}

impl Metadata {
    /// What `Chart.yaml` says, and for charts of Helm 2 `requirements.yaml`, which is read over it.
    pub(super) fn read(chart: &Node, requirements: Option<&Node>) -> Result<Self, LoadError> {
        let mut out = Self::default();
        out.take("Chart.yaml", chart)?;
        if out.api_version.is_empty() {
            "v1".clone_into(&mut out.api_version);
        }
        if let Some(node) = requirements {
            out.take("requirements.yaml", node)?;
        }
        out.tidy();
        out.check()?;
        Ok(out)
    }

    /// Whether other charts use its templates, and it gives no documents itself.
    pub fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }

    fn take(&mut self, file: &'static str, node: &Node) -> Result<(), LoadError> {
        let fields = fields::of(file, node)?;
        fields.text("name", &mut self.name)?;
        fields.text("home", &mut self.home)?;
        fields.texts("sources", &mut self.sources)?;
        fields.text("version", &mut self.version)?;
        fields.text("description", &mut self.description)?;
        fields.texts("keywords", &mut self.keywords)?;
        if let Some(list) = fields.list("maintainers")? {
            self.maintainers = list.iter().map(|it| Maintainer::read(file, it)).collect::<Result<_, _>>()?;
        }
        fields.text("icon", &mut self.icon)?;
        fields.text("apiVersion", &mut self.api_version)?;
        fields.text("condition", &mut self.condition)?;
        fields.text("tags", &mut self.tags)?;
        fields.text("appVersion", &mut self.app_version)?;
        fields.flag("deprecated", &mut self.deprecated)?;
        fields.map("annotations", &mut self.annotations)?;
        fields.text("kubeVersion", &mut self.kube_version)?;
        if let Some(list) = fields.list("dependencies")? {
            self.dependencies =
                Some(list.iter().map(|it| Requirement::read(file, it)).collect::<Result<_, _>>()?);
        }
        fields.text("type", &mut self.kind)
    }

    /// No line ends and no invisible characters (`sanitizeString`).
    fn tidy(&mut self) {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        let people = self.maintainers.iter_mut().flat_map(|it| [&mut it.name, &mut it.email, &mut it.url]);
        let needs = self.dependencies.iter_mut().flatten().flat_map(|it| {
            let own = [&mut it.name, &mut it.version, &mut it.repository, &mut it.condition];
            own.into_iter().chain(&mut it.tags)
        });
        for text in
            texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).chain(people).chain(needs)
        {
            *text = one_line(text);
        }
    }

    /// (`Metadata.Validate`)
    fn check(&self) -> Result<(), LoadError> {
        let wrong = |field: &'static str, why: String| LoadError::Field { field, why };
        if !matches!(self.api_version.as_str(), "v1" | "v2") {
            return Err(wrong("apiVersion", format!("is neither `v1` nor `v2`: `{}`", self.api_version)));
        }
        if matches!(self.name.as_str(), "" | "." | "..") || self.name.contains('/') {
            return Err(wrong("name", format!("is no name of a chart: `{}`", self.name)));
        }
        if self.version.parse::<Version>().is_err() {
            return Err(wrong("version", format!("is no version: `{}`", self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return Err(wrong("type", format!("is neither `application` nor `library`: `{}`", self.kind)));
        }
        let mut seen = BTreeSet::new();
        for need in self.dependencies.iter().flatten() {
            let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
            if !need.alias.chars().all(plain) {
                return Err(wrong("dependencies", format!("has an alias that is none: `{}`", need.alias)));
            }
            let key = if need.alias.is_empty() { &need.name } else { &need.alias };
            if !seen.insert(key) {
                return Err(wrong("dependencies", format!("has `{key}` twice")));
            }
        }
        Ok(())
    }
}

impl Maintainer {
    fn read(file: &'static str, node: &Node) -> Result<Self, LoadError> {
        let (fields, mut out) = (fields::of(file, node)?, Self::default());
        fields.text("name", &mut out.name)?;
        fields.text("email", &mut out.email)?;
        fields.text("url", &mut out.url)?;
        Ok(out)
    }
}

impl Requirement {
    fn read(file: &'static str, node: &Node) -> Result<Self, LoadError> {
        let (fields, mut out) = (fields::of(file, node)?, Self::default());
        fields.text("name", &mut out.name)?;
        fields.text("version", &mut out.version)?;
        fields.text("repository", &mut out.repository)?;
        fields.text("condition", &mut out.condition)?;
        fields.texts("tags", &mut out.tags)?;
        fields.flag("enabled", &mut out.enabled)?;
        fields.text("alias", &mut out.alias)?;
        let imports = fields.list("import-values")?.unwrap_or_default();
        out.import_values = imports.iter().filter_map(Import::read).collect();
        Ok(out)
    }

    /// Whether a chart of this version is one that it may be. Where nothing is said none is, so that neither its alias nor its
    /// condition counts (`IsCompatibleRange`).
    pub(crate) fn allows(&self, version: &str) -> bool {
        match (self.version.parse::<Constraint>(), version.parse::<Version>()) {
            (Ok(wanted), Ok(version)) => wanted.allows(&version),
            _ => false,
        }
    }
}

impl Import {
    /// A name below `exports`, or a pair of paths; Helm passes over anything else.
    fn read(node: &Node) -> Option<Self> {
        match &node.data {
            Data::String(name) => Some(Self { child: format!("exports.{name}"), parent: ".".to_owned() }),
            Data::Map(map) => {
                // What is no text there is printed, as everything is.
                let path = |key: &str| {
                    map.get(key)
                        .map_or_else(|| "<nil>".to_owned(), |it| fields::scalar(it).unwrap_or_default())
                };
                Some(Self { child: path("child"), parent: path("parent") })
            }
            _ => None,
        }
    }
}

fn one_line(text: &str) -> String {
    let shown = text.chars().map(|it| if it.is_whitespace() { ' ' } else { it });
    shown.filter(|it| *it == ' ' || gabion_template::fmt::is_print(*it)).collect()
}
