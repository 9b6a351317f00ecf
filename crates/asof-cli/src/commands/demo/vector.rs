//! One flight from both sides: its row of the training set, and its vector as gRPC serves it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use asof_model::Timestamp;
use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use asof_proto::asof::serving::v1::get_online_features_request::Selection;
use asof_proto::asof::serving::v1::{FeatureStatus, GetOnlineFeaturesRequest};
use asof_server::{from_wire, to_wire};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{CliError, CliResult};

/// The columns of the spine that name a flight's join keys and request fields.
const ENTITIES: [&str; 4] = ["origin", "carrier", "tailnum", "dest"];
const REQUEST: [&str; 2] = ["sched_dep", "distance"];
/// How many columns the spine has; features come after them.
const SPINE_COLUMNS: usize = 9;

/// A row of the training set.
pub(super) struct TrainingRow {
    /// Its one row.
    row: RecordBatch,
    /// The time as of which its features were joined.
    pub(super) as_of: Timestamp,
}

impl TrainingRow {
    /// Reads row `at` of the training set at `path`.
    pub(super) fn read(path: &Path, at: usize) -> CliResult<Self> {
        let file = fs_err::File::open(path)?.into_parts().0;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?
            .with_offset(at)
            .with_limit(1)
            .build()?;
        for batch in reader {
            let row = batch?;
            if row.num_rows() == 1 {
                let time = column(&row, "event_timestamp")?;
                let time = time.as_primitive::<TimestampMicrosecondType>().value(0);
                return Ok(Self {
                    row,
                    as_of: Timestamp::from_micros(time),
                });
            }
        }
        Err(CliError::refused(format!("`{}` has no row {at}", path.display())))
    }

    /// Which flight it is, for a person.
    pub(super) fn title(&self) -> String {
        let text = |name| column(&self.row, name).map(|array| array.as_string::<i32>().value(0).to_owned());
        let number = column(&self.row, "flight").map(|array| array.as_primitive::<Int64Type>().value(0));
        match (text("carrier"), number, text("origin"), text("dest"), text("tailnum")) {
            (Ok(carrier), Ok(number), Ok(origin), Ok(dest), Ok(tailnum)) => {
                format!(
                    "Flight {carrier} {number} from {origin} to {dest}, aircraft {tailnum}, as of {}",
                    self.as_of
                )
            }
            _ => format!("A flight as of {}", self.as_of),
        }
    }

    /// The features with their values.
    pub(super) fn features(&self) -> impl Iterator<Item = (String, ArrayRef)> {
        let names = self
            .row
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect::<Vec<_>>();
        names.into_iter().zip(self.row.columns().to_vec()).skip(SPINE_COLUMNS)
    }
}

/// A feature as it was served.
pub(super) struct ServedFeature {
    /// Its value, one row.
    pub(super) value: ArrayRef,
    /// Its status, by name.
    pub(super) status: &'static str,
}

/// A vector as it was served, by feature.
pub(super) type Served = BTreeMap<String, ServedFeature>;

/// Asks the server at `address` for the vector of the flight.
pub(super) async fn ask(address: SocketAddr, service: &str, flight: &TrainingRow) -> CliResult<Served> {
    let columns = |names: &[&str]| -> CliResult<BTreeMap<_, _>> {
        names
            .iter()
            .map(|name| Ok(((*name).to_owned(), to_wire(&column(&flight.row, name)?))))
            .collect()
    };
    let request = GetOnlineFeaturesRequest {
        selection: Some(Selection::FeatureService(service.to_owned())),
        entities: columns(&ENTITIES)?,
        request: columns(&REQUEST)?,
        full_feature_names: false,
    };
    let mut client = FeatureServingClient::connect(format!("http://{address}")).await?;
    let answer = client.get_online_features(request).await?.into_inner();
    let mut served = Served::new();
    for feature in answer.features {
        let status = feature.statuses.first().copied().unwrap_or_default();
        let status = FeatureStatus::try_from(status).unwrap_or_default().as_str_name();
        let value = from_wire(feature.values.unwrap_or_default()).map_err(CliError::refused)?;
        let status = status.trim_start_matches("FEATURE_STATUS_");
        served.insert(feature.name, ServedFeature { value, status });
    }
    Ok(served)
}

fn column(row: &RecordBatch, name: &str) -> CliResult<ArrayRef> {
    let found = row.column_by_name(name).cloned();
    found.ok_or_else(|| CliError::refused(format!("the training set has no column `{name}`")))
}
