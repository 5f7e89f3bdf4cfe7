//! Why a value is none of its policy.

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    #[error("it is on or off")]
    NoSwitch,
    #[error("it is one of: {}", .words.join(", "))]
    NoChoice { words: &'static [&'static str] },
    #[error("it is a whole number of {unit} from {least} to {most}")]
    NoNumber { unit: &'static str, least: i64, most: i64 },
    #[error("it is an amount from {least} to {most}: {fault}")]
    NoMoney { least: String, most: String, fault: String },
    #[error("it is an amount of a currency: add --currency usd")]
    NoCurrency,
    #[error("it is no amount of a currency: leave out --currency")]
    StrayCurrency,
}
