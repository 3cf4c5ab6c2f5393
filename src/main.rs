//! Gabion: one signed, reproducible bundle for a whole platform.

fn main() {}
