//! People, tokens and policies, through the real binary on both ledgers: who may do what, how they prove who they are,
//! what takes two, and what the audit says of it.

mod acting;
mod append_only;
mod cards;
mod desk;
mod logins;
mod policies;
mod roles;
mod tokens;
mod two;
