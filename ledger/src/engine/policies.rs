//! The merchant's policies, from the environment. All workers and commands of one ledger must have the same,
//! because the ledger is derived with them. After a change, `tidegate rebuild --yes` derives everything again.

use std::collections::BTreeSet;

use shared::env::{Env, Problem, Variable};

use domain::policy::Policy;

const BAN_THRESHOLD: Variable = Variable {
    name: "BAN_CHARGEBACKS",
    default: "2",
    example: "3",
    help: "Number of chargebacks that bans a user.",
};
const LIFT_ON_WON: Variable = Variable {
    name: "BAN_LIFT_ON_WON",
    default: "on",
    example: "off",
    help: "`on`: a won dispute no longer counts, so it can lift a ban. `off`: it still counts.",
};
const RETURNED_DEBITS: Variable = Variable {
    name: "BAN_NEVER_REASONS",
    default: "bank_cannot_process,incorrect_account_details,insufficient_funds",
    example: "insufficient_funds",
    help: "Dispute reasons that mean a returned direct debit; these never count as chargebacks.",
};
const RETRY_DAYS: Variable = Variable {
    name: "INVOICE_RETRY_DAYS",
    default: "3,7,14",
    example: "1,3,5",
    help: "Days from each failed payment of an invoice to its next retry. After the last retry fails, the invoice is overdue.",
};
const NEVER_RETRIED: Variable = Variable {
    name: "INVOICE_NEVER_RETRY_CODES",
    default: "authentication_required,do_not_honor,expired_card,fraudulent,highest_risk_level,incorrect_cvc,incorrect_number,lost_card,pickup_card,revocation_of_all_authorizations,revocation_of_authorization,stolen_card,transaction_not_allowed",
    example: "expired_card,stolen_card",
    help: "Failure codes, and reasons of a charge's outcome, after which no retry is planned.",
};
pub const VARIABLES: &[Variable] = &[BAN_THRESHOLD, LIFT_ON_WON, RETURNED_DEBITS, RETRY_DAYS, NEVER_RETRIED];

pub(crate) fn policy(env: &Env) -> Result<Policy, Problem> {
    Ok(Policy {
        ban_threshold: env.number(&BAN_THRESHOLD, 1..=1_000)?,
        lift_on_won: env.parse(&LIFT_ON_WON, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("not `on` or `off`".to_owned()),
        })?,
        returned_debits: env.parse(&RETURNED_DEBITS, |text| Ok(words(text)))?,
        retry_days: env.parse(&RETRY_DAYS, read_days)?,
        never_retried: env.parse(&NEVER_RETRIED, |text| Ok(words(text)))?,
    })
}

/// Every text is a list of words.
fn words(text: &str) -> BTreeSet<String> {
    text.split(',').map(|word| word.trim().to_owned()).collect()
}

fn read_days(text: &str) -> Result<Vec<u16>, String> {
    let days = text.split(',').map(|part| part.trim().parse().ok().filter(|days| (1..=365).contains(days)));
    match days.collect::<Option<Vec<u16>>>() {
        Some(days) if days.len() <= 20 => Ok(days),
        _ => Err("not a list of at most 20 numbers of days, each from 1 to 365".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_defaults_are_the_rules_own() {
        assert_eq!(policy(&Env::of(&[])).unwrap(), Policy::default());
    }

    #[test]
    fn odd_policies_are_refused_by_name() {
        for (name, odd) in [
            ("BAN_CHARGEBACKS", "0"),
            ("BAN_LIFT_ON_WON", "yes"),
            ("INVOICE_RETRY_DAYS", "3,,7"),
            ("INVOICE_RETRY_DAYS", "0"),
        ] {
            assert_eq!(policy(&Env::of(&[(name, odd)])).unwrap_err().name, name);
        }
    }
}
