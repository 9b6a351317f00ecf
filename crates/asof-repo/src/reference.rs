//! The page of the documentation that lists every diagnostic.

use std::fmt::Write;

use crate::DiagnosticCode;

/// The reference of all diagnostics, as Markdown.
pub fn diagnostics_reference() -> String {
    let mut page = "\
<!-- Written from the code: crates/asof-repo/src/code.rs. -->
# Diagnostics

What `asof validate` can say about a repository. Each problem has a code that never changes its meaning.
"
    .to_owned();
    for code in DiagnosticCode::ALL {
        let (summary, example, fix) = (code.summary(), code.example(), code.fix());
        write!(page, "\n## {code}\n\n{summary}\n\n```text\n{example}\n```\n\n{fix}\n").expect("a text takes any text");
    }
    page
}
