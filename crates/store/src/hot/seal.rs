use warden_domain::{Epoch, OpId, Version};

use super::Snapshot;

/// The schema of stored snapshots that this program writes and reads. A change of what a state means raises it.
pub const SNAPSHOT_SCHEMA: u64 = 1;

/// The checksum of a stored snapshot: 16 lowercase hexadecimal digits of BLAKE3 over schema, epoch, version, operation
/// and state, so that a field of one write never passes beside the state of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal([u8; 16]);

impl Seal {
    /// The checksum of these fields under [`SNAPSHOT_SCHEMA`].
    #[must_use]
    pub fn of(epoch: Epoch, version: Version, op: OpId, state: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut head = [0; 32];
        for (place, number) in head.chunks_exact_mut(8).zip([SNAPSHOT_SCHEMA, epoch.0, version.0, op.0]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        hasher.update(&head).update(state);
        let mut digits = [0; 16];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hasher.finalize().as_bytes()) {
            pair[0] = hexadecimal(byte >> 4);
            pair[1] = hexadecimal(byte & 15);
        }
        Self(digits)
    }

    /// The digits.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

const fn hexadecimal(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// The fields of a stored snapshot as they were read, nothing of them believed yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawSnapshot<'a> {
    /// The schema it was written under.
    pub schema: Option<&'a [u8]>,
    /// Who wrote it.
    pub epoch: Option<&'a [u8]>,
    /// Which version it is.
    pub version: Option<&'a [u8]>,
    /// Which change made it.
    pub op: Option<&'a [u8]>,
    /// Its [`Seal`].
    pub checksum: Option<&'a [u8]>,
    /// The state as the policy encodes it.
    pub state: Option<&'a [u8]>,
}

impl RawSnapshot<'_> {
    /// The snapshot, when every field is there and the checksum holds.
    ///
    /// # Errors
    /// What is wrong with it, in words (ACC-6).
    pub fn verify(&self) -> Result<Snapshot, String> {
        let schema = number("schema", self.schema)?;
        if schema > SNAPSHOT_SCHEMA {
            return Err(format!(
                "snapshot has schema {schema} and this program knows {SNAPSHOT_SCHEMA}; update the supervisor"
            ));
        }
        if schema < SNAPSHOT_SCHEMA {
            return Err(format!("snapshot has the old schema {schema}"));
        }
        let epoch = Epoch(number("epoch", self.epoch)?);
        let version = Version(number("version", self.version)?);
        let op = OpId(number("op", self.op)?);
        let checksum = self.checksum.ok_or("snapshot field checksum is missing")?;
        let state = self.state.ok_or("snapshot field state is missing")?;
        if checksum != Seal::of(epoch, version, op, state).as_bytes() {
            return Err("snapshot does not match its checksum".to_owned());
        }
        Ok(Snapshot { epoch, version, op, state: state.to_vec() })
    }
}

/// Reads a number as it is stored: decimal, no sign, no leading zero.
fn number(field: &str, text: Option<&[u8]>) -> Result<u64, String> {
    let text = text.ok_or_else(|| format!("snapshot field {field} is missing"))?;
    let canonical = text == b"0" || text.first().is_some_and(|first| (b'1'..=b'9').contains(first));
    std::str::from_utf8(text)
        .ok()
        .filter(|_| canonical)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("snapshot field {field} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &[u8] = b"state";

    fn raw<'a>(numbers: &'a [&'a str; 4], seal: &'a Seal) -> RawSnapshot<'a> {
        let [schema, epoch, version, op] = numbers.map(|n| Some(n.as_bytes()));
        RawSnapshot { schema, epoch, version, op, checksum: Some(seal.as_bytes()), state: Some(STATE) }
    }

    #[test]
    fn acc_6_a_snapshot_is_believed_only_when_its_checksum_holds() {
        let seal = Seal::of(Epoch(u64::MAX), Version(9_007_199_254_740_993), OpId(3), STATE);
        let numbers = ["1", "18446744073709551615", "9007199254740993", "3"];
        let read = raw(&numbers, &seal).verify().unwrap();
        assert_eq!(
            (read.epoch, read.version, read.op),
            (Epoch(u64::MAX), Version(9_007_199_254_740_993), OpId(3))
        );
        for (i, other) in [(1, "5"), (2, "9007199254740992"), (3, "4")] {
            let mut changed = numbers;
            changed[i] = other;
            assert!(raw(&changed, &seal).verify().unwrap_err().contains("checksum"));
        }
        assert!(RawSnapshot { state: Some(b"State"), ..raw(&numbers, &seal) }.verify().is_err());
    }

    #[test]
    fn acc_6_a_snapshot_says_what_is_wrong_with_it() {
        let seal = Seal::of(Epoch(1), Version(2), OpId(3), STATE);
        for (numbers, says) in [
            (["2", "1", "2", "3"], "update the supervisor"),
            (["0", "1", "2", "3"], "old schema"),
            (["1", "01", "2", "3"], "epoch is not a number"),
            (["1", "1", "+2", "3"], "version is not a number"),
            (["1", "1", "2", "18446744073709551616"], "op is not a number"),
        ] {
            assert!(raw(&numbers, &seal).verify().unwrap_err().contains(says));
        }
        let whole = ["1", "1", "2", "3"];
        assert!(
            RawSnapshot { checksum: None, ..raw(&whole, &seal) }
                .verify()
                .unwrap_err()
                .contains("checksum is missing")
        );
        assert!(RawSnapshot::default().verify().unwrap_err().contains("schema is missing"));
    }
}
