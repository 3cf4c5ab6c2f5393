//! A running host: from one generation to the next, with a way back.

mod change;
mod cluster;
mod error;
mod generation;
mod health;
mod host;
mod network;
mod objects;
mod packages;
mod plan;
mod prepare;
mod programs;
mod slot;
mod status;
mod steps;
#[cfg(test)]
mod tests;

pub use change::{Change, Step};
pub use cluster::Patience;
pub use error::{LiveError, told};
pub use generation::{Accepted, Applied, Event, Generation, ObjectName, history};
pub use host::{Host, Outcome, Tell, Wishes};
pub use packages::{OtherSystem, PackageChange, Way};
pub use plan::{Plan, PlanReport};
pub use prepare::prepare;
pub use programs::{Program, Programs, Said};
pub use slot::Slots;
pub use status::Status;
