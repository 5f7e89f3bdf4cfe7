//! Several refunds under one approval, in a browser: shown first, asked for once, decided by somebody else.

use domain::operations::OperationState;
use domain::operations::batch::ITEMS_LIMIT;
use envelope::Envelope;
use ledger::views::lists::OperationFilter;
use ledger::views::page::Part;

use super::browser::{Browser, each_console, encoded, form};
use crate::ledgers::together;
use crate::staff::sales::{Sale, sale};

fn given(hidden: &[(String, String)]) -> Vec<(&str, &str)> {
    hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn plan(browser: &Browser<'_>, payments: &str) -> String {
    let note = encoded("two of each were sold");
    let path = format!("/batches?mode=live&payments={}&reason=duplicate&note={note}", encoded(payments));
    browser.page(&path).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_shown_asked_for_once_and_approved_by_another_as_one() {
    each_console("batches", async |console| {
        for name in ["one", "two", "three"] {
            for event in &sale(name, "user_9", 200_000, 60).paid() {
                together(&console.ledger, &[event]).await;
            }
        }
        let root = console.person(None, "ada", "super_user");
        let manager = console.person(Some(&root), "max", "billing_manager");
        let auditor = console.person(Some(&root), "kim", "auditor");
        let (ada, max) = (console.browser(Some(&root)), console.browser(Some(&manager)));

        let page = plan(&max, "pi_one\r\npi_two, pi_three").await;
        assert!(
            page.contains("A plan: 3 refunds, 6,000.00 USD") && !page.contains("/operation/op_"),
            "{page}"
        );
        assert!(ada.page("/approvals").await.contains("Nothing waits for an approval"), "it was only shown");
        let (target, hidden) = form(&page, "/do/api/v1/batches");
        let reply = console.browser(Some(&auditor)).post(&target, &given(&hidden)).await;
        assert_eq!(reply.status, 403, "{}", reply.body);
        let mut places = Vec::new();
        for _ in 0..2 {
            let reply = max.post(&target, &given(&hidden)).await;
            assert_eq!(reply.status, 303, "{}", reply.body);
            places.push(reply.header("location").unwrap().to_owned());
        }
        assert_eq!(places[0], places[1], "sent twice, asked for once");
        let place = &places[0];
        assert!(place.starts_with("/batch/bat_"), "{place}");

        // For whoever decides it is one row, not three.
        let inbox = ada.page("/approvals").await;
        assert_eq!(inbox.matches(&format!("href=\"{place}\"")).count(), 1, "{inbox}");
        assert!(inbox.contains("two of each were sold") && !inbox.contains("/operation/op_"), "{inbox}");
        // In a file each refund has a row of its own.
        assert!(inbox.contains("as=csv\">Export as CSV</a>"), "{inbox}");
        let sheet = ada.get("/approvals?as=csv&mode=live").await.body;
        assert_eq!(sheet.lines().skip(1).filter(|line| line.contains(",payment,pi_")).count(), 3, "{sheet}");
        let page = max.page(place).await;
        assert!(page.contains("You asked for it, so somebody else approves"), "{page}");
        let page = ada.page(place).await;
        assert!(page.contains("3 refunds wait for a second person"), "{page}");
        assert_eq!(page.matches("/operation/op_").count(), 3, "{page}");
        let one = page.split("/operation/").nth(1).unwrap().split('"').next().unwrap();
        let (reject, mut hidden) = form(&ada.page(&format!("/operation/{one}")).await, "/reject");
        hidden.push(("reason".to_owned(), "not this one".to_owned()));
        assert_eq!(ada.post(&reject, &given(&hidden)).await.status, 303);
        let page = ada.page(place).await;
        assert!(page.contains("4,000.00 USD</strong> in all"), "what is decided now: {page}");
        let (approve, hidden) = form(&page, "/approve");
        assert_eq!(max.post(&approve, &given(&hidden)).await.status, 403, "not even by a forged form");
        assert_eq!(ada.post(&approve, &given(&hidden)).await.status, 303);
        let page = ada.page(place).await;
        assert!(
            page.contains("1 rejected, 2 approved.") && page.contains("Nothing in it is waiting"),
            "{page}"
        );
        assert!(ada.page("/approvals").await.contains("Nothing waits for an approval"));
        let approved = OperationFilter {
            state: Some(OperationState::Approved.as_str().to_owned()),
            ..OperationFilter::default()
        };
        let found =
            console.ledger.read().await.unwrap().operations(&approved, &Part::first(10)).await.unwrap();
        assert_eq!(found.rows.iter().map(|row| row.amount).sum::<i64>(), 400_000);
        let page = ada.page(&format!("/operation/{}", found.rows[0].id())).await;
        assert!(page.contains(&format!("href=\"{place}\"")), "the operation leads back to its list: {page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_refuses_is_shown_before_anything_is_asked_for() {
    each_console("batches_refused", async |console| {
        for event in &sale("one", "user_9", 5_000, 60).paid() {
            together(&console.ledger, &[event]).await;
        }
        let root = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&root));
        let page = plan(&ada, "pi_one pi_one").await;
        assert!(page.contains("1 refund would be refused") && !page.contains("/do/api/v1/batches"), "{page}");
        let unknown = ada.get("/batches?mode=live&payments=pi_nobody").await;
        assert_eq!(unknown.status, 404, "{}", unknown.body);
        assert!(unknown.body.contains("pi_nobody"), "{}", unknown.body);
        // As many as a list may have fit into an address; one more is refused in words.
        let many = |count| "pi_3Abcdefghijklmnopqrstuv\r\n".repeat(count);
        for (count, status) in [(200, 404), (201, 400)] {
            let reply = ada.get(&format!("/batches?mode=live&payments={}", encoded(&many(count)))).await;
            assert_eq!(reply.status, status, "{count}: {}", reply.body);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_a_list_may_have_are_asked_for_by_the_form_and_more_are_refused() {
    each_console("batches_of_many", async |console| {
        // As long as Stripe's own ids.
        let name = |number| &*format!("3Abcdefghijklmnopqrs{number:03}").leak();
        let sales: Vec<Sale> =
            (0..ITEMS_LIMIT).map(|number| sale(name(number), "user_9", 1_000, 60)).collect();
        for some in sales.chunks(25) {
            let events: Vec<Envelope> = some.iter().flat_map(Sale::paid).collect();
            together(&console.ledger, &events.iter().collect::<Vec<_>>()).await;
        }
        let root = console.person(None, "ada", "super_user");
        let ada = console.browser(Some(&root));
        let ids: Vec<String> = sales.iter().map(|sale| format!("pi_{}", sale.name)).collect();
        let (target, hidden) = form(&plan(&ada, &ids.join("\r\n")).await, "/do/api/v1/batches");
        assert_eq!(hidden.iter().filter(|(name, _)| name == "payments").count(), ITEMS_LIMIT);
        let mut fields = given(&hidden);
        let too_many: Vec<(&str, &str)> = fields.iter().copied().cycle().take(2 * fields.len()).collect();
        let reply = ada.post(&target, &too_many).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(reply.body.contains("more than 264 fields"), "{}", reply.body);
        // Also where what confirms it comes last.
        let first = fields.iter().position(|(name, _)| *name == "payments").unwrap();
        fields.rotate_left(first);
        let reply = ada.post(&target, &fields).await;
        let place = reply.header("location").unwrap_or_default();
        assert!(reply.status == 303 && place.starts_with("/batch/bat_"), "{place}: {}", reply.body);
        let page = ada.page(place).await;
        assert_eq!(page.matches("href=\"/operation/op_").count(), ITEMS_LIMIT, "{page}");
    })
    .await;
}
