//! The settings of Redis fit together: what the connection string says, what it names, and the keys beside it.

use std::collections::BTreeMap;

use crate::DiagnosticCode;
use crate::connection::{self, Connection, Problem};
use crate::text::{Report, Sink, Span};
use crate::whose::Whose;
use crate::yaml::{Content, Entry, Node};

const OWNER: &str = "`online_store` of this feature store";

/// Reports what is wrong with an online store in Redis beyond the form of each value.
pub(crate) fn check(sink: &mut Sink, env: &BTreeMap<String, String>, settings: &Node) {
    let Some(online) = settings.get("online_store") else {
        return;
    };
    let written = Written { online };
    if written.word("type") != Some("redis") {
        return;
    }
    written.names(sink);
    written.certificates(sink);
    written.reads(sink);
    let Some(entry) = written.entry("connection_string") else {
        return;
    };
    let Some(text) = entry.value.text().filter(|text| !text.trim().is_empty()) else {
        return;
    };
    match connection::parse(text, env) {
        Ok(connection) => written.servers(sink, entry, &connection),
        // Every setting is looked at for that.
        Err(Problem::Variable) => {}
        Err(problem) => {
            let report = sink
                .error(
                    DiagnosticCode::BadConnection,
                    entry.value.span,
                    format!("{} {problem}", whose(entry)),
                )
                .hint(problem.hint());
            if text.contains("${") {
                report.hint("it was read with the values of its variables, which are not shown");
            }
        }
    }
}

/// The keys of the online store.
struct Written<'a> {
    online: &'a Node,
}

impl<'a> Written<'a> {
    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.online.entries().iter().find(|entry| entry.key.value == key)
    }

    fn word(&self, key: &str) -> Option<&'a str> {
        self.entry(key)?.value.text()
    }

    /// What the servers are: one, the nodes of a cluster, or sentinels; a word that is none of these is not judged.
    fn redis_type(&self) -> &'a str {
        self.word("redis_type").unwrap_or("redis")
    }

    fn names(&self, sink: &mut Sink) {
        match (
            self.redis_type(),
            self.entry("redis_type"),
            self.entry("sentinel_master"),
        ) {
            ("redis_sentinel", Some(redis_type), None) => {
                sink.error(
                    DiagnosticCode::MissingKey,
                    redis_type.value.span,
                    format!("{OWNER} has no `sentinel_master`"),
                )
                .label("sentinels are asked for servers by name")
                .hint("sentinel_master: The name under which the sentinels know the servers.");
            }
            ("redis" | "redis_cluster", _, Some(master)) => {
                clash(sink, master, "is for sentinels").hint("write `redis_type: redis_sentinel`, or leave it out");
            }
            _ => {}
        }
    }

    fn certificates(&self, sink: &mut Sink) {
        let Some(tls) = self.entry("tls") else { return };
        for (one, other) in [("client_cert", "client_key"), ("client_key", "client_cert")] {
            let there = tls.value.entries().iter().find(|entry| entry.key.value == one);
            if let (Some(there), None) = (there, tls.value.get(other)) {
                sink.error(
                    DiagnosticCode::MissingKey,
                    there.key.span,
                    format!("`tls` of {OWNER} has no `{other}`"),
                )
                .label("one is of no use without the other");
            }
        }
    }

    fn reads(&self, sink: &mut Sink) {
        let replica = self.word("read_from") == Some("replica") && self.redis_type() == "redis";
        if let Some(read_from) = self.entry("read_from").filter(|_| replica) {
            clash(sink, read_from, "cannot be `replica` where there is one server")
                .hint("write `redis_type: redis_cluster` or `redis_type: redis_sentinel`, or leave it out");
        }
        if let (Some("feast"), Some(grace)) = (self.word("layout"), self.entry("expiry_grace")) {
            clash(sink, grace, "is for rows that Asof writes").hint("`layout: feast` only reads; leave it out");
        }
    }

    /// What the connection string says, against the keys beside it.
    fn servers(&self, sink: &mut Sink, entry: &Entry, connection: &Connection) {
        let redis_type = self.entry("redis_type").map(|entry| entry.value.span);
        let several = matches!(self.redis_type(), "redis_cluster" | "redis_sentinel");
        if self.redis_type() == "redis" && connection.addresses.len() > 1 {
            let hint = "write `redis_type: redis_cluster` or `redis_type: redis_sentinel`, or one server";
            beside(clash(sink, entry, "names several servers"), redis_type).hint(hint);
        }
        if several && connection.has_socket() {
            let hint = "write redis://host:6379, or leave `redis_type` out";
            let what = "names a socket, which is one server";
            beside(clash(sink, entry, what), redis_type).hint(hint);
        } else if self.redis_type() == "redis_cluster" && connection.database != 0 {
            let what = "names a database, and a cluster has none but 0";
            beside(clash(sink, entry, what), redis_type).hint("leave the database out");
        }
        let tls = self
            .entry("tls")
            .filter(|tls| matches!(tls.value.content, Content::Mapping(_)));
        if let Some(tls) = tls.filter(|_| !connection.tls) {
            let report = clash(sink, tls, "is for encrypted connections");
            let report = beside(report, Some(entry.value.span));
            if connection.has_socket() {
                report.hint("leave it out; a socket is not encrypted");
            } else {
                report.hint("write rediss://host:6379, or ssl=true in Feast's form, or leave it out");
            }
        }
    }
}

fn whose(entry: &Entry) -> Whose<'_> {
    Whose {
        key: &entry.key.value,
        owner: OWNER,
        element: false,
        span: entry.key.span,
    }
}

/// A key that does not go together with another one.
fn clash<'s>(sink: &'s mut Sink, entry: &Entry, what: &str) -> Report<'s> {
    let span = if entry.value.entries().is_empty() {
        entry.value.span.or(entry.key.span)
    } else {
        entry.key.span
    };
    sink.error(DiagnosticCode::SettingClash, span, format!("{} {what}", whose(entry)))
}

fn beside(report: Report<'_>, other: Option<Span>) -> Report<'_> {
    match other {
        Some(span) => report.related(span, "beside this"),
        None => report,
    }
}
