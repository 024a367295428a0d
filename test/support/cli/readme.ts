import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const readme = new URL('../../../README.md', import.meta.url);

/** What README tells a publisher to do. */
export interface ReadmeSteps {
  /** The commands of Fairlead: keygen, push, verify. */
  readonly commands: readonly string[];
  /** The policy for a node that accepts what they publish. */
  readonly policy: string;
  /** The reference in both. */
  readonly reference: string;
}

/** Reads the steps from README. */
export function readmeSteps(): ReadmeSteps {
  const text = readFileSync(readme, 'utf8');
  const [, section = ''] = /^## Publish from CI$(.*?)^## /ms.exec(text) ?? [];
  assert.match(section, / && cp examples\/nginx\.json ~\/publish && /);
  const commands = Array.from(section.matchAll(/^(fairlead .*?) *(?:#.*)?$/gm), ([, line = '']) => line);
  assert.deepEqual(
    commands.map((line) => line.split(' ')[1]),
    ['keygen', 'push', 'verify'],
  );
  const [policy = ''] = /^apiVersion: fairlead\.dev\/v1\nkind: TrustPolicy\n.*?(?=```)/ms.exec(text) ?? [];
  return { commands, policy, reference: 'registry.example.com/security/nginx:1.27' };
}
