//! The program end to end, against upstreams on loopback.

mod architecture;
mod failures;
mod pipeline;
mod world;
