//! The console's pages, through the real process on both ledgers, without scripts: what they say, what they let people
//! do, and what no page does.

mod accessible;
mod acts;
mod batches;
mod browser;
mod evidence;
mod hostile;
mod looks;
mod markup;
mod people;
mod proxied;
mod readers;
mod roles;
mod searching;
mod sign_in;
mod sign_in_safety;
mod statements;
mod stories;
mod tasks;
mod times;
mod written;
