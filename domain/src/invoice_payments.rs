//! Invoice payments: which payment pays how much of which invoice. A payment may pay several invoices.

use chrono::{DateTime, Utc};

use super::event::Circumstances;
use super::fields::Fields;
use super::freshness::{Freshness, Seen, rank};
use super::index::Link;
use super::invoices::{self};
use super::kinds::Kind;
use super::payments::{self};
use super::row::{link_to, row};
use super::{AtStripe, Key, Object, Observation, Permanent, UNKNOWN, observation};

/// In the order in which they follow each other inside one second.
pub(super) const STATUSES: &[&str] = &["open", "canceled", "paid"];
const PAID: &str = "paid";
const FINAL: &[&str] = &["canceled", PAID];

row! {
    pub struct InvoicePayment {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub invoice: InvoiceLink,
        #[serde(flatten)]
        pub payment: PaymentLink,
    }
}

row! {
    pub struct State {
        /// Stripe's own, as reported.
        pub status: String,
        /// Nothing before it is paid.
        pub amount_paid: i64,
        pub amount_requested: i64,
        pub currency: String,
        pub created_at: Option<DateTime<Utc>>,
        pub paid_at: Option<DateTime<Utc>>,
    }
}

link_to!(InvoiceLink, invoice, invoice_freshness);
link_to!(PaymentLink, payment, payment_freshness);

/// What one event says about one invoice payment.
pub type Report = observation::Report<State, Links>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    pub invoice: String,
    /// A record of money from elsewhere is no payment of ours.
    pub payment: Option<String>,
}

/// Reads `invoice_payment.*`, which since 2025-03-31 is how a payment learns of its invoice.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    object.id()?;
    let invoice = object.link(&["invoice"])?.ok_or_else(|| object.refuse("invoice", "is missing"))?;
    let invoice = event.subject(invoice);
    let freshness = event.freshness(0, 0, 0, &());
    let mut observations = read_within(event, object, &invoice, freshness)?;
    observations.push(invoices::named(event, invoice, freshness, true));
    Ok(observations)
}

/// Reads an entry of an invoice's `payments`, or the object itself. The row comes first; without an id the entry
/// is only a link, as fresh as the report that it stands in.
pub fn read_within(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    invoice: &Key,
    link_freshness: Freshness,
) -> Result<Vec<Observation>, Permanent> {
    let intent = object.link(&["payment", "payment_intent"])?;
    let payment = match intent {
        None => object.link(&["payment", "charge"])?,
        found => found,
    };
    let mut observations = Vec::new();
    if object.at(&["id"]).is_some() {
        let state = state(object)?;
        let (class, status_rank) =
            (u8::from(FINAL.contains(&state.status.as_str())), rank(STATUSES, &state.status));
        let freshness = event.freshness(class, 0, status_rank, &state);
        let links = Links { invoice: invoice.id.clone(), payment: payment.map(str::to_owned) };
        let report = event.report(event.subject(object.id()?), freshness, Some(state), links);
        observations.push(Observation::InvoicePayment(report));
    }
    if let Some(payment) = payment {
        let links =
            payments::Links { invoice_stripe: Some(invoice.id.clone()), ..payments::Links::default() };
        observations.push(payments::named(event, event.subject(payment), link_freshness, links));
    }
    Ok(observations)
}

fn state(object: &Fields<'_>) -> Result<State, Permanent> {
    Ok(State {
        status: object.maybe_text(&["status"])?.unwrap_or(UNKNOWN).to_owned(),
        amount_paid: object.maybe_amount(&["amount_paid"])?.unwrap_or(0),
        amount_requested: object.maybe_amount(&["amount_requested"])?.unwrap_or(0),
        currency: object.maybe_text(&["currency"])?.unwrap_or_default().to_owned(),
        created_at: object.maybe_time(&["created"])?,
        paid_at: object.maybe_time(&["status_transitions", "paid_at"])?,
    })
}

impl Object for InvoicePayment {
    const KIND: Kind = Kind::InvoicePayment;
    const NAME: &'static str = "invoice_payment";
    const TABLE: &'static str = "invoice_payments";
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("invoice_payments", "invoice_payment.updated"));

    fn placeholder(key: Key) -> Self {
        let state = State { status: UNKNOWN.to_owned(), ..State::default() };
        Self { key, state, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::InvoicePaymentOfInvoice, self.owner());
        link(Link::InvoicePaymentOfPayment, self.paid_by());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        let invoice = self.owner().map(|key| (Kind::Invoice, key));
        invoice.into_iter().chain(self.paid_by().map(|key| (Kind::Payment, key))).collect()
    }
}

impl InvoicePayment {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        self.seen.take(&mut self.state, report);
        self.invoice.see(Some(&report.links.invoice), report.freshness);
        self.payment.see(report.links.payment.as_deref(), report.freshness);
    }

    pub fn is_paid(&self) -> bool {
        self.state.status == PAID
    }

    /// The invoice that is paid.
    pub fn owner(&self) -> Option<Key> {
        self.invoice.id().map(|id| self.key.sibling(id))
    }

    pub fn paid_by(&self) -> Option<Key> {
        self.payment.id().map(|id| self.key.sibling(id))
    }
}
