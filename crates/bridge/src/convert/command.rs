//! `Command` of the contract.

use warden_domain::{Epoch, InstanceId, Login, Magic, StopMode, Timestamp, TradeServer};

use super::{
    FrameFault, LONGEST_PASSWORD, LONGEST_SYMBOL, bounded, few, known, order, positive, short, snapshot,
};
use crate::{Command, CommandId, Envelope, SnapshotQuery, message::Secret, wire, wire::command::Action};

pub(crate) fn encode(envelope: &Envelope) -> wire::Command {
    wire::Command {
        epoch: envelope.epoch.0,
        id: envelope.id.0,
        deadline_ms: envelope.deadline.as_millis(),
        action: Some(action(&envelope.command)),
    }
}

fn action(command: &Command) -> Action {
    match command {
        Command::Login { login, server, password } => Action::Login(wire::LoginCommand {
            login: login.number(),
            server: server.as_str().to_owned(),
            password: bounded(password.reveal(), LONGEST_PASSWORD),
        }),
        Command::Reconnect => Action::Reconnect(wire::ReconnectCommand {}),
        Command::Restart { force } => Action::Restart(wire::RestartCommand { force: *force }),
        Command::Confirm => Action::Confirm(wire::ConfirmCommand {}),
        Command::CloseTrades { mode, installation } => Action::CloseTrades(wire::CloseTradesCommand {
            mode: stop_mode(*mode).into(),
            installation: u32::from(*installation),
        }),
        Command::EndSession => Action::EndSession(wire::EndSessionCommand {}),
        Command::Order(order) => Action::Order(order::encode(order)),
        Command::Snapshot(query) => Action::Snapshot(snapshot::encode_query(query)),
        Command::Watch(symbols) => Action::Watch(watch(symbols)),
    }
}

/// So many symbols that the receiver still refuses too many of them, yet the frame never is oversized.
fn watch(symbols: &[String]) -> wire::WatchCommand {
    let symbols = symbols.iter().take(SnapshotQuery::MOST + 1);
    wire::WatchCommand { symbols: symbols.map(|it| bounded(it, LONGEST_SYMBOL)).collect() }
}

pub(crate) fn decode(instance: InstanceId, command: wire::Command) -> Result<Envelope, FrameFault> {
    Ok(Envelope {
        instance,
        epoch: Epoch(positive("epoch", command.epoch)?),
        id: CommandId(positive("id", command.id)?),
        deadline: Timestamp::from_millis(command.deadline_ms),
        command: read_action(command.action.ok_or(FrameFault::Missing("action"))?)?,
    })
}

fn read_action(action: Action) -> Result<Command, FrameFault> {
    Ok(match action {
        Action::Login(it) => Command::Login {
            login: Login::new(it.login)?,
            server: TradeServer::new(&it.server)?,
            password: Secret::new(short("password", it.password, LONGEST_PASSWORD)?),
        },
        Action::Reconnect(wire::ReconnectCommand {}) => Command::Reconnect,
        Action::Restart(it) => Command::Restart { force: it.force },
        Action::Confirm(wire::ConfirmCommand {}) => Command::Confirm,
        Action::CloseTrades(it) => Command::CloseTrades {
            mode: read_mode(known("mode", it.mode)?)?,
            installation: read_installation(it.installation)?,
        },
        Action::EndSession(wire::EndSessionCommand {}) => Command::EndSession,
        Action::Order(it) => Command::Order(order::decode(it)?),
        Action::Snapshot(it) => Command::Snapshot(snapshot::decode_query(it)?),
        Action::Watch(it) => Command::Watch(read_watch(it)?),
    })
}

fn read_watch(watch: wire::WatchCommand) -> Result<Vec<String>, FrameFault> {
    let symbols = few("symbols", watch.symbols, SnapshotQuery::MOST)?;
    symbols.into_iter().map(|it| short("symbols", it, LONGEST_SYMBOL)).collect()
}

fn read_installation(tag: u32) -> Result<u16, FrameFault> {
    match u16::try_from(tag) {
        Ok(0) => Err(FrameFault::Zero("installation")),
        Ok(tag @ 1..=Magic::MAX_INSTALLATION) => Ok(tag),
        Ok(_) | Err(_) => Err(FrameFault::OutOfRange("installation")),
    }
}

fn stop_mode(mode: StopMode) -> wire::StopMode {
    match mode {
        StopMode::Close => wire::StopMode::Close,
        StopMode::Preserve => wire::StopMode::Preserve,
        StopMode::CancelPending => wire::StopMode::CancelPending,
    }
}

