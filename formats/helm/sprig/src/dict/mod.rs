//! Maps (sprig `dict.go`). They are shared: what `set` and `merge` change is changed wherever the map is seen.

mod copy;
mod keys;
mod merge;

pub(crate) const FAMILIES: &[&[gabion_template::Function]] =
    &[copy::FUNCTIONS, keys::FUNCTIONS, merge::FUNCTIONS];
