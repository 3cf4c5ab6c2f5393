//! The lock: values, canonical text, difference, merge
