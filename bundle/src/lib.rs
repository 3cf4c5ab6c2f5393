//! The bundle file: manifest, signatures, verification
