//! The shop of a demo, button by button, as a browser without scripts would: a listing is posted, paid for, active, featured,
//! rejected and refunded. And nothing of it is there without a demo.

use std::net::SocketAddr;

use harness::api::{Api, Reply};
use harness::ports::free_range;
use harness::process_guard::until;
use hyper::Method;

use super::laptop::{Laptop, PATIENCE};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

struct Browser {
    shop: Api,
    host: String,
}

impl Browser {
    async fn opens(&self, path: &str) -> String {
        let page = self.shop.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        page.text
    }

    async fn presses(&self, path: &str, form: &str) -> Reply {
        let origin = format!("http://{}", self.host);
        self.shop.send(Method::POST, path, &[FORM, ("origin", &origin)], form.to_owned()).await
    }

    /// The page that a button leads to.
    async fn follows(&self, path: &str, form: &str) -> String {
        let answer = self.presses(path, form).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        answer.header("location").unwrap().to_owned()
    }

    async fn reads(&self, path: &str, words: &str, laptop: &Laptop) -> String {
        let mut page = String::new();
        let read = until("the page to say so", PATIENCE, async || {
            page = self.opens(path).await;
            Ok(page.contains(words))
        });
        assert!(read.await.is_ok(), "{words} is not on {page}\n{}", laptop.log());
        page
    }

    /// Pays what a button asks for: the page with the card, and its form.
    async fn pays(&self, listing: &str, button: &str, price: &str) {
        let page = self.presses(&format!("{listing}/{button}"), "").await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains(&format!("<h1>Pay {price}</h1>")), "{}", page.text);
        assert!(!page.text.contains("_secret_"), "the secret is on no page of the demo");
        let intent = page.text.split("name=\"intent\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let declined =
            self.presses(&format!("{listing}/pay"), &format!("intent={intent}&card=declined")).await;
        assert_eq!(declined.status, 402, "{}", declined.text);
        assert!(declined.text.contains("Stripe says: "), "{}", declined.text);
        self.follows(&format!("{listing}/pay"), &format!("intent={intent}&card=good")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_goes_from_its_post_to_its_refund_by_buttons() {
    let laptop = Laptop::new();
    let port = free_range(12);
    let up = laptop.start(&["up", "--demo", "--port", &port.to_string()], &[]);
    let greets = until("the demo to greet", PATIENCE, async || Ok(laptop.greeting().contains("\n  shop ")));
    assert!(greets.await.is_ok(), "{}", laptop.log());
    let greeting = laptop.greeting();
    let host = greeting.split("\n  shop ").nth(1).unwrap().trim_start().strip_prefix("http://").unwrap();
    let host = host.split('/').next().unwrap().to_owned();
    let address: SocketAddr = host.parse().unwrap();
    assert_eq!(address, SocketAddr::from(([127, 0, 0, 1], port + 9)));
    let browser = Browser { shop: Api { address, token: None }, host: host.clone() };

    browser.reads("/", "lst_loft", &laptop).await;
    let posted = browser.follows("/post", "category=Housing").await;
    let listing = posted.split('?').next().unwrap().to_owned();
    let page = browser.reads(&listing, "It waits for its fee of 5.00 USD", &laptop).await;
    assert!(page.contains("PUT /api/v1/marketplace/listings/lst_"), "{page}");
    assert!(!page.contains("<script"), "{page}");

    browser.pays(&listing, "checkout", "5.00 USD").await;
    browser.reads(&listing, "It is shown until", &laptop).await;
    browser.pays(&listing, "feature", "5.00 USD").await;
    browser.reads(&listing, "and featured until", &laptop).await;
    assert!(browser.opens("/").await.contains(listing.trim_start_matches('/')));
    browser.pays(&listing, "bump", "2.00 USD").await;
    browser.reads(&listing, "2.00 USD was paid, and granted.", &laptop).await;
    let again = browser.presses(&format!("{listing}/bump"), "").await;
    assert_eq!(again.status, 422, "{}", again.text);
    assert!(again.text.contains("it was bumped less than a day ago"), "{}", again.text);

    let rejected = browser.follows(&format!("{listing}/reject"), "").await;
    assert!(rejected.ends_with("?look=20"), "it looks again by itself: {rejected}");
    browser.reads(&listing, "Moderation rejected it: it breaks the rules of the demo", &laptop).await;
    let page = browser.reads(&listing, "<li class=\"done now\">refunded</li>", &laptop).await;
    assert_eq!(page.matches("was paid, and went back.").count(), 3, "{page}");
    let page = browser.opens(&rejected).await;
    assert!(!page.contains("http-equiv=\"refresh\""), "nothing is on its way any more: {page}");

    // A free one is active at once, and its owner may delete it.
    let free = browser.follows("/post", "category=Free+stuff").await;
    let free = free.split('?').next().unwrap();
    browser.reads(free, "It is shown until", &laptop).await;
    browser.follows(&format!("{free}/delete"), "").await;
    browser.reads(free, "It was deleted.", &laptop).await;

    // Another site's button, a name that leads here by a trick, and what the shop does not have.
    let foreign = browser
        .shop
        .send(Method::POST, "/post", &[FORM, ("origin", "http://evil.example")], "category=Jobs")
        .await;
    assert_eq!(foreign.status, 403, "{}", foreign.text);
    assert_eq!(browser.shop.get("/lst_nope").await.status, 404);
    assert_eq!(browser.shop.get("/../etc").await.status, 404);
    assert_eq!(
        browser.presses(&format!("{listing}/pay"), "intent=../../refunds&card=good").await.status,
        400
    );
    laptop.ends_well(up);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_demo_there_is_no_shop() {
    let laptop = Laptop::new();
    let port = free_range(12);
    let up = laptop.start(&["up", "--port", &port.to_string()], &[]);
    let greets = until("it to greet", PATIENCE, async || Ok(laptop.greeting().contains("try next")));
    assert!(greets.await.is_ok(), "{}", laptop.log());
    assert!(!laptop.greeting().contains("  shop "), "{}", laptop.greeting());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port + 9)).is_err());
    laptop.ends_well(up);
}
