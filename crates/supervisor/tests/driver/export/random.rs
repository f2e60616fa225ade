//! Random journals, faults and crashes: the history is always the whole journal, derived at once.

use proptest::prelude::*;
use warden_domain::{Facts, JournalLine, StopMode};
use warden_policy::{Event, Outcome, Phase, StateStoreEvent};
use warden_store::Record;

use super::{
    bench::Bench,
    stores::Fate,
    walk::{SESSION, Walk, disconnected, fine, idle, line, ready},
};

/// What happens to the export.
#[derive(Clone, Debug)]
enum Act {
    /// Instances take so many steps, as the numbers say.
    Append(Vec<u16>),
    /// A step that cannot be read.
    Damage(u8),
    /// What becomes of the next insert.
    Fate(Fate),
    /// Time passes, in milliseconds.
    Pass(u64),
    /// The process dies and is started again, with ranges of so many rows.
    Crash(u32),
    /// The journal forgets what it may.
    Retain,
    /// It is stopped in order and started again.
    Stop,
}

fn act() -> impl Strategy<Value = Act> {
    let fate = prop::sample::select(vec![
        Fate::Taken,
        Fate::Refused,
        Fate::Unreachable,
        Fate::Schema,
        Fate::Lost,
        Fate::Half,
        Fate::Unacknowledged,
    ]);
    prop_oneof![
        6 => prop::collection::vec(any::<u16>(), 1..30).prop_map(Act::Append),
        1 => any::<u8>().prop_map(Act::Damage),
        4 => fate.prop_map(Act::Fate),
        4 => (0_u64..3_000).prop_map(Act::Pass),
        3 => (3_u32..15).prop_map(Act::Crash),
        2 => Just(Act::Retain),
        1 => Just(Act::Stop),
    ]
}

/// One step of an instance, as the number says; `None` when it changes nothing.
fn walked(walk: &mut Walk, number: u16) -> Option<Record> {
    walk.pass(i64::from(number % 977));
    if walk.state.awaited().is_some() && !number.is_multiple_of(4) {
        let ends = [
            (Outcome::Done, fine()),
            (SESSION, fine()),
            (SESSION, fine()),
            (Outcome::Failed, line(JournalLine::InvalidAccount)),
            (Outcome::Failed, line(JournalLine::NoConnection)),
            (Outcome::Failed, Facts::default()),
            (Outcome::NotStarted, Facts::default()),
        ];
        let (outcome, facts) = ends[usize::from(number / 4) % ends.len()];
        return Some(walk.end(outcome, facts));
    }
    if let Phase::Stopped { .. } = walk.state.phase() {
        let wish = if number.is_multiple_of(2) { Event::Start } else { Event::Reset };
        return walk.try_give(wish).or_else(|| walk.try_give(Event::GatewayUp(idle())));
    }
    let events = [
        Event::GatewayUp(ready()),
        Event::GatewayDown,
        Event::Report(disconnected()),
        Event::Report(ready()),
        Event::StateStore(StateStoreEvent::Lost { attempts: 1 }),
        Event::StateStore(StateStoreEvent::Back),
        Event::Resume,
        Event::Stop(StopMode::Preserve),
    ];
    match usize::from(number / 4) % (2 * events.len()) {
        place if place < events.len() => walk.try_give(events[place]),
        _ => walk.try_tick(),
    }
}

async fn carry_out(bench: &mut Bench, walks: &mut [Walk], act: Act) {
    match act {
        Act::Append(numbers) => {
            let count = walks.len();
            let walk = |number: u16| walked(&mut walks[usize::from(number) % count], number / 4);
            let records = numbers.into_iter().filter_map(walk).collect();
            bench.append(records).await;
        }
        Act::Damage(byte) => bench.append(vec![walks[0].damaged(&[255, byte])]).await,
        Act::Fate(fate) => bench.history.does_first([fate]),
        Act::Pass(millis) => tokio::time::sleep(std::time::Duration::from_millis(millis)).await,
        Act::Crash(rows) => {
            bench.crash().await;
            bench.config.rows = rows;
            bench.start();
        }
        Act::Retain => {
            bench.retain().await;
        }
        Act::Stop => {
            bench.stop().await;
            bench.start();
        }
    }
}

async fn survives(acts: Vec<Act>) {
    let mut bench = Bench::new();
    let mut walks: Vec<Walk> = (0..3).map(Walk::new).collect();
    bench.start();
    for act in acts {
        let exported = bench.exporter().exported();
        carry_out(&mut bench, &mut walks, act).await;
        assert!(bench.exporter().exported() >= exported, "what was exported is not taken back");
    }
    bench.history.does(Fate::Taken);
    bench.caught_up().await;
    bench.assert_exact().await;
    assert_eq!(bench.stop().await, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn c11_c12_the_history_is_the_whole_journal_whatever_crashes(acts in prop::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(survives(acts));
    }
}
