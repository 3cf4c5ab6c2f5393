//! Numbers of files: templates, values, and whatever else bytes may come from.

use std::collections::BTreeMap;

/// Files by their number; 0 is "not known".
#[derive(Debug)]
pub(crate) struct Sources {
    names: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { names: vec![String::new()], numbers: BTreeMap::new() }
    }
}

impl Sources {
    /// The number of a file: the same one for the same name.
    pub(crate) fn number(&mut self, name: String) -> u32 {
        let next = self.names.len() as u32;
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }

    /// The names in the order of their numbers, from 0.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }
}
