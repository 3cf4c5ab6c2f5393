//! A chart and what it is rendered with: `charts/NAME/chart`, and `charts/NAME/cases/CASE.yaml`.
//!
//! A case is a file of values. Comments at its beginning say the rest: `# kube-version: V`, `# api-versions: A, B`,
//! `# api-mode: given`, `# release: NAME NAMESPACE`, `# revision: N`, `# set: a=1`, `# set-string: …`, `# set-json: …`,
//! and the bare words `# upgrade`, `# crds`, `# skip-schema`. Another comment is one.

use crate::golden;
use fs_err as fs;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts");

/// One rendering.
pub(crate) struct Case {
    /// The folder that holds `chart`, `cases` and `golden`.
    pub(crate) folder: PathBuf,
    /// The name of the file below `cases`, without its ending.
    pub(crate) name: String,
    /// The file of values.
    pub(crate) values: Vec<u8>,
    directives: Vec<(String, String)>,
}

impl Case {
    fn read(folder: &Path, path: &Path) -> Self {
        let values = fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&values).into_owned();
        let comments = text.lines().map_while(|line| line.strip_prefix("# "));
        let directives = comments.map(|line| {
            let (key, value) = line.split_once(": ").unwrap_or((line, ""));
            (key.to_owned(), value.to_owned())
        });
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Self { folder: folder.to_owned(), name, directives: directives.collect(), values }
    }

    /// Everything that was said of `key`.
    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        self.directives.iter().filter(|(it, _)| it == key).map(|(_, value)| value.as_str()).collect()
    }

    /// What was said of `key`.
    pub(crate) fn one(&self, key: &str) -> Option<&str> {
        self.all(key).first().copied()
    }

    /// The chart's folder.
    pub(crate) fn chart(&self) -> PathBuf {
        self.folder.join("chart")
    }

    /// Where Helm's answer is kept.
    pub(crate) fn golden(&self) -> PathBuf {
        self.folder.join("golden").join(format!("{}.txt", self.name))
    }

    /// The question to the real Helm.
    pub(crate) fn question(&self) -> Value {
        let (release, namespace) = self.one("release").and_then(|it| it.split_once(' ')).unwrap_or_default();
        let release = if namespace.is_empty() { self.one("release").unwrap_or_default() } else { release };
        let namespace = self.one("namespace").unwrap_or(namespace);
        let versions: Vec<&str> =
            self.one("api-versions").map(|it| it.split(", ").collect()).unwrap_or_default();
        json!({
            "op": "render", "chart": {"path": self.chart()}, "values": [golden::bytes(self.values.clone())],
            "release": {
                "name": release, "namespace": namespace, "upgrade": self.one("upgrade").is_some(),
                "revision": self.one("revision").map_or(1, |it| it.parse::<u32>().unwrap()),
            },
            "set": self.all("set"), "set_string": self.all("set-string"), "set_json": self.all("set-json"),
            "kube_version": self.one("kube-version").unwrap_or_default(), "api_versions": versions,
            "api_mode": self.one("api-mode").unwrap_or_default(), "crds": self.one("crds").is_some(),
            "skip_schema": self.one("skip-schema").is_some(),
        })
    }
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// All cases of all charts, in the order of their names.
pub(crate) fn all() -> Vec<Case> {
    let of = |folder: PathBuf| {
        let cases = sorted(&folder.join("cases"));
        cases.into_iter().map(move |path| Case::read(&folder, &path))
    };
    sorted(Path::new(FOLDER)).into_iter().flat_map(of).collect()
}
