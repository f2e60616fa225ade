//! The arguments of one function call, laid out in one buffer.

use std::{
    fmt::{Display, Write as _},
    ops::Range,
};

use fred::{bytes::Bytes, types::Value};
use warden_domain::{InstanceId, Version};
use warden_store::{
    HotKey, HotUpdate, KEYS_KEPT, SNAPSHOT_SCHEMA, Seal, TRADES_KEPT, TradeProjection, TradeUpdate,
};

use crate::KeyStyle;

const KEY_START: &[u8] = b"instance_state:";
/// Fields of a trade that stand before its others: tag and key.
const IN_HEAD: usize = 2;

/// Keys and arguments of one call. The call's values are slices of the buffer: no allocation per key.
#[derive(Debug)]
pub(crate) struct Batch {
    function: &'static str,
    buffer: Bytes,
    keys: Vec<Range<usize>>,
    arguments: Vec<Range<usize>>,
}

impl Batch {
    /// A call of `function` over the `suffix` keys of instances; `arguments` writes each argument and calls `end`.
    pub(crate) fn new<'a>(
        function: &'static str,
        style: KeyStyle,
        suffix: &str,
        instances: impl ExactSizeIterator<Item = &'a InstanceId>,
        arguments: impl FnOnce(&mut Layout),
    ) -> Self {
        let mut layout = Layout { buffer: Vec::with_capacity(instances.len() * 64), ends: Vec::new() };
        let mut keys = Vec::with_capacity(instances.len());
        for instance in instances {
            let start = layout.buffer.len();
            key(&mut layout.buffer, style, instance, suffix);
            keys.push(start..layout.buffer.len());
        }
        let mut start = layout.buffer.len();
        arguments(&mut layout);
        let arguments = layout
            .ends
            .iter()
            .map(|end| {
                let argument = start..*end;
                start = *end;
                argument
            })
            .collect();
        Self { function, buffer: layout.buffer.into(), keys, arguments }
    }

    /// A call that writes updates.
    pub(crate) fn of_updates<'a>(
        function: &'static str,
        style: KeyStyle,
        updates: impl ExactSizeIterator<Item = &'a HotUpdate> + Clone,
        compared: bool,
    ) -> Self {
        Self::new(function, style, "snapshot", updates.clone().map(|update| &update.instance), |layout| {
            let size: usize = updates.clone().map(|update| update.state.len() + 256).sum();
            layout.buffer.reserve(size);
            layout.number(SNAPSHOT_SCHEMA);
            for update in updates.clone() {
                pack_head(&mut layout.buffer, update);
            }
            layout.end();
            let mut counts = Vec::with_capacity(updates.len());
            let mut removes = false;
            for update in updates.clone() {
                counts.push(pack_texts(&mut layout.buffer, style, update, compared, &mut removes));
            }
            layout.end();
            layout.buffer.extend_from_slice(&counts);
            layout.end();
            layout.number(removes.into());
            for update in updates {
                layout.buffer.extend_from_slice(&update.state);
                layout.end();
            }
        })
    }

    /// A call that shows trades; `whole` gives all of their fields, whatever stands there already.
    pub(crate) fn of_trades<'a>(
        style: KeyStyle,
        updates: impl ExactSizeIterator<Item = &'a TradeUpdate> + Clone,
        whole: bool,
    ) -> Self {
        let instances = updates.clone().map(|update| &update.instance);
        Self::new("warden_show_trades", style, "snapshot", instances, |layout| {
            layout.buffer.reserve(updates.len() * 384);
            layout.number(TRADES_KEPT.as_millis());
            layout.number(KEYS_KEPT.as_millis());
            let mut text = String::with_capacity(64);
            for update in updates {
                pack_trade(&mut layout.buffer, update, whole, &mut text);
                layout.end();
            }
        })
    }

    /// Function name, number of keys, keys, arguments: what follows `FCALL`.
    pub(crate) fn values(&self) -> Vec<Value> {
        let mut values = Vec::with_capacity(2 + self.keys.len() + self.arguments.len());
        values.push(Value::from_static_str(self.function));
        values.push(Value::Integer(i64::try_from(self.keys.len()).expect("a call has at most 512 keys")));
        let slices = self.keys.iter().chain(&self.arguments);
        values.extend(slices.map(|range| Value::Bytes(self.buffer.slice(range.clone()))));
        values
    }
}

