use toml::de::{DeTable, DeValue};

use super::reader::Reader;

/// Refuses every key that is named after a secret, wherever it stands: secrets live in the accounts file.
pub(super) fn refuse(reader: &mut Reader<'_>, document: &DeTable<'_>) {
    table(reader, "", document);
}

fn table(reader: &mut Reader<'_>, prefix: &str, keys: &DeTable<'_>) {
    for (key, value) in keys {
        let name = key.get_ref();
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        if is_secret(name) {
            let what = "is a secret and others may read this file; move it to the accounts file";
            reader.fault(&key.span(), &path, what);
        }
        below(reader, &path, value.get_ref());
    }
}

fn below(reader: &mut Reader<'_>, path: &str, value: &DeValue<'_>) {
    match value {
        DeValue::Table(keys) => table(reader, path, keys),
        DeValue::Array(items) => items.iter().for_each(|item| below(reader, path, item.get_ref())),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

/// Whether a key says that its value is a secret: one of its words is.
pub(super) fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 6] = ["password", "passwd", "secret", "token", "credential", "credentials"];
    name.split(|c: char| !c.is_alphanumeric())
        .any(|word| WORDS.iter().any(|it| word.eq_ignore_ascii_case(it)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::SECTIONS;

    #[test]
    fn a_secret_is_known_by_a_word_of_its_name() {
        for name in ["password", "PASSWORD", "redis_password", "api-token", "client.secret"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["passwordless", "file", "tokens_per_second", ""] {
            assert!(!is_secret(name), "{name}");
        }
        assert!(SECTIONS.iter().all(|section| !is_secret(section)));
    }
}
