//! The HTTP API: what people and programs do and see, over the desk's acts and views.

pub mod pages;