fn read_mode(mode: wire::StopMode) -> Result<StopMode, FrameFault> {
    match mode {
        wire::StopMode::Unspecified => Err(FrameFault::Missing("mode")),
        wire::StopMode::Close => Ok(StopMode::Close),
        wire::StopMode::Preserve => Ok(StopMode::Preserve),
        wire::StopMode::CancelPending => Ok(StopMode::CancelPending),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::order::tests as orders, *};

    fn envelope(command: Command) -> Envelope {
        Envelope {
            instance: InstanceId::new("acct-1").unwrap(),
            epoch: Epoch(3),
            id: CommandId(9),
            deadline: Timestamp::from_millis(-5),
            command,
        }
    }

    fn login(password: &str) -> Command {
        Command::Login {
            login: Login::new(5001).unwrap(),
            server: TradeServer::new("Broker-Live").unwrap(),
            password: Secret::new(password.into()),
        }
    }

    #[test]
    fn every_command_comes_back() {
        let mut commands = vec![
            login("s3cret"),
            Command::Reconnect,
            Command::Restart { force: true },
            Command::Restart { force: false },
            Command::Confirm,
            Command::EndSession,
        ];
        for installation in [1, Magic::MAX_INSTALLATION] {
            let closing = |mode: &StopMode| Command::CloseTrades { mode: *mode, installation };
            commands.extend(StopMode::ALL.iter().map(closing));
        }
        commands.extend(orders::ACTIONS.map(|action| Command::Order(orders::order(action))));
        commands.push(Command::Snapshot(snapshot::tests::query()));
        commands.push(Command::Watch(vec!["EURUSD".into(); SnapshotQuery::MOST]));
        commands.push(Command::Watch(vec![]));
        for command in commands {
            let sent = envelope(command);
            let read = decode(sent.instance.clone(), encode(&sent)).unwrap();
            assert_eq!(format!("{read:?}"), format!("{sent:?}"));
        }
    }

    #[test]
    fn a_password_comes_back_and_is_never_shown() {
        let wire = encode(&envelope(login("s3cret")));
        assert!(!format!("{wire:?}").contains("s3cret"));
        let read = decode(InstanceId::new("acct-1").unwrap(), wire).unwrap();
        assert!(!format!("{read:?}").contains("s3cret"));
        assert!(matches!(&read.command, Command::Login { password, .. } if password.reveal() == "s3cret"));
    }

    #[test]
    fn trd_8_a_close_that_names_no_installation_is_refused() {
        let action = Action::CloseTrades(wire::CloseTradesCommand { mode: 1, installation: 0 });
        let nobodys = wire::Command { action: Some(action), ..encode(&envelope(Command::Confirm)) };
        let read = decode(InstanceId::new("acct-1").unwrap(), nobodys);
        assert_eq!(read.unwrap_err(), FrameFault::Zero("installation"));
    }

    #[test]
    fn bad_fields_of_a_command_are_refused() {
        let good = || encode(&envelope(Command::Confirm));
        let with = |action| wire::Command { action: Some(action), ..good() };
        let server = || "Broker-Live".to_owned();
        let cases = [
            wire::Command { epoch: 0, ..good() },
            wire::Command { id: 0, ..good() },
            wire::Command { action: None, ..good() },
            with(Action::Login(wire::LoginCommand { login: 0, server: server(), password: String::new() })),
            with(Action::Login(wire::LoginCommand {
                login: 1,
                server: String::new(),
                password: String::new(),
            })),
            with(Action::Login(wire::LoginCommand { login: 1, server: server(), password: "p".repeat(257) })),
            with(Action::CloseTrades(wire::CloseTradesCommand { mode: 0, installation: 1 })),
            with(Action::CloseTrades(wire::CloseTradesCommand { mode: 4, installation: 1 })),
            with(Action::CloseTrades(wire::CloseTradesCommand { mode: 1, installation: 32_768 })),
            with(Action::CloseTrades(wire::CloseTradesCommand { mode: 1, installation: 65_537 })),
            with(Action::Watch(wire::WatchCommand { symbols: vec![String::new(); 129] })),
            with(Action::Watch(wire::WatchCommand { symbols: vec!["X".repeat(65)] })),
            encode(&envelope(Command::Watch(vec!["EURUSD".into(); 100_000]))),
        ];
        for wire in cases {
            let shown = format!("{wire:?}");
            assert!(decode(InstanceId::new("acct-1").unwrap(), wire).is_err(), "{shown}");
        }
    }
}
