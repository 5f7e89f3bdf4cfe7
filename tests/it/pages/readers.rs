//! Who sees what: whoever is not signed in nothing, whoever may not manage money no card.

use super::browser::each_console;
use super::looks::told;
use crate::attempts::tamper;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_known_sees_nothing_and_whoever_is_disabled_is_not_known() {
    each_console("sign_in", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        let eve = console.person(Some(&root), "eve", "support");
        let nobody = console.browser(None);
        for path in ["/", "/payments/history", "/payment/pi_lost", "/payments/history?as=csv", "/nowhere"] {
            let reply = nobody.get(path).await;
            assert_eq!(reply.status, 303, "{path}");
            assert!(reply.header("location").unwrap().starts_with("/login?to="), "{path}");
            assert!(!reply.body.contains("pi_lost"), "{path}");
        }
        assert!(nobody.page("/login").await.contains("type=\"password\""));
        let wrong = nobody.post("/login", &[("token", "tdg_wrong"), ("to", "/")]).await;
        assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
        assert!(!wrong.body.contains("tdg_wrong"), "what was typed is not shown again");

        for (to, place) in
            [("/payments/bans", "/payments/bans"), ("//evil.example", "/"), ("https://evil.example", "/")]
        {
            let reply = nobody.post("/login", &[("token", &eve), ("to", to)]).await;
            assert_eq!((reply.status, reply.header("location")), (303, Some(place)), "{to}");
            let cookie = reply.header("set-cookie").unwrap();
            assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
        }
        let browser = console.browser(Some(&eve));
        assert!(browser.page("/payment/pi_lost").await.contains("eve"));
        let out = browser.post("/logout", &[]).await;
        assert!(out.header("set-cookie").unwrap().ends_with("Max-Age=0"));
        console.tidegate(Some(&root), &["staff", "disable", "eve", "--reason", "left"]);
        assert_eq!(browser.get("/payment/pi_lost").await.status, 303);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_and_exports_are_for_those_whose_roles_have_them() {
    each_console("roles", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        let support = console.person(Some(&root), "sue", "support");
        let auditor = console.person(Some(&root), "abe", "auditor");
        let sees = async |token: &str, path: &str, what: &str| {
            let reply = console.browser(Some(token)).get(path).await;
            (reply.status, reply.body.contains(what))
        };
        for path in ["/payment/pi_lost", "/charge/ch_lost", "/dispute/dp_lost"] {
            assert_eq!(sees(&root, path, "4242").await, (200, true), "{path}");
            assert_eq!(sees(&support, path, "4242").await, (200, false), "{path}");
            assert_eq!(sees(&auditor, path, "4242").await, (200, false), "{path}");
        }
        let sheet = "/payments/history?as=csv&mode=live";
        assert_eq!(sees(&auditor, sheet, "created,payment,status").await, (200, true));
        assert_eq!(sees(&auditor, sheet, "pi_test").await, (200, false), "exactly what is shown");
        assert_eq!(sees(&support, sheet, "pi_lost").await, (403, false));
        assert!(!console.browser(Some(&support)).page("/payments/history").await.contains("Export as CSV"));
        // What a role may not do is said instead of its form.
        let page = console.browser(Some(&support)).page("/dispute/dp_open").await;
        assert!(page.contains("billing:manage") && !page.contains("/resolve"), "{page}");
        assert!(page.contains("/notes"), "support may note");
        let page = console.browser(Some(&auditor)).page("/dispute/dp_open").await;
        assert!(!page.contains("/notes\"") && page.contains("billing:request"), "{page}");
        // As a version leaves it that could not read charges: a replay would bring them, and their cards.
        tamper(console.url(), "DELETE FROM charges").await;
        tamper(
            console.url(),
            "UPDATE events SET outcome = 'dead', reason = 'unreadable', fingerprint = 'permanent: charges' \
             WHERE type = 'charge.succeeded'",
        )
        .await;
        let causes = console.browser(Some(&root)).page("/payments/dead-letters?mode=live").await;
        let cause = causes.split("cause=").nth(1).unwrap().split('"').next().unwrap();
        let path = format!("/payments/dead-letters?mode=live&cause={cause}");
        assert_eq!(sees(&root, &path, "4242").await, (200, true));
        for token in [&support, &auditor] {
            assert_eq!(sees(token, &path, "4242").await, (200, false));
            let (_, has_brand) = sees(token, &path, "card brand").await;
            assert_eq!((sees(token, &path, "ch_lost").await, has_brand), ((200, true), false));
        }
    })
    .await;
}
