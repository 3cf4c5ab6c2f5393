//! One ID type per meaning.

use crate::{Digest, ParseDigestError};
use std::fmt;
use std::str::FromStr;

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Digest);

        impl $name {
            /// Gives a digest this meaning.
            pub const fn new(digest: Digest) -> Self {
                Self(digest)
            }

            /// The digest behind the meaning.
            pub const fn digest(&self) -> Digest {
                self.0
            }

            /// The 64 lowercase hex digits.
            pub fn hex(&self) -> String {
                self.0.hex()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, ParseDigestError> {
                text.parse().map(Self)
            }
        }
    )*};
}

id_types! {
    /// Names the bytes of one file; equal to `b3sum` of that file.
    BlobId;
    /// Names a tree: the digest of its manifest object.
    TreeId;
    /// Names work by what goes in: operation, its version, parameters, content of the inputs.
    ActionId;
    /// Names work by what was asked for: recipe and lock entries of a whole closure. Known before
    /// anything is built.
    RequestId;
}
