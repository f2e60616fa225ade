use std::{fmt, hint};

use secrecy::{ExposeSecret as _, SecretBox};
use warden_domain::{Login, TradeServer};
use warden_store::Password;
use zeroize::Zeroizing;

use super::{EnvelopeError, Installation, Sealed, close, unclose};
use crate::keys::{self, Kms};

/// The key under which refused credentials are remembered (LOG-9): without it a hash does not tell whether a guessed
/// password is the right one. 256 random bits, never shown, never copied, and overwritten when dropped.
///
/// It stands in the database as any other secret, sealed for the [`Installation`]. So a rotation of the wrapping key only
/// wraps its data key anew ([`rewrap`](super::rewrap)), and what was remembered stays comparable.
pub struct RefusalKey(SecretBox<[u8; 32]>);

impl RefusalKey {
    /// A new one.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, EnvelopeError> {
        Ok(Self(keys::random()?))
    }

    /// Seals it for its row under a new data key.
    ///
    /// # Errors
    /// When the data key cannot be made or wrapped.
    pub async fn seal(&self, kms: &dyn Kms, row: &Installation) -> Result<Sealed, EnvelopeError> {
        close(kms, row.into(), self.0.expose_secret()).await
    }

    /// Opens the one of a row.
    ///
    /// # Errors
    /// When the data key cannot be unwrapped, or anything of the row is not what was sealed for it.
    pub async fn open(kms: &dyn Kms, row: &Installation, sealed: &Sealed) -> Result<Self, EnvelopeError> {
        let plain = unclose(kms, row.into(), sealed).await?;
        let plain: &[u8; 32] = plain.as_slice().try_into().map_err(|_| EnvelopeError::Misfit("key"))?;
        Ok(Self(SecretBox::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(plain))))
    }

    /// What is remembered of credentials: keyed BLAKE3 of the login in 8 bytes, then of server and password, each after
    /// its length in 8 bytes, all little-endian.
    #[must_use]
    pub fn hash(&self, login: Login, server: &TradeServer, password: &Password) -> [u8; 32] {
        let key = self.0.expose_secret();
        let hash = keyed(key, login, server, password.reveal().as_bytes());
        // BLAKE3 leaves copies of its last block on the stack and offers no way to them: the same call over as many
        // zeros lays theirs in the same places.
        hint::black_box(keyed(key, login, server, &vec![0; password.reveal().len()]));
        hash
    }
}

#[inline(never)]
fn keyed(key: &[u8; 32], login: Login, server: &TradeServer, password: &[u8]) -> [u8; 32] {
    let mut hasher = Zeroizing::new(blake3::Hasher::new_keyed(key));
    hasher.update(&login.number().to_le_bytes());
    for text in [server.as_str().as_bytes(), password] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
    }
    hasher.finalize().into()
}

impl fmt::Debug for RefusalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        envelope::{rewrap, tests::kms},
        keys::KeyError,
    };

    const ROW: Installation = Installation { table: "refusal_keys", version: 1 };

    fn hash(key: &RefusalKey, login: u64, server: &str, password: &str) -> [u8; 32] {
        let (login, server) = (Login::new(login).unwrap(), TradeServer::new(server).unwrap());
        key.hash(login, &server, &Password::new(password.to_owned()))
    }

    #[test]
    fn log_9_what_is_remembered_of_refused_credentials_stays_as_it_is() {
        let key = RefusalKey(SecretBox::init_with_mut(|key: &mut [u8; 32]| key.fill(7)));
        // Computed by another implementation of BLAKE3.
        let known = "b2440ecc93d7fb3f414396a1886410e0a61032a215967acf15f9895547088cb1";
        let remembered = hash(&key, 5001, "Broker-Live3", "correct horse");
        assert_eq!(blake3::Hash::from_bytes(remembered).to_hex().as_str(), known);
    }

    #[test]
    fn log_9_other_credentials_are_remembered_as_something_else() {
        let key = RefusalKey::random().unwrap();
        let remembered = hash(&key, 5001, "AB", "C");
        assert_eq!(hash(&key, 5001, "AB", "C"), remembered);
        let others =
            [(5002, "AB", "C"), (5001, "AC", "C"), (5001, "AB", "D"), (5001, "A", "BC"), (5001, "ABC", "")];
        for (login, server, password) in others {
            assert_ne!(hash(&key, login, server, password), remembered, "{login} {server} {password}");
        }
        assert_ne!(hash(&RefusalKey::random().unwrap(), 5001, "AB", "C"), remembered);
    }

    #[tokio::test]
    async fn log_9_a_rotation_keeps_what_is_remembered() {
        let key = RefusalKey::random().unwrap();
        let sealed = key.seal(&kms(1, None), &ROW).await.unwrap();
        let rewrapped = rewrap(&kms(2, Some(1)), &ROW, &sealed).await.unwrap();
        let opened = RefusalKey::open(&kms(2, None), &ROW, &rewrapped).await.unwrap();
        assert_eq!(hash(&opened, 1, "S", "p"), hash(&key, 1, "S", "p"));
        assert_eq!(format!("{opened:?}"), "[redacted]");
    }

    #[tokio::test]
    async fn a_refusal_key_of_another_row_does_not_open() {
        let kms = kms(1, None);
        let sealed = RefusalKey::random().unwrap().seal(&kms, &ROW).await.unwrap();
        for row in [Installation { table: "other", ..ROW }, Installation { version: 2, ..ROW }] {
            let fault = RefusalKey::open(&kms, &row, &sealed).await.unwrap_err();
            assert!(matches!(fault, EnvelopeError::Key(KeyError::Altered { .. })), "{fault}");
        }
        let short = close(&kms, (&ROW).into(), &[7; 31]).await.unwrap();
        let fault = RefusalKey::open(&kms, &ROW, &short).await.unwrap_err();
        assert_eq!(fault, EnvelopeError::Misfit("key"));
    }
}
