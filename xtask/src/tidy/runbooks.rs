//! Whoever is woken by an alert finds the page it names.

use super::Finding;
use super::tree::Tree;

const FOLDER: &str = "docs/runbooks/";

const BEHAVIOUR: &str = "docs/behaviour.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = check_alerts(tree.text(BEHAVIOUR).unwrap_or_default(), tree);
    for (file, text) in tree.files().filter(|(file, _)| *file != "xtask/src/tidy/runbooks.rs") {
        for (at, line) in text.lines().enumerate() {
            let missing = pages_named_in(line).filter(|page| !exists(tree, page));
            let what = |page| format!("names {FOLDER}{page}, which does not exist");
            findings.extend(missing.map(|page| Finding::at(file, at + 1, what(page))));
        }
    }
    findings
}

/// Every alert that the behaviour names has its page: `BrokerDown` has `broker-down.md`.
fn check_alerts(behaviour: &str, tree: &Tree) -> Vec<Finding> {
    let section = behaviour.lines().skip_while(|line| !is_alerts_heading(line)).skip(1);
    let names = section
        .take_while(|line| !line.starts_with("## "))
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let pages = names.filter(|name| is_alert(name)).map(page_of).filter(|page| !exists(tree, page));
    pages
        .map(|page| Finding::in_file(format!("{FOLDER}{page}"), "is missing: an alert needs its page"))
        .collect()
}

fn is_alerts_heading(line: &str) -> bool {
    line.starts_with("## ") && line.contains(". Alerts")
}

fn is_alert(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphabetic())
}

fn page_of(alert: &str) -> String {
    let mut page = String::new();
    for c in alert.chars() {
        if c.is_ascii_uppercase() && !page.is_empty() {
            page.push('-');
        }
        page.push(c.to_ascii_lowercase());
    }
    page + ".md"
}

fn exists(tree: &Tree, page: &str) -> bool {
    tree.text(&format!("{FOLDER}{page}")).is_some()
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
    fn an_alert_of_the_behaviour_without_a_page_is_found() {
        let behaviour = "## 8. Keys\n`Other`\n## 9. Alerts (of what)\n\n`BrokerDown`, `RateLimited` (3), `docs/`\n## 10. More\n`Later`\n";
        let tree = Tree::from([(BEHAVIOUR, behaviour), ("docs/runbooks/broker-down.md", "# Broker down")]);
        let found = check(&tree);
        assert_eq!(
            found,
            [Finding::in_file("docs/runbooks/rate-limited.md", "is missing: an alert needs its page")]
        );
    }

    #[test]
    fn patterns_name_no_page() {
        assert_eq!(
            check(&Tree::from([("a.rs", "docs/runbooks/*.md docs/runbooks/{}.md docs/runbooks/")])),
            []
        );
    }
}
