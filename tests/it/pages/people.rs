//! Staff, tokens, policies and the workers' switch by pages: who may do what, what takes two, what is shown once.

use console::endpoint::Access;
use console::resources::endpoints;
use domain::permissions::Role;
use shared::clock;

use super::browser::{Browser, each_console, form};
use super::sign_in::{accept, sign_in};
use crate::authenticator::app;

async fn fill(
    browser: &Browser<'_>,
    path: &str,
    action: &str,
    more: &[(&str, &str)],
) -> (u16, String, String) {
    let page = browser.page(path).await;
    send(browser, &page, action, more).await
}

async fn send(
    browser: &Browser<'_>,
    page: &str,
    action: &str,
    more: &[(&str, &str)],
) -> (u16, String, String) {
    let (target, hidden) = form(page, action);
    let own = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
    let reply = browser.post(&target, &fields).await;
    let place = reply.header("location").unwrap_or_default().to_owned();
    (reply.status, place, reply.body)
}

/// What a page shows once, in the box to copy from.
fn secret(page: &str) -> String {
    let shown = page.split("<code id=\"secret\">").nth(1).unwrap_or_else(|| panic!("no secret: {page}"));
    shown.split('<').next().unwrap().replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_is_added_invited_given_a_token_and_disabled_by_pages() {
    each_console("staff", async |console| {
        let token = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&token));
        let (status, place, body) = fill(
            &ada,
            "/staff",
            "/api/v1/staff\"",
            &[("name", "joe"), ("roles", "support"), ("roles", "auditor")],
        )
        .await;
        assert_eq!((status, place.as_str()), (303, "/staff/joe"), "{body}");
        let page = ada.page("/staff/joe").await;
        assert!(
            page.contains("support, auditor") && page.contains("Nothing proves who this person is"),
            "{page}"
        );
        // The link is shown once, even where the form is sent again.
        let (target, hidden) = form(&page, "/invite\"");
        let fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let link = secret(&ada.post(&target, &fields).await.body);
        let again = ada.post(&target, &fields).await;
        assert!(again.status == 200 && !again.body.contains("inv_"), "{}", again.body);
        assert!(again.body.contains("cannot be shown again"));
        let base = format!("http://{}", console.address);
        let stranger = console.browser(None);
        let joes = accept(&stranger, link.strip_prefix(&base).expect(&link), None).await;
        let later = clock::now() + chrono::TimeDelta::seconds(30);
        let joe = sign_in(&stranger, "joe", &app(&joes.secret, later)).await;
        assert!(joe.page("/staff").await.contains("joe"), "an auditor sees who is on the staff");
        assert!(!joe.page("/staff/ada").await.contains("/do/api/v1/staff/"), "and does nothing there");

        let made = fill(
            &ada,
            "/tokens",
            "/api/v1/tokens\"",
            &[("for", "joe"), ("roles", "support"), ("expires", "90d")],
        )
        .await;
        let of_joe = secret(&made.2);
        assert!(console.browser(Some(&of_joe)).page("/me").await.contains("signed in by a token"));
        let page = ada.page("/staff/joe").await;
        assert!(!page.contains(&of_joe) && page.contains(&of_joe[..12]), "its beginning alone");
        assert_eq!(fill(&ada, "/staff/joe", "/revoke\"", &[("reason", "lost")]).await.0, 303);
        assert_eq!(console.browser(Some(&of_joe)).get("/me").await.status, 303);

        assert_eq!(joe.get("/me").await.status, 200);
        let (status, place, _) = fill(&ada, "/staff/joe", "/disable\"", &[("reason", "left")]).await;
        assert_eq!((status, place.as_str()), (303, "/staff/joe?done=disable_member"));
        assert_eq!(joe.get("/me").await.status, 303, "at once");
        assert!(ada.page("/staff/joe").await.contains("left"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loosens_a_rule_waits_on_the_page_for_the_second_administrator() {
    each_console("two", async |console| {
        let token = console.person(None, "ada", "super_user");
        let bob = console.person(None, "bob", "super_user");
        let (ada, bob) = (console.browser(Some(&token)), console.browser(Some(&bob)));
        let currencies = ada.page("/policy/refunds.confirm_above").await;
        assert!(currencies.contains("Each currency has a value of its own"), "{currencies}");
        assert!(currencies.contains("href=\"/policy/refunds.confirm_above?currency=usd\""), "{currencies}");
        // A policy: rehearsed, then asked for, then agreed to by the other one.
        let key = "/policy/refunds.confirm_above?currency=usd";
        let page = ada.page(&format!("{key}&value=250.00")).await;
        assert!(
            page.contains("It gives up a safeguard") && page.contains("would need one approval fewer"),
            "{page}"
        );
        assert!(ada.page(&format!("{key}&value=much")).await.contains("role=\"alert\""));
        let (status, place, body) =
            send(&ada, &page, "/api/v1/policies/", &[("reason", "too many clicks")]).await;
        assert!(status == 303 && place.contains("waits=set_policy"), "{place} {body}");
        assert!(ada.page(&place).await.contains("waits for a second administrator"));
        assert!(!ada.page(key).await.contains("It is <strong>250.00"), "not yet");
        let page = ada.page("/staff").await;
        assert!(page.contains("You asked for it") && !page.contains("/approve\""), "{page}");
        assert_eq!(fill(&bob, "/policies", "/approve\"", &[]).await.0, 303);
        assert!(ada.page(key).await.contains("It is <strong>250.00 USD"));
        assert!(ada.page(key).await.contains("too many clicks"), "its history says why");
        // Back to what is stricter counts at once.
        let page = bob.page(&format!("{key}&value=100.00")).await;
        let (_, place, _) = send(&bob, &page, "/api/v1/policies/", &[("reason", "a mistake")]).await;
        assert!(place.contains("done=set_policy"), "{place}");
        // Roles that manage money, and an invitation of whoever has them.
        let wants = [("name", "eve"), ("roles", "billing_manager")];
        assert_eq!(fill(&ada, "/staff", "/api/v1/staff\"", &wants).await.0, 303);
        let page = ada.page("/staff/eve").await;
        assert!(
            page.contains("Waits for a second administrator") && page.contains("billing manager"),
            "{page}"
        );
        assert_eq!(fill(&bob, "/staff/eve", "/reject\"", &[("reason", "not yet")]).await.0, 303);
        assert!(!ada.page("/staff/eve").await.contains("Waits for a second administrator"));
        // A lost phone of somebody who approves money: both agree before the link works.
        let made = fill(&ada, "/staff/bob", "/invite\"", &[]).await;
        assert!(made.2.contains("It works once a second administrator has agreed"), "{}", made.2);
        let link = secret(&made.2);
        let path = link.split_at(link.find("/invitation").unwrap()).1;
        assert_eq!(bob.get(path).await.status, 404, "not before");
        assert_eq!(fill(&bob, "/staff", "/approve\"", &[]).await.0, 303);
        assert_eq!(bob.get(path).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_paused_and_resumed_with_a_reason() {
    each_console("pause", async |console| {
        let token = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&token));
        assert_eq!(fill(&ada, "/workers", "/workers/pause\"", &[("reason", " ")]).await.0, 400);
        assert_eq!(
            fill(&ada, "/workers", "/workers/pause\"", &[("reason", "moving the ledger")]).await.0,
            303
        );
        let page = ada.page("/workers").await;
        assert!(page.contains("moving the ledger") && page.contains("ada (token"), "{page}");
        assert_eq!(console.tidegate(None, &["worker", "pause", "--reason", "x"])["paused"], "before");
        assert_eq!(fill(&ada, "/workers", "/workers/resume\"", &[]).await.0, 303);
        assert!(console.ledger.lasting_pause().await.unwrap().is_none());
    })
    .await;
}

/// One table serves buttons, endpoints and pages: each form that a role is shown is one that its endpoint admits, and each
/// that it is not shown is refused.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_is_shown_exactly_the_forms_that_it_may_send() {
    each_console("roles", async |console| {
        let token = console.person(None, "ada", "super_user");
        console.person(Some(&token), "joe", "support");
        let pages = [
            ("/staff", "list_staff", &["add_member"][..]),
            (
                "/staff/joe",
                "get_member",
                &["set_roles", "invite_member", "disable_member", "create_token", "revoke_token"],
            ),
            ("/tokens", "list_tokens", &["create_token", "revoke_token"]),
            ("/policies", "list_policies", &[]),
            ("/policy/refunds.young_hours?value=12", "list_policy_history", &["set_policy"]),
            ("/workers", "get_pause", &["pause_workers"]),
        ];
        let may = |role: Role, name: &str| {
            let row = endpoints().find(|row| row.name == name).unwrap();
            matches!(row.access, Access::Needs(permission) if role.permissions().contains(&permission))
        };
        for role in Role::ALL {
            let name = role.as_str().replace('_', "-");
            let made = console.tidegate(None, &["staff", "add", &name, "--role", role.as_str()]);
            assert_eq!(made["name"], name.as_str());
            let made = console.tidegate(None, &["tokens", "create", "--for", &name, "--role", role.as_str()]);
            let browser = console.browser(made["token"].as_str());
            for (path, page, acts) in &pages {
                let reply = browser.get(path).await;
                assert_eq!(reply.status == 200, may(*role, page), "{role} {path}: {}", reply.status);
                for act in *acts {
                    let endpoint = endpoints().find(|row| row.name == *act).unwrap();
                    let prefix = endpoint.path.split('{').next().unwrap();
                    let suffix = endpoint.path.rsplit('}').next().unwrap();
                    let is_shown = reply.body.split("action=\"/do").skip(1).any(|form| {
                        let action = form.split('"').next().unwrap();
                        action.starts_with(prefix)
                            && (endpoint.path == action || action.ends_with(suffix) && action != prefix)
                    });
                    assert_eq!(is_shown, may(*role, act) && reply.status == 200, "{role} {path} {act}");
                    let target = format!(
                        "/do{}",
                        endpoint.path.replace("{name}", "x-none").replace("{id}", "x").replace("{key}", "x")
                    );
                    let sent = browser.post(&target, &[("once", "form_0123456789abcdef")]).await;
                    assert_eq!(sent.status == 403, !may(*role, act), "{role} {act}: {}", sent.body);
                }
            }
        }
    })
    .await;
}
