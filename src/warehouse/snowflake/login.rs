//! How to log in: the target's settings, checked before anything is sent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value as Json, json};
use snowflake_connector_rs::{
    AuthConfig, Client, ClientConfig, EndpointConfig, KeyPairConfig, PasswordConfig, QueryConfig, SessionConfig,
};
use url::Url;

use crate::warehouse::secrets::Secrets;
use crate::warehouse::{Error, ErrorKind, Target};

/// What every session is pinned to at its login, so that a result depends neither on the account's settings nor on the
/// user's: <https://docs.snowflake.com/en/sql-reference/parameters>.
pub(super) fn pins() -> Vec<(&'static str, Json)> {
    vec![
        ("ABORT_DETACHED_QUERY", json!(false)),
        ("AUTOCOMMIT", json!(true)),
        ("BINARY_INPUT_FORMAT", json!("HEX")),
        ("BINARY_OUTPUT_FORMAT", json!("HEX")),
        ("DATE_INPUT_FORMAT", json!("AUTO")),
        ("DATE_OUTPUT_FORMAT", json!("YYYY-MM-DD")),
        ("DEFAULT_NULL_ORDERING", json!("LAST")),
        ("ERROR_ON_NONDETERMINISTIC_MERGE", json!(true)),
        ("ERROR_ON_NONDETERMINISTIC_UPDATE", json!(true)),
        ("JSON_INDENT", json!(0)),
        ("MULTI_STATEMENT_COUNT", json!(1)),
        ("QUOTED_IDENTIFIERS_IGNORE_CASE", json!(false)),
        ("ROWS_PER_RESULTSET", json!(0)),
        ("TIMESTAMP_DAY_IS_ALWAYS_24H", json!(false)),
        ("TIMESTAMP_INPUT_FORMAT", json!("AUTO")),
        ("TIMESTAMP_LTZ_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF6 TZHTZM")),
        ("TIMESTAMP_NTZ_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF6")),
        ("TIMESTAMP_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF6 TZHTZM")),
        ("TIMESTAMP_TYPE_MAPPING", json!("TIMESTAMP_NTZ")),
        ("TIMESTAMP_TZ_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF6 TZHTZM")),
        ("TIMEZONE", json!("UTC")),
        ("WEEK_OF_YEAR_POLICY", json!(0)),
        ("WEEK_START", json!(1)),
    ]
}

/// How long the client waits beyond the time that the server gives a statement: the server's own answer comes first.
const MARGIN: Duration = Duration::from_secs(5);

/// The longest that the server gives a statement where nobody says less: a week.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// How long the server may take to confirm that it stops a statement.
pub(super) const ABORT: Duration = Duration::from_secs(10);

/// How somebody proves who they are.
enum Method {
    Password { password: String, passcode: Option<String> },
    Key { pem: String, passphrase: Option<String> },
    Token(String),
    TokenFile(PathBuf),
}

/// Everything that a login needs; made once, used for each session.
pub(super) struct Login {
    target: String,
    account: String,
    user: String,
    method: Method,
    endpoint: Url,
    role: Option<String>,
    warehouse: Option<String>,
    database: Option<String>,
    schema: Option<String>,
    tag: String,
    has_names_in_capitals: bool,
    timeout: Option<Duration>,
}

impl Login {
    /// Reads a target's settings, and adds its secrets to `secrets`.
    pub(super) fn of(target: &Target, secrets: &mut Secrets) -> Result<Self, Error> {
        // A variable that is set to nothing is as good as none.
        let setting = |name: &str| target.settings.get(name).filter(|value| !value.is_empty()).cloned();
        let wrong = |text: &str| credentials(&target.name, text);
        for name in ["password", "passcode", "private_key", "private_key_passphrase", "token"] {
            if let Some(secret) = setting(name) {
                // Told apart by kind only where that does no harm: a passcode is short.
                secrets.add(&secret);
            }
        }
        let method = method(&setting, &target.root, &wrong, secrets)?;
        let account = setting("account").ok_or_else(|| wrong("the setting `account` is missing"))?;
        let user = setting("user").ok_or_else(|| wrong("the setting `user` is missing"))?;
        let endpoint = match setting("endpoint") {
            Some(endpoint) => endpoint_of(&endpoint).map_err(|reason| wrong(&reason))?,
            None => address_of(&account).map_err(|reason| wrong(&reason))?,
        };
        let tag: serde_json::Map<String, Json> =
            target.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        Ok(Self {
            target: target.name.clone(),
            // The region is part of the address only.
            account: account.split('.').next().unwrap_or(&account).to_owned(),
            user,
            method,
            endpoint,
            role: setting("role"),
            warehouse: setting("warehouse"),
            database: setting("database").map(|name| as_written(&name)),
            // What stands before relations has the database in it.
            schema: setting("schema").and_then(|name| name.rsplit('.').next().map(as_written)),
            tag: Json::Object(tag).to_string(),
            has_names_in_capitals: setting("names").as_deref() == Some("upper"),
            timeout: target.statement_timeout,
        })
    }

