//! One binary for all tests of the whole product.

mod guardian;
mod landing;
mod ledgers;
mod rabbitmq;
mod tidy;
mod tools;
mod torture;
