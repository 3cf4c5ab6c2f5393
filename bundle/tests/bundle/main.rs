//! The bundle against damage, against wrong signers, and against foreign tools.

mod agent;
mod content;
mod foreign;
mod kit;
mod opened;
mod promotion;
mod rotation;
mod shape;
mod signatures;
