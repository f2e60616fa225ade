use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fred::{
    clients::{Client, WithOptions},
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, EventInterface as _, FunctionInterface as _, Resp3Frame},
    types::{
        Builder, ClusterHash, CustomCommand, Value,
        config::{Options, Server},
    },
};
use tokio::{
    sync::{Notify, Semaphore, broadcast},
    task::AbortHandle,
};
use warden_store::HotError;

use crate::{
    ConfigError, RedisConfig,
    batch::Batch,
    fault::{self, Fault},
};

const LIBRARY: &str = include_str!("warden.lua");

/// The connection, kept up in the background, with our functions loaded before they are needed.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    keeper: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    /// The client of the present connection. One that ended or hangs is replaced by a new one.
    client: RwLock<WithOptions<Client>>,
    /// Bounds what waits. The client's own bound is not used: once full, it miscounts and no longer flushes.
    calls: Semaphore,
    loaded: AtomicBool,
    loading: tokio::sync::Mutex<()>,
    trouble: Mutex<Trouble>,
    hung: Notify,
    patience: Duration,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Calls of our functions.
    Functions,
    /// Commands of Redis alone.
    Commands,
}

/// What went wrong since the last answer.
#[derive(Debug, Default)]
struct Trouble {
    /// What the connection said last: a refused command itself only says that there is none.
    said: Option<String>,
    /// When the first call found no answer in time.
    silent_since: Option<Instant>,
}

