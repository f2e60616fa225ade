//! What source files must not grow into, and must not contain.

use super::Finding;
use super::mask::Masked;
use super::tree::Tree;

const LONGEST_FILE: usize = 800;
const LONGEST_FUNCTION: usize = 80;

/// The one place where a test may wait by sleeping.
const POLLING_HELPER: &str = "crates/testkit/src/poll.rs";

/// Code that has no place here, and what to do instead.
const FORBIDDEN_CODE: [(&str, &str); 6] = [
    ("todo!", "finish it"),
    ("unimplemented!", "finish it"),
    ("#[ignore", "a test runs or does not exist"),
    ("#[allow(", "use `#[expect(…, reason = \"…\")]`"),
    ("#![allow(", "use `#![expect(…, reason = \"…\")]`"),
    ("dbg!", "remove it"),
];

/// Marks of something unfinished in a comment.
const FORBIDDEN_COMMENTS: [&str; 3] = ["FIXME", "XXX", "TODO"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.with_ending(".rs").flat_map(|(file, text)| check_file(file, text)).collect()
}

fn check_file(file: &str, text: &str) -> Vec<Finding> {
    let masked = Masked::of(text);
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        findings.push(Finding::in_file(file, format!("{lines} lines, at most {LONGEST_FILE}: split it")));
    }
    for (line, length) in functions(&masked.code).into_iter().filter(|(_, length)| *length > LONGEST_FUNCTION)
    {
        let what =
            format!("a function of {length} lines, at most {LONGEST_FUNCTION}: look for the missing name");
        findings.push(Finding::at(file, line, what));
    }
    for (word, instead) in FORBIDDEN_CODE {
        let found = words(&masked.code, word);
        findings.extend(found.map(|line| Finding::at(file, line, format!("{word} in the code: {instead}"))));
    }
    for word in FORBIDDEN_COMMENTS {
        let found = words(&masked.comments, word);
        findings.extend(found.map(|line| Finding::at(file, line, format!("{word} in a comment: finish it"))));
    }
    if file != POLLING_HELPER {
        let sleeps = words(&masked.code, "thread::sleep").filter(|line| is_test(file, &masked.code, *line));
        findings
            .extend(sleeps.map(|line| Finding::at(file, line, "a test sleeps: wait for what it waits for")));
    }
    findings
}

/// Paths that exist on one machine only, anywhere in the tree.
pub(super) fn check_paths(tree: &Tree, folders: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.files() {
        for folder in folders {
            let found = words(text, folder);
            findings.extend(
                found.map(|line| Finding::at(file, line, format!("{folder} is a path of one machine"))),
            );
        }
    }
    findings.sort();
    findings.dedup_by(|a, b| (&a.file, a.line) == (&b.file, b.line));
    findings
}

/// The lines, from 1, on which the word stands and is not the end of a longer one.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let found = text.match_indices(word).filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.~".contains(c))
    });
    found.map(|(at, _)| line_of(text, at))
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// In a folder of tests, in the test kit, or below the first test module of a file.
fn is_test(file: &str, code: &str, line: usize) -> bool {
    let folder =
        file.starts_with("tests/") || file.contains("/tests/") || file.starts_with("crates/testkit/");
    folder || code.find("#[cfg(test)]").is_some_and(|at| line_of(code, at) < line)
}

/// First line and number of lines of every function with a body.
fn functions(code: &str) -> Vec<(usize, usize)> {
    let starts = code.match_indices("fn ").filter(|(at, _)| {
        let before = code[..*at].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || c == '(')
    });
    starts
        .filter_map(|(at, _)| {
            let open = body(&code[at..])?;
            let length = braces(&code[at + open..]);
            let first = line_of(code, at);
            Some((first, line_of(code, at + open + length) - first + 1))
        })
        .collect()
}

/// Where the body opens; nothing when the signature ends in a semicolon. A `;` inside `[u8; 4]` does not end it.
fn body(signature: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in signature.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Length of the block that the text begins with, without its last brace.
fn braces(block: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in block.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    block.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        check_file(file, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clean_code_is_not_found() {
        let clean = "//! All is well.\nfn f() { log(\"todo!() FIXME #[allow(x)]\") } // nothing to do\n";
        assert_eq!(found("a/src/lib.rs", clean), [""; 0]);
    }

    #[test]
    fn a_file_may_have_800_lines_and_no_more() {
        assert_eq!(found("a.rs", &"x;\n".repeat(800)), [""; 0]);
        assert_eq!(found("a.rs", &"x;\n".repeat(801)).len(), 1);
    }

    #[test]
    fn a_function_may_have_80_lines_and_no_more() {
        let function = |lines: usize| {
            format!("struct S;\nfn f(a: [u8; 4]) -> u8 {{\n{}}}\n", "    '{';\n".repeat(lines - 2))
        };
        assert_eq!(found("a.rs", &function(80)), [""; 0]);
        let long = found("a.rs", &function(81));
        assert!(long.len() == 1 && long[0].starts_with("a.rs:2: a function of 81 lines"), "{long:?}");
    }

    #[test]
    fn a_function_without_a_body_has_no_length() {
        assert_eq!(
            functions("trait T { fn a(&self) -> [u8; 4];\n fn b() {} }\ntype F = fn (u8) -> u8;"),
            [(2, 1)]
        );
    }

    #[test]
    fn everything_unfinished_is_found_where_it_stands() {
        let text = "fn f() {\n    todo!()\n}\n#[ignore]\n#[allow(dead_code)]\n// FIXME later\nfn g() { unimplemented!() }\n";
        let lines: Vec<usize> = check_file("a.rs", text).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 7, 4, 5, 6]);
    }

    #[test]
    fn only_tests_may_not_sleep() {
        let sleeps = "fn f() { std::thread::sleep(d) }\n";
        assert_eq!(found("a/src/lib.rs", sleeps), [""; 0]);
        assert_eq!(found(POLLING_HELPER, sleeps), [""; 0]);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{sleeps}}}\n");
        for (file, text) in
            [("a/tests/b.rs", sleeps), ("crates/testkit/src/x.rs", sleeps), ("a/src/b.rs", &tested)]
        {
            assert_eq!(found(file, text).len(), 1, "{file}");
        }
    }

    #[test]
    fn a_path_of_one_machine_is_found_once_and_a_longer_path_is_not() {
        let tree = Tree::from([("a.md", "see /away/x and /away/y\nbut https://host/away/z\n~/away/\n")]);
        let found = check_paths(&tree, &["/away/".to_owned(), "/away/x".to_owned()]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].line, 1);
    }
}
