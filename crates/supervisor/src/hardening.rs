//! No memory of a program leaves it: passwords are in it while an instance logs in.

use std::io;

/// Keeps the system from writing core files of this program and of those it starts, and other processes of the same
/// user from looking into its memory.
///
/// # Errors
/// When the system refuses, which it has no reason for: whoever asks for less always may.
#[cfg(target_os = "linux")]
pub fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

    // The limit is inherited and holds for core files; a pipe as `core_pattern` ignores it, but not what follows.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Does nothing: only Linux is asked. Elsewhere whoever starts the program sets its limits (`ulimit -c 0`).
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn keep_memory_private() -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use rustix::process::{DumpableBehavior, dumpable_behavior};

    use super::*;

    #[test]
    fn no_core_file_is_written_and_none_can_be_asked_for_again() {
        keep_memory_private().unwrap();
        let limits = fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
        assert_eq!(values, ["0", "0"], "soft and hard limit");
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
