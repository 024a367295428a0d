import { FairleadError } from '#lib/errors';
import { isResourceName, resourceNameRule } from '#lib/profile/resource-name';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { loadViolations } from '#lib/profile/seccomp/read/load-violations';
import { portabilityViolations } from '#lib/profile/seccomp/read/portability-violations';
import { parseReference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import { seccompProfileSchema } from '../api/seccompprofile/v1.ts';
import { fieldOf } from './field.ts';
import { lintWarnings } from './lint-warnings.ts';
import { readProfileObject, violationFrom } from './read-object.ts';
import { allowanceViolations } from './seccomp-allowance.ts';
import { validateNotify } from './seccomp-notify.ts';
import type { ValidationSettings } from './settings.ts';
import { joinVerdicts, refusing, type Verdict, type Violation, type Warning } from './verdict.ts';

const artifact = 'oci://';

/**
 * Validates a SeccompProfile v1 by itself. Whether its base profile exists, and what the two allow
 * together, is validated by the controller ({@link validateSeccomp}).
 */
export function validateSeccompProfile(object: unknown, settings: ValidationSettings): Verdict {
  const reading = readProfileObject(seccompProfileSchema, object);
  if ('violations' in reading) return refusing(reading.violations);
  const { profile, baseProfileName } = reading;
  if (!('seccomp' in profile))
    return refusing([{ field: 'kind', problem: 'is not SeccompProfile', fix: 'Correct it.' }]);
  const based = baseProfileName !== undefined;
  // What a base profile adds is not known here.
  const counts = ({ code }: { readonly code: string }) => !based || code !== 'missing-runtime-syscalls';
  return joinVerdicts(
    based ? validateBase(baseProfileName, profile.name) : refusing([]),
    validateSeccomp(profile.seccomp, settings),
    { violations: [], warnings: lintWarnings(profile, counts) },
  );
}

/** Validates what a seccomp profile means: as it is written, or with what its base profile adds. */
export function validateSeccomp(profile: SeccompProfile, settings: ValidationSettings): Verdict {
  const refused = loadViolations(profile).map(({ pointer, message }): Violation => {
    return {
      field: fieldOf(`/spec${pointer}`),
      problem: message,
      fix: 'No container would start with it; correct it.',
    };
  });
  const places = new Set(refused.map(({ field }) => field));
  const warnings = portabilityViolations(profile)
    .map(
      ({ pointer, message }): Warning => ({
        field: fieldOf(`/spec${pointer}`),
        message: `some runtimes refuse it: ${message}`,
      }),
    )
    .filter(({ field }) => !places.has(field));
  return joinVerdicts(validateNotify(profile), {
    violations: [...refused, ...allowanceViolations(profile, settings.seccomp)],
    warnings,
  });
}

function validateBase(base: string, name: string | undefined): Verdict {
  const field = 'spec.baseProfileName';
  const refuse = (problem: string, fix: string) => refusing([{ field, problem, fix }]);
  if (base.startsWith(artifact)) return validateArtifact(field, base.slice(artifact.length));
  if (base === name)
    return refuse(`${quote(base)} is the profile itself`, 'Name another SeccompProfile, or remove the field.');
  if (isResourceName(base)) return refusing([]);
  const fix = `Write ${resourceNameRule}; or ${artifact} and the reference of an artifact.`;
  return refuse(`${quote(base)} can be the name of no SeccompProfile`, fix);
}

function validateArtifact(field: string, reference: string): Verdict {
  try {
    const { digest } = parseReference(reference);
    if (digest !== undefined) return refusing([]);
    const message = 'a tag can be moved to other content; write REFERENCE@sha256:… to keep what was reviewed';
    return { violations: [], warnings: [{ field, message }] };
  } catch (thrown) {
    if (!(thrown instanceof FairleadError)) throw thrown;
    return refusing([violationFrom(thrown, field)]);
  }
}
