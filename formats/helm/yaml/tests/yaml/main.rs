//! What is read and written here, beside what Go reads and writes.

mod dumping;
mod loading;
mod peer;
mod value;
