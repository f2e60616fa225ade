//! Whoever is woken by an alert finds the page it names.

use super::Finding;
use super::tree::Tree;

const FOLDER: &str = "docs/runbooks/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.files().filter(|(file, _)| *file != "xtask/src/tidy/runbooks.rs") {
        for (at, line) in text.lines().enumerate() {
            let missing = pages_named_in(line).filter(|page| tree.text(&format!("{FOLDER}{page}")).is_none());
            findings.extend(missing.map(|page| {
                Finding::at(file, at + 1, format!("names {FOLDER}{page}, which does not exist"))
            }));
        }
    }
    findings
}

/// `login-failure.md` in `…docs/runbooks/login-failure.md…`. A pattern (`*.md`, `{name}.md`) names no page.
fn pages_named_in(line: &str) -> impl Iterator<Item = &str> {
    line.split(FOLDER).skip(1).filter_map(|rest| {
        let end = rest.find(".md")?;
        let name = &rest[..end];
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        plain.then(|| &rest[..end + ".md".len()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_named_but_not_there_is_found() {
        let rules = ("alerts.yml", "a: docs/runbooks/broker-down.md\nb: docs/runbooks/gone.md\n");
        let tree = Tree::from([rules, ("docs/runbooks/broker-down.md", "# Broker down")]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "alerts.yml:2: names docs/runbooks/gone.md, which does not exist");
    }

    #[test]
    fn patterns_name_no_page() {
        assert_eq!(
            check(&Tree::from([("a.rs", "docs/runbooks/*.md docs/runbooks/{}.md docs/runbooks/")])),
            []
        );
    }
}
