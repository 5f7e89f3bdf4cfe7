//! Finding things: words and operators, filters that stand in the address, views that are kept, and lists as CSV.

use desk::actor::{Actor, KnownBy};
use domain::Key;
use domain::permissions::Role;
use envelope::Envelope;
use harness::process_guard::until;
use harness::stack::Combination;
use marketplace::acts::put::{self, Put};
use serde_json::{Value, json};

use super::browser::{Browser, Console, each_console, encoded, form};
use super::looks::told;
use super::markup;
use crate::executor::scene::{PATIENCE, Scene};
use crate::ledgers::together;
use crate::raw_http::ask;
use crate::staff::sales::{Sale, sale};

#[tokio::test(flavor = "multi_thread")]
async fn words_lead_to_what_they_name() {
    each_console("words", async |console| {
        told(&console).await;
        let (manager, reader) = {
            let manager = console.person(None, "ada", "super_user");
            let reader = console.person(Some(&manager), "rob", "auditor");
            (manager, reader)
        };
        let browser = console.browser(Some(&manager));
        for (words, place) in [
            ("status:failed amount>5", "/payments/history?status=payment_failed&amount=%3E5&mode=live"),
            ("amount>=100 amount<200", "/payments/history?amount=%3E%3D100%20%3C200&mode=live"),
            ("created:yesterday", "/payments/history?since=yesterday&until=yesterday&mode=live"),
            ("4242", "/payments/history?last4=4242&mode=live"),
            ("insufficient funds", "/payments/failures?code=insufficient_funds&mode=live"),
            ("in_lost", "/invoice/in_lost"),
        ] {
            let reply = browser.get(&format!("/search?mode=live&q={}", encoded(words))).await;
            assert_eq!((reply.status, reply.header("location")), (303, Some(place)), "{words}");
        }
        for (path, shows, hides) in [
            ("/payments/history?status=payment_failed&amount=%3E5", "pi_failed", "pi_plain"),
            ("/payments/history?amount=%3E1000", "pi_plain", "pi_lost"),
            ("/payments/history?amount=123.45", "pi_lost", "pi_plain"),
            ("/payments/history?amount=%3E5&currency=jpy", "No payment here", "pi_"),
            ("/payments/history?code=insufficient_funds", "pi_failed", "pi_lost"),
            ("/payments/history?last4=4242", "pi_lost", "pi_failed"),
            ("/payments/failures?code=insufficient_funds", "pi_failed", "pi_lost"),
            ("/payments/failures?code=expired_card", "No failed attempt here", "pi_failed"),
            ("/payments/disputes?show=all&reason=product_not_received", "No dispute here", "dp_"),
        ] {
            let page = browser.page(path).await;
            let main = page.split("<main").nth(1).unwrap();
            assert!(main.contains(shows), "{path} lacks {shows}: {main}");
            let list = main.split("<tbody").nth(1).unwrap_or_default();
            assert!(!list.contains(hides), "{path} has {hides}: {list}");
        }
        let email = browser.page("/search?mode=live&q=jane%40shop.example").await;
        assert!(
            email.contains("Stripe could not be asked") && email.contains("STRIPE_SECRET_KEY"),
            "{email}"
        );
        let wrong = browser.page("/search?q=colour:red").await;
        assert!(wrong.contains("no operator colour") && wrong.contains("Operators for payments"), "{wrong}");
        // Who sees no card cannot find out which payment it made.
        let reader = console.browser(Some(&reader));
        assert_eq!(reader.get("/payments/history?last4=4242").await.status, 403);
        assert!(!reader.page("/payments/history").await.contains("name=\"last4\""));
        // The command line searches by the same words.
        let ids = |found: &Value| -> Vec<String> {
            let items = found["items"].as_array().unwrap().iter();
            items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        for (words, found) in [
            (["status:failed", "amount>5"], vec!["pi_failed"]),
            (["123.45", "usd"], vec!["pi_lost"]),
            (["last4:4242", "amount>=1000"], vec!["pi_plain"]),
        ] {
            let searched = console.tidegate(Some(&manager), &["search", words[0], words[1]]);
            assert_eq!(ids(&searched), found, "{words:?}");
        }
        let failed = console.tidegate(None, &["search", "insufficient", "funds"]);
        assert_eq!(failed["items"][0]["payment"], "pi_failed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_kept_for_its_person_and_deleted() {
    each_console("views", async |console| {
        let ada = console.person(None, "ada", "super_user");
        let rob = console.person(Some(&ada), "rob", "auditor");
        let (ada, rob) = (console.browser(Some(&ada)), console.browser(Some(&rob)));
        let filtered = "/payments/history?status=payment_failed&since=yesterday&mode=live";
        send(&ada, filtered, "/api/v1/views\"", &[("name", "Failed <since> yesterday")]).await;
        let page = ada.page("/payments/history").await;
        let link = "href=\"/payments/history?status=payment_failed&amp;since=yesterday&amp;mode=live\"";
        assert!(page.contains(link) && page.contains("Failed &lt;since&gt; yesterday"), "{page}");
        assert!(!ada.page("/payments/disputes").await.contains(link), "a view is of its list");
        assert!(!rob.page("/payments/history").await.contains(link), "and of its person");
        assert!(ada.page(filtered).await.contains("value=\"yesterday\""), "its words stay words");
        let id =
            console.ledger.read().await.unwrap().saved_views_of("ada", None).await.unwrap()[0].id.clone();
        let foreign = rob.post(&format!("/do/api/v1/views/{id}/delete"), &[("once", "form_1")]).await;
        assert_eq!(foreign.status, 404);
        send(&ada, filtered, "/delete\"", &[]).await;
        assert!(!ada.page("/payments/history").await.contains(link));
        let elsewhere = [("name", "x"), ("path", "//evil.example"), ("once", "form_2")];
        assert_eq!(ada.post("/do/api/v1/views", &elsewhere).await.status, 400);
    })
    .await;
}

/// A listing that the homepage put for somebody.
pub(super) async fn put(console: &Console, id: &str, user: &str, category: &str) {
    put_in(console, id, true, user, category).await;
}

async fn put_in(console: &Console, id: &str, livemode: bool, user: &str, category: &str) {
    let key = Key { id: id.to_owned(), account: String::new(), livemode };
    let (user, category) = (user.to_owned(), category.to_owned());
    let wanted = Put { key, user, category, currency: "usd".to_owned() };
    let homepage = Actor::known("homepage", [Role::Support].into(), KnownBy::Session, true);
    put::put(&console.ledger, &wanted, &homepage, shared::clock::now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_any_row_names_is_found() {
    each_console("anybody", async |console| {
        let paid = sale("alone", "only_paid", 500, 0);
        together(&console.ledger, &[&paid.payment("succeeded", 0, "succeeded", &json!({"customer": null}))])
            .await;
        put(&console, "lst_1", "only_listed", "Free stuff").await;
        let token = console.person(None, "ada", "super_user");
        console.tidegate(Some(&token), &["block", "add", "only_blocked", "--reason", "ticket 12"]);
        let browser = console.browser(Some(&token));
        for (words, place, says) in [
            ("only_paid", "/user/only_paid", "What this user paid"),
            ("only_listed", "/user/only_listed", "What this user put up"),
            ("only_blocked", "/user/only_blocked", "Blocked since"),
            ("lst_1", "/listing/lst_1", "It is shown until"),
        ] {
            let reply = browser.get(&format!("/search?mode=live&q={words}")).await;
            assert_eq!((reply.status, reply.header("location")), (303, Some(place)), "{words}");
            let page = browser.page(place).await;
            assert!(page.contains(says), "{place} lacks {says}: {page}");
            assert!(!console.printed(&["show", words]).is_empty(), "{words}");
        }
        assert!(console.printed(&["show", "only_blocked"]).contains("Blocked since"));
        for arguments in [&["show", "lst_1"][..], &["show", "listing", "lst_1"], &["search", "lst_1"]] {
            assert_eq!(console.tidegate(None, arguments)["listing"]["status"], "active", "{arguments:?}");
        }
        let nobody = browser.page("/search?mode=live&q=only").await;
        assert!(nobody.contains("Nothing in the ledger goes by"), "{nobody}");
        assert_eq!(browser.get("/user/only").await.status, 404);
    })
    .await;
}

/// Ids of listings are the merchant's own: one may be of both modes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_one_of_two_listings_of_an_id_is_done_to_that_one() {
    each_console("both_modes", async |console| {
        for livemode in [true, false] {
            put_in(&console, "lst_1", livemode, "user_1", "Free stuff").await;
        }
        let token = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&token));
        let page = ada.page("/listing/lst_1").await;
        let mut forms = page.split("<form").filter(|form| form.contains("/reject"));
        let of_test = forms.nth(1).unwrap_or_else(|| panic!("two forms: {page}"));
        let (target, mut hidden) = form(&format!("<form{of_test}"), "/reject");
        hidden.push(("reason".to_owned(), "spam".to_owned()));
        let fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let reply = ada.post(&target, &fields).await;
        assert_eq!(reply.status, 303, "{}", reply.body);
        for (mode, status) in [("live", "active"), ("test", "rejected")] {
            let list = ada.page(&format!("/payments/listings?mode={mode}&status={status}")).await;
            assert!(list.contains("/listing/lst_1"), "{mode}: {list}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_filtered_kept_taken_away_as_csv_and_rejected() {
    each_console("listings", async |console| {
        put(&console, "lst_car", "user_1", "Cars & Trucks").await;
        put(&console, "lst_free", "user_2", "Free stuff").await;
        let ada = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&ada));
        let filtered = "/payments/listings?category=cars_trucks&mode=live";
        let page = ada.page(filtered).await;
        assert!(page.contains("/listing/lst_car") && !page.contains("/listing/lst_free"), "{page}");
        let listed = console.tidegate(None, &["listings", "list", "--category", "cars & TRUCKS"]);
        assert_eq!(listed["items"][0]["id"], "lst_car", "{listed}");
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
        let bogus = ada.get("/payments/listings?status=bogus").await;
        assert_eq!(bogus.status, 400);
        assert!(
            bogus.body.contains("bogus") && bogus.body.contains("pending_payment, active"),
            "{}",
            bogus.body
        );
        let csv = ada.get("/payments/listings?as=csv&mode=live").await;
        assert_eq!(csv.body, console.printed(&["listings", "list", "--live", "--csv"]));
        assert!(csv.header("content-disposition").unwrap().contains("listings-"));
        send(&ada, filtered, "/api/v1/views\"", &[("name", "Cars")]).await;
        assert!(ada.page("/payments/listings").await.contains("category=cars_trucks&amp;mode=live"));

        let missing = ada.get("/listing/lst_none").await;
        assert_eq!(missing.status, 404);
        assert!(missing.body.contains("Your homepage puts listings"), "{}", missing.body);
        assert!(!missing.body.contains("No event about it"), "{}", missing.body);
        send(&ada, "/listing/lst_free", "/reject", &[("reason", "spam")]).await;
        let page = ada.page("/listing/lst_free").await;
        markup::check("/listing/lst_free", &page);
        assert!(
            page.contains("Moderation rejected it: spam.") && page.contains("active → rejected"),
            "{page}"
        );
        assert!(!page.contains("/reject"), "it is rejected once: {page}");
    })
    .await;
}

async fn send(browser: &Browser<'_>, path: &str, action: &str, more: &[(&str, &str)]) {
    let (target, hidden) = form(&browser.page(path).await, action);
    let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = given.chain(more.iter().copied()).collect();
    let reply = browser.post(&target, &fields).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_any_length_is_sent_as_it_is_read() {
    const PAYMENTS: usize = 1_203;
    each_console("export", async |console| {
        let payment = |number: usize| -> Envelope {
            let mut one = Sale { second: i64::try_from(number / 7).unwrap(), ..sale("many", "=1+1", 500, 0) };
            one.name = "many";
            let more = json!({"id": format!("pi_many{number}"), "customer": null});
            let mut event = one.payment("created", 0, "requires_payment_method", &more);
            event.header.id = format!("evt_many{number}");
            harness::histories::agreeing(event)
        };
        let events: Vec<Envelope> = (0..PAYMENTS).map(payment).collect();
        for batch in events.chunks(500) {
            together(&console.ledger, &batch.iter().collect::<Vec<_>>()).await;
        }
        let token = console.person(None, "ada", "super_user");
        let reply = console.browser(Some(&token)).get("/payments/history?as=csv&mode=live").await;
        assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
        assert!(reply.header("content-disposition").unwrap().contains("payments-"));
        let lines: Vec<&str> = reply.body.lines().collect();
        assert_eq!(lines.len(), PAYMENTS + 1);
        assert!(lines[1].contains(",'=1+1,"), "no formula: {}", lines[1]);
        assert_eq!(
            reply.body,
            console.printed(&["payments", "list", "--live", "--csv"]),
            "and no other columns"
        );
        let filtered = console.browser(Some(&token)).get("/payments/history?as=csv&amount=%3E5").await;
        assert_eq!(filtered.body.lines().count(), 1, "exactly what the filters let through");
    })
    .await;
}

/// An address is in no column: Stripe says whose it is, and nothing of it stays here.
#[tokio::test(flavor = "multi_thread")]
async fn an_email_address_leads_to_the_customer_whom_stripe_names() {
    const EMAIL: &str = "jane.doe+shop@mail.example";
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
    scene.stripe.delivers_to(&url, scene.stack.secret());
    let customer = |email: &str| {
        let made = scene.stripe.ask("POST", "/customers", &json!({"email": email})).unwrap();
        made["id"].as_str().unwrap().to_owned()
    };
    let (jane, one, other) = (customer(EMAIL), customer("two@mail.example"), customer("two@mail.example"));
    let known = until("the ledger to know them", PATIENCE, async || {
        Ok(scene.stack.ledger().count("SELECT count(*) FROM customers").await? == 3)
    });
    assert!(known.await.is_ok(), "{}", scene.stack.logs());
    let tool = |arguments: &[&str]| -> Value {
        let output = scene.stack.run(arguments, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    tool(&["staff", "add", "ada", "--role", "support", "--json"]);
    let token = tool(&["tokens", "create", "--for", "ada", "--role", "support", "--json"])["token"].clone();
    let look = async |email: &str| {
        let request = format!(
            "GET /search?mode=live&q={} HTTP/1.1\r\nhost: localhost\r\ncookie: tidegate={}\r\nconnection: close\r\n\r\n",
            encoded(email),
            token.as_str().unwrap()
        );
        ask(scene.stack.console(), request.into_bytes()).await
    };
    let reply = look(EMAIL).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some(format!("/customer/{jane}").as_str())));
    let both = look("two@mail.example").await.body;
    assert!([&one, &other].iter().all(|id| both.contains(&format!("/customer/{id}"))), "{both}");
    let nobody = look("nobody@mail.example").await.body;
    assert!(nobody.contains("No customer at Stripe has the address"), "{nobody}");
    assert!(!scene.stack.logs().contains(EMAIL), "{}", scene.stack.logs());
    scene.end().await;
}
