//! The parts of the operators' published schemas that the manifests use, copied by hand from KEDA 2.20, RabbitMQ's
//! cluster operator 2.22, the Prometheus operator 0.93 and External Secrets 2.9. A field that is not here is
//! refused, so a new one must be looked up first.

use super::custom::Field;
use super::custom::Form::{self, Flag, Many, NumberOrText, OneOf, Span, Text, Whole};

const fn may(path: &'static str, form: Form) -> Field {
    Field { path, form, must: false }
}

/// Where its parent is, it must be, too.
const fn must(path: &'static str, form: Form) -> Field {
    Field { path, form, must: true }
}

/// The API version of a kind, and its fields. `[]` is each item of a list, `*` each key of a map.
pub(super) fn schema(kind: &str) -> (&'static str, &'static [Field]) {
    match kind {
        "ScaledObject" => ("keda.sh/v1alpha1", SCALED_OBJECT),
        "TriggerAuthentication" => ("keda.sh/v1alpha1", TRIGGER_AUTHENTICATION),
        "RabbitmqCluster" => ("rabbitmq.com/v1beta1", RABBITMQ_CLUSTER),
        "PodMonitor" => ("monitoring.coreos.com/v1", POD_MONITOR),
        "PrometheusRule" => ("monitoring.coreos.com/v1", PROMETHEUS_RULE),
        "ExternalSecret" => ("external-secrets.io/v1", EXTERNAL_SECRET),
        other => panic!("no schema of {other} stands here"),
    }
}

const POLICY_TYPES: Form = OneOf(&["Pods", "Percent"]);
const SCALED_OBJECT: &[Field] = &[
    must("spec.scaleTargetRef", Many),
    must("spec.scaleTargetRef.name", Text),
    may("spec.scaleTargetRef.kind", Text),
    may("spec.scaleTargetRef.apiVersion", Text),
    may("spec.pollingInterval", Whole(1)),
    may("spec.cooldownPeriod", Whole(0)),
    may("spec.minReplicaCount", Whole(0)),
    may("spec.maxReplicaCount", Whole(1)),
    may("spec.fallback", Many),
    must("spec.fallback.failureThreshold", Whole(0)),
    must("spec.fallback.replicas", Whole(0)),
    may(
        "spec.fallback.behavior",
        OneOf(&[
            "static",
            "currentReplicas",
            "currentReplicasIfHigher",
            "currentReplicasIfLower",
            "scalingModifiers",
        ]),
    ),
    may("spec.advanced.restoreToOriginalReplicaCount", Flag),
    may("spec.advanced.horizontalPodAutoscalerConfig.behavior.*.stabilizationWindowSeconds", Whole(0)),
    may("spec.advanced.horizontalPodAutoscalerConfig.behavior.*.policies.[]", Many),
    must("spec.advanced.horizontalPodAutoscalerConfig.behavior.*.policies.[].type", POLICY_TYPES),
    must("spec.advanced.horizontalPodAutoscalerConfig.behavior.*.policies.[].value", Whole(1)),
    must("spec.advanced.horizontalPodAutoscalerConfig.behavior.*.policies.[].periodSeconds", Whole(1)),
    must("spec.triggers", Many),
    must("spec.triggers.[].type", OneOf(&["rabbitmq"])),
    must("spec.triggers.[].metadata", Many),
    // What the scaler itself reads of `metadata`, which is text throughout.
    must("spec.triggers.[].metadata.host", Text),
    must("spec.triggers.[].metadata.queueName", Text),
    must("spec.triggers.[].metadata.mode", OneOf(&["QueueLength"])),
    must("spec.triggers.[].metadata.value", Text),
    may("spec.triggers.[].metadata.activationValue", Text),
    may("spec.triggers.[].metadata.protocol", OneOf(&["http", "amqp", "auto"])),
    may("spec.triggers.[].metadata.vhostName", Text),
    may("spec.triggers.[].metadata.excludeUnacknowledged", OneOf(&["true", "false"])),
    may("spec.triggers.[].metadata.timeout", Text),
    may("spec.triggers.[].authenticationRef", Many),
    must("spec.triggers.[].authenticationRef.name", Text),
    may(
        "spec.triggers.[].authenticationRef.kind",
        OneOf(&["TriggerAuthentication", "ClusterTriggerAuthentication"]),
    ),
];

