//! The crate through its public API, on manifests as charts of platforms give them.

mod differ;
mod find;
mod order;
mod peer;
mod review;
mod schema;
mod warn;

use gabion_kube::{Document, documents};

const STRIMZI: &str = include_str!("../manifests/strimzi.yaml");
const KAFKA: &str = include_str!("../manifests/kafka.yaml");
const MONITORING: &str = include_str!("../manifests/monitoring.yaml");
const OTHERS: &str = include_str!("../manifests/others.yaml");

fn read(texts: &[&str]) -> Vec<Document> {
    texts.iter().flat_map(|text| documents(text, "test.yaml").unwrap()).collect()
}
