//! One binary for all tests of the whole product.

#![expect(clippy::unwrap_used, reason = "in a test, a panic with its line is the message")]

mod attempts;
mod autoscale;
mod bench;
mod cli;
mod cluster;
mod completeness;
mod durability;
mod edge;
mod fake_stripe;
mod figures;
mod foretold;
mod gateway_edge;
mod gateway_framing;
mod gateway_limits;
mod guardian;
mod interleaved;
mod landing;
mod lattice;
mod ledgers;
mod malformed;
mod manifests;
mod money;
mod observability;
mod oncall;
mod orders;
mod outages;
mod queue_contract;
mod queue_file;
mod rabbitmq;
mod raw;
mod rebuilding;
mod refetch;
mod replays;
mod rolling;
mod signature_peers;
mod signature_random;
mod staff;
mod suspects;
mod tables;
mod tidy;
mod tools;
mod torture;
mod traces;
mod verifying;
