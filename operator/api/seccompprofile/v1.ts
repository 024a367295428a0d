import * as v from 'valibot';
import { atomicListOf, int32, int64, kubernetes, rule, setOf } from '../shared/kubernetes.ts';
import { activeWorkloadsSchema, profileStatusEntries, profileSwitch } from '../shared/profile.ts';
import {
  seccompActionSchema,
  seccompArchitectureSchema,
  seccompFlagSchema,
  seccompOperatorSchema,
} from '../shared/seccomp.ts';

const argumentSchema = v.object({
  index: v.pipe(int32(0), v.description('Which argument is compared: 0 is the first.')),
  value: v.optional(
    v.pipe(int64(), v.description('What the argument is compared with; for SCMP_CMP_MASKED_EQ, the mask.')),
  ),
  valueTwo: v.optional(
    v.pipe(int64(), v.description('For SCMP_CMP_MASKED_EQ, the value of the argument under the mask.')),
  ),
  op: v.pipe(seccompOperatorSchema, v.description('How the argument is compared.')),
});

const syscallSchema = v.object({
  names: v.pipe(
    v.array(v.string()),
    v.minLength(1),
    v.check((names) => new Set(names).size === names.length, 'must not have duplicates'),
    kubernetes({ listType: 'set' }),
    v.description('The names of the system calls.'),
  ),
  action: v.pipe(seccompActionSchema, v.description('What the kernel does at these system calls.')),
  errnoRet: v.optional(
    v.pipe(
      int32(0),
      v.description('The error number that SCMP_ACT_ERRNO and SCMP_ACT_TRACE return. EPERM by default.'),
    ),
  ),
  args: v.optional(
    v.pipe(
      v.array(argumentSchema),
      v.maxLength(6),
      kubernetes({ listType: 'atomic' }),
      v.description('Conditions on the arguments. All must hold; otherwise the entry is not for the call.'),
    ),
  ),
});

/** Where a seccomp agent may listen. */
const listenerPath = /^\/var\/run\/security-profiles-operator\/[a-zA-Z0-9_\-.]+$/;

/** The fields of the specification that all versions have. */
export const seccompProfileEntries = {
  baseProfileName: v.optional(
    v.pipe(
      v.string(),
      v.description(
        'The profile whose system calls are added to this one: the name of another SeccompProfile, or oci:// and the reference ' +
          'of an artifact, which must satisfy the trust policy.',
      ),
    ),
  ),
  defaultAction: v.pipe(
    seccompActionSchema,
    v.description('What the kernel does at a system call that no entry of syscalls is for.'),
  ),
  architectures: v.optional(
    v.pipe(
      setOf(seccompArchitectureSchema),
      v.description('The architectures whose system calls are filtered. That of the node by default.'),
    ),
  ),
  listenerPath: v.optional(
    v.pipe(
      v.string(),
      v.regex(listenerPath),
      ...rule<string>({
        rule: "self.matches('^/var/run/security-profiles-operator/[a-zA-Z0-9_.-]+$') && !self.endsWith('/.') && !self.endsWith('/..')",
        message:
          'listenerPath must be the path of a socket directly in /var/run/security-profiles-operator, whose name has only ' +
          'letters, digits, "_", "-" and "."',
        holds: (path) => listenerPath.test(path) && !/\/\.\.?$/.test(path),
      }),
      v.description('The Unix socket of the agent that decides at SCMP_ACT_NOTIFY.'),
    ),
  ),
  listenerMetadata: v.optional(
    v.pipe(v.string(), v.description('Text that the container runtime passes to the agent at listenerPath.')),
  ),
  flags: v.optional(
    v.pipe(setOf(seccompFlagSchema), v.description('Flags with which the filter is loaded, as in seccomp(2).')),
  ),
  syscalls: v.optional(
    v.pipe(
      atomicListOf(syscallSchema),
      v.description('What the kernel does at system calls that do not get the default action.'),
    ),
  ),
};

/** The status, in all versions. */
export const seccompProfileStatusSchema = v.object({
  ...profileStatusEntries,
  path: v.optional(v.pipe(v.string(), v.description('The absolute path of the profile on the nodes.'))),
  localhostProfile: v.optional(
    v.pipe(v.string(), v.description('What a pod writes as seccompProfile.localhostProfile to use the profile.')),
  ),
  activeWorkloads: v.optional(activeWorkloadsSchema),
});

/** SeccompProfile v1. */
export const seccompProfileSchema = v.object({
  spec: v.pipe(
    v.object({ state: v.optional(profileSwitch, 'Enabled'), ...seccompProfileEntries }),
    v.description('The profile.'),
  ),
  status: v.optional(v.pipe(seccompProfileStatusSchema, v.description('What the operator reports of the profile.'))),
});

/** SeccompProfile v1. */
export type SeccompProfile = v.InferOutput<typeof seccompProfileSchema>;
