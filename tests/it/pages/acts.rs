//! Forms: done once however often they are sent, by those who may, from our own pages alone.

use domain::Key;
use domain::bans::Ban;
use domain::disputes::Dispute;
use ledger::tables::blocks::Block;
use ledger::views::page::Part;
use serde_json::json;

use super::browser::{Browser, each_console, form};
use super::looks::told;
use crate::ledgers::together;
use crate::staff::sales::{Sale, sale};

/// Fills in a form of a page and sends it.
async fn fill(
    browser: &Browser<'_>,
    path: &str,
    action: &str,
    more: &[(&str, &str)],
) -> (u16, Option<String>) {
    let (target, hidden) = form(&browser.page(path).await, action);
    let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = given.chain(more.iter().copied()).collect();
    let reply = browser.post(&target, &fields).await;
    (reply.status, reply.header("location").map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_is_done_once() {
    each_console("twice", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let (target, hidden) = form(&browser.page("/dispute/dp_open").await, "/notes");
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.push(("note", "called the bank"));
        for _ in 0..2 {
            let reply = browser.post(&target, &fields).await;
            assert_eq!(reply.status, 303, "{}", reply.body);
            assert!(reply.header("location").unwrap().starts_with("/dispute/dp_open?done="));
        }
        let dispute = console.ledger.find::<Dispute>("dp_open").await.unwrap().pop().unwrap();
        let notes = console.ledger.read().await.unwrap().notes_of("dispute", &dispute.key).await.unwrap();
        assert_eq!(notes.iter().map(|note| note.note.as_str()).collect::<Vec<_>>(), ["called the bank"]);
        assert!(notes[0].written_by.starts_with("ada"), "{notes:?}");
        // The same id for something else, and a form without one, are refused.
        fields.last_mut().unwrap().1 = "something else";
        assert_eq!(browser.post(&target, &fields).await.status, 409);
        assert_eq!(browser.post(&target, &[("note", "x")]).await.status, 400);
        let page = browser.page("/dispute/dp_open?done=note_on_dispute").await;
        assert!(
            page.contains("called the bank") && page.contains("The note was added. It is in the audit."),
            "{page}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_is_made_and_lifted_and_a_dispute_resolved_and_reopened() {
    each_console("acts", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let user = Key { id: "user_1".to_owned(), account: String::new(), livemode: true };
        let is_banned = async || {
            let found =
                console.ledger.read().await.unwrap().look_up::<Ban>(std::slice::from_ref(&user)).await;
            found.unwrap().pop().unwrap().is_banned(shared::clock::now())
        };
        assert!(!is_banned().await);
        let reason = [("reason", "stolen cards"), ("until", "")];
        assert_eq!(fill(&browser, "/user/user_1", "/bans/", &reason).await.0, 303);
        assert!(is_banned().await);
        assert!(browser.page("/user/user_1").await.contains("stolen cards"));
        assert_eq!(fill(&browser, "/user/user_1", "/bans/", &[("reason", "a mistake")]).await.0, 303);
        assert!(!is_banned().await);

        assert_eq!(fill(&browser, "/dispute/dp_open", "/resolve", &[("reason", "refunded")]).await.0, 303);
        assert!(!browser.page("/payments/disputes?mode=live").await.contains("dp_open"));
        assert_eq!(fill(&browser, "/dispute/dp_open", "/reopen", &[("reason", "not yet")]).await.0, 303);
        assert!(browser.page("/payments/disputes?mode=live").await.contains("dp_open"));
        // Empty reasons are refused in words, and nothing changes.
        assert_eq!(fill(&browser, "/dispute/dp_open", "/resolve", &[("reason", " ")]).await.0, 400);
        assert!(browser.page("/payments/disputes?mode=live").await.contains("dp_open"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_charged_and_the_operations_page_follows() {
    each_console("charge", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let fields = [("amount", "19.99"), ("currency", "usd"), ("description", "Order 4711")];
        let (status, place) = fill(&browser, "/customer/cus_plain", "/operations", &fields).await;
        let place = place.unwrap_or_default();
        assert!(status == 303 && place.starts_with("/operation/op_"), "{status} {place}");
        let page = browser.page(&place).await;
        assert!(page.contains("Charge 19.99 USD to customer cus_plain"), "{page}");
        let customer = browser.page("/customer/cus_plain").await;
        assert!(customer.contains(place.trim_start_matches("/operation/")), "{customer}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_fraud_desk_found_is_on_the_overview_and_its_user_is_blocked_and_let_go() {
    each_console("blocks", async |console| {
        for (name, last4) in [("t1", "1111"), ("t2", "2222"), ("t3", "3333")] {
            let tried = sale(name, "user_9", 500, 0);
            let card = json!({"payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": last4}}});
            let declined = tried.payment("payment_failed", 0, "requires_payment_method", &json!({}));
            together(&console.ledger, &[&declined, &tried.charge("failed", 0, "failed", &card)]).await;
        }
        let then = chrono::DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        while desk::fraud::look(&console.ledger, desk::fraud::BATCHES, then).await.unwrap().batches > 0 {}
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let overview = browser.page("/payments/dashboard/?mode=live").await;
        assert!(overview.contains("decline velocity") && overview.contains("many cards"), "{overview}");
        let list = "/payments/findings?check=fraud_desk&severity=warning&kind=many_cards&state=open&mode=live";
        assert!(overview.contains(&list.replace('&', "&amp;")), "{overview}");
        let found = browser.page(list).await;
        let finding = found.split("href=\"/finding/").nth(1).unwrap().split('"').next().unwrap();
        let page = browser.page(&format!("/finding/{finding}")).await;
        assert!(page.contains("3 cards within a day") && page.contains("/charge/ch_t3"), "{page}");

        let path = format!("/finding/{finding}");
        assert_eq!(fill(&browser, &path, "/api/v1/blocks", &[("reason", "tests cards")]).await.0, 303);
        let blocks = async || console.ledger.read().await.unwrap().blocks(&Part::first(9)).await.unwrap().rows;
        let holds = async || console.ledger.read().await.unwrap().holds(&Part::first(9)).await.unwrap().rows;
        let standing = blocks().await;
        assert_eq!((standing[0].id.as_str(), standing[0].reason.as_str()), ("user_9", "tests cards"));
        assert!(standing[0].placed_by.starts_with("ada"), "{standing:?}");
        let page = browser.page("/payments/blocks").await;
        assert!(page.contains("user_9") && page.contains("tests cards"), "{page}");
        let unblock = "/blocks/user_9/lift";
        assert_eq!(fill(&browser, "/payments/blocks", unblock, &[("reason", " ")]).await.0, 400);
        assert_eq!(fill(&browser, "/payments/blocks", unblock, &[("reason", "spoke to them")]).await.0, 303);
        assert!(blocks().await.is_empty());

        let hold = [("id", "ch_t3"), ("reason", "a lawsuit")];
        assert_eq!(fill(&browser, "/payments/blocks", "/api/v1/holds", &hold).await.0, 303);
        assert_eq!(holds().await[0].object_id, "ch_t3");
        let release = "/holds/ch_t3/lift";
        assert_eq!(fill(&browser, "/payments/blocks", release, &[("reason", "it is over")]).await.0, 303);
        assert!(holds().await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_blocks_are_pages_and_the_holds_beside_them_stay_where_they_are() {
    each_console("pages_of_blocks", async |console| {
        let placed_at = chrono::DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let mut tx = console.ledger.begin().await.unwrap();
        for number in 10..61 {
            let id = format!("user_{number}");
            let block = Block { id, reason: "tests".to_owned(), placed_by: "ada".to_owned(), placed_at };
            assert!(tx.place_block(&block).await.unwrap());
        }
        tx.commit().await.unwrap();
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        // Addresses name the place where a page ends.
        let shows = |page: &str, id: &str| page.contains(&format!(">{id}<"));
        let page = browser.page("/payments/blocks?mode=live").await;
        assert!(shows(&page, "user_10") && shows(&page, "user_59") && !shows(&page, "user_60"), "{page}");
        let next = page.split("href=\"").find(|link| link.contains("rel=\"next\"")).unwrap();
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        let page = browser.page(&next).await;
        assert!(shows(&page, "user_60") && !shows(&page, "user_59"), "{page}");
        assert!(page.contains("Nothing is on hold") && page.contains("rel=\"first\""), "{page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_and_nobody_without_the_permission_does_anything() {
    each_console("refused", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        let support = console.person(Some(&root), "sue", "support");
        let fields = [("reason", "x"), ("once", "form_0123456789abcdef")];
        let target = "/do/api/v1/disputes/dp_open/resolve";
        for from in [
            "sec-fetch-site: cross-site\r\n",
            "sec-fetch-site: same-site\r\n",
            "origin: null\r\n",
            "origin: https://evil.example\r\n",
        ] {
            let reply = console.browser(Some(&root)).post_from(from, target, &fields).await;
            assert_eq!(reply.status, 403, "{from}");
        }
        let reply = console.browser(Some(&support)).post(target, &fields).await;
        assert_eq!(reply.status, 403);
        assert!(reply.body.contains("billing:manage"), "{}", reply.body);
        assert_eq!(console.browser(None).post(target, &fields).await.status, 401, "nobody is led to sign in");
        for (target, status) in
            [("/do/api/v1/nothing", 404), ("/do/api/v1/payments", 404), ("/payment/pi_lost", 404)]
        {
            assert_eq!(console.browser(Some(&root)).post(target, &fields).await.status, status, "{target}");
        }
        let dispute = console.ledger.find::<Dispute>("dp_open").await.unwrap().pop().unwrap();
        let notes = console.ledger.read().await.unwrap().notes_of("dispute", &dispute.key).await.unwrap();
        assert!(notes.is_empty(), "{notes:?}");
        let audit = console.browser(Some(&root)).page("/payments/audit?object=sue").await;
        assert!(audit.contains("resolve_dispute"), "the refusal is in the audit: {audit}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_asked_for_by_one_is_approved_by_another() {
    each_console("refund", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        let support = console.person(Some(&root), "sue", "support");
        let (sue, ada) = (console.browser(Some(&support)), console.browser(Some(&root)));
        let (target, hidden) = form(&sue.page("/payment/pi_plain").await, "/refund");
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.extend([("amount", "20.00"), ("reason", "requested_by_customer"), ("note", "")]);
        let mut places = Vec::new();
        for _ in 0..2 {
            let reply = sue.post(&target, &fields).await;
            assert_eq!(reply.status, 303, "{}", reply.body);
            places.push(reply.header("location").unwrap().to_owned());
        }
        assert_eq!(places[0], places[1], "sent twice, asked for once");
        let place = &places[0];
        let page = sue.page(place).await;
        assert!(
            page.contains("refund 20.00 USD of payment pi_plain") || page.contains("Refund 20.00 USD"),
            "{page}"
        );
        assert!(page.contains("needs approval") && page.contains("You asked for it"), "{page}");
        for list in ["/approvals", "/payments/dashboard/?mode=live"] {
            assert_eq!(ada.page(list).await.matches(&format!("href=\"{place}\"")).count(), 1, "{list}");
        }
        // The money is spoken for, and each is told what they can do about it.
        let payment = sue.page("/payment/pi_plain").await;
        assert!(payment.contains("refunds under way") && payment.contains("left to refund"), "{payment}");
        let (own, other) = ("you asked for it, and somebody else approves it", "asked for by sue");
        for (browser, says, not) in [(&sue, own, other), (&ada, other, own)] {
            let overview = browser.page("/payments/dashboard/?mode=live").await;
            assert!(overview.contains(says) && !overview.contains(not), "{overview}");
        }
        // Whoever asked may not approve, not even by a forged form.
        let (approve, approval) = form(&ada.page(place).await, "/approve");
        let approval: Vec<(&str, &str)> = approval.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(sue.post(&approve, &approval).await.status, 403);
        assert!(ada.page(place).await.contains("needs approval"));
        assert_eq!(ada.post(&approve, &approval).await.status, 303);
        let page = ada.page(place).await;
        assert!(page.contains("is approved by ada") && !page.contains("You asked for it"), "{page}");
        assert!(page.contains("<dt>approved by</dt><dd>ada</dd>"), "{page}");
        assert!(page.contains("badge good\">approved<"), "{page}");
        assert!(ada.page("/approvals").await.contains("Nothing waits for an approval"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_asked_for_waits_on_ones_own_overview_and_takes_from_what_is_left() {
    each_console("unconfirmed", async |console| {
        told(&console).await;
        let large = sale("large", "user_8", 700_000, 0).paid();
        together(&console.ledger, &large.iter().collect::<Vec<_>>()).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let path = "/payment/pi_large";
        let refund = |amount| [("amount", amount), ("reason", "duplicate")];
        for (amount, says) in
            [("20,5", "`20,5` is not an amount in USD"), ("7,000", "`7,000` is not an amount")]
        {
            let (target, hidden) = form(&browser.page(path).await, "/refund");
            let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let fields: Vec<(&str, &str)> = given.chain(refund(amount)).collect();
            let reply = browser.post(&target, &fields).await;
            assert!(reply.status == 400 && reply.body.contains(says), "{}", reply.body);
            assert!(reply.body.contains("Something in the form is not right"), "{}", reply.body);
        }
        // As pages write it.
        let (status, place) = fill(&browser, path, "/refund", &refund("1,000.00")).await;
        assert_eq!(status, 303);
        let place = place.unwrap();
        assert!(browser.page(&place).await.contains("You confirm: "));
        let overview = browser.page("/payments/dashboard/?mode=live").await;
        assert!(
            overview.contains("nothing happens before you confirm it") && overview.contains(&place),
            "{overview}"
        );
        let payment = browser.page(path).await;
        assert!(
            payment.contains("name=\"amount\" type=\"text\" inputmode=\"decimal\" value=\"6000.00\""),
            "{payment}"
        );
        assert!(payment.contains("Refunds under way hold 1,000.00 USD more"), "{payment}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_acts_on_the_object_beside_which_it_stands() {
    each_console("beside", async |console| {
        let error =
            json!({"metadata": {"invoice_id": "INV-7"}, "last_payment_error": {"code": "card_declined"}});
        for (name, account, livemode) in [("live", "", true), ("test", "", false), ("theirs", "acct_1", true)]
        {
            let failed = Sale { livemode, account, ..sale(name, "user_1", 2_000, 0) };
            let event = failed.payment("payment_failed", 0, "requires_payment_method", &error);
            together(&console.ledger, &[&event]).await;
        }
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let page = browser.page("/invoice/INV-7").await;
        assert!(page.contains("Several objects go by this id"), "{page}");
        for (whose, account, livemode) in [
            ("livemode=false&account=", "", false),
            ("livemode=true&account=", "", true),
            ("livemode=true&account=acct_1", "acct_1", true),
        ] {
            for act in ["invoices/INV-7/notes", "invoices/INV-7/assign", "operations"] {
                let action = format!("/do/api/v1/{act}?{whose}").replace('&', "&amp;");
                assert_eq!(page.matches(&format!("action=\"{action}\"")).count(), 1, "{action}: {page}");
            }
            let (target, hidden) = form(&page, &format!("notes?{whose}\"").replace('&', "&amp;"));
            let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let reply = browser.post(&target, &given.chain([("note", whose)]).collect::<Vec<_>>()).await;
            assert_eq!(reply.status, 303, "{whose}: {}", reply.body);
            let key = Key { id: "INV-7".to_owned(), account: account.to_owned(), livemode };
            let notes = console.ledger.read().await.unwrap().notes_of("invoice", &key).await.unwrap();
            assert_eq!(notes.iter().map(|note| note.note.as_str()).collect::<Vec<_>>(), [whose]);
        }
    })
    .await;
}
