//! The `HelmChart` object of K3s' controller (k3s-io/helm-controller, `helm.cattle.io/v1`; docs.k3s.io, "Helm").
//!
//! The chart lies among the host's own files, which K3s serves to its controller. Its digest stands in the
//! file's name, because the controller does not look into a file whose name it knows.

use super::step::{StepError, expand, not_text};
use crate::lock::LockedGraph;
use crate::recipe::Recipe;
use crate::recipe::kinds::Chart;
use gabion_digest::{Canonical, Feed, Sha256};
use std::fmt::Write as _;

/// What is written into the object.
#[derive(Debug)]
pub(super) struct HelmChart {
    release: String,
    namespace: String,
    file: String,
    values: Option<String>,
}

impl Canonical for HelmChart {
    fn feed(&self, into: &mut Feed) {
        self.release.feed(into);
        self.namespace.feed(into);
        self.file.feed(into);
        self.values.feed(into);
    }
}

/// What a chart is called among the static files of K3s.
pub fn chart_file(node: &str, sha256: Sha256) -> String {
    format!("gabion-{node}-{}.tgz", &sha256.hex()[..16])
}

/// The object for a chart node.
pub(super) fn helm_chart(
    recipe: &Recipe,
    chart: &Chart,
    locked: &LockedGraph<'_>,
) -> Result<HelmChart, StepError> {
    let pins = locked.pins(recipe);
    let (_, pin) = pins.first().ok_or_else(|| StepError::Input("the chart is not locked".to_owned()))?;
    let mut values = None;
    if let Some(file) = recipe.file(chart.values.first().map(|it| it.value.as_str())) {
        let bytes = if chart.subst {
            expand(&locked.graph.project.vars, &file.path, &file.bytes)?
        } else {
            file.bytes.clone()
        };
        values = Some(String::from_utf8(bytes).map_err(|_| not_text(&file.path))?);
    }
    Ok(HelmChart {
        release: chart.release.clone(),
        namespace: chart.namespace.clone(),
        file: chart_file(recipe.address.name(), pin.sha256),
        values,
    })
}

impl HelmChart {
    /// The document. A release that fails stays as it is (`failurePolicy`): the default would remove it with
    /// its data.
    pub(super) fn to_yaml(&self) -> String {
        let mut text = format!(
            "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata:\n  name: \"{}\"\n  namespace: kube-system\nspec:\n  \
             chart: https://%{{KUBERNETES_API}}%/static/charts/{}\n  targetNamespace: \"{}\"\n  createNamespace: true\n  \
             failurePolicy: abort\n",
            self.release, self.file, self.namespace
        );
        if let Some(values) = self.values.as_deref().map(str::trim_end).filter(|it| !it.is_empty()) {
            // A literal block (YAML 1.2.2 §8.1.2) with its indentation said, so that a first line may begin
            // with blanks.
            text.push_str("  valuesContent: |2\n");
            for line in values.lines() {
                let _ = if line.is_empty() { writeln!(text) } else { writeln!(text, "    {line}") };
            }
        }
        text
    }
}
