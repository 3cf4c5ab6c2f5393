//! The program end to end, against upstreams on loopback.

mod apt;
mod architecture;
mod archive;
mod debian;
mod dependencies;
mod doctor;
mod engine;
mod failures;
mod fuzz_smoke;
mod git;
mod hands;
mod images;
mod integrity;
mod leftovers;
mod limits;
mod mirrors;
mod overlays;
mod pipeline;
mod registry;
mod rootfs;
mod scripts;
mod store;
mod trust;
mod unpacked;
mod world;
