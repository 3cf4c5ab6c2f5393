//! Helm charts and repositories: index, chart files, version ranges
