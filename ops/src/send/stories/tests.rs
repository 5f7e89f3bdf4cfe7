//! Holds the stories to what Stripe would send: ids, links, money and sizes that agree.

use serde_json::Value;

use super::*;

const END: i64 = 1_793_491_200;

fn styles() -> impl Iterator<Item = Style> {
    [ApiVersion::Endive, ApiVersion::Basil, ApiVersion::Acacia].into_iter().flat_map(|api_version| {
        (0..6).map(move |seed| Style { seed, api_version, livemode: false, end: END })
    })
}

fn every_story() -> impl Iterator<Item = (Style, ToldStory, Vec<Value>)> {
    styles().flat_map(|style| {
        STORIES.iter().map(move |story| {
            let told = story.told(style, 0, None);
            let events = told.samples.iter().map(|s| serde_json::from_slice(&s.body).unwrap()).collect();
            (style, told, events)
        })
    })
}

#[test]
fn every_event_is_one_of_stripes() {
    for (style, told, events) in every_story() {
        assert!(!events.is_empty());
        for (sample, event) in told.samples.iter().zip(&events) {
            assert_eq!(event["object"], "event");
            assert_eq!(event["id"], sample.id.as_str());
            assert_eq!(event["type"], sample.kind);
            assert_eq!(event["created"], sample.created);
            assert_eq!(event["livemode"], false);
            assert_eq!(event["api_version"], style.api_version.as_str());
            let object = &event["data"]["object"];
            assert!(object["id"].as_str().unwrap().contains('_'), "{}", sample.kind);
            assert!(object["object"].is_string() && object["created"].is_i64(), "{}", sample.kind);
        }
    }
}

#[test]
fn ids_are_distinct_and_events_are_in_order_of_time() {
    for (_, told, _) in every_story() {
        let mut ids: Vec<&str> = told.samples.iter().map(|sample| sample.id.as_str()).collect();
        assert!(told.samples.is_sorted_by_key(|sample| sample.created), "{}", told.story);
        let last = told.samples.last().unwrap().created;
        assert!(last <= END && last > END - 2 * 86_400, "{} ends at its end", told.story);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), told.samples.len());
    }
}

#[test]
fn samples_are_as_large_as_stripes_events() {
    for style in styles() {
        let told = STORIES.iter().map(|story| story.told(style, 0, None));
        let sizes: Vec<usize> = told.flat_map(|told| told.samples).map(|s| s.body.len()).collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((2_500..=5_000).contains(&mean), "{mean} bytes on average");
        assert!(sizes.iter().all(|&size| size < 8_000));
    }
}

#[test]
fn objects_name_each_other_and_agree_on_money() {
    for (style, told, events) in every_story() {
        let objects = |kind: &'static str| {
            events.iter().map(|event| &event["data"]["object"]).filter(move |object| object["object"] == kind)
        };
        let currencies: Vec<_> =
            events.iter().filter_map(|event| event["data"]["object"]["currency"].as_str()).collect();
        assert!(currencies.iter().all(|currency| *currency == currencies[0]));
        for charge in objects("charge") {
            let payment = objects("payment_intent").find(|payment| payment["id"] == charge["payment_intent"]);
            assert_eq!(payment.unwrap()["amount"], charge["amount"], "{}", told.story);
            assert!(charge["amount_refunded"].as_i64() <= charge["amount"].as_i64());
        }
        for dispute in objects("dispute") {
            assert!(
                objects("charge").any(|c| c["id"] == dispute["charge"] && c["amount"] == dispute["amount"])
            );
        }
        for refund in objects("refund") {
            assert!(objects("charge").any(|c| c["id"] == refund["charge"]));
            assert!(refund["amount"].as_i64().unwrap() > 0);
        }
        for paid in objects("invoice").filter(|invoice| invoice["status"] == "paid") {
            assert_eq!(paid["amount_paid"], paid["total"]);
            let linked = if style.api_version.links_by_objects() {
                objects("invoice_payment").any(|link| link["invoice"] == paid["id"])
            } else {
                objects("payment_intent").any(|payment| payment["id"] == paid["payment_intent"])
            };
            assert!(linked, "{} says what paid the invoice", told.story);
        }
    }
}

#[test]
fn links_stand_where_the_api_version_has_them() {
    for (style, told, events) in every_story() {
        let moved = style.api_version.links_by_objects();
        for event in &events {
            let object = &event["data"]["object"];
            match object["object"].as_str().unwrap() {
                "invoice" => assert_eq!(object.get("payment_intent").is_none(), moved, "{}", told.story),
                "charge" => assert_eq!(object.get("invoice").is_none(), moved, "{}", told.story),
                "payment_intent" => {
                    let reference = &object["payment_details"]["order_reference"];
                    let is_named = events.iter().any(|event| event["data"]["object"]["id"] == *reference);
                    let is_billed = told.story != "one-off" && told.story != "canceled";
                    assert_eq!(
                        is_named,
                        style.api_version.refers_to_invoice() && is_billed,
                        "{}",
                        told.story
                    );
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_story_is_told_up_to_the_event_that_was_asked_for() {
    let style = styles().next().unwrap();
    let told = named("dispute-lost").unwrap().told(style, 0, Some("payment_intent.succeeded"));
    assert_eq!(told.samples.last().unwrap().kind, "payment_intent.succeeded");
    assert!(told.cast.iter().all(|named| named.kind != "dispute"), "it has not happened yet");
    for kind in all_kinds(style) {
        assert!(with_event(kind, style).is_some());
    }
}

#[test]
fn no_two_stories_share_an_id_and_one_seed_repeats_itself() {
    let style = styles().next().unwrap();
    let ids = |number| named("paid").unwrap().told(style, number, None).samples.into_iter().map(|s| s.id);
    assert!(ids(0).all(|id| ids(1).all(|other| id != other)));
    assert!(ids(0).eq(ids(0)));
}
