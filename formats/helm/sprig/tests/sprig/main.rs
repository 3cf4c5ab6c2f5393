//! Our functions against the real sprig: its answers in `golden.jsonl`, and a peer that is asked where Go is installed.

mod calls;
mod golden;
mod peer;
mod random;
mod shapes;
