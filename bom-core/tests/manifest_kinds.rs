//! Every kind of manifest, one field at a time: what is declared, and on which line.
//!
//! KServe, kagent and Ray objects are written from their public CRD schemas.

use bom_core::{
    declared::{Declared, Force, IssueKind, Item, Origin},
    identify::catalog::Catalog,
    manifest::{Source, read, yaml::Limits},
};

fn declared(files: &[(&str, &str)]) -> Declared {
    let sources: Vec<Source<'_>> =
        files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
    read(&sources, &Catalog::built_in(), &Limits::default()).expect("it can be read")
}

/// `workload: kind name [force] @line field`, for everything that is declared.
fn rows(declared: &Declared) -> Vec<String> {
    let mut rows = Vec::new();
    for workload in &declared.workloads {
        for item in &workload.items {
            rows.push(row(&workload.id.name, item));
        }
    }
    rows.sort();
    rows
}

fn row(workload: &str, item: &Item) -> String {
    let force = match item.force {
        Force::Stated => "",
        Force::Implied => " implied",
        Force::Permitted => " permitted",
    };
    let port = item.port.map_or_else(String::new, |port| format!(":{port}"));
    let revision = item.revision.as_deref().map_or_else(String::new, |revision| format!(" at {revision}"));
    let places: Vec<String> = item
        .origins
        .iter()
        .map(|origin| match origin {
            Origin::Declared { place, field } => format!("@{} {field}", place.line),
            Origin::Observed { reference, .. } => reference.clone(),
        })
        .collect();
    format!("{workload}: {} {}{port}{revision}{force} {}", item.kind.word(), item.name, places.join(" "))
}

#[track_caller]
fn check(name: &str, text: &str, expected: &[&str]) {
    assert_eq!(rows(&declared(&[("m.yaml", text)])), expected, "{name}");
}

/// A pod template below a kind's own fields.
fn pod(indent: usize) -> String {
    let margin = " ".repeat(indent);
    ["spec:", "  containers:", "    - name: c", "      args: [--model, /m/a.gguf]"]
        .map(|line| format!("{margin}{line}\n"))
        .concat()
}

#[test]
fn every_workload_kind_has_its_containers() {
    for (kind, version, before, indent) in [
        ("Pod", "v1", "", 0),
        ("Deployment", "apps/v1", "spec:\n  template:\n", 4),
        ("StatefulSet", "apps/v1", "spec:\n  template:\n", 4),
        ("DaemonSet", "apps/v1", "spec:\n  template:\n", 4),
        ("ReplicaSet", "apps/v1", "spec:\n  template:\n", 4),
        ("ReplicationController", "v1", "spec:\n  template:\n", 4),
        ("Job", "batch/v1", "spec:\n  template:\n", 4),
        ("CronJob", "batch/v1", "spec:\n  jobTemplate:\n    spec:\n      template:\n", 8),
        ("PodTemplate", "v1", "template:\n", 2),
        ("Service", "serving.knative.dev/v1", "spec:\n  template:\n", 4),
        ("Rollout", "argoproj.io/v1alpha1", "spec:\n  template:\n", 4),
        ("RayCluster", "ray.io/v1", "spec:\n  headGroupSpec:\n    template:\n", 6),
        ("RayService", "ray.io/v1", "spec:\n  rayClusterConfig:\n    headGroupSpec:\n      template:\n", 8),
        ("SomethingNew", "example.com/v1", "spec:\n  template:\n", 4),
    ] {
        let text =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: w}}\n{before}{}", pod(indent));
        let line = text.lines().count();
        check(kind, &text, &[&format!("w: model /m/a.gguf @{line} args --model")]);
    }
}

