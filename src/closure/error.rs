//! Why it is not known what the documents of a bundle need.

use crate::build::BuildError;
use crate::image::ImageError;
use crate::lock::BindError;
use crate::net::NetError;
use crate::recipe::{Address, Diagnostics, Recipe};
use gabion_kube::{DecideError, DocumentError, K3sError, PatternError};
use gabion_oci::ReferenceError;
use gabion_store::{Output, StoreError};

/// A mistake about one node's images, with what to write into its recipe.
#[derive(Debug)]
pub struct Undecided {
    node: Address,
    error: DecideError,
    /// Where its text comes from.
    lines: Vec<String>,
}

impl Undecided {
    /// What is wrong with the images of `recipe`; `lines` are where its text comes from.
    pub fn new(recipe: &Recipe, error: DecideError, lines: Vec<String>) -> Self {
        Self { node: recipe.address.clone(), error, lines }
    }

    fn told(&self) -> String {
        let node = &self.node;
        let help = self.error.help(&format!("{node}.images"));
        let lines: Vec<String> = self.lines.iter().map(|it| format!("\nwritten at {it}")).collect();
        let lines = lines.concat();
        format!("{node}: error[{}]: {}{lines}\n{help}", self.error.code(), self.error)
    }
}

/// Why it is not known what documents need, or why there is no bundle of them.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// Nobody said whether images are needed, or what was said is wrong.
    #[error("{} things about images are to be decided", .0.len())]
    Undecided(Vec<Undecided>),
    /// The lock has not all images.
    #[error("the lock lacks {} images that documents need", .0.len())]
    Missing(Vec<String>),
    /// A text holds no documents.
    #[error("the documents of `{node}` cannot be read")]
    Documents {
        /// The node.
        node: Address,
        /// Why not.
        #[source]
        source: DocumentError,
    },
    /// A file of a bundle holds no documents.
    #[error("`{member}` of the bundle cannot be read")]
    Foreign {
        /// The file.
        member: String,
        /// Why not.
        #[source]
        source: DocumentError,
    },
    /// A pattern of the recipe is none.
    #[error("a pattern in `{node}.images` cannot be read")]
    Pattern {
        /// The node.
        node: Address,
        /// Why not.
        #[source]
        source: PatternError,
    },
    /// An image that the recipe names besides is none.
    #[error("an image in `{node}.images.extra` cannot be read")]
    Extra {
        /// The node.
        node: Address,
        /// Why not.
        #[source]
        source: ReferenceError,
    },
    /// The list of images of K3s cannot be read.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    List(Vec<K3sError>),
    /// What was asked is no bundle.
    #[error("`{0}` is no bundle")]
    NoBundle(Address),
    /// Documents are not what the store says.
    #[error("documents are not what the store says")]
    Gone(Output),
    /// Nodes need each other.
    #[error(transparent)]
    Recipes(#[from] Diagnostics),
    /// The lock cannot be used.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A pinned image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Documents cannot be made.
    #[error(transparent)]
    Build(Box<BuildError>),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ClosureError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Undecided(_) => "E1801",
            Self::Missing(_) => "E1802",
            Self::Documents { source, .. } | Self::Foreign { source, .. } => source.code(),
            Self::Pattern { .. } => "E1803",
            Self::Extra { source, .. } => source.code(),
            Self::List(errors) => errors.first().map_or("E1709", K3sError::code),
            Self::NoBundle(_) => "E1804",
            Self::Gone(_) => "E1805",
            Self::Recipes(_) => "E1806",
            Self::Bind(error) => error.code(),
            Self::Image(error) => error.code(),
            Self::Build(error) => error.code(),
            Self::Net(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Undecided(all) => Some(all.iter().map(Undecided::told).collect::<Vec<_>>().join("\n")),
            Self::Missing(images) => {
                Some(format!("run `gabion lock`, and commit the result\n{}", images.join("\n")))
            }
            Self::Documents { source, .. } | Self::Foreign { source, .. } => source.help(),
            Self::Pattern { .. } => Some("patterns are references with `*` for anything".to_owned()),
            Self::Extra { source, .. } => source.help(),
            Self::List(errors) => errors.first().and_then(K3sError::help),
            Self::NoBundle(_) | Self::Recipes(_) => None,
            Self::Gone(_) => Some("`gabion store verify --repair`, then build again".to_owned()),
            Self::Bind(error) => error.help(),
            Self::Image(error) => error.help(),
            Self::Build(error) => error.help(),
            Self::Net(error) => error.help(),
            Self::Store(error) => error.help(),
        }
    }
}
