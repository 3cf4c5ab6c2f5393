//! Charts that stand in the tests: read, rendered, and asked where each byte comes from.

mod chart;
mod limits;
mod load;
mod origin;
mod same;
mod taint;
