//! Child processes: shown before they run, judged by how they end.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::checkout::Checkout;
use crate::failure::{Doing, Failure, Result};

/// The cargo that started us, in the checkout.
pub(crate) fn cargo(checkout: &Checkout) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(checkout.root());
    command
}

/// Shows the command, runs it with our output and no input, and wants it to succeed.
pub(crate) fn run(command: &mut Command) -> Result {
    let shown = shown(command);
    eprintln!("    $ {shown}");
    let status = command.stdin(Stdio::null()).status().doing(format_args!("could not start `{shown}`"))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure::of_program(format!("`{shown}` failed ({status})"), code))
}

/// Shows the command and runs it; what it says is only told when it fails.
pub(crate) fn run_silently(command: &mut Command) -> Result {
    eprintln!("    $ {}", shown(command));
    output_of(command).map(drop)
}

/// Runs a command whose output only matters to us, or to the reader when it fails.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output().doing(format_args!("could not start `{shown}`"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("`{shown}` failed ({}): {}", output.status, said.trim())))
}

/// The command as one would type it: program name, arguments, and the variables it is given.
fn shown(command: &Command) -> String {
    let program = command.get_program();
    let program = std::path::Path::new(program).file_name().unwrap_or(program);
    let variables = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.to_string_lossy(), quoted(value)))
    });
    let words = std::iter::once(program).chain(command.get_args()).map(quoted);
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain =
        !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"$`\\*?;&|<>(){}".contains(c));
    if plain { word.into_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/tool");
        command.arg("--all").arg("two words").env("FLAGS", "-D warnings").env_remove("GONE");
        assert_eq!(shown(&command), "FLAGS='-D warnings' tool --all 'two words'");
    }

    #[test]
    fn the_exit_code_of_a_program_becomes_ours() {
        let failure = run(Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(failure.code(), 7);
    }

    #[test]
    fn what_a_failing_command_said_is_part_of_the_failure() {
        let failure =
            output_of(Command::new("sh").args(["-c", "echo no such thing >&2; exit 1"])).unwrap_err();
        assert!(failure.to_string().ends_with("no such thing"), "{failure}");
    }
}
