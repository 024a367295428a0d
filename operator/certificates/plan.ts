import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { issueAuthority, issueServing, type Lifetime } from './issue.ts';
import type { KeyPair, Material } from './material.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** Durations in milliseconds. */
export interface Durations {
  /** For which an authority is valid. */
  readonly authority: number;
  /** For which a serving certificate is valid. */
  readonly serving: number;
  /** By which validity begins in the past, since clocks differ. */
  readonly backdated: number;
  /**
   * For which API servers trust an authority before it signs, and after its last certificate was
   * replaced.
   */
  readonly overlap: number;
  /** In which API servers take up a changed webhook configuration. */
  readonly takenUp: number;
}

export const defaultDurations: Durations = {
  authority: 365 * dayMs,
  serving: 90 * dayMs,
  backdated: dayMs,
  overlap: dayMs,
  takenUp: 5000,
};

/**
 * What is to be done about the certificates:
 * - `keep`: nothing.
 * - `create`: make an authority and a serving certificate, because the present ones cannot be used.
 * - `announce`: make the next authority, and have API servers trust it.
 * - `change`: let the next authority sign, because API servers trust it.
 * - `renew`: make another serving certificate.
 * - `trust`: correct which authorities are trusted.
 */
export type Step = 'keep' | 'create' | 'announce' | 'change' | 'renew' | 'trust';

export interface Situation {
  /** What the Secret holds; undefined if it holds nothing that can be used. */
  readonly material: Material | undefined;
  /**
   * Authorities that API servers may trust and replicas may still use, although the Secret does not
   * name them: it was deleted.
   */
  readonly remembered?: readonly string[];
  /** The names that the serving certificate must have. */
  readonly names: readonly string[];
  /** Whether all objects with our trust bundle have that of the material. */
  readonly isTrustInForce: boolean;
  readonly now: Date;
}

/**
 * Decides what to do about the certificates. Every step is one write of the Secret, and each leads
 * to a state from which the next one is decided, by whichever replica comes first. `keep` follows
 * after at most four steps.
 */
export function planCertificates(situation: Situation, durations = defaultDurations): Step {
  const { material, now, names } = situation;
  if (material === undefined) return 'create';
  const { issuer, next, serving } = material;
  const canChange = next !== undefined && isValid(next, now);
  if (!isValid(issuer, now)) return canChange ? 'change' : 'create';
  const remaining = remainingMs(issuer, now);
  if (remaining <= durations.authority / 3) {
    if (!canChange) return 'announce';
    if (situation.isTrustInForce && ageMs(next, now, durations) >= durations.overlap) return 'change';
  }
  if (!isValid(serving, now) || !hasNames(serving, names)) return 'renew';
  // It cannot be valid for longer than the authority.
  const renewable = Math.min(durations.serving, remaining) - remainingMs(serving, now);
  if (remainingMs(serving, now) <= durations.serving / 3 && renewable >= durations.serving / 3) return 'renew';
  return isSame(trustedOf(situation, durations), material.trusted) ? 'keep' : 'trust';
}

/** Returns what the Secret is to hold after a step. `keep` has none. */
export function carryOut(
  step: Exclude<Step, 'keep'>,
  situation: Situation,
  durations: Durations = defaultDurations,
): Material {
  const after = materialAfter(step, situation, durations);
  return { ...after, trusted: trustedOf({ ...situation, material: after }, durations) };
}

function materialAfter(step: Exclude<Step, 'keep'>, situation: Situation, durations: Durations): Material {
  const { material, now } = situation;
  const authorityFromNow = (): KeyPair => issueAuthority(lifetimeOf(now, durations.authority, durations));
  const signedBy = (issuer: KeyPair): Pick<Material, 'issuer' | 'serving'> => ({
    issuer,
    serving: issueServing(issuer, namesFor(situation), servingLifetime(issuer, now, durations)),
  });
  if (material === undefined || step === 'create') {
    const trusted = [...(material?.trusted ?? []), ...(situation.remembered ?? [])];
    return { ...signedBy(authorityFromNow()), trusted };
  }
  switch (step) {
    case 'announce':
      return { ...material, next: authorityFromNow() };
    case 'change':
      return { ...material, ...signedBy(material.next ?? authorityFromNow()), next: undefined };
    case 'renew':
      return { ...material, ...signedBy(material.issuer) };
    case 'trust':
      return material;
  }
}

/**
 * Returns which authorities are to be trusted: those that sign now or next, and for a while after
 * the serving certificate was made, all that may have signed the one before.
 */
function trustedOf({ material, now }: Situation, durations: Durations): string[] {
  if (material === undefined) return [];
  const { issuer, next, serving, trusted } = material;
  const signing = [issuer.certificate, ...(next === undefined ? [] : [next.certificate])];
  if (ageMs(serving, now, durations) >= durations.overlap) return signing;
  const others = trusted.filter((each) => !signing.includes(each) && isValid({ certificate: each }, now));
  return [...signing, ...new Set(others)];
}

/**
 * Returns the names of the next serving certificate: those of the last one too, since replicas of
 * another version or setting may need them.
 */
function namesFor({ material, names }: Situation): string[] {
  const before = material === undefined ? [] : namesOf(material.serving);
  return [...new Set([...names, ...before.slice(0, mostNames)])];
}

const mostNames = 20;

function namesOf({ certificate }: KeyPair): string[] {
  const alternatives = new X509Certificate(certificate).subjectAltName ?? '';
  return alternatives.split(', ').flatMap((each) => /^(?:DNS|IP Address):(.+)$/.exec(each)?.[1] ?? []);
}

function hasNames(serving: KeyPair, names: readonly string[]): boolean {
  const certificate = new X509Certificate(serving.certificate);
  return names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined);
}

function lifetimeOf(now: Date, duration: number, { backdated }: Durations): Lifetime {
  return { notBefore: new Date(now.getTime() - backdated), notAfter: new Date(now.getTime() + duration) };
}

function servingLifetime(issuer: KeyPair, now: Date, durations: Durations): Lifetime {
  const wanted = lifetimeOf(now, durations.serving, durations);
  const { validToDate } = new X509Certificate(issuer.certificate);
  return { ...wanted, notAfter: new Date(Math.min(wanted.notAfter.getTime(), validToDate.getTime())) };
}

/** Milliseconds since a certificate was made. */
function ageMs({ certificate }: KeyPair, now: Date, { backdated }: Durations): number {
  return now.getTime() - new X509Certificate(certificate).validFromDate.getTime() - backdated;
}

function remainingMs({ certificate }: Pick<KeyPair, 'certificate'>, now: Date): number {
  return new X509Certificate(certificate).validToDate.getTime() - now.getTime();
}

function isValid({ certificate }: Pick<KeyPair, 'certificate'>, now: Date): boolean {
  return new X509Certificate(certificate).validFromDate <= now && remainingMs({ certificate }, now) > 0;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}
