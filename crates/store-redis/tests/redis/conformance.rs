//! The numbered cases of the port against a real Redis, in both key styles.

use std::sync::Arc;

use warden_store::conformance::hot::{self, Fixture};
use warden_store_redis::KeyStyle;

use crate::common::{Case, Server};

async fn every_case(style: KeyStyle) {
    let server = Arc::new(Server::start(style).await);
    hot::run(|| {
        let server = Arc::clone(&server);
        Box::pin(async move {
            server.cli(&["FLUSHALL"]).await;
            Arc::new(Case(server)) as Arc<dyn Fixture>
        })
    })
    .await;
}

#[tokio::test]
async fn redis_passes_every_case() {
    every_case(KeyStyle::Single).await;
}

#[tokio::test]
async fn redis_passes_every_case_with_the_keys_of_a_cluster() {
    every_case(KeyStyle::Cluster).await;
}
