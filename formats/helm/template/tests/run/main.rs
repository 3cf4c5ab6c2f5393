//! Runs: where bytes come from, what would be other bytes next time, what ends a run, and what objects can do.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod error;
mod limit;
mod object;
mod origin;
mod printing;
mod taint;
mod tpl;
mod world;
