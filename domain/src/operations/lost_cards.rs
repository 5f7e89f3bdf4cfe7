//! Cards that a bank has called lost, stolen or revoked: they pay nothing more, under whatever id they are entered again.

/// A card as Stripe knows it. Entered twice, it has two ids and one fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card<'a> {
    pub id: &'a str,
    pub fingerprint: Option<&'a str>,
}

/// A payment that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried<'a> {
    /// In seconds since 1970.
    pub created: i64,
    /// What paid, where it succeeded.
    pub paid_by: Option<&'a str>,
    /// The codes of its last decline, and the card.
    pub declined: Option<(Vec<&'a str>, Card<'a>)>,
}

impl Card<'_> {
    fn is(&self, other: &Card<'_>) -> bool {
        self.id == other.id || (self.fingerprint.is_some() && self.fingerprint == other.fingerprint)
    }
}

impl<'a> Tried<'a> {
    fn lost(&self) -> Option<(&'a str, Card<'a>)> {
        let (codes, card) = self.declined.as_ref()?;
        codes.iter().find(|code| is_word_about_the_card(code)).map(|code| (*code, *card))
    }
}

/// Other codes are about a moment: a wrong number, a customer who was not there, a bank that would not.
fn is_word_about_the_card(code: &str) -> bool {
    matches!(
        code,
        "lost_card"
            | "stolen_card"
            | "pickup_card"
            | "revocation_of_authorization"
            | "revocation_of_all_authorizations"
    )
}

/// Whether any card was lost: else nobody need ask which one pays.
pub fn any_lost(tried: &[Tried<'_>]) -> bool {
    tried.iter().any(|it| it.lost().is_some())
}

/// What a bank said of this card, unless the card has paid since.
pub fn lost<'a>(tried: &[Tried<'a>], card: &Card<'_>) -> Option<&'a str> {
    tried.iter().find_map(|it| {
        let (code, lost) = it.lost()?;
        let has_paid_since = tried.iter().any(|other| {
            other.created > it.created && other.paid_by.is_some_and(|by| by == card.id || by == lost.id)
        });
        (card.is(&lost) && !has_paid_since).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: Card<'_> = Card { id: "pm_1", fingerprint: Some("fp_1") };

    fn declined(created: i64, code: &'static str) -> Tried<'static> {
        // Stripe's `decline_code` comes beside its own `code`.
        Tried { created, paid_by: None, declined: Some((vec![code, "card_declined"], CARD)) }
    }

    #[test]
    fn only_a_word_about_the_card_counts_and_only_about_this_card() {
        for (code, expected) in [
            ("stolen_card", Some("stolen_card")),
            ("revocation_of_authorization", Some("revocation_of_authorization")),
            ("incorrect_cvc", None),
            ("expired_card", None),
            ("do_not_honor", None),
            ("authentication_required", None),
        ] {
            let tried = [declined(1, code)];
            assert_eq!((lost(&tried, &CARD), any_lost(&tried)), (expected, expected.is_some()), "{code}");
        }
        let tried = [declined(1, "lost_card")];
        for (id, fingerprint, expected) in [
            ("pm_2", Some("fp_1"), Some("lost_card")), // entered again
            ("pm_1", None, Some("lost_card")),
            ("pm_2", Some("fp_2"), None),
            ("pm_2", None, None),
        ] {
            assert_eq!(lost(&tried, &Card { id, fingerprint }), expected, "{id} {fingerprint:?}");
        }
        let unknown = Card { id: "pm_1", fingerprint: None };
        let of_old = Tried { declined: Some((vec!["lost_card"], unknown)), ..Tried::default() };
        assert_eq!(
            lost(&[of_old], &Card { id: "pm_2", fingerprint: None }),
            None,
            "no two cards without one"
        );
    }

    #[test]
    fn a_card_that_has_paid_since_is_none_and_one_that_paid_before_is() {
        let paid = |created, by| Tried { created, paid_by: Some(by), declined: None };
        let again = Card { id: "pm_2", ..CARD };
        for (other, expected) in [
            (paid(2, "pm_1"), None),
            (paid(2, "pm_2"), None),
            (paid(1, "pm_1"), Some("stolen_card")),
            (paid(0, "pm_2"), Some("stolen_card")),
            (paid(2, "pm_3"), Some("stolen_card")),
        ] {
            assert_eq!(lost(&[declined(1, "stolen_card"), other.clone()], &again), expected, "{other:?}");
        }
    }
}
