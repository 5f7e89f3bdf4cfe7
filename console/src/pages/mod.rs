//! The pages: what `desk/views` say, as HTML that is complete without scripts. A file a page; each is a function from
//! a view to markup, and `answer` finds out which one an address asks for. Nothing here decides about money.

pub mod acts;
pub mod address;
pub mod anomalies;
pub mod answer;
pub mod assets;
pub mod audit;
pub mod bans;
pub mod browser;
pub mod command;
pub mod dashboard;
pub mod dead_letters;
pub mod dispute_acts;
pub mod disputes;
pub mod event;
pub mod exports;
pub mod faults;
pub mod hanging;
pub mod history;
pub mod listed;
pub mod metrics;
pub mod modes;
pub mod object;
pub mod origin;
pub mod page_responses;
pub mod plots;
pub mod replays;
pub mod search;
pub mod shell;
pub mod sign_in;
pub mod tables;
pub mod timelines;
pub mod tones;
pub mod user;
pub mod values;
pub mod webhooks;
