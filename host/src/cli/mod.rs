//! The commands of a host, for `gabion host …` and for the small program that lies on the host itself.
//!
//! A command gives an [`Answer`]; who runs it prints that, and nothing here prints. Only [`receive`] owns a pipe, which
//! whoever calls hands to it.

mod along;
mod args;
pub mod backup;
mod install;
pub mod install_disk;
mod keep;
mod receive;
mod run;
pub mod secrets;
mod text;

pub use args::{
    ApplyArgs, BackArgs, Command, GenerationsArgs, InstallArgs, JudgeArgs, PlanArgs, ReceiveArgs,
    RecoverArgs, RollbackArgs, RootArgs, SaveArgs, SecretsCommand, TakeInArgs,
};
pub use install::{Installed, lay};
pub use keep::opened_backup;
pub use receive::{Ended, Greeting, Unsealed, receive};
pub use run::{Answer, Context, run};
