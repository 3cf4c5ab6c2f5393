//! Jobs that share a cache: over a folder, a real server, and a server that lies.

mod build;
mod double;
mod http;
mod peers;
