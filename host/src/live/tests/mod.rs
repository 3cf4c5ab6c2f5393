//! Hosts in folders, with stand-ins for K3s and systemd.

mod apply;
mod cut;
mod gate;
mod slot;
mod world;
