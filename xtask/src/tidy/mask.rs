//! Tells code, comments and literals of Rust source apart, as far as searching for words in each needs it.

/// The same text twice, line by line: once with only the code left, once with only the comments.
/// Everything else is blanked out, so that offsets and line numbers hold in both.
#[derive(Debug)]
pub(super) struct Masked {
    pub(super) code: String,
    pub(super) comments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Masked {
    pub(super) fn of(source: &str) -> Self {
        let mut masked = Self { code: String::new(), comments: String::new() };
        let mut rest = source;
        while !rest.is_empty() {
            let (kind, length) = first_piece(rest, masked.code.chars().next_back());
            let (piece, after) = rest.split_at(length);
            masked.push(kind, piece);
            rest = after;
        }
        masked
    }

    fn push(&mut self, kind: Kind, piece: &str) {
        let blank: String = piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        let keep = |wanted| if kind == wanted { piece } else { blank.as_str() };
        self.code.push_str(keep(Kind::Code));
        self.comments.push_str(keep(Kind::Comment));
    }
}

/// Kind and length of what the text begins with. `before` is the code character in front of it, if any.
fn first_piece(text: &str, before: Option<char>) -> (Kind, usize) {
    let first = text.chars().next().expect("the caller only asks about text that is left");
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if text.starts_with("//") {
        return (Kind::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Kind::Comment, block_comment(text));
    }
    if first == '"' {
        return (Kind::Literal, quoted(text, '"'));
    }
    if !in_word && let Some(length) = raw_string(text) {
        return (Kind::Literal, length);
    }
    match first {
        '\'' => match char_literal(text) {
            Some(length) => (Kind::Literal, length),
            None => (Kind::Code, 1), // a lifetime
        },
        other => (Kind::Code, other.len_utf8()),
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of a literal that begins with its quote and ends with the next one that is not escaped.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + quote.len_utf8();
        }
    }
    text.len()
}

/// Length of `r"…"`, `r#"…"#` and so on, also with a `b` or `c` in front.
fn raw_string(text: &str) -> Option<usize> {
    let after_prefix = text.strip_prefix(['b', 'c']).unwrap_or(text).strip_prefix('r')?;
    let after_hashes = after_prefix.trim_start_matches('#');
    let hashes = after_prefix.len() - after_hashes.len();
    let body = after_hashes.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// Length of `'x'` or `'\n'`; nothing for a lifetime.
fn char_literal(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        return Some(quoted(text, '\''));
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_literals_and_comments_are_not_code() {
        let masked = Masked::of(
            "let a = \"word\"; // word\nlet b = r#\"word \" word\"#; /* word /* word */ */ word();",
        );
        assert_eq!(masked.code.matches("word").count(), 1);
        assert_eq!(masked.comments.matches("word").count(), 3);
        assert_eq!(masked.code.lines().count(), 2);
    }

    #[test]
    fn quotes_in_characters_and_lifetimes_do_not_open_a_literal() {
        let masked = Masked::of("fn f<'a>(x: &'a str) { g('\"', '\\'', b'{', 'é'); word() }");
        assert!(masked.code.contains("word()"));
        assert!(!masked.code.contains('"') && masked.code.matches('{').count() == 1, "{}", masked.code);
    }

    #[test]
    fn an_escaped_quote_does_not_end_a_literal() {
        let masked = Masked::of(r#"f("a \" word \\"); word()"#);
        assert_eq!(masked.code.matches("word").count(), 1);
    }

    #[test]
    fn a_name_that_ends_in_r_does_not_begin_a_raw_string() {
        let masked = Masked::of("matcher!(\"a\\\"\", word); var\"x\"");
        assert_eq!(masked.code.matches("word").count(), 1);
    }
}
