//! Many dead letters of one cause, without a success of their kind in between, point to a bad rule or a change
//! at Stripe, not to bad events. Consumption then pauses. Pure.

use std::collections::BTreeMap;

use envelope::Header;

/// More causes than this at once are no single cause.
const CAUSES_LIMIT: usize = 1_000;

/// An event that has just become a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeadLetter {
    pub fingerprint: String,
    /// Type and API version: a success of the same kind says that the cause is not the kind's.
    pub kind: String,
}

impl NewDeadLetter {
    pub fn of(fingerprint: &str, header: &Header) -> Self {
        Self { fingerprint: fingerprint.to_owned(), kind: kind_of(header) }
    }
}

/// Counts dead letters in a row by cause.
#[derive(Debug)]
pub struct DeadLetterStreaks {
    limit: usize,
    causes: BTreeMap<String, (String, usize)>,
}

impl DeadLetterStreaks {
    /// So many dead letters of one cause in a row are too many.
    pub fn limited_to(limit: usize) -> Self {
        Self { limit, causes: BTreeMap::new() }
    }

    /// Takes a batch in: what was buried, and the headers of what was not. Gives the cause of which there are too
    /// many, once.
    pub fn see<'a>(
        &mut self,
        new_dead_letters: &[NewDeadLetter],
        others: impl Iterator<Item = &'a Header>,
    ) -> Option<(String, usize)> {
        if !self.causes.is_empty() {
            for kind in others.map(kind_of) {
                self.causes.retain(|_, (of, _)| *of != kind);
            }
        }
        for new_dead_letter in new_dead_letters {
            if self.causes.len() >= CAUSES_LIMIT {
                self.causes.clear();
            }
            let (_, count) = self
                .causes
                .entry(new_dead_letter.fingerprint.clone())
                .or_insert_with(|| (new_dead_letter.kind.clone(), 0));
            *count += 1;
        }
        let limit = self.limit;
        let (cause, _) = self.causes.iter().find(|(_, (_, count))| *count >= limit)?;
        let cause = cause.clone();
        let (_, count) = self.causes.remove(&cause)?;
        Some((cause, count))
    }
}

fn kind_of(header: &Header) -> String {
    format!("{} {}", header.kind, header.api_version.as_deref().unwrap_or("none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::envelope;

    #[test]
    fn only_many_of_one_cause_without_a_success_of_their_kind_are_too_many() {
        let (charge, refund) =
            (envelope("charge.updated", "{}").header, envelope("refund.created", "{}").header);
        let new_dead_letter = |cause: &str| NewDeadLetter::of(cause, &charge);
        let mut streaks = DeadLetterStreaks::limited_to(3);
        let nobody = std::iter::empty::<&Header>;
        assert_eq!(streaks.see(&[new_dead_letter("a"), new_dead_letter("a")], nobody()), None);
        assert_eq!(
            streaks.see(&[new_dead_letter("b")], std::iter::once(&refund)),
            None,
            "another kind succeeds"
        );
        assert_eq!(streaks.see(&[], std::iter::once(&charge)), None, "the same kind succeeds");
        assert_eq!(
            streaks.see(&[new_dead_letter("a"), new_dead_letter("a")], nobody()),
            None,
            "it begins anew"
        );
        assert_eq!(streaks.see(&[new_dead_letter("a")], nobody()), Some(("a".to_owned(), 3)));
        assert_eq!(streaks.see(&[new_dead_letter("a")], nobody()), None, "told once");
    }
}
