/** Roles for users of the APIs, which the operator itself does not have. */
export const rolesOfUsers = `\
# Users who may view a namespace may see what its pods are bound to, and why.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fairlead-artifactbindings-view
  labels:
    rbac.authorization.k8s.io/aggregate-to-view: "true"
rules:
  - apiGroups: [fairlead.dev]
    resources: [artifactbindings, profileartifacts]
    verbs: [get, list, watch]
---
# For the team that decides on profiles. Not aggregated to edit or admin: a binding restricts the
# users who write the pods.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fairlead-artifactbindings-edit
rules:
  - apiGroups: [fairlead.dev]
    resources: [artifactbindings, profileartifacts]
    verbs: [get, list, watch, create, update, patch, delete, deletecollection]
---
# For those who ask what pods run under, and why (kubectl fairlead). Bind it in the whole cluster.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fairlead-view
rules:
  - apiGroups: [fairlead.dev]
    resources: [artifactbindings, clusterartifactbindings, profileartifacts, clusterprofileartifacts, trustpolicies]
    verbs: [get, list, watch]
  - apiGroups: [security-profiles-operator.x-k8s.io]
    resources: [profilebindings, seccompprofiles]
    verbs: [get, list, watch]
  - apiGroups: [""]
    resources: [pods, namespaces]
    verbs: [get, list, watch]
  - apiGroups: [batch]
    resources: [jobs]
    verbs: [get, list, watch]
`;

/** A role that the operator has only in namespaces whose administrators bind it there. */
export const pullSecretsRole = `\
# Lets the operator read the pull secrets of a namespace, for its ProfileArtifacts. No binding
# refers to it: an administrator of the namespace binds it there to the ServiceAccount
# fairlead-operator of the namespace fairlead-system.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fairlead-pull-secrets
rules:
  - apiGroups: [""]
    resources: [secrets]
    verbs: [get]
`;
