//! Proves rows against the hash chain.

use duckdb::{
    Connection,
    arrow::array::{Array, BinaryArray},
};
use warden_store::{
    Head,
    chain::{self, Content},
};

use crate::columns::{self, BEYOND, Block, ROW, ReadError};

/// Why rows could not be proven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was read is not what was acknowledged.
    #[error("{0}")]
    Broken(String),
}

impl From<duckdb::Error> for Trouble {
    fn from(error: duckdb::Error) -> Self {
        Self::Read(error.into())
    }
}

/// Where the chain starts: the newest forgotten row, or the start of all.
pub(crate) fn anchor(conn: &Connection) -> Result<Head, Trouble> {
    let sql = "SELECT number, hash FROM meta WHERE name = 'anchor'";
    let (seq, hash): (u64, Vec<u8>) = conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Head { seq, hash: as_hash(&hash)? })
}

/// Proves that the journal holds every row up to `claimed` and nothing else but rows that follow it, and answers its
/// newest row. The hashes of the newest `rows` rows are computed again.
pub(crate) fn prove(conn: &Connection, claimed: Head, rows: u64) -> Result<Head, Trouble> {
    let anchor = anchor(conn)?;
    let sql = "SELECT count(*), coalesce(max(seq), ?) FROM journal WHERE seq > ?";
    let (count, newest): (u64, u64) =
        conn.query_row(sql, [anchor.seq, anchor.seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if newest < claimed.seq {
        return Err(Trouble::Broken(format!("rows {} to {} are gone", newest + 1, claimed.seq)));
    }
    if claimed.seq < anchor.seq {
        return Err(Trouble::Broken(format!("its head names row {}, forgotten before", claimed.seq)));
    }
    if count != newest - anchor.seq {
        return Err(Trouble::Broken(format!("{count} rows stand between {} and {newest}", anchor.seq)));
    }
    let start = newest.saturating_sub(rows).clamp(anchor.seq, claimed.seq);
    let start = if start == anchor.seq { anchor } else { link_at(conn, start)? };
    let acknowledged = walk(conn, start, claimed.seq)?;
    if acknowledged.hash != claimed.hash {
        return Err(Trouble::Broken(format!("row {} is not the one its head names", claimed.seq)));
    }
    walk(conn, acknowledged, newest)
}

/// Proves the rows after `from` up to `last`, in bounded pieces.
pub(crate) fn walk(conn: &Connection, from: Head, last: u64) -> Result<Head, Trouble> {
    const PIECE: u64 = 16_384;
    let mut proven = from;
    while proven.seq < last {
        proven = step(conn, proven, last.min(proven.seq + PIECE))?;
    }
    Ok(proven)
}

fn step(conn: &Connection, from: Head, last: u64) -> Result<Head, Trouble> {
    let sql = format!("SELECT {ROW}, prev_hash, hash FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq");
    let mut proven = from;
    let mut broken = None;
    let mut laid_out = Vec::new();
    columns::each_block(&mut conn.prepare(&sql)?, [from.seq, last], |block| {
        let rows = Block::of(block)?;
        let before: &BinaryArray = columns::column(block, BEYOND)?;
        let hashes: &BinaryArray = columns::column(block, BEYOND + 1)?;
        for index in 0..block.len() {
            let seq = proven.seq + 1;
            let hash = chain::link(&proven.hash, seq, &Content::with(&mut laid_out, &rows.fields(index)));
            let agrees =
                rows.seq(index) == seq && before.value(index) == proven.hash && hashes.value(index) == hash;
            if !agrees {
                broken.get_or_insert(seq);
            }
            proven = Head { seq, hash };
        }
        Ok(())
    })?;
    match broken {
        Some(seq) => Err(Trouble::Broken(format!("row {seq} does not agree with the hash chain"))),
        None if proven.seq < last => {
            Err(Trouble::Broken(format!("rows {} to {last} are gone", proven.seq + 1)))
        }
        None => Ok(proven),
    }
}

/// The place and hash that a row claims for itself.
pub(crate) fn link_at(conn: &Connection, seq: u64) -> Result<Head, Trouble> {
    let sql = "SELECT hash FROM journal WHERE seq = ?";
    let hash: Vec<u8> = conn.query_row(sql, [seq], |row| row.get(0))?;
    Ok(Head { seq, hash: as_hash(&hash)? })
}

fn as_hash(bytes: &[u8]) -> Result<[u8; 32], Trouble> {
    bytes.try_into().map_err(|_| Trouble::Broken("a hash is not 32 bytes long".to_owned()))
}
