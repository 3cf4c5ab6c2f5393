//! `[chart.NAME]`: a Helm chart of a repository or registry.

use super::Decisions;
use crate::recipe::address::{Address, Kind, Reference};
use crate::recipe::reader::{Reader, Spanned};
use gabion_helm::{ChartName, Constraint};
use gabion_oci::Name;

/// The fields of a `chart` node.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Where it is; absent only where a mistake was reported.
    pub source: Option<ChartSource>,
    /// Which versions are right; absent only where a mistake was reported.
    pub version: Option<Constraint>,
    /// The namespace of its release.
    pub namespace: String,
    /// The name of its release.
    pub release: String,
    /// YAML files of the project with values; a later one wins.
    pub values: Vec<Spanned<String>>,
    /// Whether `${name}` is replaced in them.
    pub subst: bool,
    /// A file with public keys: the chart must be signed by one of them.
    pub keyring: Option<Spanned<String>>,
    /// Fingerprints of the keys that count; empty: all of `keyring`.
    pub fingerprints: Vec<Spanned<String>>,
    /// Nodes that come first. Their custom resources are there when the chart is rendered.
    pub after: Vec<Spanned<Reference>>,
    /// Who installs it.
    pub deploy: Deploy,
    /// The K3s whose Kubernetes it is rendered for, where a project has several.
    pub k3s: Option<Spanned<Reference>>,
    /// What is said of images that its documents name.
    pub images: Decisions,
}

/// How a chart reaches the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deploy {
    /// As documents that were rendered here.
    Rendered,
    /// By K3s' controller of charts, from the packed chart.
    HelmChart,
}

/// Where a chart is.
#[derive(Debug, Clone)]
pub enum ChartSource {
    /// In a repository with an `index.yaml`, under this name.
    Http {
        /// The repository.
        repository: String,
        /// The chart.
        name: String,
    },
    /// In a registry.
    Oci(Name),
}

/// Releases that K3s installs itself (k3s-io/k3s, `manifests/`).
const PACKAGED: [&str; 2] = ["traefik", "traefik-crd"];

impl Chart {
    pub(super) fn read(address: &Address, reader: &mut Reader<'_>) -> Self {
        let it = Self {
            source: source(address, reader),
            version: version(reader),
            namespace: label(reader, "namespace", "default"),
            release: label(reader, "release", address.name()),
            values: reader.strings("values"),
            subst: reader.flag("subst", false),
            keyring: reader.string("keyring"),
            fingerprints: reader.fingerprints("fingerprints"),
            after: reader.references("after", &[Kind::Manifests, Kind::Chart]),
            deploy: deploy(reader),
            k3s: reader.reference("k3s", &[Kind::K3s]),
            images: Decisions::read(reader),
        };
        if PACKAGED.contains(&it.release.as_str()) {
            let span = reader.span();
            let why = format!("cannot be `{}`: K3s installs a release of that name itself", it.release);
            reader.bad_value("release", &span, why);
        }
        if let Some(second) = it.values.get(1).filter(|_| it.deploy == Deploy::HelmChart) {
            let why = "takes one file with `deploy = \"helmchart\"`: K3s' controller takes one text";
            reader.bad_value("values", &second.span, why);
        }
        if let Some(first) = it.fingerprints.first().filter(|_| it.keyring.is_none()) {
            reader.bad_value("fingerprints", &first.span, "needs `keyring`, the file with these keys");
        }
        it
    }
}

fn source(address: &Address, reader: &mut Reader<'_>) -> Option<ChartSource> {
    let (oci, repository, name) = (reader.string("oci"), reader.url("repo"), reader.string("name"));
    if !reader.one_of(&["oci", "repo"]) {
        return None;
    }
    if let Some(oci) = oci {
        return match oci.value.parse() {
            Ok(name) => Some(ChartSource::Oci(name)),
            Err(error) => {
                let why = format!("takes registry and path, `quay.io/jetstack/charts/cert-manager`: {error}");
                reader.bad_value("oci", &oci.span, why);
                None
            }
        };
    }
    let spelled = name.as_ref().map_or(address.name(), |it| &it.value).to_owned();
    if let (Some(name), false) = (&name, spelled.parse::<ChartName>().is_ok()) {
        reader.bad_value("name", &name.span, format!("cannot be `{spelled}`"));
        return None;
    }
    Some(ChartSource::Http { repository: repository?.value, name: spelled })
}

fn deploy(reader: &mut Reader<'_>) -> Deploy {
    let read = reader.parsed("deploy", |text| match text {
        "rendered" => Ok(Deploy::Rendered),
        "helmchart" => Ok(Deploy::HelmChart),
        _ => Err(format!(
            "is `rendered` (documents that are rendered here) or `helmchart` (K3s' controller installs the chart), not `{text}`"
        )),
    });
    read.unwrap_or(Deploy::Rendered)
}

fn version(reader: &mut Reader<'_>) -> Option<Constraint> {
    let version = reader.required("version");
    match version.value.parse() {
        Ok(range) => Some(range),
        Err(_) if version.value.is_empty() => None,
        Err(error) => {
            reader.bad_value("version", &version.span, format!("is no range of versions: {error}"));
            None
        }
    }
}

/// A name that Kubernetes takes (RFC 1123 label; releases are at most 53 long, Helm `chartutil`).
fn label(reader: &mut Reader<'_>, key: &'static str, default: &str) -> String {
    let Some(text) = reader.string(key) else { return default.to_owned() };
    if Address::new(Kind::Chart, &text.value).is_none() || text.value.len() > 53 {
        reader.bad_value(
            key,
            &text.span,
            format!("takes lowercase letters, digits and `-`, not `{}`", text.value),
        );
    }
    text.value
}
