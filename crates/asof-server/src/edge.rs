//! What every surface shares: the way from a decoded request to an answer, with limits, metrics and the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arrow::array::ArrayRef;
use asof_model::retrieval::FeatureNames;
use asof_serving::{FeatureServer, Prepared, Response, Selection};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::metrics::{Metrics, Surface};

/// The columns of a request by name, and its number of rows.
pub(crate) type Columns = (BTreeMap<String, ArrayRef>, usize);

/// What a surface made of the wire: what is asked for, and how to get the columns once the plan is known.
pub(crate) struct Asked<F> {
    pub(crate) selection: Selection,
    pub(crate) names: FeatureNames,
    pub(crate) columns: F,
}

/// The shared part of all surfaces.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) server: Arc<FeatureServer>,
    pub(crate) metrics: Metrics,
    pub(crate) max_rows: usize,
    pub(crate) max_request_bytes: usize,
    draining: AtomicBool,
    cut_off: watch::Sender<bool>,
}

impl Edge {
    pub(crate) fn new(server: Arc<FeatureServer>, metrics: Metrics, max_rows: usize, max_request_bytes: usize) -> Self {
        Self {
            server,
            metrics,
            max_rows,
            max_request_bytes,
            draining: AtomicBool::new(false),
            cut_off: watch::Sender::new(false),
        }
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Refuses what is in flight, and all that may still come.
    pub(crate) fn cut_off(&self) {
        self.cut_off.send_replace(true);
    }

    /// Answers what was asked, counts it and logs it. A wire that could not be decoded comes here too, as its fault.
    pub(crate) async fn answer<F>(&self, surface: Surface, asked: Result<Asked<F>, Fault>) -> Result<Response, Fault>
    where
        F: FnOnce(&Prepared) -> Result<Columns, Fault>,
    {
        let _in_flight = self.metrics.enter(surface);
        let start = Instant::now();
        let mut service = String::new();
        let mut cut_off = self.cut_off.subscribe();
        let result = tokio::select! {
            biased;
            _ = cut_off.wait_for(|cut_off| *cut_off) => Err(Fault::CutOff),
            result = self.try_answer(asked, &mut service) => result,
        };
        let took = start.elapsed();
        let micros = took.as_micros() as u64;
        let surface_name = surface.name();
        let status = match &result {
            Ok(response) => {
                let (rows, version) = (response.rows, response.registry_version);
                tracing::debug!(
                    surface = surface_name,
                    service,
                    rows,
                    version,
                    micros,
                    "request answered"
                );
                "ok"
            }
            Err(fault) => {
                let status = fault.class().name();
                if fault.class().is_ours() {
                    tracing::error!(surface = surface_name, service, status, micros, error = %fault, "request failed");
                } else {
                    tracing::info!(surface = surface_name, service, status, micros, error = %fault, "request refused");
                }
                status
            }
        };
        let rows = result.as_ref().ok().map(|response| response.rows);
        self.metrics.finished(surface, &service, status, rows, took);
        result
    }

    async fn try_answer<F>(&self, asked: Result<Asked<F>, Fault>, service: &mut String) -> Result<Response, Fault>
    where
        F: FnOnce(&Prepared) -> Result<Columns, Fault>,
    {
        let asked = asked?;
        let prepared = self.server.prepare(&asked.selection, asked.names)?;
        if let Selection::Service(name) = &asked.selection {
            service.clone_from(name);
        }
        let (columns, rows) = (asked.columns)(&prepared)?;
        if rows > self.max_rows {
            return Err(Fault::TooManyRows {
                rows,
                limit: self.max_rows,
            });
        }
        Ok(prepared.answer(&columns, rows).await?)
    }
}

/// How features are called, from the flag of that name that every interface has.
pub(crate) fn names(full_feature_names: bool) -> FeatureNames {
    if full_feature_names {
        FeatureNames::Full
    } else {
        FeatureNames::Short
    }
}

/// Puts the columns of two maps of a message together; all must have one length, which `answer` checks.
/// Without any column the request is for one row.
pub(crate) fn merge<C>(
    maps: [(&'static str, BTreeMap<String, C>); 2],
    convert: impl Fn(C) -> Result<ArrayRef, String>,
) -> Result<Columns, Fault> {
    let names = [maps[0].0, maps[1].0];
    let mut columns = BTreeMap::new();
    for (column, values) in maps.into_iter().flat_map(|(_, map)| map) {
        if columns.contains_key(&column) {
            let message = format!("stands in both `{}` and `{}`; once is enough", names[0], names[1]);
            return Err(Fault::Column { column, message });
        }
        match convert(values) {
            Ok(values) => columns.insert(column, values),
            Err(message) => return Err(Fault::Column { column, message }),
        };
    }
    let rows = columns.values().map(|column| column.len()).max().unwrap_or(1);
    Ok((columns, rows))
}
