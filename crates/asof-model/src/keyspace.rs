//! Keyspaces: the part of an online store that holds the rows of one view as it is defined now.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::Xxh3;

use crate::definition::{FeatureView, Source, TimeColumn, ViewBody};
use crate::{ProjectName, ViewName};

/// The name of the rows of one view under one definition: `project/view@fingerprint`.
///
/// A view whose rows would differ has another fingerprint, so rows of two definitions never meet. `ttl` is part of it,
/// although it is applied when reading: a store may let rows go once they have ended, and a longer `ttl` would not bring
/// them back. What only says who owns the view is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyspace {
    /// The project.
    pub project: ProjectName,
    /// The view.
    pub view: ViewName,
    /// What the rows depend on, hashed. The lowest bit says whether the view has a `ttl`.
    pub fingerprint: u64,
}

/// The bit of a fingerprint that says that rows end.
const EXPIRES: u64 = 1;

impl Keyspace {
    /// The keyspace of `view`, which reads `source`, in `project`.
    pub fn of(project: &ProjectName, view: &FeatureView, source: &Source) -> Self {
        let mut hash = Fingerprint::new("asof keyspace 2");
        for key in &view.join_keys {
            hash.add(key.name.as_str()).add(key.key_type.name());
        }
        hash.add("source").add(&source.path).add_time(Some(&source.event_time));
        hash.add_time(source.created_time.as_ref());
        hash.add_option(source.filter.as_deref())
            .add_option(view.filter.as_deref());
        hash.add_option(view.admission.availability_lag.map(|lag| lag.to_string()).as_deref());
        hash.add_option(view.admission.ttl.map(|ttl| ttl.to_string()).as_deref());
        hash.add(if view.admission.visible_from_created {
            "created"
        } else {
            "event"
        });
        match &view.body {
            ViewBody::Rows(features) => {
                for feature in features {
                    hash.add(feature.name.as_str()).add(&feature.value_type.to_string());
                    hash.add_option(feature.expr.as_deref());
                }
            }
            ViewBody::Windows(aggregation) => {
                hash.add("every").add(&aggregation.every.to_string());
                for feature in &aggregation.features {
                    hash.add(feature.name.as_str()).add(&feature.value_type.to_string());
                    hash.add(&feature.expr).add(&feature.window.to_string());
                }
            }
        }
        Self {
            project: project.clone(),
            view: view.name.clone(),
            fingerprint: (hash.finish() & !EXPIRES) | if view.admission.ttl.is_some() { EXPIRES } else { 0 },
        }
    }

    /// Whether its rows end: its view has a `ttl`.
    pub fn expires(&self) -> bool {
        self.fingerprint & EXPIRES != 0
    }
}

impl fmt::Display for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{:016x}", self.project, self.view, self.fingerprint)
    }
}

/// A text that names no keyspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a keyspace; write project/view@fingerprint, the fingerprint as 16 hexadecimal digits")]
pub struct InvalidKeyspace(pub String);

impl FromStr for Keyspace {
    type Err = InvalidKeyspace;

    /// The form of `Display`, and no other.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (project, rest) = text.split_once('/')?;
            let (view, fingerprint) = rest.split_once('@')?;
            let keyspace = Self {
                project: project.parse().ok()?,
                view: view.parse().ok()?,
                fingerprint: u64::from_str_radix(fingerprint, 16).ok()?,
            };
            (keyspace.to_string() == text).then_some(keyspace)
        };
        parse().ok_or_else(|| InvalidKeyspace(text.to_owned()))
    }
}

/// Hashes texts one by one, each with its length, so that no two lists of texts look alike.
pub(crate) struct Fingerprint(Xxh3);

impl Fingerprint {
    /// Starts with what is hashed, and its version.
    pub(crate) fn new(what: &str) -> Self {
        let mut hash = Self(Xxh3::new());
        hash.add(what);
        hash
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.digest()
    }

    pub(crate) fn add(&mut self, text: &str) -> &mut Self {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    fn add_option(&mut self, text: Option<&str>) -> &mut Self {
        self.0.update(&[u8::from(text.is_some())]);
        self.add(text.unwrap_or_default())
    }

    fn add_time(&mut self, time: Option<&TimeColumn>) -> &mut Self {
        match time {
            None => self.add("none"),
            Some(TimeColumn::Column(name)) => self.add("column").add(name),
            Some(TimeColumn::Expression(sql)) => self.add("expression").add(sql),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Metadata, RowFeature};
    use crate::{Admission, ScalarType, TimeSpan};

    fn view() -> FeatureView {
        FeatureView {
            name: "weather".parse().unwrap(),
            entities: vec![],
            join_keys: vec![],
            source: "weather".parse().unwrap(),
            admission: Admission {
                ttl: None,
                availability_lag: None,
                visible_from_created: false,
            },
            filter: None,
            body: ViewBody::Rows(vec![RowFeature {
                name: "temp".parse().unwrap(),
                value_type: ScalarType::Float64.into(),
                expr: None,
                metadata: Metadata::default(),
            }]),
            online: true,
            schedule: None,
            expectations: vec![],
            metadata: Metadata::default(),
        }
    }

    fn source() -> Source {
        Source {
            name: "weather".parse().unwrap(),
            path: "data/".to_owned(),
            event_time: TimeColumn::Column("at".to_owned()),
            created_time: None,
            filter: None,
            metadata: Metadata::default(),
        }
    }

    fn keyspace(view: &FeatureView, source: &Source) -> String {
        Keyspace::of(&"p".parse().unwrap(), view, source).to_string()
    }

    /// Rows that are online are found by this name: if it changes, every store must be filled anew.
    #[test]
    fn the_name_of_a_keyspace_stays() {
        assert_eq!(keyspace(&view(), &source()), "p/weather@5dd1718587bc4a32");
    }

    #[test]
    fn what_changes_rows_changes_the_keyspace_and_what_does_not_does_not() {
        let golden = keyspace(&view(), &source());
        let lag = TimeSpan::from_micros(1).ok();
        let mut same = view();
        same.metadata.owner = Some("someone".to_owned());
        assert_eq!(keyspace(&same, &source()), golden);
        let expiring = |ttl: i64| {
            let mut view = view();
            view.admission.ttl = TimeSpan::from_micros(ttl).ok();
            let keyspace = Keyspace::of(&"p".parse().unwrap(), &view, &source());
            assert!(keyspace.expires());
            keyspace.to_string()
        };
        assert!(!golden.parse::<Keyspace>().unwrap().expires());
        assert_ne!(expiring(1), expiring(2));
        let mut lagging = view();
        lagging.admission.availability_lag = lag;
        let mut filtered = view();
        filtered.filter = Some("temp > 0".to_owned());
        let mut other_source = source();
        other_source.event_time = TimeColumn::Expression("at".to_owned());
        for changed in [
            expiring(1),
            keyspace(&lagging, &source()),
            keyspace(&filtered, &source()),
            keyspace(&view(), &other_source),
        ] {
            assert_ne!(changed, golden);
        }
    }

    #[test]
    fn a_keyspace_parses_back_from_its_own_text_only() {
        let text = "flights/origin_weather@00000000000000ff";
        let keyspace: Result<Keyspace, _> = text.parse();
        assert_eq!(keyspace.map(|keyspace| keyspace.to_string()), Ok(text.to_owned()));
        for bad in [
            "",
            "flights",
            "flights/w",
            "flights/w@ff",
            "flights/w@00000000000000FF",
            "a b/w@00000000000000ff",
        ] {
            assert_eq!(bad.parse::<Keyspace>(), Err(InvalidKeyspace(bad.to_owned())));
        }
    }
}
