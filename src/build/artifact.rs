//! What Flux reads on a host: the archive of a repository as an artifact of a registry (`formats/layer/FORMAT.md` for its
//! gzip, `formats/oci` for its documents). Its digest is known when the documents are made that name it.

use super::step::StepError;
use crate::image::output_name;
use gabion_digest::{Canonical, DualHasher, Feed};
use gabion_layer::{Packed, Packing};
use gabion_oci::compose::flux_artifact;
use gabion_store::{Expect, Output, Record, Store};
use std::io::{self, Read};

/// The name of the output that is the manifest. Its blobs are outputs that have their digests as names.
pub const ARTIFACT: &str = "artifact";

/// The archive that becomes an artifact.
#[derive(Debug)]
pub(super) struct ArtifactStep {
    pub(super) archive: Output,
}

impl Canonical for ArtifactStep {
    fn feed(&self, into: &mut Feed) {
        self.archive.blob.feed(into);
    }
}

impl ArtifactStep {
    /// Packs it and writes its documents.
    pub(super) fn run(&self, store: &Store) -> Result<Record, StepError> {
        let unwritten = |source: io::Error| StepError::Files { doing: "pack an artifact", source };
        let gone = || StepError::Gone(self.archive);
        let (mut file, _) = store.open_blob(self.archive.blob)?.ok_or_else(gone)?;
        let mut packed = Packed::new(Packing::Gzip, store.writer()?).map_err(unwritten)?;
        let (mut hasher, mut piece) = (DualHasher::new(), vec![0; 256 << 10]);
        loop {
            let count = file.read(&mut piece).map_err(unwritten)?;
            if count == 0 {
                break;
            }
            hasher.update(&piece[..count]);
            io::Write::write_all(&mut packed, &piece[..count]).map_err(unwritten)?;
        }
        let tar = hasher.finish();
        if tar.blob != self.archive.blob {
            return Err(gone());
        }
        let layer: Output = packed.finish().map_err(unwritten)?.finish(Expect::default())?.into();
        let (config, manifest) = flux_artifact(tar.sha256, layer.sha256, layer.size);
        let (config, manifest): (Output, Output) = (store.put(&config)?.into(), store.put(&manifest)?.into());
        let named = |output: Output| (output_name(&output.sha256), output);
        let outputs = [named(config), named(layer), (ARTIFACT.to_owned(), manifest)].into();
        Ok(Record { outputs, ..Record::default() })
    }
}
