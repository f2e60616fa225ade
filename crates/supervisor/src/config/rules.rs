//! Settings of accounts and of distribution: keys that `warden-distribution` declares.

use toml::de::{DeTable, DeValue};
use warden_distribution::{
    AccountRules, Group,
    settings::{SettingError, Value},
};

use super::{
    policy,
    reader::{Reader, Section, kind},
};

/// One `[[group]]`: what its accounts have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `name`
    pub name: Group,
    /// The rules of its accounts.
    pub rules: GivenRules,
}

/// Rules of accounts, with the keys that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenRules {
    rules: AccountRules,
    given: Vec<&'static str>,
}

impl GivenRules {
    /// These rules over others: what was not given is as there.
    #[must_use]
    pub fn over(&self, other: &AccountRules) -> AccountRules {
        let mut rules = other.clone();
        for key in &self.given {
            rules.take(key, &self.rules);
        }
        rules
    }

    /// The rules of an instance in this group.
    pub(super) fn in_group(&self, group: &str, groups: &[GroupConfig]) -> AccountRules {
        let common = groups.iter().find(|it| it.name.as_str() == group);
        let common = common.map_or_else(AccountRules::default, |it| it.rules.over(&AccountRules::default()));
        self.over(&common)
    }
}

/// The groups.
pub(super) fn groups(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Vec<GroupConfig> {
    let Some(value) = document.get("group") else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        let what = format!("is {}; write each group as [[group]]", kind(value.get_ref()));
        reader.fault(&value.span(), "group", what);
        return Vec::new();
    };
    let mut groups: Vec<GroupConfig> = Vec::new();
    for item in items.iter() {
        let DeValue::Table(table) = item.get_ref() else {
            let what = format!("is {}; write each group as [[group]]", kind(item.get_ref()));
            reader.fault(&item.span(), "group", what);
            continue;
        };
        let mut section = Section::of(reader, "group", table);
        let name = section.parsed("name", group);
        let rules = account(&mut section);
        let Some(place) = section.place("name") else {
            section.reader.fault(&item.span(), "group.name", "is missing; name the group");
            continue;
        };
        let Some(name) = name else { continue };
        if groups.iter().any(|known| known.name == name) {
            section.fault("name", &place, format!("{name} is there twice; remove one of them"));
        }
        groups.push(GroupConfig { name, rules });
    }
    groups
}

/// A group's name.
pub(super) fn group(text: &str) -> Result<Group, String> {
    Group::new(text).map_err(|fault| fault.to_string())
}

/// The rules that a section of an account, or of a group, gives.
pub(super) fn account(section: &mut Section<'_, '_, '_>) -> GivenRules {
    let mut given = GivenRules::default();
    let keys = AccountRules::describe().into_iter().map(|it| it.key);
    given.given = set(section, keys, |key, value| given.rules.set(key, value));
    for fault in given.rules.faults() {
        section.fault_at(&fault.field, fault.what);
    }
    given
}

/// Sets the keys that the section gives, and notes those that are refused; answers which were set.
pub(super) fn set(
    section: &mut Section<'_, '_, '_>,
    keys: impl Iterator<Item = &'static str>,
    mut set: impl FnMut(&str, &Value<'_>) -> Result<(), SettingError>,
) -> Vec<&'static str> {
    let mut given = Vec::new();
    for key in keys {
        let Some(value) = section.value(key) else { continue };
        match policy::with_value(value.get_ref(), |value| set(key, value)) {
            Ok(()) => given.push(key),
            Err(fault) => section.fault(key, &value.span(), fault.to_string()),
        }
    }
    given
}
