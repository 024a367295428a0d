import assert from 'node:assert/strict';
import { it } from 'node:test';
import { defaultSettings, type ValidationSettings } from '../../operator/validate/settings.ts';
import { validators } from '../../operator/validate/validators.ts';
import { describeViolation } from '../../operator/validate/verdict.ts';

const group = 'security-profiles-operator.x-k8s.io';

/** Returns an object of the group, v1. */
export function profileObject(kind: string, spec: unknown, name = 'nginx'): Record<string, unknown> {
  return { apiVersion: `${group}/v1`, kind, metadata: { name }, spec };
}

/** What a validation finds, as texts. */
export interface Found {
  readonly violations: readonly string[];
  readonly warnings: readonly string[];
}

/** Validates an object by the validation of its kind. */
export function validated(object: Record<string, unknown>, settings: ValidationSettings = defaultSettings): Found {
  const validator = validators.get(String(object['kind']));
  if (validator === undefined) throw new Error(`no validation of ${object['kind']}`);
  const { violations, warnings } = validator(object, settings);
  return {
    violations: violations.map(describeViolation),
    warnings: warnings.map(({ field, message }) => `${field}: ${message}`),
  };
}

/** What is good, what is bad, and what is said of the bad one. */
export interface Rule {
  readonly rule: string;
  readonly good: unknown;
  readonly bad: unknown;
  readonly says: RegExp;
  readonly names?: { readonly good: string; readonly bad: string };
  readonly settings?: ValidationSettings;
}

/** Tests each rule of a kind with a good and a bad object. */
export function holds(kind: string, rules: readonly Rule[]): void {
  for (const { rule, good, bad, says, names, settings = defaultSettings } of rules) {
    it(rule, () => {
      assert.deepEqual(validated(profileObject(kind, good, names?.good), settings).violations, []);
      const { violations } = validated(profileObject(kind, bad, names?.bad), settings);
      assert.ok(violations.length > 0, 'not refused');
      assert.match(violations.join('\n'), says);
    });
  }
}
