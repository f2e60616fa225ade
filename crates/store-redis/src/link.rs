use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use fred::{
    clients::{Client, WithOptions},
    interfaces::{ClientLike as _, EventInterface as _, FunctionInterface as _, Resp3Frame},
    types::{Builder, ClusterHash, CustomCommand, Value, config::Options},
};
use tokio::task::AbortHandle;
use warden_store::HotError;

use crate::{
    ConfigError, RedisConfig,
    batch::Batch,
    fault::{self, Fault},
};

const LIBRARY: &str = include_str!("warden.lua");

/// The connection, with our functions loaded before they are needed.
#[derive(Debug)]
pub(crate) struct Link {
    client: WithOptions<Client>,
    loaded: AtomicBool,
    loading: tokio::sync::Mutex<()>,
    said: Arc<Mutex<Option<String>>>,
    tasks: [AbortHandle; 2],
}

impl Link {
    /// Starts connecting and waits for it as long as one command may take; goes on in the background after that.
    pub(crate) async fn open(config: &RedisConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let client = Builder::from_config(config.server()?)
            .set_connection_config(config.connection())
            .set_performance_config(config.performance())
            .set_policy(config.reconnecting())
            .build()
            .map_err(|_| ConfigError::Url)?;
        let said = Arc::new(Mutex::new(None));
        let listener = tokio::spawn(listen(client.error_rx(), Arc::clone(&said))).abort_handle();
        let connection = client.connect().abort_handle();
        let link = Self {
            // Without a connection a command fails at once; nothing is kept to be sent later.
            client: client.with_options(&Options { fail_fast: true, ..Options::default() }),
            loaded: AtomicBool::new(false),
            loading: tokio::sync::Mutex::new(()),
            said,
            tasks: [listener, connection],
        };
        let connected = tokio::time::timeout(config.command_timeout.into(), client.wait_for_connect()).await;
        if matches!(connected, Ok(Ok(())))
            && let Err(fault) = link.load_once().await
        {
            tracing::warn!(error = %HotError::from(fault), "the Redis functions are not loaded yet");
        }
        Ok(link)
    }

    /// Calls a function; loads the library and calls again when Redis was started empty in between.
    pub(crate) async fn call(&self, slot: ClusterHash, batch: &Batch) -> Result<Resp3Frame, Fault> {
        self.load_once().await?;
        match self.send("FCALL", slot.clone(), batch.values()).await {
            Err(Fault::NotLoaded) => {
                self.loaded.store(false, Ordering::Release);
                self.load_once().await?;
                self.send("FCALL", slot, batch.values()).await
            }
            answer @ (Ok(_) | Err(Fault::Hot(_))) => answer,
        }
    }

    /// Loads the library now, whatever is there.
    pub(crate) async fn load(&self) -> Result<(), Fault> {
        let loaded = self.client.function_load_cluster::<Value, _>(true, LIBRARY).await;
        loaded.map_err(|error| self.failed(&error))?;
        self.loaded.store(true, Ordering::Release);
        Ok(())
    }

    /// Sends one command, whichever node gets it, and answers with its words.
    pub(crate) async fn command(
        &self,
        command: &'static str,
        words: &[&'static str],
    ) -> Result<Resp3Frame, Fault> {
        let words = words.iter().map(|word| Value::from_static_str(word)).collect();
        self.send(command, ClusterHash::Random, words).await
    }

    async fn load_once(&self) -> Result<(), Fault> {
        if self.loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        self.load().await
    }

    async fn send(
        &self,
        command: &'static str,
        slot: ClusterHash,
        words: Vec<Value>,
    ) -> Result<Resp3Frame, Fault> {
        let command = CustomCommand::new_static(command, slot, false);
        let answer = self.client.custom_raw(command, words).await.map_err(|error| self.failed(&error))?;
        if let Resp3Frame::SimpleError { data, .. } = &answer {
            return Err(fault::refused(data));
        }
        Ok(answer)
    }

    fn failed(&self, error: &fred::error::Error) -> Fault {
        fault::failed(error, self.said.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Keeps what the connection said last: a refused command itself only says that there is none.
async fn listen(
    mut errors: tokio::sync::broadcast::Receiver<(fred::error::Error, Option<fred::types::config::Server>)>,
    said: Arc<Mutex<Option<String>>>,
) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match errors.recv().await {
            Ok((error, _)) => {
                let text = fault::connection(&error);
                tracing::debug!(error = text, "the connection to Redis failed");
                *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
