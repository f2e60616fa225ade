use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    Ask, Refusal, RefusalKind, SocketError, VERSION,
    message::{Outcome, Reply, request},
    socket,
};

/// What a control socket takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's line. Default 64 KiB.
    pub line: u32,
    /// Connections at once. Default 16.
    pub connections: u32,
    /// How long a connection may be silent, or leave an answer unread. Default 30 s.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 64 * 1024, connections: 16, silence: Duration::from_secs(30) }
    }
}

/// A question that waits for its answer.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Value, Refusal>>,
}

/// The control socket of a running supervisor; gone when it is closed or dropped.
///
/// # Expected flow
/// Whoever owns the fleet takes [`Question`]s from the channel, one by one, and answers each, usually with a
/// [`Desk`](super::Desk).
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens; must be called within a tokio runtime. Questions wait on a bounded channel.
    ///
    /// # Errors
    /// When a supervisor answers at this path already, or the socket cannot be made.
    pub fn listen(path: &Path, limits: Limits) -> Result<(Self, mpsc::Receiver<Question>), SocketError> {
        let listener = socket::listen(path)?;
        let (questions, receiver) = mpsc::channel(limits.connections as usize);
        let task = tokio::spawn(accept(listener, limits, questions));
        Ok((Self { path: path.to_owned(), task }, receiver))
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        // A socket that stays behind is replaced by the next supervisor.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, limits: Limits, questions: mpsc::Sender<Question>) {
    let room = Arc::new(Semaphore::new(limits.connections as usize));
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(fault) => {
                tracing::warn!(%fault, "the control socket takes no connection now");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let mut line = Line { stream: BufReader::new(stream), limits };
        match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => {
                let questions = questions.clone();
                connections.spawn(async move {
                    line.serve(&questions).await;
                    drop(place);
                });
            }
            Err(_) => {
                let text = format!("{} are connected already; try again later", limits.connections);
                connections.spawn(async move {
                    line.reply(Err(Refusal::new(RefusalKind::Busy, text))).await;
                });
            }
        }
    }
}

/// One connection.
struct Line {
    stream: BufReader<UnixStream>,
    limits: Limits,
}

impl Line {
    async fn serve(&mut self, questions: &mpsc::Sender<Question>) {
        loop {
            let asked = match timeout(self.limits.silence, self.read()).await {
                Ok(Read::Line(line)) => request(&line),
                Ok(Read::TooLong) => {
                    let text = format!("is longer than {} bytes; shorten the request", self.limits.line);
                    self.reply(Err(Refusal::new(RefusalKind::TooLong, text))).await;
                    return;
                }
                Ok(Read::End) | Err(_) => return,
            };
            let answer = match asked {
                Ok(ask) => put(questions, ask).await,
                Err(refusal) => Err(refusal),
            };
            if !self.reply(answer).await {
                return;
            }
        }
    }

    async fn read(&mut self) -> Read {
        let mut line = Vec::new();
        let most = u64::from(self.limits.line) + 1;
        match (&mut self.stream).take(most).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => Read::End,
            Ok(_) if line.ends_with(b"\n") => Read::Line(line),
            Ok(read) if read as u64 == most => Read::TooLong,
            Ok(_) => Read::End,
        }
    }

    /// Whether the answer was taken.
    async fn reply(&mut self, answer: Result<Value, Refusal>) -> bool {
        let result = answer.map_or_else(Outcome::Error, Outcome::Ok);
        let reply = Reply { v: VERSION, result };
        let mut line = serde_json::to_vec(&reply).expect("plain JSON values serialise");
        line.push(b'\n');
        matches!(timeout(self.limits.silence, self.stream.write_all(&line)).await, Ok(Ok(())))
    }
}

enum Read {
    Line(Vec<u8>),
    TooLong,
    End,
}

async fn put(questions: &mpsc::Sender<Question>, ask: Ask) -> Result<Value, Refusal> {
    let ending = || Refusal::new(RefusalKind::Ending, "the supervisor is ending; try again when it runs");
    let (answer, answered) = oneshot::channel();
    questions.send(Question { ask, answer }).await.map_err(|_| ending())?;
    answered.await.unwrap_or_else(|_| Err(ending()))
}
