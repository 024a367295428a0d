import type { RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { selinuxApiVersions } from './parse.ts';
import { renderStatement } from './render-cil.ts';
import { inheritedBlocks, rules } from './rules.ts';

/**
 * Writes a profile as SPO's resource, v1, in YAML: the form in which SPO keeps and publishes
 * profiles. The same profile always gives the same text.
 */
export function renderSelinuxResource(profile: SelinuxProfile | RawSelinuxProfile): string {
  const lines = [
    `apiVersion: ${selinuxApiVersions[0]}`,
    `kind: ${profile.kind === 'SELinux' ? 'SelinuxProfile' : 'RawSelinuxProfile'}`,
    'metadata:',
    `  name: ${scalar(profile.name)}`,
    'spec:',
    ...(profile.kind === 'SELinux' ? renderSpec(profile) : renderPolicy(profile)).map((line) => `  ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function renderPolicy(profile: RawSelinuxProfile): string[] {
  return ['policy: |', ...profile.policy.map((statement) => `  ${renderStatement(statement)}`)];
}

function renderSpec(profile: SelinuxProfile): string[] {
  const lines = [`mode: ${profile.mode}`, 'inherit:'];
  for (const { kind, name } of inheritedBlocks(profile)) lines.push(`  - kind: ${kind}`, `    name: ${scalar(name)}`);
  const allow = rules(profile);
  if (allow.size > 0) lines.push('allow:');
  for (const [target, classes] of allow) {
    lines.push(`  ${scalar(target)}:`);
    for (const [objectClass, permissions] of classes) {
      lines.push(`    ${scalar(objectClass)}: [${[...permissions].map(scalar).join(', ')}]`);
    }
  }
  return lines;
}

/**
 * YAML 1.1, which SPO reads, takes these words for something else than text; `@` may begin none.
 */
const words = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function scalar(text: string): string {
  return /^[A-Za-z][A-Za-z0-9._-]*$/.test(text) && !words.test(text) ? text : JSON.stringify(text);
}
