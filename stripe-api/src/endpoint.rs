//! The endpoints of Stripe that are called, as a closed list: what calls are counted, measured and spared by.

use hyper::Method;

macro_rules! endpoints {
    ($($name:ident = $method:ident $path:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Endpoint { $($name,)* Other }

        impl Endpoint {
            pub const ALL: &[Self] = &[$(Self::$name,)* Self::Other];

            /// As people write it: `POST /v1/refunds/{id}/cancel`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(stringify!($method), " /v1", $path),)*
                    Self::Other => "other",
                }
            }
        }

        const KNOWN: &[(Endpoint, &str, &str)] = &[$((Endpoint::$name, stringify!($method), $path),)*];
    };
}

endpoints! {
    Account = GET "/account",
    WebhookEndpoints = GET "/webhook_endpoints",
    Events = GET "/events",
    PaymentIntent = GET "/payment_intents/{id}",
    PaymentIntents = GET "/payment_intents",
    CreatePaymentIntent = POST "/payment_intents",
    ConfirmPaymentIntent = POST "/payment_intents/{id}/confirm",
    CapturePaymentIntent = POST "/payment_intents/{id}/capture",
    CancelPaymentIntent = POST "/payment_intents/{id}/cancel",
    Charge = GET "/charges/{id}",
    Charges = GET "/charges",
    Refund = GET "/refunds/{id}",
    Refunds = GET "/refunds",
    CreateRefund = POST "/refunds",
    CancelRefund = POST "/refunds/{id}/cancel",
    Dispute = GET "/disputes/{id}",
    Disputes = GET "/disputes",
    UpdateDispute = POST "/disputes/{id}",
    CloseDispute = POST "/disputes/{id}/close",
    Customer = GET "/customers/{id}",
    PaymentMethod = GET "/payment_methods/{id}",
    CustomerPaymentMethods = GET "/customers/{id}/payment_methods",
    BalanceChanges = GET "/customers/{id}/balance_transactions",
    CreateBalanceChange = POST "/customers/{id}/balance_transactions",
    Subscription = GET "/subscriptions/{id}",
    Subscriptions = GET "/subscriptions",
    CreateSubscription = POST "/subscriptions",
    UpdateSubscription = POST "/subscriptions/{id}",
    CancelSubscription = DELETE "/subscriptions/{id}",
    Invoice = GET "/invoices/{id}",
    UpdateInvoice = POST "/invoices/{id}",
    PayInvoice = POST "/invoices/{id}/pay",
    InvoicePayments = GET "/invoice_payments",
    UploadFile = POST "/files",
    Balance = GET "/balance",
    BalanceTransactions = GET "/balance_transactions",
    Payout = GET "/payouts/{id}",
    Payouts = GET "/payouts",
}

impl Endpoint {
    /// Of a path without `/v1`.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let is_it =
            |(_, known, pattern): &&(Self, &str, &str)| *known == method.as_str() && fits(pattern, path);
        KNOWN.iter().find(is_it).map_or(Self::Other, |(endpoint, _, _)| *endpoint)
    }
}

/// `{id}` stands for any segment.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    let is_alike = |(pattern, given): (&&str, &&str)| *pattern == "{id}" || pattern == given;
    pattern.len() == path.len() && pattern.iter().zip(&path).all(is_alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_endpoint() {
        for (method, path, endpoint) in [
            (Method::POST, "/refunds", Endpoint::CreateRefund),
            (Method::POST, "/refunds/re_1/cancel", Endpoint::CancelRefund),
            (Method::GET, "/refunds/re_1", Endpoint::Refund),
            (Method::DELETE, "/subscriptions/sub_1", Endpoint::CancelSubscription),
            (Method::GET, "/invoice_payments/inpay_1", Endpoint::Other),
        ] {
            assert_eq!(Endpoint::of(&method, path), endpoint, "{path}");
        }
        assert_eq!(Endpoint::CancelRefund.as_str(), "POST /v1/refunds/{id}/cancel");
    }
}
