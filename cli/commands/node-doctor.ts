import type { Command } from 'commander';
import { nodeDefaults } from '#cri-shim/node-defaults';
import { adminOption } from '../node/admin-client.ts';
import type { NodeCheck, NodeParts } from '../node/check.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { GateClosed } from '../process/gate.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

/** `fairlead node doctor`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('check the node, also without a running shim')
    .description(
      'Check what the shim needs, also if it does not run: the shim itself, the endpoint of the kubelet, the runtime, the default ' +
        'profile of the runtime against what it reports, the policy, the state directory, the clock, AppArmor and SELinux. Each ' +
        'check states what was seen, and what to do.',
    )
    .option('--listen <socket>', 'socket of the shim for the kubelet', nodeDefaults.listen)
    .option('--runtime <socket>', 'socket of the container runtime', nodeDefaults.runtime)
    .option('--policy <file>', 'trust policy of the shim', nodeDefaults.policy)
    .option('--state <directory>', 'state directory of the shim', nodeDefaults.state)
    .option('--lsm <socket>', 'socket of `fairlead lsm`', nodeDefaults.lsm)
    .addHelpText(
      'after',
      examples([
        ['check a node', 'fairlead node doctor'],
        ['check a node with CRI-O', 'fairlead node doctor --runtime unix:///run/crio/crio.sock'],
      ]),
    )
    .addHelpText('after', exitCodes('no check failed', { gate: 'a check failed', InvalidInput: 'invalid request' }))
    .action(doctor);
}

async function doctor(options: Omit<NodeParts, 'root'> & OutputOptions): Promise<void> {
  const parts: NodeParts = { ...options, root: '/' };
  const [processes, files, kernel] = await Promise.all([
    import('../node/check-processes.ts'),
    import('../node/check-files.ts'),
    import('../node/check-kernel.ts'),
  ]);
  const checks = await Promise.all([
    processes.checkShim(parts),
    processes.checkKubelet(parts),
    processes.checkRuntime(parts),
    processes.checkBaseline(parts),
    files.checkPolicy(parts),
    files.checkState(parts),
    files.checkClock(parts),
    kernel.checkAppArmor(parts),
    kernel.checkSelinux(parts),
  ]);
  writeResult('node doctor', options.output, { json: () => ({ checks }), text: () => checksText(checks) });
  const failed = checks.filter(({ result }) => result === 'failed').map(({ name }) => name);
  if (failed.length > 0) throw new GateClosed(failed.join(', '));
}

function checksText(checks: readonly NodeCheck[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length)) + 3;
  return checks
    .map(({ name, result, seen, hint }) => {
      const line = `${result.padEnd(10)}${name.padEnd(width)}${oneLine(seen)}`;
      return hint === undefined ? line : `${line}\n${' '.repeat(10 + width)}${oneLine(hint)}`;
    })
    .join('\n');
}
