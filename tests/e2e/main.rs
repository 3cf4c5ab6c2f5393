//! The program end to end, against upstreams on loopback.

mod apt;
mod architecture;
mod debian;
mod engine;
mod failures;
mod overlays;
mod pipeline;
mod registry;
mod world;
