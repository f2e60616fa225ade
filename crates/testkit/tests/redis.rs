//! The Redis handle against the real server.
#![cfg(test)]

use std::time::Duration;

use warden_testkit::{Error, Persistence, Redis, Reply, poll_until};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn two_servers_live_side_by_side() {
    let (one, two) = (Redis::start().unwrap(), Redis::start().unwrap());
    one.cli(&["SET", "who", "one"]).unwrap();
    assert_eq!(two.command(&["GET", "who"]).unwrap(), Reply::Bulk(None));
    assert_ne!(one.url(), two.url());
}

#[test]
fn a_refusal_is_an_error_with_the_servers_words() {
    let redis = Redis::start().unwrap();
    redis.cli(&["SET", "list", "text"]).unwrap();
    match redis.cli(&["LPUSH", "list", "item"]) {
        Err(Error::Refused(words)) => assert!(words.starts_with("WRONGTYPE"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_killed_server_is_gone_and_comes_back_on_its_port() {
    let mut redis = Redis::start().unwrap();
    let (port, first) = (redis.port(), redis.pid());
    redis.kill().unwrap();
    assert_eq!(redis.pid(), None);
    assert!(matches!(redis.cli(&["PING"]), Err(Error::Io { .. })));
    assert!(matches!(redis.kill(), Err(Error::NotRunning(_))));
    redis.restart().unwrap();
    assert_eq!(redis.port(), port);
    assert_ne!(redis.pid(), first);
}

#[test]
fn the_append_only_file_outlives_a_kill_and_an_empty_restart_forgets_it() {
    let mut redis = Redis::start_with(Persistence::AppendOnly).unwrap();
    redis.cli(&["SET", "kept", "yes"]).unwrap();
    redis.kill().unwrap();
    redis.restart().unwrap();
    assert_eq!(redis.cli(&["GET", "kept"]).unwrap(), "yes");
    redis.restart_empty().unwrap();
    assert_eq!(redis.cli(&["DBSIZE"]).unwrap(), "0");
}

#[test]
fn a_paused_server_answers_only_after_it_is_resumed() {
    let mut redis = Redis::start().unwrap();
    redis.pause().unwrap();
    let address = redis.address();
    let asked = std::thread::spawn(move || ping(address));
    let early = poll_until(Duration::from_millis(200), "an answer", || asked.is_finished().then_some(()));
    assert!(matches!(early, Err(Error::Timeout { .. })), "a stopped process answered");
    redis.resume().unwrap();
    poll_until(SOON, "the answer", || asked.is_finished().then_some(())).unwrap();
    assert_eq!(asked.join().unwrap(), "+PONG\r\n");
}

/// Asks without a time limit, so that only the server decides when the answer comes.
fn ping(address: std::net::SocketAddr) -> String {
    use std::io::{BufRead, BufReader, Write};
    let stream = std::net::TcpStream::connect(address).unwrap();
    (&stream).write_all(b"PING\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_server_ends_with_its_handle_even_in_a_panic() {
    let (pid, address) = std::thread::spawn(|| {
        let redis = Redis::start().unwrap();
        std::panic::resume_unwind(Box::new((redis.pid(), redis.address())));
    })
    .join()
    .map(|(): ()| unreachable!("the thread always panics"))
    .unwrap_err()
    .downcast::<(Option<u32>, std::net::SocketAddr)>()
    .map(|both| *both)
    .unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.unwrap())).exists());
}
