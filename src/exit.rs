//! The exit codes of the program: public, documented, tested.

macro_rules! exits {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal,)*) => {
        /// How the program ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Exit { $($(#[doc = $doc])* $variant = $code,)* }

        impl Exit {
            /// Every exit code with the text that documents it.
            pub const ALL: &[(Self, u8, &'static str)] = &[$((Self::$variant, $code, concat!($($doc,)*)),)*];

            /// The one with this number; a failure without a code of its own where there is none.
            pub fn of(code: u8) -> Self {
                Self::ALL.iter().find(|it| it.1 == code).map_or(Self::Failure, |it| it.0)
            }

            /// The number that the shell sees.
            pub const fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

exits! {
    /// Done.
    Ok = 0,
    /// Failed for a reason without a code of its own.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The lock is missing or stale.
    Lock = 3,
    /// The network is needed but forbidden.
    Offline = 4,
    /// Bytes are not what they must be.
    Integrity = 5,
    /// A signature or the trust in a key is missing.
    Trust = 6,
    /// Building again gave other bytes.
    NotReproducible = 7,
    /// A build step failed.
    Step = 8,
    /// There are changes, and `--exit-code` asked to say so.
    Changes = 9,
    /// The host was unhealthy and went back.
    RolledBack = 10,
    /// The host could not go back.
    RollbackFailed = 11,
    /// Interrupted; nothing is lost.
    Interrupted = 130,
}
