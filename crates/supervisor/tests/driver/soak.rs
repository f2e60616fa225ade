//! The simulated fleet, everything that goes wrong with it, stores that fail and supervisors that die: by seed, in paused
//! time. What is checked holds whatever happened.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use warden_bridge_sim::{Bars, FaultMix, FleetPlan, Market, Settings, World};
use warden_domain::{Desired, InstanceId, Status, StopMode};
use warden_policy::{Absorbing, Effects, Instance, decode_step, step};
use warden_store::{Absorbed, Account, Accounts as _, Password, Row, memory::MemoryAccounts};
use warden_supervisor::{InstanceSpec, Wish};

use crate::{
    conflict::write_under,
    rebuild,
    rig::{Answer, FaultyJournal, GatedAccounts, Relay, Rig, pass, settle},
};

const INSTANCES: usize = 24;
const MINUTES: u64 = 25;

/// A rig whose terminals are simulated, with a quarter of an hour of everything before it.
fn simulated(seed: u64) -> Rig {
    let mut rig = Rig::new(0);
    let plan = FleetPlan::demo(INSTANCES, seed);
    let world = World::new(&plan, Market::usual(Bars::eurusd(), seed), Settings::default(), seed, rig.now());
    let accounts = plan.accounts.iter().map(|plan| {
        let password = Password::new(plan.password.reveal().to_owned());
        let account = Account { login: plan.login, server: plan.server.clone(), password, rejected: false };
        (plan.instance.clone(), account)
    });
    rig.accounts = std::sync::Arc::new(GatedAccounts::new(MemoryAccounts::new(accounts).unwrap()));
    let specs = plan.accounts.iter().map(|plan| InstanceSpec {
        id: plan.instance.clone(),
        login: Some(plan.login),
        server: plan.server.clone(),
        desired: Desired::Running,
        group: String::new(),
        rules: std::sync::Arc::default(),
    });
    rig.specs = specs.collect();
    rig.params.recovery.jitter.0 = 10;
    rig.options.shards = 1 + usize::try_from(seed % 3).unwrap();
    rig.options.batch = [1, 7, 1_024][usize::try_from(seed / 3 % 3).unwrap()];
    rig.relay = Some(Relay::run(world, &rig.clock));
    rig
}

/// Draws by a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One thing that befalls the stores or the supervisor.
async fn misfortune(rig: &mut Rig, dice: &mut Dice) {
    let some = rig.specs[usize::try_from(dice.roll(INSTANCES as u64)).unwrap()].id.clone();
    match dice.roll(13) {
        0 => {
            rig.kill().await;
            pass(dice.roll(20)).await;
            rig.start().await;
        }
        1 => {
            rig.hot.set_reachable(false);
            pass(dice.roll(35)).await;
            rig.hot.set_reachable(true);
        }
        2 => {
            rig.hot.set_reachable(false);
            rig.kill().await;
            for instance in rig.ids() {
                rig.hot.forget(&instance);
            }
            rig.start().await;
            pass(dice.roll(15)).await;
            rig.hot.set_reachable(true);
        }
        3 => rig.journal.fail(dice.roll(6)),
        // Credentials are waited for, and ends are recorded later, by the next process where this one dies.
        11 => {
            rig.hooks.accounts_down.store(true, Ordering::SeqCst);
            pass(dice.roll(60)).await;
            if dice.roll(2) == 0 {
                rig.kill().await;
                rig.start().await;
            }
            rig.hooks.accounts_down.store(false, Ordering::SeqCst);
        }
        12 => lose_journal(rig, dice, &some).await,
        // Whoever writes under the name of a closed account leaves an orphan, which is for the reconciler to find.
        9 => {
            rig.journal.hang_after_commit(true);
            pass(dice.roll(8)).await;
            rig.kill().await;
            rig.journal.hang_after_commit(false);
            rig.start().await;
        }
        4 if !rig.keys(&some).is_empty() => rig.hot.corrupt(&some),
        5 => rig.hot.forget(&some),
        // What is refused was not allowed; most of it is.
        6 | 7 => drop(rig.fleet().wish(&some, a_wish(dice)).await),
        8 if rig.stored_version(&some).is_some() => {
            let epoch = rig.view(&some).await.epoch;
            write_under(rig, &some, epoch, 1 + dice.roll(5)).await;
        }
        _ => {
            rig.hot.set_reachable(false);
            pass(1).await;
            rig.kill().await;
            rig.hot.set_reachable(true);
            rig.start().await;
        }
    }
}

/// The journal is lost, and now and then hot state with it; the history has all of it but the last few steps.
async fn lose_journal(rig: &mut Rig, dice: &mut Dice, some: &InstanceId) {
    let mut rows = rig.everything().await;
    rows.truncate(rows.len() - usize::try_from(dice.roll(5)).unwrap().min(rows.len()));
    rebuild::export(rig, rows).await;
    rig.kill().await;
    rig.journal = std::sync::Arc::new(FaultyJournal::default());
    match dice.roll(6) {
        0 | 1 => rig.hot.forget(some),
        2 if !rig.keys(some).is_empty() => rig.hot.corrupt(some),
        3 => rig.ids().iter().for_each(|id| rig.hot.forget(id)),
        _ => {}
    }
    if dice.roll(4) == 0 {
        rig.asked().answers_first([Answer::Refused, Answer::Never]);
    }
    rig.start().await;
}

