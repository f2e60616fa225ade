//! `cargo xtask tidy`.
use crate::checkout::Checkout;
use crate::failure::Result;
pub(crate) const HELP: &str = "usage: cargo xtask tidy";
pub(crate) fn task(_: &Checkout, _: &[String]) -> Result {
    Ok(())
}
