//! `tidegate notices`: what people and programs were told, and where notices go.

mod list;
mod targets;

use std::fmt::Write as _;

use anyhow::bail;
use desk::acts::notices::{Span, lift_suppression, replay};
use desk::views::notices::{NoticeView, notice, preview, previews};
use shared::clock;
use shared::env::Env;

use crate::cli::{LiftSuppressionOptions, NoticesCommand, NoticesReplayOptions, PreviewOptions};
use crate::failure::{refused, wrongly_called};
use crate::table::{Table, clean};
use crate::{open, output, staff, time_option, when};

pub async fn run(env: &Env, command: &NoticesCommand) -> anyhow::Result<()> {
    match command {
        NoticesCommand::List(options) => list::list(env, options).await,
        NoticesCommand::Show(options) => show(env, &options.id, options.shape.json).await,
        NoticesCommand::Replay(options) => send_again(env, options).await,
        NoticesCommand::Lift(options) => lift(env, options).await,
        NoticesCommand::Preview(options) => show_preview(options),
        NoticesCommand::Targets(command) => targets::run(env, command).await,
    }
}

async fn show(env: &Env, id: &str, json: bool) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let cards = staff::cards(&ledger, env).await?;
    let found = open::answer(&ledger, notice(&ledger, id, cards)).await?;
    ledger.close().await;
    let Some(view) = found else { bail!("there is no notice {id}: `tidegate notices list` lists them") };
    if json {
        return output::print_json(&view);
    }
    output::print(&page(&view))
}

fn page(view: &NoticeView) -> String {
    let NoticeView { notice, data, deliveries } = view;
    let mut page = format!(
        "{} {}  {} {} number {}\n  severity     {}\n  occurred     {}\n  noted        {}{}\n",
        notice.id(),
        notice.kind,
        notice.object_kind,
        clean(&notice.object_id),
        notice.number,
        notice.severity,
        when::whole(notice.occurred_at),
        when::whole(notice.noted_at),
        if notice.is_old { "  (too old then: sent to nobody)" } else { "" },
    );
    for (name, value) in data.iter().filter(|(_, value)| !value.is_null()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(page, "  {name:<12} {}", clean(&text)).expect("a String takes every write");
    }
    if deliveries.is_empty() {
        return page + "  no target wanted it\n";
    }
    let mut table = Table::default()
        .text("TARGET")
        .text("STATE")
        .number("ATTEMPTS")
        .text("NEXT")
        .text("ENDED")
        .prose("MESSAGE", 60);
    for delivery in deliveries {
        let is_pending = delivery.state == domain::notices::delivery::DeliveryState::Pending;
        table.row([
            delivery.target.clone(),
            delivery.state.to_string(),
            delivery.attempts.to_string(),
            if is_pending { when::whole(delivery.next_at) } else { String::new() },
            delivery.ended_at.map(when::whole).unwrap_or_default(),
            delivery.message.clone().unwrap_or_default(),
        ]);
    }
    page + "\n" + &table.render()
}

async fn send_again(env: &Env, options: &NoticesReplayOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let moment = |name: &str, text: &str| {
        time_option::past(text, now).map_err(|fault| wrongly_called(format!("{name}: {fault}")))
    };
    let since = moment("--since", &options.since)?;
    let until = options.until.as_deref().map_or(Ok(now), |text| moment("--until", text))?;
    let span = Span { since, until, all: options.all };
    let (ledger, by) = options.by.actor(env).await?;
    let sent = replay(&ledger, &options.target, span, &by, now).await.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&serde_json::json!({"target": options.target, "notices": sent}));
    }
    output::print(&format!("{sent} notices will be sent to {}\n", options.target))
}

async fn lift(env: &Env, options: &LiftSuppressionOptions) -> anyhow::Result<()> {
    let address = targets::address_from_input("The address: ")?.into();
    let (ledger, by) = options.by.actor(env).await?;
    let key = staff::key::of(env)?;
    let lifted = lift_suppression(&ledger, &address, &options.reason, key.as_ref(), &by, clock::now()).await;
    lifted.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&serde_json::json!({"lifted": true}));
    }
    output::print("customers' notices go to this address again\n")
}

fn show_preview(options: &PreviewOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let Some(name) = &options.name else {
        return output::print(&(previews(now).join("\n") + "\n"));
    };
    let Some(message) = preview(name, now) else {
        return Err(wrongly_called(format!(
            "there is no template {name}; there are: {}",
            previews(now).join(", ")
        )));
    };
    if options.shape.json {
        let document =
            serde_json::json!({"subject": message.subject, "text": message.text, "html": message.html});
        return output::print_json(&document);
    }
    if options.html {
        return output::print(&message.html);
    }
    output::print(&format!("Subject: {}\n\n{}", message.subject, message.text))
}