/// The buffer of a call while it is written.
pub(crate) struct Layout {
    pub(crate) buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Layout {
    /// Ends the present argument.
    pub(crate) fn end(&mut self) {
        self.ends.push(self.buffer.len());
    }

    /// Adds a text as a whole argument.
    pub(crate) fn text(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
        self.end();
    }

    /// Adds a number as a whole argument.
    pub(crate) fn number(&mut self, number: u64) {
        decimal(&mut self.buffer, number);
        self.end();
    }
}

fn key_length(style: KeyStyle, instance: &InstanceId, suffix: &str) -> usize {
    let braces = match style {
        KeyStyle::Single => 0,
        KeyStyle::Cluster => 2,
    };
    KEY_START.len() + braces + instance.as_str().len() + 1 + suffix.len()
}

/// Writes a key of an instance by its full name.
fn key(buffer: &mut Vec<u8>, style: KeyStyle, instance: &InstanceId, suffix: &str) {
    let (open, close): (&[u8], &[u8]) = match style {
        KeyStyle::Single => (b"", b""),
        KeyStyle::Cluster => (b"{", b"}"),
    };
    for part in [KEY_START, open, instance.as_str().as_bytes(), close, b":", suffix.as_bytes()] {
        buffer.extend_from_slice(part);
    }
}

fn pack_head(buffer: &mut Vec<u8>, update: &HotUpdate) {
    pack::guard(buffer, update.epoch, update.expected);
    pack::guard(buffer, update.epoch, update.version);
    for number in [update.epoch.0, update.version.0, update.op.0] {
        pack::number(buffer, number);
    }
    let seal = Seal::of(update.epoch, update.version, update.op, &update.state);
    pack::text(buffer, seal.as_bytes());
}

/// Packs name and text of each documented key that changes and says how many these are.
fn pack_texts(
    buffer: &mut Vec<u8>,
    style: KeyStyle,
    update: &HotUpdate,
    compared: bool,
    removes: &mut bool,
) -> u8 {
    // A first state finds none of the keys, whatever the caller believes.
    let previous = update.previous.as_ref().filter(|_| compared && update.expected != Version(0));
    let mut count = 0;
    for documented in HotKey::ALL.into_iter().filter(|key| update.projection.differs(*key, previous)) {
        let text = update.projection.text(documented).unwrap_or_default();
        *removes |= text.is_empty();
        pack::length(buffer, key_length(style, &update.instance, documented.suffix()));
        key(buffer, style, &update.instance, documented.suffix());
        pack::text(buffer, text.as_bytes());
        count += 1;
    }
    count
}

/// Packs one trade; `text` is room that is used again and again.
fn pack_trade(buffer: &mut Vec<u8>, update: &TradeUpdate, whole: bool, text: &mut String) {
    let trade = &update.trade;
    let changes = update.changes().filter(|_| !whole);
    match changes {
        Some(before) => pack::number(buffer, before.version.0),
        None => pack::text(buffer, b""),
    }
    for number in [update.epoch.0, update.version.0, trade.tag.number()] {
        pack::number(buffer, number);
    }
    pack::text(buffer, trade.key.as_str().as_bytes());
    pack::text(buffer, if trade.state.is_terminal() { b"1" } else { b"0" });
    let before = changes.map(|before| &before.trade);
    let mut at = 0;
    trade.fields(before, |name: &str, value: &dyn Display| {
        at += 1;
        // Of a whole trade the function has the tag and the key, and knows by their order which the next ones are.
        if before.is_none() && at <= IN_HEAD {
            return;
        }
        if before.is_some() || at > TradeProjection::ALWAYS {
            pack::text(buffer, name.as_bytes());
        }
        text.clear();
        write!(text, "{value}").expect("a text takes whatever is written");
        pack::text(buffer, text.as_bytes());
    });
}

/// Writes a number in decimal digits.
fn decimal(buffer: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    buffer.extend_from_slice(digits_of(number, &mut digits));
}

fn digits_of(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).expect("a digit fits");
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

/// As much of MessagePack as the functions read. Redis' own reader knows no binary type: bytes travel as text.
mod pack {
    use warden_domain::{Epoch, Version};
    use warden_store::SNAPSHOT_SCHEMA;

