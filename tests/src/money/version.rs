//! Stripe's API versions, and what changed between them for those who count money.

/// In the order of their release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    August2020,
    November2022,
    September2024,
    December2024,
    April2025,
    July2026,
    November2026,
}

impl Version {
    pub const ALL: [Self; 7] = [
        Self::August2020,
        Self::November2022,
        Self::September2024,
        Self::December2024,
        Self::April2025,
        Self::July2026,
        Self::November2026,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::August2020 => "2020-08-27",
            Self::November2022 => "2022-11-15",
            Self::September2024 => "2024-09-30.acacia",
            Self::December2024 => "2024-12-18.acacia",
            Self::April2025 => "2025-04-30.basil",
            Self::July2026 => "2026-07-29.dahlia",
            Self::November2026 => "2026-11-18.endive",
        }
    }

    /// Until 2022-11-15 a charge lists its refunds and an intent its charges.
    pub fn lists_children(self) -> bool {
        self < Self::November2022
    }

    /// Since 2024-10-28 `refund.*` is sent for refunds of charges too.
    pub fn tells_refunds(self) -> bool {
        self >= Self::December2024
    }

    /// Since 2025-03-31 `invoice_payment` objects link, and neither intent nor charge names its invoice.
    pub fn links_by_objects(self) -> bool {
        self >= Self::April2025
    }

    /// Until 2025-03-31 what an authorisation releases looks like a refund: it is in `amount_refunded` and
    /// makes a refund object.
    pub fn refunds_releases(self) -> bool {
        self < Self::April2025
    }
}
