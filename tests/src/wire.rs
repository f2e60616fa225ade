//! Bytes that no gateway would send: HTTP/2 and gRPC by hand.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::must;

/// What every HTTP/2 client says first, with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection on which anything may be said.
#[derive(Debug)]
pub struct Rude(TcpStream);

impl Rude {
    /// Connects.
    #[must_use]
    pub fn dial(address: SocketAddr) -> Self {
        let stream = must(TcpStream::connect(address), "dial the supervisor");
        must(stream.set_read_timeout(Some(Duration::from_secs(60))), "limit a read");
        must(stream.set_write_timeout(Some(Duration::from_secs(60))), "limit a write");
        Self(stream)
    }

    /// Connects and begins a session as a gateway would.
    #[must_use]
    pub fn session(address: SocketAddr) -> Self {
        let mut rude = Self::dial(address);
        rude.say(PREFACE);
        rude.say(&frame(HEADERS, END_HEADERS, &headers()));
        rude
    }

    /// Says these bytes; the other side may have hung up already.
    pub fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Says one message, its length as given, whatever the bytes are.
    pub fn message(&mut self, length: u32, bytes: &[u8]) {
        let mut message = vec![0];
        message.extend(length.to_be_bytes());
        message.extend(bytes);
        for part in message.chunks(16_384) {
            self.say(&frame(DATA, 0, part));
        }
    }

    /// Reads until the other side ends the session or hangs up; answers how many bytes of it came.
    #[must_use]
    pub fn listen(mut self) -> usize {
        let mut heard = 0;
        let mut head = [0; 9];
        while self.0.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if self.0.read_exact(&mut vec![0; length]).is_err() {
                break;
            }
            heard += head.len() + length;
            let ended = matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0;
            if ended || matches!(head[3], RESET | GO_AWAY) {
                break;
            }
        }
        heard
    }
}

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, 1]);
    frame.extend(payload);
    frame
}

/// `POST /mt5_warden.v1.Gateway/Session` as literals of HPACK, nothing compressed.
fn headers() -> Vec<u8> {
    let mut block = vec![0x83, 0x86]; // :method POST, :scheme http
    literal(&mut block, &[0x04], "/mt5_warden.v1.Gateway/Session"); // :path
    literal(&mut block, &[0x01], "warden"); // :authority
    literal(&mut block, &[0x0F, 0x10], "application/grpc"); // content-type
    block.extend([0x00, 2]);
    literal(&mut block, b"te", "trailers");
    block
}

fn literal(block: &mut Vec<u8>, name: &[u8], value: &str) {
    block.extend(name);
    block.push(u8::try_from(value.len()).unwrap_or(0x7E));
    block.extend(value.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_nine_bytes_in_front() {
        assert_eq!(frame(DATA, 0, b"ab"), [0, 0, 2, 0, 0, 0, 0, 0, 1, b'a', b'b']);
    }
}
