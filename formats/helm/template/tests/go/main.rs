//! This crate beside the real `text/template`: a fixed table, whose answers are kept for machines without Go, and
//! templates at random.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod functions;
mod ours;
mod peer;
mod random;
mod speed;
mod table;
mod values;
