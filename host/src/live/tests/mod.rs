//! Hosts in folders, with stand-ins for K3s and systemd.

mod apply;
mod cut;
mod slot;
mod world;