    /// Returns the name of the target.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// Tells whether the names of what the target makes are in capitals.
    pub(super) fn has_names_in_capitals(&self) -> bool {
        self.has_names_in_capitals
    }

    /// Returns where the service is, as people know it.
    pub(super) fn place(&self) -> String {
        self.endpoint.host_str().map_or_else(|| self.endpoint.to_string(), str::to_owned)
    }

    /// Tells whether one can log in more than once: a passcode is good for one time.
    pub(super) fn repeats(&self) -> bool {
        !matches!(self.method, Method::Password { passcode: Some(_), .. })
    }

    /// Returns how long an answer may take before the client gives it up.
    pub(super) fn patience(&self) -> Duration {
        self.timeout.unwrap_or(LONGEST).saturating_add(MARGIN)
    }

    /// Makes a client; a token that lies in a file is read now, and added to `secrets`.
    pub(super) fn client(&self, secrets: &mut Secrets) -> Result<Client, Error> {
        let wrong = |text: &str| credentials(&self.target, text);
        let auth = match &self.method {
            Method::Password { password, passcode } => {
                let password = PasswordConfig::new(password);
                AuthConfig::password(match passcode {
                    Some(passcode) => password.with_passcode(passcode),
                    None => password,
                })
            }
            Method::Key { pem, passphrase: None } => AuthConfig::key_pair(KeyPairConfig::from_pem(pem)),
            Method::Key { pem, passphrase: Some(passphrase) } => {
                AuthConfig::key_pair(KeyPairConfig::from_encrypted_pem(pem, passphrase.as_bytes()))
            }
            Method::Token(token) => AuthConfig::oauth(token),
            Method::TokenFile(path) => {
                let token = read(path).map_err(|reason| wrong(&format!("`token_path`: {reason}")))?;
                secrets.add(&token);
                AuthConfig::oauth(token.trim())
            }
        };
        let query =
            QueryConfig::new().with_query_response_timeout(self.patience()).with_query_cancel_request_timeout(ABORT);
        let config = ClientConfig::new(&self.user, &self.account, auth)
            .with_session(self.session())
            .with_query(query)
            .with_endpoint(EndpointConfig::custom_base_url(self.endpoint.clone()));
        Client::new(config).map_err(|error| wrong(&format!("the address {}: {error}", self.endpoint)))
    }

    fn session(&self) -> SessionConfig {
        let mut session = SessionConfig::new();
        for (value, set) in [
            (&self.role, SessionConfig::with_role as fn(SessionConfig, String) -> SessionConfig),
            (&self.warehouse, SessionConfig::with_warehouse),
            (&self.database, SessionConfig::with_database),
            (&self.schema, SessionConfig::with_schema),
        ] {
            if let Some(value) = value {
                session = set(session, value.clone());
            }
        }
        for (name, value) in pins() {
            session = session.with_session_parameter(name, value);
        }
        if let Some(timeout) = self.timeout {
            // Whole seconds, of which 0 would mean a week.
            let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
            session = session.with_session_parameter("STATEMENT_TIMEOUT_IN_SECONDS", json!(seconds.max(1)));
        }
        session.with_session_parameter("QUERY_TAG", json!(self.tag))
    }
}

