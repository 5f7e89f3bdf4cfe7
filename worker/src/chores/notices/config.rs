//! How notices leave: the mail server, and what customers read of the merchant.

use std::collections::BTreeMap;
use std::path::Path;

use domain::notices::texts::own_template;
use secrecy::SecretString;
use shared::env::{Env, Problem, Variable, read_secret_file};

const SMTP_URL: Variable = Variable {
    name: "NOTICE_SMTP_URL",
    default: "",
    example: "smtp://tidegate@mail.example:587",
    help: "The mail server for notices: `smtp://` with STARTTLS, `smtps://` with TLS from the beginning, or `smtp+plain://` without TLS, for a relay on this machine. Without it no mail is sent.",
};
const SMTP_PASSWORD: Variable = Variable {
    name: "NOTICE_SMTP_PASSWORD",
    default: "",
    example: "a password",
    help: "The password of the user in NOTICE_SMTP_URL.",
};
const SMTP_PASSWORD_FILE: Variable = Variable {
    name: "NOTICE_SMTP_PASSWORD_FILE",
    default: "",
    example: "/run/secrets/smtp-password",
    help: "A file with that password. Use it instead of NOTICE_SMTP_PASSWORD.",
};
const FROM: Variable = Variable {
    name: "NOTICE_MAIL_FROM",
    default: "tidegate@localhost",
    example: "billing@shop.example",
    help: "The sender's address of notices by mail.",
};
const MERCHANT: Variable = Variable {
    name: "NOTICE_MERCHANT",
    default: "Your payment team",
    example: "Example Shop",
    help: "The name that customers know; it signs notices to them.",
};
const UNSUBSCRIBE_URL: Variable = Variable {
    name: "NOTICE_UNSUBSCRIBE_URL",
    default: "",
    example: "https://shop.example/mail-settings",
    help: "Where customers unsubscribe from reminders that are not about a debt, such as that of an expiring card.",
};
const CONSOLE_URL: Variable = Variable {
    name: "NOTICE_CONSOLE_URL",
    default: "",
    example: "https://tidegate.example",
    help: "The console's address, for links in notices to staff.",
};
const TEMPLATES_DIR: Variable = Variable {
    name: "NOTICE_TEMPLATES_DIR",
    default: "",
    example: "/etc/tidegate/notices",
    help: "A folder with templates that replace the built-in ones of the same name, such as dunning_1.txt.",
};
pub const VARIABLES: &[Variable] = &[
    SMTP_URL,
    SMTP_PASSWORD,
    SMTP_PASSWORD_FILE,
    FROM,
    MERCHANT,
    UNSUBSCRIBE_URL,
    CONSOLE_URL,
    TEMPLATES_DIR,
];

#[derive(Clone, Debug)]
pub struct NoticeConfig {
    pub smtp: Option<SmtpConfig>,
    pub from: String,
    pub merchant: String,
    pub unsubscribe: Option<String>,
    pub console: Option<String>,
    /// Those that replace the built-in ones, by their names.
    pub templates: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct SmtpConfig {
    pub security: Security,
    pub host: String,
    pub port: u16,
    pub user: Option<(String, SecretString)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing is said before the server has begun TLS.
    StartTls,
    Tls,
    None,
}

impl NoticeConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        let url = |variable: &Variable| {
            let given = env.given(variable.name).map(|text| text.trim_end_matches('/').to_owned());
            match given {
                Some(text) if !text.starts_with("https://") && !text.starts_with("http://") => {
                    Err(variable.problem("not an address that begins with https://".to_owned()))
                }
                given => Ok(given),
            }
        };
        let from = env.text(&FROM);
        if !domain::notices::is_mail_address(&from) {
            return Err(FROM.problem("not an address such as billing@shop.example".to_owned()));
        }
        let templates = match env.given(TEMPLATES_DIR.name) {
            Some(folder) => own_templates(Path::new(folder)).map_err(|fault| TEMPLATES_DIR.problem(fault))?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            smtp: smtp(env)?,
            from,
            merchant: env.text(&MERCHANT),
            unsubscribe: url(&UNSUBSCRIBE_URL)?,
            console: url(&CONSOLE_URL)?,
            templates,
        })
    }
}

