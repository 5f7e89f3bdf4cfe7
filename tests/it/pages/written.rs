//! What somebody wrote is shown again where it was not taken: after a session has ended, and where something is wrong.

use super::browser::{each_console, form};
use super::looks::told;
use super::markup;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_outlives_the_session_and_leads_back_to_its_page() {
    each_console("written", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&token));
        let (target, hidden) = form(&ada.page("/dispute/dp_open").await, "/notes");
        let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let note = "the bank <b>called</b>\r\ntwice";
        let fields: Vec<(&str, &str)> = given.chain([("note", note), ("password", "tall ship")]).collect();
        let ended = ada.with_cookie("tidegate=0123456789abcdef");
        let reply = ended.post(&target, &fields).await;
        assert_eq!((reply.status, reply.header("cache-control")), (401, Some("no-store")));
        for words in [
            "Your session has ended",
            "the bank &lt;b&gt;called&lt;/b&gt;\r\ntwice</textarea>",
            "href=\"/login?to=%2Fdispute%2Fdp_open%3Fwas%3Dnote_on_dispute&amp;ended=1\"",
        ] {
            assert!(reply.body.contains(words), "{words}: {}", reply.body);
        }
        for kept_back in ["<b>", "form_", "tall ship"] {
            assert!(!reply.body.contains(kept_back), "{kept_back}: {}", reply.body);
        }
        markup::check(&target, &reply.body);
        assert!(!ada.page("/dispute/dp_open").await.contains("called&lt;/b"), "nothing was done");
        // The longest texts, too; and nobody is led to another site.
        let answer =
            [("field", "access_activity_log"), ("text", "logged in twice"), ("back", "//evil.example")];
        let evidence = "/do/api/v1/disputes/dp_open/evidence?livemode=true";
        for (browser, title) in
            [(&ended, "Your session has ended"), (&console.browser(None), "not signed in")]
        {
            let reply = browser.post(evidence, &answer).await;
            assert_eq!(reply.status, 401);
            assert!(reply.body.contains(title) && reply.body.contains("logged in twice"), "{}", reply.body);
            assert!(reply.body.contains("/login?to=%2F") && !reply.body.contains("evil"), "{}", reply.body);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_beside_what_is_wrong_with_it() {
    each_console("wrong", async |console| {
        told(&console).await;
        let token = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&token));
        let (target, hidden) = form(&ada.page("/payment/pi_plain").await, "/refund");
        let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = given.chain([("amount", "20,5"), ("note", "sold <twice>")]).collect();
        let reply = ada.post(&target, &fields).await;
        assert_eq!(reply.status, 400);
        for words in
            ["`20,5` is not an amount", "value=\"20,5\"", "sold &lt;twice&gt;", "/payment/pi_plain?was="]
        {
            assert!(reply.body.contains(words), "{words}: {}", reply.body);
        }
        assert!(!reply.body.contains("Back button"), "{}", reply.body);
        markup::check(&target, &reply.body);
    })
    .await;
}
