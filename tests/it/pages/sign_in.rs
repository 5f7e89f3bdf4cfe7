//! Signing in by pages: the first administrator by a link, two steps, a code that counts once, sessions that end.

use chrono::TimeDelta;
use desk::acts::invitations::invite_first;
use secrecy::ExposeSecret;
use shared::clock;

use super::browser::{Browser, Console, each_console, form};
use crate::authenticator::app;

pub(super) const PASSWORD: &str = "tall ship at dusk";

/// A person who has set a password and an app by the page of an invitation.
pub(super) struct Ada {
    pub(super) secret: String,
    pub(super) recovery_codes: Vec<String>,
}

fn values<'a>(fields: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    own.chain(more.iter().copied()).collect()
}

/// Uses the link of an invitation, whose form must be there.
pub(super) async fn accept(browser: &Browser<'_>, link: &str, name: Option<&str>) -> Ada {
    let page = browser.page(link).await;
    assert!(page.contains("<svg class=\"qr\"") && !page.contains(" style="), "{page}");
    let (target, hidden) = form(&page, "/invitation");
    let secret = hidden.iter().find(|(name, _)| name == "secret").unwrap().1.clone();
    let code = app(&secret, clock::now());
    let mut more = vec![("password", PASSWORD), ("again", PASSWORD), ("totp", code.as_str())];
    more.extend(name.map(|name| ("name", name)));
    let reply = browser.post(&target, &values(&hidden, &more)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let codes = reply.body.split("<li><code>").skip(1).map(|part| part.split('<').next().unwrap().to_owned());
    Ada { secret, recovery_codes: codes.collect() }
}

pub(super) async fn first(console: &Console, browser: &Browser<'_>) -> Ada {
    let code = invite_first(&console.ledger, clock::now()).await.unwrap().expect("nobody is there yet");
    accept(browser, &format!("/invitation?code={}", code.expose_secret()), Some("ada")).await
}

/// Both steps, with this code.
pub(super) async fn sign_in<'a>(browser: &Browser<'a>, name: &str, code: &str) -> Browser<'a> {
    let reply = browser.post("/login", &[("name", name), ("password", PASSWORD)]).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/login/code?to=%2F")), "{}", reply.body);
    let half = browser.keeping(&reply);
    let reply = half.post("/login/code", &[("to", "/me"), ("code", code)]).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/me")), "{}", reply.body);
    browser.keeping(&reply)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_uses_the_link_once_and_signs_in_by_two_steps() {
    each_console("first_run", async |console| {
        let stranger = console.browser(None);
        let code = invite_first(&console.ledger, clock::now()).await.unwrap().unwrap();
        let link = format!("/invitation?code={}", code.expose_secret());
        let (target, hidden) = form(&stranger.page(&link).await, "/invitation");
        let totp = |secret: &str| app(secret, clock::now());
        let secret = hidden.iter().find(|(name, _)| name == "secret").unwrap().1.clone();
        for (password, again, code, why) in [
            (PASSWORD, "another one", totp(&secret), "are not the same"),
            ("short", "short", totp(&secret), "at least 12 characters"),
            (PASSWORD, PASSWORD, "000000".to_owned(), "The code is not the one"),
        ] {
            let more = [("name", "Ada"), ("password", password), ("again", again), ("totp", code.as_str())];
            let reply = stranger.post(&target, &values(&hidden, &more)).await;
            assert!(reply.status == 400 && reply.body.contains(why), "{why}: {}", reply.body);
            let kept = form(&reply.body, "/invitation").1;
            assert!(kept.contains(&("secret".to_owned(), secret.clone())), "the app's secret stays");
        }
        let code = totp(&secret);
        let more = [("name", "Ada"), ("password", PASSWORD), ("again", PASSWORD), ("totp", code.as_str())];
        let welcome = stranger.post(&target, &values(&hidden, &more)).await;
        assert_eq!(welcome.body.matches("<li><code>").count(), 10, "{}", welcome.body);
        assert_eq!(welcome.header("cache-control"), Some("no-store"));
        assert_eq!(stranger.get(&link).await.status, 404, "once");
        assert_eq!(stranger.post(&target, &values(&hidden, &more)).await.status, 404);

        let reply =
            stranger.post("/login", &[("to", "/staff"), ("name", "ADA"), ("password", PASSWORD)]).await;
        let cookie = reply.header("set-cookie").unwrap();
        assert!(
            cookie.starts_with("tidegate-login=") && cookie.ends_with("; HttpOnly; SameSite=Lax"),
            "{cookie}"
        );
        let half = stranger.keeping(&reply);
        let location = half.get("/staff").await.header("location").map(str::to_owned);
        assert_eq!(location.as_deref(), Some("/login?to=%2Fstaff"), "half a login opens nothing");
        assert!(half.page("/login/code?to=%2Fstaff").await.contains("authenticator app"));
        let wrong = half.post("/login/code", &[("code", "123 456")]).await;
        assert!(wrong.status == 401 && wrong.body.contains("code is wrong"), "{}", wrong.body);
        let used = half.post("/login/code", &[("code", &code)]).await;
        assert_eq!(used.status, 401, "it was used when it was set up");
        let next = app(&secret, clock::now() + TimeDelta::seconds(30));
        let done = half.post("/login/code", &[("to", "/staff"), ("code", &next)]).await;
        assert_eq!((done.status, done.header("location")), (303, Some("/staff")), "{}", done.body);
        let ada = stranger.keeping(&done);
        let me = ada.page("/me").await;
        assert!(me.contains("signed in by password") && me.contains("(this one)"), "{me}");
        assert!(ada.page("/staff").await.contains("super user"));
        assert_eq!(half.post("/login/code", &[("code", &next)]).await.status, 401, "a challenge is met once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_counts_once_and_sessions_are_seen_and_ended() {
    each_console("sessions", async |console| {
        let stranger = console.browser(None);
        let ada = first(&console, &stranger).await;
        let one = sign_in(&stranger, "ada", &ada.recovery_codes[0]).await;
        let reply = stranger.post("/login", &[("name", "ada"), ("password", PASSWORD)]).await;
        let half = stranger.keeping(&reply);
        assert_eq!(half.post("/login/code", &[("code", &ada.recovery_codes[0])]).await.status, 401, "once");
        let done = half.post("/login/code", &[("code", &ada.recovery_codes[1])]).await;
        let two = stranger.keeping(&done);
        // One ends the other by the page.
        let page = one.page("/me").await;
        assert_eq!(page.matches("End the session").count(), 2, "{page}");
        let forms: Vec<&str> = page.split("<tr>").filter(|row| row.contains("/sessions/")).collect();
        let other = forms.iter().find(|row| !row.contains("(this one)")).unwrap();
        let (target, hidden) = form(other, "/sessions/");
        assert_eq!(one.post(&target, &values(&hidden, &[])).await.status, 303);
        let reply = two.get("/me").await;
        assert_eq!(reply.header("location"), Some("/login?to=%2Fme&ended=1"));
        assert!(two.page("/login?to=%2Fme&ended=1").await.contains("Your session has ended"));
        // Signing out ends it in the ledger, too: the cookie is good for nothing.
        let out = one.post("/logout", &[]).await;
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        assert_eq!(one.get("/me").await.status, 303);
        // So does another password, everywhere.
        let three = sign_in(&stranger, "ada", &ada.recovery_codes[2]).await;
        let change = async |old: &str, new: &str, again: &str| {
            three.post("/me/password", &[("old", old), ("new", new), ("again", again)]).await
        };
        for (old, new, again, why) in [
            ("tall ship at dawn", "a longer ship at dusk", "a longer ship at dusk", "old password is wrong"),
            (PASSWORD, "a longer ship at dusk", "another", "are not the same"),
            (PASSWORD, "short", "short", "at least 12 characters"),
        ] {
            let reply = change(old, new, again).await;
            assert!(reply.status == 400 && reply.body.contains(why), "{why}: {}", reply.body);
        }
        let reply = change(PASSWORD, "a longer ship at dusk", "a longer ship at dusk").await;
        assert_eq!((reply.status, reply.header("location")), (303, Some("/login?changed=1")));
        assert_eq!(three.get("/me").await.status, 303);
        let old = stranger.post("/login", &[("name", "ada"), ("password", PASSWORD)]).await;
        assert_eq!(old.status, 401);
        let new = stranger.post("/login", &[("name", "ada"), ("password", "a longer ship at dusk")]).await;
        assert_eq!(new.header("location"), Some("/login/code?to=%2F"));
    })
    .await;
}
