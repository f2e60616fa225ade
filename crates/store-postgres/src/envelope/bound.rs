use warden_domain::{InstanceId, Login, TradeServer};

use crate::keys::KeyId;

/// Stands first, so that nothing that another program or another layout bound is ever taken for ours.
const LAYOUT: &[u8] = b"mt5-warden envelope 1";

/// The row of an account, as its sealed password is bound to it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The table of the row.
    pub table: &'static str,
    /// The instance.
    pub instance: &'a InstanceId,
    /// Its account number.
    pub login: Login,
    /// Its trade server.
    pub server: &'a TradeServer,
    /// The version of its credentials, raised whenever they are replaced: an older password of the same account does not
    /// open in the place of a newer one.
    pub version: u64,
}

/// The row of a secret that belongs to the whole installation.
#[derive(Clone, Copy, Debug)]
pub struct Installation {
    /// The table of the row.
    pub table: &'static str,
    /// The version of the secret, raised whenever it is replaced.
    pub version: u64,
}

/// What a sealed secret is bound to.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a> {
    /// The row of an account.
    Account(Identity<'a>),
    /// A row of the installation.
    Installation(Installation),
}

impl<'a> From<&Identity<'a>> for Bound<'a> {
    fn from(identity: &Identity<'a>) -> Self {
        Self::Account(*identity)
    }
}

impl From<&Installation> for Bound<'_> {
    fn from(installation: &Installation) -> Self {
        Self::Installation(*installation)
    }
}

/// What is encrypted.
#[derive(Clone, Copy)]
pub(super) enum Layer<'a> {
    /// The secret, by its data key. It stays as it is in a rotation, so no name of a wrapping key is bound in it.
    Secret,
    /// The data key, by the key of this name.
    DataKey(&'a KeyId),
}

impl Bound<'_> {
    /// The bytes that are authenticated with a layer: each field after its length in 8 bytes, numbers as 8 bytes, all
    /// little-endian, so that no two rows and no two layers have the same ones.
    pub(super) fn aad(&self, layer: Layer<'_>) -> Vec<u8> {
        let mut laid = Vec::with_capacity(256);
        lay(&mut laid, LAYOUT);
        match layer {
            Layer::Secret => lay(&mut laid, b"secret"),
            Layer::DataKey(key) => {
                lay(&mut laid, b"data key");
                lay(&mut laid, key.as_str().as_bytes());
            }
        }
        match self {
            Self::Account(Identity { table, instance, login, server, version }) => {
                lay(&mut laid, b"account");
                lay(&mut laid, table.as_bytes());
                lay(&mut laid, instance.as_str().as_bytes());
                lay(&mut laid, &login.number().to_le_bytes());
                lay(&mut laid, server.as_str().as_bytes());
                lay(&mut laid, &version.to_le_bytes());
            }
            Self::Installation(Installation { table, version }) => {
                lay(&mut laid, b"installation");
                lay(&mut laid, table.as_bytes());
                lay(&mut laid, &version.to_le_bytes());
            }
        }
        laid
    }
}

fn lay(laid: &mut Vec<u8>, field: &[u8]) {
    laid.extend((field.len() as u64).to_le_bytes());
    laid.extend(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `aad` must be, written down field by field, so that a changed layout is noticed: rows that were sealed would
    /// not open any more.
    #[test]
    fn the_layout_stays_as_it_is() {
        let (instance, server) =
            (InstanceId::new("acct-1").unwrap(), TradeServer::new("Broker-Live3").unwrap());
        let login = Login::new(5001).unwrap();
        let account =
            Identity { table: "credentials", instance: &instance, login, server: &server, version: 2 };
        let key = KeyId::parse("k-1").unwrap();
        let common = b"\x0b\0\0\0\0\0\0\0credentials\x06\0\0\0\0\0\0\0acct-1\
            \x08\0\0\0\0\0\0\0\x89\x13\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0Broker-Live3\
            \x08\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0";
        let start = b"\x15\0\0\0\0\0\0\0mt5-warden envelope 1";
        let secret = [&start[..], b"\x06\0\0\0\0\0\0\0secret\x07\0\0\0\0\0\0\0account", common].concat();
        assert_eq!(Bound::from(&account).aad(Layer::Secret), secret);
        let data_key =
            [&start[..], b"\x08\0\0\0\0\0\0\0data key\x03\0\0\0\0\0\0\0k-1\x07\0\0\0\0\0\0\0account", common]
                .concat();
        assert_eq!(Bound::from(&account).aad(Layer::DataKey(&key)), data_key);
        let installation = [
            &start[..],
            b"\x06\0\0\0\0\0\0\0secret\x0c\0\0\0\0\0\0\0installation\x04\0\0\0\0\0\0\0keys\
              \x08\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
        ]
        .concat();
        assert_eq!(Bound::from(&Installation { table: "keys", version: 1 }).aad(Layer::Secret), installation);
    }
}
