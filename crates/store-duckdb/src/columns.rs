//! Rows as Arrow columns: how they go into DuckDB and how they come back.

use std::sync::{Arc, LazyLock};

use duckdb::{
    Params, Statement,
    arrow::{
        array::{
            Array, ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, Int64Array,
            Int64Builder, StringArray, StringBuilder, StructArray, UInt64Array, UInt64Builder,
        },
        datatypes::{DataType, Field, Schema},
        record_batch::RecordBatch,
    },
};
use warden_domain::{ClientTradeId, Epoch, InstanceId, Magic, OpId, Timestamp, Version};
use warden_store::{
    Head, Record, Row, SignalKey, TradeMark,
    chain::{self, Content, Fields, Mark},
};

/// The columns of a row as every statement that reads rows asks for them.
pub(crate) const ROW: &str = "seq, instance, epoch, version, op_id, at_ms, kind, rule, payload, \
    trade, client_key, key_digest, trade_ended";

/// Where in an answer the columns after those of [`ROW`] begin.
pub(crate) const BEYOND: usize = 13;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let columns = [
        ("seq", DataType::UInt64),
        ("instance", DataType::Utf8),
        ("epoch", DataType::UInt64),
        ("version", DataType::UInt64),
        ("op_id", DataType::UInt64),
        ("at_ms", DataType::Int64),
        ("kind", DataType::Utf8),
        ("rule", DataType::Utf8),
        ("payload", DataType::Binary),
        ("prev_hash", DataType::Binary),
        ("hash", DataType::Binary),
        ("trade", DataType::UInt64),
        ("client_key", DataType::Utf8),
        ("key_digest", DataType::UInt64),
        ("trade_ended", DataType::Boolean),
    ];
    Arc::new(Schema::new(columns.map(|(name, kind)| Field::new(name, kind, false)).to_vec()))
});

/// Rows on their way into the journal; each is linked to the one before as it is added.
pub(crate) struct Columns {
    head: Head,
    seq: UInt64Builder,
    instance: StringBuilder,
    epoch: UInt64Builder,
    version: UInt64Builder,
    op_id: UInt64Builder,
    at_ms: Int64Builder,
    kind: StringBuilder,
    rule: StringBuilder,
    payload: BinaryBuilder,
    prev_hash: BinaryBuilder,
    hash: BinaryBuilder,
    trade: UInt64Builder,
    client_key: StringBuilder,
    key_digest: UInt64Builder,
    trade_ended: BooleanBuilder,
}

impl Columns {
    /// Room for `rows` rows that follow `head`.
    pub(crate) fn after(head: Head, rows: usize) -> Self {
        const TEXT: usize = 24; // a usual name; more only costs another allocation
        Self {
            head,
            seq: UInt64Builder::with_capacity(rows),
            instance: StringBuilder::with_capacity(rows, rows * TEXT),
            epoch: UInt64Builder::with_capacity(rows),
            version: UInt64Builder::with_capacity(rows),
            op_id: UInt64Builder::with_capacity(rows),
            at_ms: Int64Builder::with_capacity(rows),
            kind: StringBuilder::with_capacity(rows, rows * TEXT),
            rule: StringBuilder::with_capacity(rows, rows * TEXT),
            payload: BinaryBuilder::with_capacity(rows, rows * 8 * TEXT),
            prev_hash: BinaryBuilder::with_capacity(rows, rows * 32),
            hash: BinaryBuilder::with_capacity(rows, rows * 32),
            trade: UInt64Builder::with_capacity(rows),
            client_key: StringBuilder::with_capacity(rows, 0), // most rows have none
            key_digest: UInt64Builder::with_capacity(rows),
            trade_ended: BooleanBuilder::with_capacity(rows),
        }
    }

    pub(crate) fn add(&mut self, record: &Record, content: &Content) {
        let seq = self.head.seq + 1;
        let hash = chain::link(&self.head.hash, seq, content);
        self.seq.append_value(seq);
        self.instance.append_value(record.instance.as_str());
        self.epoch.append_value(record.epoch.0);
        self.version.append_value(record.version.0);
        self.op_id.append_value(record.op.0);
        self.at_ms.append_value(record.at.as_millis());
        self.kind.append_value(record.kind);
        self.rule.append_value(record.rule);
        self.payload.append_value(&record.payload);
        self.prev_hash.append_value(self.head.hash);
        self.hash.append_value(hash);
        let Mark { magic, ended, key, digest } = record.trade.as_ref().map(Mark::from).unwrap_or_default();
        self.trade.append_value(magic);
        self.client_key.append_value(key);
        self.key_digest.append_value(digest);
        self.trade_ended.append_value(ended);
        self.head = Head { seq, hash };
    }

    /// The rows, and the head they make.
    pub(crate) fn finish(mut self) -> (RecordBatch, Head) {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.seq.finish()),
            Arc::new(self.instance.finish()),
            Arc::new(self.epoch.finish()),
            Arc::new(self.version.finish()),
            Arc::new(self.op_id.finish()),
            Arc::new(self.at_ms.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.rule.finish()),
            Arc::new(self.payload.finish()),
            Arc::new(self.prev_hash.finish()),
            Arc::new(self.hash.finish()),
            Arc::new(self.trade.finish()),
            Arc::new(self.client_key.finish()),
            Arc::new(self.key_digest.finish()),
            Arc::new(self.trade_ended.finish()),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&SCHEMA), columns).expect("the columns are the schema's");
        (batch, self.head)
    }
}

