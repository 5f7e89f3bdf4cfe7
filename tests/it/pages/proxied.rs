//! Behind a proxy that signs people on: believed where it proves itself, and nobody else.

use super::browser::each_console_with;
use crate::raw_http::ask;

const SECRET: &str = "fedcba9876543210fedcba9876543210";

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_proves_itself_signs_people_on() {
    let settings = [("CONSOLE_PROXY_SECRET", SECRET), ("CONSOLE_SIGN_ON_HEADER", "X-Auth-Request-User")];
    each_console_with("proxied", &settings, async |console| {
        console.person(None, "ada", "super_user");
        let get = async |path: &str, headers: &str| {
            let request = format!("GET {path} HTTP/1.1\r\nhost: desk.example\r\n{headers}connection: close\r\n\r\n");
            ask(console.address, request.into_bytes()).await
        };
        let (proof, user) = (format!("tidegate-proxy-secret: {SECRET}\r\n"), "x-auth-request-user: ada\r\n");
        let me = get("/me", &format!("{proof}{user}")).await;
        assert!(me.status == 200 && me.body.contains("signed on by the proxy"), "{}", me.body);
        for headers in [
            user.to_owned(),
            proof.clone(),
            format!("tidegate-proxy-secret: {}\r\n{user}", SECRET.replace('f', "e")),
            format!("{proof}x-auth-request-user: nobody\r\n"),
            format!("{proof}{user}x-auth-request-user: eve\r\n"),
        ] {
            assert_eq!(get("/me", &headers).await.status, 303, "{headers}");
        }
        // The API knows tokens alone.
        assert_eq!(get("/api/v1/payments", &format!("{proof}{user}")).await.status, 401);
        let body = "reason=moving&once=form_0123456789abcdef";
        let pause = format!(
            "POST /do/api/v1/workers/pause HTTP/1.1\r\nhost: desk.example\r\nsec-fetch-site: same-origin\r\n{proof}{user}\
             connection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let cross = pause.replace("same-origin", "cross-site");
        assert_eq!(ask(console.address, cross.into_bytes()).await.status, 403);
        assert_eq!(ask(console.address, pause.into_bytes()).await.status, 303);
        let paused = console.ledger.lasting_pause().await.unwrap().unwrap();
        assert_eq!((paused.paused_by.as_str(), paused.reason.as_str()), ("ada (sign-on)", "moving"));
    })
    .await;
}
