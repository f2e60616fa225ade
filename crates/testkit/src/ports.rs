//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// Below the range from which Linux and macOS take the ports of outgoing connections: a client that redials a dead
/// server would otherwise now and then be given the server's own port and keep it from starting again.
const PORTS: Range<u16> = 15_000..32_000;

/// A port on loopback that nothing listens on and no outgoing connection takes.
///
/// It is free when this returns; who needs certainty binds it and tries the next one when that fails.
///
/// # Errors
///
/// [`Error::Timeout`] when every port of the range is taken.
pub fn free_port() -> Result<u16> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let width = u32::from(PORTS.end - PORTS.start);
    // processes of one test run have neighbouring ids: spread them out
    let start = process::id().wrapping_mul(97);
    for _ in 0..width {
        let offset = start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % width;
        let port = PORTS.start + u16::try_from(offset).expect("the offset is below the width of a u16 range");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
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
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().unwrap())).unwrap();
        let taken = held.local_addr().unwrap().port();
        assert!((0..50).all(|_| free_port().unwrap() != taken));
    }
}
