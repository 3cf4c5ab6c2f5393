//! What several suites of tests need: programs of others, found, run without anybody's configuration, and stopped.
//!
//! Only ever a dev-dependency (`tests/e2e/architecture.rs` holds that), so everything here panics where a test would.
//!
//! # Invariants
//! - What is not here is said on stderr as `skipped: …`, and where `CI` is set nothing but the kernel may be missing.
//! - A program sees `PATH` and a fixed locale, and no other variable of whoever runs the tests.
//! - A server is gone with its value.
//!
//! It knows nothing of gabion: a project, a store and an upstream of one's own are `tests/e2e/world.rs`.

#![expect(clippy::missing_panics_doc, reason = "everything here panics where a test would")]

mod agent;
mod git;
mod gpg;
mod helm;
mod image;
mod operator;
mod program;
mod server;
mod skip;
mod vm;

pub use agent::Agent;
pub use git::git;
pub use gpg::Gpg;
pub use helm::Helm;
pub use image::umoci;
pub use operator::operator_chart;
pub use program::{program, run, text};
pub use server::{Server, free_address};
pub use skip::{has, skip, skip_also_in_ci};
pub use vm::{Firmware, Running, Vm};
