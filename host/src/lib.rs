//! Puts a verified bundle on a machine
