//! Secrets as they stand in the database: each under a key of its own, bound to its row.
//!
//! A secret is encrypted by XChaCha20-Poly1305 under a random data key of 256 bits, and the data key is wrapped by a
//! [`Kms`]. Both are bound to the row: a row whose sealed columns are copied to another account, login, server or
//! version does not open. The name of the wrapping key is bound in the wrapped data key alone, since that is all a
//! rotation writes anew: [`rewrap`] never decrypts a secret.
//!
//! ```
//! use warden_domain::{InstanceId, Login, TradeServer};
//! use warden_store::Password;
//! use warden_store_postgres::{
//!     envelope::{Identity, open, rewrap, seal},
//!     keys::{KeySource, LocalKms, MasterKey},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let (old, new) = (folder.path().join("2026"), folder.path().join("2027"));
//! let before = LocalKms::new(MasterKey::generate(&old)?, None)?;
//!
//! let instance = InstanceId::new("acct-1")?;
//! let server = TradeServer::new("Broker-Live3")?;
//! let row = Identity {
//!     table: "credentials",
//!     instance: &instance,
//!     login: Login::new(5001)?,
//!     server: &server,
//!     version: 1,
//! };
//! let sealed = seal(&before, &row, &Password::new("correct horse".into())).await?;
//!
//! // A year later: the old key reads, the new one wraps.
//! let previous = MasterKey::read(&KeySource::File(old), None)?;
//! let both = LocalKms::new(MasterKey::generate(&new)?, Some(previous))?;
//! let sealed = rewrap(&both, &row, &sealed).await?;
//! assert_eq!(open(&both, &row, &sealed).await?.reveal(), "correct horse");
//! assert!(open(&before, &row, &sealed).await.is_err());
//! # Ok(())
//! # }
//! ```

mod bound;
mod refusal;

use std::{fmt, mem};

use thiserror::Error;
use warden_store::Password;
use zeroize::{Zeroize as _, Zeroizing};

use self::bound::Layer;
pub use self::{
    bound::{Bound, Identity, Installation},
    refusal::RefusalKey,
};
use crate::keys::{DataKey, KeyError, KeyId, Kms, aead};

/// A secret as it is stored. Nothing of it is secret but the length of what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key that wrapped the data key.
    pub key: KeyId,
    /// The wrapped data key, as the [`Kms`] laid it out.
    pub wrapped: Vec<u8>,
    /// The nonce of the ciphertext.
    pub nonce: [u8; aead::NONCE],
    /// The secret under its data key, and 16 bytes of authentication.
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why a secret was not sealed or not opened. No message shows any of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// The data key was not wrapped or unwrapped.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The data key is the right one, and the secret was not encrypted by it for this row.
    #[error(
        "the data key is right, and nonce or ciphertext was changed; restore the row from a backup, or enter the \
         credentials anew"
    )]
    Altered,
    /// What was sealed is not what this column holds.
    #[error("what was sealed is no {0}, which a faulty program wrote; enter the credentials anew")]
    Misfit(&'static str),
}

/// Seals a password for its row under a new data key.
///
/// # Errors
/// When the data key cannot be made or wrapped.
pub async fn seal(
    kms: &dyn Kms,
    identity: &Identity<'_>,
    secret: &Password,
) -> Result<Sealed, EnvelopeError> {
    close(kms, identity.into(), secret.reveal().as_bytes()).await
}

/// Opens the password of a row.
///
/// # Errors
/// When the data key cannot be unwrapped, or anything of the row is not what was sealed for it.
pub async fn open(
    kms: &dyn Kms,
    identity: &Identity<'_>,
    sealed: &Sealed,
) -> Result<Password, EnvelopeError> {
    let mut plain = unclose(kms, identity.into(), sealed).await?;
    String::from_utf8(mem::take(&mut *plain)).map(Password::new).map_err(|fault| {
        fault.into_bytes().zeroize();
        EnvelopeError::Misfit("text")
    })
}

/// Wraps the data key of a row by the current key, whichever readable key wrapped it before. The secret is neither
/// decrypted nor written anew; a fault in it shows when it is opened. Harmless when repeated.
///
/// # Errors
/// When the data key cannot be unwrapped or wrapped.
pub async fn rewrap<'a>(
    kms: &dyn Kms,
    bound: impl Into<Bound<'a>>,
    sealed: &Sealed,
) -> Result<Sealed, EnvelopeError> {
    let bound = bound.into();
    let data_key = unwrap(kms, bound, sealed).await?;
    let (key, wrapped) = wrap(kms, bound, &data_key).await?;
    Ok(Sealed { key, wrapped, nonce: sealed.nonce, ciphertext: sealed.ciphertext.clone() })
}

async fn close(kms: &dyn Kms, bound: Bound<'_>, plain: &[u8]) -> Result<Sealed, EnvelopeError> {
    let data_key = DataKey::random()?;
    let nonce = aead::nonce()?;
    let ciphertext = aead::encrypt(data_key.reveal(), &nonce, &bound.aad(Layer::Secret), plain);
    let (key, wrapped) = wrap(kms, bound, &data_key).await?;
    Ok(Sealed { key, wrapped, nonce, ciphertext })
}

async fn unclose(
    kms: &dyn Kms,
    bound: Bound<'_>,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let data_key = unwrap(kms, bound, sealed).await?;
    aead::decrypt(data_key.reveal(), &sealed.nonce, &bound.aad(Layer::Secret), &sealed.ciphertext)
        .ok_or(EnvelopeError::Altered)
}

async fn wrap(kms: &dyn Kms, bound: Bound<'_>, data_key: &DataKey) -> Result<(KeyId, Vec<u8>), KeyError> {
    let key = kms.current();
    let wrapped = kms.wrap(data_key, &bound.aad(Layer::DataKey(key))).await?;
    Ok((key.clone(), wrapped))
}

async fn unwrap(kms: &dyn Kms, bound: Bound<'_>, sealed: &Sealed) -> Result<DataKey, KeyError> {
    kms.unwrap(&sealed.key, &sealed.wrapped, &bound.aad(Layer::DataKey(&sealed.key))).await
}

#[cfg(test)]
mod tests;
