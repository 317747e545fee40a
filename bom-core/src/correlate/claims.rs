//! What programs were told, in their environment and arguments: asked at each exec, and of what a sweep finds running.

use std::collections::{BTreeMap, BTreeSet};

use super::Correlator;
use crate::{
    event::{OpenedFile, Task},
    input::{Answer, Request, Work},
    inventory::{Epoch, Image, Unread},
    key::ImageId,
};

/// Set in the numbers of these questions: those of all others are what they are in recordings in which these were
/// never asked.
const OWN: u64 = 1 << 61;

#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: u64,
    waiting: BTreeMap<u64, ImageId>,
}

impl Questions {
    pub(super) fn ask(&mut self, subject: u64, task: &Task, program: &OpenedFile) -> Work {
        self.asked += 1;
        let id = OWN | self.asked;
        self.waiting.insert(id, task.image);
        Work {
            id,
            subject,
            request: Request::Claims,
            file: program.clone(),
            process: task.process,
            mount_namespace: task.mount_namespace,
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.waiting.len()
    }

    /// What was not answered is not known: for an inventory.
    pub(super) fn close(&self, epoch: &mut Epoch) {
        for image in self.waiting.values() {
            if let Some(image) = epoch.images.get_mut(image) {
                image.claims_unread.insert(Unread::Unanswered);
            }
        }
    }
}

impl Correlator {
    /// An answer to none of the questions about files.
    pub(super) fn claimed(&mut self, work: u64, answer: Answer) {
        let Some(image) = self.claims.waiting.remove(&work) else { return };
        let image: &mut Image = self.epoch.images.entry(image).or_default();
        match answer {
            Answer::Claims(claims) => {
                image.claims.extend(claims.said);
                image.stdio.extend(claims.stdio);
                image.claims_unread.extend(claims.cut.then_some(Unread::Cut));
            }
            Answer::Unknown(reason) => image.claims_unread = BTreeSet::from([Unread::Unknown(reason)]),
            // Answers to another question.
            Answer::Inspected(_)
            | Answer::Digest(_)
            | Answer::EarlierDigest(_)
            | Answer::Owner(_)
            | Answer::Located { .. }
            | Answer::Unchanged
            | Answer::Origins(_)
            | Answer::Verified(_) => {
                image.claims_unread.insert(Unread::Unanswered);
            }
        }
    }
}
