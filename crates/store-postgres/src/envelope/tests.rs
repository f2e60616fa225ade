#[cfg(target_os = "linux")]
mod trace;

use proptest::prelude::*;
use warden_domain::{InstanceId, Login, TradeServer};
use warden_store::Pending;

use super::*;
use crate::keys::{LocalKms, MasterKey};

const CANARY: &str = "canary correct horse";

/// Over keys of which every byte is the same.
pub(super) fn kms(current: u8, previous: Option<u8>) -> LocalKms {
    LocalKms::new(MasterKey::filled(current), previous.map(MasterKey::filled)).unwrap()
}

/// An account, owned.
#[derive(Clone)]
struct Row {
    table: &'static str,
    instance: InstanceId,
    login: Login,
    server: TradeServer,
    version: u64,
}

impl Row {
    fn new() -> Self {
        Self {
            table: "credentials",
            instance: InstanceId::new("acct-1").unwrap(),
            login: Login::new(5001).unwrap(),
            server: TradeServer::new("Broker-Live3").unwrap(),
            version: 1,
        }
    }

    fn identity(&self) -> Identity<'_> {
        let Self { table, instance, login, server, version } = self;
        Identity { table, instance, login: *login, server, version: *version }
    }
}

fn canary() -> Password {
    Password::new(CANARY.to_owned())
}

async fn sealed(kms: &LocalKms) -> Sealed {
    seal(kms, &Row::new().identity(), &canary()).await.unwrap()
}

async fn fault(kms: &dyn Kms, row: &Row, sealed: &Sealed) -> EnvelopeError {
    open(kms, &row.identity(), sealed).await.unwrap_err()
}

fn altered(kms: &LocalKms) -> EnvelopeError {
    EnvelopeError::Key(KeyError::Altered { key: kms.current().clone() })
}

#[tokio::test]
async fn log_1_what_was_sealed_for_a_row_opens_for_it() {
    let kms = kms(1, None);
    let (one, other) = (sealed(&kms).await, sealed(&kms).await);
    assert_eq!(open(&kms, &Row::new().identity(), &one).await.unwrap(), canary());
    assert_eq!(one.ciphertext.len(), CANARY.len() + aead::TAG);
    assert_eq!(&one.key, kms.current());
    // Nothing is used twice.
    assert_ne!(one.wrapped, other.wrapped);
    assert_ne!(one.nonce, other.nonce);
    assert_ne!(one.ciphertext, other.ciphertext);
}

#[tokio::test]
async fn a_row_that_was_moved_does_not_open() {
    let kms = kms(1, None);
    let (row, sealed) = (Row::new(), sealed(&kms).await);
    let moved = [
        Row { table: "archive", ..row.clone() },
        Row { instance: InstanceId::new("acct-2").unwrap(), ..row.clone() },
        Row { login: Login::new(5002).unwrap(), ..row.clone() },
        Row { server: TradeServer::new("Broker-Live4").unwrap(), ..row.clone() },
        Row { version: 2, ..row.clone() },
    ];
    for place in &moved {
        assert_eq!(fault(&kms, place, &sealed).await, altered(&kms), "{:?}", place.identity());
        assert_eq!(rewrap(&kms, &place.identity(), &sealed).await.unwrap_err(), altered(&kms));
        // With the wrapped data key of the row it was moved to.
        let own = seal(&kms, &place.identity(), &canary()).await.unwrap();
        let mixed = Sealed { wrapped: own.wrapped, ..sealed.clone() };
        assert_eq!(fault(&kms, place, &mixed).await, EnvelopeError::Altered);
    }
}

#[tokio::test]
async fn a_secret_is_bound_to_its_row_even_if_its_data_key_is_not() {
    let kms = kms(1, None);
    let (row, sealed) = (Row::new(), sealed(&kms).await);
    let place = Row { login: Login::new(5002).unwrap(), ..row.clone() };
    let data_key = unwrap(&kms, (&row.identity()).into(), &sealed).await.unwrap();
    let (key, wrapped) = wrap(&kms, (&place.identity()).into(), &data_key).await.unwrap();
    let moved = Sealed { key, wrapped, ..sealed };
    assert_eq!(fault(&kms, &place, &moved).await, EnvelopeError::Altered);
}

