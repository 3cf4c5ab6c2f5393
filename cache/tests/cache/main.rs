//! Caches through their public interface.

mod dir;
