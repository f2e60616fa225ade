//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Below the range from which Linux and macOS take the ports of outgoing connections: a client that redials a dead
/// server would otherwise now and then be given the server's own port and keep it from starting again.
const PORTS: Range<u16> = 15_000..32_000;

/// A port on loopback that nothing listens on, no outgoing connection takes, and no other test is given as long as this
/// process lives: not while its server starts, and not while it was killed and is to be started again.
///
/// # Errors
///
/// [`Error::Timeout`] when every port of the range is taken.
pub fn free_port() -> Result<u16> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // the UDP port of the same number says to every process that this one was handed out
    static MARKS: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    let width = u32::from(PORTS.end - PORTS.start);
    // processes of one test run have neighbouring ids: spread them out
    let start = process::id().wrapping_mul(97);
    for _ in 0..width {
        let offset = start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % width;
        let port = PORTS.start + u16::try_from(offset).expect("the offset is below the width of a u16 range");
        let Ok(mark) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            MARKS.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
            return Ok(port);
        }
    }
    Err(Error::Timeout { what: "a free loopback port".to_owned(), within: std::time::Duration::ZERO })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_handed_out_once_and_never_from_the_outgoing_range() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        let different: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(different.len(), ports.len());
        assert!(ports.iter().all(|port| PORTS.contains(port)));
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let next = free_port().unwrap() + 1;
        // or whoever has it already
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, next));
        assert!((0..50).all(|_| free_port().unwrap() != next));
    }

    #[test]
    fn a_port_that_was_handed_out_is_marked_for_other_processes() {
        let port = free_port().unwrap();
        assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_err());
    }
}
