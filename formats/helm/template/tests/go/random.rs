//! Templates at random, to both.
