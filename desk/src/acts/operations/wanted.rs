//! What somebody can ask for, and what that comes to as the ledger is now: amount, currency, customer, and exactly what
//! would be sent.

use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::fields::is_object_id;
use domain::operations::{Parameters, Reason, Request, parameters};
use domain::payments::Payment;
use domain::{Key, Object};
use ledger::{LedgerError, Transaction};

pub use super::billing::{WantedCharge, WantedCredit, WantedRetry};
use super::gather;
use super::{NotDone, billing};
use crate::evidence::Draft;

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Gives money back. Without an amount all that is left; without a currency the payment's own.
    Refund {
        payment: Key,
        amount: Option<i64>,
        currency: Option<String>,
    },
    /// Takes what was authorised. Without an amount all of it.
    Capture {
        payment: Key,
        amount: Option<i64>,
        currency: Option<String>,
    },
    /// Gives a payment up that has not succeeded; the reason is Stripe's word.
    Cancel {
        payment: Key,
        reason: Option<String>,
    },
    /// Loses a dispute for good.
    DisputeAccept {
        dispute: Key,
    },
    /// Stores the draft of an answer at Stripe, as it is now, without submitting it.
    EvidenceStage {
        dispute: Key,
    },
    /// Submits what is stored. Stripe takes one submission.
    EvidenceSubmit {
        dispute: Key,
        /// The operation that stored what was looked at: the rules refuse other evidence. Without it, what was stored last.
        staged: Option<String>,
        /// Though it lacks what the reason requires.
        incomplete: bool,
    },
    Charge(WantedCharge),
    Subscribe {
        customer: Key,
        prices: Vec<String>,
        payment_method: Option<String>,
    },
    Unsubscribe {
        subscription: Key,
        at_period_end: bool,
    },
    InvoiceRetry(WantedRetry),
    Credit(WantedCredit),
}

impl Wanted {
    pub fn subject(&self) -> &Key {
        match self {
            Self::Refund { payment, .. } | Self::Capture { payment, .. } | Self::Cancel { payment, .. } => {
                payment
            }
            Self::DisputeAccept { dispute }
            | Self::EvidenceStage { dispute }
            | Self::EvidenceSubmit { dispute, .. } => dispute,
            Self::Charge(charge) => charge.invoice.as_ref().unwrap_or(&charge.customer),
            Self::Subscribe { customer, .. } => customer,
            Self::Credit(credit) => &credit.customer,
            Self::Unsubscribe { subscription, .. } => subscription,
            Self::InvoiceRetry(retry) => &retry.invoice,
        }
    }

    /// The payment whose lock decides who goes first.
    pub(super) async fn payment(&self, tx: &mut Transaction) -> Result<Option<Key>, LedgerError> {
        match self {
            Self::Refund { payment, .. } | Self::Capture { payment, .. } | Self::Cancel { payment, .. } => {
                Ok(Some(payment.clone()))
            }
            Self::DisputeAccept { dispute }
            | Self::EvidenceStage { dispute }
            | Self::EvidenceSubmit { dispute, .. } => payment_of(tx, dispute).await,
            Self::InvoiceRetry(retry) => billing::payment_of(tx, &retry.invoice).await,
            Self::Charge(_) | Self::Subscribe { .. } | Self::Unsubscribe { .. } | Self::Credit(_) => Ok(None),
        }
    }