#[tokio::test]
async fn no_bit_of_a_sealed_row_can_change() {
    let kms = kms(1, None);
    let (row, sealed) = (Row::new(), sealed(&kms).await);
    for bit in 0..8 {
        let flip = 1_u8 << bit;
        for at in 0..sealed.wrapped.len() {
            let mut changed = sealed.clone();
            changed.wrapped[at] ^= flip;
            assert_eq!(fault(&kms, &row, &changed).await, altered(&kms), "wrapped {at}");
        }
        for at in 0..sealed.nonce.len() {
            let mut changed = sealed.clone();
            changed.nonce[at] ^= flip;
            assert_eq!(fault(&kms, &row, &changed).await, EnvelopeError::Altered, "nonce {at}");
        }
        for at in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[at] ^= flip;
            assert_eq!(fault(&kms, &row, &changed).await, EnvelopeError::Altered, "ciphertext {at}");
        }
    }
    for length in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext.truncate(length);
        assert_eq!(fault(&kms, &row, &changed).await, EnvelopeError::Altered, "{length}");
    }
}

#[tokio::test]
async fn a_wrong_key_file_is_an_unknown_key_and_a_swapped_name_an_altered_row() {
    let (row, sealed) = (Row::new(), sealed(&kms(1, None)).await);
    let wrong = kms(2, Some(3));
    let EnvelopeError::Key(KeyError::Unknown { key, readable }) = fault(&wrong, &row, &sealed).await else {
        panic!("another fault")
    };
    assert_eq!((key, readable), (sealed.key.clone(), wrong.readable()));
    let both = kms(2, Some(1));
    let swapped = Sealed { key: both.current().clone(), ..sealed.clone() };
    assert_eq!(fault(&both, &row, &swapped).await, altered(&both));
    assert_eq!(open(&both, &row.identity(), &sealed).await.unwrap(), canary());
}

#[tokio::test]
async fn a_rotation_keeps_the_password_and_leaves_the_old_key_behind() {
    let (row, sealed) = (Row::new(), sealed(&kms(1, None)).await);
    let both = kms(2, Some(1));
    let rewrapped = rewrap(&both, &row.identity(), &sealed).await.unwrap();
    assert_eq!((&rewrapped.nonce, &rewrapped.ciphertext), (&sealed.nonce, &sealed.ciphertext));
    assert_eq!(&rewrapped.key, both.current());
    // Before, amid and after; and once more, as after a crash.
    let again = rewrap(&both, &row.identity(), &rewrapped).await.unwrap();
    let new = kms(2, None);
    for sealed in [&rewrapped, &again] {
        assert_eq!(open(&both, &row.identity(), sealed).await.unwrap(), canary());
        assert_eq!(open(&new, &row.identity(), sealed).await.unwrap(), canary());
        let fault = fault(&kms(1, None), &row, sealed).await;
        assert!(matches!(fault, EnvelopeError::Key(KeyError::Unknown { .. })), "{fault}");
    }
    assert_eq!(open(&both, &row.identity(), &sealed).await.unwrap(), canary());
    let fault = rewrap(&new, &row.identity(), &sealed).await.unwrap_err();
    assert!(matches!(fault, EnvelopeError::Key(KeyError::Unknown { .. })), "{fault}");
}

#[tokio::test]
async fn what_is_no_text_is_no_password() {
    let (kms, row) = (kms(1, None), Row::new());
    let sealed = close(&kms, (&row.identity()).into(), b"canary\xff").await.unwrap();
    assert_eq!(fault(&kms, &row, &sealed).await, EnvelopeError::Misfit("text"));
}

/// A row that another implementation of the same algorithms sealed.
#[tokio::test]
async fn rows_that_were_sealed_before_still_open() {
    let kms = kms(7, None);
    let sealed = Sealed {
        key: KeyId::parse("k-687818639ad9c053").unwrap(),
        wrapped: bytes(
            "000102030405060708090a0b0c0d0e0f1011121314151617cc72cde2927531ce49aaef289693dddf2ba34e606c8e4d0a8f60c9fe1a4d1614245448fa092a111cf3688fa9dd97aaea",
        ),
        nonce: bytes("18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f").try_into().unwrap(),
        ciphertext: bytes("2c88e9f2f19bd8bedd24a024d88dc9dbdd7e6d9ed9f18185ac0f87893ea6b7edfdae72c6"),
    };
    assert_eq!(open(&kms, &Row::new().identity(), &sealed).await.unwrap(), canary());
}

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// A key service that is down.
#[derive(Debug)]
struct Down(KeyId);

