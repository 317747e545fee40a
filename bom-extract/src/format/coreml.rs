//! Core ML: one protobuf message, `Model`.
//!
//! Source: `mlmodel/format/Model.proto` of coremltools: 1 specification version, 2 description (100 metadata: 1 short
//! description, 2 version, 3 author, 4 licence, 100 pairs of the author), 10 updatable, and from 200 on one field that is
//! the model, by kind. Weights of an ML program stand in other files of its package.

use alloc::string::{String, ToString};

use bom_core::metadata::FileKind;

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::protobuf::{Fields, Place, Value, name, text};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Coreml, wants, extract };

/// Specification versions: 1 to 10 so far.
fn wants(prefix: &[u8], _len: u64) -> bool {
    matches!(prefix, [0x08, 1..=30, 0x12, ..])
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let (mut version, mut description, mut kind) = (None, None, None);
    let mut fields = Fields::of(Place { start: 0, end: reader.len() });
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Number(number)) => version = Some(number),
            (2, Value::Bytes(place)) => description = Some(place),
            (10, Value::Number(_)) => {}
            (number @ 200..=3000, Value::Bytes(_)) => match model_kind(number) {
                Some(name) => kind = Some(name),
                None => return Ok(()),
            },
            _ => return Ok(()),
        }
    }
    let (Some(version), Some(description), Some(kind)) = (version, description, kind) else { return Ok(()) };
    draft.claim();
    let model = draft.model();
    model.format_version = Some(version.to_string());
    model.architecture = Some(kind.to_string());
    let mut fields = Fields::of(description);
    while let Some(field) = fields.next(reader, draft)? {
        if let (100, Value::Bytes(place)) = (field.number, field.value) {
            metadata(place, reader, draft)?;
        }
    }
    Ok(())
}

fn metadata(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        let Value::Bytes(place) = field.value else { continue };
        match field.number {
            3 => draft.model().author = text("the author", place, reader, draft)?,
            4 => draft.model().license = text("the licence", place, reader, draft)?,
            1 | 2 => {
                let key = if field.number == 1 { "description" } else { "version" };
                if let Some(value) = text(key, place, reader, draft)? {
                    reader.keep(value.len())?;
                    draft.model().claimed.insert(key.to_string(), value);
                }
            }
            100 => pair(place, reader, draft)?,
            _ => {}
        }
    }
    Ok(())
}

/// One entry of a map: 1 key, 2 value.
fn pair(place: Place, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let (mut key, mut value) = (None, String::new());
    let mut fields = Fields::of(place);
    while let Some(field) = fields.next(reader, draft)? {
        match (field.number, field.value) {
            (1, Value::Bytes(place)) => key = name(place, reader, draft)?,
            (2, Value::Bytes(place)) => value = text("a value", place, reader, draft)?.unwrap_or_default(),
            _ => {}
        }
    }
    let Some(key) = key else { return Ok(()) };
    reader.keep(key.len().saturating_add(value.len()))?;
    draft.model().claimed.insert(key, value);
    Ok(())
}

/// Fields of the `oneof`.
fn model_kind(number: u64) -> Option<&'static str> {
    Some(match number {
        200 => "pipelineClassifier",
        201 => "pipelineRegressor",
        202 => "pipeline",
        300 => "glmRegressor",
        301 => "supportVectorRegressor",
        302 => "treeEnsembleRegressor",
        303 => "neuralNetworkRegressor",
        304 => "bayesianProbitRegressor",
        400 => "glmClassifier",
        401 => "supportVectorClassifier",
        402 => "treeEnsembleClassifier",
        403 => "neuralNetworkClassifier",
        404 => "kNearestNeighborsClassifier",
        500 => "neuralNetwork",
        501 => "itemSimilarityRecommender",
        502 => "mlProgram",
        555 => "customModel",
        556 => "linkedModel",
        560 => "classConfidenceThresholding",
        600 => "oneHotEncoder",
        601 => "imputer",
        602 => "featureVectorizer",
        603 => "dictVectorizer",
        604 => "scaler",
        606 => "categoricalMapping",
        607 => "normalizer",
        609 => "arrayFeatureExtractor",
        610 => "nonMaximumSuppression",
        900 => "identity",
        2000 => "textClassifier",
        2001 => "wordTagger",
        2002 => "visionFeaturePrint",
        2003 => "soundAnalysisPreprocessing",
        2004 => "gazetteer",
        2005 => "wordEmbedding",
        2006 => "audioFeaturePrint",
        3000 => "serializedModel",
        _ => return None,
    })
}
