//! `aibom declare`: the declaration of what was observed, for review.

use bom_core::diff::declare;

use crate::{arguments::Declare, exit::Outcome, output::write, side};

pub(crate) fn declare(arguments: &Declare) -> anyhow::Result<Outcome> {
    let catalog = side::catalog(&arguments.catalog)?;
    let mut observed = Vec::new();
    for path in &arguments.documents {
        observed.push(side::observed(path, &catalog)?);
    }
    let text = declare::declare(&observed, declare::Options { libraries: arguments.libraries });
    if arguments.output.is_empty() {
        write(None, text.as_bytes())?;
    }
    for target in &arguments.output {
        anyhow::ensure!(target.format.is_none(), "`aibom declare` writes aibom.yaml: -o PATH");
        write(target.path.as_deref(), text.as_bytes())?;
    }
    Ok(Outcome::Fine)
}
