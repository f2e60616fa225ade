//! The cases of [`Accounts`].

use std::sync::Arc;

use warden_domain::{Epoch, FailureReason, InstanceId, Login, Timestamp, TradeServer};

use crate::{Absorbed, Account, Accounts, AccountsError, Password, Pending, Registered};

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
        accounts_08_many_are_fetched_in_the_order_asked,
        accounts_09_every_registered_instance_is_listed,
        accounts_10_a_state_of_rest_is_kept_until_it_is_replaced,
        accounts_11_acc_2_what_is_closed_stays_closed,
        accounts_12_a_lower_epoch_records_no_state_of_rest,
        accounts_13_acc_3_a_deleted_account_leaves_no_login,
        accounts_14_an_unregistered_instance_comes_to_no_rest,
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

/// LOG-1: one answer for each that was asked for, also when one is asked for twice or has no credentials any more.
///
/// # Panics
/// When an answer is missing, wrong or in another place.
pub async fn accounts_08_many_are_fetched_in_the_order_asked(store: &dyn Accounts) {
    let [(a, first), (b, second)] = some_accounts();
    let nobody = instance("nobody");
    let missing = || Err(AccountsError::Missing(nobody.clone()));
    assert_eq!(store.accounts(&[]).await, Ok(vec![]));
    assert_eq!(
        store.accounts(&[b.clone(), nobody.clone(), a.clone(), b.clone()]).await,
        Ok(vec![Ok(second.clone()), missing(), Ok(first), Ok(second.clone())])
    );
    assert_eq!(store.revoke(&a, Epoch(1)).await, Ok(()));
    assert_eq!(store.remember_rejected(&b).await, Ok(()));
    let refused = Account { rejected: true, ..second };
    assert_eq!(
        store.accounts(&[a.clone(), b, nobody.clone()]).await,
        Ok(vec![Err(AccountsError::Revoked(a)), Ok(refused), missing()])
    );
}

/// In the order of their ids, with login and server; one that only has an epoch is not registered.
///
/// # Panics
/// When one is missing, wrong or too many.
pub async fn accounts_09_every_registered_instance_is_listed(store: &dyn Accounts) {
    assert!(store.raise_epochs(&[instance("acct-0"), instance("acct-1")]).await.is_ok());
    let found = registered(store).await;
    let told: Vec<_> =
        found.iter().map(|one| (one.instance.clone(), one.login, one.server.clone())).collect();
    let expected = some_accounts().map(|(id, account)| (id, Some(account.login), account.server));
    assert_eq!(told, expected);
    assert!(found.iter().all(|one| one.absorbed.is_none()));
    assert_eq!(store.revoke(&instance("acct-1"), Epoch(1)).await, Ok(()));
    assert_eq!(registered(store).await, found, "a revoked account is still registered");
}

/// Each reason and moment comes out as it went in; the next one replaces it and a reset clears it. It concerns neither
/// other instances nor the credentials.
///
/// # Panics
/// When it does not.
pub async fn accounts_10_a_state_of_rest_is_kept_until_it_is_replaced(store: &dyn Accounts) {
    let [(a, account), (b, _)] = some_accounts();
    for (&reason, at) in FailureReason::ALL.iter().zip(0..) {
        let since = Timestamp::from_millis(1_700_000_000_123 + at);
        let state = Some(Absorbed::Stopped { reason, permanently: at % 2 == 0, since });
        for _ in 0..2 {
            assert_eq!(store.absorb(&a, Epoch(1), state).await, Ok(()));
            assert_eq!(absorbed(store, &a).await, state);
        }
    }
    assert_eq!(absorbed(store, &b).await, None);
    assert_eq!(store.account(&a).await, Ok(account));
    for _ in 0..2 {
        assert_eq!(store.absorb(&a, Epoch(1), None).await, Ok(()));
        assert_eq!(absorbed(store, &a).await, None);
    }
}

