//! TLS to everything that we call, with an authority of ours: a server whose certificate is right is used, and one that
//! is not is refused in words that say why.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use fake_stripe::FakeStripe;
use harness::binaries::binary;
use harness::broker::Broker;
use harness::postgres::Postgres;
use harness::process_guard::{ProcessGuard, until};
use harness::{certificates, tls_front};
use rustix::process::Signal;

/// The certificates of the wrong server, and what each refusal says.
const WRONG: &[(&str, &str)] =
    &[("elsewhere", "not valid for name"), ("expired", "expired"), ("strange", "UnknownIssuer")];

/// Beside other load; the pauses between attempts at a call take longer.
const AT_ONCE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(20);

fn papers() -> anyhow::Result<ProcessGuard> {
    let papers = ProcessGuard::new("tls", Signal::KILL)?;
    let folder = papers.folder();
    certificates::authority(folder, "ca")?;
    certificates::authority(folder, "strangers")?;
    certificates::certificate(folder, "right", "ca", "IP:127.0.0.1")?;
    certificates::certificate(folder, "elsewhere", "ca", "DNS:elsewhere.example")?;
    certificates::expired_certificate(folder, "expired", "ca", "IP:127.0.0.1")?;
    certificates::certificate(folder, "strange", "strangers", "IP:127.0.0.1")?;
    Ok(papers)
}

/// `tidegate` in the folder of the certificates, which trusts our authority alone.
fn tidegate(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary("tidegate"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_clear();
    command.env("SSL_CERT_FILE", folder.join("ca.pem")).env("DATABASE_DEADLINE_SECS", "20");
    Ok(command.envs(settings.iter().copied()).output()?)
}

fn is_used(output: &Output) -> anyhow::Result<()> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn is_refused(output: &Output, words: &str) -> anyhow::Result<()> {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(!output.status.success() && said.contains(words), "{words} in: {said}");
    ensure!(!said.contains("guest:guest"), "no password: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_used_only_with_a_certificate_of_its_host() -> anyhow::Result<()> {
    let papers = papers()?;
    let folder = papers.folder();
    let postgres = Postgres::start().await?;
    let pem = |name: &str| (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let (certificate, key) = pem("right");
    postgres.secure(&certificate, &key).await?;
    let address = postgres.database("secured").await?;
    let url = format!("{address}?sslmode=verify-full&sslrootcert={}", folder.join("ca.pem").display());
    let list = || tidegate(folder, &["migrate"], &[("DATABASE_URL", &url)]);
    until("Postgres to speak TLS", PATIENCE, async || Ok(list()?.status.success())).await?;
    for (name, words) in WRONG {
        let (certificate, key) = pem(name);
        postgres.secure(&certificate, &key).await?;
        until(name, PATIENCE, async || Ok(!list()?.status.success())).await?;
        is_refused(&list()?, words).context(*name)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_and_stripe_are_used_only_with_a_certificate_of_their_host() -> anyhow::Result<()> {
    let papers = papers()?;
    let folder = papers.folder();
    let broker = Broker::shared().await.vhost("secured").await?;
    let (plain, vhost) = broker.rsplit_once('/').context("an address has a virtual host")?;
    let broker: SocketAddr = plain.rsplit_once('@').context("an address has a user")?.1.parse()?;
    let stripe = FakeStripe::start(false).await?;
    let of_stripe: SocketAddr = stripe.url().trim_start_matches("http://").trim_end_matches('/').parse()?;
    let topology = async |name: &str| {
        let port = tls_front::before(broker, folder, name).await?;
        let url = format!("amqps://guest:guest@127.0.0.1:{port}/{vhost}");
        tidegate(folder, &["topology", "--no-wait"], &[("QUEUE_URL", &url)])
    };
    let backfill = async |name: &str| {
        let port = tls_front::before(of_stripe, folder, name).await?;
        let mut settings = stripe.settings();
        settings.retain(|(variable, _)| *variable != "STRIPE_API_URL");
        let url = format!("https://127.0.0.1:{port}");
        let mut settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.push(("STRIPE_API_URL", &url));
        tidegate(folder, &["backfill", "--since", "1h", "--dry-run"], &settings)
    };
    is_used(&tidegate(folder, &["migrate"], &[])?)?;
    is_used(&topology("right").await?).context("the broker")?;
    is_used(&backfill("right").await?).context("Stripe")?;
    for (name, words) in WRONG {
        is_refused(&topology(name).await?, words).with_context(|| format!("the broker, {name}"))?;
        let asked = Instant::now();
        is_refused(&backfill(name).await?, words).with_context(|| format!("Stripe, {name}"))?;
        ensure!(asked.elapsed() < AT_ONCE, "asking again makes no certificate good");
    }
    Ok(())
}
