//! Helm charts as values: bytes in, values out.
//!
//! A chart is found in three steps: a repository says what there is ([`RepositoryIndex`], or the tags of a
//! registry, [`oci`]), a [`Constraint`] chooses among it by Helm's rule, and the packed chart is read
//! ([`read_chart`]) once its digest was compared. A [`Provenance`] says who packed it.
//!
//! # Invariants
//! - Versions and constraints are those of Masterminds/semver, not cargo's: `tests/semver.tsv` holds what the
//!   real Helm says.
//! - Nothing of a chart becomes a path before it is a [`ChartName`] or a [`Version`].
//! - Every reader is bounded: bytes, members, depth, aliases.
//! - The same bytes give the same values: no clock, no locale, no map order.
//!
//! It fetches nothing, unpacks nothing to a disk and renders nothing.

mod archive;
mod chart;
mod depend;
mod document;
mod engine;
mod index;
mod meta;
pub mod oci;
mod output;
mod provenance;
mod render;
mod schema;
mod select;
mod tree;
mod values;
mod yaml;

pub use chart::{Chart, ChartError, Limits, read_chart};
pub use engine::{HelmVersion, KubeVersion, KubeVersionError};
pub use gabion_openpgp::{Keyring, SignatureError, Signers};
pub use gabion_sprig::semver::{Constraint, ConstraintError, Version, VersionError};
pub use gabion_template::{Limits as RunLimits, Origin, Span, Taint};
pub use index::{IndexEntry, IndexError, RepositoryIndex};
pub use meta::{ApiVersion, ChartKind, ChartMeta, ChartName, Dependency, MetaError, Repository};
pub use output::{DEFAULT_APIS, Definition, Document, Hook, Lookup, Rendered, Tainted, Written};
pub use provenance::{Provenance, ProvenanceError};
pub use render::{ChartInUse, Inputs, RenderError, charts_in_use, render, render_files};
pub use schema::Violation;
pub use select::ChooseError;
pub use tree::{
    ChartTree, Ignore, IgnoreError, Import, LoadError, Maintainer, Metadata, Requirement, load_chart,
};
pub use values::{Place, ValuesError, ValuesFile};
