//! The reference of all keys, as Markdown tables.

use std::fmt::Write as _;

use warden_policy::Params;

use super::{KEYS, keys};

/// The tables of `docs/configuration.md`.
#[must_use]
pub fn tables() -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            settings(&mut text, section);
            section = key.section;
            let many = matches!(section, "group" | "instance");
            head(&mut text, &if many { format!("[[{section}]]") } else { format!("[{section}]") });
        }
        let default = key.default.map_or("none".to_owned(), |default| format!("`{default}`"));
        row(&mut text, &[&format!("`{}`", key.name), &default, key.range, key.meaning]);
    }
    settings(&mut text, section);
    policy(&mut text);
    text
}

/// The keys of a section that another crate declares; the rules of accounts stand once, with the groups.
fn settings(text: &mut String, section: &str) {
    if section == "instance" {
        text.push_str("\nFurther keys are those of `[[group]]`: the rules of this account alone.\n");
        return;
    }
    for (description, default) in keys::settings(section) {
        let (name, default) = (format!("`{}`", description.key), format!("`{default}`"));
        row(text, &[&name, &default, description.range, description.meaning]);
    }
}

fn head(text: &mut String, section: &str) {
    write!(text, "\n### `{section}`\n\n| key | default | range | meaning |\n|---|---|---|---|\n")
        .expect("writing into a string cannot fail");
}

fn row(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing into a string cannot fail");
}

/// The numbers of the rules, one table for each element.
fn policy(text: &mut String) {
    let mut section = String::new();
    for (description, (key, default)) in Params::describe().iter().zip(Params::default().list()) {
        let (element, name) = key.rsplit_once('.').unwrap_or(("", &key));
        if element != section {
            section = element.to_owned();
            write!(text, "\n### `[policy.{section}]`\n\n| key | default | range | rule | meaning |\n|---|---|---|---|---|\n")
                .expect("writing into a string cannot fail");
        }
        let (rules, meaning) = rules(description.meaning);
        let (name, default) = (format!("`{name}`"), format!("`{default}`"));
        row(text, &[&name, &default, description.range, &rules, &meaning]);
    }
}

/// Splits `LOG-2: the waits` into its rules and its words.
fn rules(meaning: &str) -> (String, String) {
    let (rules, words) = match meaning.split_once(": ") {
        Some((rules, words))
            if rules.split(", ").all(|rule| warden_domain::Rule::from_text(rule).is_some()) =>
        {
            (rules, words)
        }
        _ => ("", meaning),
    };
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    (rules.to_owned(), first + letters.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const BEGIN: &str = "<!-- generated: keys -->\n";
    const END: &str = "\n<!-- end of generated -->";

    /// Writes the tables anew when `WARDEN_REGENERATE` is set.
    #[test]
    fn the_reference_in_the_documentation_is_this_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("the document marks where the tables begin");
        let (present, after) = rest.split_once(END).expect("the document marks where the tables end");
        if std::env::var_os("WARDEN_REGENERATE").is_some() {
            std::fs::write(&path, [before, BEGIN, &tables(), END, after].concat()).unwrap();
        } else {
            assert!(
                present == tables(),
                "docs/configuration.md is stale; run the test with WARDEN_REGENERATE=1"
            );
        }
    }

    #[test]
    fn every_number_of_a_rule_names_it() {
        let described = Params::describe();
        assert_eq!(described.len(), Params::default().list().len());
        let (of_rules, others): (Vec<_>, Vec<_>) =
            described.iter().partition(|it| !rules(it.meaning).0.is_empty());
        assert!(of_rules.len() > 30, "{of_rules:?}");
        assert!(others.iter().all(|it| !it.meaning.is_empty()), "{others:?}");
    }
}
