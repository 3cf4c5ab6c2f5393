//! Real systems: built twice in two worlds, and started as a host starts them, under both firmwares.
//!
//! `tests/vm/run` installs what is needed and runs this; plain `cargo test` passes it over. Everything is locked
//! against the mirror that this machine is configured for, so nothing is compared with what was seen another day.

mod bundles;
mod clock;
mod double_build;
mod host;
mod image;
mod remote;
mod self_check;
mod slots;
mod strangers;
mod tap;
mod updates;
