use std::collections::HashMap;

use toml::de::{DeTable, DeValue};
use warden_distribution::Group;
use warden_domain::{Desired, InstanceId};

use super::{
    reader::{Reader, Section, kind},
    rules::{self, GivenRules},
};

/// One `[[instance]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceConfig {
    /// `id`
    pub id: InstanceId,
    /// `desired`: whether it is started when it was never run before; `None` for what the accounts say.
    pub desired: Option<Desired>,
    /// `group`: the one it belongs to; `None` for what the accounts say.
    pub group: Option<Group>,
    /// The rules of its account, over those of its group.
    pub rules: GivenRules,
}

/// The instances, each with its line.
pub(super) fn read(reader: &mut Reader<'_>, document: &DeTable<'_>) -> Vec<(InstanceConfig, usize)> {
    let Some(value) = document.get("instance") else { return Vec::new() };
    let DeValue::Array(items) = value.get_ref() else {
        let what = format!("is {}; write each instance as [[instance]]", kind(value.get_ref()));
        reader.fault(&value.span(), "instance", what);
        return Vec::new();
    };
    let mut instances = Vec::new();
    let mut seen: HashMap<InstanceId, usize> = HashMap::new();
    for item in items.iter() {
        let DeValue::Table(table) = item.get_ref() else {
            let what = format!("is {}; write each instance as [[instance]]", kind(item.get_ref()));
            reader.fault(&item.span(), "instance", what);
            continue;
        };
        let mut section = Section::of(reader, "instance", table);
        let id = section.parsed("id", |text| InstanceId::new(text).map_err(|fault| fault.to_string()));
        let desired = section.parsed("desired", desired);
        let group = section.parsed("group", rules::group);
        let rules = rules::account(&mut section);
        let Some(place) = section.place("id") else {
            section.reader.fault(&item.span(), "instance.id", "is missing; name the instance");
            continue;
        };
        let line = section.reader.line(place.start);
        let Some(id) = id else { continue };
        if let Some(first) = seen.insert(id.clone(), line) {
            let what = format!("{id} is on line {first} already; remove one of them");
            section.fault("id", &place, what);
        }
        instances.push((InstanceConfig { id, desired, group, rules }, line));
    }
    instances
}

fn desired(text: &str) -> Result<Desired, String> {
    Desired::from_text(text).ok_or_else(|| format!("{text:?} is not known; give RUNNING or STOPPED"))
}
