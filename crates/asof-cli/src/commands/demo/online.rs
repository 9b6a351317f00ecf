//! Where the demo's features go to be served: into its own folder, or into a Redis that may hold other things.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use asof_model::ErrorKind;
use asof_model::definition::{OnlineStoreConfig, RedisAddress};
use asof_online::{KeyspaceInfo, OnlineStore};
use asof_repo::{Repository, STORE_FILE, SourceFile};

use crate::commands::init::{self, Template};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::table::plural;

/// The demo's project in Redis: nobody else's, so that nobody's rows are touched.
const PROJECT: &str = "asof_demo";
/// What `redis` alone stands for.
const USUAL: &str = "redis://127.0.0.1:6379";

/// What `--online` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Online {
    /// A folder of the repository.
    Embedded,
    /// The server of a connection string.
    Redis(String),
}

impl FromStr for Online {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "redis" => Ok(Self::Redis(USUAL.to_owned())),
            _ if text.contains("://") => Ok(Self::Redis(text.to_owned())),
            _ => Err("write `embedded`, `redis`, or a URL such as redis://127.0.0.1:6379/2".to_owned()),
        }
    }
}

impl fmt::Display for Online {
    /// As it is to be given to `--online`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Redis(connection) if connection == USUAL => "redis",
            Self::Redis(connection) => connection,
        })
    }
}

/// A Redis that answers.
pub(super) struct Reached {
    store: Arc<dyn OnlineStore>,
    /// Its name, without user and password.
    name: String,
}

