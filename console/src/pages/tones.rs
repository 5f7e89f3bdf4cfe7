//! How urgent a word looks. A tone is a colour and a sign, never a colour alone; which status an object has is decided
//! elsewhere.

use maud::{Markup, html};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Quiet,
    Good,
    Info,
    Warn,
    Bad,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Self::Quiet => "badge",
            Self::Good => "badge good",
            Self::Info => "badge info",
            Self::Warn => "badge warn",
            Self::Bad => "badge bad",
        }
    }
}

pub fn badge(tone: Tone, text: &str) -> Markup {
    html! { span class=(tone.class()) { (text) } }
}

/// The tone of a status of any kind of object; of several words the first one that has a tone counts.
pub fn of_status(status: &str) -> Tone {
    let words = status.split([',', ' ', '(', ')']).filter(|word| !word.is_empty());
    let mut tone = Tone::Quiet;
    for word in words {
        match word {
            "overdue" | "failed" | "lost" | "banned" | "charged_back" | "dead" | "uncollectible" => {
                return Tone::Bad;
            }
            "resolved" => return Tone::Quiet,
            _ => {}
        }
        let of_word = match word {
            "succeeded" | "paid" | "won" | "applied" | "active" | "exists" | "approved" => Tone::Good,
            "opened"
            | "disputed"
            | "requires_action"
            | "requires_payment_method"
            | "past_due"
            | "unpaid"
            | "partially_charged_back"
            | "incomplete"
            | "needs_approval"
            | "needs_confirmation" => Tone::Warn,
            "processing"
            | "pending"
            | "in_transit"
            | "under_review"
            | "sent"
            | "waiting"
            | "executing"
            | "requires_capture"
            | "requires_confirmation"
            | "trialing" => Tone::Info,
            _ => continue,
        };
        if tone == Tone::Quiet {
            tone = of_word;
        }
    }
    tone
}

/// Of a line of the audit.
pub fn of_severity(severity: &str) -> Tone {
    match severity {
        "critical" => Tone::Bad,
        "warning" => Tone::Warn,
        _ => Tone::Quiet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_looks_late_and_what_is_done_with_does_not() {
        assert_eq!(of_status("opened, overdue"), Tone::Bad);
        assert_eq!(of_status("opened, resolved"), Tone::Quiet);
        assert_eq!(of_status("under_review (inquiry)"), Tone::Info);
        assert_eq!(of_status("invented"), Tone::Quiet);
    }
}
