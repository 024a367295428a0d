import type { Profile } from './profile.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from './seccomp/model.ts';

/**
 * Writes a profile as the bytes that a runtime reads: runtime-spec JSON in UTF-8, fields in the specification's order,
 * two spaces of indent, a newline at the end. The same profile always gives the same bytes.
 */
export function renderProfile(profile: Profile): Uint8Array {
  return new TextEncoder().encode(`${renderSeccomp(profile.seccomp)}\n`);
}

function renderSeccomp(profile: SeccompProfile): string {
  const fields = [
    field('defaultAction', JSON.stringify(profile.defaultAction)),
    field('defaultErrnoRet', profile.defaultErrnoRet?.toString()),
    field('architectures', profile.architectures && words(profile.architectures)),
    field('flags', profile.flags && words(profile.flags)),
    field('listenerPath', profile.listenerPath && JSON.stringify(profile.listenerPath)),
    field('listenerMetadata', profile.listenerMetadata && JSON.stringify(profile.listenerMetadata)),
    field('syscalls', profile.syscalls && list(profile.syscalls.map(renderRule), '  ')),
  ];
  return block(fields, '');
}

function renderRule(rule: SeccompRule): string {
  return block(
    [
      field('names', words(rule.names)),
      field('action', JSON.stringify(rule.action)),
      field('errnoRet', rule.errnoRet?.toString()),
      field('args', rule.args && list(rule.args.map(renderArg), '      ')),
    ],
    '    ',
  );
}

/** On one line; JSON has no bigint, so the digits are written as they are. */
function renderArg(arg: SeccompArg): string {
  const valueTwo = arg.valueTwo === undefined ? '' : `, "valueTwo": ${arg.valueTwo}`;
  return `{ "index": ${arg.index}, "value": ${arg.value}${valueTwo}, "op": ${JSON.stringify(arg.op)} }`;
}

function field(name: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `"${name}": ${value}`;
}

function block(fields: readonly (string | undefined)[], indent: string): string {
  const present = fields.filter((text) => text !== undefined);
  return `{\n${present.map((text) => `${indent}  ${text}`).join(',\n')}\n${indent}}`;
}

function list(items: readonly string[], indent: string): string {
  return items.length === 0 ? '[]' : `[\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}]`;
}

function words(items: readonly string[]): string {
  return `[${items.map((item) => JSON.stringify(item)).join(', ')}]`;
}
