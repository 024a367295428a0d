import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { makeChosenDirectory } from '../files/chosen-directory.ts';
import { temporaryDirectory } from '../files/temporary-directory.ts';
import { examples } from '../options/options.ts';

interface QuickstartOptions {
  readonly directory?: string;
  readonly containerd?: string;
  readonly image?: string;
}

/** `fairlead quickstart`. */
export function define(command: Command): void {
  command
    .description(
      'Try the whole path on this machine: generate a key, publish a profile to a directory that acts as a registry, pull it ' +
        'under a trust policy, intersect it with the default profile of the runtime, and see two refusals. It needs no ' +
        'server, no root and no network.',
    )
    .option(
      '--directory <directory>',
      'keep the files in this directory (default: a temporary one, removed at the end)',
    )
    .option(
      '--containerd <socket>',
      'also run a container in this containerd, in which the kernel refuses chmod (needs root)',
    )
    .option('--image <reference>', 'image of that container, with sh and chmod (default: an image built from busybox)')
    .addHelpText(
      'after',
      examples([
        ['try the whole path', 'fairlead quickstart'],
        ['keep the files, to try the commands on them', 'fairlead quickstart --directory ./try'],
        ['run a container too', 'sudo fairlead quickstart --containerd /run/containerd/containerd.sock'],
      ]),
    )
    .action(quickstart);
}

async function quickstart({ directory: chosen, containerd, image }: QuickstartOptions): Promise<void> {
  const [{ Narrator }, { assertUnused, walkPath }, { showRefusals }] = await Promise.all([
    import('../quickstart/narrator.ts'),
    import('../quickstart/path.ts'),
    import('../quickstart/refusals.ts'),
  ]);
  const tell = new Narrator(process.stdout);
  const directory = chosen ?? (await temporaryDirectory('fairlead-quickstart-'));
  await makeChosenDirectory(directory);
  assertUnused(directory);
  try {
    tell.title('Fairlead: from a profile file to the filter that the kernel applies');
    tell.note(`Files: ${directory}${chosen === undefined ? ' (removed at the end)' : ''}`);
    const walk = await walkPath(directory, tell);
    await showRefusals(walk, tell);
    if (containerd !== undefined) {
      const { runContainer } = await import('../quickstart/container.ts');
      await runContainer(walk, { socket: containerd, image }, tell);
    }
    tellNext(tell, chosen, containerd);
  } finally {
    if (chosen === undefined) await rm(directory, { recursive: true, force: true });
  }
}

function tellNext(
  tell: { step(text: string): void; command(line: string): void; note(text: string): void },
  directory: string | undefined,
  containerd: string | undefined,
): void {
  tell.step('Next steps (in a checkout, run npx fairlead …)');
  if (directory === undefined) {
    tell.note('Keep the files and run the commands above on them, except keygen, because the key exists:');
    tell.command('fairlead quickstart --directory ./try && cd ./try');
  } else {
    tell.note('Run the commands above on the files, except keygen, because the key exists:');
    tell.command(`cd ${/^[\w./-]+$/.test(directory) ? directory : `'${directory.replaceAll("'", "'\\''")}'`}`);
  }
  if (containerd === undefined) {
    tell.note('Run a container in containerd, as root, and see the kernel refuse chmod:');
    tell.command('fairlead quickstart --containerd /run/containerd/containerd.sock');
  }
  tell.note('Publish to a registry, or over HTTP:');
  tell.command('fairlead push --help');
  tell.command('fairlead serve --help');
  tell.note('Run the shim on a node, between the kubelet and the container runtime:');
  tell.command('fairlead shim --help');
}
