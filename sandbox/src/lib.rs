//! Runs programs and functions in namespaces of Linux (namespaces(7)), without root where the kernel allows it.
//!
//! Two layers: a [`Worker`] is a function of this program as root of namespaces of its own, with a range of ids, in
//! which it can unpack, `chown` and read a whole system; [`run`] starts one program in a root of its own, from
//! anywhere, also from within a worker.
//!
//! # Invariants
//! - A process of gabion has threads, so it never forks and goes on: it starts itself again, and [`dispatch`], the
//!   first call of `main`, takes the new process over before it has a second thread.
//! - What is set up is done, or the run ends with the name of the step that failed: nothing is left out in silence.
//! - Everything that a sandbox started is dead when the sandbox has ended, and it ends with its parent.
//! - Nothing that is mounted is seen outside, or stays.
//! - `unsafe` stands in `sys` alone.
//!
//! It does not hide the kernel's version, the processor's model or the time of day (no namespace does), limits no
//! memory, and knows nothing of recipes, stores and packages.

mod child;
mod error;
mod ids;
mod probe;
mod run;
mod spec;
mod sys;
mod tier;
mod wire;
mod worker;

pub use child::{Work, dispatch};
pub use error::{Denied, SandboxError, Step};
pub use ids::{COUNT, First, Ids};
pub use probe::{Finding, Report, What, probe};
pub use run::run;
pub use spec::{Bind, End, Identity, Log, Outcome, Root, Spec};
pub use tier::{Policy, Tier};
pub use worker::Worker;
