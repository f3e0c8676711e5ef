//! Who asks: a file that the target names, what the machine has for every application, or nobody, at a stand-in.

use google_cloud_auth::credentials::service_account::AccessSpecifier;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Builder, Credentials, anonymous, external_account, impersonated, service_account,
    user_account,
};
use serde_json::Value as Json;

use crate::warehouse::bigquery::settings::Settings;
use crate::warehouse::secrets::Secrets;
use crate::warehouse::{Error, ErrorKind};

/// What a token is good for: BigQuery, and the files of Drive that a table may be made of are not asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// Credentials, and what is known of them without asking anybody.
pub(super) struct Found {
    /// What the clients send.
    pub(super) credentials: Credentials,
    /// The same, to know the tokens that must not be shown; none for nobody.
    pub(super) tokens: Option<AccessTokenCredentials>,
    /// What must not be shown.
    pub(super) secrets: Secrets,
    /// The account, where the file names it.
    pub(super) account: Option<String>,
    /// The project that the file names.
    pub(super) project: Option<String>,
}

/// The fields of the files that hold secrets.
const SECRET_FIELDS: &[&str] = &["private_key", "client_secret", "refresh_token"];

/// Finds who asks; makes no request. Called where a runtime is entered, in which tokens are then renewed.
pub(super) fn find(settings: &Settings) -> Result<Found, Error> {
    match (&settings.credentials_path, &settings.endpoint) {
        (Some(_), _) => of_the_file(settings),
        (None, Some(_)) => Ok(Found {
            credentials: anonymous::Builder::new().build(),
            tokens: None,
            secrets: Secrets::default(),
            account: None,
            project: None,
        }),
        (None, None) => {
            // The builder's words may quote the file.
            let tokens = Builder::default().with_scopes([SCOPE]).build_access_token_credentials().map_err(|_| {
                let message = format!(
                    "target `{}`: the application default credentials are unreadable or of no known type (the variable \
                     GOOGLE_APPLICATION_CREDENTIALS, or what `gcloud auth application-default login` wrote); name a \
                     file in the setting `credentials_path`",
                    settings.target
                );
                Error::new(ErrorKind::Credentials, message)
            })?;
            Ok(of_tokens(tokens, Secrets::default()))
        }
    }
}

fn of_tokens(tokens: AccessTokenCredentials, secrets: Secrets) -> Found {
    Found { credentials: tokens.clone().into(), tokens: Some(tokens), secrets, account: None, project: None }
}

/// Reads the file of the target; no error says what is in it.
fn of_the_file(settings: &Settings) -> Result<Found, Error> {
    let path = settings.credentials_path.as_deref().expect("asked for where there is one");
    // The path is not repeated: where a variable holds the credentials themselves, it would be these.
    let wrong = |what: &str| {
        let message =
            format!("target `{}`: the file that the setting `credentials_path` names {what}", settings.target);
        Error::new(ErrorKind::Credentials, message)
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        let is_absent = error.kind() == std::io::ErrorKind::NotFound;
        wrong(if is_absent { "is not there" } else { "cannot be read" })
    })?;
    let json: Json = serde_json::from_str(&text).map_err(|_| wrong("is no JSON"))?;
    let field = |name: &str| json.get(name).and_then(Json::as_str).filter(|value| !value.is_empty());
    let mut secrets = Secrets::default();
    SECRET_FIELDS.iter().filter_map(|name| field(name)).for_each(|secret| secrets.add(secret));
    let lacks = |names: &[&str]| match names.iter().find(|name| field(name).is_none()) {
        Some(name) => Err(wrong(&format!("lacks the field `{name}`"))),
        None => Ok(()),
    };
    let built = match field("type") {
        Some("service_account") => {
            lacks(&["client_email", "private_key", "private_key_id", "project_id"])?;
            if !field("private_key").is_some_and(is_key) {
                return Err(wrong("has a `private_key` that is none"));
            }
            let builder = service_account::Builder::new(json.clone());
            builder.with_access_specifier(AccessSpecifier::from_scopes([SCOPE])).build_access_token_credentials()
        }
        Some("authorized_user") => {
            lacks(&["client_id", "client_secret", "refresh_token"])?;
            user_account::Builder::new(json.clone()).with_scopes([SCOPE]).build_access_token_credentials()
        }
        Some("external_account") => {
            lacks(&["audience", "subject_token_type", "token_url"])?;
            external_account::Builder::new(json.clone()).with_scopes([SCOPE]).build_access_token_credentials()
        }
        Some("impersonated_service_account") => {
            lacks(&["service_account_impersonation_url"])?;
            impersonated::Builder::new(json.clone()).with_scopes([SCOPE]).build_access_token_credentials()
        }
        Some(_) | None => {
            return Err(wrong(
                "is of no type that BigQuery takes: its `type` is to be `service_account`, `authorized_user`, \
                 `external_account` or `impersonated_service_account`",
            ));
        }
    };
    let tokens = built.map_err(|_| wrong("is incomplete, or a field of it is not as it must be"))?;
    let project = field("project_id").or(field("quota_project_id")).map(str::to_owned);
    Ok(Found { account: field("client_email").map(str::to_owned), project, ..of_tokens(tokens, secrets) })
}

