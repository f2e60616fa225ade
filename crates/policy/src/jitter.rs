use warden_domain::Span;

use crate::params::Percent;

/// A delay, lengthened by up to `jitter` of itself and never shortened.
///
/// The share comes from the instance's seed and what it has done so far, so that the same history makes the same
/// decision and two instances that fail together do not come back together.
pub(crate) fn lengthened(delay: Span, jitter: Percent, seed: u32, salt: u64) -> Span {
    let most = delay.as_millis().saturating_mul(u64::from(jitter.0)) / 100;
    if most == 0 {
        return delay;
    }
    let share = mix(u64::from(seed) << 32 ^ salt) % (most + 1);
    Span::from_millis(delay.as_millis().saturating_add(share))
}

/// SplitMix64's finaliser: every input bit reaches every output bit.
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_lengthens_within_its_share_and_never_shortens() {
        let delay = Span::from_secs(30);
        for salt in 0..1_000 {
            let got = lengthened(delay, Percent(10), 7, salt);
            assert!((30_000..=33_000).contains(&got.as_millis()), "{got}");
        }
        assert_eq!(lengthened(delay, Percent(0), 7, 1), delay);
    }
}