    pub(super) fn number(buffer: &mut Vec<u8>, number: u64) {
        let mut digits = [0; 20];
        text(buffer, super::digits_of(number, &mut digits));
    }

    /// Schema, epoch and version in one text.
    pub(super) fn guard(buffer: &mut Vec<u8>, epoch: Epoch, version: Version) {
        let mut digits = [[0; 20]; 3];
        let [schema, at_epoch, at_version] = &mut digits;
        let parts = [
            super::digits_of(SNAPSHOT_SCHEMA, schema),
            super::digits_of(epoch.0, at_epoch),
            super::digits_of(version.0, at_version),
        ];
        length(buffer, parts.iter().map(|part| part.len()).sum::<usize>() + 2);
        for (i, part) in parts.into_iter().enumerate() {
            buffer.extend_from_slice(if i == 0 { b"" } else { b" " });
            buffer.extend_from_slice(part);
        }
    }

    pub(super) fn text(buffer: &mut Vec<u8>, bytes: &[u8]) {
        length(buffer, bytes.len());
        buffer.extend_from_slice(bytes);
    }

    /// The head of a text of this many bytes.
    pub(super) fn length(buffer: &mut Vec<u8>, bytes: usize) {
        match (u8::try_from(bytes), u16::try_from(bytes)) {
            (Ok(short @ 0..=31), _) => buffer.push(0xa0 | short),
            (Ok(length), _) => buffer.extend_from_slice(&[0xd9, length]),
            (Err(_), Ok(length)) => {
                buffer.push(0xda);
                buffer.extend_from_slice(&length.to_be_bytes());
            }
            (Err(_), Err(_)) => {
                let length = u32::try_from(bytes).expect("a state is far smaller than 4 GiB");
                buffer.push(0xdb);
                buffer.extend_from_slice(&length.to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_in_both_styles() {
        let id = InstanceId::new("acct-1").unwrap();
        for (style, expected) in [
            (KeyStyle::Single, "instance_state:acct-1:status"),
            (KeyStyle::Cluster, "instance_state:{acct-1}:status"),
        ] {
            let mut name = Vec::new();
            key(&mut name, style, &id, "status");
            assert_eq!(name.len(), key_length(style, &id, "status"));
            assert_eq!(String::from_utf8(name).unwrap(), expected);
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 9, 10, 1 << 53, u64::MAX] {
            let mut buffer = Vec::new();
            decimal(&mut buffer, number);
            assert_eq!(String::from_utf8(buffer).unwrap(), number.to_string());
        }
    }

    #[test]
    fn texts_of_every_length_are_packed_in_the_shortest_form() {
        for (length, head) in [
            (0, &[0xa0][..]),
            (31, &[0xbf]),
            (32, &[0xd9, 32]),
            (255, &[0xd9, 255]),
            (256, &[0xda, 1, 0]),
            (65_536, &[0xdb, 0, 1, 0, 0]),
        ] {
            let mut buffer = Vec::new();
            pack::text(&mut buffer, &vec![7; length]);
            assert_eq!((&buffer[..head.len()], buffer.len()), (head, head.len() + length));
        }
    }

    #[test]
    fn a_guard_says_schema_epoch_and_version() {
        let mut buffer = Vec::new();
        pack::guard(&mut buffer, warden_domain::Epoch(u64::MAX), Version(42));
        let text = format!("{SNAPSHOT_SCHEMA} {} 42", u64::MAX);
        assert_eq!(buffer[0], 0xa0 | u8::try_from(text.len()).unwrap());
        assert_eq!(&buffer[1..], text.as_bytes());
    }

    #[test]
    fn a_call_names_its_function_its_keys_and_its_arguments() {
        let ids = ["a", "b"].map(|id| InstanceId::new(id).unwrap());
        let batch = Batch::new("warden_acquire", KeyStyle::Single, "lease", ids.iter(), |layout| {
            layout.text("me");
            layout.number(15_000);
        });
        let values: Vec<_> = batch.values().into_iter().map(|value| value.into_string().unwrap()).collect();
        assert_eq!(
            values,
            ["warden_acquire", "2", "instance_state:a:lease", "instance_state:b:lease", "me", "15000"]
        );
    }
}
