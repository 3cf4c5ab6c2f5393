//! `[chart.NAME]`: a Helm chart and the values it is installed with.

use crate::recipe::address::Address;
use crate::recipe::reader::{Reader, Spanned};

/// The fields of a `chart` node.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Where it comes from.
    pub source: ChartSource,
    /// A version or a range, in the syntax of Helm.
    pub version: Spanned<String>,
    /// The namespace of the release.
    pub namespace: String,
    /// The name of the release; the node's name unless given.
    pub release: String,
    /// Whether the namespace is made with the release.
    pub create_namespace: bool,
    /// Files with values, later ones win.
    pub values: Vec<Spanned<String>>,
}

/// Where a chart comes from.
#[derive(Debug, Clone)]
pub enum ChartSource {
    /// A repository with an `index.yaml`.
    Repository {
        /// The base location.
        url: Spanned<String>,
        /// The chart's name in the index.
        name: String,
    },
    /// A repository of an OCI registry, `host/path/chart`.
    Oci(Spanned<String>),
}

impl Chart {
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        reader.one_of(&["repo", "oci"]);
        let source = match reader.string("oci") {
            Some(oci) => {
                if oci.value.contains("://") {
                    reader.bad_value("oci", &oci.span, "takes `host/path/chart` without a scheme");
                }
                ChartSource::Oci(oci)
            }
            None => ChartSource::Repository {
                url: reader.url("repo").unwrap_or(Spanned { value: String::new(), span: reader.span() }),
                name: reader.string("name").map_or(address.name().to_owned(), |it| it.value),
            },
        };
        Self {
            source,
            version: reader.required("version"),
            namespace: reader.string("namespace").map_or("default".to_owned(), |it| it.value),
            release: reader.string("release").map_or(address.name().to_owned(), |it| it.value),
            create_namespace: reader.flag("create-namespace", true),
            values: reader.strings("values"),
        }
    }
}
