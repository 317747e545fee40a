//! One piece of work, one answer.

use std::sync::Arc;

use bom_core::input::{Answer, Reason, Request, Work};

use super::claims;
use super::content;
use super::namespace::Namespaces;
use super::owner::Owners;
use super::place;
use super::settings::PoolSettings;
use super::store;
use super::verify;
use super::watch::Watch;

/// What every question needs.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) settings: Arc<PoolSettings>,
    pub(super) namespaces: Arc<Namespaces>,
    pub(super) watch: Arc<Watch>,
}

pub(super) fn answer(context: &Context, owners: &mut Owners, work: &Work) -> Answer {
    let outcome = match usable(work) {
        Err(reason) => Err(reason),
        Ok(()) => match work.request {
            Request::Inspect => content::inspect(context, work),
            Request::Digest => content::digest(context, work),
            Request::Owner => owners.owner(context, work).map(Answer::Owner),
            Request::Locate => place::locate(context, work),
            Request::Recheck => content::recheck(context, work),
            Request::Origin => store::origins_of(context, work),
            Request::Verify => verify::verify(context, owners, work),
            Request::Claims => claims::claims(context, work),
        },
    };
    outcome.unwrap_or_else(Answer::Unknown)
}

/// A path the kernel resolved is whole, starts at the root and has no step that leads elsewhere. One of a detached
/// tree (a memfd, a pipe) is a bare name that nothing can be found by.
fn usable(work: &Work) -> Result<(), Reason> {
    // Of a process; where its program lies says nothing.
    if work.request == Request::Claims {
        return Ok(());
    }
    let path = &work.file.path;
    if work.file.is_truncated() {
        // The end of a path leads nowhere; a process that has the file leads to it.
        return match work.request {
            Request::Inspect | Request::Digest | Request::Recheck => Ok(()),
            Request::Owner | Request::Locate | Request::Origin | Request::Verify => {
                Err(Reason::PathTruncated)
            }
            Request::Claims => Ok(()),
        };
    }
    let whole = match work.request {
        Request::Locate => path.bytes().starts_with(b"<"),
        // One that is in memory only is found through a process that has it.
        Request::Inspect | Request::Digest | Request::Recheck => {
            work.file.is_detached() || path.bytes().starts_with(b"/")
        }
        Request::Owner | Request::Origin | Request::Verify => path.bytes().starts_with(b"/"),
        Request::Claims => true,
    };
    if !whole || path.components().any(|part| part == b"." || part == b"..") {
        return Err(Reason::NotFound);
    }
    Ok(())
}
