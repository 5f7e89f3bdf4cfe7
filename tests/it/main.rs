//! One binary for all tests of the whole product.

mod rabbitmq;
