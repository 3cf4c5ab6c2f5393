//! `Chart.yaml`: what a chart says of itself (`pkg/chart/v2/metadata.go` of Helm).

use crate::{Constraint, yaml};
use gabion_sprig::semver::Version;
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::str::FromStr;

/// The largest `Chart.yaml` that is read, in bytes.
const LIMIT: usize = 1 << 20;
/// The longest name of a chart, in bytes; with a version behind it, it is still the name of a file.
const LONGEST_NAME: usize = 128;

/// What a chart says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartMeta {
    /// The layout of the chart.
    pub api_version: ApiVersion,
    /// Its name.
    pub name: ChartName,
    /// Its version.
    pub version: Version,
    /// The version of what it installs, as it was written.
    pub app_version: Option<String>,
    /// The Kubernetes that it is for; every one where it says nothing.
    pub kube_version: Option<Constraint>,
    /// Whether it can be installed.
    pub kind: ChartKind,
    /// Whether its maintainers advise against it.
    pub deprecated: bool,
    /// Charts that it needs, in its own order.
    pub dependencies: Vec<Dependency>,
}

/// The name of a chart: `[a-z0-9][a-z0-9.-]*`, so that it is never another folder.
///
/// Helm takes more, which made `name: .` write outside of its folder (CVE-2026-35206).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartName(String);

/// The layout of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    /// Of Helm 2: dependencies stand in `requirements.yaml`.
    V1,
    /// Since Helm 3.
    V2,
}

/// What a chart is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// It can be installed.
    Application,
    /// Other charts use its templates.
    Library,
}

/// A chart that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Its name in its repository.
    pub name: ChartName,
    /// Which versions fit; every release where nothing is said.
    pub version: Constraint,
    /// Where it comes from.
    pub repository: Repository,
    /// The name that its values stand under, where that is another one.
    pub alias: Option<String>,
    /// Paths of values that turn it on or off, divided by commas; the first that exists counts.
    pub condition: Option<String>,
    /// Names that turn it on or off together with others.
    pub tags: Vec<String>,
}

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// The chart has it in its own `charts/`.
    Vendored,
    /// The URL of a repository, `https://…` or `http://…`.
    Http(String),
    /// A registry and the path of the chart's folder, `oci://…`.
    Oci(String),
    /// A folder beside the chart, `file://…`, without the scheme.
    Folder(String),
    /// A name that the machine of whoever packed the chart gave to a repository, without `@` or `alias:`.
    Alias(String),
}

/// Why a chart's description cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// The text cannot be read.
    #[error("`{file}` cannot be read: {why}")]
    Syntax {
        /// `Chart.yaml` or `requirements.yaml`.
        file: &'static str,
        /// Why not.
        why: String,
    },
    /// A field is missing, or has a value that it cannot have.
    #[error("the field `{field}` of the chart {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl MetaError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "E0809",
            Self::Field { .. } => "E0810",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some("the chart is broken; tell its maintainers, or take another version".to_owned())
    }
}

impl ChartName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ChartName {
    type Err = MetaError;

    fn from_str(text: &str) -> Result<Self, MetaError> {
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
        let fine = text.len() <= LONGEST_NAME
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|it| plain(it) || it == b'.' || it == b'-');
        let why = || format!("is no name of a chart: `{}`", text.escape_debug());
        if fine { Ok(Self(text.to_owned())) } else { Err(MetaError::Field { field: "name", why: why() }) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaWire {
    api_version: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "no_number")]
    version: Option<String>,
    app_version: Option<String>,
    kube_version: Option<String>,
    r#type: Option<String>,
    deprecated: Option<bool>,
    dependencies: Option<Vec<DependencyWire>>,
}

#[derive(Deserialize)]
struct RequirementsWire {
    dependencies: Option<Vec<DependencyWire>>,
}

#[derive(Deserialize)]
struct DependencyWire {
    name: Option<String>,
    version: Option<String>,
    repository: Option<String>,
    alias: Option<String>,
    condition: Option<String>,
    tags: Option<Vec<String>>,
}

