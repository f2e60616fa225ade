use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use warden_domain::{ClientTradeId, InstanceId, Login, Span, StopMode, TradeServer};
use warden_supervisor::control::Said;

use crate::exit_codes;

/// Supervises a fleet of MetaTrader 5 terminals: logs them in, watches them, recovers them.
#[derive(Debug, Parser)]
#[command(name = "warden-supervisor", version, arg_required_else_help = true, after_help = exit_codes::HELP)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Run a supervisor until it is told to end (SIGTERM or Ctrl-C; a second one ends it at once)
    Run {
        #[command(flatten)]
        config: ConfigArg,
        /// How log lines are written
        #[arg(long, value_enum, default_value_t = LogFormat::Text)]
        log_format: LogFormat,
    },
    /// Read a configuration and its accounts file, and say everything that is wrong
    CheckConfig {
        /// The configuration file
        #[arg(value_name = "FILE")]
        config: PathBuf,
    },
    /// Explain an instance: evidence, rule, action, what is next and when
    Why {
        /// Which instance
        #[arg(value_parser = instance)]
        instance: InstanceId,
        #[command(flatten)]
        config: ConfigArg,
        /// Explain one of its trades instead, by its tag
        #[arg(long, value_name = "TAG")]
        trade: Option<u64>,
        /// How many of its last steps
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        steps: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a running supervisor and its instances, or one of them
    Status {
        /// Only this instance
        #[arg(value_parser = instance)]
        instance: Option<InstanceId>,
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Start an instance (LOG-1)
    Start(Target),
    /// Stop an instance (ACC-7)
    Stop {
        #[command(flatten)]
        target: Target,
        /// What becomes of open trades; as the configuration says when absent
        #[arg(long, value_enum)]
        mode: Option<Mode>,
    },
    /// Forget an instance's failures and connect again (LOG-7)
    Reset(Target),
    /// Say that the account of an instance is closed: its credentials are destroyed (ACC-3)
    ConfirmClosure(Target),
    /// Give a signal to its accounts and show what became of it
    Signal {
        /// A file with the signal as JSON; `-` for standard input
        #[arg(value_name = "FILE")]
        signal: PathBuf,
        #[command(flatten)]
        config: ConfigArg,
        /// Do not wait until nothing more will be learnt
        #[arg(long)]
        no_wait: bool,
        /// How long to wait at most
        #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = lasting)]
        within: Span,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what became of a signal of the last 24 hours
    Report {
        /// Its key
        #[arg(value_parser = signal_key)]
        key: ClientTradeId,
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the trades that have not ended
    Trades {
        /// Only those of this instance
        #[arg(value_parser = instance)]
        instance: Option<InstanceId>,
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let no order leave any more until a person resumes: durable, and it survives restarts (TRD-7)
    Halt(Whom),
    /// Let halted trading go on (TRD-7)
    Resume(Whom),
    /// Say whether what looks like a trade at the broker is ours
    Decide {
        /// Whose trade
        #[arg(value_parser = instance)]
        instance: InstanceId,
        /// Its tag, as `trades` shows it
        tag: u64,
        /// What it is
        #[arg(value_enum)]
        decision: Word,
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Look after the stored accounts and the key that encrypts them
    Accounts {
        /// What to do
        #[command(subcommand)]
        task: AccountsTask,
    },
    /// End a running supervisor in order
    Drain {
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Watch a simulated fleet fail and recover; needs nothing else
    Demo(Demo),
    /// Try a journal file out in this process, which may be aborted by it
    #[command(hide = true)]
    ProbeJournal {
        /// The file
        file: PathBuf,
    },
}

/// What is done with the stored accounts. Passwords are read from standard input, one line each.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountsTask {
    /// Make a new key file with mode 0400; an existing file is never touched
    NewKey {
        /// The file to make
        file: PathBuf,
    },
    /// Add an account; its password is read from standard input
    Add {
        /// Which instance it is for
        #[arg(value_parser = instance)]
        instance: InstanceId,
        /// The account number
        #[arg(long, value_parser = login)]
        login: Login,
        /// The trade server, such as `Broker-Live3`
        #[arg(long, value_parser = server)]
        server: TradeServer,
        /// Store it without starting it
        #[arg(long)]
        stopped: bool,
        /// The gateway that serves it, for people
        #[arg(long, default_value = "", hide_default_value = true)]
        gateway: String,
        /// Its policy profile
        #[arg(long, default_value = "", hide_default_value = true)]
        profile: String,
        /// The group it belongs to
        #[arg(long, default_value = "", hide_default_value = true)]
        group: String,
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Add every account of an accounts file (TOML, mode 0600); those that are stored already stay as they are
    Import {
        /// The accounts file
        file: PathBuf,
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Store another password, read from standard input, and tell a running supervisor (LOG-9)
    SetPassword(Target),
    /// Show the stored accounts, without passwords
    List {
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Encrypt under the current key what the previous one encrypted; supervisors may run meanwhile
    RotateKey {
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Prove the audit log against its hash chain
    VerifyAudit {
        #[command(flatten)]
        config: ConfigArg,
    },
}

/// The configuration file.
#[derive(Debug, Args)]
pub(crate) struct ConfigArg {
    /// The configuration file
    #[arg(id = "config", long, short, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// One instance of one supervisor.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Which instance
    #[arg(value_parser = instance)]
    pub(crate) instance: InstanceId,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// Whom a halt is about: one instance, a group, or everybody.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Whom {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// Exactly one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ScopeArgs {
    /// Which instance
    #[arg(value_name = "INSTANCE", value_parser = instance)]
    pub(crate) instance: Option<InstanceId>,
    /// Every instance of this group
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Every instance
    #[arg(long)]
    pub(crate) all: bool,
}

/// What a person says of something that looks like a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Word {
    /// It is what the trade's send made
    Ours,
    /// It is not: the send was not executed
    NotOurs,
}

impl From<Word> for Said {
    fn from(word: Word) -> Self {
        match word {
            Word::Ours => Self::Ours,
            Word::NotOurs => Self::NotOurs,
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// What a stop does with open trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Close positions and cancel pending orders
    Close,
    /// Leave everything as it is
    Preserve,
    /// Cancel pending orders, leave positions
    CancelPending,
}

impl From<Mode> for StopMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Close => Self::Close,
            Mode::Preserve => Self::Preserve,
            Mode::CancelPending => Self::CancelPending,
        }
    }
}

/// A demonstration: everything in one process, the terminals simulated.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long to run
    #[arg(long = "for", value_name = "SPAN", default_value = "30s", value_parser = lasting)]
    pub(crate) lasts: Span,
    /// How many times as fast as the wall's the fleet's time passes
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) speed: u32,
    /// How many terminals
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) fleet: u32,
    /// Draws faults, prices and delays; drawn itself when absent, and shown
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Print nothing but a summary as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the journal in this folder; a temporary one when absent
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Write the frame with the most open incidents as a picture (SVG)
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
}

fn instance(text: &str) -> Result<InstanceId, String> {
    InstanceId::new(text).map_err(|fault| fault.to_string())
}

fn signal_key(text: &str) -> Result<ClientTradeId, String> {
    ClientTradeId::new(text).map_err(|fault| fault.to_string())
}

fn login(text: &str) -> Result<Login, String> {
    let number = text.parse().map_err(|_| format!("{text:?} is no account number; give digits"))?;
    Login::new(number).map_err(|fault| fault.to_string())
}

fn server(text: &str) -> Result<TradeServer, String> {
    TradeServer::new(text).map_err(|fault| fault.to_string())
}

fn lasting(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|fault: warden_domain::SpanError| fault.to_string())?;
    let range = Span::from_millis(100)..=Span::from_secs(24 * 3_600);
    if range.contains(&span) {
        Ok(span)
    } else {
        Err(format!("{span} is out of range; give {} to {}", range.start(), range.end()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_are_read() {
        let cli = Cli::try_parse_from(["x", "demo", "--for", "5s", "--speed", "60", "--json"]).unwrap();
        let Task::Demo(demo) = cli.task else { panic!("{cli:?}") };
        assert_eq!((demo.lasts, demo.speed, demo.fleet, demo.json), (Span::from_secs(5), 60, 24, true));
        let cli = Cli::try_parse_from(["x", "why", "acct-1", "--config", "w.toml"]).unwrap();
        assert!(matches!(cli.task, Task::Why { steps: 20, json: false, .. }));
        let cli =
            Cli::try_parse_from(["x", "stop", "--config", "w.toml", "acct-1", "--mode", "cancel-pending"])
                .unwrap();
        assert!(matches!(cli.task, Task::Stop { mode: Some(Mode::CancelPending), .. }));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_code_of_bad_input() {
        for args in [
            &["x"][..],
            &["x", "demo", "--for", "0s"],
            &["x", "demo", "--for", "5"],
            &["x", "demo", "--speed", "0"],
            &["x", "demo", "--fleet", "0"],
            &["x", "why", "a b", "--config", "w.toml"],
            &["x", "why", "acct-1"],
            &["x", "halt", "--config", "w.toml"],
            &["x", "halt", "a", "--all", "--config", "w.toml"],
            &["x", "decide", "a", "7", "perhaps", "--config", "w.toml"],
            &["x", "report", "a b", "--config", "w.toml"],
            &["x", "run"],
            &["x", "accounts", "add", "a", "--login", "0", "--server", "B", "--config", "w.toml"],
            &["x", "accounts", "add", "a", "--login", "-1", "--server", "B", "--config", "w.toml"],
            &["x", "dance"],
        ] {
            let fault = Cli::try_parse_from(args).unwrap_err();
            assert_eq!(fault.exit_code(), i32::from(exit_codes::BAD_CONFIGURATION), "{args:?}");
        }
    }
}
