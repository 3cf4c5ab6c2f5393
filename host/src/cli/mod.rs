//! The commands of a host, for `gabion host …` and for the small program that lies on the host itself.
//!
//! A command gives an [`Answer`]; who runs it prints that, and nothing here prints. Only [`receive`] owns a pipe, which
//! whoever calls hands to it.

mod args;
mod install;
pub mod install_disk;
mod receive;
mod run;
mod text;

pub use args::{
    ApplyArgs, Command, ConfirmArgs, GenerationsArgs, InstallArgs, JudgeArgs, PlanArgs, ReceiveArgs,
    RecoverArgs, RollbackArgs, RootArgs,
};
pub use install::{VerifiedFile, lay};
pub use receive::{Ended, Greeting, receive};
pub use run::{Answer, Context, run};
