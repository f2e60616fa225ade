use std::path::Path;

use anyhow::{Context as _, Error};
use warden_domain::InstanceId;
use warden_store::Journal as _;
use warden_store_duckdb::{Config as JournalFiles, DuckJournal, Probe};
use warden_supervisor::{
    Clock as _, SystemClock,
    config::Config,
    control::{Ask, ClientError, Refusal, RefusalKind},
    why::{Explanation, explain},
};

use crate::{
    ask,
    say::{say, say_text},
};

/// Explains an instance: asks the running supervisor, or reads its journal when none runs.
pub(crate) async fn why(file: &Path, instance: &InstanceId, steps: u32, json: bool) -> Result<(), Error> {
    let config = Config::open(file)?;
    match ask::ask(&config, Ask::Why { instance: instance.clone(), steps }).await {
        Ok(answer) if json => say!("{}", answer["explanation"]),
        Ok(answer) => say_text!("{}", answer["text"].as_str().unwrap_or_default()),
        Err(ClientError::NotRunning(_)) => {
            let explanation = from_journal(&config, instance, steps).await?;
            if json {
                say!("{}", serde_json::to_string(&explanation)?);
            } else {
                say_text!("{explanation}\n(no supervisor is running: this is what its journal says)\n");
            }
        }
        Err(fault) => return Err(fault.into()),
    }
    Ok(())
}

async fn from_journal(config: &Config, instance: &InstanceId, steps: u32) -> Result<Explanation, Error> {
    let journal = open_journal(config).await?;
    let rows = journal.history(instance, journal.head().seq + 1, steps).await?;
    journal.close().await?;
    explain(&rows, SystemClock::new(1).now())?.ok_or_else(|| {
        let text = format!("the journal holds nothing of instance {instance}; check the name");
        ClientError::Refused(Refusal { kind: RefusalKind::UnknownInstance, text }).into()
    })
}

/// The journal of a supervisor that does not run.
pub(crate) async fn open_journal(config: &Config) -> Result<DuckJournal, Error> {
    let folder = config.supervisor.journal();
    if !folder.is_dir() {
        return Err(ClientError::NotRunning(config.supervisor.control.clone()))
            .with_context(|| format!("there is no journal in {} either", folder.display()));
    }
    let mut files = JournalFiles::new(&folder);
    files.probe = Some(Probe::this_program(["probe-journal"])?);
    Ok(tokio::task::spawn_blocking(|| DuckJournal::open(files)).await??)
}