/// Every template in a folder. One that cannot be used is refused now, in words: when a notice is due it is too late.
fn own_templates(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut templates = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| format!("it cannot be read: {error}"))? {
        let path = entry.map_err(|error| format!("it cannot be read: {error}"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What Kubernetes mounts beside the files, and notes of people.
        let is_template = path.extension().is_some_and(|extension| extension == "txt" || extension == "html");
        if !is_template || name.starts_with('.') {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|error| format!("{name} in it cannot be read: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{name} in it is not UTF-8"))?;
        let text =
            own_template(&name, &text).map_err(|fault| format!("{name} in it is no template: {fault}"))?;
        templates.insert(name, text);
    }
    Ok(templates)
}

fn smtp(env: &Env) -> Result<Option<SmtpConfig>, Problem> {
    let Some(url) = env.given(SMTP_URL.name) else { return Ok(None) };
    let fault = || SMTP_URL.problem("not smtp://, smtps:// or smtp+plain:// with a host".to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(fault)?;
    let (security, usual_port) = match scheme {
        "smtp" => (Security::StartTls, 587),
        "smtps" => (Security::Tls, 465),
        "smtp+plain" => (Security::None, 25),
        _ => return Err(fault()),
    };
    let rest = rest.trim_end_matches('/');
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    if user.is_some_and(|user| user.contains(':')) {
        return Err(SMTP_URL.problem("it holds a password: move it to NOTICE_SMTP_PASSWORD_FILE".to_owned()));
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| fault())?),
        None => (place, usual_port),
    };
    if host.is_empty() {
        return Err(fault());
    }
    let user = match user {
        None => None,
        Some(_) if security == Security::None => {
            return Err(
                SMTP_URL.problem("a password is not sent without TLS: use smtp:// or smtps://".to_owned())
            );
        }
        Some(user) => Some((user.replace("%40", "@"), password(env)?)),
    };
    Ok(Some(SmtpConfig { security, host: host.to_owned(), port, user }))
}

fn password(env: &Env) -> Result<SecretString, Problem> {
    match (env.exact(SMTP_PASSWORD.name).filter(|text| !text.is_empty()), env.given(SMTP_PASSWORD_FILE.name))
    {
        (Some(_), Some(_)) => {
            Err(SMTP_PASSWORD_FILE
                .problem("NOTICE_SMTP_PASSWORD is set, too: which of them counts?".to_owned()))
        }
        (Some(text), None) => Ok(SecretString::from(text.to_owned())),
        (None, Some(path)) => {
            read_secret_file(Path::new(path)).map_err(|error| SMTP_PASSWORD_FILE.problem(error))
        }
        (None, None) => Err(SMTP_PASSWORD.problem("missing, though NOTICE_SMTP_URL names a user".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<NoticeConfig, Problem> {
        NoticeConfig::from_env(&Env::of(pairs))
    }

    #[test]
    fn a_template_of_somebodys_own_is_read_at_once_or_refused_in_words() {
        let folder = std::env::temp_dir().join(format!("templates-{}", shared::trace::random_hex::<6>()));
        std::fs::create_dir(&folder).unwrap();
        let given = [("NOTICE_TEMPLATES_DIR", folder.to_str().unwrap())];
        std::fs::write(folder.join("notes.md"), "ours").unwrap();
        std::fs::write(folder.join("test.txt"), "Subject: hello\r\n\r\nIt is {{merchant}}.\r\n").unwrap();
        let taken = read(&given).unwrap().templates;
        assert_eq!(taken["test.txt"], "Subject: hello\n\nIt is {{merchant}}.\n");
        for (name, content, says) in [
            (
                "tset.txt",
                &b"Subject: x\n\ny"[..],
                "tset.txt in it is no template: there is no template of this name",
            ),
            ("test.txt", b"hello\n\nyou", "its first line is not `Subject: \u{2026}`"),
            ("test.txt", b"Subject: hello\nyou", "no empty line with a text after it"),
            (
                "test.txt",
                b"Subject: x\n\n{{#link}}y",
                "the part `{{#link}}` in it does not end with `{{/link}}`",
            ),
            ("test.txt", b"Subject: x\n\n{{link", "a `{{` in it has no `}}`"),
            ("test.html", b" \n", "it is empty"),
            ("layout.html", b"<p>", "it has no `{{body}}`"),
            ("test.txt", b"Subject: \xff", "test.txt in it is not UTF-8"),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, content).unwrap();
            let problem = read(&given).unwrap_err().to_string();
            assert!(problem.contains(says), "{problem}");
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::create_dir(folder.join("test.html")).unwrap();
        let problem = read(&given).unwrap_err().to_string();
        assert!(problem.contains("test.html in it cannot be read"), "{problem}");
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(read(&given).unwrap_err().to_string().contains("it cannot be read"));
    }

    #[test]
    fn a_mail_server_is_an_address_without_a_password() {
        assert!(read(&[]).unwrap().smtp.is_none());
        let given =
            [("NOTICE_SMTP_URL", "smtp://me%40shop@mail.example"), ("NOTICE_SMTP_PASSWORD", "hunter2")];
        let smtp = read(&given).unwrap().smtp.unwrap();
        assert_eq!((smtp.host.as_str(), smtp.port, smtp.security), ("mail.example", 587, Security::StartTls));
        assert_eq!(smtp.user.unwrap().0, "me@shop");
        for bad in
            ["mail.example", "smtp://", "smtp://a:x", "smtp://u:hunter2@a", "smtp+plain://u@a", "smtp://u@a"]
        {
            let problem = read(&[("NOTICE_SMTP_URL", bad)]).unwrap_err().to_string();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
