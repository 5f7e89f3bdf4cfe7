//! Queries across tables for people, pages and metrics: joins, lists, sums and figures. Nothing here writes.

pub mod audit_list;
pub mod consistency;
pub mod desk_records;
pub mod dispute_analytics;
pub mod event_time;
pub mod finding_figures;
pub mod gauges;
pub mod kpi;
pub mod lists;
pub mod money_status_queries;
pub mod notice_causes;
pub mod page;
pub mod search;
pub mod status_queries;
pub mod stored_events;
