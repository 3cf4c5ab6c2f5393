//! YAML as Helm reads and writes it: the dialect of Go's `yaml.v2` behind `sigs.k8s.io/yaml`.
//!
//! Text in, nodes with positions out; nodes in, the bytes out that Go's emitter writes. No I/O.

mod documents;
mod dump;
mod emit;
mod load;
mod node;
mod resolve;
mod scan;

pub use documents::{Document, documents, locate};
pub use dump::{dump, dump_pretty};
pub use emit::{DumpError, Emitter, Entries, Style, entries, lossy};
pub use load::{LoadError, load, load_bytes, load_list, load_map, load_typed};
pub use node::{At, Data, Node};

/// How deep collections may be nested, in texts and in values. Go's own bound is 10000, far beyond any chart; this one keeps
/// whatever walks a tree by recursion within a small stack.
pub const MAX_DEPTH: usize = 1000;
