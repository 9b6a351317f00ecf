//! `asof schema`: the JSON Schema of the YAML, for editors.

use crate::error::CliResult;
use crate::printer::Printer;

pub(crate) fn run(printer: &Printer) -> CliResult {
    let schema = serde_json::to_string_pretty(&asof_repo::schema())?;
    printer.data(schema);
    Ok(())
}
