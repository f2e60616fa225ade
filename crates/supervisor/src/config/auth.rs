use std::{fmt, fs, os::unix::fs::PermissionsExt as _, path::Path};

use warden_store::Password;

use super::{Fault, Faults};

/// Who the supervisor is to a server, as the file that an `auth_file` names says; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    /// The user; `None` for the one that the address names, or the server's default one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Password,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Auth {
    /// Reads a file with `user:password`, or a password alone, that the option `named_by` of a program names.
    ///
    /// # Errors
    /// When it cannot be read, others may read it, or it is not one line.
    pub fn from_file(named_by: &str, path: &Path) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        read(named_by, path, &mut faults).ok_or_else(|| Faults::new(faults))
    }
}

/// Reads the file with user and password that `key` names; what is wrong with it goes to the faults.
pub(super) fn read(key: &str, path: &Path, faults: &mut Vec<Fault>) -> Option<Auth> {
    let text = match private_text(key, path) {
        Ok(text) => text,
        Err(what) => {
            faults.push(Fault { file: path.to_owned(), line: None, key: String::new(), what });
            return None;
        }
    };
    let line = text.lines().next().unwrap_or_default();
    let (user, password) =
        line.split_once(':').map_or((None, line), |(user, password)| (Some(user), password));
    let user = user.filter(|user| !user.is_empty()).map(str::to_owned);
    Some(Auth { user, password: Password::new(password.to_owned()) })
}

fn private_text(key: &str, path: &Path) -> Result<String, String> {
    let unreadable = |fault| format!("cannot be read: {fault}; check {key} and the file's permissions");
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(format!("can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display()));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    if text.trim().is_empty() || text.trim().lines().count() > 1 {
        return Err("is not one line; write user:password, or the password alone".to_owned());
    }
    Ok(text)
}
