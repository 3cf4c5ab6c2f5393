//! Caches through their public interface.

mod dir;
mod signed;
mod tiered;
mod world;
