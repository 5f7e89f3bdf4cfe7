//! `tidegate note` and `assign`: on every kind of object, kept for ever, shown on its page and in its history.

use super::desk::each_desk;
use super::sales::sale;

#[tokio::test(flavor = "multi_thread")]
async fn notes_and_an_assignee_stand_on_what_staff_work_with() {
    each_desk("notes", async |desk| {
        let sale = sale("a", "user_1", 1_000, 0);
        desk.hears(&sale.lost()).await;
        desk.hears(&[sale.customer(Some("user_1"))]).await;
        desk.json(&["staff", "add", "jane", "--role", "support"]);
        for (id, kind) in
            [("pi_a", "payment"), ("dp_a", "dispute"), ("in_a", "invoice"), ("cus_a", "customer")]
        {
            let written = desk.json(&["note", id, "the customer called"]);
            assert_eq!((&written["kind"], &written["object"]["id"]), (&kind.into(), &id.into()));
            assert_eq!(written["note"]["number"], 1, "{kind}");
            assert!(written["note"]["written_by"].as_str().unwrap().starts_with("cli:"), "{written}");
            assert_eq!(desk.json(&["note", id, "and again"])["note"]["number"], 2);
            desk.json(&["assign", id, "Jane"]);
            let again = desk.json(&["assign", id, "jane"]);
            assert_eq!(again["assignment"]["number"], 1, "to say it twice changes nothing");
            let page = desk.said(&["show", kind, id]);
            for says in ["jane takes care of it", "the customer called", "note 2", "assigned to jane"] {
                assert!(page.contains(says), "{kind} lacks {says}: {page}");
            }
            let document = desk.json(&["show", kind, id]);
            assert_eq!(document[0]["notes"].as_array().unwrap().len(), 2, "{document}");
            assert_eq!(document[0]["assignment"]["assignee"], "jane");
            desk.json(&["assign", id, "--nobody"]);
            assert!(!desk.said(&["show", kind, id]).contains("takes care of it"));
        }
        // What resolves a dispute is a note like the others.
        let resolved = desk.json(&["disputes", "resolve", "dp_a", "--reason", "refunded"]);
        assert_eq!(resolved["note"]["number"], 3);
        assert!(desk.refusal(&["note", "pi_nobody", "x"], 1).contains("nothing in the ledger"));
        assert!(desk.refusal(&["note", "user_1", "x"], 2).contains("notes stand on"));
        assert!(desk.refusal(&["assign", "pi_a", "nobody"], 2).contains("no member of staff nobody"));
        desk.refusal(&["note", "pi_a", " "], 2);
        desk.refusal(&["assign", "pi_a"], 2);
    })
    .await;
}
