//! The text files of a checkout, as the checks see them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::{Doing, Result};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 5] = [".git", ".tools", "target", "node_modules", "__pycache__"];

/// Path relative to the root, with `/` between folders, and text of every text file.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result {
        let doing = || format!("could not read {}", folder.display());
        for entry in fs::read_dir(folder).doing(doing())? {
            let entry = entry.doing(doing())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().doing(doing())?;
            if kind.is_dir() && !FOREIGN.contains(&name.as_str()) {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                self.files.insert(path, text); // what is not UTF-8 is not text
            }
        }
        Ok(())
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn with_ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(ending))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        Self { files: files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }
}
