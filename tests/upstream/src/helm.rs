//! Helm charts: packed charts, a repository with an `index.yaml`, and charts in a registry.

use crate::Content;
use crate::pack::{gzip, tar};
use gabion_digest::Sha256;
use std::fmt::Write as _;

/// What Helm calls the parts of a chart in a registry (Helm, "Use OCI-based registries").
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// A packed chart that only says what it is.
pub fn chart(name: &str, version: &str) -> Vec<u8> {
    let object = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}-{name}\ndata:\n  note: {{{{ .Values.note | quote }}}}\n"
    );
    pack(
        name,
        version,
        version,
        &[("templates/configmap.yaml", &object), ("values.yaml", "note: a stand-in\n")],
    )
}

/// A packed chart of these files.
pub fn pack(name: &str, version: &str, app_version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let meta = format!(
        "apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: {app_version}\ntype: application\n"
    );
    let below = |path: &str| format!("{name}/{path}");
    let mut all = vec![(below("Chart.yaml"), meta.as_bytes())];
    all.extend(files.iter().map(|(path, text)| (below(path), text.as_bytes())));
    let all: Vec<(&str, &[u8])> = all.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    gzip(&tar(&all))
}

impl Content {
    /// Adds a repository at `path` with these charts, each `(name, version, bytes)`.
    pub fn helm_repository(&mut self, path: &str, charts: &[(&str, &str, Vec<u8>)]) {
        let mut names: Vec<&str> = charts.iter().map(|(name, ..)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let mut index = "apiVersion: v1\nentries:\n".to_owned();
        for name in names {
            let _written = writeln!(index, "  {name}:");
            for (_, version, bytes) in charts.iter().filter(|it| it.0 == name) {
                let digest = Sha256::of(bytes).hex();
                let _written = writeln!(
                    index,
                    "    - apiVersion: v2\n      name: {name}\n      version: {version}\n      digest: {digest}\n      urls:\n        - \
                     charts/{name}-{version}.tgz"
                );
            }
        }
        index.push_str("generated: \"2026-11-16T00:00:00Z\"\n");
        self.files.insert(format!("{path}/index.yaml"), index.into_bytes());
        for (name, version, bytes) in charts {
            self.files.insert(format!("{path}/charts/{name}-{version}.tgz"), bytes.clone());
        }
    }

    /// Pushes a chart to a registry, as `helm push` does: the tag is the version, `+` becomes `_`.
    pub fn oci_chart(&mut self, registry: &str, repository: &str, version: &str, bytes: &[u8]) -> Sha256 {
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let config = format!(r#"{{"name":"{name}","version":"{version}","apiVersion":"v2"}}"#);
        let tag = version.replace('+', "_");
        self.artifact(registry, repository, &tag, (CONFIG, config.as_bytes()), &[(CHART, bytes)])
    }
}
