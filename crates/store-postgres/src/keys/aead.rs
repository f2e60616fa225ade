//! XChaCha20-Poly1305, as data keys and secrets are encrypted. Its nonces are long enough to be drawn at random for as
//! many rows as there will ever be.

use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::KeyError;

/// Bytes of a nonce.
pub(crate) const NONCE: usize = 24;

/// Bytes by which a ciphertext is longer than what it holds.
pub(crate) const TAG: usize = 16;

/// A new nonce.
pub(crate) fn nonce() -> Result<[u8; NONCE], KeyError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|fault| KeyError::Randomness(fault.to_string()))?;
    Ok(nonce)
}

/// Encrypts; the plain bytes are copied only to where their ciphertext replaces them.
pub(crate) fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(plain.len() + TAG);
    buffer.extend_from_slice(plain);
    XChaCha20Poly1305::new(key.into())
        .encrypt_in_place(&XNonce::from(*nonce), aad, &mut buffer)
        .expect("what fits into memory is shorter than the 256 GiB that one nonce can encrypt");
    buffer
}

/// Decrypts; `None` when key, nonce, `aad` or ciphertext is another one than it was.
pub(crate) fn decrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    XChaCha20Poly1305::new(key.into())
        .decrypt_in_place(&XNonce::from(*nonce), aad, &mut *buffer)
        .ok()
        .map(|()| buffer)
}
