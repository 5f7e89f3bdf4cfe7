//! One binary for all tests of the whole product.

mod landing;
mod rabbitmq;
mod torture;
