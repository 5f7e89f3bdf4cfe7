//! A listing with many payments: it costs as many statements as one with few, and each of what is owed is asked back once.

use desk::goods::keep_all;
use ledger::Ledger;
use ledger::views::search::Whose;
use marketplace::KEEPERS;
use marketplace::rules::Verdict;
use marketplace::terms::LISTING_FEE;
use marketplace::view::ListingView;
use shared::clock;

use super::shop::{Shop, alone, key};
use crate::ledgers::each_ledger;
use crate::staff::statements::counted;

async fn read(ledger: &Ledger, id: &str) -> (usize, ListingView) {
    let whose = Whose::default();
    let read = async { ListingView::read(&mut ledger.read().await?, id, &whose, clock::now()).await };
    let (statements, views) = counted(read).await;
    (statements, views.unwrap().pop().unwrap())
}

/// Looks at it once more, as after any change of one of its payments.
async fn kept(ledger: &Ledger, id: &str) -> usize {
    let mut tx = ledger.begin().await.unwrap();
    tx.note_goods(&[key(id)].into()).await.unwrap();
    tx.commit().await.unwrap();
    let (statements, pass) = counted(keep_all(ledger, KEEPERS, &alone, clock::now())).await;
    assert_eq!(pass.unwrap().kept, 1, "{id}");
    statements
}

#[tokio::test]
async fn a_listing_with_many_payments_costs_as_many_statements_as_one_with_few() {
    each_ledger("crowded", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        for (id, fees) in [("lst_few", 3), ("lst_many", 40)] {
            shop.put(id, "Housing").await.unwrap();
            for _ in 0..fees {
                shop.pays_directly(id, LISTING_FEE, 500, "usd");
            }
        }
        shop.settles().await;
        let (few, _) = read(&ledger, "lst_few").await;
        let (many, view) = read(&ledger, "lst_many").await;
        assert_eq!(many, few);
        let owed = view.payments.iter().filter(|it| matches!(it.judged.verdict, Verdict::Owed(_)));
        assert_eq!((owed.count(), view.payments.len()), (39, 40), "one fee counts");
        let asked: std::collections::BTreeSet<_> =
            view.payments.iter().filter_map(|it| it.refund_operation.as_ref()).collect();
        assert_eq!(asked.len(), 39, "each is asked back, once");
        assert_eq!(kept(&ledger, "lst_many").await, kept(&ledger, "lst_few").await);
    })
    .await;
}
