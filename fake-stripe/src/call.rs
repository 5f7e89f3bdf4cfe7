//! A request as it came, and the answer to it.

use serde_json::Value;

use crate::form;

#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Without `/v1`.
    pub(crate) path: String,
    /// Of the query and of the form, decoded and nested; every leaf is text.
    pub(crate) parameters: Value,
    /// The file of a multipart form.
    pub(crate) file: Option<form::File>,
    /// The secret key, as a bearer or as the user of Basic.
    pub(crate) key: String,
    /// The connected account that is asked for, or `""`.
    pub(crate) account: String,
    pub(crate) idempotency_key: Option<String>,
    /// The API's version that is asked for, or `""`.
    pub(crate) version: String,
    /// It came to the host that takes files.
    pub(crate) is_to_files_host: bool,
    /// Given to every request.
    pub(crate) id: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Call {
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    /// What must be alike when a key comes again.
    pub(crate) fn fingerprint(&self) -> String {
        let file = self.file.as_ref().map(|file| (&file.name, file.bytes.len()));
        format!("{} {} {} {file:?}", self.method, self.path, self.parameters)
    }

    /// POST alone heeds an idempotency key.
    pub(crate) fn kept_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref().filter(|_| self.method == "POST")
    }
}

impl Reply {
    pub(crate) fn ok(body: String) -> Self {
        Self { status: 200, body, headers: Vec::new() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
