//! Jobs that share a cache: over a folder, real servers, and a server that lies.

mod build;
mod challenge;
mod double;
mod faults;
mod http;
mod oci;
mod peers;
mod s3;
