//! What people and programs see of the ledger, as data: pages, tables and answers only render it. A file a view. Each
//! is read from the caller's transaction, so that it shows one state, by a number of statements that does not grow
//! with what it shows. Sentences that say why something is so are part of it; layout, colours and markup are not.

pub mod anomalies;
mod anomaly_figures;
pub mod ban;
pub mod cards;
pub mod charge;
pub mod customer;
pub mod dashboard;
pub mod dead_letters;
pub mod detail;
pub mod dispute;
pub mod dispute_analytics;
pub mod dispute_item;
pub mod dispute_list;
pub mod dispute_summary;
pub mod event;
pub mod evidence;
pub mod failed_attempts;
pub mod failure_text;
pub mod finding;
pub mod invoice;
mod invoice_reasons;
pub mod kpi;
pub mod notices;
pub mod object;
pub mod operation;
mod operations_about;
pub mod pauses;
pub mod payment;
pub mod payout;
pub mod policies;
pub mod reason;
pub mod reconciliation;
pub mod refund;
pub mod sending;
pub mod staff;
pub mod story;
pub mod subscription;
pub mod sums;
pub mod timeline;