#[test]
fn kinds_without_pods_are_counted() {
    let text = "kind: Service\napiVersion: v1\nmetadata: {name: w}\n---\nkind: Service\n---\nkind: Ingress\n---\nfoo: 1\n";
    let found = declared(&[("m.yaml", text)]);
    assert!(found.workloads.is_empty());
    let kinds: Vec<(&str, u64)> =
        found.other_kinds.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    assert_eq!(kinds, [("(no kind)", 1), ("Ingress", 1), ("Service", 2)]);
    assert_eq!(found.documents, 4);
}

#[test]
fn lists_and_all_sorts_of_containers() {
    check(
        "list",
        "kind: List\nitems:\n- kind: Pod\n  metadata: {name: a}\n  spec:\n    initContainers: [{name: i, args: [--model=/m/i.onnx]}]\n    containers: [{name: c, args: [--model=/m/c.onnx]}]\n    ephemeralContainers: [{name: e, args: [--model=/m/e.onnx]}]\n",
        &[
            "a: model /m/c.onnx @7 args --model",
            "a: model /m/e.onnx @8 args --model",
            "a: model /m/i.onnx @6 args --model",
        ],
    );
}

fn container(text: &str) -> String {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    format!("kind: Pod\nmetadata: {{name: w}}\nspec:\n  containers:\n  - name: c\n{indented}")
}

#[test]
fn commands_and_arguments() {
    for (name, text, expected) in [
        (
            "vllm",
            "command: [vllm, serve, Qwen/Qwen3-8B, --revision, main]",
            &["w: model Qwen/Qwen3-8B at main @6 args vllm"][..],
        ),
        ("ollama", "args: [ollama, run, 'llama3.2:1b']", &["w: model llama3.2:1b @6 args ollama"]),
        ("underscore", "args: [--model_id=a/b]", &["w: model a/b @6 args --model-id"]),
        ("python_module", "command: [python, -m, agent]", &[]),
        ("llama_cpp", "command: [llama-server, -m, /m/x.gguf]", &["w: model /m/x.gguf @6 args -m"]),
        (
            "adapters",
            "args: [--lora-modules, a=/l/a, b=/l/b, --port, '1']",
            &["w: adapter /l/a @6 args --lora-modules", "w: adapter /l/b @6 args --lora-modules"],
        ),
        (
            "shell_block",
            "command: [sh, -c]\nargs:\n- |\n  set -e\n  exec vllm serve a/b --quantization AWQ\n",
            &["w: model a/b @10 args vllm"],
        ),
        (
            "expansion",
            "env: [{name: M, value: a/b}]\nargs: [--model, $(M)]",
            &["w: model a/b @7 args --model"],
        ),
        ("npx", "command: [npx, -y, '@acme/server@1.2.3']", &["w: program @acme/server @6 args npx"]),
        (
            "url",
            "args: ['--collector=http://otel.mon.svc:4318/v1']",
            &["w: endpoint otel.mon.svc:4318 @6 args"],
        ),
    ] {
        check(name, &container(text), expected);
    }
}

#[test]
fn variables() {
    for (name, text, expected) in [
        (
            "base_url_answers_the_key",
            "env:\n- {name: OPENAI_BASE_URL, value: 'https://gw.corp.example/v1'}\n- {name: OPENAI_API_KEY, value: secret}",
            &["w: endpoint gw.corp.example:443 @7 env OPENAI_BASE_URL"][..],
        ),
        (
            "key_alone_implies",
            "env:\n- name: ANTHROPIC_API_KEY\n  valueFrom: {secretKeyRef: {name: s, key: k}}",
            &["w: endpoint api.anthropic.com:443 implied @7 env ANTHROPIC_API_KEY"],
        ),
        (
            "ollama_port",
            "env: [{name: OLLAMA_HOST, value: ollama}]",
            &["w: endpoint ollama:11434 @6 env OLLAMA_HOST"],
        ),
        ("listening", "env: [{name: OLLAMA_HOST, value: '0.0.0.0:11434'}]", &[]),
        (
            "any_url",
            "env: [{name: CRM, value: 'https://crm.example/api?t=1'}]",
            &["w: endpoint crm.example:443 @6 env CRM"],
        ),
        ("plain", "env: [{name: LOG_LEVEL, value: debug}]", &[]),
        (
            "model_and_revision",
            "env: [{name: HF_MODEL_ID, value: a/b}, {name: HF_MODEL_REVISION, value: abc}]",
            &["w: model a/b at abc @6 env HF_MODEL_ID"],
        ),
    ] {
        check(name, &container(text), expected);
    }
}

