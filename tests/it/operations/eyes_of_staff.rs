//! Four eyes, as people go around them with accounts of their own: at the command line, with several tokens, after a
//! promotion, a policy or a lost account. Each way is refused, and stands in the audit.

use desk::acts::operations::decide::before_sending;
use desk::acts::operations::gather;
use domain::operations::{Decision, OperationState};
use serde_json::{Value, json};

use super::desk::{Desk, at, each_desk};

const MONEY: [&str; 5] = ["refunds", "request", "pi_1", "--amount", "6000"];

fn id_of(asked: &Value) -> String {
    asked["operation"]["id"].as_str().unwrap_or_else(|| panic!("{asked}")).to_owned()
}

impl Desk {
    /// A loosening, made by one administrator and approved by the other.
    fn loosens(&self, one: &str, other: &str, arguments: &[&str]) {
        let (code, asked) = self.json(Some(one), arguments);
        assert_eq!(code, 0, "{asked}");
        let change = asked["pending"]["id"].as_str().unwrap_or_else(|| panic!("{asked}"));
        let done = self.run(Some(other), &["staff", "approve", change]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Who was denied what, in the audit of an operation.
    async fn denials(&self, id: &str) -> Vec<String> {
        let told = self.audit(id).await.into_iter().filter(|(what, ..)| what == "denied");
        told.map(|(_, _, by)| by).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_no_promotion_and_no_policy_makes_one_person_two() {
    each_desk("eyes_staff", async |desk| {
        let root = desk.person(None, "root", "super_user");
        let jane = desk.person(Some(&root), "jane", "super_user");
        let joe = desk.person(None, "joe", "support");

        // Jane asks with one token, and tries to approve with another one, and without any.
        let (_, asked) = desk.json(Some(&jane), &[&MONEY[..], &["--yes"]].concat());
        let of_jane = id_of(&asked);
        let (_, second) = desk.json(Some(&jane), &["tokens", "create", "--for", "jane", "--role", "support"]);
        let change = second["pending"]["id"].as_str().unwrap();
        assert!(desk.run(Some(&root), &["staff", "approve", change]).status.success());
        let second = second["token"].as_str().unwrap().to_owned();
        let approve = ["approvals", "approve", &of_jane, "--yes"];
        let said = desk.refusal(Some(&jane), &approve);
        assert!(said.contains("jane asked for it: another person must approve it"), "{said}");
        assert!(desk.refusal(Some(&second), &approve).contains("jane lacks the permission billing:manage"));
        assert!(desk.refusal(None, &approve).contains("cli:ops lacks the permission billing:manage"));
        assert!(desk.refusal(None, &[&approve[..], &["--by", "root"]].concat()).contains("cli:root lacks"));

        // Joe may only ask. Promoted meanwhile, he is still the one who asked.
        let (_, asked) = desk.json(Some(&joe), &["refunds", "request", "pi_2", "--amount", "6000", "--yes"]);
        let of_joe = id_of(&asked);
        desk.loosens(&root, &jane, &["staff", "roles", "joe", "--role", "super_user"]);
        let (_, made) = desk.json(Some(&root), &["tokens", "create", "--for", "joe", "--role", "super_user"]);
        let change = made["pending"]["id"].as_str().unwrap();
        assert!(desk.run(Some(&jane), &["staff", "approve", change]).status.success());
        let promoted = made["token"].as_str().unwrap();
        let said = desk.refusal(Some(promoted), &["approvals", "approve", &of_joe, "--yes"]);
        assert!(said.contains("joe asked for it"), "{said}");

        // A policy that was loosened meanwhile approves nothing by itself.
        let policy =
            ["policy", "set", "refunds.approve_above", "9000.00", "--currency", "usd", "--reason", "season"];
        desk.loosens(&root, &jane, &[&policy[..], &["--yes"]].concat());
        let kept = desk.kept(&of_jane).await;
        assert_eq!(kept.state, OperationState::NeedsApproval);
        assert!(desk.refusal(Some(&jane), &approve).contains("another person"));

        // Whoever approved loses the role before it is sent, or is disabled: their word counts no longer.
        assert!(desk.run(Some(promoted), &approve).status.success());
        let taken = ["staff", "roles", "joe", "--role", "support", "--reason", "moved"];
        assert!(desk.run(Some(&root), &taken).status.success());
        let kept = desk.kept(&of_jane).await;
        let mut tx = desk.ledger.begin().await.unwrap();
        let facts = gather::facts(&desk.ledger, &mut tx, &kept, at(5)).await.unwrap();
        let verdict = before_sending(&mut tx, &kept, &facts, at(5)).await.unwrap();
        drop(tx);
        let warning = verdict.warning.unwrap_or_default();
        assert!(warning.starts_with("joe, on whose word it was approved, may no longer act."), "{warning}");
        desk.loosens(&root, &jane, &["staff", "roles", "joe", "--role", "super_user", "--reason", "back"]);
        let disabled = desk.run(Some(&root), &["staff", "disable", "joe", "--reason", "left"]);
        assert!(disabled.status.success(), "{}", String::from_utf8_lossy(&disabled.stderr));
        let policy =
            ["policy", "set", "refunds.approve_above", "5000.00", "--currency", "usd", "--reason", "over"];
        assert!(desk.run(Some(&root), &[&policy[..], &["--yes"]].concat()).status.success());
        let kept = desk.kept(&of_jane).await;
        assert_eq!((kept.state, kept.approved_by.as_deref()), (OperationState::Approved, Some("joe")));
        let mut tx = desk.ledger.begin().await.unwrap();
        let facts = gather::facts(&desk.ledger, &mut tx, &kept, at(5)).await.unwrap();
        let verdict = before_sending(&mut tx, &kept, &facts, at(5)).await.unwrap();
        drop(tx);
        assert!(matches!(verdict.decision, Decision::NeedsApproval(_)), "{verdict:?}");
        assert!(
            verdict.warning.unwrap().starts_with("joe, on whose word it was approved, may no longer act.")
        );
        let said = desk.refusal(Some(promoted), &["approvals", "reject", &of_joe, "--reason", "x"]);
        assert!(said.contains("disabled") || said.contains("ended"), "{said}");

        let denied = desk.denials(&of_jane).await;
        assert_eq!(denied.len(), 5, "each try but those of nobody stands in the audit: {denied:?}");
        assert_eq!(desk.denials(&of_joe).await.len(), 1);
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_says_it_is_approved_is_not() {
    each_desk("eyes_row", async |desk| {
        let root = desk.person(None, "root", "super_user");
        let jane = desk.person(Some(&root), "jane", "super_user");
        let (_, asked) = desk.json(Some(&jane), &[&MONEY[..], &["--yes"]].concat());
        let id = id_of(&asked);
        let approve = |by: &'static str| {
            move |it: &mut domain::operations::Operation| {
                it.approve(domain::operations::Approval::Person, by, at(1)).unwrap();
            }
        };
        desk.change(&id, approve("root")).await;
        let decisions = async || desk.ledger.read().await.unwrap().decisions_of(&id).await.unwrap();
        let kept = desk.kept(&id).await;
        assert!(kept.approved_parameters(&decisions().await).is_err(), "no decision stands beside it");
        // With a decision beside it, in the name of whoever asked.
        let mut decided = decisions().await.pop().unwrap();
        decided.decision = domain::operations::DecisionKind::Approve;
        assert_eq!(decided.decided_by, "jane");
        let refused = kept.approved_parameters(&[decided.clone()]).unwrap_err().to_string();
        assert_eq!(refused, "nobody who may has approved it, whatever its row says");
        decided.decided_by = "root".to_owned();
        assert_eq!(
            kept.approved_parameters(&[decided]).map(|it| json!(it)["amount"].clone()),
            Ok(json!(600_000))
        );
    })
    .await;
}
