use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use warden_bridge_sim::FaultKind;
use warden_domain::Span;

/// Simulated MetaTrader 5 terminals, trade servers and faults, as gateways that dial a supervisor.
///
/// Logs go to stderr (`WARDEN_LOG` filters them); the last line of stdout is a summary.
/// Exit codes: 0 ended as asked, 1 failed, 2 wrong input (all faults are told).
#[derive(Debug, Parser)]
#[command(version, about, after_long_help = script_help())]
pub(crate) struct Args {
    /// A supervisor to dial, on loopback; several are tried in turn
    #[arg(long, default_value = "127.0.0.1:7401")]
    pub(crate) supervisor: Vec<SocketAddr>,
    /// The accounts to simulate: `[accounts.<instance-id>]` with login, server and password each
    #[arg(long, value_name = "FILE", conflicts_with = "fleet")]
    pub(crate) accounts: Option<PathBuf>,
    /// Simulate so many accounts with drawn passwords, acct-1, acct-2, … on three trade servers
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = at_least_one)]
    pub(crate) fleet: usize,
    /// Write the accounts, passwords included, to a file that only you can read, for a supervisor to use
    #[arg(long, value_name = "FILE")]
    pub(crate) write_accounts: Option<PathBuf>,
    /// Faults at their moments, `[[fault]]` with at, for, who and what each
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Faults by seed: a quarter of an hour of everything, or everything that can befall trades, for as long as it runs
    #[arg(long, value_enum, default_value_t = Mix::None)]
    pub(crate) mix: Mix,
    /// Tells everything that is drawn: passwords, latencies, faults
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Prices of EURUSD, `time,open,high,low,close,…`; a seeded walk without it
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// How many seconds of the world pass in one of the wall's, above 0
    #[arg(long, default_value_t = 1.0, value_parser = above_zero)]
    pub(crate) speed: f64,
    /// Append what really executed to a file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Share the terminals out among so many gateways
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) gateways: usize,
    /// A folder in which the gateways keep the epochs they have seen and their order inboxes; in memory without it. What a
    /// restarted simulator finds there is of a world that is gone: give each world an empty folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) epochs: Option<PathBuf>,
    /// A Unix socket that takes a fault a line, such as { who = "all", what = "freeze", for = "5s" }, or truth,
    /// audit, clear
    #[arg(long, value_name = "FILE")]
    pub(crate) control: Option<PathBuf>,
    /// End after this time of the wall's clock; without it, end on SIGTERM or SIGINT
    #[arg(long = "for", value_name = "DURATION")]
    pub(crate) lasts: Option<Span>,
    /// The last line is JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A script, as the help shows it.
const EXAMPLE: &str = r#"[[fault]]
at = "10s"                     # since the world began
for = "45s"                    # absent: once, or for ever, as fits the kind
who = "server:Broker-Live"     # or "acct-3", ["acct-1", "acct-2"], "gateway:gw1", "all", "3 of all"
what = "broker_down"

[[fault]]
at = "1m30s"
who = "acct-3"
what = "login_flaky(2)"
"#;

fn script_help() -> String {
    let kinds: Vec<&str> = FaultKind::names().collect();
    format!("A script of faults:\n\n{EXAMPLE}\nKinds of faults: {}", kinds.join(", "))
}

/// Which faults come by seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mix {
    /// None.
    None,
    /// A quarter of an hour of everything.
    Demo,
    /// What can befall trades.
    Trades,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        Ok(_) | Err(_) => Err("give a number from 1 to 1000000".to_owned()),
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        Ok(_) | Err(_) => Err("give a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use warden_bridge_sim::{FaultScript, FleetPlan};

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_shows_a_script_that_can_be_read() {
        let roster = FleetPlan::demo(3, 1).roster();
        assert_eq!(FaultScript::parse(EXAMPLE, &roster).map(|script| script.faults.len()), Ok(2));
        let help = Args::command().render_long_help().to_string();
        assert!(help.contains(EXAMPLE.lines().next().unwrap()) && help.contains("sl_tp_misfire"), "{help}");
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for bad in ["--speed=0", "--speed=-1", "--speed=inf", "--fleet=0", "--gateways=x", "--for=30"] {
            assert!(Args::try_parse_from(["warden-simulator", bad]).is_err(), "{bad}");
        }
        assert!(Args::try_parse_from(["warden-simulator", "--accounts", "a", "--fleet", "2"]).is_err());
    }
}
