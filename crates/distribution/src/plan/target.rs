use warden_domain::InstanceId;

use crate::{AccountFacts, Target};

/// The instances that are meant with what is known of them: sorted, each once.
pub(super) fn targeted<'a, 'f>(
    target: &'a Target,
    accounts: &'a [AccountFacts<'f>],
) -> Vec<(&'a InstanceId, Option<&'a AccountFacts<'f>>)> {
    match target {
        Target::Instance(instance) => {
            vec![(instance, accounts.iter().find(|facts| facts.instance == instance))]
        }
        Target::List(list) => {
            let known = sorted(accounts.iter());
            let mut list: Vec<&InstanceId> = list.iter().collect();
            list.sort();
            list.dedup();
            let facts = |instance: &InstanceId| {
                known.binary_search_by(|facts| facts.instance.cmp(instance)).ok().map(|index| known[index])
            };
            list.into_iter().map(|instance| (instance, facts(instance))).collect()
        }
        Target::Group(group) => {
            let members = sorted(accounts.iter().filter(|facts| facts.group == group.as_str()));
            members.into_iter().map(|facts| (facts.instance, Some(facts))).collect()
        }
    }
}

/// By instance; of several of one instance the first.
fn sorted<'a, 'f: 'a>(accounts: impl Iterator<Item = &'a AccountFacts<'f>>) -> Vec<&'a AccountFacts<'f>> {
    let mut sorted: Vec<_> = accounts.collect();
    sorted.sort_by(|one, other| one.instance.cmp(other.instance));
    sorted.dedup_by(|one, other| one.instance == other.instance);
    sorted
}
