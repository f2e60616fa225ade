//! A store that does not answer, and answers again.

use std::{net::SocketAddr, time::Instant};

use sqlx::{
    Connection as _, PgConnection, SqliteConnection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use warden_domain::{Epoch, Span};
use warden_store::{Account, Accounts as _, AccountsError};
use warden_store_postgres::{AccountsConfig, SqlAccounts};
use warden_testkit::{Postgres, poll_until_async};

use crate::common::{Engine, Place, SOON, account, all_powerful, instance};

/// A store in a cluster of its own, reached by somebody who waits for it and by somebody who does not.
struct Own {
    /// The keys lie in the place of another store.
    keys: Place,
    config: AccountsConfig,
    patient: SqlAccounts,
    impatient: SqlAccounts,
}

async fn in_own_cluster(cluster: &Postgres) -> Own {
    let keys = Place::new(Engine::Sqlite);
    let database = cluster.database().unwrap();
    let config = AccountsConfig {
        connect_timeout: Span::from_secs(60),
        answer_timeout: Span::from_secs(60),
        ..all_powerful(cluster, &database)
    };
    let mut schema = warden_store_postgres::AccountsSchema::connect(&config).await.unwrap();
    let now = warden_domain::Timestamp::from_millis(1);
    warden_store::schema::up(&mut schema, now, &mut |_| ()).await.unwrap();
    let patient = SqlAccounts::open(&config, keys.kms("key", None), "sup-1").await.unwrap();
    patient.register(account("a", 1, "secret"), "operator").await.unwrap();
    let open = async || SqlAccounts::open(&impatient(&config), keys.kms("key", None), "sup-2").await.ok();
    let impatient = poll_until_async(SOON, "the store to be opened", open).await.unwrap();
    Own { keys, config, patient, impatient }
}

fn impatient(config: &AccountsConfig) -> AccountsConfig {
    let soon = Span::from_millis(500);
    AccountsConfig { connect_timeout: soon, answer_timeout: soon, ..config.clone() }
}

fn is_unreachable<T: std::fmt::Debug>(answer: Result<T, AccountsError>) {
    match answer {
        Err(AccountsError::Unreachable(what)) => assert!(!what.contains("secret"), "{what}"),
        other => panic!("{other:?}"),
    }
}

async fn works_again(store: &SqlAccounts) -> Account {
    let a = instance("a");
    poll_until_async(SOON, "the store to answer", async || store.account(&a).await.ok()).await.unwrap()
}

#[tokio::test]
async fn a_server_that_was_killed_is_unreachable_until_it_is_back() {
    let mut cluster = Postgres::start().unwrap();
    let Own { keys, config, patient, impatient: store } = in_own_cluster(&cluster).await;
    let a = [instance("a")];
    assert_eq!(patient.raise_epochs(&a).await, Ok(vec![Epoch(1)]));
    cluster.kill().unwrap();
    for _ in 0..2 {
        is_unreachable(store.account(&a[0]).await);
        is_unreachable(store.raise_epochs(&a).await);
        is_unreachable(store.delete(&a[0], Epoch(9)).await);
    }
    let opened = SqlAccounts::open(&impatient(&config), keys.kms("key", None), "sup-3").await;
    assert!(opened.unwrap_err().is_unreachable(), "it may be opened later");
    cluster.restart().unwrap();
    assert_eq!(works_again(&store).await.password.reveal(), "secret");
    assert_eq!(patient.raise_epochs(&a).await, Ok(vec![Epoch(2)]), "nothing was raised in vain");
    assert_eq!(patient.verify_audit().await.unwrap().fault, None);

    // In order, with the connections told of it.
    cluster.stop().unwrap();
    is_unreachable(store.registered().await);
    cluster.restart().unwrap();
    works_again(&store).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_unreachable_in_time() {
    let mut cluster = Postgres::start().unwrap();
    let Own { keys: _keys, patient, impatient: store, .. } = in_own_cluster(&cluster).await;
    cluster.pause().unwrap();
    let began = Instant::now();
    is_unreachable(store.account(&instance("a")).await);
    is_unreachable(store.raise_epochs(&[instance("a")]).await);
    assert!(began.elapsed() < SOON, "it does not wait for the server: {:?}", began.elapsed());
    cluster.resume().unwrap();
    works_again(&store).await;
    let raised = patient.raise_epochs(&[instance("a")]).await.unwrap();
    assert!(raised[0] <= Epoch(2), "a call that timed out may have been done, once: {raised:?}");
}

#[tokio::test]
async fn a_writer_that_waits_too_long_for_another_is_told_so() {
    let place = Place::new(Engine::Postgres);
    let store = place.open().await;
    let impatient = place.open_impatient(Span::from_millis(500)).await;
    let (cluster, _) = place.server();
    let options: PgConnectOptions = place.config.url.parse().unwrap();
    let mut other = PgConnection::connect_with(&options.password(cluster.password())).await.unwrap();
    let mut holding = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM audit_head FOR UPDATE").execute(&mut *holding).await.unwrap();
    is_unreachable(impatient.raise_epochs(&[instance("a")]).await);
    assert_eq!(store.registered().await, Ok(vec![]), "who only reads does not wait");
    holding.rollback().await.unwrap();
    assert_eq!(store.raise_epochs(&[instance("a")]).await, Ok(vec![Epoch(1)]));
}

/// A way to a server that vanishes from under the connections that are there, without a word; new ones pass.
async fn vanishing(server: SocketAddr) -> (SocketAddr, watch::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (vanish, vanished)) = (listener.local_addr().unwrap(), watch::channel(()));
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let mut vanished = vanished.clone();
            vanished.mark_unchanged();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(server).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                    Ok(()) = vanished.changed() => std::future::pending().await,
                }
            });
        }
    });
    (address, vanish)
}

