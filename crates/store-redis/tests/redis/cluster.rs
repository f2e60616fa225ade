//! The cluster style against a server in cluster mode.

use std::{
    num::NonZeroUsize,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use warden_domain::{Epoch, Span, TradeState};
use warden_store::{Backlog, Cas, HotState as _, SignalStream as _, Subscription, TradeWrite};
use warden_store_redis::{KeyStyle, RedisConfig, RedisHot, RedisSignals};
use warden_testkit::{free_port, locate::Tool, poll_until_async};

use crate::{
    common::{SOON, id, step},
    trades::{cluster_hash, trade},
};

/// A cluster of one node that owns every slot.
struct Node {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Node {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let program =
            Tool::RedisServer.find().expect("redis-server is installed: apt-get install redis-server");
        let child = Command::new(program)
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--cluster-enabled",
                "yes",
            ])
            .args(["--cluster-announce-ip", "127.0.0.1", "--cluster-port", &free_port().unwrap().to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port, _folder: folder }
    }

    fn cli(&self, words: &[&str]) -> Option<String> {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A cluster of one node, ready, and how to reach it.
async fn cluster() -> (Arc<Node>, RedisConfig) {
    let node = Arc::new(Node::start());
    let up =
        async || node.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).filter(|said| said.contains("OK"));
    poll_until_async(SOON, "the node to take its slots", up).await.unwrap();
    let ok = async || node.cli(&["CLUSTER", "INFO"]).filter(|said| said.contains("cluster_state:ok"));
    poll_until_async(SOON, "the cluster to be ok", ok).await.unwrap();
    let url = format!("redis-cluster://127.0.0.1:{}", node.port);
    let command_timeout = Span::from_secs(20);
    (node, RedisConfig { key_style: KeyStyle::Cluster, command_timeout, ..RedisConfig::new(url) })
}

#[tokio::test]
async fn a_cluster_takes_a_large_call_over_many_slots_in_order() {
    let (node, config) = cluster().await;
    let hot = RedisHot::connect(config).await.unwrap();
    hot.check().await.unwrap();
    let updates: Vec<_> = (0..600).map(|n| step(&format!("i{}", n % 300), 1 + n / 300)).collect();
    assert_eq!(hot.cas(&updates).await.unwrap(), vec![Cas::Applied; 600]);
    assert_eq!(hot.cas(&updates).await.unwrap(), vec![Cas::AlreadyApplied; 600]);
    let leases: Vec<_> = (0..300).map(|n| (id(&format!("i{n}")), Epoch(1 + n % 2))).collect();
    let ttl = warden_domain::Span::from_secs(60);
    assert_eq!(hot.acquire(&leases, "me", ttl).await.unwrap(), vec![true; 300]);
    let expected: Vec<_> =
        (0..300).map(|n| if n % 2 == 0 { Cas::Applied } else { Cas::Fenced { by: Epoch(2) } }).collect();
    let third: Vec<_> = (0..300).map(|n| step(&format!("i{n}"), 3)).collect();
    assert_eq!(hot.cas(&third).await.unwrap(), expected);
    assert!(hot.remove(&id("i0"), Epoch(1)).await.unwrap());
    assert_eq!(node.cli(&["GET", "instance_state:{i1}:status"]).unwrap().trim(), "FAILED");
    assert_eq!(node.cli(&["KEYS", "*{i0}*"]).unwrap().trim(), "");
}

#[tokio::test]
async fn a_cluster_shows_trades_of_many_slots_and_removes_them() {
    let (node, config) = cluster().await;
    let hot = RedisHot::connect(config).await.unwrap();
    let state = |n| if n % 2 == 0 { TradeState::Filled } else { TradeState::Failed };
    let updates: Vec<_> = (0..600).map(|n| trade(&format!("i{}", n % 300), n, 1, state(n))).collect();
    for _ in 0..2 {
        assert_eq!(hot.show_trades(&updates).await.unwrap(), vec![TradeWrite::Written; 600]);
    }
    assert_eq!(node.cli(&["HGET", &cluster_hash(&id("i1"), 301), "state"]).unwrap().trim(), "FAILED");
    assert_eq!(node.cli(&["SCARD", "order_state:{i0}:open"]).unwrap().trim(), "2");
    for n in 0..300 {
        assert!(hot.remove(&id(&format!("i{n}")), Epoch(1)).await.unwrap());
    }
    assert_eq!(node.cli(&["DBSIZE"]).unwrap().trim(), "0");
}

#[tokio::test]
async fn a_cluster_holds_the_stream_of_signals_and_its_dead_letters() {
    let (node, config) = cluster().await;
    let signals = RedisSignals::connect(&config, Subscription::new("a")).await.unwrap();
    for number in ["0", "1"] {
        node.cli(&["XADD", "trade_signals", "*", "number", number]).unwrap();
    }
    let read = signals.read(NonZeroUsize::new(2).unwrap(), Span::from_secs(5)).await.unwrap();
    assert_eq!(read.len(), 2);
    signals.bury(read[0].id, &[("reason", "unknown action".to_owned())]).await.unwrap();
    let claimed = signals.claim(NonZeroUsize::MIN, Span::ZERO).await.unwrap();
    assert_eq!((claimed.entries[0].id, claimed.entries[0].deliveries), (read[1].id, 2));
    signals.acknowledge(&[read[1].id]).await.unwrap();
    assert_eq!(signals.backlog().await.unwrap(), Backlog::default());
    assert_eq!(node.cli(&["XLEN", "trade_signals:dead"]).unwrap().trim(), "1");
}
