//! What Stripe's answers mean. Pure.

use domain::api_versions;
use domain::event_families::{Family, gaps, recommended};
use gateway::endpoints::{DEFAULT, Mode};
use stripe_api::{AnswerClass, StripeError, WebhookEndpoint};

use super::{Asked, Ours};
use crate::finding::Finding;
use crate::output::me;

const STRIPE: &str = "Stripe";
const ENDPOINT: &str = "Stripe endpoint";
const EVENTS: &str = "Stripe events";
const KEY: &str = "STRIPE_SECRET_KEY";
const UNAUTHORISED: u16 = 401;
const TYPES_SHOWN: usize = 6;

pub fn judged(asked: Option<&Asked>, ours: &Ours) -> Vec<Finding> {
    let Some(asked) = asked else {
        return vec![Finding::ok(STRIPE, format!("not asked: {KEY} is not set"))];
    };
    let mut findings = vec![account(asked)];
    findings.extend(mode(asked.livemode, ours));
    // What is wrong with the key or with Stripe has been said.
    match &asked.endpoints {
        Ok(endpoints) => findings.extend(endpoints_of(endpoints, asked.livemode, ours)),
        Err(error) if error.is_forbidden() => findings.push(may_not("its endpoints", "Webhook Endpoints")),
        Err(error) if asked.account.is_ok() => findings.push(away(error)),
        Err(_) => {}
    }
    findings
}

fn account(asked: &Asked) -> Finding {
    match &asked.account {
        Ok(account) => {
            let country = account.country.as_ref().map_or(String::new(), |country| format!(", {country}"));
            let text = format!("accepts the key: {} of {}{country}", mode_of(asked.livemode), account.id);
            if account.charges_enabled == Some(false) {
                let advice = "check Stripe's dashboard for what it asks for";
                return Finding::look(
                    STRIPE,
                    format!("{text}; the account may take no payments now"),
                    advice,
                );
            }
            Finding::ok(STRIPE, text)
        }
        Err(error) if error.class() == AnswerClass::KeyRevoked => Finding::act(
            STRIPE,
            format!("rejects the key ({UNAUTHORISED}): it was revoked, or is not a Stripe key"),
            format!(
                "set {KEY}, or {KEY}_FILE, to a key from Stripe's dashboard; until then nothing is compared"
            ),
        ),
        Err(error) if error.is_forbidden() => may_not("its account", "Accounts"),
        Err(error) => away(error),
    }
}

fn may_not(what: &str, permission: &str) -> Finding {
    Finding::look(
        STRIPE,
        format!("accepts the key, but the key may not read {what} (403)"),
        format!("let the restricted key read {permission}, in Stripe's dashboard"),
    )
}

fn away(error: &StripeError) -> Finding {
    Finding::act(
        STRIPE,
        format!("is unreachable: {error}"),
        "check the network and status.stripe.com; webhooks are still accepted, but missing events are not found",
    )
}

fn mode(livemode: bool, ours: &Ours) -> Option<Finding> {
    let takes =
        |mode: &Mode| matches!((mode, livemode), (Mode::Any, _) | (Mode::Live, true) | (Mode::Test, false));
    if ours.endpoints.is_empty() || ours.endpoints.iter().any(|(_, mode)| takes(mode)) {
        return None;
    }
    let (key, other) = (mode_of(livemode), mode_of(!livemode));
    Some(Finding::act(
        STRIPE,
        format!("the key belongs to the {key}, but only events of the {other} are applied here"),
        format!("use a key of the {other}, or change STRIPE_WEBHOOK_MODE"),
    ))
}

fn mode_of(livemode: bool) -> &'static str {
    if livemode { "live mode" } else { "test mode" }
}

fn endpoints_of(endpoints: &[WebhookEndpoint], livemode: bool, ours: &Ours) -> Vec<Finding> {
    let led: Vec<(&WebhookEndpoint, String)> =
        endpoints.iter().filter_map(|endpoint| Some((endpoint, leads_to(&endpoint.url, ours)?))).collect();
    if led.is_empty() {
        return vec![none_leads_here(endpoints, livemode, ours)];
    }
    let mut findings: Vec<Finding> = led.iter().map(|(endpoint, name)| one(endpoint, name)).collect();
    let is_twice = |index: usize| led[..index].iter().any(|(other, _)| other.url == led[index].0.url);
    findings.extend((1..led.len()).filter(|index| is_twice(*index)).map(|index| {
        Finding::look(
            ENDPOINT,
            format!("{} leads to the same place as another: every event arrives twice", led[index].0.id),
            "remove one of them in Stripe's dashboard, unless they have different API versions during a migration",
        )
    }));
    let enabled: Vec<String> = led
        .iter()
        .filter(|(endpoint, _)| endpoint.status == "enabled")
        .flat_map(|(endpoint, _)| endpoint.enabled_events.iter().cloned())
        .collect();
    if !enabled.is_empty() {
        findings.extend(events(&enabled));
    }
    findings
}

