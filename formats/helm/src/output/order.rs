//! The order of installation (`InstallOrder` of `pkg/release/v1/util/kind_sorter.go`).

use std::cmp::Ordering;

const KINDS: [&str; 38] = include!("../../../install_order.rs");

/// Known kinds in their order, then the others by name. Documents of one kind stay as they were.
pub(super) fn by_kind(a: &str, b: &str) -> Ordering {
    let place = |kind: &str| KINDS.iter().position(|it| *it == kind).unwrap_or(KINDS.len());
    let unknown = |kind: &str| if KINDS.contains(&kind) { String::new() } else { kind.to_owned() };
    place(a).cmp(&place(b)).then_with(|| unknown(a).cmp(&unknown(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first_and_what_nobody_knows_last() {
        let mut kinds = ["Widget", "Pod", "", "Apple", "Namespace", "Service"];
        kinds.sort_by(|a, b| by_kind(a, b));
        assert_eq!(kinds, ["Namespace", "Service", "Pod", "", "Apple", "Widget"]);
    }
}
