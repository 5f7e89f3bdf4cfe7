//! The shop of a demo: a small homepage that sells listings, on an address of its own. It knows Tidegate by its API alone, as
//! a merchant's program would, with the token of a service. There is none outside of `up --demo`.

mod homepage;
mod page;
mod serve;
mod visit;

pub use self::serve::open;
