//! A list of numbers as a source of choices, so that a shorter list makes a simpler case: that is all shrinking needs.

/// What is left to choose with. Where nothing is left, every choice is the first, which is the simplest.
pub(super) struct Choices<'n> {
    rest: std::slice::Iter<'n, u16>,
}

impl<'n> Choices<'n> {
    pub(super) fn new(numbers: &'n [u16]) -> Self {
        Self { rest: numbers.iter() }
    }

    /// Chooses a number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        match self.rest.next() {
            Some(number) => usize::from(*number) % end.max(1),
            None => 0,
        }
    }

    /// Says yes in so many of a hundred cases, and no where nothing is left.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// Chooses one of several.
    pub(super) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    /// Tells whether all that follows would be the first choice.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.len() == 0
    }
}
