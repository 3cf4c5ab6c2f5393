//! A chart with everything in it: templates, files, values, and the charts below it.
//!
//! Bytes come from a packed chart or from a folder; both give the same tree. What may be in them is decided by name before
//! anything is read: nothing leads out of the chart, nothing is there twice, nothing is a link or a device.

pub(crate) mod fields;
mod ignore;
mod load;
mod metadata;

pub use ignore::{Ignore, IgnoreError};
pub use load::load_chart;
pub use metadata::{Import, Maintainer, Metadata, Requirement};

use crate::chart::ChartError;
use gabion_yaml::Node;
use std::collections::BTreeMap;

/// A chart with everything in it, in one order whatever order it was read in.
#[derive(Debug, Clone)]
pub struct ChartTree {
    /// What it says of itself.
    pub metadata: Metadata,
    /// Its own values: a mapping.
    pub values: Option<Node>,
    /// Its `values.schema.json`.
    pub schema: Option<Vec<u8>>,
    /// What lies in `templates/`, by its path in the chart.
    pub templates: BTreeMap<String, Vec<u8>>,
    /// What templates can read: everything that is nothing else. Definitions of resources in `crds/` are among it.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The charts in `charts/`, in the order of their folders and files.
    pub charts: Vec<ChartTree>,
}

/// Why a chart cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The archive or one of its members is no chart's.
    #[error(transparent)]
    Archive(#[from] ChartError),
    /// A file of the chart cannot be read.
    #[error("`{file}` cannot be read: {why}")]
    Syntax {
        /// The file.
        file: String,
        /// Why not.
        why: String,
    },
    /// A field of `Chart.yaml` has a value that it cannot have.
    #[error("the field `{field}` of the chart {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Its `.helmignore` cannot be read.
    #[error("`.helmignore` cannot be read")]
    Ignore(#[source] IgnoreError),
    /// A chart below it cannot be read.
    #[error("the subchart in `charts/{name}` cannot be read")]
    Below {
        /// Its folder or file.
        name: String,
        /// Why not.
        #[source]
        source: Box<LoadError>,
    },
}

impl LoadError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive(error) => error.code(),
            Self::Syntax { .. } => "E0820",
            Self::Field { .. } => "E0821",
            Self::Ignore(_) => "E0822",
            Self::Below { source, .. } => source.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Archive(error) => error.help(),
            Self::Below { source, .. } => source.help(),
            Self::Ignore(_) => Some("it is not `.gitignore`: Helm knows no `**`".to_owned()),
            Self::Syntax { .. } | Self::Field { .. } => {
                Some("the chart is broken; tell its maintainers, or take another version".to_owned())
            }
        }
    }
}
