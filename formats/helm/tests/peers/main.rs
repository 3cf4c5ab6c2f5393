//! Charts of foreign writers, and the answers of foreign readers; and what strangers could send instead.

mod archive;
mod case;
mod chart;
mod charts;
mod engine;
mod expressions;
mod golden;
mod helm;
mod index;
mod large;
mod mixed;
mod ours;
mod provenance;
mod random;
mod semver;
mod values;
