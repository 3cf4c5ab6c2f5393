//! Large blobs in parts, each in a request of its own (Amazon S3 API Reference, `CreateMultipartUpload` and what follows).
//!
//! The object is there when all parts are told to be one, and not before. Parts of a put that was cut lie there until
//! the bucket's own rules remove them.

use super::super::body::OwnFault;
use super::sign::{UNSIGNED, encode};
use super::{REPLY_LIMIT, S3Remote, code_in, element, failed};
use crate::net::request::{Ask, body};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use gabion_cache::{CacheError, Pieces, Source};
use reqwest::header::ETAG;
use reqwest::{Method, Response};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::Mutex;

/// How large a part is; what is not larger is put at once. A blob has at most 10 000 parts, which are 625 GiB.
pub(super) const PART: u64 = 64 << 20;

/// What is still to be put.
struct Rest {
    pieces: Pieces,
    held: Bytes,
}

impl Rest {
    /// At most `most` bytes; `None` at the end.
    async fn next(&mut self, most: u64) -> Result<Option<Bytes>, CacheError> {
        while self.held.is_empty() {
            match self.pieces.next().await {
                Some(piece) => self.held = piece?,
                None => return Ok(None),
            }
        }
        let count = usize::try_from(most).map_or(self.held.len(), |most| most.min(self.held.len()));
        Ok(Some(self.held.split_to(count)))
    }
}

/// The next `size` bytes of what is still to be put.
fn part(rest: &Arc<Mutex<Rest>>, size: u64) -> Pieces {
    stream::try_unfold((Arc::clone(rest), size), async |(rest, left)| {
        if left == 0 {
            return Ok(None);
        }
        let piece = rest.lock().await.next(left).await?;
        Ok::<_, CacheError>(piece.map(|piece| {
            let left = left - piece.len() as u64;
            (piece, (rest, left))
        }))
    })
    .boxed()
}

/// Puts a blob in parts.
pub(super) async fn put(remote: &S3Remote, source: &Source) -> Result<(), CacheError> {
    let location = remote.blob(source.blob());
    let begun = remote.ask_with(&format!("{location}?uploads="), Method::POST, Vec::new()).await?;
    let id = element(&text(remote, remote.done(begun).await?).await?, "UploadId");
    if id.is_empty() || id.contains('&') {
        return Err(CacheError::refused(&remote.name, "it gave no name to an upload in parts"));
    }
    let upload = format!("uploadId={}", encode(&id));
    let done = put_parts(remote, source, &location, &upload).await;
    if done.is_err() {
        // Whether that works changes nothing of why the put failed.
        let _gone = remote.ask_plain(&format!("{location}?{upload}"), Ask::new(Method::DELETE)).await;
    }
    done
}

async fn put_parts(
    remote: &S3Remote,
    source: &Source,
    location: &str,
    upload: &str,
) -> Result<(), CacheError> {
    let rest = Arc::new(Mutex::new(Rest { pieces: source.pieces(), held: Bytes::new() }));
    let (mut left, mut number, mut list) = (source.blob().size, 0, String::new());
    while left > 0 {
        let (size, fault) = (left.min(PART), OwnFault::default());
        number += 1;
        let pieces = Arc::clone(&rest);
        let body = fault.upload(size, move || part(&pieces, size));
        let ask = Ask { upload: Some(body), ..Ask::new(Method::PUT) };
        let put = remote.ask(&format!("{location}?partNumber={number}&{upload}"), UNSIGNED, ask).await;
        let response = remote.done(fault.or(put)?).await?;
        let tag = response.headers().get(ETAG).and_then(|it| it.to_str().ok());
        let tag = tag.filter(|it| !it.contains(['<', '&']));
        let tag = tag.ok_or_else(|| CacheError::refused(&remote.name, "it gave no name to a part"))?;
        let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        left -= size;
    }
    let whole = format!(
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{list}</CompleteMultipartUpload>"
    );
    let response = remote.ask_with(&format!("{location}?{upload}"), Method::POST, whole.into_bytes()).await?;
    let said = text(remote, remote.done(response).await?).await?;
    // It may fail after it began to answer.
    if said.contains("<Error>") {
        let why = format!("the parts did not become one: {}", code_in(&said));
        return Err(CacheError::unreachable(&remote.name, why));
    }
    Ok(())
}

async fn text(remote: &S3Remote, response: Response) -> Result<String, CacheError> {
    let bytes = body(response, REPLY_LIMIT).await;
    let bytes = bytes.map_err(|trouble| failed(&remote.name, trouble))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
