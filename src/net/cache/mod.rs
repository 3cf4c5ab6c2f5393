//! Caches that are asked over HTTP: servers of files, S3, and registries of images.
//!
//! # Invariants
//! - A credential is that of the configured server, and goes to no other one.
//! - Nothing is tried again here, and no mirror is asked: how a cache is treated is said once, in `gabion_cache`.
//! - A body that turns out to be wrong on its way is never ended, so the server has no whole one.

mod body;
mod http;
mod oci;
mod s3;

use super::Client;
use gabion_cache::{CacheError, DirRemote, Remote};
use reqwest::Url;
use std::path::Path;
use std::sync::Arc;

/// How many small questions are asked at once.
const QUESTIONS: usize = 32;

/// The cache at `address`: `dir:PATH`, `http(s)://…`, one of these two behind `bazel+`, `s3://BUCKET/…`,
/// `s3+http(s)://SERVER/BUCKET/…`, `oci://REGISTRY/REPOSITORY` or the same behind `oci+http`.
pub fn remote(client: &Client, address: &str) -> Result<Arc<dyn Remote>, CacheError> {
    let wrong = |why: String| CacheError::Address { address: without_secret(address), why };
    // Blobs verify themselves and records are signed, so whether they travel in clear is for whoever wrote the address.
    let client = client.for_signed();
    let (scheme, rest) = address.split_once(':').unwrap_or(("", address));
    let opened: Result<Arc<dyn Remote>, String> = match scheme {
        "dir" if Path::new(rest).is_absolute() => Ok(Arc::new(DirRemote::new(Path::new(rest)))),
        "dir" => Err("a folder is named from `/` on".to_owned()),
        "s3" | "s3+http" | "s3+https" => s3::open(client, address).map(|it| Arc::new(it) as _),
        "oci" | "oci+http" => oci::open(client, address).map(|it| Arc::new(it) as _),
        _ => http::open(client, address).map(|it| Arc::new(it) as _),
    };
    opened.map_err(wrong)
}

/// The location below which a server has everything: with a scheme, a host and a path, and nothing else.
fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("nobody here speaks that".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a credential stands below `[credentials]`, not in an address".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it ends with its path".to_owned());
    }
    Ok(url)
}

/// An address as it may be shown.
fn without_secret(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}…{}", &address[..scheme + 3], &address[at..]),
        _ => address.to_owned(),
    }
}
