import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { makeChosenDirectory } from '../files/chosen-directory.ts';
import { examples } from '../options/options.ts';

interface QuickstartOptions {
  readonly folder?: string;
  readonly containerd?: string;
  readonly image?: string;
}

/** `fairlead quickstart`. */
export function define(command: Command): void {
  command
    .description(
      'Walk the whole path on this machine: make a key, publish a profile into a registry in a folder, pull it back under a ' +
        "trust policy, intersect it with the runtime's default, and see two refusals. It needs no server, no root, no network.",
    )
    .option('--folder <path>', 'keep the files here; otherwise they are in a temporary folder and removed at the end')
    .option(
      '--containerd <socket>',
      'go on to a real container of this containerd, whose chmod the kernel refuses (root)',
    )
    .option(
      '--image <reference>',
      'the image of that container, with sh and chmod in it; otherwise one is made of busybox',
    )
    .addHelpText(
      'after',
      examples([
        ['the walk', 'fairlead quickstart'],
        ['to try the commands on what it made', 'fairlead quickstart --folder ./try'],
        ['with a real container', 'sudo fairlead quickstart --containerd /run/containerd/containerd.sock'],
      ]),
    )
    .action(quickstart);
}

async function quickstart({ folder: chosen, containerd, image }: QuickstartOptions): Promise<void> {
  const [{ narrateOn }, { assertUnused, walkPath }, { showRefusals }] = await Promise.all([
    import('../quickstart/narrator.ts'),
    import('../quickstart/path.ts'),
    import('../quickstart/refusals.ts'),
  ]);
  const tell = narrateOn(process.stdout);
  const folder = chosen ?? (await mkdtemp(join(tmpdir(), 'fairlead-quickstart-')));
  await makeChosenDirectory(folder);
  assertUnused(folder);
  try {
    tell.title('Fairlead: a signed profile, from a file to what the kernel gets');
    tell.note(`The files are in ${folder}${chosen === undefined ? ', which is removed at the end' : ''}.`);
    const walk = await walkPath(folder, tell);
    await showRefusals(walk, tell);
    if (containerd !== undefined) {
      const { runContainer } = await import('../quickstart/container.ts');
      await runContainer(walk, { socket: containerd, image }, tell);
    }
    tellNext(tell, chosen, containerd);
  } finally {
    if (chosen === undefined) await rm(folder, { recursive: true, force: true });
  }
}

function tellNext(
  tell: { step(text: string): void; command(line: string): void; note(text: string): void },
  folder: string | undefined,
  containerd: string | undefined,
): void {
  tell.step('What to try next (in a checkout: npx fairlead …)');
  if (folder === undefined) {
    tell.note('Keep the files, and run the commands above on them, all but keygen, whose key is there:');
    tell.command('fairlead quickstart --folder ./try && cd ./try');
  } else {
    tell.note('Run the commands above on the files, all but keygen, whose key is there:');
    tell.command(`cd ${/^[\w./-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`}`);
  }
  if (containerd === undefined) {
    tell.note('As root beside a containerd, see the kernel refuse a chmod:');
    tell.command('fairlead quickstart --containerd /run/containerd/containerd.sock');
  }
  tell.note('Publish to a real registry, and by HTTP:');
  tell.command('fairlead push --help');
  tell.command('fairlead serve --help');
  tell.note('On a node, between kubelet and runtime:');
  tell.command('fairlead shim --help');
}
