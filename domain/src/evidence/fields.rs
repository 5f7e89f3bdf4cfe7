//! The fields of a dispute's evidence, by Stripe's names, with their limits.

use std::collections::BTreeMap;

use crate::row::words;

words! {
    /// A field of Stripe's form.
    pub enum EvidenceField {
        AccessActivityLog = "access_activity_log",
        BillingAddress = "billing_address",
        CancellationPolicy = "cancellation_policy",
        CancellationPolicyDisclosure = "cancellation_policy_disclosure",
        CancellationRebuttal = "cancellation_rebuttal",
        CustomerCommunication = "customer_communication",
        CustomerEmailAddress = "customer_email_address",
        CustomerName = "customer_name",
        CustomerPurchaseIp = "customer_purchase_ip",
        CustomerSignature = "customer_signature",
        DuplicateChargeDocumentation = "duplicate_charge_documentation",
        DuplicateChargeExplanation = "duplicate_charge_explanation",
        DuplicateChargeId = "duplicate_charge_id",
        ProductDescription = "product_description",
        Receipt = "receipt",
        RefundPolicy = "refund_policy",
        RefundPolicyDisclosure = "refund_policy_disclosure",
        RefundRefusalExplanation = "refund_refusal_explanation",
        ServiceDate = "service_date",
        ServiceDocumentation = "service_documentation",
        ShippingAddress = "shipping_address",
        ShippingCarrier = "shipping_carrier",
        ShippingDate = "shipping_date",
        ShippingDocumentation = "shipping_documentation",
        ShippingTrackingNumber = "shipping_tracking_number",
        UncategorizedFile = "uncategorized_file",
        UncategorizedText = "uncategorized_text",
    }
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A long text.
    Text,
    /// A short one.
    Line,
    /// Data about a person. It is read from Stripe when the evidence is sent, and kept in no row of ours.
    Personal,
    /// One uploaded file.
    File,
}

pub const TEXT_LIMIT_CHARS: usize = 20_000;
const LINE_LIMIT_CHARS: usize = 5_000;
pub const SUM_LIMIT_CHARS: usize = 150_000;

impl EvidenceField {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.as_str() == name)
    }

    pub fn form(self) -> Form {
        match self {
            Self::AccessActivityLog
            | Self::CancellationPolicyDisclosure
            | Self::CancellationRebuttal
            | Self::DuplicateChargeExplanation
            | Self::ProductDescription
            | Self::RefundPolicyDisclosure
            | Self::RefundRefusalExplanation
            | Self::UncategorizedText => Form::Text,
            Self::DuplicateChargeId
            | Self::ServiceDate
            | Self::ShippingCarrier
            | Self::ShippingDate
            | Self::ShippingTrackingNumber => Form::Line,
            Self::BillingAddress
            | Self::CustomerEmailAddress
            | Self::CustomerName
            | Self::CustomerPurchaseIp
            | Self::ShippingAddress => Form::Personal,
            Self::CancellationPolicy
            | Self::CustomerCommunication
            | Self::CustomerSignature
            | Self::DuplicateChargeDocumentation
            | Self::Receipt
            | Self::RefundPolicy
            | Self::ServiceDocumentation
            | Self::ShippingDocumentation
            | Self::UncategorizedFile => Form::File,
        }
    }
}

/// Why a field of evidence is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    #[error("{name} is no field of a dispute's evidence")]
    Unknown { name: String },
    #[error("{field} takes a file: attach one")]
    TakesFile { field: EvidenceField },
    #[error("{field} takes text, and no file")]
    TakesText { field: EvidenceField },
    #[error(
        "{field} is read from Stripe when the evidence is sent: Tidegate keeps no personal data. If Stripe does not \
         have it, put it into a file, or enter it in Stripe's dashboard"
    )]
    Personal { field: EvidenceField },
    #[error("{field} is empty")]
    Empty { field: EvidenceField },
    #[error("{field} contains a NUL, which is not text")]
    NotText { field: EvidenceField },
    #[error("{field} has {chars} characters; Stripe takes {limit}")]
    TooLong { field: EvidenceField, chars: usize, limit: usize },
    #[error("all texts together have {chars} characters; Stripe takes {SUM_LIMIT_CHARS}")]
    SumTooLong { chars: usize },
}

/// The field that takes such a text.
pub fn check_text(name: &str, text: &str) -> Result<EvidenceField, FieldFault> {
    let field = EvidenceField::named(name).ok_or_else(|| FieldFault::Unknown { name: name.to_owned() })?;
    let limit = match field.form() {
        Form::Text => TEXT_LIMIT_CHARS,
        Form::Line => LINE_LIMIT_CHARS,
        Form::Personal => return Err(FieldFault::Personal { field }),
        Form::File => return Err(FieldFault::TakesFile { field }),
    };
    match text.chars().count() {
        0 => Err(FieldFault::Empty { field }),
        _ if text.contains('\0') => Err(FieldFault::NotText { field }),
        chars if chars > limit => Err(FieldFault::TooLong { field, chars, limit }),
        _ => Ok(field),
    }
}

/// All texts of an answer.
pub fn check_texts(texts: &BTreeMap<String, String>) -> Result<(), FieldFault> {
    for (name, text) in texts {
        check_text(name, text)?;
    }
    check_sum(texts.values().map(String::as_str))
}

/// What comes together, however it came in.
pub fn check_sum<'a>(texts: impl Iterator<Item = &'a str>) -> Result<(), FieldFault> {
    let chars = texts.map(|text| text.chars().count()).sum();
    if chars > SUM_LIMIT_CHARS { Err(FieldFault::SumTooLong { chars }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(EvidenceField, String)]) -> Result<(), FieldFault> {
        check_texts(&fields.iter().map(|(field, text)| (field.to_string(), text.clone())).collect())
    }

    #[test]
    fn each_field_has_its_limit_and_all_together_have_one() {
        let text = |chars| "é".repeat(chars);
        let (long, short) = (EvidenceField::ProductDescription, EvidenceField::ShippingCarrier);
        assert_eq!(of(&[(long, text(20_000))]), Ok(()));
        assert!(of(&[(long, text(20_001))]).unwrap_err().to_string().contains("20001 characters"));
        assert!(of(&[(short, text(5_001))]).is_err() && of(&[(short, String::new())]).is_err());
        assert!(check_text("made_up", "x").unwrap_err().to_string().contains("no field"));
        let texts = EvidenceField::ALL.iter().filter(|field| field.form() == Form::Text);
        let all = |chars| -> Vec<_> { texts.clone().map(|field| (*field, text(chars))).collect() };
        assert_eq!(of(&all(18_750)), Ok(()));
        assert!(of(&all(18_751)).unwrap_err().to_string().contains("150000"));
    }

    #[test]
    fn data_about_a_person_and_files_are_no_texts() {
        for field in EvidenceField::ALL {
            let is_taken = check_text(field.as_str(), "x").is_ok();
            assert_eq!(is_taken, matches!(field.form(), Form::Text | Form::Line), "{field}");
        }
        let personal = EvidenceField::ALL.iter().filter(|field| field.form() == Form::Personal);
        assert_eq!(personal.count(), 5);
    }
}
