//! Lists as spreadsheets get them, the same from the command line, the console and reports. A file a list.

pub mod bans;
pub mod charges;
pub mod customers;
pub mod desk_records;
pub mod disputes;
pub mod events;
pub mod failures;
pub mod findings;
pub mod invoices;
pub mod payments;
pub mod payouts;
pub mod refunds;
