//! A Stripe on this machine.
