//! Bytes that have the names they are said to have.
//!
//! A file may be damaged, and an alias or a record may have been written by somebody who lies: a name is believed
//! only where bytes are used. What does not hold goes to quarantine, and is a miss from then on.

use crate::{Output, Store, StoreError};
use gabion_digest::{BlobId, Digest, DualHasher, Hashed, RequestId, Sha256};
use std::io::Read;

impl Store {
    /// Reads a whole small blob; `None` where it is absent, larger than `limit`, or damaged.
    pub fn read_blob(&self, id: BlobId, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((file, size)) = self.open_blob(id)? else { return Ok(None) };
        if size > limit {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(size as usize);
        let path = self.blob_path(id);
        file.take(limit).read_to_end(&mut bytes).map_err(|error| StoreError::io("read", &path, error))?;
        if Digest::of(&bytes) == id.digest() {
            return Ok(Some(bytes));
        }
        self.quarantine(&path, &id.hex())?;
        Ok(None)
    }

    /// The same for bytes that must have their foreign name too.
    pub fn read_output(&self, output: &Output, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.read_blob(output.blob, limit)?;
        if bytes.as_ref().is_some_and(|bytes| Sha256::of(bytes) != output.sha256) {
            self.distrust_alias(output.sha256)?;
            return Ok(None);
        }
        Ok(bytes)
    }

    /// Whether the bytes behind `output` have both its names; reads all of them.
    pub fn check_output(&self, output: &Output) -> Result<bool, StoreError> {
        let Some(found) = self.hash(output.blob)? else { return Ok(false) };
        if found.blob != output.blob {
            self.quarantine(&self.blob_path(output.blob), &output.blob.hex())?;
            return Ok(false);
        }
        if found.sha256 != output.sha256 {
            self.distrust_alias(output.sha256)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Forgets what `request` gave.
    pub fn distrust_record(&self, request: RequestId) -> Result<(), StoreError> {
        let path = self.record_path(request);
        if path.exists() { self.quarantine(&path, &format!("request-{}", request.hex())) } else { Ok(()) }
    }

    fn distrust_alias(&self, sha256: Sha256) -> Result<(), StoreError> {
        let path = self.alias_path(sha256);
        if path.exists() { self.quarantine(&path, &format!("alias-{}", sha256.hex())) } else { Ok(()) }
    }

    /// Both names that the bytes of a blob really have.
    pub(crate) fn hash(&self, id: BlobId) -> Result<Option<Hashed>, StoreError> {
        let Some((mut file, _)) = self.open_blob(id)? else { return Ok(None) };
        let mut hasher = DualHasher::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = file.read(&mut buffer);
            match read.map_err(|error| StoreError::io("read", &self.blob_path(id), error))? {
                0 => return Ok(Some(hasher.finish())),
                count => hasher.update(&buffer[..count]),
            }
        }
    }
}