fn none_leads_here(endpoints: &[WebhookEndpoint], livemode: bool, ours: &Ours) -> Finding {
    let at = ours.public_url.as_deref().unwrap_or("https://…");
    let urls: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).take(3).collect();
    let found = match urls.as_slice() {
        [] => format!("Stripe has none in the {}", mode_of(livemode)),
        urls => format!(
            "none of the {} in the {} leads here: {}",
            endpoints.len(),
            mode_of(livemode),
            urls.join(", ")
        ),
    };
    let advice = format!(
        "create one for {at}/webhooks/stripe in Stripe's dashboard; `{} events types` lists its events",
        me()
    );
    Finding::act(ENDPOINT, found, advice)
}

/// Which of our endpoints a URL leads to; `None` where it is not ours.
fn leads_to(url: &str, ours: &Ours) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let path = match &ours.public_url {
        Some(public) => url.strip_prefix(public.as_str())?,
        None => &rest[rest.find('/')?..],
    };
    let (prefix, name) = path.split(['?', '#']).next()?.rsplit_once("/webhooks/stripe")?;
    // A proxy in front may have a folder for us; where the address is known, so is the folder.
    if ours.public_url.is_some() && !["", "/api"].contains(&prefix) {
        return None;
    }
    let name = if name.is_empty() { DEFAULT } else { name.strip_prefix('/')? };
    let is_known = ours.endpoints.is_empty() || ours.endpoints.iter().any(|(known, _)| known == name);
    (is_known && !name.contains('/')).then(|| name.to_owned())
}

fn one(endpoint: &WebhookEndpoint, name: &str) -> Finding {
    let version = endpoint.api_version.as_deref();
    let shown = version.map_or("the account's API version".to_owned(), |version| format!("API {version}"));
    let text = format!("{} -> {} ({name}), {}, {shown}", endpoint.id, endpoint.url, endpoint.status);
    if endpoint.status != "enabled" {
        let advice = "enable it in Stripe's dashboard, then fetch the missed events with `backfill --since`";
        return Finding::act(ENDPOINT, text, advice);
    }
    match api_versions::label(version) {
        "known" | "none" => Finding::ok(ENDPOINT, text),
        unknown => Finding::look(
            ENDPOINT,
            format!("{text}: {unknown} than what the rules were written for"),
            "its events are still read; check for dead letters, or create an endpoint with another version",
        ),
    }
}

