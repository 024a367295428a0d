import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';

/** Which architectures hold on one machine, as profiles of Docker and Podman list them. */
export interface MachineEntry {
  readonly architecture: string;
  readonly subArchitectures: readonly string[];
}

/**
 * Writes a profile as runtime-spec JSON: fields in the specification's order, two spaces of indent, a newline at the
 * end. The same profile always gives the same text.
 *
 * @param archMap a field of Docker and Podman, in place of `architectures`.
 */
export function renderSeccompJson(profile: SeccompProfile, archMap?: readonly MachineEntry[]): string {
  return `${renderSeccomp(profile, archMap)}\n`;
}

function renderSeccomp(profile: SeccompProfile, archMap: readonly MachineEntry[] | undefined): string {
  const fields = [
    field('defaultAction', JSON.stringify(profile.defaultAction)),
    field('defaultErrnoRet', profile.defaultErrnoRet?.toString()),
    field('architectures', profile.architectures && words(profile.architectures)),
    field('archMap', archMap && list(archMap.map(renderMachine), '  ')),
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

function renderMachine({ architecture, subArchitectures }: MachineEntry): string {
  return `{ "architecture": ${JSON.stringify(architecture)}, "subArchitectures": ${words(subArchitectures)} }`;
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
