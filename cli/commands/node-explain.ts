import type { Command } from 'commander';
import type { PodExplanation } from '#cri-shim/admin/documents';
import { type AdminOptions, adminErrors, adminOption, askShim } from '../node/admin-client.ts';
import { explanationText } from '../node/explanation-text.ts';
import { withKernelLog } from '../node/with-kernel-log.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

interface ExplainOptions extends AdminOptions, OutputOptions {
  readonly namespace: string;
}

/** `fairlead node explain POD`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('show what the containers of a pod run under')
    .description(
      'Show what the sandbox and the containers of a pod on this node run under: the artifact, the rule that allowed it, the base ' +
        'profile, the mode, the effective profile, what was constrained, and what the runtime reports. For a profile with mode=log, ' +
        "count in the kernel's log what it would have refused. Then show what the shim refused for the pod, among its latest 20 refusals.",
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
  const found = await withKernelLog(await askShim<PodExplanation>(options, 'GET', `/v1/pods/${path}`));
  writeResult('node explain', options.output, { json: () => found, text: () => explanationText(found) });
}
