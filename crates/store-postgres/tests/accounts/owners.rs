//! Who owns an instance.

use std::collections::HashSet;

use warden_domain::{Epoch, InstanceId};
use warden_store::Accounts as _;

use crate::common::{Engine, Place, instance, on_both};

on_both!(two_supervisors_raise_epochs_at_once_and_never_share_one, many_epochs_are_raised_in_one_call);

async fn two_supervisors_raise_epochs_at_once_and_never_share_one(engine: Engine) {
    const TIMES: usize = 20;
    let place = Place::new(engine);
    let (one, two) = (place.open().await, place.open().await);
    // In opposite orders, which would deadlock if each took its rows as they come.
    let forth: Vec<InstanceId> = (0..10).map(|number| instance(&format!("acct-{number}"))).collect();
    let back: Vec<InstanceId> = forth.iter().rev().cloned().collect();
    let mut given = HashSet::new();
    for _ in 0..TIMES {
        let (ones, twos) = tokio::join!(one.raise_epochs(&forth), two.raise_epochs(&back));
        for (instances, epochs) in [(&forth, ones.unwrap()), (&back, twos.unwrap())] {
            for (instance, epoch) in instances.iter().zip(epochs) {
                assert!(given.insert((instance.clone(), epoch)), "{instance} got {epoch} twice");
            }
        }
    }
    let last = Epoch(2 * TIMES as u64);
    assert!(forth.iter().all(|instance| given.contains(&(instance.clone(), last))));
    assert_eq!(one.verify_audit().await.unwrap().proven, 400);
}

async fn many_epochs_are_raised_in_one_call(engine: Engine) {
    let place = Place::new(engine);
    let store = place.open().await;
    let many: Vec<InstanceId> = (0..1_203).map(|number| instance(&format!("acct-{number}"))).collect();
    for round in 1..=2 {
        assert_eq!(store.raise_epochs(&many).await.unwrap(), vec![Epoch(round); many.len()]);
    }
    let report = store.verify_audit().await.unwrap();
    assert_eq!((report.proven, report.fault), (2_406, None));
}