/// A row that was read and is not one.
#[derive(Debug, thiserror::Error)]
#[error("column {column} does not hold what was written there")]
pub(crate) struct Unreadable {
    /// Counted from 0, as the statement asked for it.
    pub(crate) column: usize,
}

/// Runs a statement that asks for [`ROW`].
pub(crate) fn rows(statement: &mut Statement<'_>, params: impl Params) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    each_block(statement, params, |block| {
        let read = Block::of(block)?;
        rows.reserve(block.len());
        for index in 0..block.len() {
            rows.push(read.row(index)?);
        }
        Ok(())
    })?;
    Ok(rows)
}

/// Why rows could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Engine(#[from] duckdb::Error),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Runs a statement and hands over its columns piece by piece.
pub(crate) fn each_block(
    statement: &mut Statement<'_>,
    params: impl Params,
    mut see: impl FnMut(&StructArray) -> Result<(), Unreadable>,
) -> Result<(), ReadError> {
    statement.execute(params)?;
    while let Some(block) = statement.step()? {
        see(&block)?;
    }
    Ok(())
}

/// The columns of [`ROW`] in one piece of an answer.
pub(crate) struct Block<'a> {
    seq: &'a UInt64Array,
    instance: &'a StringArray,
    epoch: &'a UInt64Array,
    version: &'a UInt64Array,
    op_id: &'a UInt64Array,
    at_ms: &'a Int64Array,
    kind: &'a StringArray,
    rule: &'a StringArray,
    payload: &'a BinaryArray,
    trade: &'a UInt64Array,
    client_key: &'a StringArray,
    key_digest: &'a UInt64Array,
    trade_ended: &'a BooleanArray,
}

impl<'a> Block<'a> {
    pub(crate) fn of(block: &'a StructArray) -> Result<Self, Unreadable> {
        Ok(Self {
            seq: column(block, 0)?,
            instance: column(block, 1)?,
            epoch: column(block, 2)?,
            version: column(block, 3)?,
            op_id: column(block, 4)?,
            at_ms: column(block, 5)?,
            kind: column(block, 6)?,
            rule: column(block, 7)?,
            payload: column(block, 8)?,
            trade: column(block, 9)?,
            client_key: column(block, 10)?,
            key_digest: column(block, 11)?,
            trade_ended: column(block, 12)?,
        })
    }

    pub(crate) fn seq(&self, index: usize) -> u64 {
        self.seq.value(index)
    }

    pub(crate) fn fields(&self, index: usize) -> Fields<'a> {
        Fields {
            epoch: self.epoch.value(index),
            version: self.version.value(index),
            op: self.op_id.value(index),
            at: self.at_ms.value(index),
            instance: self.instance.value(index),
            kind: self.kind.value(index),
            rule: self.rule.value(index),
            payload: self.payload.value(index),
            trade: self.mark(index),
        }
    }

    /// `None` where nothing stands of a trade: whatever else stands there is covered by the row's hash.
    fn mark(&self, index: usize) -> Option<Mark<'a>> {
        let mark = Mark {
            magic: self.trade.value(index),
            ended: self.trade_ended.value(index),
            key: self.client_key.value(index),
            digest: self.key_digest.value(index),
        };
        (mark != Mark::default()).then_some(mark)
    }

    fn row(&self, index: usize) -> Result<Row, Unreadable> {
        Ok(Row {
            seq: self.seq(index),
            instance: InstanceId::new(self.instance.value(index)).map_err(|_| Unreadable { column: 1 })?,
            trade: self.mark(index).map(trade).transpose()?,
            epoch: Epoch(self.epoch.value(index)),
            version: Version(self.version.value(index)),
            op: OpId(self.op_id.value(index)),
            at: Timestamp::from_millis(self.at_ms.value(index)),
            kind: self.kind.value(index).to_owned(),
            rule: self.rule.value(index).to_owned(),
            payload: self.payload.value(index).to_vec(),
        })
    }
}

fn trade(mark: Mark<'_>) -> Result<TradeMark, Unreadable> {
    let magic = Magic::from_number(mark.magic).map_err(|_| Unreadable { column: 9 })?;
    let key = match mark.key {
        "" => None,
        id => Some(key(id, mark.digest).ok_or(Unreadable { column: 10 })?),
    };
    Ok(TradeMark { magic, ended: mark.ended, key })
}

/// A signal's name as it stands in its columns; `None` when it is not one.
pub(crate) fn key(id: &str, digest: u64) -> Option<SignalKey> {
    Some(SignalKey { id: ClientTradeId::new(id).ok()?, digest })
}

/// Column `index` of a piece, when it is of the type it should be and holds no null.
pub(crate) fn column<T: Array + 'static>(block: &StructArray, index: usize) -> Result<&T, Unreadable> {
    let column = block.columns().get(index).filter(|column| column.null_count() == 0);
    column.and_then(|column| column.as_any().downcast_ref()).ok_or(Unreadable { column: index })
}
