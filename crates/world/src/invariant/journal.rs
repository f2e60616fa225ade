//! The journal: no gap, nothing that runs back.

use warden_store::Commit;

use crate::judge::{Member, StepRow, Verdict};

/// `seq` rises by one without a gap, and a batch is taken whole.
pub(crate) fn rows_have_no_gap(known: u64, commit: Commit, rows: usize) -> Verdict {
    let expected = known + rows as u64;
    if commit.first == known + 1 && commit.last == expected {
        return Ok(());
    }
    Err(format!("after row {known} a batch of {rows} became rows {} to {}", commit.first, commit.last))
}

/// The owner's epoch never falls; the version of an instance rises with every row.
pub(crate) fn epochs_and_versions_rise(member: &Member, row: &StepRow) -> Verdict {
    if row.epoch < member.epoch {
        return Err(format!("{} wrote at epoch {} after {}", row.instance, row.epoch, member.epoch));
    }
    if row.version <= member.version {
        return Err(format!("{} went from version {} to {}", row.instance, member.version, row.version));
    }
    Ok(())
}
