//! As much of the Redis protocol as a test needs to look at a server from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Doing, Error, Result};

/// An answer of Redis (protocol version 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status such as `OK`.
    Simple(String),
    /// A refusal; its first word is its kind.
    Error(String),
    /// A number.
    Integer(i64),
    /// A string, or nothing. Bytes that are not UTF-8 are replaced.
    Bulk(Option<String>),
    /// Several answers, or nothing.
    Array(Option<Vec<Reply>>),
}

impl Reply {
    /// As `redis-cli --raw` prints it: nothing is empty, each element of an array stands on a line of its own.
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Bulk(text) => text.clone().unwrap_or_default(),
            Self::Array(items) => items.iter().flatten().map(Self::text).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// Connects, sends one command, reads one answer.
pub(crate) fn ask(address: SocketAddr, within: Duration, words: &[&str]) -> Result<Reply> {
    let stream = TcpStream::connect_timeout(&address, within).doing("connect to redis")?;
    stream.set_read_timeout(Some(within)).doing("limit the wait for redis")?;
    stream.set_write_timeout(Some(within)).doing("limit the wait for redis")?;
    (&stream).write_all(&encoded(words)).doing("send a command to redis")?;
    read(&mut BufReader::new(&stream))
}

fn encoded(words: &[&str]) -> Vec<u8> {
    let mut frame = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        frame.extend(format!("${}\r\n", word.len()).bytes());
        frame.extend(word.bytes());
        frame.extend(b"\r\n");
    }
    frame
}

fn read(from: &mut impl BufRead) -> Result<Reply> {
    let mut line = String::new();
    from.read_line(&mut line).doing("read the answer of redis")?;
    let line = line.strip_suffix("\r\n").ok_or_else(|| Error::Unreadable(line.clone()))?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| Error::Unreadable(line.to_owned()))?;
    match kind {
        "+" => Ok(Reply::Simple(rest.to_owned())),
        "-" => Ok(Reply::Error(rest.to_owned())),
        ":" => Ok(Reply::Integer(number(rest)?)),
        "$" => Ok(Reply::Bulk(match usize::try_from(number(rest)?) {
            Ok(length) => Some(read_text(from, length)?),
            Err(_) => None,
        })),
        "*" => Ok(Reply::Array(match usize::try_from(number(rest)?) {
            Ok(length) => Some((0..length).map(|_| read(from)).collect::<Result<_>>()?),
            Err(_) => None,
        })),
        _ => Err(Error::Unreadable(line.to_owned())),
    }
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::Unreadable(text.to_owned()))
}

fn read_text(from: &mut impl Read, length: usize) -> Result<String> {
    let mut text = vec![0; length + 2];
    from.read_exact(&mut text).doing("read the answer of redis")?;
    Ok(String::from_utf8_lossy(&text[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(mut bytes: &[u8]) -> Result<Reply> {
        read(&mut bytes)
    }

    #[test]
    fn every_kind_of_answer_is_read() {
        let bytes = b"*5\r\n+OK\r\n-ERR no\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n";
        let items = vec![
            Reply::Simple("OK".into()),
            Reply::Error("ERR no".into()),
            Reply::Integer(-7),
            Reply::Bulk(Some("a\r\nb".into())),
            Reply::Bulk(None),
        ];
        assert_eq!(parsed(bytes).unwrap(), Reply::Array(Some(items)));
        assert_eq!(parsed(b"*-1\r\n").unwrap(), Reply::Array(None));
    }

    #[test]
    fn garbage_is_refused() {
        for bytes in [&b"?what\r\n"[..], b"\r\n", b":seven\r\n", b"+cut off"] {
            assert!(matches!(parsed(bytes), Err(Error::Unreadable(_))), "{bytes:?}");
        }
    }

    #[test]
    fn words_are_sent_with_their_length_in_bytes() {
        assert_eq!(encoded(&["SET", "é"]), "*2\r\n$3\r\nSET\r\n$2\r\né\r\n".as_bytes());
    }
}