impl Kms for Down {
    fn current(&self) -> &KeyId {
        &self.0
    }

    fn readable(&self) -> Vec<KeyId> {
        vec![self.0.clone()]
    }

    fn wrap<'a>(&'a self, _: &'a DataKey, _: &'a [u8]) -> Pending<'a, Result<Vec<u8>, KeyError>> {
        Box::pin(async { Err(KeyError::Unavailable("connection refused".to_owned())) })
    }

    fn unwrap<'a>(
        &'a self,
        _: &'a KeyId,
        _: &'a [u8],
        _: &'a [u8],
    ) -> Pending<'a, Result<DataKey, KeyError>> {
        Box::pin(async { Err(KeyError::Unavailable("connection refused".to_owned())) })
    }
}

#[tokio::test]
async fn a_key_service_that_is_down_is_not_an_altered_row() {
    let (row, sealed) = (Row::new(), sealed(&kms(1, None)).await);
    let down = Down(sealed.key.clone());
    let unavailable = EnvelopeError::Key(KeyError::Unavailable("connection refused".to_owned()));
    assert_eq!(fault(&down, &row, &sealed).await, unavailable);
    assert_eq!(seal(&down, &row.identity(), &canary()).await.unwrap_err(), unavailable);
    assert_eq!(rewrap(&down, &row.identity(), &sealed).await.unwrap_err(), unavailable);
}

#[tokio::test]
async fn nothing_shows_a_password_or_a_key() {
    let (kms, row) = (kms(0xAB, Some(0xCD)), Row::new());
    let sealed = sealed(&kms).await;
    let mut shown = format!("{kms:?} {sealed:?} {:?} {:?}", row.identity(), Bound::from(&row.identity()));
    let mut changed = sealed.clone();
    changed.ciphertext[0] ^= 1;
    let unknown = Sealed { key: KeyId::parse("k-other").unwrap(), ..sealed.clone() };
    let no_text = close(&kms, (&row.identity()).into(), b"canary\xff").await.unwrap();
    let moved = Row { version: 9, ..row.clone() };
    for (row, sealed) in [(&row, &changed), (&row, &unknown), (&row, &no_text), (&moved, &sealed)] {
        let fault = fault(&kms, row, sealed).await;
        shown += &format!(" {fault} {fault:?}");
    }
    for part in ["canary", "horse", "abab", "ABAB", "171", "cdcd", "CDCD", "205"] {
        assert!(!shown.contains(part), "{part}: {shown}");
    }
    for remedy in ["as the previous key", "restore the row", "enter the credentials anew"] {
        assert!(shown.contains(remedy), "{remedy}: {shown}");
    }
}

/// Does not compile when a key can be copied: then both of the implementations would fit.
const _: () = {
    trait Unique<Marker> {
        const UNIQUE: bool = true;
    }
    impl<T> Unique<()> for T {}
    impl<T: Clone> Unique<u8> for T {}
    assert!(<DataKey as Unique<_>>::UNIQUE);
    assert!(<MasterKey as Unique<_>>::UNIQUE);
    assert!(<RefusalKey as Unique<_>>::UNIQUE);
};

proptest! {
    #[test]
    fn every_password_opens_as_it_was_sealed(password in any_password()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (kms, row) = (kms(1, None), Row::new());
            let secret = Password::new(password.clone());
            let sealed = seal(&kms, &row.identity(), &secret).await.unwrap();
            prop_assert_eq!(sealed.ciphertext.len(), password.len() + aead::TAG);
            let opened = open(&kms, &row.identity(), &sealed).await.unwrap();
            prop_assert_eq!(opened.reveal(), password.as_str());
            Ok(())
        })?;
    }
}

/// Any text, the empty one and one of 4 KiB included.
fn any_password() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<String>(),
        1 => Just(String::new()),
        1 => any::<char>().prop_map(|c| c.to_string().repeat(4096 / c.len_utf8())),
    ]
}
