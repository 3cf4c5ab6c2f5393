//! A miniature of every upstream that the platform uses, served on loopback.
//!
//! [`Content`] is what is served, the same bytes on every machine; [`Upstream`] serves it over HTTP/1.1
//! from threads of this process, and can be told to misbehave.

mod apt;
mod charts;
mod content;
mod git;
mod helm;
mod http;
mod pack;
mod registry;
mod server;
mod system;

pub use apt::{Package, Suite};
pub use content::Content;
pub use git::{File, Repository};
pub use helm::{chart, pack};
pub use registry::{Layer, Registry};
pub use server::{Fault, Seen, Upstream};

/// Origins of the demo, and the path under which each is served here.
pub const ORIGINS: [(&str, &str); 8] = [
    ("https://charts.demo.gabion.invalid", "/charts"),
    ("https://docker.demo.gabion.invalid", "/docker"),
    ("https://ghcr.demo.gabion.invalid", "/ghcr"),
    ("https://github.demo.gabion.invalid", "/github"),
    ("https://k8s.demo.gabion.invalid", "/k8s"),
    ("https://quay.demo.gabion.invalid", "/quay"),
    ("https://ubuntu.demo.gabion.invalid", "/ubuntu"),
    ("https://update.k3s.demo.gabion.invalid", "/update.k3s"),
];
