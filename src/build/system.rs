//! Systems and disks.

use super::step::StepError;
use crate::recipe::Recipe;

/// What is said of a node whose step is not there.
pub(super) fn not_yet(recipe: &Recipe) -> StepError {
    StepError::Input(format!("`{}` is built in the next commit", recipe.address))
}
