use warden_policy::decode_state;
use warden_store::{HotState as _, Journal as _, Stored};

use super::{Director, heal};
use crate::invariant::settled;

impl Director {
    /// What must be equal when nothing is under way any more.
    pub(super) async fn finish(&mut self) {
        self.books_agree();
        let hot = self.hot_state_is_the_journal().await;
        self.sim.state().judged("the hot state is the journal", hot);
        let exported = self.history_is_the_journal().await;
        self.sim.state().judged("the history has every row", exported);
        self.ends_well().await;
    }

    /// What the ledger shows, and what the journal has of it.
    fn books_agree(&self) {
        let state = &mut *self.sim.state();
        let mut verdicts = Vec::new();
        for (login, (instance, _)) in &state.judge.logins {
            let (Some(member), Some(account)) =
                (state.judge.members.get(instance), state.judge.books.account(*login))
            else {
                continue;
            };
            if heal::is_destroyed(member) {
                continue;
            }
            let params = &state.judge.params;
            verdicts.extend([
                ("a duplicate is counted once", settled::duplicates_are_counted(member, account)),
                ("no intent holds more than it asked for", settled::nothing_is_too_much(member)),
                ("slippage is judged", settled::slippage_is_judged(member, account, params)),
                ("the instance does what its trades ask", settled::nothing_is_owed(member)),
            ]);
        }
        for (name, verdict) in verdicts {
            state.judged(name, verdict);
        }
    }

    async fn hot_state_is_the_journal(&mut self) -> Result<(), String> {
        let ids: Vec<_> = self.specs.iter().map(|spec| spec.id.clone()).collect();
        let stored = self.stores.hot.load(&ids).await.map_err(|fault| fault.to_string())?;
        let state = self.sim.state();
        for (id, stored) in ids.iter().zip(stored) {
            let Some(member) = state.judge.members.get(id) else { continue };
            let Some(known) = &member.state else { continue };
            if known.hot_state_removed() {
                continue;
            }
            match stored {
                Stored::State(snapshot, _) if snapshot.version == member.version => {
                    if decode_state(&snapshot.state).as_ref() != Ok(known) {
                        return Err(format!("{id}: another state at version {}", member.version));
                    }
                }
                Stored::State(snapshot, _) => {
                    let (hot, journal) = (snapshot.version, member.version);
                    return Err(format!("{id}: version {hot}, the journal has {journal}"));
                }
                Stored::Nothing => return Err(format!("{id}: nothing is stored")),
                Stored::Corrupt(what) => return Err(format!("{id}: {what}")),
            }
        }
        Ok(())
    }

    async fn history_is_the_journal(&mut self) -> Result<(), String> {
        if !self.scenario.with_history {
            return Ok(());
        }
        let until = self.millis() + 300_000;
        loop {
            let head = self.stores.journal.head().seq;
            let exported = self.process.as_ref().and_then(crate::process::Process::exported);
            if exported.is_some_and(|exported| exported + 50 >= head) {
                break;
            }
            if self.millis() >= until {
                return Err(format!("{exported:?} of {head} rows after 5 minutes"));
            }
            let now = self.millis();
            self.live_until(now + 1_000, false).await;
        }
        let held = self.stores.history.rows().events.len();
        let rows = self.stores.journal.head().seq;
        if (held as u64) > rows { Err(format!("{held} events of {rows} rows")) } else { Ok(()) }
    }

    /// The supervisor ends when it is asked to.
    async fn ends_well(&mut self) {
        let Some(process) = self.process.take() else { return };
        if let Err(fault) = process.drain().await {
            self.sim.state().judged("the supervisor ends when it is asked to", Err(fault));
        }
    }
}
