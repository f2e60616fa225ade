use std::path::{Path, PathBuf};

use toml::de::DeTable;
use warden_domain::{Desired, InstanceId};
use warden_store::{
    Accounts as _,
    memory::{MemoryAccounts, MemoryAccountsError},
};

use super::{Fault, InstanceConfig, reader::Reader};
use crate::InstanceSpec;

/// `[accounts] file`
pub(super) fn file(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Option<PathBuf> {
    let mut section = reader.section("accounts", document);
    if section.value("file").is_none() {
        section.reader.missing("accounts.file", "name the file with the accounts and their passwords");
    }
    section.path("file")
}

/// Reads the accounts file; what is wrong with it goes to the faults.
pub(super) fn read(path: &Path, faults: &mut Vec<Fault>) -> Option<MemoryAccounts> {
    let fault = match MemoryAccounts::from_file(path) {
        Ok(accounts) => return Some(accounts),
        Err(fault) => fault,
    };
    let whole = |what: String| Fault { file: path.to_owned(), line: None, key: String::new(), what };
    match fault {
        MemoryAccountsError::Faulty { faults: of_file, .. } => {
            faults.extend(of_file.into_iter().map(|fault| Fault {
                file: path.to_owned(),
                line: Some(fault.line),
                key: fault.key,
                what: fault.what,
            }));
        }
        MemoryAccountsError::Unreadable { source, .. } => {
            faults.push(whole(format!(
                "cannot be read: {source}; check accounts.file and the file's permissions"
            )));
        }
        MemoryAccountsError::Exposed { mode, .. } => {
            let what = format!("can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display());
            faults.push(whole(what));
        }
        fault @ (MemoryAccountsError::Damaged { .. } | MemoryAccountsError::Randomness(_)) => {
            faults.push(whole(fault.to_string()));
        }
    }
    None
}

/// The instances with their accounts; one without an account is a fault.
pub(super) async fn specs(
    file: &Path,
    instances: &[(InstanceConfig, usize)],
    accounts: &MemoryAccounts,
    faults: &mut Vec<Fault>,
) -> Vec<InstanceSpec> {
    let mut wanted: Vec<(InstanceId, Desired, Option<usize>)> =
        instances.iter().map(|(it, line)| (it.id.clone(), it.desired, Some(*line))).collect();
    if wanted.is_empty() {
        wanted.extend(accounts.instances().into_iter().map(|id| (id, Desired::Running, None)));
        wanted.sort();
    }
    if wanted.is_empty() {
        let what = "there is no instance; add an account to the accounts file".to_owned();
        faults.push(Fault { file: file.to_owned(), line: None, key: "instance".to_owned(), what });
    }
    let mut specs = Vec::with_capacity(wanted.len());
    for (id, desired, line) in wanted {
        match accounts.account(&id).await {
            Ok(account) => {
                specs.push(InstanceSpec { id, login: account.login, server: account.server, desired });
            }
            Err(fault) => {
                faults.push(Fault {
                    file: file.to_owned(),
                    line,
                    key: "instance.id".to_owned(),
                    what: fault.to_string(),
                });
            }
        }
    }
    specs
}
