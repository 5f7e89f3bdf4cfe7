//! Whether an object at Stripe is what an operation made: before somebody's word counts that it was done, the object that
//! they name must be one that the ledger knows, of the right kind, for the same money, and nobody else's.

use super::{Operation, Parameters};
use crate::Kind;
use crate::money::shown;

/// What the ledger knows of the object that somebody names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    pub payment: Option<String>,
    pub customer: Option<String>,
    pub money: Option<(i64, String)>,
    /// Stripe's own; `None` where only others have named it.
    pub status: Option<String>,
}

/// Why an object is not what an operation made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIts {
    #[error("{id} cannot be what it made: that is {wanted}")]
    WrongKind { id: String, wanted: String },
    #[error(
        "the ledger does not know {id}, so nobody can see whether it is what the operation made. It comes by webhook, or by \
         `tidegate backfill`: settle it then"
    )]
    Unknown { id: String },
    #[error("{id} is {other}, and the operation is {own}")]
    Other { id: String, other: String, own: String },
    #[error("Stripe says that {id} is {status}: that is not done")]
    NotDone { id: String, status: String },
    #[error("{id} is what {by} made already")]
    Taken { id: String, by: String },
}

impl Parameters {
    /// The kind of object that the answer shows, where the ledger keeps such objects.
    pub fn makes(&self) -> Option<Kind> {
        match self {
            Self::Refund(_) => Some(Kind::Refund),
            Self::Charge(_) | Self::Capture(_) | Self::Cancel(_) => Some(Kind::Payment),
            Self::Subscribe(_) | Self::Unsubscribe(_) => Some(Kind::Subscription),
            Self::InvoiceRetry(retry) if retry.payment_intent.is_some() => Some(Kind::Payment),
            Self::InvoiceRetry(_) => Some(Kind::Invoice),
            Self::EvidenceStage(_) | Self::EvidenceSubmit(_) | Self::DisputeAccept(_) => Some(Kind::Dispute),
            Self::Credit(_) => None,
        }
    }

    /// Made is not always done: a refund may have failed, and a payment may ask for its customer.
    pub fn is_done_in(&self, status: &str) -> bool {
        match self {
            Self::Refund(_) => !matches!(status, "failed" | "canceled"),
            Self::Charge(_) => matches!(status, "succeeded" | "processing" | "requires_capture"),
            Self::InvoiceRetry(retry) if retry.payment_intent.is_some() => {
                matches!(status, "succeeded" | "processing" | "requires_capture")
            }
            // A bank debit that is on its way counts as for any payment.
            Self::InvoiceRetry(_) => matches!(status, "paid" | "processing"),
            Self::Capture(_) => matches!(status, "succeeded" | "processing"),
            Self::Cancel(_) => status == "canceled",
            Self::Subscribe(_) => matches!(status, "active" | "trialing"),
            Self::Unsubscribe(unsubscribe) => {
                unsubscribe.at_period_end || matches!(status, "canceled" | "incomplete_expired")
            }
            Self::Credit(_) | Self::EvidenceStage(_) => true,
            Self::EvidenceSubmit(_) => !matches!(status, "needs_response" | "warning_needs_response"),
            Self::DisputeAccept(_) => matches!(status, "lost" | "warning_closed"),
        }
    }

    /// The one object that it changes; `None` where it makes one.
    fn changes(&self) -> Option<&str> {
        match self {
            Self::Capture(capture) => Some(&capture.payment_intent),
            Self::Cancel(cancel) => Some(&cancel.payment_intent),
            Self::Unsubscribe(unsubscribe) => Some(&unsubscribe.subscription),
            Self::InvoiceRetry(retry) => Some(retry.payment_intent.as_ref().unwrap_or(&retry.invoice)),
            Self::EvidenceStage(stage) => Some(&stage.dispute),
            Self::EvidenceSubmit(submit) => Some(&submit.dispute),
            Self::DisputeAccept(accept) => Some(&accept.dispute),
            Self::Refund(_) | Self::Charge(_) | Self::Subscribe(_) | Self::Credit(_) => None,
        }
    }

    /// How the ids of what it makes begin.
    fn prefixes(&self) -> &'static [&'static str] {
        match self {
            Self::Refund(_) => &["re_", "pyr_"],
            Self::Subscribe(_) => &["sub_"],
            Self::Credit(_) => &["cbtxn_"],
            _ => &["pi_"],
        }
    }
}

