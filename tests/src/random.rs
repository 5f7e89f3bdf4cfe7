//! Random choices that a seed repeats (`SplitMix64`), so that a failed run can be run again.

use std::ops::Range;

pub struct Random(u64);

impl Random {
    pub fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from the operating system, for runs that nobody asked to repeat.
    pub fn new_seed() -> u64 {
        getrandom::u64().expect("the operating system gives random bytes")
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Near enough to uniform for ranges that are small beside 2^64.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.number() % (range.end - range.start)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.within(0..100) < chance
    }

    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.index(among.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// A Stripe-like id: the prefix and 24 letters and digits.
    pub fn id(&mut self, prefix: &str) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut id = format!("{prefix}_");
        id.extend((0..24).map(|_| char::from(*self.pick(ALPHABET))));
        id
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.number() % length as u64).expect("an index below a length fits")
    }
}
