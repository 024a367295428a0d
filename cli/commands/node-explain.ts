import type { Command } from 'commander';
import type { ExplainedContainer, PodExplanation } from '#cri-shim/admin/documents';
import { type AdminOptions, adminErrors, adminOption, askShim } from '../node/admin-client.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface ExplainOptions extends AdminOptions, OutputOptions {
  readonly namespace: string;
}

/** `fairlead node explain POD`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('show what the containers of a pod run under')
    .description(
      'Show what the sandbox and the containers of a pod on this node run under: the artifact, the rule that allowed it, the base ' +
        'profile, the mode, the effective profile, what was constrained, and what the runtime reports. Then show what the shim refused ' +
        'for the pod since it started.',
    )
    .argument('<pod>', 'namespace/name, or the name')
    .option('-n, --namespace <name>', 'namespace, if the pod is given by its name', 'default')
    .addHelpText('after', examples([['show what a pod runs under', 'fairlead node explain web/nginx-0']]))
    .addHelpText('after', exitCodes('explained', adminErrors))
    .action(explain);
}

async function explain(pod: string, options: ExplainOptions): Promise<void> {
  const name = pod.includes('/') ? pod : `${options.namespace}/${pod}`;
  const path = name.split('/').map(encodeURIComponent).join('/');
  const found = await askShim<PodExplanation>(options, 'GET', `/v1/pods/${path}`);
  writeResult('node explain', options.output, { json: () => found, text: () => explanationText(found) });
}

function explanationText({ containers, refusals }: PodExplanation): string {
  return [...containers.map(containerText), ...refusals.map(refusalText)].join('\n\n');
}

function refusalText({ time, message }: PodExplanation['refusals'][number]): string {
  return `refused  ${time}\n  ${'reason'.padEnd(13)}${oneLine(message)}`;
}

function containerText({ name, id, state, artifacts, appArmor, applied, runtime }: ExplainedContainer): string {
  const title = name === undefined ? `sandbox ${id}` : `container ${name} (${state}, ${id})`;
  const lines = [
    ...applied.flatMap((record) => [
      ['artifact', `${record.kind} ${record.reference}`],
      ['allowed by', record.rule],
      ['signed by', record.signers.join(', ') || 'none: the rule requires no signature'],
      ['base', record.base ?? 'none'],
      ['mode', record.mode ?? 'Enforce'],
      ['effective', record.installed ?? 'resolved by the runtime'],
      ['constrained', constrainedText(record.constrained)],
    ]),
    ...(applied.length > 0
      ? []
      : artifacts.map((digest) => ['artifact', `${digest}, applied by an older release: more is not known`])),
    ...(appArmor === undefined || applied.some(({ installed }) => installed === appArmor)
      ? []
      : [['AppArmor', appArmor]]),
    ...(artifacts.length === 0 && applied.length === 0 ? [['artifact', 'none']] : []),
    ...(runtime.seccomp === undefined ? [] : [['runtime', `seccomp: ${runtime.seccomp}`]]),
    ...(runtime.appArmor === undefined ? [] : [['runtime', `AppArmor: ${runtime.appArmor}`]]),
  ];
  const rows = lines.map(([label = '', value = '']) => `  ${label.padEnd(13)}${oneLine(value)}`);
  return [title, ...rows].join('\n');
}

function constrainedText(constrained: Readonly<Record<string, number>>): string {
  const parts = Object.entries(constrained).map(([input, count]) => `${count} by ${input}`);
  return parts.length === 0 ? 'nothing' : `dimensions: ${parts.join(', ')}`;
}
