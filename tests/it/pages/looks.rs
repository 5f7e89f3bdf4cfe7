//! Every page, as a person without scripts gets it.

use harness::binaries::workspace;
use serde_json::json;

use super::browser::{Console, each_console};
use super::markup;
use crate::ledgers::together;
use crate::staff::sales::{Sale, sale};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A sale that was disputed and lost, one in test mode, and one that failed.
pub(super) async fn told(console: &Console) {
    let (lost, mut test) = (sale("lost", "user_1", 12_345, 0), sale("test", "user_2", 700, 10));
    test.livemode = false;
    let failed = sale("failed", "user_1", 999, 20);
    let mut events = lost.lost();
    events.extend(test.paid());
    events.push(failed.declined(0, "insufficient_funds"));
    events.extend(sale("plain", "user_4", 900_000, 60).paid());
    events.push(open_dispute(&sale("open", "user_3", 5_000, 40)));
    events.push(sale("sent", "user_5", 4_200, 70).payout(0, "paid"));
    for event in &events {
        together(&console.ledger, &[event]).await;
    }
}

fn open_dispute(sale: &Sale) -> envelope::Envelope {
    sale.dispute(5, "needs_response", &json!({"evidence_details": {"due_by": 1_780_900_000}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_names_every_page_of_the_navigation() {
    let documented = std::fs::read_to_string(workspace().join("docs/console.md")).unwrap();
    each_console("documented", async |console| {
        let token = console.person(None, "ada", "super_user");
        let page = console.browser(Some(&token)).page("/payments/dashboard/").await;
        let links = page.split("<a href=\"").skip(1).filter_map(|rest| rest.split('>').next());
        let places = links.filter(|link| link.contains("data-place"));
        let places: Vec<&str> = places.filter_map(|link| link.split(['?', '"']).next()).collect();
        assert!(places.len() > 20, "{places:?}");
        for place in places {
            assert!(documented.contains(&format!("`{place}`")), "docs/console.md lacks {place}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_complete_without_scripts_and_runs_nothing_inline() {
    each_console("looks", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        for (path, says) in [
            ("/payments/dashboard/?hours=8760", "What needs you?"),
            ("/payments/history", "pi_lost"),
            ("/payments/history?status=payment_failed", "insufficient_funds"),
            ("/payments/failures", "insufficient_funds"),
            ("/payments/history?code=insufficient_funds", "Only code: insufficient_funds"),
            ("/payments/refunds", "No refund here"),
            ("/payments/disputes", "dp_open"),
            ("/payments/disputes?show=all", "dp_lost"),
            ("/payments/invoices", "in_lost"),
            ("/payments/invoices?status=void", "No invoice here"),
            ("/payments/payouts", "po_sent"),
            ("/payments/payouts?status=failed", "No payout here"),
            ("/payout/po_sent", "Stripe sent the money"),
            ("/payments/blocks", "Nobody is blocked"),
            ("/payments/webhooks/", "payment_intent.succeeded"),
            ("/payments/dead-letters", "No dead letter"),
            ("/payments/replays", "No replay was planned"),
            ("/payments/bans?show=all", "user_1"),
            ("/payments/anomalies", "Anomalies"),
            ("/payments/listings", "No listing here"),
            ("/approvals", "Nothing waits for an approval"),
            ("/payments/metrics/?hours=8760", "Success rate"),
            ("/payments/findings", "No finding here"),
            ("/payments/reconciliation", "No day has been compared yet"),
            ("/payments/reports", "of a day"),
            ("/payments/reports?kind=day&of=2026-05-28", "disputes.csv"),
            ("/payments/audit", "staff"),
            ("/staff", "super user"),
            ("/staff/ada", "Make a token"),
            ("/tokens", "tdg_"),
            ("/policies", "refunds.confirm_above"),
            ("/policy/refunds.confirm_above?currency=usd&value=250.00", "would need one approval fewer"),
            ("/workers", "Workers take events from the queue"),
            ("/me", "signed in by a token"),
            ("/notices", "Previews"),
            ("/notices?preview=dunning_1", "could not charge 19.99 USD"),
            ("/payment/pi_lost", "123.45"),
            ("/charge/ch_lost", "visa …4242"),
            ("/dispute/dp_lost", "It was lost: the money is gone."),
            ("/invoice/in_lost", "charged back"),
            ("/customer/cus_lost", "user_1"),
            ("/user/user_1", "chargeback"),
            ("/event/evt_lost_payment_succeeded_1", "was applied"),
            ("/search?q=nobody", "Nothing in the ledger goes by"),
        ] {
            let reply = browser.get(path).await;
            assert_eq!(reply.status, 200, "{path}");
            assert!(reply.body.contains(says), "{path} lacks {says}: {}", reply.body);
            markup::check(path, &reply.body);
            assert_eq!(reply.header("content-security-policy"), Some(POLICY), "{path}");
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(reply.header("x-frame-options"), Some("DENY"));
            assert_eq!(reply.body.matches("<h1").count(), 1, "{path}");
            assert_eq!(reply.body.matches("<script").count(), 1, "{path}: our own file alone");
            for inline in [" style=", " onclick=", " onload=", "javascript:", "<style"] {
                assert!(!reply.body.contains(inline), "{path} has {inline}");
            }
        }
        for (path, status) in [
            ("/staff/nobody", 404),
            ("/policy/nothing", 404),
            ("/payment/pi_nobody", 404),
            ("/nowhere", 404),
            ("/payments/history?amount=19.9999", 400),
            ("/payments/history?after=nowhere", 400),
            ("/payments/history?since=soon", 400),
            ("/payments/dashboard/?hours=0", 400),
        ] {
            let reply = browser.get(path).await;
            assert_eq!(reply.status, status, "{path}: {}", reply.body);
            assert!(reply.body.contains("<h1"), "{path} is a page in words");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_leads_to_whatever_goes_by_the_words() {
    each_console("search", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        for (words, place) in [
            ("pi_lost", "/payment/pi_lost"),
            ("evt_lost_payment_succeeded_1", "/event/evt_lost_payment_succeeded_1"),
            ("user_1", "/user/user_1"),
            ("dp_lost", "/dispute/dp_lost"),
            ("123.45+usd", "/payments/history?amount=123.45&currency=usd&mode=live"),
        ] {
            let reply = browser.get(&format!("/search?mode=live&q={words}")).await;
            assert_eq!((reply.status, reply.header("location")), (303, Some(place)), "{words}");
        }
        let found = browser.page("/payments/history?amount=123.45&mode=live&currency=usd").await;
        assert!(found.contains("pi_lost") && !found.contains("pi_failed"), "{found}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_page_is_not_made_again_while_nothing_happens() {
    each_console("live", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let path = "/payments/dashboard/?mode=live";
        // The tag lasts for a minute: one of three looks falls into the minute of the one before.
        let mut is_saved = false;
        for _ in 0..3 {
            let tag = browser.get(path).await.header("etag").unwrap().to_owned();
            let again = browser.get_knowing(path, &tag).await;
            is_saved |= (again.status, again.body.as_str()) == (304, "");
        }
        assert!(is_saved);
        let tag = browser.get(path).await.header("etag").unwrap().to_owned();
        together(&console.ledger, &[&sale("later", "user_9", 100, 90).declined(0, "expired_card")]).await;
        assert_eq!(browser.get_knowing(path, &tag).await.status, 200, "something happened");
        assert_eq!(browser.get("/payments/history").await.header("etag"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_test_events_came_every_page_is_of_the_test_mode() {
    each_console("test_alone", async |console| {
        let mut test = sale("test", "user_2", 700, 10);
        test.livemode = false;
        together(&console.ledger, &test.paid().iter().collect::<Vec<_>>()).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        for path in ["/payments/dashboard/", "/me", "/staff", "/payments/blocks"] {
            assert!(browser.page(path).await.contains("Test mode: no real money moves here"), "{path}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_mode_cannot_be_mistaken_and_stays_apart() {
    each_console("modes", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let banner = "Test mode: no real money moves here";
        let live = browser.page("/payments/history").await;
        assert!(live.contains("pi_lost") && !live.contains("pi_test") && !live.contains(banner));
        let test = browser.page("/payments/history?mode=test").await;
        assert!(test.contains("pi_test") && !test.contains("pi_lost") && test.contains(banner));
        // An object says by itself of which mode it is.
        assert!(browser.page("/payment/pi_test?mode=live").await.contains(banner));
        assert!(!browser.page("/payment/pi_lost?mode=test").await.contains(banner));
    })
    .await;
}