impl Link {
    /// Starts connecting and waits for it as long as one command may take; goes on in the background after that.
    pub(crate) async fn open(config: &RedisConfig, purpose: Purpose) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut builder = Builder::from_config(config.server()?);
        builder
            .set_connection_config(config.connection())
            .set_performance_config(config.performance())
            .set_policy(config.reconnecting());
        let client = build(&builder)?;
        let timeout = Duration::from(config.command_timeout);
        let shared = Arc::new(Shared {
            client: RwLock::new(client.clone()),
            calls: Semaphore::new(config.outstanding_calls),
            loaded: AtomicBool::new(false),
            loading: tokio::sync::Mutex::default(),
            trouble: Mutex::default(),
            hung: Notify::new(),
            patience: timeout,
        });
        let connected = client.wait_for_connect();
        let keeper =
            tokio::spawn(keep(Arc::clone(&shared), builder, config.reconnect_delay.into())).abort_handle();
        let link = Self { shared, keeper };
        if matches!(tokio::time::timeout(timeout, connected).await, Ok(Ok(())))
            && purpose == Purpose::Functions
            && let Err(fault) = link.load_once().await
        {
            tracing::warn!(error = %HotError::from(fault), "the Redis functions are not loaded yet");
        }
        Ok(link)
    }

    /// Calls a function; loads the library and calls again when Redis was started empty in between.
    pub(crate) async fn call(&self, slot: ClusterHash, batch: &Batch) -> Result<Resp3Frame, Fault> {
        let _one_of_many = self.shared.calls.try_acquire().map_err(|_| fault::crowded())?;
        self.load_once().await?;
        let at_once = Duration::ZERO;
        match self.send("FCALL", slot.clone(), batch.values(), at_once).await {
            Err(Fault::NotLoaded) => {
                self.shared.loaded.store(false, Ordering::Release);
                self.load_once().await?;
                self.send("FCALL", slot, batch.values(), at_once).await
            }
            answer @ (Ok(_) | Err(Fault::NoGroup | Fault::GroupThere | Fault::Hot(_))) => answer,
        }
    }

    /// Sends one command about one key; `wait` is how long Redis itself may wait before it answers.
    pub(crate) async fn ask(
        &self,
        command: &'static str,
        slot: ClusterHash,
        words: Vec<Value>,
        wait: Duration,
    ) -> Result<Resp3Frame, Fault> {
        let _one_of_many = self.shared.calls.try_acquire().map_err(|_| fault::crowded())?;
        self.send(command, slot, words, wait).await
    }

    /// Loads the library now, whatever is there.
    pub(crate) async fn load(&self) -> Result<(), Fault> {
        let loaded = self.shared.client().function_load_cluster::<Value, _>(true, LIBRARY).await;
        self.shared.judged(loaded)?;
        self.shared.loaded.store(true, Ordering::Release);
        Ok(())
    }

    /// Sends one command, whichever node gets it.
    pub(crate) async fn command(
        &self,
        command: &'static str,
        words: &[&'static str],
    ) -> Result<Resp3Frame, Fault> {
        let words = words.iter().map(|word| Value::from_static_str(word)).collect();
        self.send(command, ClusterHash::Random, words, Duration::ZERO).await
    }

    async fn load_once(&self) -> Result<(), Fault> {
        if self.shared.loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.shared.loading.lock().await;
        if self.shared.loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        self.load().await
    }

    async fn send(
        &self,
        command: &'static str,
        slot: ClusterHash,
        words: Vec<Value>,
        wait: Duration,
    ) -> Result<Resp3Frame, Fault> {
        let command = CustomCommand::new_static(command, slot, !wait.is_zero());
        let options = options(Some(self.shared.patience + wait));
        let answer = self.shared.client().with_options(&options).custom_raw(command, words).await;
        let answer = self.shared.judged(answer)?;
        if let Resp3Frame::SimpleError { data, .. } = &answer {
            return Err(fault::refused(data));
        }
        Ok(answer)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    fn client(&self) -> WithOptions<Client> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from the outcome of a command whether the connection still works.
    fn judged<T>(&self, outcome: Result<T, Error>) -> Result<T, Fault> {
        let mut trouble = self.trouble();
        let error = match outcome {
            Ok(answer) => {
                *trouble = Trouble::default();
                return Ok(answer);
            }
            Err(error) => error,
        };
        if *error.kind() == ErrorKind::Timeout {
            let since = *trouble.silent_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.patience {
                trouble.silent_since = None;
                self.hung.notify_one();
            }
        }
        Err(fault::failed(&error, trouble.said.clone()))
    }
}

fn build(builder: &Builder) -> Result<WithOptions<Client>, ConfigError> {
    let client = builder.build().map_err(|_| ConfigError::Url)?;
    Ok(client.with_options(&options(None)))
}

/// Without a connection a command fails at once; nothing is kept to be sent later.
fn options(timeout: Option<Duration>) -> Options {
    Options { fail_fast: true, timeout, ..Options::default() }
}

/// Drives the connection for good. The client reconnects by itself; here it is replaced when it ends, or when it has
/// been silent for so long that a server or a network in between may have died without a word.
async fn keep(shared: Arc<Shared>, builder: Builder, delay: Duration) {
    loop {
        let client = shared.client();
        let listener = tokio::spawn(listen(client.error_rx(), Arc::clone(&shared)));
        let mut connection = client.connect();
        let _end_with_us = EndWithUs([listener.abort_handle(), connection.abort_handle()]);
        tokio::select! {
            _ = &mut connection => {
                tracing::warn!("the Redis client gave up; another one is started");
                tokio::time::sleep(delay).await;
            }
            () = shared.hung.notified() => {
                tracing::warn!("Redis is silent; the connection is given up and another one is made");
            }
        }
        if let Ok(client) = build(&builder) {
            *shared.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        }
    }
}

/// Ends the tasks of a connection together with the one that keeps it.
struct EndWithUs([AbortHandle; 2]);

impl Drop for EndWithUs {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn listen(mut errors: broadcast::Receiver<(Error, Option<Server>)>, shared: Arc<Shared>) {
    loop {
        match errors.recv().await {
            Ok((error, _)) => {
                let said = fault::connection(&error);
                tracing::debug!(said, "the connection to Redis failed");
                shared.trouble().said = Some(said);
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