const TRIGGER_AUTHENTICATION: &[Field] = &[
    may("spec.secretTargetRef.[]", Many),
    must(
        "spec.secretTargetRef.[].parameter",
        OneOf(&["host", "username", "password", "protocol", "vhostName"]),
    ),
    must("spec.secretTargetRef.[].name", Text),
    must("spec.secretTargetRef.[].key", Text),
];

const RABBITMQ_CLUSTER: &[Field] = &[
    may("spec.image", Text),
    may("spec.replicas", Whole(0)),
    may("spec.resources.requests.*", NumberOrText),
    may("spec.resources.limits.*", NumberOrText),
    may("spec.persistence.storage", NumberOrText),
    may("spec.persistence.storageClassName", Text),
    may("spec.terminationGracePeriodSeconds", Whole(0)),
    may("spec.rabbitmq.additionalConfig", Text),
    may("spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.[]", Many),
    must("spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.[].topologyKey", Text),
    may(
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.[].labelSelector.matchLabels.*",
        Text,
    ),
];

const POD_MONITOR: &[Field] = &[
    may("spec.jobLabel", Text),
    must("spec.selector", Many),
    may("spec.selector.matchLabels.*", Text),
    may("spec.selector.matchExpressions.[]", Many),
    must("spec.selector.matchExpressions.[].key", Text),
    must("spec.selector.matchExpressions.[].operator", OneOf(&["In", "NotIn", "Exists", "DoesNotExist"])),
    may("spec.selector.matchExpressions.[].values.[]", Text),
    may("spec.podMetricsEndpoints.[].port", Text),
    may("spec.podMetricsEndpoints.[].path", Text),
    may("spec.podMetricsEndpoints.[].params.*.[]", Text),
    may("spec.podMetricsEndpoints.[].interval", Span),
    may("spec.podMetricsEndpoints.[].scrapeTimeout", Span),
];

const PROMETHEUS_RULE: &[Field] = &[
    must("spec.groups", Many),
    must("spec.groups.[].name", Text),
    may("spec.groups.[].interval", Span),
    may("spec.groups.[].limit", Whole(0)),
    may("spec.groups.[].labels.*", Text),
    may("spec.groups.[].rules.[]", Many),
    must("spec.groups.[].rules.[].expr", NumberOrText),
    may("spec.groups.[].rules.[].alert", Text),
    may("spec.groups.[].rules.[].record", Text),
    may("spec.groups.[].rules.[].for", Span),
    may("spec.groups.[].rules.[].keep_firing_for", Span),
    may("spec.groups.[].rules.[].labels.*", Text),
    may("spec.groups.[].rules.[].annotations.*", Text),
];

const STORES: Form = OneOf(&["SecretStore", "ClusterSecretStore"]);
const EXTERNAL_SECRET: &[Field] = &[
    may("spec.refreshInterval", Text),
    may("spec.secretStoreRef.kind", STORES),
    may("spec.secretStoreRef.name", Text),
    may("spec.target.name", Text),
    may("spec.target.creationPolicy", OneOf(&["Owner", "Orphan", "Merge", "None", "CreateOrMerge"])),
    may("spec.target.deletionPolicy", OneOf(&["Delete", "Merge", "Retain"])),
    may("spec.data.[]", Many),
    must("spec.data.[].secretKey", Text),
    must("spec.data.[].remoteRef", Many),
    must("spec.data.[].remoteRef.key", Text),
    may("spec.data.[].remoteRef.property", Text),
];
