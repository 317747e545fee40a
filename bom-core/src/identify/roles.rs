//! What part a subject plays, from what it was seen doing: never from its name. The rules are rows; a subject can have
//! several roles, or none. What was not watched can hide a role, so "no role" says nothing.

use std::collections::BTreeSet;

use super::view::{McpPart, View};
use crate::{fact::Strength, metadata::ModelRole};

/// Something seen of a subject that a rule can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It can be called: it listens, or has a unix socket that does.
    Serves,
    /// It read or mapped a model, and not as a copier does.
    LoadsModel,
    /// It read or mapped a data set.
    LoadsDataset,
    /// It was connected to a host that serves models, or a gateway to such.
    CallsModels,
    /// It was started with pipes to talk MCP through, and can.
    AnswersMcp,
    /// It started such a program, and can talk to it.
    AsksMcp,
    /// It used a package or library of this role in the catalog.
    Uses(&'static str),
}

/// A role, and what has to be seen for it, all of it.
#[derive(Clone, Copy, Debug)]
pub struct RoleRule {
    pub role: &'static str,
    pub signs: &'static [Sign],
}

use Sign::{AnswersMcp, AsksMcp, CallsModels, LoadsDataset, LoadsModel, Serves, Uses};

pub const ROLES: &[RoleRule] = &[
    RoleRule { role: "agent", signs: &[Uses("agent-framework"), CallsModels] },
    RoleRule { role: "agent", signs: &[Uses("agent-framework"), LoadsModel] },
    RoleRule { role: "agent", signs: &[Uses("coding-agent"), CallsModels] },
    RoleRule { role: "agent", signs: &[Uses("llm-sdk"), Uses("mcp"), CallsModels] },
    RoleRule { role: "gateway", signs: &[Uses("gateway"), Serves, CallsModels] },
    RoleRule { role: "inference-server", signs: &[LoadsModel, Serves] },
    RoleRule { role: "inference-server", signs: &[Uses("inference-server"), Serves] },
    RoleRule { role: "local-inference", signs: &[Uses("inference-runtime"), LoadsModel] },
    RoleRule { role: "mcp-client", signs: &[AsksMcp] },
    RoleRule { role: "mcp-server", signs: &[AnswersMcp] },
    RoleRule { role: "mcp-server", signs: &[Uses("mcp"), Serves] },
    RoleRule { role: "model-client", signs: &[CallsModels] },
    RoleRule { role: "trainer", signs: &[Uses("training"), LoadsDataset, LoadsModel] },
    RoleRule { role: "vector-store", signs: &[Uses("vector-db"), Serves] },
];

/// Kinds of hosts (docs/catalog.md) that answer for models.
const MODEL_HOSTS: [&str; 5] = ["llm-api", "gateway", "agent-api", "multi-ai", "embedding"];

impl Sign {
    /// For documents.
    pub fn text(self) -> String {
        match self {
            Self::Serves => "serves".to_owned(),
            Self::LoadsModel => "loads-model".to_owned(),
            Self::LoadsDataset => "loads-dataset".to_owned(),
            Self::CallsModels => "calls-models".to_owned(),
            Self::AnswersMcp => "answers-mcp-by-stdio".to_owned(),
            Self::AsksMcp => "asks-mcp-by-stdio".to_owned(),
            Self::Uses(role) => format!("uses:{role}"),
        }
    }
}

/// The roles that follow from these signs, each with the rule that says so.
pub fn roles(signs: &BTreeSet<Sign>) -> Vec<&'static RoleRule> {
    ROLES.iter().filter(|rule| rule.signs.iter().all(|sign| signs.contains(sign))).collect()
}

