//! What holds for every engine.

use std::time::{Duration, Instant};

use crate::setup::{SOON, Setup, one_store};

/// A store that begins empty in every setup.
pub(crate) struct Engine<'e> {
    /// The name of the store that it keeps.
    pub(crate) store: &'static str,
    /// How often `up` is killed.
    pub(crate) kills: u32,
    /// Makes a setup with an empty store.
    pub(crate) fresh: &'e dyn Fn() -> Setup,
}

impl Engine<'_> {
    /// `up` does everything once and then nothing; looking changes nothing.
    pub(crate) fn comes_up_once(&self) {
        let setup = (self.fresh)();
        for _ in 0..2 {
            let status = setup.json(3, "status", self.store);
            assert_eq!((&status["state"], &status["applied"]), (&"behind".into(), &0.into()), "{status}");
            assert_eq!(setup.json(3, "verify", self.store)["state"], "behind");
        }
        let plan = setup.json(0, "plan", self.store);
        let planned = plan["steps"].as_array().unwrap();
        assert!(!planned.is_empty(), "{plan}");
        for step in planned {
            let sql = step["sql"].as_str().unwrap();
            assert!(["CREATE", "ALTER", "INSERT"].iter().any(|word| sql.contains(word)), "{step}");
            assert!(!sql.contains("{database}") && !sql.contains("{on_cluster}"), "not as it is run: {sql}");
        }

        let (told, progress) = setup.ends(0, &["up", "--store", self.store]);
        assert!(
            told.starts_with(&format!("{}: current, ", self.store)) && told.contains("applied"),
            "{told}"
        );
        for step in planned {
            let step = format!("{}: {} ", self.store, step["step"].as_str().unwrap());
            assert!(progress.contains(&format!("{step}begins")), "{progress}");
            assert!(progress.contains(&format!("{step}is done, ")), "{progress}");
            assert!(progress.contains(&format!("{step}1/")), "{progress}");
        }
        let (told, progress) = setup.ends(0, &["up", "--store", self.store]);
        assert!(told.contains("nothing to do") && progress.is_empty(), "{told}{progress}");
        self.is_clean(&setup);
        let (plan, _) = setup.ends(0, &["plan", "--store", self.store]);
        assert!(plan.starts_with(&format!("-- {}: nothing to do", self.store)), "{plan}");
    }

    /// Four at once take turns: each step is applied by one of them.
    pub(crate) fn takes_turns(&self) {
        let setup = (self.fresh)();
        let up = ["up", "--store", self.store, "--json"];
        let mut running: Vec<_> = (0..4).map(|_| setup.start(&up)).collect();
        let applied = running.iter_mut().map(|program| {
            let finished = program.finish(SOON).unwrap();
            assert_eq!(finished.code, Some(0), "{finished:#?}");
            one_store(&finished.stdout.join("\n"), 0)["steps"].as_u64().unwrap_or_default()
        });
        let applied: u64 = applied.sum();
        let status = setup.json(0, "status", self.store);
        assert_eq!(Some(applied), status["known"].as_u64(), "{status}");
        self.is_clean(&setup);
    }

    /// Killed at moments all over its run, it is brought up by the next one; all of those at once, as each may have to
    /// wait for the lock of the dead.
    pub(crate) fn outlives_kills(&self) {
        let began = Instant::now();
        let up = ["up", "--store", self.store];
        (self.fresh)().ends(0, &up);
        let whole = began.elapsed();
        let (mut killed, mut cut_short) = (Vec::new(), 0);
        for kill in 0..self.kills {
            let setup = (self.fresh)();
            let mut dying = setup.start(&up);
            // the moments are the test: nothing that could be waited for tells them apart
            let moment = whole.mul_f64(f64::from(kill + 1) / f64::from(self.kills + 1));
            let _ = dying.wait_for_line(moment.max(Duration::from_millis(1)), |_| false);
            dying.kill9().unwrap();
            cut_short += u32::from(dying.finish(SOON).unwrap().code.is_none());
            let status = setup.run(&["status", "--store", self.store]);
            assert!(matches!(status.code, Some(0 | 3)), "{status:#?}");
            killed.push((setup.start(&up), setup));
        }
        for (next, setup) in &mut killed {
            let finished = next.finish(SOON).unwrap();
            assert_eq!(finished.code, Some(0), "{finished:#?}");
            self.is_clean(setup);
        }
        assert!(cut_short > 0, "every run ended before it was killed");
    }

    /// Current, and the sum of its steps.
    pub(crate) fn is_clean(&self, setup: &Setup) {
        let status = setup.json(0, "status", self.store);
        assert_eq!((&status["state"], &status["applied"]), (&"current".into(), &status["known"]), "{status}");
        let proof = setup.json(0, "verify", self.store);
        assert_eq!(proof["state"], "clean", "{proof}");
        let (told, _) = setup.ends(0, &["verify", "--store", self.store]);
        assert!(told.starts_with(&format!("{}: clean, ", self.store)), "{told}");
    }

    /// A ledger that does not fit: everything ends with the code, names the fault with its remedy, and changes nothing.
    pub(crate) fn refuses(&self, setup: &Setup, code: i32, state: &str, remedy: &str) {
        for task in ["status", "plan", "up", "verify"] {
            let (_, said) = setup.ends(code, &[task, "--store", self.store]);
            assert!(said.contains(remedy), "{task}: {said}");
            assert_eq!(setup.json(code, task, self.store)["state"], state);
        }
    }
}
