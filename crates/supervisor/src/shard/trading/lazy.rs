//! Parts of an instance's trading that take room only once something is in them: most instances of a large fleet have no
//! trade, and their slots are what its memory is.

use std::ops::{Deref, DerefMut};

/// A part that is empty until it is first changed.
#[derive(Debug)]
pub(super) struct Lazy<T>(Option<Box<T>>);

/// What a part is before anything is in it.
pub(super) trait Empty: Default + 'static {
    /// One that all empty parts share.
    fn empty() -> &'static Self;
}

impl<T> Lazy<T> {
    /// The part, if anything was ever in it.
    pub(super) fn known(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Empty> Deref for Lazy<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::empty())
    }
}

impl<T: Empty> DerefMut for Lazy<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    #[derive(Default)]
    struct Part {
        values: Vec<u8>,
    }

    impl Empty for Part {
        fn empty() -> &'static Self {
            static EMPTY: LazyLock<Part> = LazyLock::new(Part::default);
            &EMPTY
        }
    }

    #[test]
    fn a_part_takes_room_with_its_first_change() {
        let mut part = Lazy::<Part>::default();
        assert!(part.values.is_empty() && part.known().is_none(), "reading takes none");
        part.values.push(7);
        assert_eq!((part.values.len(), part.known().is_some()), (1, true));
    }
}
