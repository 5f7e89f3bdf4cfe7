//! Refunds that gave back what was authorised and never captured. Stripe does not always say so; then their charge does.

/// The condition that its charge calls a refund a release, whatever its reason says (`Charge::has_released`).
macro_rules! was_released {
    () => {
        "EXISTS (SELECT 1 FROM charges rc WHERE rc.id = refunds.charge AND rc.account = refunds.account \
         AND rc.livemode = refunds.livemode AND rc.released_refund IS NOT NULL AND rc.released_refund IN ('*', refunds.id))"
    };
}

pub(crate) use was_released;
