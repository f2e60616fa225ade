//! Every rule of the behaviour has a test that carries its id.

use std::collections::BTreeSet;

use super::Finding;
use super::mask::Masked;
use super::tree::Tree;

const BEHAVIOUR: &str = "docs/behaviour.md";

/// Sections whose rules are numbered.
const SECTIONS: [&str; 7] = ["SES", "LOG", "BRK", "NET", "TRD", "ACC", "REC"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let rules = rules(tree.text(BEHAVIOUR).unwrap_or_default());
    if rules.is_empty() {
        return vec![Finding::in_file(BEHAVIOUR, "holds no numbered rule")];
    }
    let tests: BTreeSet<String> = tree.with_ending(".rs").flat_map(|(_, text)| test_names(text)).collect();
    let untested = rules.iter().filter(|(_, id)| !tests.iter().any(|name| carries(name, id)));
    let found = untested.map(|(line, id)| {
        let prefix = id.to_lowercase().replace('-', "_");
        Finding::at(BEHAVIOUR, *line, format!("{id} has no test: name one `{prefix}_…`"))
    });
    found.collect()
}

/// Line and id of every rule: `| LOG-1 | …` in a table, `**SES-1** …` in a paragraph.
fn rules(behaviour: &str) -> Vec<(usize, String)> {
    let numbered = behaviour.lines().enumerate();
    numbered.filter_map(|(at, line)| Some((at + 1, rule_of(line)?))).collect()
}

fn rule_of(line: &str) -> Option<String> {
    let word = match line.strip_prefix('|') {
        Some(row) => row.split('|').next()?.trim().trim_matches('*'),
        None => line.strip_prefix("**")?.split("**").next()?,
    };
    let (section, number) = word.split_once('-')?;
    let numbered = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    (numbered && SECTIONS.contains(&section)).then(|| word.to_owned())
}

/// Names of the functions that a test attribute stands before.
fn test_names(source: &str) -> Vec<String> {
    let code = Masked::of(source).code;
    let marks = code.match_indices("test").filter(|(at, _)| is_test_attribute(&code, *at));
    let named = marks.filter_map(|(at, _)| {
        let (_, after) = code[at..].split_once("fn ")?;
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        Some(after[..end].to_owned())
    });
    named.collect()
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(…)]`.
fn is_test_attribute(code: &str, at: usize) -> bool {
    let before = &code[..at];
    let opens = before.ends_with("#[") || before.ends_with("#[tokio::");
    opens && code[at + "test".len()..].starts_with([']', '('])
}

/// `brk_1_reconnects` carries BRK-1, `brk_10_…` does not.
fn carries(name: &str, id: &str) -> bool {
    let id = format!("_{}_", id.to_lowercase().replace('-', "_"));
    format!("_{name}_").contains(&id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: (&str, &str) =
        (BEHAVIOUR, "**SES-1** opens\n\n| id | rule |\n|---|---|\n| BRK-1 | reconnects |\n");

    fn found(tests: &str) -> Vec<String> {
        let tree = Tree::from([RULES, ("a/tests/b.rs", tests)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules_are_read_from_tables_and_paragraphs() {
        assert_eq!(rules(RULES.1), [(1, "SES-1".to_owned()), (5, "BRK-1".to_owned())]);
        assert_eq!(rules("| id | rule |\n| C-1 | crash |\n**LOG-x** no\nsee **SES-1**\n"), []);
    }

    #[test]
    fn tests_of_every_kind_count_and_helpers_do_not() {
        let tests =
            "#[test]\nfn ses_1_opens() {}\n#[tokio::test(start_paused = true)]\nasync fn late_brk_1() {}";
        assert_eq!(found(tests), [""; 0]);
        assert_eq!(found("fn ses_1_opens() {}\n// #[test]\nfn brk_1() {}").len(), 2);
    }

    #[test]
    fn an_id_is_not_carried_by_a_longer_one() {
        let tests = "#[test]\nfn ses_1() {}\n#[test]\nfn brk_10_other() {}";
        assert_eq!(found(tests), ["docs/behaviour.md:5: BRK-1 has no test: name one `brk_1_…`"]);
    }

    #[test]
    fn a_missing_specification_is_found() {
        assert_eq!(check(&Tree::from([])).len(), 1);
    }
}
