//! Reading an accounts file, with everything that is wrong with it.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use warden_bridge::message::Secret;
use warden_domain::{InstanceId, Login, TradeServer};

use crate::{
    fault::{ScriptFault, line_of},
    plan::AccountPlan,
};

/// Reads `[accounts.<instance-id>]` tables, in the order of the text.
pub(crate) fn read(text: &str) -> Result<Vec<AccountPlan>, Vec<ScriptFault>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, wrong: Vec::new() };
    for error in errors {
        reader.wrong(error.span().map_or(0, |span| span.start), "", error.message());
    }
    if !reader.wrong.is_empty() {
        // What can be read of broken TOML says nothing about what was meant.
        return Err(reader.wrong);
    }
    let mut accounts: Vec<(usize, AccountPlan)> = Vec::new();
    for (key, value) in document.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("accounts", DeValue::Table(tables)) => {
                for (id, table) in tables {
                    accounts.extend(reader.account(id, table).map(|account| (id.span().start, account)));
                }
            }
            (other, _) => {
                reader.wrong(key.span().start, other, "unknown key; the file holds [accounts.<id>] only");
            }
        }
    }
    accounts.sort_by_key(|(place, _)| *place);
    reader.unique(&accounts);
    reader.wrong.sort_by_key(|fault| fault.line);
    if reader.wrong.is_empty() {
        Ok(accounts.into_iter().map(|(_, account)| account).collect())
    } else {
        Err(reader.wrong)
    }
}

struct Reader<'a> {
    text: &'a str,
    wrong: Vec<ScriptFault>,
}

impl Reader<'_> {
    fn account(
        &mut self,
        id: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<AccountPlan> {
        let place = id.span().start;
        let instance = InstanceId::new(id.get_ref())
            .map_err(|fault| self.wrong(place, id.get_ref(), &fault.to_string()));
        let DeValue::Table(keys) = value.get_ref() else {
            self.wrong(place, id.get_ref(), "it is not a table; write [accounts.<id>] and its keys below");
            return None;
        };
        for key in
            keys.keys().filter(|key| !["login", "server", "password"].contains(&key.get_ref().as_ref()))
        {
            self.wrong(
                key.span().start,
                key.get_ref(),
                "unknown key; an account has login, server and password",
            );
        }
        let login = self.login(keys, place);
        let server = self.word(keys, "server", place).and_then(|(place, name)| {
            TradeServer::new(&name).map_err(|fault| self.wrong(place, "server", &fault.to_string())).ok()
        });
        let password = self.word(keys, "password", place);
        Some(AccountPlan::new(instance.ok()?, login?, server?, Secret::new(password?.1)))
    }

    fn login(&mut self, keys: &DeTable<'_>, place: usize) -> Option<Login> {
        let Some(value) = keys.get("login") else {
            self.wrong(place, "login", "the key is missing; write login = 5001");
            return None;
        };
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let login = number.and_then(|number| Login::new(number).ok());
        if login.is_none() {
            self.wrong(
                value.span().start,
                "login",
                "it is not an account number; write digits, such as 5001",
            );
        }
        login
    }

    fn word(&mut self, keys: &DeTable<'_>, key: &str, place: usize) -> Option<(usize, String)> {
        let Some(value) = keys.get(key) else {
            self.wrong(place, key, &format!("the key is missing; write {key} = \"…\""));
            return None;
        };
        if let DeValue::String(text) = value.get_ref() {
            return Some((value.span().start, text.to_string()));
        }
        self.wrong(value.span().start, key, "it is not a text; put it in quotes");
        None
    }

    fn unique(&mut self, accounts: &[(usize, AccountPlan)]) {
        for (at, (place, account)) in accounts.iter().enumerate() {
            let twin = |(_, other): &&(usize, AccountPlan)| {
                other.login == account.login && other.server == account.server
            };
            if let Some((_, twin)) = accounts[..at].iter().find(twin) {
                let what = format!(
                    "login {} at {} belongs to {} already",
                    account.login, account.server, twin.instance
                );
                self.wrong(
                    *place,
                    account.instance.as_str(),
                    &format!("{what}; give each instance its own account"),
                );
            }
        }
    }

    fn wrong(&mut self, place: usize, key: &str, what: &str) {
        let line = line_of(self.text, place);
        self.wrong.push(ScriptFault { line, key: key.to_owned(), what: what.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_line() {
        let text = "[accounts.a]\nlogin = 1\nserver = \"S\"\npassword = \"p\"\n\
                    [accounts.b]\nlogin = 1\nserver = \"S\"\npassword = \"p\"\n\
                    [accounts.\"c:d\"]\nlogin = 0\nserver = 5\nuser = \"x\"\n\
                    [more]\n";
        let told: Vec<(usize, String)> =
            read(text).unwrap_err().into_iter().map(|fault| (fault.line, fault.key)).collect();
        let told: Vec<(usize, &str)> = told.iter().map(|(line, key)| (*line, key.as_str())).collect();
        assert_eq!(
            told,
            [
                (5, "b"),
                (9, "c:d"),
                (9, "password"),
                (10, "login"),
                (11, "server"),
                (12, "user"),
                (13, "more")
            ]
        );
    }

    #[test]
    fn accounts_keep_the_order_of_the_text() {
        let text = "[accounts.z]\nlogin = 1\nserver = \"S\"\npassword = \"p\"\n\
                    [accounts.a]\nlogin = 2\nserver = \"S\"\npassword = \"p\"\n";
        let ids: Vec<String> =
            read(text).unwrap().iter().map(|account| account.instance.to_string()).collect();
        assert_eq!(ids, ["z", "a"]);
    }
}
