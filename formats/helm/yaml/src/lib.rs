//! YAML as Helm reads and writes it: the dialect of Go's `yaml.v2` behind `sigs.k8s.io/yaml`.
//!
//! Text in, nodes with positions out; nodes in, the bytes out that Go's emitter writes. No I/O.

mod node;

pub use node::{At, Data, Node};
