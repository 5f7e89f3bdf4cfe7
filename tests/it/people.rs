//! People, tokens and policies, through the real binary on both ledgers: who may do what, how they prove who they are,
//! what takes two, and what the audit says of it.

mod desk;
mod roles;
mod tokens;
mod two;
