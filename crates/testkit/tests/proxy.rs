//! The faulty network against a server that sends back what it gets.
#![cfg(test)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use warden_testkit::{Fault, FaultProxy, Side};

const SOON: Duration = Duration::from_secs(60);
const BRIEFLY: Duration = Duration::from_millis(150);

/// Echoes every connection until its client ends it.
fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn echoed(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

#[test]
fn a_healthy_network_passes_everything_both_ways() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    let mut stream = connect(&proxy);
    let long = "x".repeat(100_000);
    let mut sender = stream.try_clone().unwrap();
    let sent = long.clone();
    let writer = thread::spawn(move || sender.write_all(sent.as_bytes()));
    let mut answer = vec![0; long.len()];
    stream.read_exact(&mut answer).unwrap();
    writer.join().unwrap().unwrap();
    assert!(answer == long.as_bytes());
}

#[test]
fn a_cut_closes_open_connections_and_new_ones_until_healed() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    let mut before = connect(&proxy);
    assert_eq!(echoed(&mut before, "hello").unwrap(), "hello");
    proxy.set(Fault::Cut);
    assert!(echoed(&mut before, "lost").is_err());
    assert!(echoed(&mut connect(&proxy), "lost").is_err());
    proxy.heal();
    assert_eq!(echoed(&mut connect(&proxy), "back").unwrap(), "back");
}

#[test]
fn a_half_open_network_holds_everything_back_and_healing_lets_it_pass() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    let mut stream = connect(&proxy);
    assert_eq!(echoed(&mut stream, "hello").unwrap(), "hello");
    proxy.set(Fault::HalfOpen);
    stream.set_read_timeout(Some(BRIEFLY)).unwrap();
    let waited = echoed(&mut stream, "held").unwrap_err();
    assert!(matches!(waited.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waited}");
    proxy.heal();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"held");
}

#[test]
fn a_delay_is_added_in_both_directions() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    let mut stream = connect(&proxy);
    proxy.set(Fault::Delay(BRIEFLY));
    let started = Instant::now();
    assert_eq!(echoed(&mut stream, "slow").unwrap(), "slow");
    assert!(started.elapsed() >= 2 * BRIEFLY);
}

#[test]
fn a_truncation_passes_exactly_so_many_bytes_of_the_reply() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    let mut stream = connect(&proxy);
    proxy.set(Fault::Truncate { side: Side::ToClient, after: 3 });
    stream.write_all(b"whole").unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"who", "{ended:?}");
    assert!(echoed(&mut connect(&proxy), "more").is_err(), "the count is over all connections");
}

#[test]
fn a_truncated_request_reaches_the_server_only_in_part() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    let mut stream = connect(&proxy);
    proxy.set(Fault::Truncate { side: Side::ToServer, after: 2 });
    let mut answer = Vec::new();
    stream.write_all(b"whole").unwrap();
    let ended = stream.read_to_end(&mut answer);
    assert!(answer.len() <= 2 && b"wh".starts_with(&answer), "{answer:?} {ended:?}");
}

#[tokio::test]
async fn a_proxy_is_started_and_dropped_inside_a_runtime() {
    let proxy = FaultProxy::start(echo_server()).unwrap();
    drop(proxy);
}
