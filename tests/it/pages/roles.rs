//! Role by page by act: who sees which page, which forms stand on it, and what becomes of a form that was forged. One table
//! of endpoints decides all three.

use std::collections::BTreeSet;

use console::endpoint::{Access, Endpoint};
use console::resources::endpoints;
use domain::permissions::{Permission, Role};
use hyper::Method;

use super::browser::{UNLIMITED, each_console_with};
use super::looks::told;
use super::searching::put;

/// Every page, and the permission that it takes.
const PAGES: &[(&str, Permission)] = &[
    ("/payments/dashboard/?mode=live", Permission::Read),
    ("/payments/history", Permission::Read),
    ("/payments/history?last4=4242", Permission::Manage),
    ("/payments/history?as=csv", Permission::Export),
    ("/payments/failures", Permission::Read),
    ("/payments/refunds", Permission::Read),
    ("/payments/disputes?show=all", Permission::Read),
    ("/payments/invoices", Permission::Read),
    ("/payments/payouts", Permission::Read),
    ("/payments/listings", Permission::Read),
    ("/approvals?show=all", Permission::Read),
    ("/batches", Permission::Read),
    ("/batches?payments=pi_plain", Permission::Request),
    ("/payments/webhooks/", Permission::Read),
    ("/payments/dead-letters", Permission::Read),
    ("/payments/replays", Permission::Read),
    ("/payments/bans?show=all", Permission::Read),
    ("/payments/blocks", Permission::Read),
    ("/payments/anomalies", Permission::Read),
    ("/payments/findings?show=all", Permission::Read),
    ("/payments/reconciliation", Permission::Read),
    ("/payments/reports", Permission::Read),
    ("/payments/reports?kind=day&of=2026-05-28", Permission::Export),
    ("/payments/metrics/", Permission::Read),
    ("/payments/audit", Permission::Read),
    ("/payments/audit?as=csv", Permission::Export),
    ("/notices", Permission::Read),
    ("/workers", Permission::Read),
    ("/policies", Permission::Read),
    ("/policy/refunds.young_hours?value=12", Permission::Read),
    ("/staff", Permission::Export),
    ("/staff/ada", Permission::Export),
    ("/tokens", Permission::Export),
    ("/me", Permission::Read),
    ("/search?q=nobody", Permission::Read),
    ("/payment/pi_plain", Permission::Read),
    ("/charge/ch_lost", Permission::Read),
    ("/dispute/dp_open", Permission::Read),
    ("/invoice/in_lost", Permission::Read),
    ("/customer/cus_lost", Permission::Read),
    ("/payout/po_sent", Permission::Read),
    ("/user/user_1", Permission::Read),
    ("/listing/lst_1", Permission::Read),
    ("/event/evt_lost_payment_succeeded_1", Permission::Read),
];

/// Those to which a page may send a form.
fn forms() -> impl Iterator<Item = &'static Endpoint> {
    endpoints().filter(|endpoint| endpoint.method == Method::POST)
}

/// Where a form of this endpoint is sent.
fn target_of(endpoint: &Endpoint) -> String {
    let parts = endpoint.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    format!("/do{}", parts.collect::<Vec<_>>().join("/"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_sees_its_pages_is_shown_its_forms_and_no_forged_one_goes_through() {
    each_console_with("role_matrix", &UNLIMITED, async |console| {
        told(&console).await;
        put(&console, "lst_1", "user_1", "Free stuff").await;
        console.person(None, "ada", "super_user");
        let mut all_shown = BTreeSet::new();
        for role in Role::ALL {
            let name = role.as_str().replace('_', "-");
            let browser = console.person(None, &name, role.as_str());
            let browser = console.browser(Some(&browser));
            for (path, permission) in PAGES {
                let reply = browser.get(path).await;
                let may = role.permissions().contains(permission);
                assert_eq!(reply.status, if may { 200 } else { 403 }, "{role} {path}");
                for action in reply.body.split("action=\"/do").skip(1) {
                    // Without its operation id nothing is done, and whether it may be is said first.
                    let target = format!("/do{}", action.split('"').next().unwrap()).replace("&amp;", "&");
                    let sent = browser.post(&target, &[]).await;
                    assert!(
                        [400, 415].contains(&sent.status),
                        "{role} is shown {target} on {path}: {}",
                        sent.status
                    );
                    all_shown.insert(target.split(['?', '/']).collect::<Vec<_>>().join("/"));
                }
            }
            for endpoint in forms() {
                let Access::Needs(permission) = endpoint.access else { continue };
                let forged = browser.post(&target_of(endpoint), &[]).await;
                let may = role.permissions().contains(&permission);
                assert_eq!(forged.status == 403, !may, "{role} {}: {}", endpoint.name, forged.body);
            }
        }
        assert!(all_shown.len() > 30, "the pages show forms: {}", all_shown.len());
        // Nobody at all: no page, and no act.
        let nobody = console.browser(None);
        for (path, _) in PAGES {
            let reply = nobody.get(path).await;
            assert_eq!((reply.status, reply.body.contains("pi_")), (303, false), "{path}");
        }
        for endpoint in forms() {
            let sent = nobody.post(&target_of(endpoint), &[("once", "form_0123456789abcdef")]).await;
            assert_eq!((sent.status, sent.body.contains("/login?to=")), (401, true), "{}", endpoint.name);
        }
    })
    .await;
}
