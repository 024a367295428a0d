import { FairleadError } from '#lib/errors';
import type { ProfileKind } from '#lib/profile/profile';
import { formatReference, formatRepository, type Reference } from '#lib/registry/reference';
import { matchesRepository, matchesSegment } from '#lib/trust/policy/match';
import { type Caller, describeCaller } from './caller.ts';
import { matchesClaim } from './claim-pattern.ts';

/** What a caller may do: publish a profile, or read one. */
export type Verb = 'publish' | 'read';

/** The callers that a rule applies to. */
export type RuleCallers =
  | { readonly who: 'anyone' }
  | { readonly who: 'token' }
  | {
      readonly who: 'identity';
      readonly issuer: string;
      /** Patterns (claim-pattern.ts). */
      readonly subject?: string;
      readonly claims: Readonly<Record<string, string>>;
    };

/** A rule: who may do what, where. */
export interface AuthorizationRule {
  readonly callers: RuleCallers;
  readonly verbs: readonly Verb[];
  /** Globs over `registry/repository` (lib/trust/policy/match.ts). */
  readonly repositories: readonly string[];
  /** Patterns of tags, with `*`. Without them, every tag, and references without a tag. */
  readonly tags?: readonly string[];
  readonly kinds?: readonly ProfileKind[];
}

/** An issuer of tokens that the service trusts. */
export interface TrustedIssuer {
  /** Exactly as in the `iss` claim. */
  readonly issuer: string;
  /** Where its documents are read; by default at the issuer itself. */
  readonly url?: string;
  /** File with the certificates of authorities (PEM) for it, besides those of the system. */
  readonly certificateAuthority?: string;
  /** File with the bearer token for its documents. */
  readonly tokenFile?: string;
}

/** Who may do what at the services. Nothing is allowed without a rule. */
export interface Authorization {
  /** Its file, as messages name it. */
  readonly source: string;
  readonly issuers: readonly TrustedIssuer[];
  readonly rules: readonly AuthorizationRule[];
}

/** Without a file: the holder of the token may publish, and anyone may read. */
export const defaultAuthorization: Authorization = {
  source: 'the default authorization',
  issuers: [],
  rules: [
    { callers: { who: 'token' }, verbs: ['publish'], repositories: ['**'] },
    { callers: { who: 'anyone' }, verbs: ['read'], repositories: ['**'] },
  ],
};

/** What a caller wants to do. */
export interface Access {
  readonly verb: Verb;
  /** The repository, and the tag if the caller names one. */
  readonly reference: Pick<Reference, 'registry' | 'repository' | 'tag'>;
  /**
   * The kind of the profile. `unread` if it is not known yet: a rule for some kinds applies then,
   * and the caller must be authorized again with the kind. Absent if it will not be known: such a
   * rule does not apply.
   */
  readonly kind?: ProfileKind | 'unread' | undefined;
}

/** Returns whether a rule allows a caller to do something. */
export function isAuthorized({ rules }: Authorization, caller: Caller, access: Access): boolean {
  return rules.some((rule) => isFor(rule, access) && isOf(rule.callers, caller));
}

/**
 * Verifies that a rule allows a caller to do something. Throws NotAllowed, and Unauthenticated if
 * the caller has not proved who it is.
 */
export function authorizeCaller(authorization: Authorization, caller: Caller, access: Access): void {
  if (isAuthorized(authorization, caller, access)) return;
  const { verb, reference, kind } = access;
  const name = reference.tag === undefined ? formatRepository(reference) : formatReference(reference);
  const profile = kind === undefined || kind === 'unread' ? '' : ` a profile of the kind ${kind}`;
  const what = verb === 'publish' ? `publish${profile} to ${name}` : `read${profile}${profile && ' from'} ${name}`;
  throw denied(caller, what);
}

/**
 * Verifies that some rule allows a caller something of this kind, before it is known what: the
 * request need not be read otherwise. Throws as authorizeCaller.
 */
export function authorizeAnywhere({ rules }: Authorization, caller: Caller, verb: Verb): void {
  if (rules.some(({ verbs, callers }) => verbs.includes(verb) && isOf(callers, caller))) return;
  throw denied(caller, verb);
}

function denied(caller: Caller, what: string): FairleadError {
  if (caller.method === 'anonymous') {
    return new FairleadError('Unauthenticated', `anonymous callers may not ${what}`, {
      hint: 'Send Authorization: Bearer TOKEN.',
    });
  }
  return new FairleadError('NotAllowed', `no rule allows ${describeCaller(caller)} to ${what}`, {
    hint: 'The rules are in the authorization file of the service (`authorization`).',
  });
}

function isFor({ verbs, repositories, tags, kinds }: AuthorizationRule, { verb, reference, kind }: Access): boolean {
  if (!verbs.includes(verb)) return false;
  if (kinds !== undefined && kind !== 'unread' && (kind === undefined || !kinds.includes(kind))) return false;
  const { tag } = reference;
  if (tags !== undefined && (tag === undefined || !tags.some((pattern) => matchesSegment(pattern, tag)))) return false;
  const repository = formatRepository(reference);
  return repositories.some((glob) => matchesRepository(glob, repository));
}

function isOf(callers: RuleCallers, caller: Caller): boolean {
  if (callers.who === 'anyone') return true;
  if (callers.who === 'token') return caller.method === 'token';
  if (caller.method !== 'oidc' || caller.issuer !== callers.issuer) return false;
  if (callers.subject !== undefined && !matchesClaim(callers.subject, caller.subject)) return false;
  return Object.entries(callers.claims).every(([name, pattern]) => {
    const given = Object.hasOwn(caller.claims, name) ? caller.claims[name] : undefined;
    if (given === undefined) return false;
    return (typeof given === 'string' ? [given] : given).some((value) => matchesClaim(pattern, value));
  });
}
