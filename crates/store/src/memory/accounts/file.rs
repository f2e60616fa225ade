use std::{
    collections::HashMap, fmt::Write as _, fs::File, io::Read as _, ops::Range,
    os::unix::fs::PermissionsExt as _, path::Path,
};

use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use warden_domain::{InstanceId, Login, TradeServer};

use super::MemoryAccountsError;
use crate::{Account, Password};

/// One thing that is wrong in an accounts file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The line, from 1.
    pub line: usize,
    /// The key, dotted, without any value; empty when the text is no TOML there.
    pub key: String,
    /// What is wrong and what to do.
    pub what: String,
}

/// Reads every account of the file, or names everything that is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<(InstanceId, Account)>, MemoryAccountsError> {
    let text = text(path)?;
    let mut reading = Reading { text: text.expose_secret(), faults: Vec::new() };
    let accounts = reading.accounts();
    let Reading { mut faults, .. } = reading;
    if faults.is_empty() {
        return Ok(accounts);
    }
    faults.sort_by_key(|fault| fault.line);
    Err(MemoryAccountsError::Faulty { path: path.to_owned(), faults })
}

/// The file's text, in memory that is overwritten when it is dropped.
fn text(path: &Path) -> Result<SecretBox<String>, MemoryAccountsError> {
    let unreadable = |source| MemoryAccountsError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(MemoryAccountsError::Exposed { path: path.to_owned(), mode });
    }
    let size = usize::try_from(about.len()).unwrap_or(0);
    // Sized beforehand, so that no grown copy is left behind.
    let mut text = SecretBox::new(Box::new(String::with_capacity(size + 1)));
    file.read_to_string(text.expose_secret_mut()).map_err(unreadable)?;
    Ok(text)
}

/// One line per fault, each with file, line and key.
pub(super) fn list(path: &Path, faults: &[FileFault]) -> String {
    let mut text = String::new();
    for (i, FileFault { line, key, what }) in faults.iter().enumerate() {
        let (end, colon) = (if i == 0 { "" } else { "\n" }, if key.is_empty() { "" } else { ": " });
        write!(text, "{end}{}:{line}: {key}{colon}{what}", path.display())
            .expect("writing into a string cannot fail");
    }
    text
}