fn a_wish(dice: &mut Dice) -> Wish {
    match dice.roll(12) {
        0 => Wish::ConfirmClosure,
        1 => Wish::CredentialsChanged,
        2 => Wish::Stop(StopMode::Preserve),
        3 => Wish::Stop(StopMode::Close),
        4..8 => Wish::Start,
        _ => Wish::Reset,
    }
}

/// Every row follows from the one before it: nothing changed that was not journalled.
fn assert_replayable(rig: &Rig, instance: &InstanceId, rows: &[Row]) {
    let mut fx = Effects::default();
    for pair in rows.windows(2) {
        let (before, after) = (&pair[0], decode_step(&pair[1].payload).unwrap());
        let mut state = decode_step(&before.payload).unwrap().state;
        let _ = step(&mut state, &after.event, pair[1].at, &rig.params, &mut fx);
        assert_eq!(state, after.state, "{instance} {:?} after {:?}", pair[1], before.seq);
        assert_eq!(fx.list(), after.effects.list(), "{instance} {:?}", pair[1].kind);
        assert!(pair[1].version > before.version, "{instance}");
        assert!(pair[1].epoch >= before.epoch, "{instance}");
    }
}

/// The accounts store knows of the instance's end what is to be known.
async fn assert_recorded(rig: &Rig, instance: &InstanceId, state: &Instance) {
    let registered = rig.accounts.inner.registered().await.unwrap();
    let of = registered.into_iter().find(|of| of.instance == *instance).expect("it is registered");
    let recorded = of.absorbed.map(|absorbed| match absorbed {
        Absorbed::Stopped { reason, permanently, .. } => Absorbing::Stopped { reason, permanently },
        Absorbed::Closed { reason, .. } => Absorbing::Closed { reason },
    });
    let over = matches!(recorded, Some(Absorbing::Closed { .. })) && of.login.is_none();
    assert!(over || recorded == state.absorbing(), "{instance} is {:?}, and {of:?}", state.absorbing());
    assert!(over || !state.closure().is_final(), "{instance}: its destruction has not ended: {of:?}");
}

async fn assert_whole(rig: &Rig) -> BTreeMap<Status, u32> {
    let mut by_status = BTreeMap::new();
    for instance in rig.ids() {
        let (view, rows) = (rig.view(&instance).await, rig.rows(&instance).await);
        *by_status.entry(view.status).or_insert(0) += 1;
        assert_replayable(rig, &instance, &rows);
        let state = decode_step(&rows.last().unwrap().payload).unwrap().state;
        if state.hot_state_removed() {
            assert!(rig.hot.keys(&instance).is_empty(), "{instance}: {:?}", rig.hot.keys(&instance));
        } else {
            rig.assert_consistent(&instance).await;
        }
        assert_recorded(rig, &instance, &state).await;
        let truth = rig.relay().world().with_world(|world, _| world.truth(&instance).unwrap());
        let resting = matches!(state.phase(), warden_policy::Phase::Stopped { .. });
        assert!(
            resting || (view.status == Status::Connected && truth.trade_permitted),
            "{instance} is neither up nor at rest: {view:#?}\n{truth:#?}"
        );
        assert!(!state.is_held(), "{instance} is held by a broker incident that is over");
    }
    assert_eq!(rig.fleet().stats().hot_backlog.load(Ordering::Relaxed), 0);
    by_status
}

async fn run(seed: u64) -> BTreeMap<Status, u32> {
    let mut rig = simulated(seed);
    rig.start().await;
    let relay = rig.relay().clone();
    relay.world().with_world(|world, _| {
        let mix = FaultMix::demo(seed, world.roster());
        world.add_mix(FaultMix { rates: Vec::new(), ..mix });
    });
    let (mut dice, end) = (Dice(seed), rig.now().as_millis() + i64::try_from(MINUTES * 60_000).unwrap());
    while rig.now().as_millis() < end {
        pass(20 + dice.roll(100)).await;
        misfortune(&mut rig, &mut dice).await;
        settle().await;
    }
    relay.world().with_world(|world, now| world.clear_faults(now));
    // Longer than every wait but maintenance's, and then that one too.
    pass(4_000).await;
    assert_whole(&rig).await
}

#[tokio::test(start_paused = true)]
async fn rec_4_whatever_happens_nothing_is_lost_and_everyone_comes_back_or_rests() {
    // Between them they have one, two and three shards, and batches of 1, 7 and 1,024.
    for seed in [1, 5, 6] {
        let by_status = run(seed).await;
        let up = by_status.get(&Status::Connected).copied().unwrap_or(0);
        assert!(up >= 14, "seed {seed}: most come back: {by_status:?}");
    }
}
