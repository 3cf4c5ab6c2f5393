//! A packed chart, read once from front to back.

use crate::archive::{broken, walk};
use crate::meta::{ChartMeta, Dependency, MetaError};
use gabion_sprig::semver::Version;
use std::collections::BTreeSet;
use std::io::{self, Read};

/// How much a packed chart may unpack to. The sizes are those of Helm, which reads nothing larger.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the whole archive.
    pub unpacked: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Members.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unpacked: 100 << 20, file: 5 << 20, members: 10_000 }
    }
}

/// What is known of a packed chart without rendering it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What it says of itself.
    pub meta: ChartMeta,
    /// Its `values.yaml`, as it is.
    pub values: Option<Vec<u8>>,
    /// Whether it has definitions of resources in `crds/`, which Helm installs before everything else.
    pub crds: bool,
    /// What lies directly in `charts/`: folders of charts, and packed ones.
    vendored: BTreeSet<String>,
}

/// Why a packed chart cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// The archive is damaged, or built to be read in two ways.
    #[error("the archive cannot be read: {why}")]
    Archive {
        /// What is wrong.
        why: String,
    },
    /// A member is one that no chart has.
    #[error("the member `{path}` {why}")]
    Member {
        /// Its path.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// It is larger than a chart may be.
    #[error("it has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// It has no `Chart.yaml`.
    #[error("it has no `Chart.yaml`")]
    NoChart,
    /// It has another folder than its name says.
    #[error("the chart `{name}` lies in a folder `{folder}`")]
    Folder {
        /// Its name.
        name: String,
        /// The folder.
        folder: String,
    },
    /// What it says of itself cannot be used.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

impl ChartError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive { .. } => "E0811",
            Self::Member { .. } => "E0812",
            Self::TooLarge { .. } => "E0813",
            Self::NoChart => "E0814",
            Self::Folder { .. } => "E0815",
            Self::Meta(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Archive { .. } => {
                "fetch it again; if it stays so, it is broken, or made to deceive".to_owned()
            }
            Self::Member { .. } => {
                "`helm package` makes no such member; pack the chart with it, and distrust this one"
                    .to_owned()
            }
            Self::TooLarge { .. } => "Helm reads no larger chart either".to_owned(),
            Self::NoChart => "is it a chart at all? `helm show chart` tells".to_owned(),
            Self::Folder { .. } => {
                "pack it with `helm package`, which names the folder as the chart".to_owned()
            }
            Self::Meta(error) => return error.help(),
        })
    }
}

/// The members that are kept.
#[derive(Default)]
struct Kept {
    folder: Option<String>,
    chart: Option<Vec<u8>>,
    requirements: Option<Vec<u8>>,
    values: Option<Vec<u8>>,
    crds: bool,
    vendored: BTreeSet<String>,
}

/// Reads a packed chart (`.tgz`) to its end. Its digest was compared before: this reads no more than it must
/// of a stranger's bytes, but does not know whose they are.
pub fn read_chart(input: impl Read, limits: &Limits) -> Result<Chart, ChartError> {
    let mut kept = Kept::default();
    walk(input, limits, |path, content| kept.file(path, content, limits))?;
    let meta = ChartMeta::parse(&kept.chart.ok_or(ChartError::NoChart)?, kept.requirements.as_deref())?;
    match kept.folder {
        Some(folder) if folder != meta.name.as_str() => {
            Err(ChartError::Folder { name: meta.name.to_string(), folder })
        }
        _ => Ok(Chart { meta, values: kept.values, crds: kept.crds, vendored: kept.vendored }),
    }
}

impl Kept {
    fn file(&mut self, path: &str, content: &mut dyn Read, limits: &Limits) -> Result<(), ChartError> {
        let lost = |why| ChartError::Member { path: path.to_owned(), why };
        let (folder, inner) = path.split_once('/').ok_or_else(|| lost("lies beside the chart's folder"))?;
        if self.folder.get_or_insert_with(|| folder.to_owned()) != folder {
            return Err(lost("lies in a second folder"));
        }
        let place = match inner {
            "Chart.yaml" => &mut self.chart,
            "requirements.yaml" => &mut self.requirements,
            "values.yaml" => &mut self.values,
            _ => {
                self.note(inner);
                return io::copy(content, &mut io::sink())
                    .map(|_| ())
                    .map_err(|error| broken(&error, limits));
            }
        };
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| broken(&error, limits))?;
        *place = Some(bytes);
        Ok(())
    }

    fn note(&mut self, inner: &str) {
        if inner.starts_with("crds/") {
            self.crds |= [".yaml", ".yml", ".json"].iter().any(|end| inner.ends_with(end));
        }
        // Helm skips what begins with `_` or `.` (`pkg/chart/v2/loader`).
        let child = inner.strip_prefix("charts/").filter(|it| !it.starts_with(['_', '.']));
        match child.map(|it| it.split_once('/').unwrap_or((it, ""))) {
            Some((folder, "Chart.yaml")) => self.vendored.insert(folder.to_owned()),
            Some((packed, "")) if packed.strip_suffix(".tgz").is_some() => {
                self.vendored.insert(packed.to_owned())
            }
            _ => false,
        };
    }
}

impl Chart {
    /// Whether the chart brings `dependency` along: a folder of its name, or a packed chart of its name and a
    /// version that fits.
    pub fn vendors(&self, dependency: &Dependency) -> bool {
        let name = dependency.name.as_str();
        let packed = |it: &String| {
            let version = it.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".tgz")?;
            Some(dependency.version.allows(&version.parse::<Version>().ok()?))
        };
        self.vendored.contains(name) || self.vendored.iter().any(|it| packed(it).unwrap_or_default())
    }

    /// The dependencies that it does not bring along, in its own order.
    pub fn missing(&self) -> impl Iterator<Item = &Dependency> {
        self.meta.dependencies.iter().filter(|it| !self.vendors(it))
    }
}
