//! Where a mutant bites: `broken!(Name)` is whether that one is in force, and false in every build but those that test
//! the tests.

#[cfg(feature = "mutants")]
macro_rules! broken {
    ($name:ident) => {
        $crate::mutant::Mutant::$name.is_on()
    };
}

#[cfg(not(feature = "mutants"))]
macro_rules! broken {
    ($name:ident) => {
        false
    };
}
