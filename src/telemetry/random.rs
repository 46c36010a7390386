//! Random numbers for sampling and identifiers: fast, of each thread's own, and not for secrets.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
}

/// 64 random bits (SplitMix64).
pub fn bits() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// The identifier of a span.
pub fn span_id() -> u64 {
    bits().max(1)
}

/// The identifier of a trace.
pub fn trace_id() -> u128 {
    (u128::from(bits()) << 64 | u128::from(bits())).max(1)
}

/// How many come before the next hit, where each hits with `ratio` (between 0 and 1): geometrically distributed.
pub fn skip(ratio: f64) -> u32 {
    let uniform = ((bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    // Saturates: a ratio that is next to nothing skips four thousand million at most.
    (uniform.ln() / (-ratio).ln_1p()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_hit_in_their_ratio() {
        for ratio in [0.5, 0.1, 0.01] {
            let (hits, mut tried) = (20_000u32, 0u64);
            (0..hits).for_each(|_| tried += u64::from(skip(ratio)) + 1);
            let seen = f64::from(hits) / tried as f64;
            // Twenty thousand hits: the relative error is below 1 in 100, and five times that is no accident.
            assert!((seen / ratio - 1.0).abs() < 0.05, "{ratio}: {seen}");
        }
    }

    #[test]
    fn identifiers_differ() {
        assert_ne!(span_id(), span_id());
        assert_ne!(trace_id(), trace_id());
    }
}
