//! The harness: private servers for the tests, which depend on nothing that happens to run, the product
//! as users start it, a sender like Stripe, and eyes on the ledger that use none of the product's code.

pub mod api;
pub mod autoscaler;
pub mod binaries;
pub mod broker;
pub mod certificates;
pub mod chaos;
pub mod chosen;
pub mod client;
pub mod cluster;
pub mod collector;
pub mod empty_ledger;
pub mod faketime;
pub mod fuzzing;
pub mod histories;
pub mod io_faults;
pub mod ledger;
pub mod load;
pub mod money;
pub mod oracle;
pub mod plot;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod process_guard;
pub mod prometheus;
pub mod queue;
pub mod receiver;
pub mod recorded;
pub mod rows;
pub mod servers;
pub mod stack;
pub mod stories;
pub mod tls_front;
