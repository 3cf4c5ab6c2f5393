//! Gabion: one signed, reproducible bundle for a whole platform.
//!
//! The pipeline is a row of arrows, one type each:
//! `Recipe → Graph → Lock → LockedGraph → Plan → Built → Manifest → Signed → Verified`.
//! A module imports only what stands left of it; `cli` imports everything and nobody imports it.

pub mod assemble;
pub mod build;
pub mod check;
pub mod cli;
pub mod closure;
pub mod config;
pub mod error;
pub mod event;
pub mod exit;
pub mod file;
pub mod graph;
pub mod image;
pub mod leak;
pub mod lock;
pub mod net;
pub mod plan;
pub mod recipe;
pub mod request;
pub mod resolve;
pub mod share;

/// The functions that a [`gabion_sandbox::Worker`] of this program can run, by name.
pub const WORKERS: [(&str, gabion_sandbox::Work); 2] = gabion_rootfs::WORKERS;
