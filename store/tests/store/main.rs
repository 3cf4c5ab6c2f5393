//! The store through its public functions, on a real folder: with the index, without, and with the index
//! deleted between any two operations.

mod actions;
mod blobs;
mod commits;
mod gc;
mod index;
mod refusals;
mod trees;
mod world;