impl Online {
    /// Opens the Redis that is asked for; `None` for the embedded store, which always is there.
    ///
    /// # Errors
    /// When the connection string is wrong, or nobody answers.
    pub(super) async fn reach(&self, printer: &Printer) -> CliResult<Option<Reached>> {
        if *self == Self::Embedded {
            return Ok(None);
        }
        let file = SourceFile {
            path: STORE_FILE.to_owned(),
            bytes: self.settings()?.into_bytes(),
        };
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let files = [file];
        let repository = Repository::parse(&files, &env, None);
        let Some(settings) = repository.store else {
            let diagnostics = repository.diagnostics;
            let rendered = asof_repo::render_human(&diagnostics, &files, printer.coloring());
            return Err(CliError::Diagnostics { diagnostics, rendered });
        };
        let name = settings.online_store.to_string();
        let store = asof_online::open(&settings.online_store, Path::new(".")).await?;
        match store.ping().await {
            Ok(()) => Ok(Some(Reached { store, name })),
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
                let help = how_to_start(&settings.online_store);
                Err(CliError::refused(format_args!("{error}\n\n{help}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has the repository in `dir` use the store.
    pub(super) fn write_to(&self, dir: &Path) -> CliResult {
        Ok(fs_err::write(dir.join(STORE_FILE), self.settings()?)?)
    }

    /// The settings of the template, with this store.
    fn settings(&self) -> CliResult<String> {
        let usual = init::text(Template::Flights, STORE_FILE)?;
        let Self::Redis(connection) = self else {
            return Ok(usual.to_owned());
        };
        // A string of JSON is one of YAML.
        let connection = serde_json::to_string(connection)?;
        let lines = usual.lines().map(|line| match line.split_once(':') {
            Some(("project", _)) => format!("project: {PROJECT}\n"),
            Some(("online_store", _)) => {
                format!("online_store: {{type: redis, connection_string: {connection}}}\n")
            }
            _ => format!("{line}\n"),
        });
        Ok(lines.collect())
    }
}

/// What helps when there is no Redis: the commands that start one where it was looked for, or on this machine.
fn how_to_start(store: &OnlineStoreConfig) -> String {
    let local = match store {
        OnlineStoreConfig::Redis(config) => config.addresses.iter().find_map(|address| match address {
            RedisAddress::Server { host, port } if ["127.0.0.1", "::1", "localhost"].contains(&host.as_str()) => {
                Some(*port)
            }
            _ => None,
        }),
        OnlineStoreConfig::Embedded { .. } => None,
    };
    let (port, again) = match local {
        Some(port) => (port, "this again"),
        None => (6379, "`asof demo --online redis`"),
    };
    format!(
        "Start one with one of\n  redis-server --port {port} --save ''\n  \
         docker run --rm --publish {port}:6379 redis:7\nand run {again}, or name another server with \
         --online redis://host:6379/2"
    )
}

impl Reached {
    /// Removes what an earlier demo has left, and says what is used.
    pub(super) async fn prepare(&self) -> CliResult<String> {
        let removed = match self.clean().await?.len() {
            0 => String::new(),
            keyspaces => format!(
                "\n{} of an earlier demo removed",
                plural(keyspaces, "keyspace", "keyspaces")
            ),
        };
        Ok(format!(
            "online store {}, where only keys of the project `{PROJECT}` are touched{removed}",
            self.name
        ))
    }

    /// Removes all keyspaces of demos, and returns what they were.
    async fn clean(&self) -> CliResult<Vec<KeyspaceInfo>> {
        let mut removed = self.store.keyspaces().await?;
        removed.retain(|known| known.keyspace.project.as_str() == PROJECT);
        for known in &removed {
            self.store.delete_keyspace(&known.keyspace).await?;
        }
        Ok(removed)
    }
}

/// Removes what demos left in Redis.
pub(super) async fn remove(reached: Option<&Reached>, printer: &Printer) -> CliResult {
    let Some(redis) = reached else {
        return Err(CliError::refused(
            "a demo on the embedded store leaves nothing but its folder; delete that, or name a Redis with --online",
        ));
    };
    let removed = redis.clean().await?.len();
    printer.result(
        || {
            let keyspaces = plural(removed, "keyspace", "keyspaces");
            format!("Removed {keyspaces} of the project {PROJECT} from {}", redis.name)
        },
        || serde_json::json!({"online_store": redis.name, "keyspaces_removed": removed}),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use asof_model::definition::RedisConfig;

    use super::*;

    fn online(text: &str) -> Online {
        text.parse().expect("a store")
    }

    #[test]
    fn a_store_is_named_by_a_word_or_a_url() {
        assert_eq!(online("embedded"), Online::Embedded);
        assert_eq!(online("redis"), Online::Redis("redis://127.0.0.1:6379".to_owned()));
        for text in ["embedded", "redis", "redis://cache:6379/2", "unix:///run/redis.sock"] {
            assert_eq!(online(text).to_string(), text);
        }
        for text in ["", "Redis", "valkey", "cache:6379"] {
            assert!(text.parse::<Online>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_redis_is_started_where_it_was_looked_for_if_that_is_here() {
        let at = |host: &str| {
            let addresses = vec![RedisAddress::server(host, 7000)];
            how_to_start(&OnlineStoreConfig::Redis(Box::new(RedisConfig::new(addresses))))
        };
        insta::assert_snapshot!(at("::1"), @r"
        Start one with one of
          redis-server --port 7000 --save ''
          docker run --rm --publish 7000:6379 redis:7
        and run this again, or name another server with --online redis://host:6379/2
        ");
        let there = at("cache");
        assert!(
            there.contains("--port 6379 ") && there.contains("run `asof demo --online redis`,"),
            "{there}"
        );
    }

    #[test]
    fn the_settings_are_those_of_the_template_but_for_project_and_store() {
        assert_eq!(
            online("embedded").settings().expect("settings"),
            init::text(Template::Flights, STORE_FILE).expect("settings")
        );
        let settings = online("redis://:${PASSWORD}@[::1]:6379/2")
            .settings()
            .expect("settings");
        insta::assert_snapshot!(settings, @r#"
        # Predict how late a flight will arrive, one hour before it is scheduled to leave.
        project: asof_demo
        registry: .asof/registry
        online_store: {type: redis, connection_string: "redis://:${PASSWORD}@[::1]:6379/2"}
        "#);
    }
}
