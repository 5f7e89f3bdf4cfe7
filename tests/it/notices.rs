//! Notices through the real processes: what is noted with the ledger's transaction, how it reaches webhooks, chats, mail
//! servers and RabbitMQ, and that nothing is lost or told twice under another id.

mod clock;
mod consumer;
mod hooks;
mod kills;
mod mail;
mod scene;
