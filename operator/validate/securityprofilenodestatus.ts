import { isResourceName, resourceNameRule } from '#lib/profile/resource-name';
import { quote } from '#lib/text/quote';
import { securityProfileNodeStatusSchema } from '../api/securityprofilenodestatus/v1.ts';
import type { ValidationSettings } from './settings.ts';
import { structureOf } from './structure.ts';
import { refusing, type Verdict } from './verdict.ts';

/** Validates a SecurityProfileNodeStatus v1: its node can exist. */
export function validateSecurityProfileNodeStatus(object: unknown, _settings: ValidationSettings): Verdict {
  const structure = structureOf(securityProfileNodeStatusSchema, object);
  if ('violations' in structure) return refusing(structure.violations);
  const { nodeName } = structure.value.spec;
  if (isResourceName(nodeName)) return refusing([]);
  const problem = `${quote(nodeName, 64)} can be the name of no node`;
  return refusing([{ field: 'spec.nodeName', problem, fix: `Write ${resourceNameRule}.` }]);
}
