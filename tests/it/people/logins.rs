//! Logging in: the first administrator by a code, a second factor that counts once, a wait that grows, and sessions that
//! end. The codes are made here, not by the product.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::{Actor, Asks, KnownBy, NotAuthenticated, authenticate_session};
use desk::acts::invitations::{Acceptance, accept, invite_first};
use desk::acts::login::{
    Attempt, CHALLENGE_VALID_FOR, LoggedIn, LoginRefused, Second, Step, login, second_factor,
};
use desk::acts::password::change_password;
use desk::acts::sessions::forget_old;
use desk::staff_key::StaffKey;
use domain::permissions::{Permission, Role};
use harness::binaries::binary;
use secrecy::{ExposeSecret, SecretString};
use shared::clock;
use shared::env::Env;

use super::desk::{People, each_people, text};
use crate::authenticator::app;

const PASSWORD: &str = "tall ship at dusk";
const NEW: &str = "a taller ship at dawn";
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn key() -> StaffKey {
    StaffKey::from_env(&Env::of(&[("STAFF_KEY", KEY)])).unwrap().unwrap()
}

/// Jane, the first administrator, with her app and her recovery codes.
async fn jane(people: &People, now: DateTime<Utc>) -> (SecretString, Vec<SecretString>) {
    let code = invite_first(&people.ledger, now).await.unwrap().expect("nobody is there yet");
    let secret = desk::totp::new_secret();
    let shown = app(secret.expose_secret(), now);
    let acceptance = Acceptance {
        code: code.expose_secret(),
        name: Some("jane"),
        password: PASSWORD.into(),
        totp: Some((secret.clone(), &shown)),
    };
    let accepted = accept(&people.ledger, acceptance, Some(&key()), now).await.unwrap();
    assert!(invite_first(&people.ledger, now).await.unwrap().is_none(), "there is somebody now");
    (secret, accepted.recovery_codes)
}

