//! Random choices that a seed repeats (`SplitMix64`): for sample data, and so that a failed run can be run again.
//! Nothing secret comes from it.

use std::ops::Range;

pub struct Random(u64);

/// The letters and digits of Stripe's ids.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Random {
    pub fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// One of many independent sequences of the same seed.
    pub fn of_sequence(seed: u64, sequence: u64) -> Self {
        let mut random = Self(seed);
        Self(random.number() ^ sequence.wrapping_mul(0xd134_2543_de82_ef95))
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

    /// Any order is as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// An id like Stripe's: the prefix, `_`, and 24 letters and digits.
    pub fn id(&mut self, prefix: &str) -> String {
        self.text(&format!("{prefix}_"), 24)
    }

    /// The beginning and so many letters and digits.
    pub fn text(&mut self, beginning: &str, chars: usize) -> String {
        let mut text = String::with_capacity(beginning.len() + chars);
        text.push_str(beginning);
        text.extend((0..chars).map(|_| char::from(*self.pick(ALPHABET))));
        text
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.number() % length as u64).expect("an index below a length fits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_choices_and_its_sequences_are_apart() {
        let id = |seed, sequence| Random::of_sequence(seed, sequence).id("evt");
        assert_eq!(id(7, 0), id(7, 0));
        assert_ne!(id(7, 0), id(7, 1));
        assert_ne!(id(7, 0), id(8, 0));
        assert_eq!(id(7, 0).len(), 28);
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Random::of_seed(1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
