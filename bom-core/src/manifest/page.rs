//! docs/declared.md, from the tables.

use std::fmt::Write as _;

use super::{
    fields,
    settings::{ARGUMENTS, ENVIRONMENT, PROGRAMS, Starts},
};

/// The page.
pub fn page() -> String {
    let mut text = String::from(OPENING);
    text.push_str("\n## Fields\n\n| document | field | declares |\n|---|---|---|\n");
    for field in fields::ALL {
        let _ = writeln!(text, "| {} | `{}` | {} |", field.of, field.name, field.declares);
    }
    text.push_str("\n## Variables\n\nIn `env`, `envFrom`, Compose's `environment` and the `env` of MCP servers. Any other variable whose value is a\nURL declares an endpoint.\n\n| variable | declares |\n|---|---|\n");
    for (name, says) in ENVIRONMENT {
        let _ = writeln!(text, "| `{name}` | {} |", says.words());
    }
    text.push_str("\n## Arguments\n\nIn `command` and `args`, also inside `sh -c`, with the value behind them or behind a `=`; `_` and `-` are the same.\nAny other word that is a URL declares an endpoint.\n\n| argument | declares |\n|---|---|\n");
    for (name, says) in ARGUMENTS {
        let _ = writeln!(text, "| `{name}` | {} |", says.words());
    }
    text.push_str("\n## Programs\n\n| command | declares |\n|---|---|\n");
    for (program, before, starts) in PROGRAMS {
        let words: Vec<&str> = [*program].into_iter().chain(before.iter().copied()).collect();
        let what = match starts {
            Starts::Package(ecosystem) => format!("program: the {ecosystem} package NAME"),
            Starts::Model(store) => format!("model NAME ({store})"),
            Starts::Container => "image NAME".to_owned(),
        };
        let _ = writeln!(text, "| `{} NAME` | {what} |", words.join(" "));
    }
    text.push_str(CLOSING);
    text
}

const OPENING: &str = "\
# What a manifest declares

`aibom diff` reads the deploy manifests that a team already has. This page is made from the tables in
`bom-core/src/manifest` (`cargo xtask bless declared_page`); what is not listed declares nothing.

Workloads are Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob, PodTemplate,
Knative Service and Configuration, Argo Rollout, InferenceService, LLMInferenceService, RayCluster, RayJob, RayService,
kagent Agent and MCPServer, every service of a Compose file, every MCP client configuration, every LiteLLM proxy
configuration, and any other kind that has a pod template. Other kinds are counted and declare nothing. Init, sidecar and
ephemeral containers belong to their workload.
";

const CLOSING: &str = "
## How it is read

- Nothing is fetched, and no cluster is asked. What is not in the input (a ConfigMap, a ServingRuntime) is reported with its
  place, and so is a value that is only known after rendering: render first, then compare
  (`helm template . | aibom diff - agent.cdx.json`).
- Values of secrets are never read. That a variable holds a provider's key implies the provider's usual endpoint.
- Of a URL only scheme, host and port are kept.
- A policy permits and never requires: what it permits and nobody calls is no finding.
- A model behind an address cannot be seen from outside (`not-observable`).
- The first of two equal keys in one mapping is read, and the second is reported.
- Files up to 32 MiB, 100 levels, 2,000,000 values and 64 MiB of text, aliases counted with all they stand for.
";
