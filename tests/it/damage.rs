//! Damage that is found before it is built on, with what a user sees, word for word: files that are damaged, cut
//! off, removed or replaced; clocks that jump; logs that nobody takes; a broker that is killed too early.

mod broker;
mod clock;
mod gone;
mod home;
mod ledger_file;
mod log;
mod logs;
mod queue_file;
