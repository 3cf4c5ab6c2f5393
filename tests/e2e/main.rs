//! The program end to end, against upstreams on loopback.

mod apt;
mod architecture;
mod debian;
mod dependencies;
mod failures;
mod fuzz_smoke;
mod limits;
mod pipeline;
mod world;