fn events(enabled: &[String]) -> Vec<Finding> {
    let (missing, unknown) = gaps(enabled);
    let all = recommended().len();
    if missing.is_empty() {
        return vec![Finding::ok(EVENTS, format!("all {all} recommended types are enabled"))];
    }
    let shown = missing.iter().take(TYPES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > TYPES_SHOWN { ", …" } else { "" };
    let advice = format!(
        "add them to the endpoint in Stripe's dashboard, or enable all events; `{} events types` lists them",
        me()
    );
    let missing = Finding::look(
        EVENTS,
        format!("{} of the {all} recommended types are not enabled: {shown}{more}", missing.len()),
        advice,
    );
    let unknown = unknown.into_iter().map(|Family { object, without, .. }| {
        let text = format!("too few types of each {object} are enabled. Without them: {without}");
        Finding { advice: None, ..Finding::look(EVENTS, text.replace('`', ""), "") }
    });
    std::iter::once(missing).chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use stripe_api::{Account, ErrorAnswer};

    use super::*;
    use crate::finding::{Mark, worst};

    fn endpoint(url: &str, events: &[&str]) -> WebhookEndpoint {
        WebhookEndpoint {
            id: "we_1".to_owned(),
            url: url.to_owned(),
            status: "enabled".to_owned(),
            enabled_events: events.iter().map(|kind| (*kind).to_owned()).collect(),
            api_version: None,
            livemode: true,
        }
    }

    fn asked(endpoints: Vec<WebhookEndpoint>) -> Asked {
        let account =
            Account { id: "acct_1".to_owned(), country: Some("DE".to_owned()), charges_enabled: Some(true) };
        Asked { livemode: true, account: Ok(account), endpoints: Ok(endpoints) }
    }

    fn ours(mode: Mode) -> Ours {
        Ours { endpoints: vec![(DEFAULT.to_owned(), mode), ("eu".to_owned(), mode)], public_url: None }
    }

    fn mark(asked: &Asked, ours: &Ours) -> Mark {
        worst(&judged(Some(asked), ours))
    }

    #[test]
    fn an_endpoint_of_ours_with_all_events_is_well_and_without_a_key_nothing_is_said() {
        let good = asked(vec![endpoint("https://a.example/webhooks/stripe", &["*"])]);
        assert_eq!(mark(&good, &ours(Mode::Live)), Mark::Ok);
        assert_eq!(mark(&good, &Ours::default()), Mark::Ok);
        assert_eq!(worst(&judged(None, &ours(Mode::Live))), Mark::Ok);
    }

    #[test]
    fn a_key_of_the_other_mode_and_an_endpoint_that_is_disabled_need_a_person() {
        let good = asked(vec![endpoint("https://a.example/webhooks/stripe", &["*"])]);
        assert_eq!(mark(&good, &ours(Mode::Test)), Mark::Act);
        assert_eq!(mark(&good, &ours(Mode::Any)), Mark::Ok);
        let mut disabled = endpoint("https://a.example/webhooks/stripe", &["*"]);
        disabled.status = "disabled".to_owned();
        assert_eq!(mark(&asked(vec![disabled]), &ours(Mode::Live)), Mark::Act);
        assert_eq!(mark(&asked(Vec::new()), &ours(Mode::Live)), Mark::Act);
    }

    fn answered(status: u16) -> StripeError {
        let answer = ErrorAnswer { status, is_readable: true, ..ErrorAnswer::default() };
        StripeError::Answered(Box::new(answer))
    }

    #[test]
    fn what_stripe_does_not_answer_is_told_apart() {
        let table = [
            (answered(401), Mark::Act, "revoked"),
            (answered(403), Mark::Look, "may not read"),
            (StripeError::Unreachable("refused".to_owned()), Mark::Act, "is unreachable"),
            (answered(500), Mark::Act, "is unreachable"),
        ];
        for (error, expected, words) in table {
            let asked = Asked { livemode: true, account: Err(error.clone()), endpoints: Err(error) };
            let findings = judged(Some(&asked), &ours(Mode::Live));
            assert_eq!(worst(&findings), expected, "{findings:?}");
            assert!(findings[0].found.contains(words), "{findings:?}");
        }
    }

    #[test]
    fn a_url_is_ours_by_its_path_and_where_the_public_address_is_known_by_all_of_it() {
        let table = [
            ("https://a.example/webhooks/stripe", Some(DEFAULT), Some(DEFAULT)),
            ("https://a.example/api/webhooks/stripe", Some(DEFAULT), Some(DEFAULT)),
            ("https://a.example/webhooks/stripe/eu", Some("eu"), Some("eu")),
            ("https://b.example/webhooks/stripe", Some(DEFAULT), None),
            ("https://a.example.b.example/webhooks/stripe", Some(DEFAULT), None),
            ("https://a.example/webhooks/stripe/us", None, None),
            ("https://a.example/webhooks/stripe/", None, None),
            ("https://a.example/hooks", None, None),
            ("https://a.example", None, None),
        ];
        for (url, by_path, by_address) in table {
            let mut ours = ours(Mode::Any);
            assert_eq!(leads_to(url, &ours).as_deref(), by_path, "{url}");
            ours.public_url = Some("https://a.example".to_owned());
            assert_eq!(leads_to(url, &ours).as_deref(), by_address, "{url}");
        }
    }

    #[test]
    fn families_that_are_missing_are_named_with_what_stays_unknown() {
        let some = asked(vec![endpoint("https://a.example/webhooks/stripe", &["payment_intent.succeeded"])]);
        let findings = judged(Some(&some), &ours(Mode::Live));
        let told: Vec<&str> =
            findings.iter().filter(|it| it.name == EVENTS).map(|it| it.found.as_str()).collect();
        assert!(told.len() > 5 && told.iter().any(|text| text.contains("refund")), "{told:?}");
        assert_eq!(worst(&findings), Mark::Look);
        let url = "https://a.example/webhooks/stripe";
        let two = asked(vec![endpoint(url, &["*"]), endpoint(url, &["*"])]);
        assert!(judged(Some(&two), &ours(Mode::Live)).iter().any(|it| it.found.contains("twice")));
    }

    #[test]
    fn an_api_version_that_the_rules_do_not_know_is_shown() {
        for (version, expected) in
            [("2024-06-20", Mark::Ok), ("2015-04-07", Mark::Look), ("2031-01-01.x", Mark::Look)]
        {
            let mut endpoint = endpoint("https://a.example/webhooks/stripe", &["*"]);
            endpoint.api_version = Some(version.to_owned());
            assert_eq!(mark(&asked(vec![endpoint]), &ours(Mode::Live)), expected, "{version}");
        }
    }
}