/// Both steps; without a second factor the first alone, which must ask for one.
async fn tries(
    people: &People,
    password: &str,
    second: Option<Second<'_>>,
    now: DateTime<Utc>,
) -> Result<LoggedIn, LoginRefused> {
    let attempt = Attempt { name: "jane", password: password.into(), address: "192.0.2.1" };
    let Step::NeedsSecondFactor(challenge) = login(&people.ledger, attempt, now).await? else {
        panic!("jane has a second factor")
    };
    let Some(second) = second else { return Err(LoginRefused::TooLate) };
    second_factor(&people.ledger, challenge.expose_secret(), second, "192.0.2.1", Some(&key()), now).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_the_app_counts_once_and_so_does_a_recovery_code() {
    each_people("factor", async |people| {
        let now = clock::now();
        let (secret, codes) = jane(&people, now).await;
        let code = |now| app(secret.expose_secret(), now);
        let refused = tries(&people, PASSWORD, Some(Second::Totp(&code(now))), now).await;
        assert!(matches!(refused, Err(LoginRefused::WrongCode)), "it was used when it was set up");
        let later = now + TimeDelta::seconds(60);
        let logged_in = tries(&people, PASSWORD, Some(Second::Totp(&code(later))), later).await.unwrap();
        let actor =
            authenticate_session(&people.ledger, logged_in.cookie.expose_secret(), Asks::Person, later)
                .await
                .unwrap();
        assert!(actor.staff() == "jane" && actor.has(Permission::Admin) && !actor.is_program());
        let again = tries(&people, PASSWORD, Some(Second::Totp(&code(later))), later).await;
        assert!(matches!(again, Err(LoginRefused::WrongCode)), "a clock set back brings no code back");

        let recovery = codes[0].expose_secret();
        tries(&people, PASSWORD, Some(Second::Recovery(recovery)), later).await.unwrap();
        let again = tries(&people, PASSWORD, Some(Second::Recovery(recovery)), later).await;
        assert!(matches!(again, Err(LoginRefused::WrongCode)));
        let audit = people.audit("jane").await;
        let refused = audit.iter().filter(|(what, ..)| what == "login refused").count();
        assert_eq!(refused, 3, "{audit:?}");
    })
    .await;
}

/// The first step alone.
async fn begins(people: &People, password: &str, now: DateTime<Utc>) -> SecretString {
    let attempt = Attempt { name: "jane", password: password.into(), address: "192.0.2.1" };
    let Step::NeedsSecondFactor(challenge) = login(&people.ledger, attempt, now).await.unwrap() else {
        panic!("jane has a second factor")
    };
    challenge
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_begun_ends_in_time_and_with_the_password_and_its_codes_are_counted() {
    each_people("challenge", async |people| {
        let now = clock::now();
        let (_, codes) = jane(&people, now).await;
        let goes_on = async |challenge: &SecretString, code: &str, at| {
            let (challenge, code) = (challenge.expose_secret(), Second::Recovery(code));
            second_factor(&people.ledger, challenge, code, "192.0.2.1", Some(&key()), at).await
        };
        let right = |number: usize| codes[number].expose_secret();
        let begun = begins(&people, PASSWORD, now).await;
        for other in [now + CHALLENGE_VALID_FOR, now - TimeDelta::seconds(1)] {
            let refused = goes_on(&begun, right(0), other).await;
            assert!(matches!(refused, Err(LoginRefused::TooLate)), "at {other}");
        }
        goes_on(&begun, right(0), now + CHALLENGE_VALID_FOR - TimeDelta::seconds(1)).await.unwrap();

        let begun = begins(&people, PASSWORD, now).await;
        let jane = Actor::known("jane", [Role::SuperUser].into(), KnownBy::Session, false);
        let changed_at = now + TimeDelta::seconds(1);
        change_password(&people.ledger, PASSWORD.into(), NEW.into(), &jane, "192.0.2.1", changed_at)
            .await
            .unwrap();
        let refused = goes_on(&begun, right(1), now + TimeDelta::seconds(2)).await;
        assert!(matches!(refused, Err(LoginRefused::TooLate)), "whoever knew the old password stays out");

        let begun = begins(&people, NEW, now + TimeDelta::seconds(3)).await;
        let then = now + TimeDelta::seconds(4);
        let mut refused = Vec::new();
        for _ in 0..6 {
            refused.push(goes_on(&begun, "0000-0000", then).await);
        }
        assert!(matches!(refused[..], [.., Err(LoginRefused::Locked { .. })]), "codes cannot be tried out");
        assert!(matches!(goes_on(&begun, right(1), then).await, Err(LoginRefused::Locked { .. })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_waits_longer_and_longer_whatever_the_clock_does() {
    each_people("lockout", async |people| {
        let now = clock::now();
        let (_, codes) = jane(&people, now).await;
        for _ in 0..5 {
            let refused = tries(&people, "tall ship at dawn", None, now).await;
            assert!(matches!(refused, Err(LoginRefused::Wrong)));
        }
        let right = || Some(Second::Recovery(codes[0].expose_secret()));
        for moment in [now, now + TimeDelta::seconds(29), now - TimeDelta::days(2)] {
            let refused = tries(&people, PASSWORD, right(), moment).await;
            assert!(matches!(refused, Err(LoginRefused::Locked { .. })), "even the right one, at {moment}");
        }
        tries(&people, PASSWORD, right(), now + TimeDelta::seconds(31)).await.unwrap();

        // Names that nobody has wait like those of people, so that waiting tells nothing.
        let other = async |name: &str, address: &str| {
            let attempt = Attempt { name, password: "tall ship at dawn".into(), address };
            login(&people.ledger, attempt, now).await.err().unwrap()
        };
        for _ in 0..5 {
            assert!(matches!(other("nobody", "192.0.2.8").await, LoginRefused::Wrong));
        }
        assert!(matches!(other("nobody", "192.0.2.7").await, LoginRefused::Locked { .. }));
        for number in 0..20 {
            assert!(matches!(other(&format!("nobody{number}"), "192.0.2.9").await, LoginRefused::Wrong));
        }
        assert!(matches!(other("jane", "192.0.2.9").await, LoginRefused::Locked { .. }), "the address waits");
        let forgotten = forget_old(&people.ledger, now + TimeDelta::hours(25)).await.unwrap();
        assert!(forgotten >= 22, "{forgotten} counts of a day ago are gone");
        assert!(matches!(other("nobody", "192.0.2.7").await, LoginRefused::Wrong));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_unused_at_its_end_by_hand_and_with_its_person() {
    each_people("sessions", async |people| {
        let now = clock::now();
        let (_, codes) = jane(&people, now).await;
        let mut codes = codes.iter();
        let mut session = async || {
            let second = Some(Second::Recovery(codes.next().unwrap().expose_secret()));
            tries(&people, PASSWORD, second, now).await.unwrap()
        };
        let ledger = &people.ledger;
        let is_open = async |session: &LoggedIn, at: DateTime<Utc>| {
            authenticate_session(ledger, session.cookie.expose_secret(), Asks::Person, at).await.is_ok()
        };
        let one = session().await;
        assert!(is_open(&one, now + TimeDelta::minutes(29)).await);
        assert!(is_open(&one, now + TimeDelta::minutes(58)).await);
        assert!(!is_open(&one, now + TimeDelta::minutes(89)).await, "31 minutes without use");
        assert!(!is_open(&one, now).await, "and a clock set back does not bring it back");
        // A page that renews itself looks every quarter of a minute, and nobody may be there to see it.
        let shown = session().await;
        let renewed = async |minutes: i64| {
            let at = now + TimeDelta::minutes(minutes);
            authenticate_session(ledger, shown.cookie.expose_secret(), Asks::Page, at).await.is_ok()
        };
        assert!(renewed(15).await && renewed(30).await);
        assert!(!renewed(31).await && !is_open(&shown, now + TimeDelta::minutes(16)).await);
        let two = session().await;
        for half_hour in 1..24 {
            assert!(is_open(&two, now + TimeDelta::minutes(30 * half_hour)).await);
        }
        assert!(!is_open(&two, now + TimeDelta::hours(12)).await);
        let three = session().await;
        let listed = people.json(None, &["staff", "sessions"]);
        assert_eq!(listed["items"][0]["id"], three.session.id);
        assert!(
            people.refusal(None, &["staff", "logout", &three.session.id]).contains("lacks the permission")
        );

        let four = session().await;
        let mut tx = ledger.begin().await.unwrap();
        let mut member = tx.member("jane").await.unwrap().unwrap();
        member.disabled_by = Some("the test".to_owned());
        member.disabled_at = Some(now);
        tx.write_member(&member).await.unwrap();
        tx.commit().await.unwrap();
        let refused = authenticate_session(ledger, four.cookie.expose_secret(), Asks::Person, now).await;
        assert!(matches!(refused, Err(NotAuthenticated::Disabled { .. })));
    })
    .await;
}

/// A password is enough for those who read and ask. It is not for those who decide, whenever they come to.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_second_factor_ends_where_its_person_comes_to_need_one() {
    each_people("promoted", async |people| {
        people.said(None, &["staff", "add", "jane", "--role", "support"]);
        let invited = people.json(None, &["staff", "invite", "jane"]);
        let code = invited["code"].as_str().unwrap();
        let acceptance = Acceptance { code, name: None, password: PASSWORD.into(), totp: None };
        let now = clock::now();
        accept(&people.ledger, acceptance, None, now).await.unwrap();
        let attempt = Attempt { name: "jane", password: PASSWORD.into(), address: "192.0.2.1" };
        let Ok(Step::LoggedIn(session)) = login(&people.ledger, attempt, now).await else {
            panic!("a password is enough")
        };
        let acts = async || {
            authenticate_session(&people.ledger, session.cookie.expose_secret(), Asks::Person, now).await
        };
        assert!(acts().await.unwrap().has(Permission::Request));
        people.said(None, &["staff", "roles", "jane", "--role", "billing_manager", "--reason", "promoted"]);
        assert!(matches!(acts().await, Err(NotAuthenticated::SessionEnded)));
    })
    .await;
}

/// The whole way at a terminal, and nothing of it in the ledger as it was typed.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_accepted_at_the_terminal_and_no_secret_is_kept() {
    each_people("accept", async |people| {
        people.said(None, &["staff", "add", "jane", "--role", "super_user"]);
        let invited = people.json(None, &["staff", "invite", "jane"]);
        let code = invited["code"].as_str().unwrap();
        let mut accepting = Command::new(binary("tidegate"))
            .args(["staff", "accept"])
            .env_clear()
            .envs([("DATABASE_URL", people.url()), ("STAFF_KEY", KEY)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut typed = accepting.stdin.take().unwrap();
        writeln!(typed, "{code}\n{PASSWORD}").unwrap();
        let mut shown = BufReader::new(accepting.stderr.take().unwrap()).lines();
        let secret = shown.next().unwrap().unwrap();
        let secret = secret.strip_prefix("secret for the authenticator app: ").expect(&secret).to_owned();
        writeln!(typed, "{}", app(&secret, clock::now())).unwrap();
        let output = accepting.wait_with_output().unwrap();
        let said = text(&output.stdout);
        assert!(output.status.success() && said.starts_with("jane can log in"), "{said}");
        let recovery = said.lines().last().unwrap();

        let mut kept = Vec::new();
        if let Some(path) = people.url().strip_prefix("sqlite:") {
            for file in [path.to_owned(), format!("{path}-wal")] {
                kept.extend(std::fs::read(file).unwrap_or_default());
            }
            assert!(!kept.is_empty());
            for secret in [code, PASSWORD, &secret, recovery] {
                let is_kept = kept.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!is_kept, "a secret stands in the ledger as it was typed");
            }
        }
        let said = people.refusal(None, &["staff", "invite", "jane"]);
        assert!(said.contains("lacks the permission admin"), "there is an administrator now: {said}");
    })
    .await;
}
