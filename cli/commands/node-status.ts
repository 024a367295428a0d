import type { Command } from 'commander';
import type { NodeStatus } from '#cri-shim/admin/documents';
import { textTable } from '../cluster/text-table.ts';
import { type AdminOptions, adminErrors, adminOption, askShim } from '../node/admin-client.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

/** `fairlead node status`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('show whether the shim works')
    .description(
      'Show the version of the shim, whether it is ready, the runtime, the policy in force, what the store holds, and the calls ' +
        'that were refused lately.',
    )
    .addHelpText('after', examples([['show whether the shim works', 'fairlead node status']]))
    .addHelpText('after', exitCodes('answered', adminErrors))
    .action(status);
}

async function status(options: AdminOptions & OutputOptions): Promise<void> {
  const found = await askShim<NodeStatus>(options, 'GET', '/v1/status');
  writeResult('node status', options.output, { json: () => found, text: () => statusText(found) });
}

function statusText({ checks, runtime, ociProfiles, policy, store, refusals, ...shim }: NodeStatus): string {
  const failing = checks.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]));
  const rows = [
    ['shim', [shim.version, ...(shim.commit === undefined ? [] : [shim.commit])].join(', ')],
    ['up', `${duration(shim.uptimeSeconds)}, since ${shim.startedAt}`],
    ['ready', failing.length === 0 ? 'yes' : `no: ${failing.join('; ')}`],
    ['runtime', runtimeText(runtime)],
    ['type OCI', resolutionText(ociProfiles)],
    ['policy', `${policy.source}, ${policy.rules === 1 ? '1 rule' : `${policy.rules} rules`}, ${policy.revision}`],
    ...(policy.problem === undefined ? [] : [['', `not the one in the files: ${policy.problem}`]]),
    ['store', `${store.artifacts} artifacts, ${bytes(store.bytes)}, ${store.directory}`],
  ] as const;
  const head = rows.map(([name = '', value = '']) => `${name.padEnd(9)}${oneLine(value)}`).join('\n');
  if (refusals.length === 0) return `${head}\n\nno call was refused`;
  const refused = textTable(
    ['REFUSED', 'POD', 'CONTAINER', 'REASON'],
    refusals.map(({ time, pod = '', container = '', message }) => [time, pod, container, message]),
  );
  return `${head}\n\n${refused}`;
}

function duration(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600), Math.floor(seconds / 60)];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function bytes(count: number): string {
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

function resolutionText({ resolvedBy, reason }: NodeStatus['ociProfiles']): string {
  const who = resolvedBy === undefined ? 'not known' : `resolved by the ${resolvedBy}`;
  return reason === undefined ? who : `${who}: ${reason}`;
}

function runtimeText({ name = 'not known', version = '', socket }: NodeStatus['runtime']): string {
  return `${[name, version].filter((part) => part !== '').join(' ')}, ${socket}`;
}
