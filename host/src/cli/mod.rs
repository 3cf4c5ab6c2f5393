//! The commands of a running host, for `gabion host …` and for the small program that lies on the host itself.
//!
//! A command gives an [`Answer`]; who runs it prints that, and nothing here prints.

mod args;
pub mod backup;
pub mod install_disk;
mod run;
pub mod secrets;

pub use args::{
    ApplyArgs, Command, GenerationsArgs, JudgeArgs, PlanArgs, RecoverArgs, RollbackArgs, RootArgs,
};
pub use run::{Answer, run};
