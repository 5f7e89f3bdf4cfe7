//! Where one request ends and the next begins, and what becomes of senders that are slow, oversized or lie
//! about it. Nothing of this may be stored, and nothing behind it may be read as a request.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::in_process_gateway::{Edge, PATH, event, signed};
use crate::raw_http::{Raw, ask, head, post};

const LIMIT_BYTES: usize = 524_288;

fn good_post() -> Vec<u8> {
    let body = event("evt_1", 100);
    post(PATH, &[&signed(&body)], &body)
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_a_byte_of_it() {
    let edge = Edge::start().await;
    let length = format!("content-length: {}", LIMIT_BYTES + 1);
    for lines in [&[length.as_str()][..], &[&length, "expect: 100-continue"]] {
        let mut raw = Raw::open(edge.address).await;
        let reply = raw.exchange(head("POST", PATH, lines)).await;
        assert_eq!((reply.status, reply.closes()), (413, true), "and no 100 before it");
        assert!(raw.reads_end().await);
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_body_of_the_greatest_size_is_accepted_and_one_byte_more_is_not() {
    let edge = Edge::start().await;
    let frame = event("evt_1", 0).len();
    let largest = event("evt_1", LIMIT_BYTES - frame);
    assert_eq!(largest.len(), LIMIT_BYTES);
    assert_eq!(ask(edge.address, post(PATH, &[&signed(&largest)], &largest)).await.status, 200);
    assert_eq!(edge.envelope().await.body.len(), LIMIT_BYTES);
    // In chunks nobody knows the size beforehand. The whole body is sent before the answer is read.
    let larger = event("evt_1", LIMIT_BYTES - frame + 1);
    let mut chunked = head("POST", PATH, &[&signed(&larger), "transfer-encoding: chunked"]);
    chunked.extend_from_slice(format!("{:x}\r\n", larger.len()).as_bytes());
    chunked.extend_from_slice(&larger);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let mut raw = Raw::open(edge.address).await;
    let reply = raw.exchange(chunked).await;
    assert_eq!((reply.status, reply.closes()), (413, true));
    assert!(raw.reads_end().await);
    assert_eq!(edge.waiting().await, 0);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_sender_that_goes_on_sending_still_learns_why_it_was_refused() {
    let edge = Edge::start().await;
    let too_much = post(PATH, &[], &vec![b'x'; 2_000_000]);
    for _ in 0..20 {
        let mut raw = Raw::open_narrow(edge.address).await;
        // Most clients look for an answer only after that; one that fails in writing reports just this.
        assert!(raw.send(&too_much).await, "the connection is not reset under the sender");
        assert_eq!(raw.reply().await.unwrap().status, 413);
        assert!(raw.reads_end().await);
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_its_head_is_good() {
    let edge = Edge::start().await;
    let body = event("evt_1", 100);
    let length = format!("content-length: {}", body.len());
    let mut raw = Raw::open(edge.address).await;
    let asked = raw.exchange(head("POST", PATH, &[&signed(&body), &length, "expect: 100-continue"])).await;
    assert_eq!(asked.status, 100);
    assert_eq!(raw.exchange(&body).await.status, 200);
    for bad in ["stripe-signature: t=1", "x: y"] {
        let reply = ask(edge.address, head("POST", PATH, &[bad, &length, "expect: 100-continue"])).await;
        assert_eq!((reply.status, reply.closes()), (400, true));
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn slow_heads_are_cut_off_and_idle_connections_are_not() {
    let edge = Edge::start_with(&[("GATEWAY_HEADER_DEADLINE_SECS", "1")]).await;
    let mut idle = Raw::open(edge.address).await;
    assert_eq!(idle.exchange(good_post()).await.status, 200);
    let mut idle_after_get = Raw::open(edge.address).await;
    assert_eq!(idle_after_get.exchange(head("GET", "/api/health", &[])).await.status, 200);
    let mut slow_again = Raw::open(edge.address).await;
    assert_eq!(slow_again.exchange(good_post()).await.status, 200);
    slow_again.send("POST /webhooks").await;
    let (mut silent, mut slow) = (Raw::open(edge.address).await, Raw::open(edge.address).await);
    slow.send("POST /webhooks/stripe HTTP/1.1\r\n").await;
    let began = Instant::now();
    assert!(silent.reads_end().await && slow.reads_end().await && slow_again.reads_end().await);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // A byte now and then is no excuse.
    let mut trickle = Raw::open(edge.address).await;
    let dripping = async {
        loop {
            trickle.send("x").await;
            sleep(Duration::from_millis(100)).await;
        }
    };
    let open = async || edge.metric("tidegate_connections_open").await;
    tokio::select! {
        () = dripping => {}
        () = async { while open().await > 2.5 { sleep(Duration::from_millis(50)).await } } => {}
    }
    for raw in [&mut idle, &mut idle_after_get] {
        assert_eq!(raw.exchange(good_post()).await.status, 200, "silence between requests may be longer");
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn slow_bodies_are_answered_408() {
    let edge = Edge::start_with(&[("GATEWAY_BODY_DEADLINE_SECS", "1")]).await;
    let line = signed(b"");
    let mut nothing = Raw::open(edge.address).await;
    nothing.send(head("POST", PATH, &[&line, "content-length: 10"])).await;
    let mut partial = Raw::open(edge.address).await;
    partial.send(post(PATH, &[&line, "content-length: 10"], b"")).await;
    let mut endless = Raw::open(edge.address).await;
    endless.send(head("POST", PATH, &[&line, "transfer-encoding: chunked"])).await;
    endless.send("5\r\nhello\r\n").await;
    let mut dripping = Raw::open(edge.address).await;
    dripping.send(head("POST", PATH, &[&line, "content-length: 10000"])).await;
    for raw in [&mut nothing, &mut endless] {
        let reply = raw.reply().await.unwrap();
        assert_eq!((reply.status, reply.closes()), (408, true));
        assert!(raw.reads_end().await);
    }
    assert_eq!(dripping.exchange("x").await.status, 408);
    assert_eq!(partial.reply().await.unwrap().status, 400, "two lengths that differ");
    assert_eq!(edge.waiting().await, 0);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn answers_that_nobody_takes_are_given_up() {
    let edge = Edge::start_with(&[("GATEWAY_HEADER_DEADLINE_SECS", "1")]).await;
    let many = head("GET", "/api/health", &[]).repeat(1_000);
    let mut deaf = Raw::open_narrow(edge.address).await;
    while deaf.send(&many).await {}
    let series = "tidegate_connections_failed_total{fault=\"too_slow\"}";
    assert!((edge.metric(series).await - 1.0).abs() < f64::EPSILON);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_their_order() {
    let edge = Edge::start().await;
    let mut raw = Raw::open(edge.address).await;
    raw.send([good_post(), head("GET", "/api/health", &[]), good_post()].concat()).await;
    assert_eq!(raw.reply().await.unwrap().body, r#"{"received":true}"#);
    assert!(raw.reply().await.unwrap().body.contains("version"));
    assert_eq!(raw.reply().await.unwrap().body, r#"{"received":true}"#);
    assert_eq!(edge.waiting().await, 2);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn nothing_behind_an_error_is_read_as_a_request() {
    let edge = Edge::start().await;
    let chunked = [head("POST", PATH, &["transfer-encoding: chunked"]), b"0\r\n\r\n".to_vec()].concat();
    for (first, status) in [
        (post(PATH, &[], b"{}"), 400),
        (post(PATH, &[&signed(b"{}")], b"{}"), 400),
        (post("/other", &[], b"{}"), 404),
        (head("GET", PATH, &[]), 405),
        (post(PATH, &["content-encoding: gzip"], b"{}"), 415),
        (chunked, 400),
    ] {
        let mut raw = Raw::open(edge.address).await;
        let reply = raw.exchange([first, good_post()].concat()).await;
        assert_eq!((reply.status, reply.closes()), (status, true));
        assert!(raw.reads_end().await, "after {status}");
    }
    assert_eq!(edge.waiting().await, 0);
    edge.end().await.unwrap();
}

/// Two statements of a body's length are the raw material of smuggled requests: what the length covers and
/// the chunks do not is another request for one of two servers.
#[tokio::test]
async fn a_request_hidden_behind_two_lengths_is_never_answered() {
    let edge = Edge::start().await;
    let hidden = good_post();
    let length = format!("content-length: {}", hidden.len() + 5);
    let chunks = "transfer-encoding: chunked";
    for lines in [[length.as_str(), chunks], [chunks, &length]] {
        for first in [PATH, "/api/health"] {
            let mut raw = Raw::open(edge.address).await;
            raw.send([head("POST", first, &lines), b"0\r\n\r\n".to_vec(), hidden.clone()].concat()).await;
            let reply = raw.reply().await.unwrap();
            assert!((400..500).contains(&reply.status) && reply.closes(), "{reply:?}");
            assert!(raw.reads_end().await);
        }
    }
    let mut get = Raw::open(edge.address).await;
    get.send([head("GET", "/api/health", &[&length, chunks]), b"0\r\n\r\n".to_vec(), hidden].concat()).await;
    assert!(get.reply().await.unwrap().closes());
    assert!(get.reads_end().await);
    assert_eq!(edge.waiting().await, 0);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn bad_framing_is_refused() {
    let edge = Edge::start().await;
    let line = signed(b"");
    let with = |lines: &[&str], rest: &str| [head("POST", PATH, lines), rest.into()].concat();
    let long_uri = format!("/{}", "x".repeat(70_000));
    let many: Vec<String> = (0..101).map(|n| format!("x-{n}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let wide = format!("x: {}", "y".repeat(20_000));
    let table: [(&str, Vec<u8>); 18] = [
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("no version", b"POST /webhooks/stripe\r\n\r\n".to_vec()),
        ("a version to come", b"POST /webhooks/stripe HTTP/3.0\r\n\r\n".to_vec()),
        ("a blank before the colon", with(&["content-length : 0"], "")),
        ("a folded line", with(&["x: a\r\n b"], "")),
        ("a NUL in a value", with(&["x: a\0b"], "")),
        ("a length that is no number", with(&[&line, "content-length: abc"], "{}")),
        ("a negative length", with(&[&line, "content-length: -1"], "{}")),
        ("a length with a sign", with(&[&line, "content-length: +2"], "{}")),
        ("an overflowing length", with(&[&line, "content-length: 99999999999999999999"], "{}")),
        ("two lengths", with(&[&line, "content-length: 2", "content-length: 3"], "{}")),
        ("an unknown transfer encoding", with(&[&line, "transfer-encoding: gzip"], "{}")),
        ("chunked, but not last", with(&[&line, "transfer-encoding: chunked, gzip"], "0\r\n\r\n")),
        ("a chunk without a size", with(&[&line, "transfer-encoding: chunked"], "zz\r\n\r\n")),
        (
            "a chunk that is longer than it says",
            with(&[&line, "transfer-encoding: chunked"], "1\r\nab\r\n0\r\n\r\n"),
        ),
        ("too many lines", with(&many, "")),
        ("a line too long", with(&[&wide], "")),
    ];
    for (what, bytes) in table {
        let mut raw = Raw::open(edge.address).await;
        raw.send([bytes, good_post()].concat()).await;
        if let Some(reply) = raw.reply().await {
            assert!((400..500).contains(&reply.status) && reply.closes(), "{what}: {reply:?}");
            assert!(raw.reads_end().await, "{what}");
        }
    }
    let mut raw = Raw::open(edge.address).await;
    raw.send(head("POST", &long_uri, &[])).await;
    assert!(raw.reply().await.is_none_or(|reply| [414, 431].contains(&reply.status)));
    assert_eq!(edge.waiting().await, 0);
    edge.end().await.unwrap();
}

/// Proxies pass a bare LF on as part of a value; a server that ends a line there reads another request.
#[tokio::test]
async fn a_bare_line_feed_in_a_head_is_refused_however_the_head_arrives() {
    let edge = Edge::start().await;
    let body = event("evt_1", 100);
    let good = post(PATH, &[&signed(&body)], &body);
    let end = good.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends") + 4;
    let places: Vec<usize> = (0..end).filter(|at| good[*at] == b'\r').collect();
    for at in places {
        let bad = [&good[..at], &good[at + 1..]].concat();
        for cut in [0, at / 2, at, at + 1] {
            let mut raw = Raw::open(edge.address).await;
            let (first, rest) = bad.split_at(cut);
            raw.send(first).await;
            tokio::task::yield_now().await;
            raw.send([rest, &good_post()].concat()).await;
            let reply = raw.reply().await.unwrap_or_else(|| panic!("no answer: {at}, cut at {cut}"));
            assert_eq!(reply.status, 400, "{at}, cut at {cut}");
            assert!(raw.reads_end().await, "nothing behind it is read as a request");
        }
    }
    let only = head("GET", "/api/health", &[]).into_iter().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
    assert_eq!(ask(edge.address, only).await.status, 400, "no CR at all");
    assert_eq!(edge.waiting().await, 0);
    let refused = edge.metric("tidegate_connections_failed_total{fault=\"bad_request\"}").await;
    assert!(refused > 10.5, "{refused}");
    let lines = String::from_utf8(event("evt_1", 100)).unwrap().replace(',', ",\n\n").into_bytes();
    let spaced = [b"\r\n\r\n".to_vec(), post(PATH, &[&signed(&lines)], &lines)].concat();
    assert_eq!(
        ask(edge.address, spaced).await.status,
        200,
        "a body may have them, and empty lines come first"
    );
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_request_for_no_host_or_for_two_is_refused() {
    let edge = Edge::start().await;
    let with = |lines: &str, version: &str| {
        let mut request = format!("POST {PATH} HTTP/{version}\r\n{lines}{}\r\n", signed(b"{}")).into_bytes();
        request.extend_from_slice(b"content-length: 2\r\n\r\n{}");
        [request, good_post()].concat()
    };
    for lines in [
        "",
        "host: a\r\nhost: a\r\n",
        "host: a\r\nHost: b\r\n",
        "host: a, b\r\n",
        "host: a b\r\n",
        "host: a/b\r\n",
        "host: u@a\r\n",
    ] {
        let mut raw = Raw::open(edge.address).await;
        let reply = raw.exchange(with(lines, "1.1")).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"not one good host"}"#), "{lines}");
        assert!(reply.closes() && raw.reads_end().await, "{lines}");
    }
    for (lines, version) in [("host: a.example:8080\r\n", "1.1"), ("host: [::1]\r\n", "1.1"), ("", "1.0")] {
        let reply = ask(edge.address, with(lines, version)).await;
        assert_eq!(reply.body, r#"{"error":"not a Stripe event"}"#, "{lines}: its host is in order");
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_body_in_a_coding_that_is_not_chunked_alone_is_refused() {
    let edge = Edge::start().await;
    let body = event("evt_1", 10);
    let chunks =
        [format!("{:x}\r\n", body.len()).into_bytes(), body.clone(), b"\r\n0\r\n\r\n".to_vec()].concat();
    let table: [(&[&str], u16); 9] = [
        (&["transfer-encoding: gzip, chunked"], 501),
        (&["transfer-encoding: gzip", "transfer-encoding: chunked"], 501),
        (&["transfer-encoding: identity, chunked"], 501),
        (&["transfer-encoding: chunked, chunked"], 400),
        (&["transfer-encoding: chunked", "transfer-encoding: chunked"], 400),
        (&["transfer-encoding: chunked, gzip"], 400),
        (&["transfer-encoding: gzip"], 400),
        (&["transfer-encoding:"], 400),
        (&["transfer-encoding: chunked"], 200),
    ];
    for (lines, status) in table {
        let mut raw = Raw::open(edge.address).await;
        let head = head("POST", PATH, &[lines, &[&signed(&body)]].concat());
        let reply = raw.exchange([head, chunks.clone(), good_post()].concat()).await;
        assert_eq!((reply.status, reply.closes()), (status, true), "{lines:?}");
        assert!(raw.reads_end().await, "{lines:?}");
    }
    assert_eq!(edge.waiting().await, 1);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_length_beyond_all_numbers_is_refused_like_one_beyond_the_limit() {
    let edge = Edge::start().await;
    let table = [
        ("524289", 413),
        ("9223372036854775808", 413),
        ("18446744073709551613", 413),
        ("18446744073709551616", 400),
        ("99999999999999999999999999999999999999999", 400),
    ];
    for (length, status) in table {
        let request = head("POST", PATH, &[&signed(b"{}"), &format!("content-length: {length}")]);
        let reply = ask(edge.address, request).await;
        assert_eq!((reply.status, reply.closes()), (status, true), "{length}");
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_not_stored() {
    let edge = Edge::start().await;
    let body = event("evt_1", 1_000);
    let request = post(PATH, &[&signed(&body)], &body);
    for cut in [1, body.len() / 2, body.len() - 1] {
        let mut raw = Raw::open(edge.address).await;
        raw.send(&request[..request.len() - cut]).await;
        drop(raw);
    }
    let abandoned = "tidegate_webhooks_total{endpoint=\"default\",outcome=\"abandoned\"}";
    let broken = "tidegate_webhooks_total{endpoint=\"default\",outcome=\"broken_body\"}";
    while edge.metric(abandoned).await + edge.metric(broken).await < 2.5 {
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(edge.waiting().await, 0);
    assert!(edge.metric("tidegate_webhooks_in_flight").await < 0.5);
    edge.end().await.unwrap();
}
