//! Images that are named besides the documents: by the recipe, by a chart's annotations, by K3s.

use super::error::DecideError;
use crate::read;
use gabion_oci::Reference;
use gabion_yaml::{Data, Node};
use std::collections::BTreeMap;

/// An image that no document need name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The image.
    pub reference: Reference,
    /// What names it, as it is told: `images.extra`, the annotation of a chart.
    pub from: String,
    /// The value of the chart on which it depends, where the annotation says one; the caller asks it.
    pub condition: Option<String>,
}

/// The annotations that list images: of HIP-0015, of Bitnami's charts, of Artifact Hub.
const LISTS: [&str; 3] = ["helm.sh/images", "images", "artifacthub.io/images"];

/// The images that the annotations of a `Chart.yaml` list; `chart` is what the chart is called.
///
/// Each list is YAML: items with `image`, and perhaps `name` and `condition`, or plain texts.
pub fn annotated(
    annotations: &BTreeMap<String, String>,
    chart: &str,
) -> Result<Vec<Extra>, Vec<DecideError>> {
    let mut out = Vec::new();
    let mut errors = Vec::new();
    for (key, text) in LISTS.iter().filter_map(|key| annotations.get_key_value(*key)) {
        let from = format!("annotation `{key}` of {chart}");
        match items(text) {
            Some(items) => items.into_iter().for_each(|(image, condition)| match image.trim().parse() {
                Ok(reference) => out.push(Extra { reference, from: from.clone(), condition }),
                Err(error) => errors.push(DecideError::Annotation { from: from.clone(), error: Some(error) }),
            }),
            None => errors.push(DecideError::Annotation { from, error: None }),
        }
    }
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

type Item = (String, Option<String>);

fn items(text: &str) -> Option<Vec<Item>> {
    let nodes = read::nodes(text).ok()?;
    let mut items = Vec::new();
    for node in &nodes {
        match &node.data {
            Data::List(list) => items.extend(list.iter().map(item).collect::<Option<Vec<_>>>()?),
            Data::Null => {}
            _ => return None,
        }
    }
    Some(items)
}

fn item(node: &Node) -> Option<Item> {
    let image = node.as_str().or_else(|| node.get("image").and_then(Node::as_str))?;
    Some((image.to_owned(), node.get("condition").and_then(Node::as_str).map(str::to_owned)))
}
