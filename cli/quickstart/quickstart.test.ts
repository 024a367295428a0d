import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { failed, launcher, run, runFairlead, succeeded } from '#test/support/cli/run';
import { isMissingProfile } from './container.ts';

describe('fairlead quickstart', () => {
  it('runs the whole path without server, root or network, and removes its files', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    try {
      const { code, stdout, stderr } = await runFairlead(['quickstart'], { env: { TMPDIR: temporary } });
      assert.equal(stderr, '');
      assert.equal(code, 0);
      const digest = /^ +reference +localhost\/security\/nginx@(sha256:[0-9a-f]{64})$/m.exec(stdout)?.[1];
      assert.ok(digest);
      assert.match(stdout, new RegExp(`resolved +localhost/security/nginx:1\\.27 is ${digest}`));
      assert.match(stdout, /effective +sha256:/);
      assert.match(
        stdout,
        /constrained +\d+ times by the runtime's default(.|\n)*clone: SCMP_ACT_ALLOW becomes .*SCMP_ACT_ERRNO/,
      );
      assert.match(stdout, /denied +\d+ of the \d+ system calls .*chmod/);
      assert.match(stdout, /refused .* is not signed/);
      assert.match(stdout, /refused .* does not allow Seccomp profiles from registry\.example\.com/);
      assert.equal(stdout.includes('\u001b'), false, 'NO_COLOR was set');
      assert.deepEqual(await readdir(temporary), []);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });

  it('reports a path that is not a directory, and a directory in use, before it starts', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    try {
      await writeFile(join(cwd, 'file'), '');
      for (const folder of ['file', 'file/x', 'file/x/y']) {
        const refused = await runFairlead(['quickstart', '--directory', folder], { cwd });
        failed(refused, 2, /file is not a directory/);
        assert.equal(refused.stdout, '');
        const served = ['serve', '--embedded', folder, '--pull', '127.0.0.1:0'];
        failed(await runFairlead(served, { cwd }), 2, /file is not a directory/);
      }
      await writeFile(join(cwd, 'policy.yaml'), '');
      const used = await runFairlead(['quickstart', '--directory', '.'], { cwd });
      failed(used, 9, /\. already contains policy\.yaml/);
      assert.match(used.stderr, /hint: Choose another directory/);
      assert.equal(used.stdout, '');
      assert.deepEqual((await readdir(cwd)).sort(), ['file', 'policy.yaml']);
    } finally {
      await rm(cwd, { recursive: true });
    }
  });

  it('accepts as proof only the error that the profile does not exist', () => {
    const file = '/var/lib/kubelet/seccomp/oci/localhost/security/nginx@sha256:ab';
    const isProof = (message: string) => isMissingProfile(new FairleadError('Unavailable', message), file);
    const containerd = `failed to generate spec: cannot load seccomp profile "${file}": open ${file}: no such file or directory`;
    assert.equal(isProof(`the container runtime refused CreateContainer: ${containerd}`), true);
    for (const other of [
      'the container runtime refused CreateContainer: failed to get image from containerd "nope": image not found',
      'the container runtime refused CreateContainer: open /run/other: no such file or directory',
      `the container runtime refused CreateContainer: cannot load seccomp profile "${file}": permission denied`,
    ])
      assert.equal(isProof(other), false, other);
  });

  it('prints commands that run in the directories that it names', async () => {
    const start = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    const shell = (line: string) =>
      run('sh', ['-c', `fairlead() { '${process.execPath}' '${launcher}' "$@"; }\n${line}`], { cwd: start });
    const commandsOf = (text: string) => [...text.matchAll(/^ {3}\$ (.*)$/gm)].map(([, line = '']) => line);
    try {
      const first = succeeded(await shell('fairlead quickstart'));
      const [above = '', next = ''] = first.split(/^6\. /m);
      const [kept = ''] = commandsOf(next);
      assert.match(next, /Keep the files and run the commands above on them, except keygen/);
      // The results in a directory with all files: published, pulled, published without a
      // signature, refused without a signature, refused by name.
      const lines = commandsOf(above).filter((line) => line !== 'fairlead keygen');
      assert.equal(lines.length, commandsOf(above).length - 1);
      const ran = succeeded(
        await shell(`${kept}\n${lines.map((line) => `${line} > /dev/null; echo "code $?"`).join('\n')}`),
      );
      assert.deepEqual(ran.match(/(?<=^code )\d+$/gm), ['0', '0', '0', '5', '4']);
      // The commands that it prints with --directory.
      const named = succeeded(await shell(`fairlead quickstart --directory "it's kept"`));
      const [enter = ''] = commandsOf(named.split(/^6\. /m)[1] ?? '');
      assert.match(succeeded(await shell(`${enter} && ls`)), /^fairlead\.key\n/);
      for (const line of commandsOf(next).filter((each) => each.endsWith('--help'))) succeeded(await shell(line));
    } finally {
      await rm(start, { recursive: true });
    }
  });
});