struct Reading<'t> {
    text: &'t str,
    faults: Vec<FileFault>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Reading<'t> {
    fn accounts(&mut self) -> Vec<(InstanceId, Account)> {
        // Of the parser's errors only message and place are used: their display quotes the line.
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.fault(&error.span().unwrap_or(0..0), "", error.message());
        }
        let mut accounts = Vec::new();
        for (key, value) in document.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("accounts", DeValue::Table(table)) => accounts = self.tables(table),
                ("accounts", _) => {
                    self.fault(&key.span(), "accounts", "is not a table; write [accounts.<instance>]");
                }
                (other, _) => self.fault(&key.span(), other, "is unknown; remove it"),
            }
        }
        self.same_account_twice(&accounts);
        accounts.into_iter().map(|(id, account, _)| (id, account)).collect()
    }

    fn tables(&mut self, tables: &DeTable<'t>) -> Vec<(InstanceId, Account, Range<usize>)> {
        let mut accounts = Vec::new();
        for (name, value) in tables {
            let key = format!("accounts.{}", name.get_ref());
            let DeValue::Table(table) = value.get_ref() else {
                self.fault(&name.span(), &key, "is not a table; give it login, server and password");
                continue;
            };
            let id =
                InstanceId::new(name.get_ref()).map_err(|e| self.fault(&name.span(), &key, &e.to_string()));
            let account = self.account(&key, &name.span(), table);
            if let (Ok(id), Some(account)) = (id, account) {
                accounts.push((id, account, name.span()));
            }
        }
        accounts
    }

    fn account(&mut self, key: &str, place: &Range<usize>, table: &DeTable<'t>) -> Option<Account> {
        for (name, _) in table {
            if !["login", "server", "password"].contains(&name.get_ref().as_ref()) {
                self.fault(&name.span(), &format!("{key}.{}", name.get_ref()), "is unknown; remove it");
            }
        }
        let mut field = |name| {
            let value = table.get(name);
            let key = format!("{key}.{name}");
            if value.is_none() {
                self.fault(place, &key, "is missing; add it");
            }
            value.map(|value| (key, value))
        };
        let (login, server, password) = (field("login"), field("server"), field("password"));
        let login = login.and_then(|(key, value)| self.login(&key, value));
        let server = server.and_then(|(key, value)| self.server(&key, value));
        let password = password.and_then(|(key, value)| self.password(&key, value));
        Some(Account { login: login?, server: server?, password: password?, rejected: false })
    }

    fn login(&mut self, key: &str, value: &Value<'t>) -> Option<Login> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|digits| u64::from_str_radix(digits.as_str(), digits.radix()).ok());
        let Some(number) = number else {
            self.fault(&value.span(), key, "is not an account number; write the bare digits");
            return None;
        };
        Login::new(number).map_err(|e| self.fault(&value.span(), key, &e.to_string())).ok()
    }

    fn server(&mut self, key: &str, value: &Value<'t>) -> Option<TradeServer> {
        let name = self.string(key, value)?;
        TradeServer::new(name).map_err(|e| self.fault(&value.span(), key, &e.to_string())).ok()
    }

    fn password(&mut self, key: &str, value: &Value<'t>) -> Option<Password> {
        let password = self.string(key, value)?;
        if password.is_empty() {
            self.fault(&value.span(), key, "is empty; give the password");
            return None;
        }
        Some(Password::new(password.to_owned()))
    }

    fn string<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.fault(&value.span(), key, "is not a text; put it in quotation marks");
        }
        text
    }

    fn same_account_twice(&mut self, accounts: &[(InstanceId, Account, Range<usize>)]) {
        let mut seen = HashMap::new();
        for (id, account, place) in accounts {
            if let Some((first, at)) = seen.insert((account.login, &account.server), (id, place)) {
                let line = self.line(at);
                let what = format!(
                    "is the same login and server as accounts.{first} on line {line}; remove one of them"
                );
                self.fault(place, &format!("accounts.{id}"), &what);
            }
        }
    }

    fn line(&self, place: &Range<usize>) -> usize {
        1 + self.text.bytes().take(place.start).filter(|byte| *byte == b'\n').count()
    }

    fn fault(&mut self, place: &Range<usize>, key: &str, what: &str) {
        let line = self.line(place);
        self.faults.push(FileFault { line, key: key.to_owned(), what: what.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accounts as _, memory::MemoryAccounts};

    fn written(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[tokio::test]
    async fn log_1_accounts_are_read_from_a_file_of_their_owner() {
        let file = written(
            "[accounts.acct-1]\nlogin = 5001\nserver = \"Broker-Live3\"\npassword = \"pa\\\"ss\"\n\
             [accounts.acct-2]\nlogin = 5_002\nserver = 'Broker-Live3'\npassword = '''x'''\n",
            0o600,
        );
        let accounts = MemoryAccounts::from_file(file.path()).unwrap();
        let first = accounts.account(&InstanceId::new("acct-1").unwrap()).await.unwrap();
        assert_eq!((first.login.number(), first.server.as_str()), (5001, "Broker-Live3"));
        assert_eq!(first.password.reveal(), "pa\"ss");
        assert!(!first.rejected);
        let second = accounts.account(&InstanceId::new("acct-2").unwrap()).await.unwrap();
        assert_eq!((second.login.number(), second.password.reveal()), (5002, "x"));
        assert_eq!(accounts.instances().len(), 2);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o660, 0o644] {
            let fault = read(written("", mode).path()).unwrap_err();
            assert!(matches!(fault, MemoryAccountsError::Exposed { mode: m, .. } if m == mode));
            assert!(fault.to_string().contains("chmod 600"));
        }
        assert!(read(written("", 0o400).path()).unwrap().is_empty());
        assert!(matches!(
            read(Path::new("/nowhere/accounts.toml")),
            Err(MemoryAccountsError::Unreadable { .. })
        ));
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_password_is_shown() {
        let file = written(
            "surplus = 1\n\
             [accounts.\"a b\"]\nlogin = 0\nserver = 7\npassword = 123456789\n\
             [accounts.b]\nlogin = \"5\"\npasword = \"hunter2\"\n\
             [accounts.c]\nlogin = 9\nserver = \"S\"\npassword = \"\"\n\
             [accounts.d]\nlogin = 8\nserver = \"S\"\npassword = \"hunter2\"\n\
             [accounts.e]\nlogin = 8\nserver = \"S\"\npassword = \"hunter2\"\n",
            0o600,
        );
        let fault = read(file.path()).unwrap_err();
        let MemoryAccountsError::Faulty { faults, .. } = &fault else { panic!("{fault}") };
        let named: Vec<_> = faults.iter().map(|fault| (fault.line, fault.key.as_str())).collect();
        assert_eq!(
            named,
            [
                (1, "surplus"),
                (2, "accounts.a b"),
                (3, "accounts.a b.login"),
                (4, "accounts.a b.server"),
                (5, "accounts.a b.password"),
                (6, "accounts.b.server"),
                (6, "accounts.b.password"),
                (7, "accounts.b.login"),
                (8, "accounts.b.pasword"),
                (12, "accounts.c.password"),
                (17, "accounts.e"),
            ]
        );
        let shown = format!("{fault} {fault:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("123456789"), "{shown}");
        assert_eq!(fault.to_string().lines().count(), faults.len());
        assert!(
            fault
                .to_string()
                .contains(&format!("{}:12: accounts.c.password: is empty", file.path().display()))
        );
    }

    #[test]
    fn text_that_is_no_toml_is_named_by_its_line_only() {
        let file = written("[accounts.a]\nlogin = 5\npassword = hunter2\nserver = \"S\nhunter2\n", 0o600);
        let fault = read(file.path()).unwrap_err();
        let shown = format!("{fault} {fault:?}");
        assert!(shown.contains(":3: ") && shown.contains(":5: "), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
