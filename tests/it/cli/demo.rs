//! `up --demo` as a new user meets it: what its greeting tells to type works, and two people refund a large payment in it,
//! at the command line and over HTTP. And `fake-stripe` beside a Tidegate that is told to use it.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use harness::api::Api;
use harness::binaries::{binary, workspace};
use harness::ports::free_range;
use harness::process_guard::until;
use serde_json::{Value, json};

use super::laptop::{Laptop, PATIENCE, text};

/// A command that the greeting tells, typed into a shell as it stands.
fn typed(laptop: &Laptop, settings: &[(&str, &str)], lines: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", lines]).current_dir(laptop.guard.folder()).stdin(Stdio::null());
    let output =
        shell.env_clear().env("PATH", "/usr/bin:/bin").envs(settings.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{lines}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The line of a greeting with these words, without its indent.
fn line_of<'g>(greeting: &'g str, words: &str) -> &'g str {
    let line = greeting.lines().find(|line| line.contains(words));
    line.unwrap_or_else(|| panic!("no line with {words}: {greeting}")).trim()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_refund_a_large_payment_in_a_demo() {
    let laptop = Laptop::new();
    let port = free_range(12);
    let up = laptop.start(&["up", "--demo", "--port", &port.to_string()], &[]);
    let greeting = greeted(&laptop).await;
    let exports = line_of(&greeting, "export TIDEGATE_DATA_DIR=").strip_prefix("export ").unwrap();
    let pairs = exports.split(' ').map(|pair| pair.split_once('=').unwrap());
    let settings: Vec<(&str, &str)> = pairs.chain([("TIDEGATE_STAFF", "me")]).collect();
    let json = |token: &str, arguments: &[&str]| -> Value {
        let settings = [&settings[..], &[("TIDEGATE_TOKEN", token)]].concat();
        let output = laptop.command(&[arguments, &["--json"]].concat(), &settings).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
    };

    let [add, ann, ben, request] =
        ["staff add ann", "ANN=$(", "BEN=$(", "refunds request"].map(|words| line_of(&greeting, words));
    let lines = format!("{add}\n{ann}\n{ben}\n{request} >&2\nprintf '%s %s' \"$ANN\" \"$BEN\"");
    let said = typed(&laptop, &settings, &lines);
    let (ann, ben) = said.lines().last().unwrap().split_once(' ').unwrap();
    let waiting = json(ann, &["approvals", "list"])["items"][0].clone();
    let id = waiting["id"].as_str().unwrap_or_else(|| panic!("{waiting}")).to_owned();
    assert!(waiting["does"].as_str().unwrap().starts_with("refund 6,000.00 USD of payment pi_"), "{waiting}");

    // Ben, who asked, is refused over HTTP; Ann approves there.
    let console = Api { address: SocketAddr::from(([127, 0, 0, 1], port + 3)), token: None };
    let approve = format!("/api/v1/operations/{id}/approve");
    assert_eq!(console.by(ben).post(&approve, &json!({})).await.status, 403);
    let approved = console.by(ann).post(&approve, &json!({"reason": "the boat was never there"})).await;
    assert_eq!(approved.status, 202, "{}", approved.text);
    let succeeds = until("the refund to be sent", PATIENCE, async || {
        let shown = console.by(ann).get(&format!("/api/v1/operations/{id}")).await.json();
        anyhow::ensure!(shown["operation"]["state"] != "failed", "{shown}");
        Ok(shown["operation"]["state"] == "succeeded" && shown["refund_status"] == "succeeded")
    });
    assert!(succeeds.await.is_ok(), "{}", laptop.log());

    // The other way round: asked for over HTTP, approved at the command line.
    std::fs::write(
        laptop.path("list.csv"),
        format!("# a list\n{}\npi_nope,5.00\n", small_payment(&greeting)),
    )
    .unwrap();
    let batch = laptop.command(&["refunds", "batch", "list.csv"], &settings).output().unwrap();
    let told = text(&batch.stderr);
    assert!(told.contains("line 3: the ledger knows no payment pi_nope"), "{told}");
    let small = small_payment(&greeting);
    let body = json!({"kind": "refund", "payment": small, "amount": 100, "confirm": true});
    let asked = console.by(ben).post("/api/v1/operations", &body).await.json();
    assert_eq!(asked["requires_approval"], true, "{asked}");
    let id = asked["operation"]["id"].as_str().unwrap();
    let done = json(ann, &["approvals", "approve", id, "--yes"]);
    assert_eq!(done["operation"]["approved_by"], "ann", "{done}");

    // The dispute of the day waits for an answer, and its draft says where each value comes from.
    let dispute = line_of(&greeting, "disputes evidence draft").rsplit(' ').next().unwrap();
    let draft = json(ann, &["disputes", "evidence", "draft", dispute]);
    assert_eq!(draft["standing"], "draft", "{draft}");
    assert!(
        !draft["fields"][0]["from"].as_array().unwrap().is_empty()
            || draft["fields"][0]["source"] == "stripe"
    );
    laptop.ends_well(up);
}

/// What `up --demo` prints when its day has been delivered.
async fn greeted(laptop: &Laptop) -> String {
    let greets =
        until("the demo to greet", PATIENCE, async || Ok(laptop.greeting().contains("without its Stripe")));
    assert!(greets.await.is_ok(), "{}", laptop.log());
    laptop.greeting()
}

/// The payment that the greeting would have refunded.
fn small_payment(greeting: &str) -> &str {
    let line = line_of(greeting, "payment_intent=").split("payment_intent=").nth(1).unwrap();
    line.split(' ').next().unwrap()
}

/// What docs/marketplace.md tells to type.
fn example_of_the_marketplace(me: &str) -> String {
    let page = std::fs::read_to_string(workspace().join("docs/marketplace.md")).unwrap();
    let example = page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(example.contains("/checkout"), "{example}");
    example.replace("\ntidegate ", &format!("\n{me} "))
}

/// The lines of a greeting that may be typed, without their titles and the line that makes the export.
fn commands(greeting: &str) -> Vec<&str> {
    const TITLE_CHARS: usize = 12;
    let demo = greeting.split_once("\n  demo ").unwrap().1.lines().skip(1);
    let lines = demo.take_while(|line| !line.starts_with("  people")).map(|line| line[TITLE_CHARS..].trim());
    lines
        .filter(|line| {
            ["tidegate", "TIDEGATE_", "curl", "ANN=", "BEN="]
                .iter()
                .any(|word| line.starts_with(word) || line.contains("/tidegate "))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_that_a_demo_prints_works_as_it_is_typed() {
    let laptop = Laptop::new();
    let port = free_range(12);
    let up = laptop.start(&["up", "--demo", "--port", &port.to_string()], &[]);
    let greeting = greeted(&laptop).await;
    let (again, typed_there): (Vec<&str>, Vec<&str>) =
        commands(&greeting).into_iter().partition(|line| line.contains(" up"));
    // One line has an id that the line above it shows.
    let id = "$(TIDEGATE_TOKEN=$ANN ME approvals list --json | grep -o 'op_[A-Za-z0-9]*' | head -1)";
    let me = binary("tidegate").display().to_string();
    let script: Vec<String> =
        typed_there.iter().map(|line| line.replace("op_…", &id.replace("ME", &me))).collect();
    let export = line_of(&greeting, "export TIDEGATE_DATA_DIR=");
    for words in ["show user_gil", "listings list", "refunds request", "approvals approve", "curl"] {
        assert!(script.iter().any(|line| line.contains(words)), "no line has {words}: {script:?}");
    }
    let example = example_of_the_marketplace(&me);
    let script = format!("{export}\n{}\n{example}", script.join("\n"));
    let said = typed(&laptop, &[("USER", "me")], &script);
    for shown in
        ["user_gil  banned", "lst_loft", "Moderation rejected it: a counterfeit", "refund 6,000.00 USD"]
    {
        assert!(said.contains(shown), "no {shown}: {said}");
    }

    // What left by itself, did: moderation's refund and the fee that was paid twice, and nothing waits for a person.
    let pairs = export.strip_prefix("export ").unwrap().split(' ').map(|pair| pair.split_once('=').unwrap());
    let settings: Vec<(&str, &str)> = pairs.chain([("USER", "me")]).collect();
    let json = |arguments: &[&str]| -> Value {
        let output = laptop.command(&[arguments, &["--json"]].concat(), &settings).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
    };
    // Whoever looks into the wrong mode, at an unknown payment, or asks for less than nothing, is told so.
    for (arguments, says) in [
        (&["kpi"][..], "with --test-mode"),
        (&["report", "day"], "with --test-mode"),
        (
            &["refunds", "eligible", "pi_nope", "--amount", "5.00"],
            "refund payment pi_nope\nIt would be refused: the payment pi_nope is not in the ledger.",
        ),
        (&["listings", "show", "lst_nope"], "no listing lst_nope in the ledger"),
        (&["help", "listings"], "PUT /api/v1/marketplace/listings/ID"),
    ] {
        let output = laptop.command(arguments, &settings).output().unwrap();
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
    let small = small_payment(&greeting);
    let negative =
        laptop.command(&["refunds", "eligible", small, "--amount", "-5"], &settings).output().unwrap();
    assert!(text(&negative.stderr).contains("`-5` is less than nothing"), "{}", text(&negative.stderr));
    let gone_back = until("what is owed to go back", PATIENCE, async || {
        let listed = json(&["operations", "list"]);
        let by_itself = |item: &&Value| item["requested_by"].as_str().unwrap().starts_with("tidegate");
        let states: Vec<String> = { listed["items"].as_array().unwrap().iter() }
            .filter(by_itself)
            .map(|item| item["state"].as_str().unwrap().to_owned())
            .collect();
        anyhow::ensure!(!states.iter().any(|state| state == "needs_approval"), "{listed}");
        let sold = json(&["listings", "show", "lst_4711"])["listing"]["status"] == "active";
        Ok(sold && states.len() == 2 && states.iter().all(|state| state == "succeeded"))
    });
    assert!(gone_back.await.is_ok(), "{}", json(&["operations", "list"]));
    laptop.ends_well(up);

    // The same data once more, as the last line says.
    let last = again.iter().find(|line| line.starts_with("TIDEGATE_DATA_DIR=")).unwrap();
    let mut shell = laptop.guard.command("sh");
    shell.args(["-c", &format!("{export}; exec env {last}")]).env_clear().env("PATH", "/usr/bin:/bin");
    shell.env("USER", "me").stdout(std::fs::File::create(laptop.path("greeting")).unwrap());
    shell.stderr(std::fs::File::create(laptop.path("log")).unwrap());
    let up = laptop.guard.spawn(&mut shell).unwrap();
    let greets = until("it to greet", PATIENCE, async || Ok(laptop.greeting().contains("try next")));
    assert!(greets.await.is_ok(), "{}", laptop.log());
    let sold = json(&["listings", "show", "lst_4711"]);
    assert_eq!(sold["listing"]["status"], "active", "the example of docs/marketplace.md: {sold}");
    let watch = json(&["listings", "show", "lst_watch"]);
    assert_eq!(watch["listing"]["status"], "rejected", "{watch}");
    assert_eq!(watch["payments"][0]["says"], "5.00 USD was paid, and went back.", "{watch}");
    laptop.ends_well(up);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fake_stripe_tells_a_tidegate_that_is_told_to_use_it() {
    let mut laptop = Laptop::new();
    let port = free_range(2);
    let mut fake = laptop.guard.command(binary("tidegate"));
    let url = format!("http://{}/webhooks/stripe", laptop.gateway);
    fake.args(["fake-stripe", "--port", &port.to_string(), "--webhook-url", &url]);
    fake.env_clear().env("PATH", "/usr/bin:/bin");
    fake.stdout(std::fs::File::create(laptop.path("fake")).unwrap());
    let fake = laptop.guard.spawn(&mut fake).unwrap();
    let told = || std::fs::read_to_string(laptop.path("fake")).unwrap();
    let greets =
        until("the fake Stripe to greet", PATIENCE, async || Ok(told().contains("Try, with the ids")));
    greets.await.unwrap();
    let greeting = told();
    let settings = line_of(&greeting, "STRIPE_API_URL=");
    let pairs: Vec<(String, String)> = settings
        .split(' ')
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let names = pairs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["STRIPE_API_URL", "STRIPE_FILES_URL", "STRIPE_SECRET_KEY"]);
    for (name, (_, value)) in
        ["STRIPE_API_URL", "STRIPE_FILES_URL", "STRIPE_SECRET_KEY"].into_iter().zip(pairs)
    {
        laptop.settings.push((name, value));
    }
    let up = laptop.up().await;
    let pay = line_of(&greeting, "payment_method=pm_card_visa");
    let paid: Value = serde_json::from_str(&typed(&laptop, &[], &pay.replace("curl ", "curl -s "))).unwrap();
    let id = paid["id"].as_str().unwrap_or_else(|| panic!("{paid}"));
    let comes = until("the webhook to be applied", PATIENCE, async || {
        let listed = laptop.json(&["payments", "list", "--json"]);
        Ok(listed.as_array().unwrap().iter().any(|payment| payment["id"] == id))
    });
    assert!(comes.await.is_ok(), "{}", laptop.log());
    let again = laptop.refusal(&["fake-stripe", "--port", &port.to_string()], &[], 1);
    assert!(again.contains("are not free: choose others with --port"), "{again}");
    laptop.ends_well(up);
    laptop.ends_well(fake);
}
