//! Charts in registries (`pkg/registry` of Helm): media types, and tags as versions.

use crate::Constraint;
use crate::select::{ChooseError, Offer, choose};
use gabion_sprig::semver::Version;

/// Media type of a chart's configuration: its `Chart.yaml` as JSON.
pub const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// Media type of a packed chart.
pub const CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// Media type of a packed chart in registries that were filled before Helm 3.7.
pub const CONTENT_LEGACY: &str = "application/tar+gzip";
/// Media type of a chart's provenance.
pub const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The longest tag (OCI distribution specification, "Pulling manifests").
const LONGEST: usize = 128;

/// The tag of `version`: a tag has no `+`, so Helm writes `_`. `None` where that is too long for a tag.
pub fn tag(version: &Version) -> Option<String> {
    Some(version.as_str().replace('+', "_")).filter(|tag| tag.len() <= LONGEST)
}

/// The version that `tag` means; `None` for tags that are none, such as `latest` or `1.2`.
pub fn version(tag: &str) -> Option<Version> {
    tag.replace('_', "+").parse().ok().filter(Version::is_strict)
}

/// The version among `tags` of the chart `name` that Helm takes for `wanted`, see
/// [`RepositoryIndex::choose`](crate::RepositoryIndex::choose).
pub fn choose_tag<'t>(
    name: &str,
    tags: impl IntoIterator<Item = &'t str>,
    wanted: &Constraint,
) -> Result<Version, ChooseError> {
    let mut versions: Vec<Version> = tags.into_iter().filter_map(version).collect();
    versions.sort_by(|a, b| b.cmp(a));
    let offers = versions.iter().map(|it| Offer { text: it.as_str(), version: Some(it), removed: false });
    let place = choose(name, &offers.collect::<Vec<_>>(), wanted)?;
    Ok(versions.swap_remove(place))
}
