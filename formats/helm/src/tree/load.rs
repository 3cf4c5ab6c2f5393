//! Which file of a chart is what (`pkg/chart/v2/loader/load.go`).

use super::{ChartTree, Ignore, LoadError, Metadata};
use crate::archive::{broken, plain_path, walk};
use crate::chart::{ChartError, Limits};
use crate::document;
use crate::values::documents;
use gabion_yaml::Node;
use std::collections::BTreeMap;
use std::io::Read;

/// Charts in charts in charts.
const DEEPEST: u32 = 16;
const BOM: &[u8] = b"\xef\xbb\xbf";

type Files = BTreeMap<String, Vec<u8>>;

/// Reads a packed chart (`.tgz`) and all charts in it. The limits are those of all of them together.
pub fn load_chart(input: impl Read, limits: &Limits) -> Result<ChartTree, LoadError> {
    Budget::new(*limits).packed(input)
}

impl ChartTree {
    /// Reads a chart that lies in a folder, as paths below that folder and their content. `.helmignore` counts, as it does
    /// for Helm where it reads a folder; a packed chart was packed without what is ignored.
    pub fn from_folder(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
        limits: &Limits,
    ) -> Result<Self, LoadError> {
        let mut budget = Budget::new(*limits);
        let mut all = Files::new();
        for (path, content) in files {
            plain_path(&path)?;
            budget.take(&path, content.len())?;
            if all.insert(path.clone(), without_bom(content)).is_some() {
                return Err(ChartError::Member { path, why: "is there twice" }.into());
            }
        }
        let ignore = Ignore::parse(all.get(".helmignore").map(Vec::as_slice).unwrap_or_default());
        let ignore = ignore.map_err(LoadError::Ignore)?;
        all.retain(|path, _| !ignore.leaves_out(path));
        budget.chart(all)
    }
}

/// What may still be read, and how deep it lies.
struct Budget {
    left: Limits,
    file: u64,
    depth: u32,
}

fn without_bom(mut content: Vec<u8>) -> Vec<u8> {
    if content.starts_with(BOM) {
        content.drain(..BOM.len());
    }
    content
}

impl Budget {
    fn new(limits: Limits) -> Self {
        Self { left: limits, file: limits.file, depth: 0 }
    }

    fn take(&mut self, path: &str, size: usize) -> Result<(), LoadError> {
        let excess = |what, limit| Err(ChartError::TooLarge { what, limit }.into());
        let size = size as u64;
        // A packed chart in a folder is bounded by what it unpacks to.
        if size > self.file && !path.starts_with("charts/") {
            return excess("bytes in a file", self.file);
        }
        let Some(left) = self.left.unpacked.checked_sub(size) else {
            return excess("bytes", self.left.unpacked);
        };
        let Some(members) = self.left.members.checked_sub(1) else {
            return excess("members", self.left.members as u64);
        };
        (self.left.unpacked, self.left.members) = (left, members);
        Ok(())
    }

    fn packed(&mut self, input: impl Read) -> Result<ChartTree, LoadError> {
        let limits = self.left;
        let (mut folder, mut files, mut sizes) = (None::<String>, Files::new(), 0);
        walk(input, &limits, |path, content| {
            let lost = |why| ChartError::Member { path: path.to_owned(), why };
            let (top, inner) = path.split_once('/').ok_or_else(|| lost("lies beside the chart's folder"))?;
            if folder.get_or_insert_with(|| top.to_owned()) != top {
                return Err(lost("lies in a second folder"));
            }
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(|error| broken(&error, &limits))?;
            sizes += bytes.len() as u64;
            files.insert(inner.to_owned(), without_bom(bytes));
            Ok(())
        })?;
        self.left.unpacked = self.left.unpacked.saturating_sub(sizes);
        self.left.members = self.left.members.saturating_sub(files.len());
        self.chart(files)
    }

    fn chart(&mut self, mut files: Files) -> Result<ChartTree, LoadError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ChartError::TooLarge { what: "charts in charts", limit: DEEPEST.into() }.into());
        }
        let chart = files.remove("Chart.yaml").ok_or(ChartError::NoChart)?;
        let chart = yaml("Chart.yaml", &chart)?;
        let requirements = files.get("requirements.yaml");
        let requirements = requirements.map(|it| yaml("requirements.yaml", it)).transpose()?;
        let metadata = Metadata::read(&chart, requirements.as_ref())?;
        for lock in ["Chart.lock", "requirements.lock"] {
            if let Some(bytes) = files.get(lock) {
                yaml(lock, bytes)?;
            }
        }
        let values = files.remove("values.yaml").map(|it| documents(&it)).transpose();
        let values = values.map_err(|why| LoadError::Syntax { file: "values.yaml".to_owned(), why })?;
        let schema = files.remove("values.schema.json");
        files.remove("Chart.lock");
        if metadata.api_version != "v1" {
            files.remove("requirements.yaml");
            files.remove("requirements.lock");
        }
        let templates = split_off(&mut files, |path| path.starts_with("templates/"));
        let below = split_off(&mut files, |path| path.starts_with("charts/") && !is_provenance(path));
        let charts = self.below(below)?;
        self.depth -= 1;
        Ok(ChartTree { metadata, values, schema, templates, files, charts })
    }

    /// The charts in `charts/`: folders and packed ones. What begins with `_` or `.` is none.
    fn below(&mut self, files: Files) -> Result<Vec<ChartTree>, LoadError> {
        let mut groups = BTreeMap::<String, Files>::new();
        for (path, content) in files {
            let path = &path["charts/".len()..];
            let (name, inner) = path.split_once('/').unwrap_or((path, ""));
            groups.entry(name.to_owned()).or_default().insert(inner.to_owned(), content);
        }
        let mut out = Vec::new();
        for (name, mut files) in groups {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let packed = files.remove("");
            let chart = match packed.filter(|_| name.strip_suffix(".tgz").is_some()) {
                Some(bytes) => self.packed_below(&bytes),
                None => self.chart(files),
            };
            out.push(chart.map_err(|error| LoadError::Below { name, source: Box::new(error) })?);
        }
        Ok(out)
    }

    fn packed_below(&mut self, bytes: &[u8]) -> Result<ChartTree, LoadError> {
        self.packed(bytes)
    }
}

/// Signatures of packed charts are files as any other.
fn is_provenance(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|it| it.strip_suffix(".prov").is_some())
}

fn yaml(file: &str, bytes: &[u8]) -> Result<Node, LoadError> {
    document::read_whole_numbers(bytes)
        .map_err(|error| LoadError::Syntax { file: file.to_owned(), why: error.below(0) })
}

fn split_off(files: &mut Files, mut which: impl FnMut(&str) -> bool) -> Files {
    let (out, kept) = std::mem::take(files).into_iter().partition(|(path, _)| which(path));
    *files = kept;
    out
}
