//! Commands that `gabion host` and `gabion-host` share.

pub mod install_disk;