/// A text that is no number: `1.10` without quotes is 1.1 to Helm.
fn no_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Words;
    impl de::Visitor<'_> for Words {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a version in quotes")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Words)
}

impl ChartMeta {
    /// Reads `Chart.yaml` and, for charts of Helm 2, `requirements.yaml`.
    pub fn parse(chart: &[u8], requirements: Option<&[u8]>) -> Result<Self, MetaError> {
        let file = "Chart.yaml";
        let wire: MetaWire = yaml::read(chart, LIMIT).map_err(|why| MetaError::Syntax { file, why })?;
        let field = |field, why: String| MetaError::Field { field, why };
        let api_version = match wire.api_version.as_deref() {
            Some("v1") => ApiVersion::V1,
            Some("v2") => ApiVersion::V2,
            Some(other) => return Err(field("apiVersion", format!("is neither `v1` nor `v2`: `{other}`"))),
            None => return Err(field("apiVersion", "is missing".to_owned())),
        };
        let kind = match wire.r#type.as_deref() {
            None | Some("" | "application") => ChartKind::Application,
            Some("library") => ChartKind::Library,
            Some(other) => {
                return Err(field("type", format!("is neither `application` nor `library`: `{other}`")));
            }
        };
        let own = wire.dependencies.unwrap_or_default();
        let dependencies = match requirements {
            Some(text) if api_version == ApiVersion::V1 && own.is_empty() => from_requirements(text)?,
            _ => own,
        };
        let version = wire.version.ok_or_else(|| field("version", "is missing".to_owned()))?;
        let kube_version = wire.kube_version.filter(|it| !it.is_empty()).map(|it| it.parse()).transpose();
        Ok(Self {
            api_version,
            name: wire.name.ok_or_else(|| field("name", "is missing".to_owned()))?.parse()?,
            version: version
                .parse()
                .map_err(|_| field("version", format!("is no version: `{}`", version.escape_debug())))?,
            app_version: wire.app_version,
            kube_version: kube_version.map_err(|error: crate::ConstraintError| {
                field("kubeVersion", format!("is wrong: {error}"))
            })?,
            kind,
            deprecated: wire.deprecated.unwrap_or_default(),
            dependencies: dependencies.into_iter().map(Dependency::read).collect::<Result<_, _>>()?,
        })
    }

    /// How Helm calls the packed chart: `name-version.tgz`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }
}

fn from_requirements(text: &[u8]) -> Result<Vec<DependencyWire>, MetaError> {
    let file = "requirements.yaml";
    let wire: Option<RequirementsWire> =
        yaml::read(text, LIMIT).map_err(|why| MetaError::Syntax { file, why })?;
    Ok(wire.and_then(|it| it.dependencies).unwrap_or_default())
}

impl Dependency {
    fn read(wire: DependencyWire) -> Result<Self, MetaError> {
        let wrong = |why: String| MetaError::Field { field: "dependencies", why };
        let name: ChartName =
            wire.name.unwrap_or_default().parse().map_err(|error| wrong(format!("is wrong: {error}")))?;
        let version = match wire.version.as_deref() {
            None | Some("") => Constraint::any(),
            Some(text) => text.parse().map_err(|error| wrong(format!("is wrong: `{name}`: {error}")))?,
        };
        let given = |text: Option<String>| text.filter(|it| !it.is_empty());
        Ok(Self {
            version,
            repository: Repository::read(wire.repository.as_deref().unwrap_or_default()).ok_or_else(
                || wrong(format!("is wrong: the repository of `{name}` is of an unknown kind")),
            )?,
            name,
            alias: given(wire.alias),
            condition: given(wire.condition),
            tags: wire.tags.unwrap_or_default(),
        })
    }
}

