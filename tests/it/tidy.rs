//! The layout is held by tests: what is pure, where SQL and AMQP may stand, how long a file may be, who
//! depends on whom, and that the pages agree with the code.

mod checks;
mod house;
mod pages;
mod source;

use harness::binaries::workspace;
use shared::env::Variable;

use self::source::{File, Finding, tree};

#[test]
fn rules_are_pure() {
    holds(checks::impurities);
}

#[test]
fn sql_stands_in_the_ledger_and_the_embedded_queue_only() {
    holds(checks::strayed_sql);
}

#[test]
fn lapin_stands_in_one_place_only() {
    holds(checks::strayed_lapin);
}

#[test]
fn one_file_knows_the_dialects() {
    holds(checks::strayed_dialect);
}

#[test]
fn views_are_data_and_pages_only_render_them() {
    holds(checks::mixed_views);
}

#[test]
fn every_file_says_what_it_is_for() {
    holds(checks::missing_headings);
}

#[test]
fn files_are_short() {
    holds(checks::long_files);
}

#[test]
fn names_say_something() {
    holds(checks::empty_names);
}

#[test]
fn arrows_run_down_and_the_rules_are_built_on_nothing_impure() {
    holds(house::arrows_that_run_up);
}

#[test]
fn files_import_each_other_in_no_circle() {
    holds(house::circles);
}

/// `scripts/house` shows it.
#[test]
fn the_picture_of_the_house() {
    let picture = house::picture(&tree(workspace()));
    println!("{picture}");
    for (upper, lower) in [("ops", "worker"), ("worker", "desk"), ("desk", "ledger"), ("ledger", "domain")] {
        let place = |name: &str| picture.find(&format!("  {name} ")).expect(name);
        assert!(place(upper) < place(lower), "{upper} stands on {lower}");
    }
}

#[test]
fn nothing_unfinished_and_no_path_of_a_machine_is_in_the_tree() {
    holds(checks::leftovers);
}

#[test]
fn no_test_is_ignored_without_a_reason() {
    holds(checks::ignored_tests);
}

#[test]
fn no_page_of_the_code_has_an_example_that_is_never_tried() {
    holds(checks::untried_examples);
}

#[test]
fn what_other_crates_wait_for_is_built_once() {
    holds(checks::doors_built_again);
}

#[test]
fn decisions_are_numbered_without_gaps() {
    holds(checks::unruly_decisions);
}

#[test]
fn the_tree_has_the_documents_that_people_look_for() {
    let files = tree(workspace());
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE",
        "docs/README.md",
        "docs/glossary.md",
        "docs/adr/0001-",
    ] {
        assert!(files.iter().any(|file| file.path.starts_with(path)), "{path} is missing");
    }
}

#[test]
fn the_readme_is_short() {
    holds(pages::long_readme);
}

#[test]
fn links_lead_somewhere() {
    holds(pages::broken_links);
}

#[test]
fn the_files_that_pages_name_exist() {
    holds(pages::missing_files);
}

#[test]
fn the_index_names_every_page() {
    holds(pages::unlisted_pages);
}

#[test]
fn the_configuration_page_shows_every_variable_as_the_code_has_it() {
    let variables: Vec<Variable> = [
        gateway::VARIABLES,
        worker::VARIABLES,
        worker::NOTICE_VARIABLES,
        console::VARIABLES,
        stripe_api::VARIABLES,
        ledger::VARIABLES,
        desk::acts::VARIABLES,
        ledger::POLICY_VARIABLES,
        shared::queue::VARIABLES,
        shared::telemetry::VARIABLES,
        shared::spans::VARIABLES,
        shared::env::VARIABLES,
    ]
    .concat();
    holds(|files| {
        let page = files.iter().find(|file| file.path == "docs/configuration.md").expect("it is there");
        checks::undocumented_variables(page, &variables)
    });
}

fn holds(check: impl Fn(&[File]) -> Vec<Finding>) {
    let findings = check(&tree(workspace()));
    let shown: Vec<String> =
        findings.iter().map(|found| format!("{}:{}: {}", found.path, found.line, found.advice)).collect();
    assert!(findings.is_empty(), "\n{}\n", shown.join("\n"));
}

/// The checks can fail: each finds the line that was made wrong on purpose.
mod samples {
    use super::*;

