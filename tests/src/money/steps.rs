//! What happens at Stripe, one legal step at a time. A step is a kind and a seed and chooses by itself what it
//! happens to, so that a history with a step left out is a history again.

mod disputes;
mod invoices;
mod payments;
mod refunds;

use stripe_sim::Random;

use super::account::Account;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Pay,
    Intend,
    Succeed,
    Decline,
    Authorise,
    Capture,
    LetGo,
    Pend,
    Settle,
    PendAgain,
    PayHalfAfterFailure,
    ChargeDirectly,
    UpdateCharge,
    Refund,
    RefundTwice,
    TurnRefund,
    Dispute,
    TurnDispute,
    LoseTheRest,
    Bill,
    PayInvoice,
    FailInvoice,
    PayPart,
    PayTwoInvoices,
    PayOutside,
    CloseInvoice,
    MakeOverdue,
    Unsubscribe,
}

#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub what: What,
    pub seed: u64,
}

/// How often each happens beside the others.
const WEIGHTS: &[(What, u64)] = &[
    (What::Pay, 6),
    (What::Intend, 3),
    (What::Succeed, 4),
    (What::Decline, 6),
    (What::Authorise, 6),
    (What::Capture, 7),
    (What::LetGo, 4),
    (What::Pend, 4),
    (What::Settle, 4),
    (What::PendAgain, 3),
    (What::PayHalfAfterFailure, 3),
    (What::ChargeDirectly, 3),
    (What::UpdateCharge, 2),
    (What::Refund, 9),
    (What::RefundTwice, 3),
    (What::TurnRefund, 7),
    (What::Dispute, 6),
    (What::TurnDispute, 8),
    (What::LoseTheRest, 4),
    (What::Bill, 3),
    (What::PayInvoice, 5),
    (What::FailInvoice, 7),
    (What::PayPart, 4),
    (What::PayTwoInvoices, 3),
    (What::PayOutside, 2),
    (What::CloseInvoice, 2),
    (What::MakeOverdue, 2),
    (What::Unsubscribe, 4),
];

/// Without one of these nothing else happens.
const BEGINNINGS: &[What] = &[
    What::Pay,
    What::Intend,
    What::Authorise,
    What::ChargeDirectly,
    What::PayInvoice,
    What::FailInvoice,
    What::PayPart,
    What::PayTwoInvoices,
];

impl Step {
    /// So many steps of a few kinds: where not everything happens, the same objects meet again and again.
    pub fn some(count: u64, random: &mut Random) -> Vec<Self> {
        let mut kinds: Vec<(What, u64)> = WEIGHTS.iter().filter(|_| random.percent(45)).copied().collect();
        let beginning = *random.pick(BEGINNINGS);
        kinds.push((beginning, 6));
        let sum = kinds.iter().map(|(_, weight)| weight).sum();
        let mut steps = vec![Self { what: beginning, seed: random.number() }];
        for _ in 1..count {
            let mut left = random.within(0..sum);
            let kind = kinds.iter().find(|(_, weight)| {
                let is_it = left < *weight;
                left = left.saturating_sub(*weight);
                is_it
            });
            steps.push(Self { what: kind.expect("below the sum").0, seed: random.number() });
        }
        steps
    }
}

impl Account {
    /// Time passes, and the step is taken; nothing happens where there is nothing it could happen to.
    pub fn take(&mut self, number: usize, step: Step) {
        self.random = Random::of_seed(step.seed);
        self.step = number;
        self.now += match self.random.within(0..100) {
            0..12 => 0,
            12..45 => self.seconds(1..90),
            45..80 => self.seconds(600..20_000),
            _ => self.seconds(86_400..400_000),
        };
        match step.what {
            What::Pay => self.pay(),
            What::Intend => {
                self.intend();
            }
            What::Succeed => self.succeed_one(),
            What::Decline => self.decline_one(),
            What::Authorise => self.authorise_one(),
            What::Capture => self.capture_one(),
            What::LetGo => self.let_go_one(),
            What::Pend => self.pend_one(),
            What::Settle => self.settle_one(),
            What::PendAgain => self.pend_again(),
            What::PayHalfAfterFailure => self.pay_half_after_failure(),
            What::ChargeDirectly => self.charge_directly(),
            What::UpdateCharge => self.update_charge(),
            What::Refund => self.refund_one(1),
            What::RefundTwice => self.refund_one(2),
            What::TurnRefund => self.turn_refund(),
            What::Dispute => self.dispute_one(),
            What::TurnDispute => self.turn_dispute(),
            What::LoseTheRest => self.lose_the_rest(),
            What::Bill => {
                self.bill();
            }
            What::PayInvoice => self.pay_invoice(),
            What::FailInvoice => self.fail_invoice(),
            What::PayPart => self.pay_part(),
            What::PayTwoInvoices => self.pay_two_invoices(),
            What::PayOutside => self.pay_outside(),
            What::CloseInvoice => self.close_invoice(),
            What::MakeOverdue => self.make_overdue(),
            What::Unsubscribe => self.unsubscribe(),
        }
    }

    fn seconds(&mut self, range: std::ops::Range<u64>) -> i64 {
        i64::try_from(self.random.within(range)).expect("small")
    }
}
