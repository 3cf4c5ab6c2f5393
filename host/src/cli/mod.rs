//! What `gabion-host` does on a machine, as functions: words and exit codes are the programs' work.

mod receive;

pub use receive::{Greeting, Outcome, ReceiveArgs, receive};
