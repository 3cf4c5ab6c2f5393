//! YAML as Helm reads and writes it: the dialect of Go's `yaml.v2` behind `sigs.k8s.io/yaml`.
//!
//! Text in, nodes with positions out ([`load`], [`documents`]); nodes in, the bytes out that Go's emitter writes ([`dump`],
//! or value by value an [`Emitter`]). No I/O.
//!
//! # Invariants
//! - What is read, written and refused, and the words of a refusal, are those of `sigs.k8s.io/yaml` 1.6 on `yaml.v2`, and for
//!   `toYamlPretty` those of `yaml.v3`: `tests/*.jsonl` holds what they say, and `tests/peer` asks them again.
//! - The same text gives the same nodes, the same nodes the same bytes. Where Go walks a map by chance (of two keys of
//!   different types that are the same as text; names whose order has a cycle) the last in the text counts, and the order
//!   begins with that of the bytes.
//! - Depth is bounded by [`MAX_DEPTH`], what aliases repeat by Go's own measure; time is linear in the text.
//!
//! It reads no second mark of the byte order (Go loses characters behind one), and writes no comments and no anchors.

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
pub const MAX_DEPTH: usize = 500;
