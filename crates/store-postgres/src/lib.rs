//! Accounts, encrypted credentials and owner epochs of mt5-warden, in PostgreSQL or SQLite.

pub mod envelope;
pub mod keys;
pub use keys::{
    DataKey, KeyError, KeyFileError, KeyFiles, KeyId, KeyIdError, KeySource, Kms, LocalKms, MasterKey,
};
