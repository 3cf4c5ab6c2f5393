//! A sequence of numbers as a sequence of choices.

/// What is left to choose with. When nothing is left, every choice is the first one.
pub(crate) struct Choices<'a> {
    numbers: std::slice::Iter<'a, u8>,
    /// How many names were given out.
    names: usize,
}

impl<'a> Choices<'a> {
    pub(crate) fn new(numbers: &'a [u8]) -> Self {
        Self { numbers: numbers.iter(), names: 0 }
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.numbers.next().map_or(0, |number| usize::from(*number) % end)
    }

    /// One of them.
    pub(crate) fn of<'b>(&mut self, all: &[&'b str]) -> &'b str {
        all[self.below(all.len())]
    }

    /// Is there anything left?
    pub(crate) fn are_over(&self) -> bool {
        self.numbers.len() == 0
    }

    /// A name that was not given before.
    pub(crate) fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }
}