/// Tells whether a text looks like a key: base64 between the lines that announce one.
fn is_key(text: &str) -> bool {
    let mut lines = text.trim().lines().map(str::trim);
    let opens = lines.next().is_some_and(|line| line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----"));
    let closes = lines.next_back().is_some_and(|line| line.starts_with("-----END "));
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let body: String = lines.collect();
    opens && closes && body.len() >= 64 && body.bytes().all(is_base64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use indexmap::IndexMap;

    use super::*;
    use crate::warehouse::Target;

    fn find_in(folder: &Path, file: &str) -> Result<Found, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        let settings = Settings::of(&Target {
            name: "prod".to_owned(),
            driver: "bigquery".to_owned(),
            root: folder.to_owned(),
            settings: [("credentials_path".to_owned(), file.to_owned())].into(),
            statement_timeout: None,
            labels: IndexMap::new(),
        });
        find(&settings.unwrap())
    }

    #[test]
    fn a_file_that_is_no_credentials_is_told_as_such_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let service = |key: &str| {
            format!(
                "{{\"type\": \"service_account\", \"client_email\": \"a@b\", \"private_key_id\": \"hunter2\", \
                 \"project_id\": \"p\", \"private_key\": \"{key}\"}}"
            )
        };
        let cases = [
            (None, "is not there"),
            (Some("hunter2".to_owned()), "is no JSON"),
            (Some("\"hunter2\"".to_owned()), "is of no type"),
            (Some("{\"type\": \"hunter2\"}".to_owned()), "is of no type"),
            (Some("{\"type\": 7}".to_owned()), "is of no type"),
            (
                Some("{\"type\": \"service_account\", \"private_key\": \"hunter2\"}".to_owned()),
                "lacks the field `client_email`",
            ),
            (Some(service("hunter2")), "has a `private_key` that is none"),
            (
                Some(service("-----BEGIN PRIVATE KEY-----\\nhunter2!\\n-----END PRIVATE KEY-----\\n")),
                "has a `private_key` that is none",
            ),
            (
                Some("{\"type\": \"authorized_user\", \"client_id\": \"hunter2\"}".to_owned()),
                "lacks the field `client_secret`",
            ),
            (
                Some("{\"type\": \"external_account\", \"audience\": \"hunter2\"}".to_owned()),
                "lacks the field `subject_token_type`",
            ),
            (
                Some(
                    "{\"type\": \"external_account\", \"audience\": \"a\", \"subject_token_type\": \"hunter2\", \
                     \"token_url\": \"https://sts.googleapis.com/v1/token\"}"
                        .to_owned(),
                ),
                "is incomplete",
            ),
        ];
        for (text, expected) in cases {
            let path = folder.path().join("key.json");
            match &text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => assert!(!path.exists()),
            }
            let error = find_in(folder.path(), "key.json").err().unwrap();
            assert_eq!(error.kind, ErrorKind::Credentials, "{error}");
            assert!(error.message.contains(expected) && error.message.contains("`credentials_path`"), "{error}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
        let error = find_in(folder.path(), ".").err().unwrap();
        assert!(error.message.ends_with("cannot be read"), "{error}");
        // A variable may hold the credentials themselves.
        let error =
            find_in(folder.path(), "{\"type\": \"service_account\", \"private_key\": \"hunter2\"}").err().unwrap();
        assert!(error.message.contains("`credentials_path`") && !error.message.contains("hunter2"), "{error}");
    }

    #[test]
    fn each_type_of_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\\n";
        let key = format!("-----BEGIN PRIVATE KEY-----\\n{line}{line}-----END PRIVATE KEY-----\\n");
        let service = format!(
            "{{\"type\": \"service_account\", \"client_email\": \"a@p.iam.gserviceaccount.com\", \"private_key_id\": \"1\", \
             \"project_id\": \"p\", \"private_key\": \"{key}\"}}"
        );
        let user = "{\"type\": \"authorized_user\", \"client_id\": \"1\", \"client_secret\": \"hunter2\", \
                    \"refresh_token\": \"hunter3\", \"token_uri\": \"http://127.0.0.1:1/\"}";
        let workload = "{\"type\": \"external_account\", \"audience\": \"//iam.googleapis.com/x\", \
                        \"subject_token_type\": \"urn:ietf:params:oauth:token-type:jwt\", \
                        \"token_url\": \"http://127.0.0.1:1/\", \
                        \"credential_source\": {\"file\": \"/var/run/token\"}}";
        std::fs::write(folder.path().join("service.json"), service).unwrap();
        std::fs::write(folder.path().join("user.json"), user).unwrap();
        std::fs::write(folder.path().join("workload.json"), workload).unwrap();
        let found = find_in(folder.path(), "service.json").unwrap();
        assert_eq!(found.account.as_deref(), Some("a@p.iam.gserviceaccount.com"));
        assert_eq!(found.project.as_deref(), Some("p"));
        assert_eq!(found.secrets.redact(line.trim_end_matches("\\n")), "[redacted]");
        let found = find_in(folder.path(), "user.json").unwrap();
        assert_eq!(found.secrets.redact("hunter2 hunter3"), "[redacted] [redacted]");
        assert!(find_in(folder.path(), "workload.json").is_ok());
    }
}