#[test]
fn config_maps_are_resolved_and_missing_ones_said() {
    let pod = "kind: Pod\nmetadata: {name: w, namespace: n}\nspec:\n  containers:\n  - name: c\n    envFrom: [{configMapRef: {name: a}}, {configMapRef: {name: gone}}]\n    volumeMounts: [{name: v, mountPath: /etc/llm}]\n  volumes: [{name: v, configMap: {name: b}}]\n";
    let maps = "kind: ConfigMap\nmetadata: {name: a, namespace: n}\ndata:\n  OPENAI_MODEL: gpt-x\n---\nkind: ConfigMap\nmetadata: {name: b, namespace: n}\ndata:\n  config.yaml: |\n    model_list:\n    - model_name: fast\n      litellm_params:\n        model: anthropic/claude-x\n        api_key: os.environ/KEY\n    mcp_servers:\n      docs: {url: 'https://docs.example/mcp'}\n";
    let found = declared(&[("pod.yaml", pod), ("maps.yaml", maps)]);
    assert_eq!(
        rows(&found),
        [
            "w: endpoint api.anthropic.com:443 @13 model_list[].litellm_params",
            "w: endpoint docs.example:443 @16 mcpServers url",
            "w: mcp-server docs @16 mcpServers",
            "w: model claude-x @13 model_list[].litellm_params",
            "w: model gpt-x @4 ConfigMap a OPENAI_MODEL",
        ]
    );
    let issues: Vec<_> = found.issues.iter().map(|issue| (issue.kind, issue.place.to_string())).collect();
    assert_eq!(issues, [(IssueKind::Unresolved, "pod.yaml:6".to_owned())]);
}

#[test]
fn a_litellm_proxy_configuration_by_itself() {
    let text = "model_list:\n- model_name: fast\n  litellm_params: {model: anthropic/claude-x, api_key: os.environ/KEY}\n- model_name: own\n  litellm_params:\n    model: openai/qwen\n    api_base: http://vllm.example:8000/v1\n- model_name: elsewhere\n  litellm_params: {model: openai/gpt-x, api_base: os.environ/BASE}\nmcp_servers:\n  docs: {url: 'https://docs.example/mcp'}\n";
    let found = declared(&[("deploy/gateway/config.yaml", text)]);
    assert_eq!(
        rows(&found),
        [
            "gateway: endpoint api.anthropic.com:443 @3 model_list[].litellm_params",
            "gateway: endpoint docs.example:443 @11 mcpServers.<name> url",
            "gateway: endpoint vllm.example:8000 @7 model_list[].litellm_params",
            "gateway: mcp-server docs @11 mcpServers.<name>",
            "gateway: model claude-x @3 model_list[].litellm_params",
            "gateway: model gpt-x @9 model_list[].litellm_params",
            "gateway: model qwen @6 model_list[].litellm_params",
        ]
    );
    // That of the third is not in the input, and the provider's usual one is not meant.
    let issues: Vec<_> = found.issues.iter().map(|issue| (issue.kind, issue.place.to_string())).collect();
    assert_eq!(issues, [(IssueKind::Unknowable, "deploy/gateway/config.yaml:9".to_owned())]);
    let kinds: Vec<&str> = found.workloads.iter().map(|workload| workload.id.kind.as_str()).collect();
    assert_eq!(kinds, ["litellm-proxy"]);
    check("another_list_of_models", "model_list:\n- name: x\n  model: y\n", &[]);
}