/// A primary that lost its power sends no reset: what waits for it must not hold the pool until TCP gives up.
#[tokio::test]
async fn connections_that_were_cut_off_within_a_statement_make_room_for_new_ones() {
    let cluster = Postgres::start().unwrap();
    let Own { keys, config, .. } = in_own_cluster(&cluster).await;
    let (address, vanish) = vanishing(cluster.address()).await;
    let url = config.url.replace(&format!(":{}/", cluster.port()), &format!(":{}/", address.port()));
    let answer_timeout = Span::from_secs(5);
    let behind = AccountsConfig { url, connections: 2, answer_timeout, ..config.clone() };
    let store = SqlAccounts::open(&behind, keys.kms("key", None), "sup-1").await.unwrap();
    let options: PgConnectOptions = config.url.parse().unwrap();
    let mut other = PgConnection::connect_with(&options.password(cluster.password())).await.unwrap();
    let mut holding = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM audit_head FOR UPDATE").execute(&mut *holding).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let both_wait = poll_until_async(SOON, "both to wait for the lock", async || {
        let seen: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *holding).await.ok()?;
        (seen == 2).then(|| vanish.send_replace(()))
    });
    let a = [instance("a")];
    let (first, second, vanished) = tokio::join!(store.raise_epochs(&a), store.raise_epochs(&a), both_wait);
    vanished.unwrap();
    is_unreachable(first);
    is_unreachable(second);
    holding.rollback().await.unwrap();
    works_again(&store).await;
}

#[tokio::test]
async fn a_file_that_another_process_writes_is_waited_for_but_not_for_ever() {
    let place = Place::new(Engine::Sqlite);
    let store = place.open().await;
    let impatient = place.open_impatient(Span::from_millis(500)).await;
    let options = SqliteConnectOptions::new().filename(place.file());
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let writing = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    is_unreachable(impatient.raise_epochs(&[instance("a")]).await);
    assert_eq!(store.registered().await, Ok(vec![]), "who only reads does not wait");
    writing.rollback().await.unwrap();
    assert_eq!(store.raise_epochs(&[instance("a")]).await, Ok(vec![Epoch(1)]));
}