/// Whether the operation may have made the object of this id; `taker` is another one that did.
pub fn adopt(
    operation: &Operation,
    parameters: &Parameters,
    id: &str,
    candidate: Option<&Candidate>,
    taker: Option<&Operation>,
) -> Result<(), NotIts> {
    let id_of = || id.to_owned();
    if let Some(own) = parameters.changes() {
        if own != id {
            return Err(NotIts::WrongKind { id: id_of(), wanted: own.to_owned() });
        }
    } else if !parameters.prefixes().iter().any(|prefix| id.starts_with(prefix)) {
        let wanted = format!("an id that begins with {}", parameters.prefixes().join(" or "));
        return Err(NotIts::WrongKind { id: id_of(), wanted });
    }
    let makes_one = parameters.changes().is_none();
    if let Some(taker) = taker.filter(|_| makes_one) {
        return Err(NotIts::Taken { id: id_of(), by: taker.id().to_owned() });
    }
    if parameters.makes().is_none() {
        return Ok(()); // the ledger keeps no such objects, and nothing is reserved for them
    }
    let unknown = || NotIts::Unknown { id: id_of() };
    let candidate = candidate.ok_or_else(unknown)?;
    let status = candidate.status.as_deref().ok_or_else(unknown)?;
    let differs = |what: &str, other: &Option<String>, own: &Option<String>| {
        let named = |id: &Option<String>| match id {
            Some(id) => format!("for {what} {id}"),
            None => format!("for no {what} that is known"),
        };
        NotIts::Other { id: id_of(), other: named(other), own: named(own) }
    };
    if makes_one {
        if operation.payment.is_some() && candidate.payment != operation.payment {
            return Err(differs("payment", &candidate.payment, &operation.payment));
        }
        if operation.customer.is_some()
            && candidate.payment.is_none()
            && candidate.customer != operation.customer
        {
            return Err(differs("customer", &candidate.customer, &operation.customer));
        }
        if let (Some((amount, currency)), Some((other, of))) = (parameters.money(), &candidate.money)
            && (amount, currency) != (*other, of.as_str())
        {
            let (other, own) = (shown(*other, of), shown(amount, currency));
            return Err(NotIts::Other {
                id: id_of(),
                other: format!("over {other}"),
                own: format!("over {own}"),
            });
        }
    }
    if parameters.is_done_in(status) {
        return Ok(());
    }
    Err(NotIts::NotDone { id: id_of(), status: status.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::parameters;
    use crate::operations::testing::refund;

    fn candidate() -> Candidate {
        Candidate {
            payment: Some("pi_1".to_owned()),
            customer: None,
            money: Some((500, "usd".to_owned())),
            status: Some("succeeded".to_owned()),
        }
    }

    type Change = fn(&mut Candidate);

    #[test]
    fn only_a_refund_of_this_payment_and_money_is_what_a_refund_made() {
        let operation = Operation { payment: Some("pi_1".to_owned()), ..refund("op_1", 500, "usd") };
        let parameters = operation.parameters().unwrap();
        let judged =
            |id: &str, candidate: Option<&Candidate>| adopt(&operation, &parameters, id, candidate, None);
        assert_eq!(judged("re_1", Some(&candidate())), Ok(()));
        assert_eq!(judged("pyr_1", Some(&candidate())), Ok(()));
        let wrong = |id| matches!(judged(id, Some(&candidate())), Err(NotIts::WrongKind { .. }));
        assert!(["pi_1", "ch_1", "du_1", "r"].into_iter().all(wrong));
        assert!(matches!(judged("re_1", None), Err(NotIts::Unknown { .. })));
        let changes: [(Change, &str); 6] = [
            (
                |it| it.payment = Some("pi_2".to_owned()),
                "re_1 is for payment pi_2, and the operation is for payment pi_1",
            ),
            (
                |it| it.payment = None,
                "re_1 is for no payment that is known, and the operation is for payment pi_1",
            ),
            (
                |it| it.money = Some((501, "usd".to_owned())),
                "re_1 is over 5.01 USD, and the operation is over 5.00 USD",
            ),
            (
                |it| it.money = Some((500, "eur".to_owned())),
                "re_1 is over 5.00 EUR, and the operation is over 5.00 USD",
            ),
            (|it| it.status = Some("failed".to_owned()), "Stripe says that re_1 is failed: that is not done"),
            (|it| it.status = None, ""),
        ];
        for (change, words) in changes {
            let mut other = candidate();
            change(&mut other);
            let refused = judged("re_1", Some(&other)).unwrap_err().to_string();
            assert!(
                refused == words || (words.is_empty() && refused.contains("does not know re_1")),
                "{refused}"
            );
        }
        let another = refund("op_2", 500, "usd");
        let taken = adopt(&operation, &parameters, "re_1", Some(&candidate()), Some(&another));
        assert!(matches!(taken, Err(NotIts::Taken { .. })));
    }

    #[test]
    fn what_changes_an_object_made_that_object_and_no_other() {
        let operation = Operation { payment: Some("pi_1".to_owned()), ..Operation::default() };
        let capture = parameters::Capture {
            payment_intent: "pi_1".to_owned(),
            amount: 500,
            currency: "usd".to_owned(),
        };
        let capture = Parameters::Capture(capture);
        let known = |status: &str| Candidate { status: Some(status.to_owned()), ..candidate() };
        assert_eq!(adopt(&operation, &capture, "pi_1", Some(&known("succeeded")), None), Ok(()));
        let other = adopt(&operation, &capture, "pi_2", Some(&known("succeeded")), None);
        assert!(matches!(other, Err(NotIts::WrongKind { .. })));
        let held = adopt(&operation, &capture, "pi_1", Some(&known("requires_capture")), None);
        assert!(matches!(held, Err(NotIts::NotDone { .. })));
    }
}
