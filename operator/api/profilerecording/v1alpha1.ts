import * as v from 'valibot';
import { profileRecordingEntries, profileRecordingStatus, recorderRules } from './v1.ts';

const names = { bpf: 'bpf', logs: 'logs', none: 'none', containers: 'containers' } as const;

const specSchema = v.object({
  kind: v.pipe(
    v.picklist(['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile', 'ApparmorProfile']),
    v.description('The kind of profile to record. ApparmorProfile is deprecated: the spelling of versions before 1.0.'),
  ),
  ...profileRecordingEntries(names),
});

/** ProfileRecording v1alpha1, with the spelling of AppArmorProfile that it had before 1.0. */
export const profileRecordingV1alpha1Schema = v.object({
  spec: v.pipe(
    specSchema,
    ...recorderRules<v.InferOutput<typeof specSchema>>(names),
    v.description('What is recorded.'),
  ),
  status: profileRecordingStatus,
});

/** ProfileRecording v1alpha1. */
export type ProfileRecordingV1alpha1 = v.InferOutput<typeof profileRecordingV1alpha1Schema>;
