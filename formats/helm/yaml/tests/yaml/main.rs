//! What is read and written here, beside what Go reads and writes.

mod bytes;
mod dumping;
mod limits;
mod loading;
mod peer;
mod placing;
mod tables;
mod value;
