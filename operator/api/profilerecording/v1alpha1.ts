import * as v from 'valibot';
import { profileRecordingEntries, profileRecordingStatusSchema, recorderRules } from './v1.ts';

const specSchema = v.object({
  kind: v.pipe(
    v.picklist(['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile', 'ApparmorProfile']),
    v.description('The kind of profile to record. ApparmorProfile is deprecated: the spelling of versions before 1.0.'),
  ),
  recorder: v.pipe(
    v.picklist(['bpf', 'logs']),
    v.description(
      'How it is recorded: by eBPF programs in the kernel, or from the logs of the kernel. SELinux is recorded from logs only, ' +
        'AppArmor by bpf only.',
    ),
  ),
  mergeStrategy: v.optional(
    v.pipe(
      v.picklist(['none', 'containers']),
      v.description(
        'Whether the profiles of the same container in several pods are merged into one (containers) when the recording is deleted.',
      ),
    ),
    'none',
  ),
  ...profileRecordingEntries,
});

/** ProfileRecording v1alpha1, with the spelling of AppArmorProfile that it had before 1.0. */
export const profileRecordingV1alpha1Schema = v.object({
  spec: v.pipe(
    specSchema,
    ...recorderRules<v.InferOutput<typeof specSchema>>({ bpf: 'bpf', logs: 'logs' }),
    v.description('What is recorded.'),
  ),
  status: v.optional(
    v.pipe(profileRecordingStatusSchema, v.description('What the operator reports of the recording.')),
  ),
});

/** ProfileRecording v1alpha1. */
export type ProfileRecordingV1alpha1 = v.InferOutput<typeof profileRecordingV1alpha1Schema>;
