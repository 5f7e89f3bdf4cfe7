//! Queries across tables for people, pages and metrics: joins, lists, sums and figures. Nothing here writes.

pub mod attention;
pub mod event_time;
pub mod figures;
pub mod gauges;
pub mod glance;
pub mod lists;
pub mod page;
pub mod search;
pub mod stored;