    fn found_at(check: impl Fn(&[File]) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        check(&[file]).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn impure_rules_are_found() {
        let text = "//! Rule.\nfn a() {}\nasync fn b() {}\nuse std::time::Instant;\nlet t = clock::now();\n\
                    use std::collections::HashMap;\n// tokio in a comment\n#[derive(sqlx::FromRow)]\n#[cfg(test)]\nmod tests { use tokio; }\n";
        assert_eq!(found_at(checks::impurities, "domain/src/payments.rs", text), [3, 4, 5, 6]);
        assert!(found_at(checks::impurities, "worker/src/process.rs", text).is_empty());
        let tests_elsewhere = "//! Rule.\n#[cfg(test)]\nmod tests;\n\nasync fn a() {}\n";
        assert_eq!(found_at(checks::impurities, "domain/src/payments.rs", tests_elsewhere), [5]);
    }

    #[test]
    fn strayed_sql_is_found() {
        let text = "//! Page.\nlet q = \"SELECT id\n FROM payments\";\nuse sqlx::query;\n// INSERT INTO is only said here\n\
                    let x = r#\"DELETE FROM events\"#;\nlet y = \"UPDATE payments SET a = 1\";\n";
        assert_eq!(found_at(checks::strayed_sql, "worker/src/process.rs", text), [2, 4, 6, 7]);
        assert_eq!(found_at(checks::strayed_sql, "gateway/src/routes.rs", text), [2, 4, 6, 7]);
        for home in [
            "ledger/src/tables/payments.rs",
            "shared/src/queue/sqlite.rs",
            "shared/src/queue/sqlite/writer.rs",
        ] {
            assert!(found_at(checks::strayed_sql, home, text).is_empty());
        }
    }

    #[test]
    fn strayed_lapin_is_found() {
        let text = "//! Page.\nuse lapin::Channel;\n";
        assert_eq!(found_at(checks::strayed_lapin, "worker/src/consume.rs", text), [2]);
        assert!(found_at(checks::strayed_lapin, "shared/src/queue/rabbitmq/publish.rs", text).is_empty());
    }

    #[test]
    fn strayed_dialects_are_found() {
        let text = "//! Payments.\nconst A: &str = \"SELECT unnest($1::text[])\";\nlet now = now();\n\
                    const B: &str = \"WHERE id = ANY($1)\";\nconst C: &str = \"WHERE at < now()\";\n\
                    const D: &str = \"SELECT $1::bigint\";\nconst E: &str = \"SELECT id FROM payments\";\n";
        assert_eq!(found_at(checks::strayed_dialect, "ledger/src/tables/payments.rs", text), [2, 4, 5, 6]);
        assert!(found_at(checks::strayed_dialect, "ledger/src/engine/rows.rs", text).is_empty());
        let migration = "-- not now\nCREATE TABLE a (b JSONB);\n";
        assert_eq!(found_at(checks::strayed_dialect, "migrations/ledger/0009_a.sql", migration), [2]);
    }

    #[test]
    fn views_that_render_and_pages_that_gather_are_found() {
        let view = "//! View.\nprintln!();\nlet now = clock::now();\n// println in a comment\n\"a Table\";\n";
        assert_eq!(found_at(checks::mixed_views, "desk/src/views/payment.rs", view), [2, 3]);
        let page = "//! Page.\nuse ledger::{Ledger, Transaction};\nfn a(world: &World) {}\n";
        assert_eq!(found_at(checks::mixed_views, "ops/src/show/payment.rs", page), [2, 3]);
        assert!(found_at(checks::mixed_views, "ops/src/table.rs", view).is_empty());
    }

    #[test]
    fn missing_headings_long_files_and_empty_names_are_found() {
        assert_eq!(found_at(checks::missing_headings, "a/src/b.rs", "use c;\n//! Late.\n"), [1]);
        assert_eq!(found_at(checks::long_files, "a/src/b.rs", &"x\n".repeat(401)), [401, 1]);
        assert_eq!(found_at(checks::long_files, "a/src/b.rs", &"x\n".repeat(149)), [0; 0]);
        assert_eq!(found_at(checks::empty_names, "a/src/helpers.rs", ""), [1]);
        assert_eq!(found_at(checks::empty_names, "a/src/utils/b.rs", ""), [1]);
        assert!(found_at(checks::empty_names, "a/src/uncommon.rs", "").is_empty());
    }

    #[test]
    fn an_arrow_that_runs_up_is_found() {
        let manifest = |path: &str, below: &str| File {
            path: path.to_owned(),
            text: format!("[package]\nname = \"x\"\n[dependencies]\n{below}.workspace = true\n[lints]\n"),
        };
        let found = |path, below| house::arrows_that_run_up(&[manifest(path, below)]).len();
        for (path, below) in [
            ("domain/Cargo.toml", "ledger"),
            ("domain/Cargo.toml", "tokio"),
            ("gateway/Cargo.toml", "domain"),
            ("ledger/Cargo.toml", "stripe-api"),
            ("shared/Cargo.toml", "gateway"),
            ("worker/Cargo.toml", "clap"),
        ] {
            assert!(found(path, below) > 0, "{path} on {below}");
        }
        for (path, below) in
            [("domain/Cargo.toml", "envelope"), ("ops/Cargo.toml", "gateway"), ("desk/Cargo.toml", "ledger")]
        {
            assert_eq!(found(path, below), 0, "{path} on {below}");
        }
    }

    #[test]
    fn a_circle_is_found_and_the_face_of_a_module_is_none() {
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let circle = [
            file("ops/src/a/mod.rs", "use crate::b::{self, run};\n"),
            file("ops/src/a/part.rs", "use super::Thing;\n"),
            file("ops/src/b.rs", "use crate::{a::{part::X, part::Y}, c};\n"),
            file("ops/src/c.rs", "fn f() { crate::a::go() }\n"),
        ];
        let found = house::circles(&circle);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].advice.contains("3 files: ops/src/a/mod.rs, ops/src/b.rs, ops/src/c.rs"),
            "{found:?}"
        );
        assert_eq!(house::circles(&circle[..3]), []);
        let tests_only = file("ops/src/b.rs", "#[cfg(test)]\nmod tests { use crate::a; }\n");
        assert_eq!(house::circles(&[file("ops/src/a/mod.rs", "use crate::b;\n"), tests_only]), []);
    }

    #[test]
    fn leftovers_are_found() {
        let text = format!("fine\n// {}: later\n{}me/jane/x\n{}mp/x\n", concat!("TO", "DO"), "/ho", "/t");
        assert_eq!(found_at(checks::leftovers, "gateway/src/a.rs", &text), [2, 3, 4]);
    }

    #[test]
    fn ignored_tests_without_a_reason_are_found() {
        let text = "//! T.\n#[ignore]\nfn a() {}\n#[ignore = \"by hand\"]\nfn b() {}\n// #[ignore]\n";
        assert_eq!(found_at(checks::ignored_tests, "tests/it/a.rs", text), [2]);
    }

    #[test]
    fn examples_that_nothing_runs_are_found() {
        let text = "//! ```text\n//! a\n//! ```\n/// ```\n/// b();\n/// ```\nfn b() {}\n// ```\n";
        assert_eq!(found_at(checks::untried_examples, "domain/src/a.rs", text), [4]);
    }

    #[test]
    fn doors_that_are_built_again_are_found() {
        let text = "//! Acts.\npub async fn a(x: &X) -> Y {}\n#[shared::built_once]\npub async fn b() {}\n\
                    pub async fn c<T: Kind>(x: T) {}\npub async fn d(\n    f: impl Fn(),\n) {\n}\npub async fn e<'a>(x: &'a X) {}\n";
        assert_eq!(found_at(checks::doors_built_again, "desk/src/acts/a.rs", text), [2, 10]);
        assert!(found_at(checks::doors_built_again, "ops/src/a.rs", text).is_empty());
    }

    #[test]
    fn gaps_between_decisions_are_found() {
        let decisions = ["0001-a.md", "0003-b.md"].map(|name| File {
            path: format!("docs/adr/{name}"),
            text: "# A decision\n\nStatus: accepted\n".to_owned(),
        });
        let findings = checks::unruly_decisions(&decisions);
        assert_eq!(
            findings.iter().map(|found| found.path.as_str()).collect::<Vec<_>>(),
            ["docs/adr/0003-b.md"]
        );
    }

    #[test]
    fn rows_that_differ_from_the_code_are_found() {
        let variable = |name, default| Variable { name, default, example: "", help: "Either `a` or `b`." };
        let variables = [variable("RIGHT", "a"), variable("OTHER", ""), variable("ABSENT", "a")];
        let text =
            "| `RIGHT` | `a` | Either `a` or `b`. |\n| `OTHER` | `a` | Either. |\n| `STALE` |  | Gone. |\n";
        let page = File { path: "docs/configuration.md".to_owned(), text: text.to_owned() };
        let lines: Vec<usize> =
            checks::undocumented_variables(&page, &variables).iter().map(|found| found.line).collect();
        assert_eq!(lines, [2, 3, 1]);
    }
}
