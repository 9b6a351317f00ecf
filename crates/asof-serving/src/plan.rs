//! A retrieval plan with everything made ready that does not depend on the request's rows.

use asof_model::definition::{Definitions, RequestField};
use asof_model::key::KeyCodec;
use asof_model::retrieval::{FeatureNames, RetrievalPlan};
use asof_model::row::RowCodec;
use asof_model::{Keyspace, ScalarType, nearest};
use asof_transform::OnDemandProgram;

use crate::{Selection, ServingError};

/// What is made once per selection, naming and registry version, and then serves every request.
#[derive(Debug)]
pub(crate) struct CompiledPlan {
    pub(crate) plan: RetrievalPlan,
    /// One per [`RetrievalPlan::lookups`].
    pub(crate) lookups: Vec<CompiledLookup>,
    /// One per [`RetrievalPlan::on_demand`].
    pub(crate) steps: Vec<CompiledStep>,
    /// [`RetrievalPlan::input_columns`].
    pub(crate) inputs: Vec<RequestField>,
}

/// Where and how the rows of one lookup are read.
#[derive(Debug)]
pub(crate) struct CompiledLookup {
    pub(crate) keyspace: Keyspace,
    pub(crate) keys: KeyCodec,
    pub(crate) rows: RowCodec,
    /// The place of each of the view's keys in [`CompiledPlan::inputs`].
    pub(crate) columns: Vec<usize>,
}

/// How the features of one on-demand view are computed.
#[derive(Debug)]
pub(crate) struct CompiledStep {
    pub(crate) program: OnDemandProgram,
    /// The place of each of the view's request fields in [`CompiledPlan::inputs`].
    pub(crate) request: Vec<usize>,
}

impl CompiledPlan {
    /// Plans `selection` and compiles what it computes on demand.
    pub(crate) fn compile(
        definitions: &Definitions,
        selection: &Selection,
        names: FeatureNames,
    ) -> Result<Self, ServingError> {
        let plan = match (selection, selection.references()?) {
            (Selection::Service(name), _) => RetrievalPlan::for_service(definitions, name, names)?,
            (Selection::Features(_), references) => {
                RetrievalPlan::for_features(definitions, &references.unwrap_or_default(), names)?
            }
        };
        let inputs = plan.input_columns();
        let place = |name: &str| {
            let found = inputs.iter().position(|input| input.name.as_str() == name);
            found.expect("a plan lists every column that it reads among its inputs")
        };
        let mut lookups = Vec::with_capacity(plan.lookups.len());
        for lookup in &plan.lookups {
            if !lookup.view.online {
                return Err(ServingError::NotOnline {
                    view: lookup.view.name.clone(),
                });
            }
            let types: Vec<ScalarType> = lookup.keys.iter().map(|key| key.key.key_type).collect();
            lookups.push(CompiledLookup {
                keyspace: Keyspace::of(&definitions.project, &lookup.view, &lookup.source),
                keys: KeyCodec::new(&types),
                rows: RowCodec::new(&lookup.view.features()),
                columns: lookup.keys.iter().map(|key| place(key.column.as_str())).collect(),
            });
        }
        let mut steps = Vec::with_capacity(plan.on_demand.len());
        for step in &plan.on_demand {
            let program = OnDemandProgram::compile(step).map_err(|source| ServingError::Compile {
                view: step.view.name.clone(),
                source,
            })?;
            let fields = step.view.request.iter();
            steps.push(CompiledStep {
                program,
                request: fields.map(|field| place(field.name.as_str())).collect(),
            });
        }
        Ok(Self {
            plan,
            lookups,
            steps,
            inputs,
        })
    }

    /// The input column of this name.
    pub(crate) fn input(&self, name: &str) -> Result<&RequestField, ServingError> {
        self.inputs
            .iter()
            .find(|input| input.name.as_str() == name)
            .ok_or_else(|| ServingError::UnknownColumn {
                column: name.to_owned(),
                hint: nearest::clause(name, self.inputs.iter().map(|input| input.name.as_str())),
            })
    }
}