/// Chooses the one way to log in that the settings describe.
fn method(
    setting: &dyn Fn(&str) -> Option<String>,
    root: &Path,
    wrong: &dyn Fn(&str) -> Error,
    secrets: &mut Secrets,
) -> Result<Method, Error> {
    const WAYS: [&str; 5] = ["password", "private_key", "private_key_path", "token", "token_path"];
    let given: Vec<&str> = WAYS.into_iter().filter(|name| setting(name).is_some()).collect();
    for (beside, ways) in [("passcode", &["password"][..]), ("private_key_passphrase", &WAYS[1..3])] {
        if setting(beside).is_some() && !given.iter().any(|name| ways.contains(name)) {
            return Err(wrong(&format!("the setting `{beside}` stands beside no `{}`", ways.join("` or `"))));
        }
    }
    match given.as_slice() {
        ["password"] => {
            Ok(Method::Password { password: setting("password").unwrap_or_default(), passcode: setting("passcode") })
        }
        ["token"] => Ok(Method::Token(setting("token").unwrap_or_default())),
        ["token_path"] => {
            let path = root.join(setting("token_path").unwrap_or_default());
            // It is read again at each login; that it is there is seen before the first.
            read(&path).map_err(|reason| wrong(&format!("`token_path`: {reason}")))?;
            Ok(Method::TokenFile(path))
        }
        ["private_key" | "private_key_path"] => {
            let pem = match setting("private_key_path") {
                Some(path) => {
                    read(&root.join(path)).map_err(|reason| wrong(&format!("`private_key_path`: {reason}")))?
                }
                // A variable of the environment may hold its line ends in writing.
                None => setting("private_key").unwrap_or_default().replace("\\n", "\n"),
            };
            secrets.add(&pem);
            let passphrase = setting("private_key_passphrase");
            form_of(&pem, passphrase.is_some()).map_err(|reason| wrong(&reason))?;
            Ok(Method::Key { pem, passphrase })
        }
        [] => Err(wrong(&format!("no credentials: one of the settings `{}` is needed", WAYS.join("`, `")))),
        several => Err(wrong(&format!("the settings `{}` contradict each other: keep one", several.join("` and `")))),
    }
}

/// Tells what is wrong with the form of a private key; what it holds is seen when it is used.
fn form_of(pem: &str, has_passphrase: bool) -> Result<(), String> {
    let label = pem.lines().find_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    match (label, has_passphrase) {
        (Some("PRIVATE KEY"), false) | (Some("ENCRYPTED PRIVATE KEY"), true) => Ok(()),
        (Some("PRIVATE KEY"), true) => {
            Err("the private key is not encrypted, and there is a `private_key_passphrase`".to_owned())
        }
        (Some("ENCRYPTED PRIVATE KEY"), false) => {
            Err("the private key is encrypted: the setting `private_key_passphrase` is missing".to_owned())
        }
        (Some(other), _) => Err(format!(
            "the private key is a PEM file of the form `{other}`: PKCS8 is needed, which `openssl pkcs8 -topk8` makes"
        )),
        (None, _) => Err("the private key is no PEM file".to_owned()),
    }
}

fn endpoint_of(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("the setting `endpoint` is no address: {error}"))?;
    let is_base = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_base || !url.username().is_empty() || url.password().is_some() {
        return Err("the setting `endpoint` is `https://host` or `https://host:port`, with nothing after it".to_owned());
    }
    Ok(url)
}

/// Returns the address of an account, whose underscores are hyphens in it.
fn address_of(account: &str) -> Result<Url, String> {
    let is_name = account.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'));
    let address = format!("https://{}.snowflakecomputing.com", account.replace('_', "-").to_lowercase());
    match Url::parse(&address) {
        Ok(url) if is_name && !account.to_lowercase().ends_with("snowflakecomputing.com") => Ok(url),
        Ok(_) | Err(_) => {
            Err(format!("the setting `account` is an identifier such as `organization-account`, and not `{account}`"))
        }
    }
}

/// Returns a name as the service takes it at a login, where one without quotes is read as capitals.
fn as_written(name: &str) -> String {
    let is_plain = name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Reads a file; the path is not repeated: where a variable holds the secret itself, it would be this.
fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the file that it names: {error}"))?;
    if text.trim().is_empty() { Err("the file that it names is empty".to_owned()) } else { Ok(text) }
}

fn credentials(target: &str, text: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("target `{target}`: {text}"))
}
