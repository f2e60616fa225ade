//! A Unix socket through which tests begin faults at a moment of their choice.

use std::{collections::BTreeMap, fs, io, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use warden_bridge_sim::{FaultScript, Gateways};

/// Listens at a path, which only its owner can reach.
pub(crate) fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    let bound = UnixListener::bind(path).or_else(|fault| {
        // A socket that nobody listens at was left behind by a run that was killed.
        let left_behind = fault.kind() == io::ErrorKind::AddrInUse
            && std::os::unix::net::UnixStream::connect(path).is_err();
        if !left_behind {
            return Err(fault);
        }
        fs::remove_file(path)?;
        UnixListener::bind(path)
    });
    let listener = bound.with_context(|| format!("cannot listen at {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect {}", path.display()))?;
    Ok(listener)
}

/// Serves whoever connects, until it is dropped.
pub(crate) async fn serve(listener: UnixListener, gateways: Arc<Gateways>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&gateways)));
            }
            Err(fault) => tracing::warn!(%fault, "a control connection was lost"),
        }
    }
}

async fn converse(stream: UnixStream, gateways: Arc<Gateways>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = answer(line.trim(), &gateways) + "\n";
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One line in, one line out: `truth` or `audit` as JSON, `clear`, or a fault; `ok`, or `error:` and everything that is wrong.
fn answer(line: &str, gateways: &Gateways) -> String {
    match line {
        "truth" => gateways.with_world(|world, _| {
            let truth: BTreeMap<String, _> =
                world.instances().map(|id| (id.to_string(), world.truth(id))).collect();
            serde_json::to_string(&truth).unwrap_or_else(|fault| format!("error: {fault}"))
        }),
        "audit" => gateways.with_world(|world, _| {
            serde_json::to_string(&world.audit()).unwrap_or_else(|fault| format!("error: {fault}"))
        }),
        "clear" => {
            gateways.with_world(|world, now| world.clear_faults(now));
            "ok".to_owned()
        }
        fault => gateways.with_world(|world, now| match FaultScript::parse_line(fault, world.roster()) {
            Ok(script) => {
                world.fault_now(script.faults, now);
                "ok".to_owned()
            }
            Err(wrong) => {
                let wrong: Vec<String> =
                    wrong.iter().map(|fault| format!("{}: {}", fault.key, fault.what)).collect();
                format!("error: {}", wrong.join("; "))
            }
        }),
    }
}
