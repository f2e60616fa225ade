use warden_store_duckdb::{Config, DuckJournal};

use crate::{cases::Engine, setup::Setup};

fn fresh() -> Setup {
    Setup::new("")
}

const JOURNAL: Engine<'_> = Engine { store: "journal", kills: 12, fresh: &fresh };
const HISTORY: Engine<'_> = Engine { store: "history", kills: 12, fresh: &fresh };

#[test]
fn it_comes_up_once() {
    JOURNAL.comes_up_once();
    HISTORY.comes_up_once();
}

#[test]
fn several_take_turns() {
    JOURNAL.takes_turns();
    HISTORY.takes_turns();
}

#[test]
fn a_killed_one_is_gone_on_with() {
    JOURNAL.outlives_kills();
    HISTORY.outlives_kills();
}

#[test]
fn a_journal_that_a_supervisor_has_open_is_said_to_be_in_use() {
    let setup = fresh();
    setup.ends(0, &["up"]);
    let folder = setup.path("data/journal");
    assert!(folder.is_dir());
    let journal = DuckJournal::open(Config::new(folder)).unwrap();
    let in_use = "in use by a running supervisor; it keeps its own schema current";
    for (task, code) in [("status", 0), ("plan", 0), ("up", 0), ("verify", 9)] {
        let (told, said) = setup.ends(code, &[task, "--store", "journal"]);
        assert!(told.contains(in_use) && !said.contains("warden-migrator:"), "{task}: {told}{said}");
        assert_eq!(setup.json(code, task, "journal")["state"], "in_use");
    }
    drop(journal);
    JOURNAL.is_clean(&setup);
}

#[test]
fn a_journal_that_was_brought_up_is_one_that_a_supervisor_takes_as_it_is() {
    let setup = fresh();
    setup.ends(0, &["up", "--store", "journal"]);
    drop(DuckJournal::open(Config::new(setup.path("data/journal"))).unwrap());
    JOURNAL.is_clean(&setup);
    let none_applied = setup.ends(0, &["up", "--store", "journal"]).0;
    assert!(none_applied.contains("nothing to do"), "{none_applied}");
}
