//! YAML of strangers: never larger, deeper or fuller of aliases than what it is read for can need.

use serde::de::DeserializeOwned;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

/// Reads one document of at most `limit` bytes into `T`; what `T` does not name is skipped.
///
/// A key that stands there twice is wrong where `T` names it: readers disagree on which one counts.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, String> {
    if bytes.len() > limit {
        return Err(format!("it has {} bytes, and {limit} are read", bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    // Real documents have 20 bytes and more to a node; what has fewer is made to fill the memory.
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // In what is skipped, anything may stand.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_events: limit / 8,
            max_nodes: limit / 16,
            max_documents: 1,
            max_depth: 64,
            max_aliases: 1000,
            max_anchors: 1000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}
