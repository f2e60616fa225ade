use std::path::{Path, PathBuf};

use toml::de::DeTable;
use warden_domain::Span;

use super::reader::{ANY_SPAN, Reader, Section};
use crate::Options;

/// `[supervisor]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorConfig {
    /// `data_folder`: holds journal, epochs and control socket.
    pub data_folder: PathBuf,
    /// `control`: the control socket.
    pub control: PathBuf,
    /// `log`: what is logged, in the form of a filter.
    pub log: String,
    /// `name`, `shards`, `batch`, `queue`, `lease_ttl`, `lease_renew`: how the fleet is driven.
    pub options: Options,
}

/// A socket's path has 108 bytes in the kernel; some are left for the name it is made under.
const LONGEST_SOCKET_PATH: usize = 80;

pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Option<SupervisorConfig> {
    let mut section = reader.section("supervisor", document);
    let options = options(&mut section);
    let log = section.parsed("log", log_filter).unwrap_or_else(|| "info".to_owned());
    let data_folder = section.path("data_folder");
    let control = section.path("control").or_else(|| Some(data_folder.as_ref()?.join("control.sock")));
    if section.value("data_folder").is_none() {
        section.reader.missing("supervisor.data_folder", "name the folder for journal and control socket");
    }
    let (data_folder, control) = (data_folder?, control?);
    if control.as_os_str().len() > LONGEST_SOCKET_PATH {
        let what =
            format!("is longer than {LONGEST_SOCKET_PATH} bytes, too long for a socket; give a shorter path");
        section.fault_at("control", what);
    }
    Some(SupervisorConfig { data_folder, control, log, options })
}

fn options(section: &mut Section<'_, '_, '_>) -> Options {
    let default = Options::default();
    let count = |read: Option<u32>, default: usize| read.map_or(default, |read| read as usize);
    let options = Options {
        owner: section.parsed("name", name).unwrap_or_else(|| default.owner.clone()),
        shards: count(section.number("shards", &(1..=64)), default.shards),
        batch: count(section.number("batch", &(1..=65_536)), default.batch),
        queue: count(section.number("queue", &(16..=1_048_576)), default.queue),
        lease_ttl: section.span("lease_ttl", &ANY_SPAN).unwrap_or(default.lease_ttl),
        lease_renew: section.span("lease_renew", &ANY_SPAN).unwrap_or(default.lease_renew),
        // `[trading]` says these.
        installation: default.installation,
        distribution: default.distribution,
    };
    if options.lease_ttl < options.lease_renew.times(2) {
        let key = if section.place("lease_ttl").is_some() { "lease_ttl" } else { "lease_renew" };
        let what = format!(
            "leaves no second try: lease_ttl {} is less than twice lease_renew {}; lengthen lease_ttl or shorten lease_renew",
            options.lease_ttl, options.lease_renew
        );
        section.fault_at(key, what);
    }
    options
}

fn name(text: &str) -> Result<String, String> {
    // The form of an instance id: it stands in the same keys.
    match warden_domain::InstanceId::new(text) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(fault) => Err(fault.to_string().replacen("instance id ", "", 1)),
    }
}

/// A filter of levels, such as `info` or `info,warden_bridge=debug`.
fn log_filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',').map(str::trim) {
        let (target, level) =
            part.split_once('=').map_or(("", part), |(target, level)| (target.trim(), level.trim()));
        let named = target.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        if !named || !LEVELS.contains(&level) {
            return Err(format!(
                "{part:?} is no level or target=level; the levels are {}",
                LEVELS.join(", ")
            ));
        }
    }
    Ok(text.to_owned())
}

/// Says when the data folder cannot be one.
pub(super) fn folder_fault(folder: &Path) -> Option<String> {
    match std::fs::metadata(folder) {
        Ok(about) if about.is_dir() => None,
        Ok(_) => Some(format!("{} is not a folder; name another or move it away", folder.display())),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => None,
        Err(fault) => {
            Some(format!("{} cannot be looked at: {fault}; check its permissions", folder.display()))
        }
    }
}

impl SupervisorConfig {
    /// The file that keeps the owner epochs.
    #[must_use]
    pub fn epochs(&self) -> PathBuf {
        self.data_folder.join("epochs")
    }

    /// The file of the history, where there is no ClickHouse.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.data_folder.join("history.duckdb")
    }

    /// The folder of the journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.data_folder.join("journal")
    }

    /// How long a graceful end may take before it is given up: as long as a lease lives.
    #[must_use]
    pub fn drain_within(&self) -> Span {
        self.options.lease_ttl
    }
}
