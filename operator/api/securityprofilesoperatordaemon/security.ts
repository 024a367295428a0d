import * as v from 'valibot';
import { atomicListOf, rule, setOf } from '../shared/kubernetes.ts';
import { type SeccompAction, seccompActionSchema } from '../shared/seccomp.ts';

/** The actions that let a system call happen, which allowedSeccompActions may name. */
const permissive: readonly SeccompAction[] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE', 'SCMP_ACT_NOTIFY'];

/** Which system calls a SeccompProfile may allow. */
export const allowedSyscallsEntries = {
  allowedSyscalls: v.optional(
    v.pipe(
      setOf(v.string()),
      v.description(
        'The only system calls that a SeccompProfile may let happen (SCMP_ACT_ALLOW, LOG, TRACE, NOTIFY), and none by default. ' +
          'No restriction if empty.',
      ),
    ),
  ),
  allowedSeccompActions: v.optional(
    v.pipe(
      atomicListOf(seccompActionSchema),
      // Far more than there are actions. The rule below must not be too expensive for API servers.
      v.maxLength(64),
      v.description(
        'By which of SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_TRACE and SCMP_ACT_NOTIFY it may let them happen. All four by ' +
          'default. Without effect if allowedSyscalls is empty.',
      ),
    ),
  ),
};

interface AllowedSyscalls {
  readonly allowedSyscalls?: readonly string[] | undefined;
  readonly allowedSeccompActions?: readonly SeccompAction[] | undefined;
}

/** Returns the actions that refuse restricted actions which restrict nothing. */
export function allowedActionsRule<T extends AllowedSyscalls>() {
  return rule<T>({
    rule:
      '!has(self.allowedSyscalls) || self.allowedSyscalls.size() == 0 || !has(self.allowedSeccompActions) || ' +
      `self.allowedSeccompActions.all(action, action in ['${permissive.join("', '")}'])`,
    message: `allowedSeccompActions may have only ${permissive.join(', ')} if there are allowedSyscalls`,
    fieldPath: '.allowedSeccompActions',
    holds: ({ allowedSyscalls = [], allowedSeccompActions = [] }) =>
      allowedSyscalls.length === 0 || allowedSeccompActions.every((action) => permissive.includes(action)),
  });
}

/** Whether artifacts of base profiles need no signature. */
export const unsigned = v.pipe(v.boolean(), v.description('Whether base profiles from a registry need no signature.'));

const pattern = (what: string) =>
  v.optional(v.pipe(v.string(), v.description(`A regular expression for ${what}.`)), '.*');

const v1Schema = v.object({
  ...allowedSyscallsEntries,
  disableOciArtifactSignatureVerification: v.optional(unsigned, false),
  allowedIdentityRegexp: pattern('the identity that signed a base profile, an e-mail address or a URI'),
  allowedOidcIssuerRegexp: pattern('the OpenID Connect provider that confirmed the identity'),
});

/** `spec.security` in v1. */
export const securitySchema = v.pipe(v1Schema, ...allowedActionsRule<v.InferOutput<typeof v1Schema>>());

const olderSchema = v.object({
  ...allowedSyscallsEntries,
  disableOciArtifactSignatureVerification: v.optional(unsigned),
});

/** `spec.security` in the older version: without defaults, for a field before 1.0 may be set. */
export const olderSecuritySchema = v.pipe(olderSchema, ...allowedActionsRule<v.InferOutput<typeof olderSchema>>());
