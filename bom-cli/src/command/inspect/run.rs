//! The order of things.

use anyhow::Context as _;
use bom_extract::Digests;

use super::{
    digest,
    look::{Looked, look},
    parts, show,
    walk::{Found, Walk},
};
use crate::{
    arguments::Inspect,
    exit::Outcome,
    output::{Format, write},
};

pub(crate) fn inspect(arguments: &Inspect) -> anyhow::Result<Outcome> {
    for target in &arguments.output {
        anyhow::ensure!(
            matches!(target.format, None | Some(Format::Json)),
            "`aibom inspect` writes json only: -o json=PATH"
        );
    }
    let mut walk = Walk::default();
    for path in &arguments.files {
        walk.argument(path).with_context(|| format!("inspect {}", path.display()))?;
    }
    let mut looked = Vec::new();
    let Walk { found, mut unread, other_kinds, .. } = walk;
    for Found { path, shown, alone, metadata } in found {
        match look(&path, &shown, &metadata) {
            Ok(it) => looked.push(Looked { alone, ..it }),
            Err(error) if alone => return Err(error.context(format!("inspect {}", shown.display()))),
            Err(error) => unread.push((shown, format!("{error:#}"))),
        }
    }
    parts::mark(&mut looked);
    let all = looked.len();
    // What was named by itself is answered by itself.
    looked.retain(|file| file.alone || file.content.is_some() || file.part);
    let formless = u64::try_from(all.saturating_sub(looked.len()))?;
    if arguments.hash {
        let cache = arguments.digest_cache.as_deref().map(Digests::open).transpose()?;
        unread.extend(digest::all(&mut looked, cache.as_ref()));
    }
    if arguments.output.is_empty() {
        write(None, show::human(&looked, formless, other_kinds, &unread).as_bytes())?;
    }
    for target in &arguments.output {
        let mut bytes = serde_json::to_vec_pretty(&show::rows(&looked))?;
        bytes.push(b'\n');
        write(target.path.as_deref(), &bytes)?;
    }
    for (path, why) in &unread {
        eprintln!("aibom: inspect {}: {}", show::shown(path), show::clean(why));
    }
    // A folder that was not read to its end must not pass for one that was.
    anyhow::ensure!(unread.is_empty(), "{} files or folders could not be read", unread.len());
    Ok(Outcome::Fine)
}
