//! Money that is lost, or soon will be: a bank's warning, a refund beside a lost dispute, a payment by somebody who is banned.

use chrono::{DateTime, Utc};

use super::{FraudFinding, FraudLimits, FraudRule};
use crate::money::shown;
use crate::readable;

readable! {
    /// A charge that a bank warned of, and that a refund may still save from a dispute.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct WarnedCharge {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub at: Option<DateTime<Utc>>,
        pub amount: i64,
        pub amount_refunded: i64,
        pub currency: String,
    }
}

readable! {
    /// A charge of which money went back twice: by refunds, and by disputes that were lost.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Loss {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        /// The last of each.
        pub lost_at: Option<DateTime<Utc>>,
        pub refunded_at: Option<DateTime<Utc>>,
        pub amount: i64,
        pub amount_refunded: i64,
        pub amount_charged_back: i64,
        pub currency: String,
    }
}

readable! {
    /// A payment that succeeded while its user was banned.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct BannedPayment {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub at: Option<DateTime<Utc>>,
        pub user_id: String,
        pub amount: i64,
        pub currency: String,
    }
}

/// What a refund costs beside what a dispute would: the same amount, and its fee.
pub fn warnings(charges: &[WarnedCharge], limits: &FraudLimits) -> Vec<FraudFinding> {
    let found = charges.iter().filter(|charge| charge.amount_refunded < charge.amount).filter_map(|charge| {
        let left = charge.amount - charge.amount_refunded;
        let summary = format!(
            "the bank warns of fraud: a refund of {} saves the dispute's fee of {}",
            shown(left, &charge.currency),
            shown(limits.dispute_fee, "usd"),
        );
        Some(FraudFinding {
            at: charge.at?,
            rule: FraudRule::FraudWarning,
            subject_kind: "charge",
            subject_id: charge.id.clone(),
            account: charge.account.clone(),
            livemode: charge.livemode,
            day: None,
            amount: Some(left),
            currency: charge.currency.clone(),
            summary,
            charges: Vec::new(),
        })
    });
    found.collect()
}

pub fn double_losses(charges: &[Loss]) -> Vec<FraudFinding> {
    let found = charges.iter().filter_map(|charge| {
        let twice = charge.amount_refunded.saturating_add(charge.amount_charged_back) - charge.amount;
        (twice > 0 && charge.amount_refunded > 0 && charge.amount_charged_back > 0).then_some(())?;
        let summary = format!(
            "{} refunded and {} lost in disputes, of {}",
            shown(charge.amount_refunded, &charge.currency),
            shown(charge.amount_charged_back, &charge.currency),
            shown(charge.amount, &charge.currency),
        );
        Some(FraudFinding {
            at: charge.lost_at.max(charge.refunded_at)?,
            rule: FraudRule::DoubleLoss,
            subject_kind: "charge",
            subject_id: charge.id.clone(),
            account: charge.account.clone(),
            livemode: charge.livemode,
            day: None,
            amount: Some(twice),
            currency: charge.currency.clone(),
            summary,
            charges: Vec::new(),
        })
    });
    found.collect()
}

pub fn banned_payments(payments: &[BannedPayment]) -> Vec<FraudFinding> {
    let found = payments.iter().filter_map(|payment| {
        Some(FraudFinding {
            at: payment.at?,
            rule: FraudRule::BannedUserPaid,
            subject_kind: "payment",
            subject_id: payment.id.clone(),
            account: payment.account.clone(),
            livemode: payment.livemode,
            day: None,
            amount: Some(payment.amount),
            currency: payment.currency.clone(),
            summary: format!("paid by {}, who was banned", payment.user_id),
            charges: Vec::new(),
        })
    });
    found.collect()
}
