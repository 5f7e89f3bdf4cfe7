//! What strangers try at the door: a planted cookie, guessing names, another site's form, a frame, an old session.

use std::time::Instant;

use chrono::TimeDelta;
use desk::actor::token_hash;
use ledger::tables::sessions::Session;
use shared::clock;

use super::browser::{Console, each_console, each_console_with};
use super::sign_in::{PASSWORD, first, sign_in};
use crate::raw_http::ask;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_brings_a_cookie_that_nobody_had_and_ends_the_one_before() {
    each_console("fixation", async |console| {
        let stranger = console.browser(None);
        let ada = first(&console, &stranger).await;
        let planted = stranger.with_cookie("tidegate=0123456789abcdef0123456789abcdef");
        let reply = planted.post("/login", &[("name", "ada"), ("password", PASSWORD)]).await;
        let challenge = planted.keeping(&reply);
        let both = challenge.with_cookie(&format!(
            "{}; tidegate=0123456789abcdef0123456789abcdef",
            challenge.cookie().unwrap()
        ));
        let done = both.post("/login/code", &[("code", &ada.recovery_codes[0])]).await;
        let first_session = both.keeping(&done);
        assert!(!first_session.cookie().unwrap().contains("0123456789abcdef"));
        assert_eq!(first_session.get("/me").await.status, 200);
        assert_eq!(planted.get("/me").await.status, 303, "the planted one opens nothing");
        // Somebody who signs in again in the same browser leaves nothing behind.
        let reply = first_session.post("/login", &[("name", "ada"), ("password", PASSWORD)]).await;
        let half = first_session.keeping(&reply);
        let both =
            half.with_cookie(&format!("{}; {}", half.cookie().unwrap(), first_session.cookie().unwrap()));
        let done = both.post("/login/code", &[("code", &ada.recovery_codes[1])]).await;
        assert_eq!(both.keeping(&done).get("/me").await.status, 200);
        assert_eq!(first_session.get("/me").await.status, 303);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_has_is_answered_like_a_wrong_password() {
    each_console("guesses", async |console| {
        let stranger = console.browser(None);
        first(&console, &stranger).await;
        let mut told = Vec::new();
        for name in ["ada", "nobody", "no name!"] {
            let mut answers = Vec::new();
            for _ in 0..6 {
                let began = Instant::now();
                let reply =
                    stranger.post("/login", &[("name", name), ("password", "tall ship at dawn")]).await;
                assert!(began.elapsed().as_millis() >= 400, "{name}: how long it takes tells nothing");
                let body = reply.body.split("the next one may be made at").next().unwrap().to_owned();
                answers.push((reply.status, body));
            }
            assert_eq!(answers[4].0, 401);
            assert_eq!(answers[5].0, 429, "{name}: {}", answers[5].1);
            told.push(answers);
        }
        assert!(told[0] == told[1] && told[1] == told[2], "the same words for all of them");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_ended_open_nothing() {
    each_console("ended", async |console| {
        let stranger = console.browser(None);
        let ada = first(&console, &stranger).await;
        let now = clock::now();
        for (name, seen_ago, ends_in, status) in
            [("good", 1, 60, 200), ("unused", 31, 60, 303), ("over", 1, -1, 303), ("future", -31, 60, 303)]
        {
            plant(&console, name, now - TimeDelta::minutes(seen_ago), now + TimeDelta::minutes(ends_in))
                .await;
            let browser = stranger.with_cookie(&format!("tidegate={name}"));
            assert_eq!(browser.get("/me").await.status, status, "{name}");
            let form = [("reason", "x"), ("once", "form_0123456789abcdef")];
            let posted = browser.post("/do/api/v1/workers/pause", &form).await;
            assert_eq!(posted.status == 401, status == 303, "{name}: {}", posted.body);
        }
        // Whoever is disabled is out at once, in all of their browsers.
        let session = sign_in(&stranger, "ada", &ada.recovery_codes[0]).await;
        let mut tx = console.ledger.begin().await.unwrap();
        let mut member = tx.member("ada").await.unwrap().unwrap();
        (member.disabled_by, member.disabled_at) = (Some("the test".to_owned()), Some(clock::now()));
        tx.write_member(&member).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(session.get("/me").await.status, 303);
        let again = stranger.post("/login", &[("name", "ada"), ("password", PASSWORD)]).await;
        assert_eq!(again.status, 401, "and does not come in again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_renews_itself_is_no_use_of_a_session() {
    each_console("unwatched", async |console| {
        let stranger = console.browser(None);
        first(&console, &stranger).await;
        let now = clock::now();
        plant(&console, "shown", now - TimeDelta::minutes(20), now + TimeDelta::minutes(60)).await;
        let shown = stranger.with_cookie("tidegate=shown");
        let unused_mins = async || {
            let mut tx = console.ledger.read().await.unwrap();
            (clock::now() - tx.session("ses_shown").await.unwrap().unwrap().seen_at).num_minutes()
        };
        let page = "/payments/dashboard/";
        assert_eq!(shown.refresh(page).await.status, 200);
        assert!(unused_mins().await >= 20);
        shown.page(page).await;
        assert!(unused_mins().await < 20, "a person looked");
        plant(&console, "over", now - TimeDelta::minutes(31), now + TimeDelta::minutes(60)).await;
        assert_eq!(stranger.with_cookie("tidegate=over").refresh(page).await.status, 303);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_forms_count_among_the_requests_of_a_minute() {
    each_console_with("often", &[("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "5")], async |console| {
        let root = console.person(None, "ada", "super_user");
        let sue = console.person(Some(&root), "sue", "support");
        let browser = console.browser(Some(&sue));
        let form = [("reason", "x"), ("once", "form_0123456789abcdef")];
        for is_form in [false, true] {
            let mut refused = None;
            // The window may turn once meanwhile.
            for _ in 0..12 {
                let reply = if is_form {
                    browser.post("/do/api/v1/workers/pause", &form).await
                } else {
                    browser.get("/payments/history").await
                };
                if reply.status == 429 {
                    refused = Some(reply);
                    break;
                }
            }
            let refused = refused.expect("twelve requests are more than two windows allow");
            let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait) && refused.body.contains("Too many requests"), "{refused:?}");
        }
        assert_eq!(
            console.browser(Some(&root)).get("/payments/history").await.status,
            200,
            "others are not held up"
        );
    })
    .await;
}

async fn plant(
    console: &Console,
    cookie: &str,
    seen_at: chrono::DateTime<chrono::Utc>,
    ends_at: chrono::DateTime<chrono::Utc>,
) {
    let session = Session {
        id: format!("ses_{cookie}"),
        staff: "ada".to_owned(),
        hash: token_hash(cookie),
        address: "192.0.2.1".to_owned(),
        begun_at: seen_at,
        seen_at,
        ends_at,
        second_factor: true,
        ended_by: None,
        ended_at: None,
    };
    let mut tx = console.ledger.begin().await.unwrap();
    tx.add_session(&session).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_sends_nobody_elsewhere_and_stands_in_no_frame() {
    each_console("door", async |console| {
        let stranger = console.browser(None);
        let ada = first(&console, &stranger).await;
        for to in ["//evil.example", "https://evil.example", "/\\evil.example"] {
            let reply = stranger.post("/login", &[("to", to), ("name", "ada"), ("password", PASSWORD)]).await;
            assert_eq!(reply.header("location"), Some("/login/code?to=%2F"), "{to}");
        }
        let reply = stranger.post("/login", &[("name", "ada"), ("password", PASSWORD)]).await;
        let half = stranger.keeping(&reply);
        let to = [("to", "//evil.example"), ("code", ada.recovery_codes[0].as_str())];
        let done = half.post("/login/code", &to).await;
        assert_eq!(done.header("location"), Some("/"));
        let inside = stranger.keeping(&done);
        for back in ["/\\evil.example", "//evil.example"] {
            let form = [("reason", "x"), ("once", "form_0123456789abcdef"), ("back", back)];
            assert_eq!(inside.post("/do/api/v1/workers/pause", &form).await.header("location"), Some("/"));
        }
        // Another site cannot sign a person in as somebody else, nor out.
        for path in ["/login", "/login/code", "/logout", "/invitation", "/me/password"] {
            for from in ["sec-fetch-site: cross-site\r\n", "sec-fetch-site: same-site\r\n", "origin: null\r\n"] {
                assert_eq!(inside.post_from(from, path, &[("name", "ada")]).await.status, 403, "{path} {from}");
            }
        }
        assert_eq!(inside.get("/me").await.status, 200);
        for path in ["/login", "/login?to=%2Fme&ended=1", "/invitation?code=inv_1", "/me"] {
            let reply = inside.get(path).await;
            assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}: a link has a code");
            assert!(reply.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        }
        // Where there is a name of our own, there is TLS: the cookie is this host's alone.
        let body = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
        let request = format!(
            "POST /login HTTP/1.1\r\nhost: desk.example\r\norigin: https://desk.example\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let reply = ask(console.address, request.into_bytes()).await;
        let cookie = reply.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-tidegate-login="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    })
    .await;
}
