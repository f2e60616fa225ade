//! The cases of [`Accounts`].

use std::sync::Arc;

use warden_domain::{Epoch, InstanceId, Login, TradeServer};

use crate::{Account, Accounts, AccountsError, Password, Pending};

/// Runs every case, each on a fresh store that holds the given accounts and nothing else.
///
/// # Panics
/// When a case finds that the store does not keep what the port promises.
pub async fn run(make_store: impl Fn(Vec<(InstanceId, Account)>) -> Pending<'static, Arc<dyn Accounts>>) {
    macro_rules! each {
        ($($case:ident),+ $(,)?) => {$( $case(&*make_store(some_accounts().to_vec()).await).await; )+};
    }
    each!(
        accounts_01_an_account_is_fetched_whole,
        accounts_02_an_unknown_instance_has_no_account,
        accounts_03_epochs_rise_by_one_each,
        accounts_04_refused_credentials_are_remembered,
        accounts_05_a_revoked_account_is_not_given_out,
        accounts_06_a_lower_epoch_ends_no_credentials,
        accounts_07_epochs_raised_at_once_are_all_different,
    );
}

/// The two accounts that [`run`] puts into each store.
///
/// # Panics
/// Never: the ids are well formed.
#[must_use]
pub fn some_accounts() -> [(InstanceId, Account); 2] {
    [("acct-1", 5001, "first secret"), ("acct-2", 5002, "second secret")].map(|(id, login, password)| {
        let account = Account {
            login: Login::new(login).expect("it is not zero"),
            server: TradeServer::new("Broker-Live3").expect("it is a name"),
            password: Password::new(password.to_owned()),
            rejected: false,
        };
        (instance(id), account)
    })
}

fn instance(id: &str) -> InstanceId {
    InstanceId::new(id).expect("cases use well-formed ids")
}

/// LOG-1: login, server and password come out as they went in.
///
/// # Panics
/// When they do not.
pub async fn accounts_01_an_account_is_fetched_whole(store: &dyn Accounts) {
    for (id, account) in some_accounts() {
        assert_eq!(store.account(&id).await, Ok(account));
    }
}

/// An instance without an account is named in the error, and cannot be refused.
///
/// # Panics
/// When it is not.
pub async fn accounts_02_an_unknown_instance_has_no_account(store: &dyn Accounts) {
    let unknown = instance("nobody");
    assert_eq!(store.account(&unknown).await, Err(AccountsError::Missing(unknown.clone())));
    assert_eq!(store.remember_rejected(&unknown).await, Err(AccountsError::Missing(unknown.clone())));
    assert_eq!(store.forget_rejected(&unknown).await, Ok(()));
    assert_eq!(store.revoke(&unknown, Epoch(1)).await, Ok(()));
}

/// Every raise gives the next epoch of each instance, also of one that is named twice or has no account.
///
/// # Panics
/// When an epoch is given twice or skipped.
pub async fn accounts_03_epochs_rise_by_one_each(store: &dyn Accounts) {
    let (a, b, new) = (instance("acct-1"), instance("acct-2"), instance("new"));
    assert_eq!(store.raise_epochs(&[a.clone(), b.clone()]).await.unwrap_or_default(), [Epoch(1), Epoch(1)]);
    let raised = store.raise_epochs(&[a.clone(), new, a.clone()]).await.unwrap_or_default();
    assert_eq!(raised, [Epoch(2), Epoch(1), Epoch(3)]);
    assert_eq!(store.raise_epochs(&[b]).await.unwrap_or_default(), [Epoch(2)]);
    assert_eq!(store.raise_epochs(&[]).await, Ok(vec![]));
}

/// LOG-9, LOG-7: refused credentials stay marked until a person asks to try again.
///
/// # Panics
/// When they do not.
pub async fn accounts_04_refused_credentials_are_remembered(store: &dyn Accounts) {
    let (a, b) = (instance("acct-1"), instance("acct-2"));
    for _ in 0..2 {
        assert_eq!(store.remember_rejected(&a).await, Ok(()));
        assert_eq!(store.account(&a).await.map(|account| account.rejected), Ok(true));
        assert_eq!(store.account(&b).await.map(|account| account.rejected), Ok(false));
    }
    assert_eq!(store.forget_rejected(&a).await, Ok(()));
    assert_eq!(store.account(&a).await.map(|account| account.rejected), Ok(false));
}

/// ACC-3: revoked and deleted credentials are never given out again; repeating a step is harmless.
///
/// # Panics
/// When they are given out, or a repeated step fails.
pub async fn accounts_05_a_revoked_account_is_not_given_out(store: &dyn Accounts) {
    let (a, b) = (instance("acct-1"), instance("acct-2"));
    let gone = Err(AccountsError::Revoked(a.clone()));
    for _ in 0..2 {
        assert_eq!(store.revoke(&a, Epoch(1)).await, Ok(()));
        assert_eq!(store.account(&a).await, gone);
    }
    for _ in 0..2 {
        assert_eq!(store.delete(&a, Epoch(1)).await, Ok(()));
        assert_eq!(store.account(&a).await, gone);
    }
    assert_eq!(store.revoke(&a, Epoch(1)).await, Ok(()));
    assert_eq!(store.account(&a).await, gone);
    assert_eq!(store.remember_rejected(&a).await, Err(AccountsError::Revoked(a.clone())));
    assert_eq!(store.account(&b).await.map(|account| account.login.number()), Ok(5002));
}

/// A supervisor that lost the instance can no longer end its credentials.
///
/// # Panics
/// When it can, or when the owner cannot.
pub async fn accounts_06_a_lower_epoch_ends_no_credentials(store: &dyn Accounts) {
    let a = instance("acct-1");
    for _ in 0..2 {
        assert!(store.raise_epochs(std::slice::from_ref(&a)).await.is_ok());
    }
    assert_eq!(store.revoke(&a, Epoch(1)).await, Err(AccountsError::Fenced(Epoch(2))));
    assert_eq!(store.delete(&a, Epoch(1)).await, Err(AccountsError::Fenced(Epoch(2))));
    assert!(store.account(&a).await.is_ok());
    assert_eq!(store.revoke(&a, Epoch(2)).await, Ok(()));
    assert!(store.account(&a).await.is_err());
}

/// Two supervisors never get the same epoch of an instance.
///
/// # Panics
/// When they do.
pub async fn accounts_07_epochs_raised_at_once_are_all_different(store: &dyn Accounts) {
    let a = [instance("acct-1")];
    let (one, two, three) =
        tokio::join!(store.raise_epochs(&a), store.raise_epochs(&a), store.raise_epochs(&a));
    let mut epochs: Vec<_> = [one, two, three].into_iter().flat_map(Result::unwrap_or_default).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, [Epoch(1), Epoch(2), Epoch(3)]);
}
