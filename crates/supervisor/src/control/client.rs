use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};

use super::{
    Ask, Refusal, VERSION,
    message::{Outcome, Reply, Request},
};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks a running supervisor.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the supervisor whose control socket this is.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`] when there is none, else why it could not be reached.
    pub async fn connect(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).await.map_err(|source| {
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) {
                ClientError::NotRunning(path.to_owned())
            } else {
                ClientError::Io { path: path.to_owned(), source }
            }
        })?;
        Ok(Self { path: path.to_owned(), stream: BufReader::new(stream) })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When the supervisor refuses, ends before it answers, does not answer within 30 s, or speaks another version.
    pub async fn ask(&mut self, ask: Ask) -> Result<Value, ClientError> {
        let path = self.path.clone();
        let answered = timeout(PATIENCE, self.exchange(ask)).await;
        let answered = answered.map_err(|_| ClientError::Silent(path.clone()))?;
        let line = answered.map_err(|source| ClientError::Io { path, source })?;
        let reply: Reply = serde_json::from_str(&line).map_err(ClientError::Unreadable)?;
        match reply.result {
            Outcome::Ok(value) => Ok(value),
            Outcome::Error(refusal) => Err(ClientError::Refused(refusal)),
        }
    }

    async fn exchange(&mut self, ask: Ask) -> io::Result<String> {
        let mut line = serde_json::to_vec(&Request { v: VERSION, ask })?;
        line.push(b'\n');
        self.stream.write_all(&line).await?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }
}

/// Why a supervisor did not answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No supervisor listens there.
    #[error("no supervisor is running: nothing answers at {0}; start it with `warden-supervisor run`")]
    NotRunning(PathBuf),
    /// The socket failed.
    #[error("the supervisor at {path} cannot be asked; check that it runs and that the socket is yours")]
    Io {
        /// Which socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is there and does not answer.
    #[error(
        "the supervisor at {0} does not answer; while it starts it waits for its accounts store, its log says so"
    )]
    Silent(PathBuf),
    /// The answer is not one.
    #[error("the supervisor's answer cannot be read; use the program of the same release")]
    Unreadable(#[source] serde_json::Error),
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}
