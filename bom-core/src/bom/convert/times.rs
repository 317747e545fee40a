//! Times of the making of a document: what differs between two documents of the same content.

use serde_json::{Map, Value};

/// An annotation must have a time.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// Removes the document's timestamp and the times of its workflows, and sets those of annotations to the Unix epoch. Times
/// that are content (of a release, a vulnerability, a commit) stay.
pub(super) fn remove(document: &mut Value) {
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("timestamp");
    }
    for annotation in objects(document, "annotations") {
        if annotation.contains_key("timestamp") {
            annotation.insert("timestamp".to_owned(), NO_TIME.into());
        }
    }
    for formula in list(document, "formulation") {
        for workflow in list(formula, "workflows") {
            for task in objects(workflow, "tasks") {
                remove_times(task);
            }
            if let Some(workflow) = workflow.as_object_mut() {
                remove_times(workflow);
            }
        }
    }
}

fn remove_times(map: &mut Map<String, Value>) {
    for key in ["timeStart", "timeEnd"] {
        map.remove(key);
    }
}

fn list<'v>(value: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Value> {
    value.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

fn objects<'v>(value: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Map<String, Value>> {
    list(value, key).filter_map(Value::as_object_mut)
}
