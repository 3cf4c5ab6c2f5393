//! A miniature of every upstream that the platform uses, served on loopback
