//! Stripe's API versions, and what moved between them.

/// In the order of their release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    August2020,
    November2022,
    Acacia,
    Basil,
    Dahlia,
    Endive,
}

impl ApiVersion {
    pub const ALL: [Self; 6] =
        [Self::August2020, Self::November2022, Self::Acacia, Self::Basil, Self::Dahlia, Self::Endive];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::August2020 => "2020-08-27",
            Self::November2022 => "2022-11-15",
            Self::Acacia => "2024-09-30.acacia",
            Self::Basil => "2025-04-30.basil",
            Self::Dahlia => "2026-07-29.dahlia",
            Self::Endive => "2026-11-18.endive",
        }
    }

    /// Until 2022-11-15 a payment listed its charges and a charge its refunds.
    pub fn lists_children(self) -> bool {
        self < Self::November2022
    }

    /// Since 2025-03-31 nothing but an invoice and its `invoice_payment` objects says who paid what.
    pub fn links_by_objects(self) -> bool {
        self >= Self::Basil
    }

    /// Stripe names the invoice as the order that a payment is for. It did not always, so one version is enough.
    pub fn refers_to_invoices(self) -> bool {
        self >= Self::Endive
    }
}
