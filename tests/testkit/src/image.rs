//! Images that are not of our making.

use crate::{program, run};
use std::path::Path;

/// Makes the layout `layout` with umoci: one image `tag`, with one layer that holds `files` at `/usr`.
#[track_caller]
pub fn umoci(layout: &Path, tag: &str, files: &Path) {
    let image = format!("{}:{tag}", layout.display());
    run(program("umoci").args(["init", "--layout"]).arg(layout));
    run(program("umoci").args(["new", "--image", &image]));
    run(program("umoci").args(["insert", "--rootless", "--image", &image]).arg(files).arg("/usr"));
}
