import type { Command } from 'commander';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { describeReleases, describeTables } from '#lib/profile/seccomp/tables/runtime-defaults/select-tables';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addContainerOptions, type ContainerOptions, hostOf } from '../options/profile-options.ts';
import { type LikeOptions, likeOption, loadTablesLike } from '../options/runtime-like.ts';
import { versioned, writeJson, writeNote } from '../terminal/output.ts';

/** `fairlead baseline`. */
export function define(command: Command): void {
  command
    .description(
      'Print the seccomp profile that a container runtime applies to a container with RuntimeDefault. It depends on the ' +
        'release of the runtime, the architecture, the kernel and the capabilities of the container. Nodes intersect ' +
        'every profile from a registry with it.',
    )
    .addOption(likeOption());
  addContainerOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['print the default profile of containerd', 'fairlead baseline > runtime-default.json'],
        ['print that of the newest release of containerd 2.1', 'fairlead baseline --like containerd@2.1'],
        [
          'print that of CRI-O, with a capability added, on arm64',
          'fairlead baseline --like cri-o@1.37 --capabilities default,SYS_ADMIN --architecture arm64',
        ],
        ['show what a profile permits beyond it', 'fairlead baseline | fairlead diff - nginx.json'],
      ]),
    )
    .action(baseline);
}

async function baseline({ output, ...options }: ContainerOptions & LikeOptions & OutputOptions): Promise<void> {
  const { tables, assumption } = await loadTablesLike(options.like);
  const host = hostOf(options);
  const content = renderSeccompJson(runtimeDefault(tables, host));
  if (assumption !== undefined) writeNote('note', assumption);
  if (output === 'json') {
    const runtime = {
      name: options.like.name,
      releases: describeReleases(tables),
      sources: tables.map((t) => t.source),
    };
    writeJson(versioned('baseline', { kind: 'Seccomp', form: 'runtime', runtime, ...host, content }));
    return;
  }
  if (assumption === undefined) writeNote('note', `default profile of ${describeTables(tables)}`);
  process.stdout.write(content);
}
