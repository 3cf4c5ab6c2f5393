//! The templates of one run, by name.

use std::collections::HashMap;
use std::rc::Rc;

use crate::ast::Tree;
use crate::error::ParseError;
use crate::function::Functions;
use crate::parser;

/// Templates by name, parsed; a copy shares the trees.
#[derive(Clone)]
pub struct Set<'f> {
    functions: &'f dyn Functions,
    trees: HashMap<Rc<str>, Rc<Tree>>,
}

impl<'f> Set<'f> {
    /// No templates, and the functions that they may name.
    pub fn new(functions: &'f dyn Functions) -> Self {
        Self { functions, trees: HashMap::new() }
    }

    /// Parses a file: its own body gets the name, and what it defines the names it gives. `source` is the number by which
    /// origins will name the file.
    ///
    /// A later body of a name takes the place of an earlier one, except that an empty body replaces nothing
    /// (`text/template.Template.Parse`). A file with a mistake adds nothing.
    pub fn parse(&mut self, name: &str, source: u32, text: &[u8]) -> Result<(), ParseError> {
        for tree in parser::parse(name, source, &text.into(), self.functions)? {
            let taken = self.trees.contains_key(&tree.name);
            if !(taken && tree.empty) {
                self.trees.insert(Rc::clone(&tree.name), tree);
            }
        }
        Ok(())
    }

    /// Is there a template of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.trees.contains_key(name)
    }

    /// The names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(AsRef::as_ref)
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Rc<Tree>> {
        self.trees.get(name)
    }

    pub(crate) fn functions(&self) -> &'f dyn Functions {
        self.functions
    }
}

impl std::fmt::Debug for Set<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names: Vec<_> = self.names().collect();
        names.sort_unstable();
        out.debug_struct("Set").field("templates", &names).finish_non_exhaustive()
    }
}