#[test]
fn inference_objects() {
    for (name, text, expected) in [
        (
            "kserve_container",
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: w}\nspec:\n  predictor:\n    containers:\n    - name: kserve-container\n      env:\n      - {name: STORAGE_URI, value: 'pvc://claim/llm/qwen'}\n",
            &["w: model pvc://claim/llm/qwen @9 env STORAGE_URI"][..],
        ),
        (
            "storage_of_something_else",
            "kind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n  - name: c\n    env:\n    - {name: STORAGE_URI, value: 'postgres://db.example/x'}\n",
            &["w: endpoint db.example:5432 @7 env STORAGE_URI"],
        ),
        (
            "kserve_several",
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: w}\nspec:\n  predictor:\n    model:\n      modelFormat: {name: vllm}\n      storageUris:\n      - {uri: 'hf://a/b', mountPath: /mnt/a}\n      - {uri: 's3://bucket/lora'}\n",
            &[
                "w: model a/b @9 spec.predictor.storageUris[].uri",
                "w: model s3://bucket/lora @10 spec.predictor.storageUris[].uri",
            ],
        ),
        (
            "kserve_trained",
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: w, namespace: n}\nspec:\n  predictor: {minReplicas: 1}\n---\napiVersion: serving.kserve.io/v1alpha1\nkind: TrainedModel\nmetadata: {name: t, namespace: n}\nspec:\n  inferenceService: w\n  model: {storageUri: 'gs://bucket/t', framework: sklearn, memory: 1Gi}\n---\napiVersion: serving.kserve.io/v1alpha1\nkind: TrainedModel\nmetadata: {name: u, namespace: other}\nspec:\n  inferenceService: w\n  model: {storageUri: 'gs://bucket/u'}\n",
            &["w: model gs://bucket/t @12 spec.model.storageUri"],
        ),
        (
            "kserve",
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: w}\nspec:\n  predictor:\n    model:\n      modelFormat: {name: sklearn}\n      storageUri: s3://bucket/iris\n",
            &["w: model s3://bucket/iris @8 spec.predictor.model.storageUri"],
        ),
        (
            "kserve_old",
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: w}\nspec:\n  predictor:\n    sklearn:\n      storageUri: hf://a/b\n",
            &["w: model a/b @7 spec.predictor.<framework>.storageUri"],
        ),
        (
            "kserve_runtime",
            "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: w}\nspec:\n  predictor:\n    model: {runtime: r, storageUri: hf://a/b}\n---\nkind: ServingRuntime\nmetadata: {name: r}\nspec:\n  containers:\n  - name: k\n    image: r.example/k:1\n",
            &[
                "w: image r.example/k @13 containers[].image",
                "w: model a/b @6 spec.predictor.model.storageUri",
            ],
        ),
        (
            "llm",
            "apiVersion: serving.kserve.io/v1alpha1\nkind: LLMInferenceService\nmetadata: {name: w}\nspec:\n  model:\n    uri: hf://a/b\n    lora:\n      adapters:\n      - uri: hf://a/c\n",
            &["w: adapter a/c @9 spec.model.uri", "w: model a/b @6 spec.model.uri"],
        ),
        (
            "kagent",
            "apiVersion: kagent.dev/v1alpha2\nkind: Agent\nmetadata: {name: w}\nspec:\n  declarative:\n    modelConfig: m\n    tools:\n    - mcpServer: {name: t}\n---\napiVersion: kagent.dev/v1alpha2\nkind: ModelConfig\nmetadata: {name: m}\nspec:\n  provider: Anthropic\n  model: claude-x\n---\napiVersion: kagent.dev/v1alpha2\nkind: RemoteMCPServer\nmetadata: {name: t}\nspec:\n  url: https://tools.example/mcp\n",
            &[
                "t: endpoint tools.example:443 @21 spec",
                "w: endpoint api.anthropic.com:443 @14 spec.model",
                "w: endpoint tools.example:443 @21 spec",
                "w: mcp-server t @8 spec.declarative.tools[].mcpServer",
                "w: model claude-x @15 spec.model",
            ],
        ),
        (
            "ray_serve",
            "apiVersion: ray.io/v1\nkind: RayService\nmetadata: {name: w}\nspec:\n  serveConfigV2: |\n    applications:\n    - args:\n        llm_configs:\n        - model_loading_config:\n            model_id: q\n            model_source: Qwen/Q\n",
            &["w: model Qwen/Q @11 serveConfigV2"],
        ),
    ] {
        check(name, text, expected);
    }
}

