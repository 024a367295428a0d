import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';

/** What a container can run under, with what it means. */
const states = {
  Artifact: 'under an artifact, which nodes verify and enforce',
  LoggedArtifact: 'under an artifact of which nodes only log what it refuses',
  ProfileObject: 'under a profile that is an object of the cluster',
  File: 'under another file of the node',
  RuntimeDefault: 'under the default of the runtime',
  Unset: 'without a profile, unless the kubelet applies the default of the runtime',
  Unconfined: 'without a profile',
  Privileged: 'privileged, so that no profile applies',
  Exempt: 'without seccomp: Windows, and mirror pods',
} as const;
type State = keyof typeof states;

const state = meaning(v.picklist(Object.keys(states) as State[]), 'what kind of profile it runs under');

/** `fairlead cluster why`. */
export const clusterWhy = v.object({
  namespace: text('namespace of the pod'),
  pod: text('name of the pod'),
  exemption: v.optional(text('why no binding is for the pod')),
  places: list(
    v.object({
      place: text('the pod itself, or a container'),
      state: v.optional(state),
      profile: v.optional(text('Localhost profile that it runs under, or waits for')),
      refusal: v.optional(
        meaning(
          v.object({
            node: text('name of the node'),
            kind: text('kind of the error'),
            reason: text('the reason of the node'),
          }),
          'why the container waits: its node refuses the profile',
        ),
      ),
      isOutdated: v.optional(flag('a new pod would run under another profile')),
      isWithdrawn: v.optional(flag('the trust policy no longer allows the artifact that it runs under')),
      bindings: list(
        v.object({
          name: text('name of the binding, after its kind unless that is ArtifactBinding'),
          decides: flag('it is the most specific one'),
          lostBecause: v.optional(text('why another one decides')),
        }),
        'bindings that match, those that decide first',
      ),
      wanted: v.optional(text('Localhost profile that a new pod would get')),
      problem: v.optional(text('why a new pod would be refused, and the next step')),
    }),
    'the pod itself and its containers',
  ),
});

/** `fairlead cluster coverage`. */
export const clusterCoverage = v.object({
  namespaces: list(
    v.object({
      namespace: text('name of the namespace'),
      pods: number('running pods'),
      covered: number(
        'pods whose containers all run under a verified profile: an artifact that nodes enforce, or a profile object',
      ),
      outdated: number('pods that would run under another profile if they were created now'),
      enforce: v.optional(text('value of the label `fairlead.dev/enforce` of the namespace')),
      containers: meaning(
        v.object(
          Object.fromEntries(
            Object.entries(states).map(([each, what]) => [each, number(`containers ${what}`)]),
          ) as Record<State, ReturnType<typeof number>>,
        ),
        'containers by what they run under',
      ),
    }),
    'namespaces with running pods',
  ),
});

/** `fairlead cluster bindings`. */
export const clusterBindings = v.object({
  bindings: list(
    v.object({
      namespace: v.optional(text('namespace of the binding')),
      kind: text('kind of the binding'),
      name: text('name of the binding'),
      mode: meaning(v.picklist(['Enforce', 'Log']), '`Log` if nodes only log what the artifact refuses'),
      pods: number('running pods on which it decides'),
      outdated: number('pods that would run under another profile if they were created now'),
      profiles: texts('Localhost profiles that new pods get'),
      problem: v.optional(text('why new pods get none, or are refused, and the next step')),
      brief: v.optional(text('the problem in a few words')),
      conflictsWith: v.optional(texts('bindings that decide as specifically, so that new pods are refused')),
      nodesAccept: v.optional(
        meaning(
          v.object({
            status: meaning(v.picklist(['True', 'False', 'Unknown']), 'whether they accept it'),
            reason: text('reason of the condition'),
            message: text('which pods wait on which nodes, and why'),
          }),
          'condition NodesAccept of the binding: whether the nodes of its pods accept the artifact',
        ),
      ),
      conflicts: list(
        v.object({ pod: text('namespace and name'), message: text('why it would be refused now, and the next step') }),
        'running pods that would be refused now, at most ten',
      ),
    }),
    'bindings of the namespace and of the cluster',
  ),
});

/** `fairlead cluster outdated`. */
export const clusterOutdated = v.object({
  owners: list(
    v.object({
      namespace: text('namespace'),
      kind: text('kind of what creates the pods, or Pod'),
      name: text('its name'),
      pods: texts('names of the outdated pods'),
      bindings: texts('bindings whose profile they lack'),
      command: v.optional(text('shell command that replaces the pods')),
      note: v.optional(text('what replaces the pods, if no command of kubectl does')),
    }),
    'what has outdated pods',
  ),
  withdrawn: list(
    v.object({
      namespace: text('namespace'),
      kind: text('kind of what creates the pods, or Pod'),
      name: text('its name'),
      pods: texts('names of the pods'),
      bindings: texts('bindings that decide on them'),
    }),
    'what has running pods under an artifact that the trust policy no longer allows; new pods are refused',
  ),
});
