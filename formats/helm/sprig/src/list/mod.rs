//! Lists (sprig `list.go`). No function changes a list that it was given.

mod choose;
mod make;
mod part;

pub(crate) const FAMILIES: &[&[gabion_template::Function]] =
    &[choose::FUNCTIONS, make::FUNCTIONS, part::FUNCTIONS];
