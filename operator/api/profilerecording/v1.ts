import * as v from 'valibot';
import { labelSelectorSchema } from '../label-selector.ts';
import { conditionsSchema } from '../shared/condition.ts';
import { rule, setOf } from '../shared/kubernetes.ts';
import { activeWorkloadsSchema } from '../shared/profile.ts';

/** The names of a version. */
interface Names<Recorder extends string, Strategy extends string> {
  readonly bpf: Recorder;
  readonly logs: Recorder;
  /** The default. */
  readonly none: Strategy;
  readonly containers: Strategy;
}

/** Returns the fields of the specification that all versions have, with the names of one. */
export function profileRecordingEntries<const Recorder extends string, const Strategy extends string>({
  bpf,
  logs,
  none,
  containers,
}: Names<Recorder, Strategy>) {
  return {
    recorder: v.pipe(
      v.picklist([bpf, logs]),
      v.description(
        `How it is recorded: by eBPF programs in the kernel, or from the logs of the kernel. SELinux is recorded from ${logs} only, ` +
          `AppArmor by ${bpf} only.`,
      ),
    ),
    mergeStrategy: v.optional(
      v.pipe(
        v.picklist([none, containers]),
        v.description(
          `Whether the profiles of the same container in several pods are merged into one (${containers}) when the recording is deleted.`,
        ),
      ),
      none,
    ),
    containers: v.optional(
      v.pipe(setOf(v.string()), v.description('The names of the containers that are recorded. All by default.')),
    ),
    disableProfileAfterRecording: v.optional(
      v.pipe(v.boolean(), v.description('Whether the recorded profiles are Disabled, so that no node installs them.')),
      false,
    ),
    podSelector: v.pipe(
      labelSelectorSchema,
      v.description('Which pods of the namespace are recorded, by their labels.'),
    ),
  };
}

interface Recording {
  readonly kind: string;
  readonly recorder: string;
}

/**
 * Returns the actions that refuse a recorder which cannot record the kind of profile. The names of
 * the recorders are those of the version.
 */
export function recorderRules<T extends Recording>(names: { readonly bpf: string; readonly logs: string }) {
  const { bpf, logs } = names;
  return [
    ...rule<T>({
      rule: `self.kind != 'SelinuxProfile' || self.recorder == '${logs}'`,
      message: `recorder must be ${logs} for a SelinuxProfile`,
      fieldPath: '.recorder',
      holds: ({ kind, recorder }) => kind !== 'SelinuxProfile' || recorder === logs,
    }),
    ...rule<T>({
      rule: `self.kind.lowerAscii() != 'apparmorprofile' || self.recorder == '${bpf}'`,
      message: `recorder must be ${bpf} for an AppArmorProfile`,
      fieldPath: '.recorder',
      holds: ({ kind, recorder }) => kind.toLowerCase() !== 'apparmorprofile' || recorder === bpf,
    }),
  ] as const;
}

/** The status, in all versions. */
export const profileRecordingStatus = v.optional(
  v.pipe(
    v.object({
      conditions: v.optional(conditionsSchema),
      activeWorkloads: v.optional(activeWorkloadsSchema),
    }),
    v.description('What the operator reports of the recording.'),
  ),
);

const names = { bpf: 'Bpf', logs: 'Logs', none: 'None', containers: 'Containers' } as const;

const specSchema = v.object({
  kind: v.pipe(
    v.picklist(['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile']),
    v.description('The kind of profile to record.'),
  ),
  ...profileRecordingEntries(names),
});

/** ProfileRecording v1. */
export const profileRecordingSchema = v.object({
  spec: v.pipe(
    specSchema,
    ...recorderRules<v.InferOutput<typeof specSchema>>(names),
    v.description('What is recorded.'),
  ),
  status: profileRecordingStatus,
});

/** ProfileRecording v1. */
export type ProfileRecording = v.InferOutput<typeof profileRecordingSchema>;