impl Repository {
    /// `None` for a scheme that Helm has no getter for.
    fn read(text: &str) -> Option<Self> {
        let owned = |it: &str| it.to_owned();
        Some(match text.split_once("://") {
            Some(("http" | "https", _)) => Self::Http(owned(text)),
            Some(("oci", _)) => Self::Oci(owned(text)),
            Some(("file", path)) => Self::Folder(owned(path)),
            Some(_) => return None,
            None if text.is_empty() => Self::Vendored,
            None => Self::Alias(owned(text.strip_prefix('@').or_else(|| text.strip_prefix("alias:"))?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, part: &str) {
        let error = ChartMeta::parse(text.as_bytes(), None).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }

    #[test]
    fn every_field_that_the_lock_needs_is_read() {
        let text = "apiVersion: v2\nname: web\nversion: v1.2.3+b\nappVersion: 1.10\nkubeVersion: '>=1.25-0'\ntype: library\n\
            icon: x\ndependencies:\n- {name: a, version: ^1, repository: 'https://a.b/c', alias: z, condition: z.on, tags: [t]}\n\
            - {name: b, version: 1.x, repository: 'oci://r/c'}\n- {name: c, repository: 'file://../c'}\n- {name: d, repository: '@own'}\n\
            - {name: e, repository: ''}\n";
        let meta = ChartMeta::parse(text.as_bytes(), None).unwrap();
        assert_eq!(meta.file_name(), "web-v1.2.3+b.tgz");
        assert_eq!(meta.app_version.as_deref(), Some("1.10"));
        assert!(meta.kube_version.unwrap().allows(&"v1.33.4+k3s1".parse().unwrap()));
        assert_eq!(meta.kind, ChartKind::Library);
        let repositories: Vec<_> = meta.dependencies.iter().map(|it| it.repository.clone()).collect();
        let text = |it: &str| it.to_owned();
        assert_eq!(
            repositories,
            [
                Repository::Http(text("https://a.b/c")),
                Repository::Oci(text("oci://r/c")),
                Repository::Folder(text("../c")),
                Repository::Alias(text("own")),
                Repository::Vendored,
            ]
        );
        let first = &meta.dependencies[0];
        assert_eq!((first.alias.as_deref(), first.condition.as_deref()), (Some("z"), Some("z.on")));
        assert_eq!((first.version.as_str(), first.tags.as_slice()), ("^1", &["t".to_owned()][..]));
        assert_eq!(meta.dependencies[2].version, Constraint::any());
    }

    #[test]
    fn a_chart_of_helm_2_has_its_dependencies_beside_it() {
        let chart = b"apiVersion: v1\nname: a\nversion: 1.0.0\n";
        let more = b"dependencies:\n- name: b\n  version: 1.x\n  repository: https://x.y/\n";
        assert_eq!(ChartMeta::parse(chart, Some(more)).unwrap().dependencies.len(), 1);
        assert_eq!(ChartMeta::parse(chart, Some(b"")).unwrap().dependencies.len(), 0);
        let chart = b"apiVersion: v2\nname: a\nversion: 1.0.0\n";
        assert_eq!(ChartMeta::parse(chart, Some(more)).unwrap().dependencies.len(), 0);
    }

    #[test]
    fn names_and_versions_that_could_be_paths_are_refused() {
        for name in [".", "..", "a/b", "../a", "", "-a", "A", "a_b", "a\\nb", "é", &"a".repeat(129)] {
            refused(&format!("apiVersion: v2\nname: \"{name}\"\nversion: 1.0.0\n"), "no name of a chart");
        }
        for version in ["../../x", "1.0.0/..", "", "latest"] {
            refused(&format!("apiVersion: v2\nname: a\nversion: \"{version}\"\n"), "no version");
        }
        refused("apiVersion: v2\nname: a\nversion: 1.10\n", "in quotes");
        refused("apiVersion: v2\nname: a\n", "`version` of the chart is missing");
        refused("apiVersion: v3\nname: a\nversion: 1.0.0\n", "neither `v1` nor `v2`");
        refused("apiVersion: v2\nname: a\nname: b\nversion: 1.0.0\n", "duplicate");
        let dependency =
            |text: &str| format!("apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies: [{text}]\n");
        refused(&dependency("{name: ../b, version: 1.x}"), "no name of a chart");
        refused(&dependency("{name: b, version: latest}"), "no constraint");
        refused(&dependency("{name: b, repository: 'git://x'}"), "unknown kind");
        refused(&dependency("{name: b, repository: 'stable'}"), "unknown kind");
    }
}