#[test]
fn policies_permit_what_they_select() {
    let pod = "kind: Pod\nmetadata: {name: w, namespace: n, labels: {app: a}}\nspec: {containers: [{name: c}]}\n---\n";
    for (name, policy, expected) in [
        (
            "cilium",
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: n}\nspec:\n  endpointSelector: {matchLabels: {'k8s:app': a}}\n  egress:\n  - toFQDNs: [{matchName: api.openai.com}, {matchPattern: '*.hf.co'}]\n    toPorts: [{ports: [{port: '443'}]}]\n",
            &[
                "w: endpoint *.hf.co:443 permitted @11 spec.egress[].toFQDNs",
                "w: endpoint api.openai.com:443 permitted @11 spec.egress[].toFQDNs",
            ][..],
        ),
        (
            "cilium_other_pod",
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\nspec:\n  endpointSelector: {matchLabels: {app: b}}\n  egress: [{toFQDNs: [{matchName: x.example}]}]\n",
            &[],
        ),
        (
            "cilium_other_namespace",
            "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: m}\nspec:\n  endpointSelector: {}\n  egress: [{toFQDNs: [{matchName: x.example}]}]\n",
            &[],
        ),
        (
            "istio",
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: p, namespace: n}\nspec:\n  hosts: [api.x.ai]\n  ports: [{number: 443, name: tls}]\n",
            &["w: endpoint api.x.ai:443 permitted @9 spec.hosts"],
        ),
        (
            "everybody",
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: p, namespace: n}\nspec:\n  hosts: ['*']\n",
            &[],
        ),
    ] {
        check(name, &format!("{pod}{policy}"), expected);
    }
}

#[test]
fn compose_and_mcp_clients() {
    check(
        "compose",
        "name: p\nx-env: &env\n  OPENAI_API_KEY: ${KEY}\nservices:\n  app:\n    image: acme/app:${TAG:-1.0}\n    command: python -m app --model ./models/x.onnx\n    environment:\n      <<: *env\n      QDRANT_URL: http://qdrant:6333\n    models: [llm]\n  qdrant:\n    image: qdrant/qdrant@sha256:0000000000000000000000000000000000000000000000000000000000000000\nmodels:\n  llm: {model: ai/smollm2}\n",
        &[
            "app: endpoint api.openai.com:443 implied @3 env OPENAI_API_KEY",
            "app: endpoint qdrant:6333 @10 env QDRANT_URL",
            "app: image acme/app @6 containers[].image",
            "app: model ./models/x.onnx @7 args --model",
            "app: model ai/smollm2 @15 models.<name>.model",
            "qdrant: image qdrant/qdrant @13 containers[].image",
        ],
    );
    let found = declared(&[(
        "repo/.mcp.json",
        "{\n  \"mcpServers\": {\n    \"files\": {\"command\": \"npx\", \"args\": [\"-y\", \"@modelcontextprotocol/server-filesystem@1.0.0\", \"/data\"]},\n    \"docs\": {\"url\": \"https://mcp.example/sse\"},\n    \"off\": {\"command\": \"x\", \"disabled\": true}\n  }\n}\n",
    )]);
    assert_eq!(
        rows(&found),
        [
            "repo: endpoint mcp.example:443 @4 mcpServers.<name> url",
            "repo: mcp-server docs @4 mcpServers.<name>",
            "repo: mcp-server files @3 mcpServers.<name>",
        ]
    );
    let files = found.workloads.iter().flat_map(|workload| &workload.items).find(|item| item.name == "files");
    let purl = files.and_then(|item| item.purl.as_ref()).map(ToString::to_string);
    assert_eq!(purl.as_deref(), Some("pkg:npm/%40modelcontextprotocol/server-filesystem@1.0.0"));
}

