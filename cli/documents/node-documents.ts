import * as v from 'valibot';
import { flag, list, meaning, number, text, texts } from './fields.ts';

const time = (what: string) => text(`${what} (RFC 3339)`);
const kind = text('kind of profile');
const syscall = text('name of the system call, or its number and architecture');
const operation = text('operation of AppArmor');
const subject = text('path, capability, type of socket, or what else the operation is about');
const count = number('number of records');

const refusal = v.object({
  time: time('when'),
  method: text('call of CRI'),
  kind: text('kind of the error'),
  message: text('reason'),
  pod: v.optional(text('namespace and name of the pod')),
  container: v.optional(text('name of the container')),
});

/** `fairlead node status`. */
export const nodeStatus = v.object({
  version: text('version of the shim'),
  commit: v.optional(text('Git commit that it was built from')),
  startedAt: time('when it started'),
  uptimeSeconds: number('seconds since then'),
  isReady: flag('no check failed'),
  checks: list(
    v.object({ name: text('`runtime`, `policy` or `store`'), problem: v.optional(text('why it failed')) }),
    'what the shim needs',
  ),
  runtime: v.object({
    socket: text('socket of the runtime'),
    name: v.optional(text('its name, if it has answered')),
    version: v.optional(text('its version')),
  }),
  ociProfiles: meaning(
    v.object({
      resolvedBy: v.optional(
        meaning(v.picklist(['runtime', 'shim']), 'who intersects them with the baseline, if the runtime answers'),
      ),
      reason: v.optional(text('why the shim does it although the mode is `auto`, or why that is not known')),
    }),
    'profiles of type OCI',
  ),
  policy: v.object({
    source: text('file of the policy in force'),
    revision: text('hash of the policy and of every file that it names'),
    rules: number('number of its rules'),
    problem: v.optional(text('why the files are not in force, so that an older policy is')),
  }),
  store: v.object({
    directory: text('state directory'),
    artifacts: number('artifacts in it'),
    bytes: number('bytes that they take'),
  }),
  refusals: list(refusal, 'calls that the shim refused, the latest first, at most 20'),
});

/** `fairlead node profiles`. */
export const nodeProfiles = v.object({
  profiles: list(
    v.object({
      kind,
      digest: text('digest of its manifest'),
      references: texts('references by which it was pulled'),
      bytes: number('bytes that it takes, with its signatures'),
      rule: v.optional(text('rule of the policy in force that is for it, if one is')),
      signers: v.optional(texts('who signed it, as verified for the newest of `containers`')),
      lastUsed: time('when it was last asked for'),
      containers: texts('IDs of containers and sandboxes that were created with it'),
    }),
    'artifacts on the node',
  ),
});

/** `fairlead node explain`. */
export const nodeExplain = v.object({
  pod: text('namespace and name'),
  containers: list(
    v.object({
      id: text('ID in the runtime'),
      name: v.optional(text('name of the container; absent for the sandbox')),
      state: text('state of the container, or `sandbox`'),
      artifacts: texts('digests of the artifacts that it was created with'),
      appArmor: v.optional(text('its AppArmor profile in the kernel, if it is one of Fairlead')),
      appArmorElsewhere: v.optional(number('number of containers of other pods that have the same')),
      applied: list(
        v.object({
          time: time('when it was applied'),
          kind,
          reference: text('reference of the artifact'),
          rule: text('rule that allowed it'),
          signers: texts('who signed it'),
          base: v.optional(text('base profile')),
          mode: v.optional(text('`Log` if what only the artifact refuses is logged')),
          installed: v.optional(
            text('path of the effective profile, or its name in the kernel; absent if the runtime resolved it'),
          ),
          constrained: meaning(
            v.record(v.string(), v.number()),
            'by input, the number of dimensions of the profile that it constrained',
          ),
        }),
        'how the artifacts were applied; empty if an older release applied them',
      ),
      runtime: v.object({
        seccomp: v.optional(text('seccomp profile that the runtime reports')),
        appArmor: v.optional(text('AppArmor profile that the runtime reports')),
      }),
      logged: v.optional(
        meaning(
          v.object({
            calls: list(
              v.object({ syscall, count }),
              'system calls that the seccomp profile would have refused, the most frequent first, at most 50',
            ),
            accesses: list(v.object({ operation, subject, count }), 'what the AppArmor profile would have refused'),
            executed: list(
              v.object({ operation, subject, count }),
              'programs that were executed: the AppArmor profile would have refused those that it does not list',
            ),
            omitted: number('number of records that the lists leave out'),
          }),
          'what the kernel has logged of it; only with mode=log',
        ),
      ),
    }),
    'the sandbox and the containers',
  ),
  refusals: list(
    refusal,
    'calls for the pod among the latest 20 that the shim refused since it started, the latest first',
  ),
  kernelLog: v.optional(
    meaning(
      v.object({
        ended: list(
          v.object({ program: text('path or name of the program'), syscall, count }),
          'calls of processes that have ended, so that their container is not known; they may be of other pods',
        ),
        endedAccesses: number(
          'number of accesses of processes that have ended, under a profile that several containers of the pod have',
        ),
        suppressed: number(
          'number of records of the node that the kernel has not printed, because there were too many',
        ),
        notes: texts('why records are missing, and what to do'),
      }),
      'how complete that is; only with mode=log',
    ),
  ),
});

/** `fairlead node gc`. */
export const nodeGc = v.object({
  artifacts: texts('digests of removed artifacts'),
  effective: texts('files of removed effective profiles'),
  appArmor: texts('names of unloaded AppArmor profiles'),
});

/** `fairlead node pull`. */
export const nodePull = v.object({
  reference: text('reference that was pulled'),
  kind,
  digest: text('digest of its manifest'),
  cached: flag('it was on the node already'),
  rule: text('rule that allowed it'),
  signers: texts('who signed it'),
});

/** `fairlead node doctor`. */
export const nodeDoctor = v.object({
  checks: list(
    v.object({
      name: text('what was checked'),
      result: meaning(v.picklist(['ok', 'warning', 'failed']), 'what came out'),
      seen: text('what was found'),
      hint: v.optional(text('what to do')),
    }),
    'the checks',
  ),
});
