//! A page costs as many statements with much on it as with little: what grows is what they read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use desk::views::ban::BanView;
use desk::views::cards::Cards;
use desk::views::charge::ChargeView;
use desk::views::customer::CustomerView;
use desk::views::dispute::DisputeView;
use desk::views::dispute_list::{DisputeQuery, read_list};
use desk::views::invoice::InvoiceView;
use desk::views::object::{ObjectPages, ObjectView};
use desk::views::payment::PaymentView;
use desk::views::refund::RefundView;
use harness::histories::agreeing;
use harness::postgres::Postgres;
use ledger::Ledger;
use ledger::views::lists::DisputeFilter;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use serde_json::json;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::sales::sale;
use crate::ledgers::{open, together};

/// Counts what the driver reports of this thread: on Postgres each statement runs in the task that asks.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

pub(crate) async fn counted<T>(read: impl Future<Output = T>) -> (usize, T) {
    let statements = Statements::default();
    let _counting = tracing::subscriber::set_default(statements.clone());
    let answer = read.await;
    (statements.0.load(Ordering::Relaxed), answer)
}

/// One refund and one dispute on the small sale, many of both on the large one.
async fn ledger_with_both(url: &str) -> Ledger {
    let ledger = open(url).await;
    for (name, user, count) in [("small", "user_small", 1), ("large", "user_large", 9)] {
        let names: Vec<&'static str> =
            ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"].into_iter().take(count).collect();
        let sale = sale(name, user, 100_000, 0);
        let mut events = sale.paid();
        events.push(sale.customer(None));
        for (place, refund) in names.into_iter().enumerate() {
            let id = format!("{name}_{refund}");
            let after = 10 + i64::try_from(place).unwrap();
            events.push(sale.refund(&id, after, "succeeded", 1_000));
            let mut dispute = sale.dispute(100 + after, "needs_response", &json!({"id": format!("dp_{id}")}));
            dispute.header.id = format!("evt_dispute_{id}");
            events.push(agreeing(dispute));
        }
        for event in &events {
            assert_eq!(together(&ledger, &[event]).await.applied, 1, "{}", event.header.id);
        }
    }
    ledger
}

async fn page_cost<V: ObjectView>(ledger: &Ledger, id: &str, now: DateTime<Utc>) -> usize {
    let whose = Whose::default();
    let read = async {
        ObjectPages::<V>::read(ledger, &mut ledger.read().await?, id, &whose, Cards::Shown, now).await
    };
    let (statements, pages) = counted(read).await;
    assert_eq!(pages.unwrap().known.len(), 1, "{id}");
    statements
}

#[tokio::test]
async fn a_page_costs_as_many_statements_with_much_on_it_as_with_little() {
    let url = Postgres::shared().await.ledger("statements").await.unwrap();
    let ledger = ledger_with_both(&url).await;
    let now = shared::clock::now();
    let costs = async |small: &str, large: &str| {
        [
            page_cost::<InvoiceView>(&ledger, &format!("in_{small}"), now).await,
            page_cost::<PaymentView>(&ledger, &format!("pi_{small}"), now).await,
            page_cost::<ChargeView>(&ledger, &format!("ch_{small}"), now).await,
            page_cost::<CustomerView>(&ledger, &format!("cus_{small}"), now).await,
            page_cost::<RefundView>(&ledger, &format!("re_{large}"), now).await,
            page_cost::<DisputeView>(&ledger, &format!("dp_{large}"), now).await,
        ]
    };
    let (small, large) = (costs("small", "small_r1").await, costs("large", "large_r1").await);
    assert_eq!(small, large);
    assert!(small.iter().all(|statements| (4..=40).contains(statements)), "{small:?}");

    let ban_cost = async |user: &str| {
        let whose = Whose::default();
        let read = async { BanView::read_all(&ledger, &mut ledger.read().await?, user, &whose, now).await };
        let (statements, views) = counted(read).await;
        (statements, views.unwrap()[0].disputes.len())
    };
    let ((small, one), (large, nine)) = (ban_cost("user_small").await, ban_cost("user_large").await);
    assert_eq!((one, nine), (1, 9));
    assert_eq!(small, large);

    let list_cost = async |user: &str| {
        let filter = DisputeFilter::default();
        let query = DisputeQuery { filter, user: Some(user.to_owned()), ..DisputeQuery::default() };
        let read =
            async { read_list(&ledger, &mut ledger.read().await?, &query, &Part::first(50), now).await };
        let (statements, list) = counted(read).await;
        (statements, list.unwrap().rows.len())
    };
    let ((small, one), (large, nine)) = (list_cost("user_small").await, list_cost("user_large").await);
    assert_eq!((one, nine), (1, 9));
    assert_eq!(small, large);
    ledger.close().await;
}
