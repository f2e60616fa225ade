//! What every package of the workspace owes its readers.

use super::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let members = members(tree.text("Cargo.toml").unwrap_or_default());
    if members.is_empty() {
        return vec![Finding::in_file("Cargo.toml", "names no workspace members")];
    }
    members.iter().flat_map(|folder| check_member(tree, folder)).collect()
}

fn check_member(tree: &Tree, folder: &str) -> Vec<Finding> {
    let manifest = format!("{folder}/Cargo.toml");
    let Some(text) = tree.text(&manifest) else {
        return vec![Finding::in_file(manifest, "is a workspace member that does not exist")];
    };
    let mut findings = Vec::new();
    if !in_section(text, "[lints]").any(|line| line == "workspace = true") {
        findings.push(Finding::in_file(
            &manifest,
            "does not take the workspace's lints: `[lints] workspace = true`",
        ));
    }
    let roots = ["lib.rs", "main.rs"].map(|name| format!("{folder}/src/{name}"));
    for (root, source) in roots.iter().filter_map(|root| Some((root, tree.text(root)?))) {
        if !source.starts_with("//!") {
            findings.push(Finding::at(root, 1, "does not say what the crate is: begin with `//!`"));
        }
    }
    let name = in_section(text, "[package]").find_map(|line| line.strip_prefix("name = "));
    let listed = format!("`{}`", name.unwrap_or_default().trim_matches('"'));
    if !tree.text("README.md").is_some_and(|readme| readme.contains(&listed)) {
        findings.push(Finding::in_file("README.md", format!("does not list {listed} ({folder})")));
    }
    findings
}

/// The folders in `members = [...]`, one a line.
fn members(manifest: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| !line.starts_with("members = [")).skip(1);
    let listed = lines.take_while(|line| !line.starts_with(']'));
    listed.filter_map(|line| line.trim().strip_prefix('"')?.split('"').next().map(str::to_owned)).collect()
}

fn in_section<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = manifest.lines().skip_while(move |line| line.trim() != header).skip(1);
    lines.take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: (&str, &str) = ("Cargo.toml", "[workspace]\nmembers = [\n    \"a\", # what it is\n]\n");
    const MANIFEST: (&str, &str) =
        ("a/Cargo.toml", "[package]\nname = \"pack-a\"\n\n[lints]\nworkspace = true\n");
    const README: (&str, &str) = ("README.md", "- `pack-a`: a package");
    const ROOT: (&str, &str) = ("a/src/lib.rs", "//! A package.\n");

    fn whats(tree: &Tree) -> Vec<String> {
        check(tree).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_member_that_owes_nothing_is_not_found() {
        assert_eq!(check(&Tree::from([WORKSPACE, MANIFEST, README, ROOT])), []);
    }

    #[test]
    fn a_member_without_the_lints_is_found() {
        let elsewhere = "[package]\nname = \"pack-a\"\n[lints]\n[other]\nworkspace = true\n";
        let found = whats(&Tree::from([WORKSPACE, ("a/Cargo.toml", elsewhere), README, ROOT]));
        assert!(found.len() == 1 && found[0].contains("[lints]"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_first_sentence_is_found() {
        let found = whats(&Tree::from([WORKSPACE, MANIFEST, README, ("a/src/lib.rs", "pub mod b;\n")]));
        assert!(found.len() == 1 && found[0].contains("`//!`"), "{found:?}");
    }

    #[test]
    fn a_package_the_readme_does_not_list_is_found() {
        let found = whats(&Tree::from([WORKSPACE, MANIFEST, ("README.md", "- `pack-ab`: another"), ROOT]));
        assert!(found.len() == 1 && found[0].contains("does not list `pack-a` (a)"), "{found:?}");
    }

    #[test]
    fn a_member_that_does_not_exist_is_found() {
        assert_eq!(whats(&Tree::from([WORKSPACE])), ["is a workspace member that does not exist"]);
        assert_eq!(whats(&Tree::from([])), ["names no workspace members"]);
    }
}
