//! Gabion: one signed, reproducible bundle for a whole platform.
//!
//! The pipeline is a row of arrows, one type each:
//! `Recipe → Graph → Lock → LockedGraph → Plan → Built → Manifest → Signed → Verified`.
//! A module imports only what stands left of it; [`cli`] imports everything and nobody imports it.

pub mod graph;
pub mod recipe;
