//! `tidegate report`: the same ledger and period give the same bytes, lists of any length stream into files, and a
//! changed file is found.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use desk::findings::{Look, record};
use desk::reports::{Period, ReportKind, write};
use domain::findings::{Check, Found};
use domain::{Key, Severity};
use envelope::hex::bytes;
use harness::binaries::workspace;
use ledger::views::kpi::Scope;
use shared::clock;
use worker::chores::seal::seal;
use worker::process::{Manner, process};

use super::desk::{each_desk, text};
use super::sales::{Sale, sale};

const START: i64 = 1_780_000_000;

/// A new name in the folder for temporary files.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tidegate-report-{}", shared::trace::random_hex::<8>())))
    }

    fn folder(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let read =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

/// A sale at noon, so many days ago.
fn at_noon(name: &'static str, user: &'static str, days: u64, now: DateTime<Utc>) -> Sale {
    let noon = now.date_naive().and_time(NaiveTime::MIN).and_utc() - Days::new(days) + TimeDelta::hours(12);
    sale(name, user, 1_999, noon.timestamp() - START)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_day_is_the_same_whenever_it_is_made_and_tells_a_changed_file() {
    each_desk("reports", async |desk| {
        let (now, scratch) = (clock::now(), Scratch::new());
        let day = (now - Days::new(1)).format("%Y-%m-%d").to_string();
        let formula = at_noon("formula", "=HYPERLINK(1)", 1, now);
        for told in [
            formula.paid(),
            at_noon("lost", "user_2", 1, now).lost(),
            at_noon("old", "user_3", 2, now).paid(),
        ] {
            desk.hears(&told).await;
        }
        desk.hears(&[formula.refund("one", 60, "succeeded", 500)]).await;
        desk.hears(&[at_noon("no", "user_4", 1, now).declined(0, "expired_card")]).await;

        let (one, two) = (scratch.folder("one"), scratch.folder("two"));
        let manifest = desk.document(&["report", "day", "--of", &day, "--out", &one]);
        desk.said(&["report", "day", "--out", &two]);
        assert_eq!(files(&one), files(&two), "yesterday is what is reported unless told otherwise");

        let rows = |name: &str| {
            let listed = manifest["files"].as_array().unwrap().iter().find(|file| file["name"] == name);
            listed.unwrap_or_else(|| panic!("{name} is missing: {manifest}"))["rows"].as_u64()
        };
        assert_eq!((rows("payments.csv"), rows("failures.csv")), (Some(3), Some(1)));
        assert_eq!((rows("refunds.csv"), rows("disputes.csv"), rows("kpis.json")), (Some(1), Some(1), None));
        let of = |name: &str| text(&files(&one)[name]);
        assert!(of("payments.csv").contains("'=HYPERLINK(1)"), "no text is a formula");
        assert!(!of("payments.csv").contains("user_3"), "the day before is another report");
        let kpis: serde_json::Value = serde_json::from_str(&of("kpis.json")).unwrap();
        assert_eq!((&kpis["payments_succeeded"], &kpis["disputes_lost"]), (&2.into(), &1.into()));
        assert_eq!(kpis["series"].as_array().unwrap().len(), 24);
        let page = of("report.html");
        assert!(
            page.contains("expired_card") && page.contains("39.98 USD") && !page.contains("<script"),
            "{page}"
        );

        desk.said(&["report", "verify", &one]);
        fs::write(Path::new(&one).join("refunds.csv"), "nothing\n").unwrap();
        fs::remove_file(Path::new(&one).join("kpis.json")).unwrap();
        let found = desk.run(&["report", "verify", &one]);
        let said = text(&found.stdout);
        assert_eq!(found.status.code(), Some(1));
        assert!(said.contains("refunds.csv") && said.contains("has other content"), "{said}");
        assert!(said.contains("kpis.json") && said.contains("is missing") && !said.contains("payments.csv"));
        assert!(desk.refusal(&["report", "day", "--out", &two], 1).contains("already holds something"));
        let today = now.format("%Y-%m-%d").to_string();
        assert!(desk.refusal(&["report", "day", "--of", &today, "--out", &two], 2).contains("has not ended"));
    })
    .await;
}

/// What the auditor has: OpenSSL, the public key, and no program of ours.
fn openssl_accepts(key: &str, content: &Path, signature: &str) -> bool {
    let (der, signed) = (content.with_extension("der"), content.with_extension("bin"));
    // How X.509 writes a public key of Ed25519.
    fs::write(&der, bytes(&format!("302a300506032b6570032100{key}")).unwrap()).unwrap();
    fs::write(&signed, bytes(signature).unwrap()).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-inkey"]).arg(&der);
    let told = openssl.arg("-in").arg(content).arg("-sigfile").arg(&signed).output().unwrap();
    told.status.success()
}

/// The lines that docs/operations.md gives an auditor, in the folder of a report.
fn documented_check_accepts(folder: &str) -> bool {
    let page = fs::read_to_string(workspace().join("docs/operations.md")).unwrap();
    let mut blocks = page.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let lines = blocks.find(|block| block.contains("openssl pkeyutl")).expect("the page has the lines");
    Command::new("bash").args(["-c", lines]).current_dir(folder).output().unwrap().status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_signed_with_the_head_of_the_audit_and_others_can_check_it() {
    each_desk("signed", async |desk| {
        let (now, scratch) = (clock::now(), Scratch::new());
        desk.hears(&at_noon("one", "user_1", 1, now).paid()).await;
        seal(&desk.ledger, now).await.unwrap().expect("something was committed");
        let key = |letter: &str| [("AUDIT_KEY", letter.repeat(64))];
        let done = |settings: &[(&str, String)], arguments: &[&str]| {
            let output = desk.run_with(settings, arguments);
            (output.status.code().unwrap(), text(&[output.stdout, output.stderr].concat()))
        };
        let (code, public) = done(&key("k"), &["audit", "key"]);
        let public = public.trim();
        assert!(code == 0 && public.len() == 64, "{public}");
        assert_eq!(done(&[], &["audit", "key"]).0, 2, "there is none");

        let folder = scratch.folder("signed");
        let (code, told) = done(&key("k"), &["report", "day", "--out", &folder]);
        assert_eq!(code, 0, "{told}");
        let again = scratch.folder("again");
        done(&key("k"), &["report", "day", "--out", &again]);
        assert_eq!(files(&folder), files(&again), "signed, the bytes are the same");
        let words: Vec<String> =
            text(&files(&folder)["manifest.sig"]).split_ascii_whitespace().map(str::to_owned).collect();
        let [algorithm, by, _] = &words[..] else { panic!("{words:?}") };
        assert_eq!((algorithm.as_str(), by.as_str()), ("ed25519", public));
        let content = scratch.0.join("content");
        assert!(documented_check_accepts(&folder));

        // The head by itself, as `audit head` and the manifest say it.
        let (_, head) = done(&key("k"), &["audit", "head"]);
        let (code, told) = done(&[], &["audit", "verify", "--since-head", &head]);
        assert_eq!(code, 0, "as it was printed: {told}");
        let (head, line) = head.split_once('\n').unwrap();
        let signature = line.split_ascii_whitespace().nth(2).unwrap();
        fs::write(&content, head).unwrap();
        assert!(openssl_accepts(public, &content, signature));
        fs::write(&content, "13:ab").unwrap();
        assert!(!openssl_accepts(public, &content, signature), "something else was not signed");
        let manifest: serde_json::Value = serde_json::from_slice(&files(&folder)["manifest.json"]).unwrap();
        let audit = &manifest["audit"];
        assert_eq!(format!("{}:{}", audit["block"], audit["hash"].as_str().unwrap()), head);
        assert_eq!(audit["signed"]["signature"], signature);

        let verify = |settings: &[(&str, String)], more: &[&str]| {
            done(settings, &[&["report", "verify", folder.as_str()], more].concat())
        };
        assert!(verify(&[], &["--key", public]).1.contains(&format!("signed by {public}")));
        assert_eq!(verify(&key("k"), &[]).0, 0, "the key that is configured");
        let (code, told) = verify(&key("x"), &[]);
        assert!(code == 1 && told.contains("is signed by another key"), "{told}");
        let manifest = Path::new(&folder).join("manifest.json");
        let changed =
            text(&fs::read(&manifest).unwrap()).replace("\"livemode\": true", "\"livemode\": false");
        fs::write(&manifest, changed).unwrap();
        let (code, told) = verify(&[], &[]);
        assert!(code == 1 && told.contains("does not match its signature"), "{told}");
        assert!(!documented_check_accepts(&folder));
        fs::remove_file(Path::new(&folder).join("manifest.sig")).unwrap();
        let (code, told) = verify(&[], &["--key", public]);
        assert!(code == 1 && told.contains("is not signed"), "{told}");
        assert!(verify(&[], &[]).1.contains("it is not signed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_compared_with_the_four_before_and_a_span_has_its_events() {
    each_desk("week", async |desk| {
        let (now, scratch) = (clock::now(), Scratch::new());
        for (name, weeks) in [("now", 1), ("before", 2), ("long", 5), ("longer", 6)] {
            desk.hears(&at_noon(name, "user_1", weeks * 7, now).paid()).await;
        }
        let week = scratch.folder("week");
        desk.said(&["report", "week", "--out", &week]);
        let before: serde_json::Value = serde_json::from_slice(&files(&week)["weeks-before.json"]).unwrap();
        let paid: Vec<_> = before
            .as_array()
            .unwrap()
            .iter()
            .map(|week| week["payments_succeeded"].as_i64().unwrap())
            .collect();
        assert_eq!(paid, [1, 0, 0, 1]);
        let incident = scratch.folder("incident");
        let manifest = desk.document(&["report", "incident", "--since", "1h", "--out", &incident]);
        assert_eq!(manifest["files"][1]["name"], "events.csv");
        assert_eq!(manifest["files"][1]["rows"], 16, "by when they were recorded: {manifest}");
        desk.said(&["report", "month", "--out", &scratch.folder("month")]);
        desk.said(&["report", "kpi", "--since", "2d", "--out", &scratch.folder("kpi")]);
        desk.refusal(&["report", "kpi", "--out", &scratch.folder("none")], 2);
    })
    .await;
}

/// Everything of it happened at given moments, so nothing of it depends on when the test runs.
#[tokio::test(flavor = "multi_thread")]
async fn one_life_gives_the_same_bytes_of_every_report_on_either_ledger() {
    let (now, scratch) = (clock::now(), Scratch::new());
    let heard = DateTime::from_timestamp(now.timestamp() - 3_600, 0).unwrap();
    let mut told = at_noon("paid", "user_1", 40, now).paid();
    told.extend(at_noon("Lost", "user_2", 40, now).lost());
    told.extend(at_noon("lost", "user_2", 39, now).lost());
    told.push(at_noon("no", "user_3", 38, now).declined(0, "expired_card"));
    for event in &mut told {
        event.header.received_at = heard - TimeDelta::seconds(2);
    }
    let found = Found {
        kind: "missing_object",
        severity: Severity::Critical,
        subject_kind: "charge",
        subject_id: "ch_1".to_owned(),
        item: String::new(),
        currency: "usd".to_owned(),
        amount: Some(5),
        stripe_amount: Some(5),
        ledger_amount: None,
        summary: "=missing".to_owned(),
        details: BTreeMap::new(),
    };
    let made = Mutex::new(Vec::new());
    each_desk("same_bytes", async |desk| {
        for event in &told {
            process(&desk.ledger, &[event], Manner::Batch, heard).await.unwrap();
        }
        let whose = Key { livemode: true, ..Key::default() };
        let look = Look {
            check: Check::Reconciliation,
            whose: &whose,
            scope: "day",
            is_whole: true,
            looked_for: &[],
        };
        let mut tx = desk.ledger.begin().await.unwrap();
        let tally = record(&mut tx, &look, vec![found.clone()], now - Days::new(40)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(tally.new, 1);
        let place = format!("ledger{}", made.lock().unwrap().len());
        let day = (now - Days::new(40)).date_naive();
        let since = Period::between(now - Days::new(60), heard + TimeDelta::minutes(1), now);
        let mut all = BTreeMap::new();
        for (kind, period) in [
            (ReportKind::Day, Period::day(day, now)),
            (ReportKind::Week, Period::week(day, now)),
            (ReportKind::Month, Period::month(day, now)),
            (ReportKind::Soc2, Period::month(day, now)),
            (ReportKind::Kpi, since),
            (ReportKind::Incident, since),
            (ReportKind::Support, since),
        ] {
            let (folder, scope) =
                (scratch.folder(&format!("{place}-{kind:?}")), Scope { livemode: true, account: None });
            let written = write(&desk.ledger, kind, period.unwrap(), &scope, Path::new(&folder), None).await;
            written.unwrap();
            all.insert(format!("{kind:?}"), files(&folder));
        }
        let soc2: Vec<&String> = all["Soc2"].keys().collect();
        for name in [
            "access.csv",
            "acts.csv",
            "audit-proof.json",
            "decisions.csv",
            "policy-changes.csv",
            "tokens.csv",
        ] {
            assert!(soc2.iter().any(|file| *file == name), "{name} is missing: {soc2:?}");
        }
        assert!(text(&all["Soc2"]["findings.csv"]).contains("'=missing"), "no text is a formula");
        assert!(text(&all["Incident"]["calls.csv"]).starts_with("called_at,operation"));
        made.lock().unwrap().push(all);
    })
    .await;
    let made = made.into_inner().unwrap();
    for other in &made[1..] {
        assert!(other == &made[0], "the same bytes of all {} kinds", other.len());
    }
}
