//! As much of HTTP as one question needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Doing, Error, Result};

/// Posts `body` over a connection of its own, and gives status and body of the answer.
pub(super) fn post(
    to: SocketAddr,
    within: Duration,
    path: &str,
    [user, password]: [&str; 2],
    body: &str,
) -> Result<(u16, String)> {
    let doing = || format!("ask clickhouse at {to}");
    let mut stream = TcpStream::connect_timeout(&to, within).doing(doing())?;
    stream.set_read_timeout(Some(within)).doing(doing())?;
    let size = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nX-ClickHouse-User: {user}\r\n\
         X-ClickHouse-Key: {password}\r\nContent-Length: {size}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).doing(doing())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).doing(doing())?;
    read(&String::from_utf8_lossy(&answer))
}

fn read(answer: &str) -> Result<(u16, String)> {
    let unreadable = || Error::Unreadable(answer.chars().take(200).collect());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(unreadable)?;
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(unreadable)?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_status_and_body() {
        let answer = read("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap();
        assert_eq!(answer, (404, "no".to_owned()));
        for cut in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1\r\n\r\n"] {
            assert!(matches!(read(cut), Err(Error::Unreadable(_))), "{cut:?}");
        }
    }
}
