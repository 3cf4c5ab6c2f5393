//! Where a place of a node's documents comes from. Nothing of it is kept: it is made again when somebody asks.

use super::render::{RENDERED, Render};
use super::step::{DOCUMENTS, Input, Step, StepError, joined};
use super::{BuildError, Built, Results, step_failed};
use crate::lock::LockedGraph;
use crate::recipe::kinds::Chart;
use crate::recipe::{Body, Recipe};
use gabion_helm::ChartInUse;
use gabion_store::{Output, Store};
use std::ops::Range;

/// The lines that the bytes of `place` come from: of files, of templates and of values, the one that wrote them first.
///
/// `locked` is bound to what was built; what is not in the store any more has no origin.
pub fn origins(
    recipe: &Recipe,
    locked: &LockedGraph<'_>,
    store: &Store,
    place: &Range<u32>,
) -> Result<Vec<String>, BuildError> {
    Ok(origins_of(recipe, locked, store, std::slice::from_ref(place))?.pop().unwrap_or_default())
}

/// The same for several places of one node, which is made again once for all of them: an answer for each.
pub fn origins_of(
    recipe: &Recipe,
    locked: &LockedGraph<'_>,
    store: &Store,
    places: &[Range<u32>],
) -> Result<Vec<Vec<String>>, BuildError> {
    let none = || places.iter().map(|_| Vec::new()).collect();
    let failed = |error| step_failed(&recipe.address, error);
    let mut inputs = Results::new();
    for need in locked.graph.needs(&recipe.address) {
        if let Some(record) = locked.id(need).map(|id| store.record(id)).transpose()?.flatten() {
            inputs.insert(need.clone(), record);
        }
    }
    let own = locked.id(&recipe.address).map(|id| store.record(id)).transpose()?.flatten();
    match &recipe.body {
        Body::Chart(it) => {
            let packed = own.and_then(|it| it.outputs.get("file").copied());
            let Some(packed) = packed else { return Ok(none()) };
            let render = rendering(recipe, it, locked, &inputs, packed).map_err(failed)?;
            render.map_or_else(|| Ok(none()), |it| it.origins(store, places)).map_err(failed)
        }
        Body::Manifests(_) => {
            match Step::of(recipe, locked, &inputs, &own.unwrap_or_default()).map_err(failed)? {
                Some(Step::Documents(parts)) => lines(&parts, store, places).map_err(failed),
                _ => Ok(none()),
            }
        }
        _ => Ok(none()),
    }
}

/// The charts of which `built` made the documents of a node: what their authors say beside the templates.
pub fn charts_in_use(
    recipe: &Recipe,
    locked: &LockedGraph<'_>,
    built: &Built,
    store: &Store,
) -> Result<Vec<ChartInUse>, BuildError> {
    let Body::Chart(it) = &recipe.body else { return Ok(Vec::new()) };
    let failed = |error| step_failed(&recipe.address, error);
    let made = [DOCUMENTS, RENDERED];
    let packed = built.outputs(&recipe.address).find(|(name, _)| !made.contains(&name.as_str()));
    let Some((_, packed)) = packed else { return Ok(Vec::new()) };
    let needs = locked.graph.needs(&recipe.address);
    let inputs =
        needs.into_iter().filter_map(|need| Some((need.clone(), built.record(need)?.clone()))).collect();
    let render = rendering(recipe, it, locked, &inputs, *packed).map_err(failed)?;
    render.map_or(Ok(Vec::new()), |it| it.in_use(store)).map_err(failed)
}

/// The step that renders a chart.
fn rendering(
    recipe: &Recipe,
    it: &Chart,
    locked: &LockedGraph<'_>,
    inputs: &Results,
    packed: Output,
) -> Result<Option<Box<Render>>, StepError> {
    let steps = Step::of_chart(recipe, it, locked, inputs, packed)?;
    Ok(steps.into_iter().find_map(|it| match it {
        Step::Render(render) => Some(render),
        _ => None,
    }))
}

/// For each place the file that it stands in, and its line there.
fn lines(parts: &[Input], store: &Store, places: &[Range<u32>]) -> Result<Vec<Vec<String>>, StepError> {
    let (text, starts) = joined(parts, store)?;
    let line = |place: &Range<u32>| {
        let at = starts.partition_point(|start| *start <= place.start as usize).checked_sub(1)?;
        let before = text.get(starts[at]..place.start as usize).unwrap_or_default();
        Some(format!("{}:{}", parts[at].what(), before.matches('\n').count() + 1))
    };
    Ok(places.iter().map(|it| line(it).into_iter().collect()).collect())
}
