//! Small charts as texts.

use gabion_helm::{ChartTree, Inputs, KubeVersion, Limits, RenderError, Rendered, ValuesFile, render};

pub(crate) const HEAD: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// A chart called `web`; `Chart.yaml` is added unless it is among the files.
pub(crate) fn tree(files: &[(&str, &str)]) -> ChartTree {
    let own = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    let head = ("Chart.yaml".to_owned(), HEAD.as_bytes().to_vec());
    let head = Some(head).filter(|(path, _)| files.iter().all(|(it, _)| it != path));
    ChartTree::from_folder(own.chain(head), &Limits::default()).unwrap()
}

pub(crate) fn inputs(values: &str) -> Inputs {
    let mut inputs = Inputs::new("rel", "space", KubeVersion::parse("v1.33.4+k3s1").unwrap());
    if !values.is_empty() {
        inputs.values.push(ValuesFile::parse("mine.yaml", values.as_bytes()).unwrap());
    }
    inputs
}

pub(crate) fn rendered(files: &[(&str, &str)], values: &str) -> Rendered {
    render(&tree(files), &inputs(values)).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn refused(files: &[(&str, &str)], values: &str) -> RenderError {
    render(&tree(files), &inputs(values)).unwrap_err()
}