#[test]
fn a_declaration_stands_above_the_manifest() {
    let manifest = container("args: [--model, a/b]\nenv: [{name: X, value: 'https://x.example'}]");
    let declaration = "apiVersion: aibom/v1\nworkloads:\n- name: w\n  models: [{repository: a/b, revision: 0123456789012345678901234567890123456789}]\n";
    let found = declared(&[("m.yaml", &manifest), ("aibom.yaml", declaration)]);
    assert_eq!(
        rows(&found),
        [
            "w: endpoint x.example:443 @7 env X",
            "w: model a/b at 0123456789012345678901234567890123456789 @4 workloads[] @6 args --model",
        ]
    );
    let annotated = manifest.replace(
        "metadata: {name: w}",
        "metadata:\n  name: w\n  annotations:\n    aibom/declaration: |\n      models:\n      - {path: /m/z.gguf}",
    );
    let found = declared(&[("m.yaml", &annotated)]);
    assert!(rows(&found).contains(&"w: model z.gguf @7 workloads[]".to_owned()), "{:?}", rows(&found));
}

#[test]
fn a_misspelt_declaration_is_said() {
    for (text, line, words) in [
        ("apiVersion: aibom/v1\nworkloads:\n- name: w\n  model: []\n", 4, "unknown key \"model\""),
        (
            "apiVersion: aibom/v1\nworkloads:\n- name: w\n  models: [{name: x, digest: 'sha256:12'}]\n",
            4,
            "is no digest",
        ),
        ("apiVersion: aibom/v1\nworkloads:\n- name: w\n  endpoints: ['*']\n", 4, "is no host"),
        ("apiVersion: aibom/v1\nworkloads:\n- name: w\n  complete: [modles]\n", 4, "unknown class"),
    ] {
        let found = declared(&[("aibom.yaml", text)]);
        let issue = found.issues.first().unwrap_or_else(|| panic!("{text} has an issue"));
        assert!(issue.text.contains(words), "{}: {text}", issue.text);
        assert_eq!(issue.place.line, line, "{text}");
    }
    let sources = [Source { name: "aibom.yaml", bytes: b"apiVersion: aibom/v9\nworkloads: []\n" }];
    let error =
        read(&sources, &Catalog::default(), &Limits::default()).expect_err("a version that we do not know");
    assert_eq!(error.to_string(), "read aibom.yaml: line 1: apiVersion \"aibom/v9\" is not aibom/v1");
}

#[test]
fn pods_of_unknown_kinds_are_found_where_they_stand() {
    check(
        "operator",
        "apiVersion: kubernetes.dask.org/v1\nkind: DaskCluster\nmetadata: {name: w}\nspec:\n  worker:\n    replicas: 2\n    spec:\n      containers:\n      - name: worker\n        args: [--model, /m/a.gguf]\n",
        &["w: model /m/a.gguf @10 args --model"],
    );
}

#[test]
fn templates_are_refused_with_what_to_do() {
    let sources =
        [Source { name: "t.yaml", bytes: b"kind: Pod\nspec: {{ .Values.x }}\n{{- if x }}\n  - a\n" }];
    let error = read(&sources, &Catalog::default(), &Limits::default()).expect_err("no YAML");
    assert!(error.to_string().contains("render it first"), "{error}");
}
