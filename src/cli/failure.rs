//! The one shape in which every error reaches a person or a program.

use crate::error::chain;
use crate::exit::Exit;
use crate::recipe::Diagnostics;

/// Why a command failed: code, message, help and exit code.
#[derive(Debug)]
pub struct Failure {
    /// Stable code, `E0301`.
    pub code: &'static str,
    /// The error and everything that caused it, `a: b: c`.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// How the program ends.
    pub exit: Exit,
    /// Mistakes with positions; then `message` is only a summary.
    pub diagnostics: Option<Box<Diagnostics>>,
}

impl Failure {
    /// A failure from an error: its whole chain becomes the message.
    pub fn new(code: &'static str, exit: Exit, error: &dyn std::error::Error, help: Option<String>) -> Self {
        Self { code, message: chain(error), help, exit, diagnostics: None }
    }

    /// A failure of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: "E1200", message: message.into(), help: None, exit: Exit::Usage, diagnostics: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        let count = diagnostics.list.len();
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        Self {
            code: diagnostics.list.first().map_or("E0101", |first| first.code.as_str()),
            message: format!("{count} {mistakes} in the recipes"),
            help: None,
            exit: Exit::Failure,
            diagnostics: Some(Box::new(diagnostics)),
        }
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::new(error.code(), Exit::Usage, &error, error.help())
    }
}

macro_rules! failures {
    ($($error:ty: $exit:expr;)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let exit: fn(&$error) -> Exit = $exit;
                Self::new(error.code(), exit(&error), &error, error.help())
            }
        }
    )*};
}

fn net(error: &crate::net::NetError) -> Exit {
    match error {
        crate::net::NetError::Offline { .. } => Exit::Offline,
        crate::net::NetError::Digest { .. } => Exit::Integrity,
        crate::net::NetError::Config(_) => Exit::Usage,
        crate::net::NetError::Store(error) => store(error),
        _ => Exit::Failure,
    }
}

fn store(error: &gabion_store::StoreError) -> Exit {
    match error {
        gabion_store::StoreError::Mismatch { .. } => Exit::Integrity,
        _ => Exit::Failure,
    }
}

fn build(error: &crate::build::BuildError) -> Exit {
    match error.first() {
        crate::build::BuildError::Offline { .. } => Exit::Offline,
        crate::build::BuildError::Step { .. }
        | crate::build::BuildError::Sandbox { .. }
        | crate::build::BuildError::Script { .. }
        | crate::build::BuildError::Files { .. }
        | crate::build::BuildError::Chart { .. }
        | crate::build::BuildError::Unstable { .. }
        | crate::build::BuildError::Rootfs { .. }
        | crate::build::BuildError::Harden { .. }
        | crate::build::BuildError::Disk { .. } => Exit::Step,
        first if first.is_integrity() => Exit::Integrity,
        crate::build::BuildError::Fetch { source, .. } => net(source),
        _ => Exit::Failure,
    }
}

fn format(error: &crate::resolve::FormatError) -> Exit {
    use crate::resolve::FormatError;
    match error {
        FormatError::Provenance(_) | FormatError::Keys(_) | FormatError::Cosign(_) => Exit::Trust,
        FormatError::Chart(_) | FormatError::Document(_) => Exit::Integrity,
        FormatError::Choose(_) | FormatError::Repository(_) | FormatError::Platform(_) => Exit::Failure,
    }
}

failures! {
    gabion_store::StoreError: store;
    crate::net::NetError: net;
    crate::lock::BindError: |_| Exit::Lock;
    crate::image::ImageError: |error| match error {
        crate::image::ImageError::Store(error) => store(error),
        crate::image::ImageError::Document { .. } => Exit::Integrity,
    };
    crate::resolve::ResolveError: |error| match error.first() {
        crate::resolve::ResolveError::Net { source, .. } => net(source),
        crate::resolve::ResolveError::Signature { .. } | crate::resolve::ResolveError::Backwards { .. } => {
            Exit::Trust
        }
        crate::resolve::ResolveError::Index { .. } => Exit::Integrity,
        crate::resolve::ResolveError::Format { source, .. } => format(source),
        crate::resolve::ResolveError::Git { source, .. } => match source.as_ref() {
            crate::net::GitError::Net(error) => net(error),
            error if error.is_integrity() => Exit::Integrity,
            _ => Exit::Failure,
        },
        _ => Exit::Failure,
    };
    crate::build::BuildError: build;
    crate::closure::ClosureError: |error| match error {
        crate::closure::ClosureError::Build(error) => build(error),
        crate::closure::ClosureError::Missing(_) | crate::closure::ClosureError::Bind(_) => Exit::Lock,
        crate::closure::ClosureError::Net(error) => net(error),
        crate::closure::ClosureError::Store(error) => store(error),
        crate::closure::ClosureError::Gone(_) => Exit::Integrity,
        crate::closure::ClosureError::NoBundle(_) => Exit::Usage,
        _ => Exit::Step,
    };
    crate::build::DiskError: |_| Exit::Failure;
    gabion_bundle::BundleError: |error| match error.class() {
        gabion_bundle::Class::Integrity => Exit::Integrity,
        gabion_bundle::Class::Trust => Exit::Trust,
        gabion_bundle::Class::Other => Exit::Failure,
    };
    gabion_cache::CacheError: |error| match error {
        gabion_cache::CacheError::Address { .. }
        | gabion_cache::CacheError::Namespace(_)
        | gabion_cache::CacheError::Key(_)
        | gabion_cache::CacheError::NoKey
        | gabion_cache::CacheError::Nowhere => Exit::Usage,
        gabion_cache::CacheError::Lie { .. } | gabion_cache::CacheError::Damaged { .. } => Exit::Integrity,
        gabion_cache::CacheError::Record { .. } => Exit::Trust,
        gabion_cache::CacheError::Store(error) => store(error),
        _ => Exit::Failure,
    };
    gabion_bundle::KeyError: |error| if error.is_trust() { Exit::Trust } else { Exit::Failure };
    super::remote::PushError: |_| Exit::Failure;
    gabion_host::HostError: |error| Exit::of(error.exit());
    gabion_host::live::LiveError: |error| Exit::of(error.exit());
    gabion_host::seal::SealError: |error| match error {
        gabion_host::seal::SealError::Others => Exit::Trust,
        gabion_host::seal::SealError::Damaged(_) => Exit::Integrity,
        _ => Exit::Failure,
    };
    gabion_host::secrets::SecretsError: |error| match error {
        _ if error.is_integrity() => Exit::Integrity,
        _ if error.is_trust() => Exit::Trust,
        _ => Exit::Failure,
    };
    crate::leak::LeakError: |_| Exit::Failure;
    crate::check::CheckError: |error| match error {
        crate::check::CheckError::Build(error) => build(error),
        crate::check::CheckError::Store(error) => store(error),
    };
}
