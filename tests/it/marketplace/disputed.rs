//! A payment for a listing is disputed: the draft of the answer begins with what the listing says, and a person has the
//! last word.

use desk::acts::evidence::{Change, change};
use desk::goods::keep_all;
use desk::views::evidence::{EvidenceView, Source};
use domain::Key;
use domain::evidence::EvidenceField as Field;
use domain::goods::Goods;
use ledger::Ledger;
use marketplace::check;
use marketplace::terms::{BUMP, FEATURED, LISTING_FEE};
use serde_json::json;
use shared::clock;
use stripe_sim::Random;

use super::evenings;
use super::shop::{Shop, alone, key, manager};
use crate::ledgers::each_ledger;

/// The bank opens a dispute about a payment.
async fn disputes(shop: &Shop, intent: &str, reason: &str) -> Key {
    let charge = { shop.stripe.all("", "charge").into_iter() }
        .find(|charge| charge["payment_intent"] == intent)
        .unwrap();
    let wanted = json!({ "charge": charge["id"], "reason": reason, "livemode": true });
    let dispute = shop.stripe.admin("POST", "/disputes", &wanted).unwrap();
    shop.settles().await;
    key(dispute["id"].as_str().unwrap())
}

async fn view(ledger: &Ledger, dispute: &Key) -> EvidenceView {
    let mut tx = ledger.read().await.unwrap();
    EvidenceView::read(&mut tx, dispute, clock::now()).await.unwrap().unwrap()
}

fn text(view: &EvidenceView, field: Field) -> (String, Source, Vec<String>) {
    let found =
        view.fields.iter().find(|it| it.field == field).unwrap_or_else(|| panic!("{field} is missing"));
    (found.text.clone().unwrap_or_default(), found.source, found.from.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_draft_of_the_answer_says_what_was_bought_for_which_time_and_what_was_done() {
    each_ledger("listing_disputed", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        shop.put("lst_1", "Housing").await.unwrap();
        let fee = shop.ask("lst_1", LISTING_FEE).await.unwrap();
        shop.pays(&fee);
        shop.stripe.passes(60);
        let featured = shop.pays_directly("lst_1", FEATURED, 500, "usd");
        let bump = shop.pays_directly("lst_1", BUMP, 200, "usd");
        shop.settles().await;
        let active = shop.listing("lst_1").await.listing;
        let day = |at: Option<chrono::DateTime<chrono::Utc>>| at.unwrap().format("%Y-%m-%d").to_string();
        let until = format!("to {}", day(active.expires_at));

        let about_fee = disputes(&shop, &fee.payment_intent, "fraudulent").await;
        assert_eq!(shop.status("lst_1").await, "pending_payment", "the dispute holds it");
        let draft = view(&ledger, &about_fee).await;
        let (what, source, from) = text(&draft, Field::ProductDescription);
        assert!(
            what.starts_with("Posting fee of 5.00 USD for listing lst_1 in the category Housing."),
            "{what}"
        );
        assert!(what.contains("by the user user_1") && what.contains(&until), "{what}");
        assert_eq!(source, Source::Ledger);
        assert_eq!(from, ["listing lst_1".to_owned(), format!("payment {}", fee.payment_intent)]);
        assert_eq!(text(&draft, Field::ServiceDate).0, format!("{} {until}", day(active.active_from)));
        let log = text(&draft, Field::AccessActivityLog).0;
        let steps = [
            "the user user_1 put the listing lst_1",
            "the user user_1 asked on our site to pay 5.00 USD (listing fee)",
            &format!("5.00 USD was paid (listing fee, {})", fee.payment_intent),
            "the listing was shown, paid until",
            "the listing was featured, paid until",
        ];
        let mut rest = log.as_str();
        for step in steps {
            let at = rest.find(step).unwrap_or_else(|| panic!("{step} is missing, or too early: {log}"));
            rest = &rest[at..];
        }
        assert!(draft.missing.iter().all(|it| !it.contains("access_activity_log")), "{:?}", draft.missing);

        for (paid, words) in
            [(&featured, "It pays for featuring"), (&bump, "It moved the listing to the top")]
        {
            let draft = view(&ledger, &disputes(&shop, paid, "product_not_received").await).await;
            let what = text(&draft, Field::ProductDescription).0;
            assert!(what.starts_with("Promotion of") && what.contains(words), "{what}");
        }

        // A person sees it and writes what they know better.
        let own =
            Change::Text { field: "product_description".to_owned(), text: "An ad for a flat".to_owned() };
        change(&ledger, &about_fee, &own, &manager(), clock::now()).await.unwrap();
        let (what, source, _) = text(&view(&ledger, &about_fee).await, Field::ProductDescription);
        assert_eq!((what.as_str(), source), ("An ad for a flat", Source::Staff));

        // What moderation and its owner did is told, too; and a rebuild comes to the same.
        shop.reject("lst_1").await;
        shop.settles().await;
        let log = text(&view(&ledger, &about_fee).await, Field::AccessActivityLog).0;
        assert!(log.contains("our moderation rejected it"), "{log}");
        let mut tx = ledger.read().await.unwrap();
        assert!(check::check(&mut tx).await.unwrap().differ.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_bought_nothing_is_described_by_itself() {
    each_ledger("disputed_twice", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        shop.put("lst_1", "Housing").await.unwrap();
        shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        shop.stripe.passes(5);
        let second = shop.pays_directly("lst_1", LISTING_FEE, 500, "usd");
        shop.settles().await;
        let draft = view(&ledger, &disputes(&shop, &second, "duplicate").await).await;
        let (what, _, from) = text(&draft, Field::ProductDescription);
        assert_eq!(what, "listing fee for listing lst_1, category Housing");
        assert_eq!(from, [format!("payment {second}")]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_of_ones_own_say_what_was_sold() {
    each_ledger("evening_disputed", async |ledger, _| {
        let shop = Shop::open(ledger.clone()).await;
        let mut tx = ledger.begin().await.unwrap();
        let evening = Goods {
            key: key("evening_1"),
            kind: "evening".to_owned(),
            record: "{}".to_owned(),
            ..Goods::default()
        };
        tx.write_goods(&evening).await.unwrap();
        tx.commit().await.unwrap();
        let seat = shop.pays_directly("evening_1", "seat", 1_500, "usd");
        shop.arrive(shop.told(), &mut Random::of_seed(1)).await;
        while keep_all(&ledger, evenings::KEEPERS, &alone, clock::now()).await.unwrap().kept > 0 {}
        let draft = view(&ledger, &disputes(&shop, &seat, "fraudulent").await).await;
        let (what, _, from) = text(&draft, Field::ProductDescription);
        assert_eq!((what.as_str(), from[0].as_str()), ("A seat of evening_1", "evening evening_1"));
    })
    .await;
}
