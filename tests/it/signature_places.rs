//! Over HTTP: a MAC that is right in every place but one, or right in part, earns what any other wrong one does.

use gateway::signature::Refusal;
use stripe_sim::signature;

use crate::in_process_gateway::{Edge, PATH, SECRET, event};
use crate::raw_http::{Raw, ask, post};

const DIGITS: usize = 64;
const BITS: usize = 4 * DIGITS;
/// None of these answers is to be late.
const PROMPT: [(&str, &str); 1] = [("GATEWAY_REFUSAL_DELAY_SECS", "0")];

/// The event, signed now, with what is made of its MAC.
fn request(body: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
    let time = shared::clock::now().timestamp().to_string();
    let mac = change(signature(SECRET, &time, body));
    post(PATH, &[&format!("stripe-signature: t={time},v1={mac}")], body)
}

/// The digit at this place with these of its bits turned.
fn turned(mac: &str, place: usize, bits: u32) -> String {
    let digit = mac[place..=place].chars().next().and_then(|digit| digit.to_digit(16)).expect("a hex digit");
    format!("{}{:x}{}", &mac[..place], digit ^ bits, &mac[place + 1..])
}

async fn refused(edge: &Edge, reason: Refusal) -> f64 {
    let reason = reason.label();
    edge.metric(&format!("tidegate_signature_refusals_total{{endpoint=\"default\",reason=\"{reason}\"}}"))
        .await
}

#[tokio::test]
async fn a_mac_that_is_right_in_every_place_but_one_is_refused() {
    let edge = Edge::start_with(&PROMPT).await;
    let body = event("evt_1", 100);
    for bit in 0..BITS {
        let wrong = request(&body, |mac| turned(&mac, bit / 4, 1 << (bit % 4)));
        let reply = ask(edge.address, wrong).await;
        assert_eq!((reply.status, reply.closes()), (400, true), "bit {bit}");
        assert_eq!(reply.body, r#"{"error":"signature refused"}"#, "bit {bit}");
    }
    for place in 0..DIGITS {
        let wrong = request(&body, |mac| turned(&mac, place, 0xf));
        assert_eq!(ask(edge.address, wrong).await.status, 400, "place {place}");
    }
    assert_eq!(edge.waiting().await, 0, "nothing is stored");
    let expected = f64::from(u16::try_from(BITS + DIGITS).expect("a few hundred"));
    assert!((refused(&edge, Refusal::WrongMac).await - expected).abs() < 0.5);
    assert_eq!(ask(edge.address, request(&body, |mac| mac)).await.status, 200, "the right one is accepted");
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_mac_that_is_cut_padded_or_put_together_from_halves_is_refused() {
    let edge = Edge::start_with(&PROMPT).await;
    let body = event("evt_1", 100);
    let zeros = "0".repeat(DIGITS);
    let halves = |mac: &str| [mac[..32].to_owned() + &zeros[..32], zeros[..32].to_owned() + &mac[32..]];
    let table: [(&str, &dyn Fn(String) -> String); 12] = [
        ("the first half", &|mac| mac[..32].to_owned()),
        ("the last half", &|mac| mac[32..].to_owned()),
        ("all but the last digit", &|mac| mac[..63].to_owned()),
        ("all but the last byte", &|mac| mac[..62].to_owned()),
        ("all but the first digit", &|mac| mac[1..].to_owned()),
        ("one digit more", &|mac| mac + "0"),
        ("one digit before", &|mac| format!("0{mac}")),
        ("twice", &|mac| mac.repeat(2)),
        ("in capitals", &|mac| mac.to_uppercase()),
        ("the right first half", &|mac| halves(&mac)[0].clone()),
        ("the right last half", &|mac| halves(&mac)[1].clone()),
        ("both halves, each in its own", &|mac| halves(&mac).join(",v1=")),
    ];
    for (what, change) in table {
        let reply = ask(edge.address, request(&body, change)).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"signature refused"}"#), "{what}");
    }
    assert_eq!(edge.waiting().await, 0);
    let mut raw = Raw::open(edge.address).await;
    assert_eq!(raw.exchange(request(&body, |mac| format!("{zeros},v1={mac}"))).await.status, 200);
    edge.end().await.unwrap();
}
