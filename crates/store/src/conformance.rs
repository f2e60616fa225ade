//! The numbered cases that every adapter of a port passes.
//!
//! An adapter's test calls one function a port with a way to make a fresh store.

pub mod accounts;
pub mod history;
pub mod hot;
pub mod journal;
pub mod schema;
pub mod signals;
