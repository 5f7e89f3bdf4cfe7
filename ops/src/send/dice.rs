//! Reproducible randomness: one number decides a whole run of samples.

/// `SplitMix64`: small, quick and good enough for sample ids. Nothing secret comes from it.
pub struct Dice(u64);

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Dice {
    /// The dice of one story in a run: the same numbers give the same story.
    pub fn new(seed: u64, story: u64) -> Self {
        let mut dice = Self(seed);
        let start = dice.next() ^ story.wrapping_mul(0xd134_2543_de82_ef95);
        Self(start)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, without, the limit. The slight bias of the remainder does not matter here.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).unwrap_or(0)]
    }

    /// An id in Stripe's alphabet.
    pub fn id(&mut self, prefix: &str, random_chars: usize) -> String {
        let mut id = String::with_capacity(prefix.len() + random_chars);
        id.push_str(prefix);
        id.extend((0..random_chars).map(|_| char::from(*self.pick(ALPHABET))));
        id
    }

    /// Any order is as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            let other = usize::try_from(self.below(index as u64 + 1)).unwrap_or(index);
            items.swap(index, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_run_and_another_story_other_ids() {
        let id = |seed, story| Dice::new(seed, story).id("evt_1", 23);
        assert_eq!(id(7, 0), id(7, 0));
        assert_ne!(id(7, 0), id(7, 1));
        assert_ne!(id(7, 0), id(8, 0));
        assert_eq!(id(7, 0).len(), 28);
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Dice::new(1, 1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
