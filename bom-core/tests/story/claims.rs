//! What programs were told is claimed: it stands with them, and makes nothing of it loaded or called.

use bom_core::{
    claimed::{Claim, Claims, Place, Value},
    input::{Answer, Reason, Request},
};
use serde_json::Value as Json;

use crate::{
    document,
    host::{FakeHost, PYTHON, Thing, reply},
};

fn told(place: Place, name: &str, value: Option<&str>) -> Claim {
    let value = value.map_or(Value::Withheld, |text| Value::Text(text.to_owned()));
    Claim { place, name: name.to_owned(), value }
}

fn started(host: &mut FakeHost, pid: u32, parent: u32, answer: Option<Answer>) {
    host.exec_answering(pid, parent, PYTHON, |request| match request {
        Request::Claims => answer.clone(),
        Request::Inspect
        | Request::Owner
        | Request::Origin
        | Request::Digest
        | Request::Locate
        | Request::Recheck
        | Request::Verify => reply(Thing::Model("aa"), request),
    });
}

fn properties(component: &Json, name: &str) -> Vec<String> {
    let all = component["properties"].as_array().expect("properties").iter();
    let named = all.filter(|property| property["name"] == name);
    named.map(|property| property["value"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_claim_stands_with_its_program_and_its_subject_and_nowhere_else() {
    let mut host = FakeHost::new();
    let said =
        [told(Place::Environment, "OPENAI_MODEL", Some("gpt-4o")), told(Place::Argument, "--model", None)];
    started(
        &mut host,
        100,
        0,
        Some(Answer::Claims(Claims { said: said.clone().into(), ..Claims::default() })),
    );
    let child = Claims { said: [said[0].clone()].into(), cut: true, stdio: None };
    started(&mut host, 101, 100, Some(Answer::Claims(child)));
    started(&mut host, 102, 100, Some(Answer::Unknown(Reason::NotFound)));
    started(&mut host, 103, 100, None);
    let text = document(&host.finish());
    let document: Json = serde_json::from_str(&text).expect("JSON");
    let subject = &document["metadata"]["component"];
    assert_eq!(
        properties(subject, "aibom:claim:setting"),
        ["argument --model (withheld)", "environment OPENAI_MODEL=gpt-4o"]
    );
    let mut unread: Vec<String> = properties(subject, "aibom:claim:settings_unread");
    unread.sort();
    // Runs of one program that did the same are one program.
    assert_eq!(unread, ["cut programs=1", "not-found programs=1", "unanswered programs=1"]);
    let components = document["components"].as_array().expect("components");
    let telling = components.iter().filter(|it| !properties(it, "aibom:claim:setting").is_empty());
    assert!(telling.clone().count() >= 1);
    assert!(telling.clone().all(|it| it["type"] == "application"), "{text}");
    let names =
        components.iter().filter(|it| it["name"].as_str().is_some_and(|name| name.contains("gpt-4o")));
    assert_eq!(names.count(), 0, "no model and no service of that name: {text}");
    assert_eq!(text.matches("gpt-4o").count(), 1 + telling.count(), "{text}");
}

#[test]
fn an_answer_of_another_kind_leaves_the_question_open() {
    let mut host = FakeHost::new();
    started(&mut host, 100, 0, Some(Answer::Digest("00".repeat(32))));
    let text = document(&host.finish());
    assert!(text.contains("unanswered programs=1"), "{text}");
}

#[test]
fn an_accelerator_is_known_by_its_number_whatever_its_node_is_called() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.open_changed(100, "/dev/nvidia0", Thing::Plain, |file| {
        (file.rdev, file.mode, file.key.size) = (195 << 20, 0o020_666, 0);
    });
    host.open_changed(100, "/tmp/harmless", Thing::Plain, |file| {
        (file.rdev, file.mode, file.key.size) = (226 << 20 | 128, 0o020_666, 0);
    });
    host.open_changed(100, "/dev/null", Thing::Plain, |file| {
        (file.rdev, file.mode, file.key.size) = (1 << 20 | 3, 0o020_666, 0);
    });
    let document: Json = serde_json::from_str(&document(&host.finish())).expect("JSON");
    let components = document["components"].as_array().expect("components");
    let devices: Vec<&str> =
        components.iter().filter(|it| it["type"] == "device").filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(devices, ["/dev/nvidia0", "/tmp/harmless"]);
    assert!(document.to_string().contains("nvidia 550.54.15"));
}
