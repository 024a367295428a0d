import { isKnownSyscall } from '#lib/profile/seccomp/tables/syscall-names';
import { plainNameProblem, typeNameProblem } from '#lib/profile/selinux/names';
import { quote } from '#lib/text/quote';
import {
  type SecurityProfilesOperatorDaemon,
  securityProfilesOperatorDaemonSchema,
} from '../api/securityprofilesoperatordaemon/v1.ts';
import { validateFilters } from './enricher-filters.ts';
import { patternFault } from './identity-pattern.ts';
import { warnOfSettings } from './not-supported.ts';
import { resourceViolations } from './resource-requirements.ts';
import type { ValidationSettings } from './settings.ts';
import { structureOf } from './structure.ts';
import { joinVerdicts, refusing, type Verdict, type Violation, type Warning } from './verdict.ts';
import { validateWebhookOptions } from './webhook-options.ts';

type Spec = NonNullable<SecurityProfilesOperatorDaemon['spec']>;
type Part<Name extends keyof Spec> = NonNullable<Spec[Name]>;

/** Validates a SecurityProfilesOperatorDaemon v1, which has the settings of all validations. */
export function validateSecurityProfilesOperatorDaemon(object: unknown, _settings?: ValidationSettings): Verdict {
  const structure = structureOf(securityProfilesOperatorDaemonSchema, object);
  if ('violations' in structure) return refusing(structure.violations);
  const { spec } = structure.value;
  const { enricher, security, selinux, webhook, daemonResourceRequirements } = spec ?? {};
  return joinVerdicts(
    security === undefined ? refusing([]) : validateSecurity(security),
    selinux === undefined ? refusing([]) : validateSelinux(selinux),
    enricher === undefined ? refusing([]) : validateEnricher(enricher),
    validateWebhookOptions(webhook?.options ?? []),
    refusing(resourceViolations('spec.daemonResourceRequirements', daemonResourceRequirements ?? {})),
    { violations: [], warnings: warnOfSettings(spec) },
  );
}

function validateSecurity(security: Part<'security'>): Verdict {
  const violations: Violation[] = [];
  const warnings: Warning[] = [];
  for (const name of ['allowedIdentityRegexp', 'allowedOidcIssuerRegexp'] as const) {
    const field = `spec.security.${name}`;
    const fault = patternFault(security[name]);
    if (fault !== undefined) violations.push({ field, ...fault });
  }
  for (const [index, name] of (security.allowedSyscalls ?? []).entries()) {
    if (isKnownSyscall(name, [])) continue;
    const message = `${quote(name, 64)} is a syscall of no architecture`;
    warnings.push({ field: `spec.security.allowedSyscalls[${index}]`, message });
  }
  return { violations, warnings };
}

function validateSelinux({ typeTag, options }: Part<'selinux'>): Verdict {
  const violations: Violation[] = [];
  const warnings: Warning[] = [];
  const problem = typeNameProblem(typeTag);
  if (problem !== undefined) {
    const fix = 'Write the name of a type, such as spc_t.';
    violations.push({ field: 'spec.selinux.typeTag', problem: `${quote(typeTag, 64)} ${problem}`, fix });
  }
  for (const [list, names] of Object.entries(options)) {
    const isType = list.endsWith('Types');
    for (const [index, name] of (names ?? []).entries()) {
      const fault = isType ? typeNameProblem(name) : plainNameProblem(name);
      if (fault === undefined) continue;
      violations.push({
        field: `spec.selinux.options.${list}[${index}]`,
        problem: `${quote(name, 64)} ${fault}`,
        fix: 'Correct the name, or remove it.',
      });
    }
  }
  for (const what of ['Types', 'Classes', 'Permissions'] as const) {
    const denied = new Set(options[`denied${what}`]);
    for (const [index, name] of (options[`allowed${what}`] ?? []).entries()) {
      if (!denied.has(name)) continue;
      const message = `${name} is in denied${what} too, which decides`;
      warnings.push({ field: `spec.selinux.options.allowed${what}[${index}]`, message });
    }
  }
  return { violations, warnings };
}

function validateEnricher(enricher: Part<'enricher'>): Verdict {
  const { logEnricherFilters = '', jsonEnricherFilters = '', jsonEnricherOptions } = enricher;
  const path = jsonEnricherOptions?.auditLogPath ?? '';
  const isPlain = path === '' || (path.startsWith('/') && !path.split('/').includes('..') && !/\p{C}/u.test(path));
  const wrongPath: Violation = {
    field: 'spec.enricher.jsonEnricherOptions.auditLogPath',
    problem: `${quote(path, 64)} is not the absolute path of a file`,
    fix: 'Write a path that begins with "/" and has no "..", such as /var/log/audit-json/audit.log.',
  };
  return joinVerdicts(
    validateFilters('spec.enricher.logEnricherFilters', logEnricherFilters, 'log'),
    validateFilters('spec.enricher.jsonEnricherFilters', jsonEnricherFilters, 'json'),
    refusing(isPlain ? [] : [wrongPath]),
  );
}
