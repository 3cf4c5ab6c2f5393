//! The compressed form of a disk, as bundles carry it: a step of its own, so that a disk that did not change is not
//! compressed again.

use super::write_failed;
use crate::build::step::{Step, StepError};
use crate::build::{BuildError, DISK, Engine, Results, step_failed};
use crate::recipe::kinds::{Bundle, Fetch};
use crate::recipe::{Body, Kind, Recipe};
use gabion_disk::{Image, compress};
use gabion_store::{Output, Record, Store};
use std::io::{BufWriter, Write};

/// The name of the output.
pub(in crate::build) const ZST: &str = "zst";
/// The fact that says how large the disk itself is.
const SIZE: &str = "size";

impl Engine<'_> {
    /// What a bundle needs beside the results of its nodes: the compressed form of each disk, and its size, under
    /// the address of the disk. Nobody else needs it, so it is made here.
    pub(in crate::build) async fn bundle(
        &self,
        recipe: &Recipe,
        it: &Bundle,
        inputs: &Results,
    ) -> Result<Option<(Record, &'static str)>, BuildError> {
        self.check_installer(recipe, it)?;
        let (mut all, mut how) = (Record::default(), "unchanged");
        for disk in it.base.iter().map(|it| &it.value.address).filter(|it| it.kind() == Kind::Disk) {
            let Some(image) = inputs.get(disk).and_then(|it| it.outputs.get(DISK)) else { continue };
            let (made, word) = self.step(&recipe.address, Step::Compress(*image)).await?;
            all.outputs.extend(made.outputs.get(ZST).map(|file| (disk.to_string(), *file)));
            all.facts.extend(made.facts.get(SIZE).map(|size| (disk.to_string(), size.clone())));
            how = if word == "unchanged" { how } else { word };
        }
        Ok((!all.outputs.is_empty()).then_some((all, how)))
    }

    /// Refuses the archive of a repository as an installer.
    fn check_installer(&self, recipe: &Recipe, it: &Bundle) -> Result<(), BuildError> {
        let Some(named) = &it.installer else { return Ok(()) };
        let from = self.locked.graph.project.recipes.get(&named.value.address);
        if from.is_some_and(|it| matches!(it.body, Body::Fetch(Fetch::Git { .. }))) {
            let why =
                format!("its installer `{}` is the archive of a repository, not a program", named.value);
            return Err(step_failed(&recipe.address, StepError::Input(why)));
        }
        Ok(())
    }
}

/// Compresses a disk of the store into the store.
pub(in crate::build) fn run(image: &Output, store: &Store) -> Result<Record, StepError> {
    // What the store gives is judged before it is believed.
    if !store.check_output(image)? {
        return Err(StepError::Gone(*image));
    }
    let (file, _) = store.open_blob(image.blob)?.ok_or(StepError::Gone(*image))?;
    let disk = Image::open(file).map_err(|error| StepError::Input(crate::error::chain(&error)))?;
    let size = disk.size();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let draft = store.draft()?;
    let mut out = BufWriter::with_capacity(1 << 20, draft.file()?);
    compress(disk, size, &mut out, u32::try_from(threads).unwrap_or(1)).map_err(write_failed)?;
    out.flush().map_err(write_failed)?;
    drop(out);
    Ok(Record {
        outputs: [(ZST.to_owned(), draft.finish()?.into())].into(),
        facts: [(SIZE.to_owned(), size.to_string())].into(),
        ..Record::default()
    })
}
