//! What the providers answer: the smallest JSON that their own SDKs accept, the same each time.

use serde_json::{Value, json};

use super::http::Request;

/// 2023-11-14, so that no answer depends on the clock.
const CREATED: u64 = 1_700_000_000;
const TEXT: &str = "This answer was written before the question.";
/// Six times 0.5 as little-endian `f32`, and the same bytes in base64, which is what the SDKs ask for.
const VECTOR: [f32; 6] = [0.5; 6];
const VECTOR_BASE64: &str = "AAAAPwAAAD8AAAA/AAAAPwAAAD8AAAA/";
/// As many texts as OpenAI takes in one request.
const MAX_TEXTS: usize = 2048;

/// Status code and body for a request, chosen by host and path. Streams are refused: nothing here needs them.
pub(crate) fn answer(request: &Request) -> (u16, Value) {
    let asked = match request.body.as_slice() {
        [] => Value::Null,
        body => match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(_) => return refuse(400, "the body is not JSON"),
        },
    };
    if asked["stream"] == true {
        return refuse(400, "this server has no streams");
    }
    let model = asked["model"].as_str().unwrap_or("unknown");
    match (request.host.as_str(), request.method.as_str(), request.path.as_str()) {
        ("api.openai.com", "POST", "/v1/chat/completions") => (200, chat_completion(model)),
        ("openrouter.ai", "POST", "/api/v1/chat/completions") => (200, passed_on(chat_completion(model))),
        ("api.openai.com", "POST", "/v1/responses") => (200, response(model)),
        ("api.openai.com", "POST", "/v1/embeddings") => (200, embeddings(model, &asked)),
        ("api.anthropic.com", "POST", "/v1/messages") => (200, message(model)),
        ("api.anthropic.com", "POST", "/v1/messages/count_tokens") => (200, json!({"input_tokens": 1})),
        _ => refuse(404, "there is nothing at this path"),
    }
}

/// Providers report an error as an object `error` with a type and a message.
fn refuse(status: u16, message: &str) -> (u16, Value) {
    let error = json!({"type": "invalid_request_error", "message": message, "param": null, "code": null});
    (status, json!({"type": "error", "error": error}))
}

fn chat_completion(model: &str) -> Value {
    json!({
        "id": "chatcmpl-canned", "object": "chat.completion", "created": CREATED, "model": model,
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": TEXT, "refusal": null},
        }],
        "usage": {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15},
    })
}

/// A gateway says who answered.
fn passed_on(mut answer: Value) -> Value {
    answer["provider"] = json!("OpenAI");
    answer["choices"][0]["native_finish_reason"] = json!("stop");
    answer
}

fn response(model: &str) -> Value {
    json!({
        "id": "resp_canned", "object": "response", "created_at": CREATED, "model": model, "status": "completed",
        "output": [{
            "type": "message", "id": "msg_canned", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
        }],
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "temperature": 1.0, "top_p": 1.0,
        "usage": {
            "input_tokens": 7, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 8, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15,
        },
    })
}

fn embeddings(model: &str, asked: &Value) -> Value {
    // One text, one list of token numbers, or a list of either.
    let many = asked["input"].as_array().filter(|many| !many.iter().all(Value::is_number));
    let count = many.map_or(1, Vec::len).min(MAX_TEXTS);
    let vector = if asked["encoding_format"] == "base64" { json!(VECTOR_BASE64) } else { json!(VECTOR) };
    let data: Vec<Value> =
        (0..count).map(|index| json!({"object": "embedding", "index": index, "embedding": vector})).collect();
    json!({
        "object": "list", "model": model, "data": data, "usage": {"prompt_tokens": 7, "total_tokens": 7},
    })
}

fn message(model: &str) -> Value {
    json!({
        "id": "msg_canned", "type": "message", "role": "assistant", "model": model,
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 7, "output_tokens": 8},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_host_and_path() {
        for (row, host, path, body, status, pointer, expected) in [
            ("chat", "api.openai.com", "/v1/chat/completions", r#"{"model":"m"}"#, 200, "/model", json!("m")),
            (
                "responses",
                "api.openai.com",
                "/v1/responses",
                "{}",
                200,
                "/output/0/content/0/text",
                json!(TEXT),
            ),
            (
                "one_text",
                "api.openai.com",
                "/v1/embeddings",
                r#"{"input":"a"}"#,
                200,
                "/data/0/index",
                json!(0),
            ),
            (
                "two_texts",
                "api.openai.com",
                "/v1/embeddings",
                r#"{"input":["a","b"]}"#,
                200,
                "/data/1/index",
                json!(1),
            ),
            ("tokens", "api.openai.com", "/v1/embeddings", r#"{"input":[1,2]}"#, 200, "/data/1", json!(null)),
            ("message", "api.anthropic.com", "/v1/messages", "{}", 200, "/content/0/text", json!(TEXT)),
            ("wrong_host", "api.openai.com", "/v1/messages", "{}", 404, "/type", json!("error")),
            (
                "stream",
                "api.anthropic.com",
                "/v1/messages",
                r#"{"stream":true}"#,
                400,
                "/type",
                json!("error"),
            ),
            ("not_json", "api.anthropic.com", "/v1/messages", "{", 400, "/type", json!("error")),
            ("nothing", "api.openai.com", "/", "", 404, "/type", json!("error")),
            ("not_an_object", "api.openai.com", "/v1/embeddings", "[1]", 200, "/model", json!("unknown")),
        ] {
            let request = Request {
                method: "POST".to_owned(),
                path: path.to_owned(),
                host: host.to_owned(),
                body: body.into(),
                keep_alive: true,
            };
            let (got, answer) = answer(&request);
            assert_eq!(got, status, "{row}");
            assert_eq!(answer.pointer(pointer).unwrap_or(&Value::Null), &expected, "{row}");
        }
    }
}
