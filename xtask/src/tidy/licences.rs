//! The two licences a user may choose from.

use super::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let wanted = [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")];
    let missing =
        wanted.into_iter().filter(|(file, title)| !tree.text(file).is_some_and(|text| text.contains(title)));
    missing.map(|(file, title)| Finding::in_file(file, format!("must hold the {title}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_licence_is_missed_on_its_own() {
        let both = [("LICENSE-MIT", "MIT License"), ("LICENSE-APACHE", "Apache License")];
        assert_eq!(check(&Tree::from(both)), []);
        assert_eq!(check(&Tree::from([both[0]])).len(), 1);
        assert_eq!(check(&Tree::from([both[0], ("LICENSE-APACHE", "")])).len(), 1);
    }
}
