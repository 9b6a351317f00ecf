//! The parts of documents that a benchmark writes: between `<!-- bench NAME -->` and `<!-- end of bench NAME -->`.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The documents that may have such parts.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/benchmarks.md"];

/// Replaces the part `name` of every document that has it.
pub(crate) fn write(workspace: &Workspace, name: &str, text: &str) -> Result<()> {
    for document in DOCUMENTS {
        let path = workspace.root.join(document);
        let old = fs_err::read_to_string(&path)?;
        if let Some(new) = replace(&old, name, text).with_context(|| format!("{document}: part {name}"))? {
            fs_err::write(&path, new)?;
            println!("wrote the part `{name}` of {document}");
        }
    }
    Ok(())
}

/// The document with its part replaced; `None` where it has no such part.
fn replace(document: &str, name: &str, text: &str) -> Result<Option<String>> {
    let begin = format!("<!-- bench {name} -->\n");
    let end = format!("<!-- end of bench {name} -->");
    let Some((before, rest)) = document.split_once(&begin) else {
        return Ok(None);
    };
    let (_, after) = rest.split_once(&end).context("it begins and does not end")?;
    Ok(Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_part_is_replaced() {
        let document = "a\n<!-- bench x -->\nold\n<!-- end of bench x -->\nb\n";
        let new = replace(document, "x", "new\n").unwrap();
        assert_eq!(
            new.unwrap(),
            "a\n<!-- bench x -->\n\nnew\n\n<!-- end of bench x -->\nb\n"
        );
        assert_eq!(replace(document, "y", "new").unwrap(), None);
        assert!(replace("<!-- bench x -->\n", "x", "new").is_err());
    }
}
