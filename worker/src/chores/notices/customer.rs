//! A notice to a customer, right before it is sent: whether it is still true, who is to be told, and the links and dates
//! of now. Addresses are read from Stripe, or from what Stripe sent, and kept nowhere.

use chrono::{DateTime, Utc};
use domain::invoices::{Invoice, Status};
use domain::notices::from_objects::dunning_number;
use domain::notices::texts::Facts;
use domain::notices::{Dunning, Notice, NoticeKind, by_time, is_mail_address};
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::{Key, Kind};
use ledger::{Ledger, LedgerError};
use serde_json::Value;
use stripe_api::{Api, StripeError};

/// So many of an object's last events are looked through for what Stripe sent.
const EVENTS_LOOKED_AT: usize = 10;

pub(super) enum Recipient {
    To {
        address: String,
        facts: Facts,
    },
    /// It is no longer true, or nobody can be told.
    Nobody(String),
    /// Stripe could not be asked.
    Later(String),
}

/// Why there is no recipient.
enum Not {
    Nobody(String),
    Later(String),
    Ledger(LedgerError),
}

impl From<LedgerError> for Not {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<StripeError> for Not {
    fn from(error: StripeError) -> Self {
        Self::Later(format!("Stripe could not be asked: {error}"))
    }
}

fn nobody<T>(why: impl Into<String>) -> Result<T, Not> {
    Err(Not::Nobody(why.into()))
}

pub(super) struct Customers<'a> {
    pub(super) ledger: &'a Ledger,
    /// Of the mode of its key alone.
    pub(super) api: Option<&'a Api>,
    pub(super) facts: &'a Facts,
    /// Where reminders are unsubscribed from.
    pub(super) unsubscribe: Option<&'a String>,
}

