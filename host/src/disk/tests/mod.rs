//! Disks that are files, and machines that are folders.

mod chosen;
mod connected;
mod installed;
mod sample;
mod written;