/// ACC-2: whatever comes later, the first record of the account's end stands.
///
/// # Panics
/// When something replaces it.
pub async fn accounts_11_acc_2_what_is_closed_stays_closed(store: &dyn Accounts) {
    let [(a, _), (b, _)] = some_accounts();
    let since = Timestamp::from_millis(1_700_000_000_123);
    let later = Timestamp::from_millis(1_700_000_000_124);
    let stopped = Absorbed::Stopped { reason: FailureReason::UserStopped, permanently: false, since };
    let closed = Some(Absorbed::Closed { reason: FailureReason::AccountClosed, since });
    let disabled = Some(Absorbed::Closed { reason: FailureReason::AccountDisabled, since });
    assert_eq!(store.absorb(&a, Epoch(1), Some(stopped)).await, Ok(()));
    for state in [closed, closed, disabled, Some(stopped), None] {
        assert_eq!(store.absorb(&a, Epoch(1), state).await, Ok(()));
        assert_eq!(absorbed(store, &a).await, closed);
    }
    let again = Some(Absorbed::Closed { reason: FailureReason::AccountClosed, since: later });
    assert_eq!(store.absorb(&a, Epoch(1), again).await, Ok(()));
    assert_eq!(absorbed(store, &a).await, closed);
    assert_eq!(store.absorb(&b, Epoch(1), disabled).await, Ok(()));
    assert_eq!(absorbed(store, &b).await, disabled);
}

/// A supervisor that lost the instance can no longer say that it rests, or that it does not.
///
/// # Panics
/// When it can, or when the owner cannot.
pub async fn accounts_12_a_lower_epoch_records_no_state_of_rest(store: &dyn Accounts) {
    let a = instance("acct-1");
    let since = Timestamp::from_millis(1_700_000_000_123);
    let stopped = Some(Absorbed::Stopped { reason: FailureReason::BrokerDown, permanently: true, since });
    let closed = Some(Absorbed::Closed { reason: FailureReason::AccountClosed, since });
    for _ in 0..2 {
        assert!(store.raise_epochs(std::slice::from_ref(&a)).await.is_ok());
    }
    assert_eq!(store.absorb(&a, Epoch(2), stopped).await, Ok(()));
    for state in [closed, None] {
        assert_eq!(store.absorb(&a, Epoch(1), state).await, Err(AccountsError::Fenced(Epoch(2))));
        assert_eq!(absorbed(store, &a).await, stopped);
    }
    assert_eq!(store.absorb(&a, Epoch(2), closed).await, Ok(()));
    assert_eq!(store.absorb(&a, Epoch(1), None).await, Err(AccountsError::Fenced(Epoch(2))));
    assert_eq!(absorbed(store, &a).await, closed);
}

/// ACC-3: what is left of a destroyed account is the instance with its trade server and its end.
///
/// # Panics
/// When its login is left, or more is gone.
pub async fn accounts_13_acc_3_a_deleted_account_leaves_no_login(store: &dyn Accounts) {
    let a = instance("acct-1");
    let since = Timestamp::from_millis(1_700_000_000_123);
    let closed = Some(Absorbed::Closed { reason: FailureReason::AccountClosed, since });
    assert_eq!(store.remember_rejected(&a).await, Ok(()));
    assert_eq!(store.absorb(&a, Epoch(1), closed).await, Ok(()));
    let mut expected = registered(store).await;
    expected[0].login = None;
    for _ in 0..2 {
        assert_eq!(store.delete(&a, Epoch(1)).await, Ok(()));
        assert_eq!(registered(store).await, expected);
        assert_eq!(store.account(&a).await, Err(AccountsError::Revoked(a.clone())));
    }
    assert_eq!(store.revoke(&a, Epoch(1)).await, Ok(()));
    assert_eq!(store.forget_rejected(&a).await, Ok(()));
    assert_eq!(registered(store).await, expected);
}

/// Nothing is recorded of an instance that nobody registered.
///
/// # Panics
/// When something is, or it is an error.
pub async fn accounts_14_an_unregistered_instance_comes_to_no_rest(store: &dyn Accounts) {
    let nobody = instance("nobody");
    let before = registered(store).await;
    let since = Timestamp::from_millis(1_700_000_000_123);
    let closed = Absorbed::Closed { reason: FailureReason::AccountClosed, since };
    assert_eq!(store.absorb(&nobody, Epoch(1), Some(closed)).await, Ok(()));
    assert_eq!(store.absorb(&nobody, Epoch(1), None).await, Ok(()));
    assert_eq!(store.delete(&nobody, Epoch(1)).await, Ok(()));
    assert_eq!(registered(store).await, before);
}

async fn registered(store: &dyn Accounts) -> Vec<Registered> {
    store.registered().await.expect("the store answers")
}

async fn absorbed(store: &dyn Accounts, instance: &InstanceId) -> Option<Absorbed> {
    let all = registered(store).await;
    all.into_iter().find(|one| one.instance == *instance).expect("it is registered").absorbed
}