/// What was seen of one subject.
pub(super) fn signs(view: &View, subject: usize) -> BTreeSet<Sign> {
    let mut found = BTreeSet::new();
    if let Some(about) = view.subjects.get(subject)
        && (!about.served.is_empty() || !about.served_unix.is_empty())
    {
        found.insert(Serves);
    }
    for model in &view.models {
        let mut mine = model.uses.iter().filter(|usage| usage.subject == subject);
        if !mine.any(|usage| usage.strength(view) >= Strength::ReadOrMapped) {
            continue;
        }
        match model.metadata.role {
            None | Some(ModelRole::Model | ModelRole::Adapter | ModelRole::Projector) => {
                found.insert(LoadsModel);
            }
            Some(ModelRole::Dataset) => {
                found.insert(LoadsDataset);
            }
            Some(
                ModelRole::ImportanceMatrix
                | ModelRole::Vocabulary
                | ModelRole::Configuration
                | ModelRole::Tokenizer
                | ModelRole::VectorIndex
                | ModelRole::Prompt
                | ModelRole::Skill
                | ModelRole::ToolConfiguration
                | ModelRole::Data,
            ) => {}
        }
    }
    let calls = view.endpoints.iter().any(|endpoint| {
        let kind = endpoint.provider.as_ref().map(|provider| provider.kind.as_str());
        kind.is_some_and(|kind| MODEL_HOSTS.contains(&kind))
            && endpoint.uses.iter().any(|usage| usage.subject == subject)
    });
    if calls {
        found.insert(CallsModels);
    }
    for part in view.programs.iter().filter(|it| it.subject == subject).flat_map(|it| &it.mcp_stdio) {
        match part {
            McpPart::Server => found.insert(AnswersMcp),
            McpPart::Client => found.insert(AsksMcp),
            McpPart::Either => false,
        };
    }
    let packages = view.packages.iter().map(|package| (package.role.as_deref(), &package.uses));
    let libraries = view.libraries.iter().map(|library| (library.role.as_deref(), &library.uses));
    for (role, uses) in packages.chain(libraries) {
        let known = ROLES.iter().flat_map(|rule| rule.signs).find_map(|sign| match sign {
            Uses(name) if role == Some(name) => Some(*sign),
            Uses(_) | Serves | LoadsModel | LoadsDataset | CallsModels | AnswersMcp | AsksMcp => None,
        });
        let used =
            uses.iter().any(|usage| usage.subject == subject && usage.strength(view) >= Strength::Opened);
        found.extend(known.filter(|_| used));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_follow_from_what_was_seen() {
        for (name, signs, expected) in [
            ("nothing", vec![], vec![]),
            ("calls", vec![CallsModels], vec!["model-client"]),
            ("framework_alone", vec![Uses("agent-framework")], vec![]),
            ("agent", vec![Uses("agent-framework"), CallsModels], vec!["agent", "model-client"]),
            (
                "client_of_tools",
                vec![Uses("llm-sdk"), Uses("mcp"), CallsModels],
                vec!["agent", "model-client"],
            ),
            ("server", vec![LoadsModel, Serves], vec!["inference-server"]),
            ("runtime", vec![Uses("inference-runtime"), LoadsModel], vec!["local-inference"]),
            ("tools", vec![Uses("mcp"), Serves], vec!["mcp-server"]),
            ("tools_by_pipe", vec![Uses("mcp"), AnswersMcp], vec!["mcp-server"]),
            ("tools_alone", vec![Uses("mcp")], vec![]),
            ("asks_tools", vec![Uses("mcp"), AsksMcp], vec!["mcp-client"]),
            ("a_copy", vec![Uses("inference-runtime")], vec![]),
            ("trainer", vec![Uses("training"), LoadsDataset, LoadsModel], vec!["trainer"]),
        ] {
            let found: BTreeSet<&str> =
                roles(&signs.into_iter().collect()).into_iter().map(|rule| rule.role).collect();
            assert_eq!(Vec::from_iter(found), expected, "{name}");
        }
    }

    #[test]
    fn rules_are_sorted() {
        let names: Vec<&str> = ROLES.iter().map(|rule| rule.role).collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}
