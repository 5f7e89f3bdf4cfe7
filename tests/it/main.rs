//! One binary for all tests of the whole product.

#![expect(clippy::unwrap_used, reason = "in a test, a panic with its line is the message")]

mod landing;
mod ledgers;
mod queue_contract;
mod rabbitmq;
mod tidy;
mod tools;
mod torture;
