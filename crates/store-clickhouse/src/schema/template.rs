//! The text of a step, as it runs in one place.

/// What the placeholders of a step stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template<'a> {
    /// Whose tables; a name that needs no escaping, as the configuration was checked.
    pub(super) database: &'a str,
    /// On whose replicas.
    pub(super) cluster: Option<&'a str>,
}

/// How many tokens a table remembers.
pub(super) const WINDOW: &str = "non_replicated_deduplication_window";

/// With replicas, tokens are forgotten with time too: not before 30 days, which is longer than an outage should last.
pub(super) const REPLICATED_WINDOW: &str =
    "replicated_deduplication_window_seconds = 2592000, replicated_deduplication_window";

impl Template<'_> {
    pub(super) fn render(&self, sql: &str) -> String {
        let on_cluster = self.cluster.map(|name| format!("ON CLUSTER '{name}'")).unwrap_or_default();
        let (replicated, window) = match self.cluster {
            Some(_) => ("Replicated", REPLICATED_WINDOW),
            None => ("", WINDOW),
        };
        sql.replace("{database}", &format!("`{}`", self.database))
            .replace("{on_cluster}", &on_cluster)
            .replace("{replicated}", replicated)
            .replace("{window}", window)
    }
}

/// The statements of a step, without what follows them and without comments between them. A semicolon in a text, a
/// quoted name or a comment ends none.
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut begin, mut at) = (None, 0);
    while let Some(length) = piece(sql.get(at..).unwrap_or_default()) {
        let text = sql.get(at..at + length).unwrap_or_default();
        if text == ";" {
            found.extend(begin.take().and_then(|begin| sql.get(begin..at)));
        } else if begin.is_none() && !text.starts_with("--") && !text.starts_with("/*") && !is_space(text) {
            begin = Some(at);
        }
        at += length;
    }
    found.extend(begin.and_then(|begin| sql.get(begin..)));
    found.into_iter().map(str::trim_end).collect()
}

/// How long the first piece of a text is: a comment, something quoted, or one character. `None` at the end.
fn piece(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let until = |end: Option<usize>, more: usize| end.map_or(text.len(), |end| end + more);
    Some(match first {
        '-' if text.starts_with("--") => until(text.find('\n'), 0),
        '/' if text.starts_with("/*") => until(text.find("*/"), 2),
        '\'' | '"' | '`' => quoted(text, first),
        _ => first.len_utf8(),
    })
}

/// How long something quoted is. A doubled quote ends it and begins the next, which comes to the same.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

fn is_space(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_ends_a_statement_only_outside_of_texts_names_and_comments() {
        let sql = "-- first; of all\nSELECT 'a;b', 'it''s; \\'so;', `x;y`, \"p;q\" -- c;\n; /* d; */\n\nSELECT 2;\n-- end;\n";
        let found = statements(sql);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("SELECT 'a;b'") && found[0].ends_with("-- c;"), "{found:?}");
        assert_eq!(found[1], "SELECT 2");
        assert_eq!(statements("SELECT 1"), ["SELECT 1"]);
        assert_eq!(statements("SELECT 'open; "), ["SELECT 'open;"]);
        assert_eq!(statements(" ;; \n-- nothing\n"), [""; 0]);
    }

    #[test]
    fn placeholders_say_where_it_runs() {
        let sql =
            "CREATE TABLE {database}.t {on_cluster} ENGINE = {replicated}MergeTree SETTINGS {window} = 9";
        assert_eq!(
            Template { database: "w", cluster: None }.render(sql),
            "CREATE TABLE `w`.t  ENGINE = MergeTree SETTINGS non_replicated_deduplication_window = 9"
        );
        assert_eq!(
            Template { database: "w", cluster: Some("prod") }.render(sql),
            "CREATE TABLE `w`.t ON CLUSTER 'prod' ENGINE = ReplicatedMergeTree SETTINGS \
             replicated_deduplication_window_seconds = 2592000, replicated_deduplication_window = 9"
        );
    }
}
