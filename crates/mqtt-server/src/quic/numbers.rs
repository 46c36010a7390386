//! The numbers of a connection's data lanes.

/// Gives out 1 to 255, each again only after it was given back.
#[derive(Default)]
pub(super) struct Numbers {
    last: u8,
    free: Vec<u8>,
}

impl Numbers {
    /// A number that names no lane, if there is any.
    pub(super) fn take(&mut self) -> Option<u8> {
        self.free.pop().or_else(|| {
            self.last = self.last.checked_add(1)?;
            Some(self.last)
        })
    }

    /// Nothing is named by this number any more.
    pub(super) fn give_back(&mut self, number: u8) {
        self.free.push(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_again_only_after_it_came_back() {
        let mut numbers = Numbers::default();
        assert!((1..=255).all(|number| numbers.take() == Some(number)));
        assert_eq!(numbers.take(), None);
        numbers.give_back(7);
        assert_eq!((numbers.take(), numbers.take()), (Some(7), None));
    }
}