    /// What is asked for, as it is now.
    pub(super) async fn request(&self, tx: &mut Transaction, reason: Reason) -> Result<Request, NotDone> {
        let billed = match self {
            Self::Charge(charge) => Some(billing::charge(charge)?),
            Self::Subscribe { customer, prices, payment_method } => {
                Some(billing::subscribe(customer, prices, payment_method.as_ref())?)
            }
            Self::Unsubscribe { subscription, at_period_end } => {
                Some(billing::unsubscribe(tx, subscription, *at_period_end).await?)
            }
            Self::InvoiceRetry(retry) => Some(billing::retry(tx, retry).await?),
            Self::Credit(credit) => Some(billing::credit(credit)?),
            _ => None,
        };
        if let Some(request) = billed {
            return Ok(Request { reason, ..request });
        }
        let subject = self.subject().clone();
        if !is_object_id(&subject.id) {
            return Err(NotDone::NoId { id: subject.id });
        }
        let payment = self.payment(tx).await?;
        let rows = match &payment {
            Some(payment) => gather::payment_rows(tx, payment).await?,
            None => None,
        };
        let own = rows.as_ref().map(|rows| rows.payment.state.currency.clone()).unwrap_or_default();
        let in_currency =
            |given: &Option<String>| given.as_ref().map_or(own.clone(), |given| given.to_ascii_lowercase());
        let id = subject.id.clone();
        let (subject_kind, amount, currency, parameters) = match self {
            Self::Refund { amount, currency, .. } => {
                let amount = match (amount, &rows) {
                    (Some(amount), _) => (*amount).max(0),
                    (None, Some(rows)) => {
                        let others = tx.reserving_operations(&rows.payment.key).await?;
                        all_that_is_left(&rows.refund_facts(), &others)
                    }
                    (None, None) => 0,
                };
                let currency = in_currency(currency);
                let (payment_intent, charge) =
                    if id.starts_with("pi_") { (Some(id), None) } else { (None, Some(id)) };
                let reason = reason.at_stripe().map(str::to_owned);
                let refund =
                    parameters::Refund { payment_intent, charge, amount, currency: currency.clone(), reason };
                (Payment::NAME, amount, currency, Parameters::Refund(refund))
            }
            Self::Capture { amount, currency, .. } => {
                let held = rows.as_ref().map_or(0, |rows| rows.payment.state.amount_capturable);
                let (amount, currency) = (amount.unwrap_or(held).max(0), in_currency(currency));
                let capture = parameters::Capture { payment_intent: id, amount, currency: currency.clone() };
                (Payment::NAME, amount, currency, Parameters::Capture(capture))
            }
            Self::Cancel { reason, .. } => {
                let amount = rows.as_ref().map_or(0, |rows| rows.payment.state.amount);
                let cancel = parameters::Cancel { payment_intent: id, cancellation_reason: reason.clone() };
                (Payment::NAME, amount, own, Parameters::Cancel(cancel))
            }
            Self::DisputeAccept { .. } => {
                let (amount, currency) = disputed(tx, &subject).await?;
                let accept = parameters::DisputeAccept { dispute: id };
                (Dispute::NAME, amount, currency, Parameters::DisputeAccept(accept))
            }
            Self::EvidenceStage { .. } => {
                let (amount, currency) = disputed(tx, &subject).await?;
                let draft = Draft::read(tx, &subject).await?;
                let nothing =
                    || parameters::EvidenceStage { dispute: id, ..parameters::EvidenceStage::default() };
                let stage = draft.map_or_else(nothing, |draft| draft.stage());
                (Dispute::NAME, amount, currency, Parameters::EvidenceStage(stage))
            }
            Self::EvidenceSubmit { staged, incomplete, .. } => {
                let (amount, currency) = disputed(tx, &subject).await?;
                let stored = tx.staged_evidence(std::slice::from_ref(&subject)).await?.pop();
                let staged = staged.clone().or(stored.map(|stored| stored.operation));
                let submit = parameters::EvidenceSubmit { dispute: id, staged, incomplete: *incomplete };
                (Dispute::NAME, amount, currency, Parameters::EvidenceSubmit(submit))
            }
            Self::Charge(_)
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::InvoiceRetry(_)
            | Self::Credit(_) => unreachable!("`billing` has answered"),
        };
        Ok(Request {
            subject_kind,
            subject,
            payment: payment.map(|payment| payment.id),
            customer: rows.and_then(|rows| rows.payment.customer.id().map(str::to_owned)),
            amount,
            currency,
            parameters,
            reason,
            note: None,
            confirmed: false,
            retry_of: None,
        })
    }
}

/// Where others hold all of it, what they hold: the refusal says so.
fn all_that_is_left(
    facts: &domain::operations::refund::RefundFacts,
    others: &[domain::operations::Operation],
) -> i64 {
    match facts.left(others) {
        0 => (facts.captured - facts.refunded).max(0),
        left => left,
    }
}

/// What a dispute is about; nothing of one that nobody has reported.
async fn disputed(tx: &mut Transaction, key: &Key) -> Result<(i64, String), LedgerError> {
    let dispute = tx.look_up::<Dispute>(std::slice::from_ref(key)).await?.pop();
    Ok(dispute.map_or((0, String::new()), |dispute| (dispute.state.amount, dispute.state.currency)))
}

/// The payment of a dispute's charge.
async fn payment_of(tx: &mut Transaction, dispute: &Key) -> Result<Option<Key>, LedgerError> {
    let Some(dispute) = tx.look_up::<Dispute>(std::slice::from_ref(dispute)).await?.pop() else {
        return Ok(None);
    };
    let Some(charge) = dispute.owner() else { return Ok(None) };
    let charge = tx.look_up::<Charge>(std::slice::from_ref(&charge)).await?.pop();
    Ok(charge.and_then(|charge| charge.owner()))
}