impl Customers<'_> {
    /// `target` is where the notice goes: a correction goes only to those who were told the wrong thing.
    pub(super) async fn recipient(
        &self,
        notice: &Notice,
        target: &str,
        now: DateTime<Utc>,
    ) -> Result<Recipient, LedgerError> {
        let found = match notice.kind {
            NoticeKind::Dunning => self.of_invoice(notice, now).await,
            NoticeKind::RefundMade | NoticeKind::RefundCorrected => self.of_refund(notice, target).await,
            NoticeKind::RefundRejected => self.of_rejected(notice).await,
            NoticeKind::CardExpires => self.of_card(notice, now).await,
            _ => nobody("it is not for customers"),
        };
        match found {
            Ok((address, facts)) => Ok(Recipient::To { address, facts }),
            Err(Not::Nobody(why)) => Ok(Recipient::Nobody(why)),
            Err(Not::Later(why)) => Ok(Recipient::Later(why)),
            Err(Not::Ledger(error)) => Err(error),
        }
    }

    async fn of_invoice(&self, notice: &Notice, now: DateTime<Utc>) -> Result<(String, Facts), Not> {
        let key = notice.object();
        let mut tx = self.ledger.read().await?;
        let policy = tx.policies().await?.dunning();
        let invoice = tx.look_up::<Invoice>(std::slice::from_ref(&key)).await?.pop();
        let Some(invoice) = invoice else { return nobody("the invoice is gone") };
        if !matches!(invoice.status, Status::Failed | Status::Overdue) {
            return nobody(format!("the invoice is {} now", invoice.status));
        }
        if dunning_number(&invoice).is_some_and(|number| number > notice.number) {
            return nobody("a later letter says more");
        }
        if policy == Dunning::Off || (policy == Dunning::Stripe && invoice.is_stripes) {
            return nobody(format!("the policy notices.dunning is {policy}"));
        }
        let subscription = match invoice.subscribed() {
            Some(key) => tx.look_up::<Subscription>(&[key]).await?.pop(),
            None => None,
        };
        // The merchant's own invoice names nobody; its payments do.
        let payments = tx.children::<Payment>("invoice", std::slice::from_ref(&key)).await?;
        drop(tx);
        if subscription
            .is_some_and(|row| matches!(row.state.status.as_str(), "canceled" | "incomplete_expired"))
        {
            return nobody("the subscription was canceled");
        }
        let mut facts = self.facts.clone();
        facts.next_attempt_at = invoice.next_payment_retry_at.filter(|at| *at > now);
        // The merchant's own invoice may not say what it asks for; the payment that failed does.
        let asked =
            payments.iter().filter(|payment| payment.has_failed()).map(|payment| payment.state.amount);
        facts.owed = [invoice.state.amount_due].into_iter().chain(asked).find(|owed| *owed > 0);
        if facts.owed.is_none() {
            return Err(Not::Later("what the invoice asks for is not known yet".to_owned()));
        }
        if invoice.is_stripes {
            let told = self.told(Kind::Invoice, &key, &[("invoice", &key)]).await?;
            if !matches!(told["status"].as_str(), Some("open")) {
                return nobody(format!(
                    "the invoice is {} at Stripe",
                    told["status"].as_str().unwrap_or("gone")
                ));
            }
            if told["auto_advance"].as_bool().unwrap_or(false) || told["next_payment_attempt"].is_i64() {
                return nobody("Stripe collects the invoice itself, and may write to the customer itself");
            }
            facts.next_attempt_at = None;
            facts.owed = told["amount_remaining"].as_i64().or(facts.owed);
            facts.link = told["hosted_invoice_url"].as_str().map(str::to_owned);
            if let Some(address) = address_in(&told) {
                return Ok((address, facts));
            }
        }
        let of_payments = payments.iter().rev().find_map(|payment| payment.customer.id());
        let customer = invoice.customer.id().or(of_payments).map(|id| key.sibling(id));
        if customer.is_none() {
            let payment = payments.last().map(|payment| payment.key.clone());
            return Ok((self.of_payment(payment).await?, facts));
        }
        Ok((self.of_customer(customer).await?, facts))
    }

    async fn of_refund(&self, notice: &Notice, target: &str) -> Result<(String, Facts), Not> {
        let key = notice.object();
        let mut tx = self.ledger.read().await?;
        let Some(refund) = tx.look_up::<Refund>(std::slice::from_ref(&key)).await?.pop() else {
            return nobody("the refund is gone");
        };
        let was_told = tx.has_reached(target, NoticeKind::RefundMade.as_str(), &key.id).await?;
        drop(tx);
        match notice.kind {
            NoticeKind::RefundMade if refund.state.status != "succeeded" => {
                return nobody(format!("the refund is {} now", refund.state.status));
            }
            NoticeKind::RefundCorrected if !refund.has_failed() => {
                return nobody(format!("the refund is {} now", refund.state.status));
            }
            NoticeKind::RefundCorrected if !was_told => return nobody("nobody was told of the refund"),
            _ => {}
        }
        let payment = refund.payment.id().map(|id| key.sibling(id));
        let address = match refund.charge.id().map(|id| key.sibling(id)) {
            Some(charge) => self.of_charge(&charge, payment.as_ref()).await?,
            None => self.of_payment(payment).await?,
        };
        Ok((address, self.facts.clone()))
    }

    async fn of_rejected(&self, notice: &Notice) -> Result<(String, Facts), Not> {
        let payment = notice.text("payment").map(|id| notice.key.sibling(&id));
        Ok((self.of_payment(payment).await?, self.facts.clone()))
    }

    /// The networks renew cards silently: what Stripe has now counts.
    async fn of_card(&self, notice: &Notice, now: DateTime<Utc>) -> Result<(String, Facts), Not> {
        let customer = notice.object();
        let Some(api) = self.api_for(&customer) else {
            return nobody(
                "without a STRIPE_SECRET_KEY of its mode nobody knows whether the card was renewed",
            );
        };
        let methods = api.payment_methods_of(&customer.id, &customer.account).await?.objects;
        let mut cards = Vec::new();
        for method in &methods {
            cards.push(method.read::<Value>()?["card"].clone());
        }
        let expires = |card: &Value| {
            let (year, month) = (card["exp_year"].as_i64(), card["exp_month"].as_i64());
            year.zip(month).is_some_and(|(year, month)| by_time::expires_soon(year, month, now))
        };
        let last4 = notice.text("last4");
        let is_same = |card: &&Value| last4.is_none() || card["last4"].as_str() == last4.as_deref();
        if !cards.iter().filter(is_same).any(expires) {
            return nobody("the card was renewed or removed");
        }
        if cards.iter().any(|card| !card.is_null() && !expires(card)) {
            return nobody("the customer has another card");
        }
        let mut facts = self.facts.clone();
        facts.unsubscribe = self.unsubscribe.cloned();
        Ok((self.of_customer(Some(customer)).await?, facts))
    }

    async fn of_payment(&self, payment: Option<Key>) -> Result<String, Not> {
        let Some(payment) = payment else { return nobody("no payment is known, so nobody can be told") };
        let told = self.told(Kind::Payment, &payment, &[("payment", &payment)]).await?;
        if let Some(address) = address_in(&told) {
            return Ok(address);
        }
        match told["latest_charge"].as_str().map(|id| payment.sibling(id)) {
            Some(charge) => self.of_charge(&charge, Some(&payment)).await,
            None => self.of_customer(told["customer"].as_str().map(|id| payment.sibling(id))).await,
        }
    }

    async fn of_charge(&self, charge: &Key, payment: Option<&Key>) -> Result<String, Not> {
        let mut lines = vec![("payment", charge)];
        lines.extend(payment.map(|payment| ("payment", payment)));
        let told = self.told(Kind::Charge, charge, &lines).await?;
        match address_in(&told) {
            Some(address) => Ok(address),
            None => self.of_customer(told["customer"].as_str().map(|id| charge.sibling(id))).await,
        }
    }

    async fn of_customer(&self, customer: Option<Key>) -> Result<String, Not> {
        let Some(customer) = customer else { return nobody("no e-mail address is known") };
        let told = self.told(Kind::Customer, &customer, &[("customer", &customer)]).await?;
        match address_in(&told) {
            Some(address) => Ok(address),
            None => nobody("no e-mail address is known"),
        }
    }

    fn api_for(&self, key: &Key) -> Option<&Api> {
        self.api.filter(|api| api.livemode() == key.livemode)
    }

    /// The object as Stripe has it now; where Stripe cannot be asked, as it stands in the last events about `lines`.
    async fn told(&self, kind: Kind, key: &Key, lines: &[(&str, &Key)]) -> Result<Value, Not> {
        if let Some(api) = self.api_for(key) {
            return match api.now(kind, key).await {
                Ok(answer) => Ok(answer.read()?),
                Err(error) if error.is_missing() => nobody("Stripe no longer has it"),
                Err(error) => Err(error.into()),
            };
        }
        for (subject, key) in lines {
            let story = self.ledger.audit_of(subject, key).await?;
            for id in story.iter().rev().filter_map(|line| line.event_id.as_ref()).take(EVENTS_LOOKED_AT) {
                for event in self.ledger.event(id).await? {
                    let Some(body) = self.ledger.body(&event.key()).await? else { continue };
                    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                    let object = &body["data"]["object"];
                    // An invoice's own status is asked for, too.
                    let serves = kind != Kind::Invoice && address_in(object).is_some();
                    if object["id"].as_str() == Some(&key.id) || serves {
                        return Ok(object.clone());
                    }
                }
            }
        }
        nobody("no e-mail address is known: set STRIPE_SECRET_KEY, so that Stripe is asked")
    }
}

/// The address that an object of Stripe's names, wherever it has it.
fn address_in(object: &Value) -> Option<String> {
    let named = [
        &object["customer_email"],
        &object["receipt_email"],
        &object["billing_details"]["email"],
        &object["email"],
    ];
    named.into_iter().filter_map(Value::as_str).find(|address| is_mail_address(address)).map(str::to_owned)
}
