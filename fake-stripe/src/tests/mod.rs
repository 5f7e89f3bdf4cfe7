//! Each answer, asked for as a client would, without the wire.

mod billing;
mod disputes;
mod idempotency;
mod payments;
mod refunds;

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::form;
use crate::state::{Admission, State};

struct Asker {
    state: State,
    account: String,
    version: String,
}

impl Asker {
    fn new() -> Self {
        Self { state: State::new(7), account: String::new(), version: String::new() }
    }

    fn call(&mut self, line: &str, key: Option<&str>, form: &str) -> Call {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Call {
            method: method.to_owned(),
            path: path.to_owned(),
            parameters: form::tree([query, form]),
            key: self.state.secret_keys[0].clone(),
            account: self.account.clone(),
            idempotency_key: key.map(str::to_owned),
            version: self.version.clone(),
            id: self.state.new_request_id(),
            ..Call::default()
        }
    }

    fn reply(&mut self, line: &str, key: Option<&str>, form: &str) -> Reply {
        let call = self.call(line, key, form);
        match self.state.admit(&call) {
            Admission::Refused(reply) => reply,
            Admission::Admitted { livemode, .. } => self.state.execute(&call, livemode, None),
        }
    }

    fn ask(&mut self, line: &str, form: &str) -> (u16, Value) {
        let reply = self.reply(line, None, form);
        (reply.status, serde_json::from_str(&reply.body).expect("answers are JSON"))
    }

    /// It is done.
    fn done(&mut self, line: &str, form: &str) -> Value {
        let (status, answer) = self.ask(line, form);
        assert_eq!(status, 200, "{line} {form}: {answer}");
        answer
    }

    /// It is refused: the status and the error.
    fn refused(&mut self, line: &str, form: &str) -> (u16, Value) {
        let (status, answer) = self.ask(line, form);
        assert_ne!(status, 200, "{line} {form}: {answer}");
        (status, answer["error"].clone())
    }

    fn admin(&mut self, path: &str, parameters: &Value) -> Value {
        let reply = crate::admin::answer(&mut self.state, "POST", path, &form::of_json(parameters));
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str(&reply.body).expect("answers are JSON")
    }

    fn passes(&mut self, secs: i64) {
        self.admin("/clock", &json!({ "advance_secs": secs }));
    }

    /// A payment that succeeded: the intent.
    fn paid(&mut self, amount: i64, card: &str) -> Value {
        self.done(
            "POST /payment_intents",
            &format!("amount={amount}&currency=usd&payment_method={card}&confirm=true"),
        )
    }

    /// The types of all events so far.
    fn events(&mut self) -> Vec<String> {
        let account = self.account.clone();
        self.state.books(&account, false).events.iter().map(|event| event.kind.clone()).collect()
    }

    /// Net of all balance transactions, and what the balance says.
    fn balance(&mut self) -> (i64, i64) {
        let balance = self.done("GET /balance", "");
        let of = |name: &str| -> i64 {
            let funds = balance[name].as_array().expect("a list");
            funds
                .iter()
                .filter(|fund| fund["currency"] == "usd")
                .filter_map(|fund| fund["amount"].as_i64())
                .sum()
        };
        let list = self.done("GET /balance_transactions?limit=100", "");
        let listed = list["data"].as_array().expect("a list");
        let sum = listed
            .iter()
            .map(|one| one["amount"].as_i64().expect("an amount") - one["fee"].as_i64().expect("a fee"));
        (sum.sum(), of("available") + of("pending"))
    }
}

#[test]
fn an_unknown_key_path_or_parameter_is_refused() {
    let mut stripe = Asker::new();
    let (status, error) = stripe.refused("GET /nothing", "");
    assert_eq!((status, &error["type"]), (404, &json!("invalid_request_error")));
    let (status, error) = stripe.refused("POST /customers", "nmae=x");
    assert_eq!((status, &error["code"], &error["param"]), (400, &json!("parameter_unknown"), &json!("nmae")));
    let mut call = stripe.call("GET /account", None, "");
    call.key = "sk_test_wrong".to_owned();
    let Admission::Refused(reply) = stripe.state.admit(&call) else { panic!("it is refused") };
    assert_eq!(reply.status, 401);
    assert!(reply.body.contains("Invalid API Key provided: sk_test_****"), "{}", reply.body);
}

#[test]
fn accounts_and_modes_see_only_their_own() {
    let mut stripe = Asker::new();
    let charge = stripe.paid(500, "pm_card_visa")["latest_charge"].as_str().unwrap().to_owned();
    stripe.account = "acct_other".to_owned();
    assert_eq!(stripe.refused(&format!("GET /charges/{charge}"), "").0, 404);
    stripe.account = String::new();
    assert_eq!(stripe.done(&format!("GET /charges/{charge}"), "")["livemode"], false);
    let mut call = stripe.call(&format!("GET /charges/{charge}"), None, "");
    call.key = stripe.state.secret_keys[1].clone();
    let Admission::Admitted { livemode: true, .. } = stripe.state.admit(&call) else {
        panic!("it is of the live mode")
    };
    assert_eq!(stripe.state.execute(&call, true, None).status, 404);
}
