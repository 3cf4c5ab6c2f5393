//! Numbers (sprig `numeric.go`).

mod cast;
mod decimal;
mod floats;
mod ints;
mod ranges;

pub(crate) use cast::{parse_saturating, to_int64};

pub(crate) const FAMILIES: &[&[gabion_template::Function]] =
    &[cast::FUNCTIONS, decimal::FUNCTIONS, floats::FUNCTIONS, ints::FUNCTIONS, ranges::FUNCTIONS];
