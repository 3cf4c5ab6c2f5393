//! The program end to end, against upstreams on loopback.

mod apt;
mod architecture;
mod debian;
mod failures;
mod pipeline;
mod trust;
mod world;
