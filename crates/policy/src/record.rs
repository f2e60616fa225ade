use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Effects, Event, Instance};

/// The version of the stored form; raised with every change of [`Instance`], [`Event`] or [`Effects`].
const SCHEMA: u8 = 3;

/// One step as it is journalled: what came, what was decided, and the state afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What came.
    pub event: Event,
    /// What was decided.
    pub effects: Effects,
    /// The state afterwards.
    pub state: Instance,
    /// The words behind the event, such as a journal line; empty when there are none.
    pub detail: String,
}

/// Why stored bytes are not a state or a step (ACC-6).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There is nothing.
    #[error("is empty; rebuild it from the journal")]
    Empty,
    /// Written by a newer version.
    #[error("has schema {0}, newer than this version knows; run the newer supervisor")]
    NewerSchema(u8),
    /// Not in the stored form.
    #[error("is not in the stored form ({0}); rebuild it from the journal")]
    Malformed(String),
}

/// Appends a step to `out`, in the form [`decode_step`] reads.
///
/// Takes the parts, so that nothing is copied to be written.
pub fn encode_step(event: &Event, effects: &Effects, state: &Instance, detail: &str, out: &mut Vec<u8>) {
    write(SCHEMA, &(event, effects, state, detail), out);
}

/// Reads a step.
///
/// # Errors
/// When the bytes are not a step of this or an older schema.
pub fn decode_step(bytes: &[u8]) -> Result<Step, DecodeError> {
    read(SCHEMA, bytes)
}

/// Appends a state to `out`, in the form [`decode_state`] reads.
pub fn encode_state(state: &Instance, out: &mut Vec<u8>) {
    write(SCHEMA, state, out);
}

/// Reads a state.
///
/// # Errors
/// When the bytes are not a state of this or an older schema.
pub fn decode_state(bytes: &[u8]) -> Result<Instance, DecodeError> {
    read(SCHEMA, bytes)
}

pub(crate) fn write<T: Serialize + ?Sized>(schema: u8, value: &T, out: &mut Vec<u8>) {
    out.push(schema);
    let mut writer = Writer(out);
    postcard::serialize_with_flavor(value, &mut writer).expect("plain data serialises into a growing buffer");
}

pub(crate) fn read<'a, T: Deserialize<'a>>(newest: u8, bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (schema, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *schema > newest {
        return Err(DecodeError::NewerSchema(*schema));
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DecodeError::Malformed(format!("{} bytes too many", rest.len()))),
        Err(fault) => Err(DecodeError::Malformed(fault.to_string())),
    }
}

/// Grows the caller's buffer instead of making one.
struct Writer<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for &mut Writer<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
